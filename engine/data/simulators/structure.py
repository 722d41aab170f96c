"""Random DAGs with weights, linear data from them, and M-matrices."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.graphs import Graph

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DOMINANCE = 1.05  # how far the diagonal of an M-matrix is above the largest eigenvalue of its weights


def names(p: int) -> tuple[str, ...]:
    """Return X1, ..., Xp."""
    return tuple(f"X{i + 1}" for i in range(p))


def random_order_and_arrows(p: int, degree: float, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw a causal order and arrows along it, each with probability degree / (p - 1).

    Returns
    -------
    order : (p,) nodes, causes first.
    arrows : (p, p) whether i -> j.
    """
    order = rng.permutation(p)
    place = np.argsort(order)
    chance = min(degree / max(p - 1, 1), 1.0)
    return order, (rng.random((p, p)) < chance) & (place[:, None] < place[None, :])


def random_weights(arrows: NDArray[np.bool_], low: float, high: float, rng: np.random.Generator) -> Floats:
    """Draw a weight for each arrow, uniform on +-[low, high]."""
    size = rng.uniform(min(low, high), max(low, high), arrows.shape)
    return np.where(arrows, size * rng.choice([-1.0, 1.0], arrows.shape), 0.0)


def linear(weights: Floats, noise: Floats, order: NDArray[np.int64]) -> Floats:
    """Return (n, p) data x = x B + noise for weights ``B[i, j]`` of i -> j, filled in causal order."""
    values = noise.copy()
    for node in order:
        cause = np.flatnonzero(weights[:, node])
        if len(cause):
            values[:, node] += values[:, cause] @ weights[cause, node]
    return values


def weighted_graph(weights: Floats) -> Graph:
    """Return the DAG of a weight matrix, over X1, ..., Xp."""
    return Graph.from_directed(names(len(weights)), weights != 0, "dag", weights)


def table(values: Floats, standardise: bool = False) -> pd.DataFrame:
    """Return the values as a frame with columns X1, ..., Xp, if wished with mean 0 and SD 1."""
    if standardise:
        values = (values - values.mean(axis=0)) / values.std(axis=0)
    return pd.DataFrame(values, columns=list(names(values.shape[1])))


def m_matrix(weights: Floats) -> Floats:
    """Return the positive definite K = 1.05 lambda_max(B) I - B of symmetric weights B >= 0 with an edge (as Wang, Roy, Uhler 2020 do)."""
    precision: Floats = DOMINANCE * float(np.linalg.eigvalsh(weights)[-1]) * np.eye(len(weights)) - weights
    return precision
