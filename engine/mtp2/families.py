"""Graphs and covariances that methods for total positivity are tried on: chain, random, grids, star and decay."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.data.simulators.structure import m_matrix

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CHAIN = 0.9  # correlation of neighbours
DENSITY = 0.01
HUB_SHARE = 0.2  # of the nodes that the hub of a star is joined with
HUB_WEIGHT, HUB_POWER = 0.6, -0.25
DECAY = 1.2
MOST_DRAWS = 1000  # of a random graph that may come out without an edge
WEIGHTS = ("ones", "uniform")


class Family(NamedTuple):
    """A multivariate normal distribution that is totally positive, and its graph.

    ``covariance`` (p, p) has unit diagonal and an M-matrix as inverse; ``adjacency`` (p, p) says which entries of that are not zero.
    """

    covariance: Floats
    adjacency: Bools

    @property
    def p(self) -> int:
        """Number of variables."""
        return len(self.adjacency)

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw (n, p) samples."""
        return rng.standard_normal((n, self.p)) @ np.linalg.cholesky(self.covariance).T


def chain(p: int, correlation: float = CHAIN) -> Family:
    """Return the Markov chain with Sigma_jk = correlation^|j - k|."""
    _enough(p)
    if not 0 < correlation < 1:
        raise UserError(f"A chain cannot have correlation {correlation:g}.", "Choose a value between 0 and 1.", "correlation")
    distance = _distance(p)
    return Family(correlation**distance, distance == 1)


def random(p: int, density: float = DENSITY, *, weights: str = "ones", rng: np.random.Generator) -> Family:
    """Draw a graph in which each pair is joined with this probability, again until there is an edge.

    Parameters
    ----------
    weights : ``"ones"`` gives all edges the same weight; ``"uniform"`` draws them from U[0, 1], so that some are as good as none.

    Notes
    -----
    K = 1.05 lambda_max(B) I - B for the weights B, rescaled to unit variances (Wang, Roy, Uhler 2020, experiments).
    """
    _enough(p)
    if not 0 < density <= 1:
        raise UserError(f"{density:g} is no probability of an edge.", "Choose a value above 0, at most 1.", "density")
    if weights not in WEIGHTS:
        raise UserError(f"There are no weights '{weights}'.", f"Choose from {', '.join(WEIGHTS)}.", "weights")
    for _ in range(MOST_DRAWS):
        edges = np.triu(rng.random((p, p)) < density, 1)
        if edges.any():
            upper = np.where(edges, 1.0 - rng.random((p, p)) if weights == "uniform" else 1.0, 0.0)
            return _from_weights(upper + upper.T)
    raise UserError(f"No edge in {MOST_DRAWS} draws with probability {density:g}.", "Choose a larger one.", "density")


def grid(*shape: int) -> Family:
    """Return the grid with these numbers of nodes along each side, neighbours joined; weights as in `random` with ones.

    ``grid(10, 10)`` is the 2-D grid on 100 nodes, ``grid(5, 5, 4)`` a 3-D one.
    """
    p = int(np.prod(shape)) if shape and min(shape) > 0 else 0
    _enough(p)
    places = np.stack(np.unravel_index(np.arange(p), shape), axis=1)
    return _from_weights((np.abs(places[:, None] - places[None]).sum(axis=2) == 1).astype(float))


def star(p: int, degree: int | None = None) -> Family:
    """Return a hub joined with ``degree`` (a fifth of the nodes where None) of the others; the rest have no edge.

    Notes
    -----
    The others have K_jj = 1 and K_0j = -w, w = 0.6 degree^-1/4, the hub K_00 = 1 + degree w^2; then rescaled to unit variances.
    """
    _enough(p)
    degree = max(1, round(HUB_SHARE * p)) if degree is None else degree
    if not 1 <= degree < p:
        raise UserError(f"The hub of a star on {p} nodes cannot have {degree} neighbours.", f"Choose 1 to {p - 1}.", "degree")
    weight = HUB_WEIGHT * degree**HUB_POWER
    precision = np.eye(p)
    precision[0, 1 : degree + 1] = precision[1 : degree + 1, 0] = -weight
    precision[0, 0] = 1.0 + degree * weight**2
    return _from_precision(precision)


def decay(p: int) -> Family:
    """Return the distribution with K_jj = 1 and K_jk = -exp(-1.2 |j - k|), rescaled: every pair is joined, distant ones hardly."""
    _enough(p)
    precision = -np.exp(-DECAY * _distance(p))
    np.fill_diagonal(precision, 1.0)
    return _from_precision(precision)


def on_nodes(name: str, p: int, rng: np.random.Generator) -> Family:
    """Return a family by name on about ``p`` nodes: grids take the nearest square or cube.

    Raises
    ------
    UserError
        When there is no family of this name.
    """
    if name not in FAMILIES:
        raise UserError(f"There is no family '{name}'.", f"Choose from {', '.join(FAMILIES)}.", "family")
    return FAMILIES[name](p, rng)


FAMILIES: dict[str, Callable[[int, np.random.Generator], Family]] = {
    "chain": lambda p, rng: chain(p),
    "random": lambda p, rng: random(p, rng=rng),
    "grid_2d": lambda p, rng: grid(*[max(2, round(p ** (1 / 2)))] * 2),
    "grid_3d": lambda p, rng: grid(*[max(2, round(p ** (1 / 3)))] * 3),
    "star": lambda p, rng: star(p),
    "decay": lambda p, rng: decay(p),
}


def _enough(p: int) -> None:
    if p < 2:
        raise UserError(f"{p} nodes make no graph.", "Give two or more.", "p")


def _distance(p: int) -> Floats:
    return np.abs(np.subtract.outer(np.arange(p), np.arange(p))).astype(np.float64)


def _from_weights(weights: Floats) -> Family:
    return _from_precision(m_matrix(weights))


def _from_precision(precision: Floats) -> Family:
    covariance = np.linalg.inv(precision)
    scale = 1.0 / np.sqrt(np.diag(covariance))
    covariance = covariance * scale[:, None] * scale[None, :]
    adjacency = precision != 0
    np.fill_diagonal(adjacency, False)
    return Family((covariance + covariance.T) / 2, adjacency)
