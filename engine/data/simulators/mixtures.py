"""Mixtures: samples from several linear Gaussian DAGs whose label is hidden."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core import Dataset, Params, UserError, field
from engine.data.simulators.structure import Floats, linear, names, random_order_and_arrows, random_weights, table
from engine.graphs import Graph

UNEQUAL = {2: (0.8, 0.2), 3: (0.6, 0.25, 0.15)}


@dataclass(frozen=True)
class MixtureParams(Params):
    """K populations that differ at some variables."""

    p: int = field(10, "Variables", low=2, high=100)
    k: int = field(2, "Populations", low=2, high=6)
    n: int = field(5_000, "Samples", low=20, high=1_000_000, log=True)
    degree: float = field(2.0, "Neighbours per variable", low=0.0, high=20.0, step=0.5)
    varying: int = field(3, "Variables that differ", low=1, high=100)
    variation: str = field(
        "shift", "What differs", choices=("shift", "weights", "parents", "variance"),
        help="Means, weights of the causes, the causes themselves, or the noise.",
    )  # fmt: skip
    strength: float = field(3.0, "Shift in noise SDs", low=0.0, high=20.0, help="Only for shifts: between neighbouring populations.")
    ratio: float = field(
        4.0, "Ratio of noise variances", low=1.01, high=100.0, log=True, help="Only for variance: between neighbouring populations."
    )
    equal: bool = field(True, "Equal shares", help="Otherwise .8/.2, .6/.25/.15, or each half of the one before.")
    low: float = field(0.5, "Smallest weight", low=0.0, high=5.0, advanced=True)
    high: float = field(1.0, "Largest weight", low=0.01, high=5.0, advanced=True)
    shuffle: bool = field(True, "Shuffle rows", advanced=True)


@dataclass(frozen=True)
class Population:
    """One linear Gaussian population: x_j = intercept_j + sum_i w_ij x_i + sd_j e_j."""

    weights: Floats
    intercept: Floats
    sd: Floats

    def log_density(self, values: Floats) -> Floats:
        """Return the (n,) log density of the rows, up to the constant that all populations share."""
        residual = (values - values @ self.weights - self.intercept) / self.sd
        density: Floats = -0.5 * (residual**2).sum(axis=1) - np.log(self.sd).sum()
        return density


def mixture(params: MixtureParams) -> Dataset:
    """Draw rows from K populations that share one causal order and differ at the conditionals of some variables.

    Notes
    -----
    Shift: the intercepts of a varying variable are a random permutation of 0, s, 2s, ... over the populations. Weights: drawn anew in each
    population. Parents: as many causes, drawn anew among the earlier variables, with new weights. Variance: the noise variances are a
    random permutation of 1, r, r^2, .... ``truth["bayes_labels"]`` are the labels of largest posterior under the true parameters: no method
    that sees only the data can be held to more. ``truth["graph"]`` is the union of the populations' DAGs, ``truth["graphs"]`` has each.
    """
    if params.varying > params.p:
        raise UserError(f"{params.varying} of {params.p} variables cannot differ.", f"Choose at most {params.p}.", "varying")
    rng = np.random.default_rng(params.seed)
    order, arrows = random_order_and_arrows(params.p, params.degree, rng)
    base = random_weights(arrows, params.low, params.high, rng)
    able = _able(arrows, order, params.variation)
    if len(able) < params.varying:
        raise UserError(
            f"Only {len(able)} of the {params.p} variables have causes that could differ.",
            "Let fewer variables differ, raise the neighbours per variable, or choose another seed.", "varying",
        )  # fmt: skip
    varying = np.sort(rng.permutation(able)[: params.varying])
    populations = _populations(base, order, varying, params, rng)
    shares = _shares(params)
    labels = np.repeat(np.arange(params.k), _sizes(shares, params.n))
    if params.shuffle:
        labels = rng.permutation(labels)
    noise, values = rng.standard_normal((params.n, params.p)), np.empty((params.n, params.p))
    for k, population in enumerate(populations):
        rows = labels == k
        values[rows] = linear(population.weights, population.intercept + population.sd * noise[rows], order)
    score = np.log(shares) + np.column_stack([population.log_density(values) for population in populations])
    union = np.any([population.weights != 0 for population in populations], axis=0)
    nodes = names(params.p)
    truth = {
        "graph": Graph.from_directed(nodes, union, "dag").to_dict(),
        "graphs": [Graph.from_directed(nodes, pop.weights != 0, "dag", pop.weights).to_dict() for pop in populations],
        "labels": labels.tolist(), "bayes_labels": score.argmax(axis=1).tolist(),
        "varying": [nodes[i] for i in varying], "shares": list(map(float, shares)),
    }  # fmt: skip
    return Dataset(table(values), f"mixture of {params.k}, p={params.p}", truth=truth)


def _populations(
    base: Floats, order: NDArray[np.int64], varying: NDArray[np.int64], params: MixtureParams, rng: np.random.Generator
) -> list[Population]:
    p = len(base)
    weights = np.repeat(base[None], params.k, axis=0)
    intercept, sd = np.zeros((params.k, p)), np.ones((params.k, p))
    for node in varying:
        if params.variation == "shift":
            intercept[:, node] = params.strength * rng.permutation(params.k)
        elif params.variation == "variance":
            sd[:, node] = params.ratio ** (rng.permutation(params.k) / 2)
        elif params.variation == "weights":
            for k in range(params.k):
                weights[k, :, node] = random_weights(base != 0, params.low, params.high, rng)[:, node]
        else:
            earlier = order[: int(np.flatnonzero(order == node)[0])]
            count = max(1, np.count_nonzero(base[:, node]))
            for k in range(params.k):
                chosen = np.zeros((p, p), dtype=bool)
                chosen[rng.permutation(earlier)[:count], node] = True
                weights[k, :, node] = random_weights(chosen, params.low, params.high, rng)[:, node]
    return [Population(weights[k], intercept[k], sd[k]) for k in range(params.k)]


def _able(arrows: NDArray[np.bool_], order: NDArray[np.int64], variation: str) -> NDArray[np.int64]:
    """Return the variables at which this variation can happen: weights need causes, other parents need earlier variables."""
    if variation == "weights":
        return np.flatnonzero(arrows.any(axis=0))
    return np.sort(order[2:]) if variation == "parents" else np.arange(len(order))


def _shares(params: MixtureParams) -> Floats:
    if params.equal:
        return np.full(params.k, 1 / params.k)
    shares = np.array(UNEQUAL.get(params.k) or 0.5 ** np.arange(params.k))
    return shares / shares.sum()


def _sizes(shares: Floats, n: int) -> NDArray[np.int64]:
    edges = np.round(np.cumsum(shares) * n).astype(np.int64)
    return np.diff(edges, prepend=0)
