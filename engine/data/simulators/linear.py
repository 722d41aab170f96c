"""Linear Gaussian data, with and without latent confounders."""

from dataclasses import dataclass

import numpy as np

from engine.core import Dataset, Params, UserError, field
from engine.data.simulators.structure import linear, names, random_order_and_arrows, random_weights, table, weighted_graph
from engine.graphs import mag_of


@dataclass(frozen=True)
class GaussianParams(Params):
    """A random DAG with linear Gaussian conditionals."""

    p: int = field(10, "Variables", low=2, high=1_000)
    n: int = field(10_000, "Samples", low=10, high=1_000_000, log=True, paper=10_000)
    degree: float = field(2.0, "Neighbours per variable", low=0.0, high=20.0, step=0.5, help="Expected number of edges at each variable.")
    low: float = field(0.25, "Smallest weight", low=0.0, high=5.0, paper=0.25, advanced=True)
    high: float = field(1.0, "Largest weight", low=0.01, high=5.0, paper=1.0, advanced=True)
    noise: float = field(1.0, "Noise SD", low=0.001, high=100.0, log=True, paper=1.0, advanced=True)
    standardise: bool = field(
        False, "Standardise", help="On the raw scale variances grow along the causal order, which makes the order easy to guess."
    )


@dataclass(frozen=True)
class LatentParams(Params):
    """A random linear Gaussian DAG of which some variables are not measured."""

    p: int = field(10, "Measured variables", low=2, high=200, paper=10)
    latent: int = field(3, "Hidden variables", low=0, high=50, paper=3)
    n: int = field(1_000, "Samples", low=10, high=1_000_000, log=True, paper=1_000)
    degree: float = field(3.0, "Neighbours per variable", low=0.0, high=20.0, step=0.5, paper=3.0, help="The hidden ones count.")
    low: float = field(0.25, "Smallest weight", low=0.0, high=5.0, paper=0.25, advanced=True)
    high: float = field(1.0, "Largest weight", low=0.01, high=5.0, paper=1.0, advanced=True)
    standardise: bool = field(False, "Standardise")


def gaussian(params: GaussianParams) -> Dataset:
    """Draw from a linear Gaussian structural model on a random DAG.

    Notes
    -----
    Random order; each pair is joined with probability degree / (p - 1); weights uniform on +-[low, high]; x_j = sum_i w_ij x_i + noise.
    """
    rng = np.random.default_rng(params.seed)
    order, arrows = random_order_and_arrows(params.p, params.degree, rng)
    weights = random_weights(arrows, params.low, params.high, rng)
    values = linear(weights, params.noise * rng.standard_normal((params.n, params.p)), order)
    truth = {"graph": weighted_graph(weights).to_dict(), "standardised": params.standardise}
    return Dataset(table(values, params.standardise), f"linear Gaussian, p={params.p}", truth=truth)


def latent(params: LatentParams) -> Dataset:
    """Draw from a linear Gaussian DAG on p + hidden variables and keep the p measured ones.

    Notes
    -----
    Pairs are joined with probability degree / (p + hidden - 1). ``truth["graph"]`` is the MAG on the measured variables, ``truth["dag"]``
    the whole DAG, whose hidden variables are H1, H2, ...
    """
    rng = np.random.default_rng(params.seed)
    total = params.p + params.latent
    order, arrows = random_order_and_arrows(total, params.degree, rng)
    weights = random_weights(arrows, params.low, params.high, rng)
    values = linear(weights, rng.standard_normal((params.n, total)), order)[:, : params.p]
    hidden = tuple(f"H{i + 1}" for i in range(params.latent))
    dag = weighted_graph(weights).relabel(dict(zip(names(total)[params.p :], hidden, strict=True)))
    if params.latent and not params.degree:
        raise UserError("Hidden variables without edges confound nothing.", "Raise the neighbours per variable.", "degree")
    truth = {
        "graph": mag_of(dag, hidden).to_dict(), "dag": dag.to_dict(), "latent": list(hidden), "standardised": params.standardise,
    }  # fmt: skip
    return Dataset(table(values, params.standardise), f"{params.latent} hidden of {total} variables", truth=truth)
