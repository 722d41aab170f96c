"""Weighted moments: what the local scores of a mixture need of the samples, one matrix per cluster."""

import numpy as np
from numpy.typing import NDArray

from engine.graphs.bitsets import members

Floats = NDArray[np.float64]


class Moments:
    """Sums of products of columns, weighted by the share of each cluster in each row.

    Parameters
    ----------
    raw : (K, p + 1, p + 1) matrices ``[1, X]' R_k [1, X]``.

    Attributes
    ----------
    mass : (K,) sums of weights.
    scatter : (K, p, p) sums of products about each cluster's mean.
    within, pooled : (p, p) scatter about the clusters' means and about the common mean.
    """

    def __init__(self, raw: Floats):
        self.raw, self.mass = raw, raw[:, 0, 0]
        self.scatter = centred(raw)
        self.within = self.scatter.sum(axis=0)
        self.pooled = centred(raw.sum(axis=0))

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.raw)

    @property
    def p(self) -> int:
        """Number of variables."""
        return self.raw.shape[1] - 1

    @property
    def n(self) -> float:
        """Number of samples."""
        return float(self.mass.sum())

    def block(self, target: int, parents: list[int]) -> Floats:
        """Return the raw moments (K, d + 2, d + 2) of constant, parents and target, in this order."""
        chosen = np.array([0, *(k + 1 for k in parents), target + 1])
        return self.raw[:, chosen[:, None], chosen]


class Rows:
    """The samples of a mixture: columns of mean 0 and variance 1 behind a column of ones.

    Parameters
    ----------
    values : (n, p) numbers; no column may be constant.
    """

    def __init__(self, values: Floats):
        scaled = (values - values.mean(axis=0)) / values.std(axis=0)
        self.columns = np.column_stack([np.ones(len(values)), scaled])
        self.total = self.columns.T @ self.columns

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.columns)

    @property
    def p(self) -> int:
        """Number of variables."""
        return self.columns.shape[1] - 1

    @property
    def values(self) -> Floats:
        """The scaled samples (n, p)."""
        return self.columns[:, 1:]

    def moments(self, responsibility: Floats) -> Moments:
        """Return the moments under posteriors (n, K) whose rows sum to 1."""
        return Moments(weighted(self.columns, self.total, responsibility.T))


def weighted(columns: Floats, total: Floats, shares: Floats) -> Floats:
    """Return ``Z' R_k Z`` for all K clusters, whose shares are (K, n); the last is the total less the others, which saves one product."""
    found = np.empty((len(shares), *total.shape))
    for k in range(len(found) - 1):
        found[k] = (columns * shares[k][:, None]).T @ columns
    found[-1] = total - found[:-1].sum(axis=0)
    return found


def predictors(parents: int) -> list[int]:
    """Return where the constant and some parents (as bits) stand among the columns of `Rows` and the rows of raw moments."""
    return [0, *(k + 1 for k in members(parents))]


def regression(raw: Floats, node: int, chosen: list[int]) -> Floats:
    """Return the coefficients of least squares of a node on chosen columns, see `predictors`, from raw moments (p + 1, p + 1)."""
    return np.asarray(np.linalg.solve(raw[np.ix_(chosen, chosen)], raw[chosen, node + 1]), np.float64)


def centred(raw: Floats) -> Floats:
    """Return products about the mean (..., q - 1, q - 1) of raw moments (..., q, q) whose first column is the constant."""
    sums = raw[..., 1:, 0]
    return raw[..., 1:, 1:] - sums[..., :, None] * sums[..., None, :] / np.maximum(raw[..., :1, :1], 1e-300)


def one_hot(labels: NDArray[np.integer], k: int) -> Floats:
    """Return labels (n,) from 0 as weights (n, k)."""
    return np.eye(k)[labels]
