"""Discrete data from a bundled network, or from random probability tables."""

from dataclasses import dataclass

import numpy as np

from engine.core import Dataset, Params, field
from engine.data.bif import Network, network, network_names
from engine.data.simulators.structure import names, random_order_and_arrows


@dataclass(frozen=True)
class DiscreteParams(Params):
    """A bundled network, or a random DAG with random tables."""

    network: str = field("asia", "Network", choices=(*network_names(), "random"), help="'random' draws a DAG and its tables.")
    n: int = field(5_000, "Samples", low=10, high=1_000_000, log=True)
    p: int = field(10, "Variables", low=2, high=200, help="Of a random network.", advanced=True)
    degree: float = field(2.0, "Neighbours per variable", low=0.0, high=6.0, step=0.5, help="Of a random network.", advanced=True)
    levels: int = field(3, "States per variable", low=2, high=10, help="Of a random network.", advanced=True)
    concentration: float = field(
        0.5, "Evenness of the tables", low=0.05, high=20.0, log=True, help="Dirichlet parameter: small gives strong effects.", advanced=True
    )


def discrete(params: DiscreteParams) -> Dataset:
    """Draw categories by forward sampling from a Bayesian network."""
    rng = np.random.default_rng(params.seed)
    drawn = random_network(params, rng) if params.network == "random" else network(params.network)
    return Dataset(drawn.sample(params.n, rng), f"{drawn.name} network", truth={"graph": drawn.graph.to_dict()})


def random_network(params: DiscreteParams, rng: np.random.Generator) -> Network:
    """Draw a DAG with at most 6 parents per variable and a Dirichlet row for every state of the parents."""
    _, arrows = random_order_and_arrows(params.p, params.degree, rng)
    nodes = names(params.p)
    states = tuple(f"s{i + 1}" for i in range(params.levels))
    parents, tables = {}, {}
    for j, name in enumerate(nodes):
        most = int(np.log(1e5) / np.log(params.levels)) - 1  # keeps a table below 100,000 cells
        causes = rng.permutation(np.flatnonzero(arrows[:, j]))[: min(6, most)]
        parents[name] = tuple(nodes[i] for i in sorted(causes))
        tables[name] = rng.dirichlet([params.concentration] * params.levels, size=[params.levels] * len(causes))
    return Network("random", dict.fromkeys(nodes, states), parents, tables)
