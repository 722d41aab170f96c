"""Fisher z: partial correlation in batches, from a correlation matrix and the number of rows."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.data.rows import are_few, largest_given
from engine.independence.base import IndependenceTest
from engine.independence.trace import Floats

CLIP = 1 - 1e-12  # |r| beyond this is rounding; atanh stays finite
CELLS = 4_000_000  # numbers gathered at once, 32 MB


class FisherTest(IndependenceTest):
    """A test that turns partial correlations into p-values by Fisher's z."""

    statistic = "partial correlation"

    def freedom(self, size: int) -> int:
        """Return the inverse variance of z given ``size`` variables; not positive when there are too few rows."""
        raise NotImplementedError

    def critical(self, size: int) -> float:
        """Return the absolute partial correlation at which a test given ``size`` variables turns to dependent; 1 when not possible."""
        from scipy.special import ndtri

        freedom = self.freedom(size)
        return max(float(np.tanh(-ndtri(self.alpha / 2) / math.sqrt(freedom))), self.floor) if freedom > 0 else 1.0

    def record(self, i: Any, j: Any, given: Any, statistic: Floats) -> None:
        """Take into the trace m partial correlations (m,) given (m, d) that a compiled kernel computed."""
        given = np.asarray(given, np.int32)
        r = np.asarray(statistic, np.float64)
        self.trace.add(np.asarray(i), np.asarray(j), given, r, fisher_p(r, self.freedom(given.shape[1])))


class CorrelationTest(FisherTest):
    """A test whose every answer follows from a (p, p) correlation matrix and n.

    Notes
    -----
    With K the inverse of the block of S, i and j: ``r = -K_ij / sqrt(K_ii K_jj)``, ``z = sqrt(n - |S| - 3) atanh(r)`` and
    ``p = 2 (1 - Phi(|z|))``. Given fewer than one degree of freedom the test is not possible and p is NaN; with hardly more rows than
    variables, or fewer, neither are tests given more than one variable for each eight rows, whose estimates would be mostly noise.
    """

    correlation: Floats

    def __init__(self, nodes: Sequence[str], correlation: Floats, n_samples: int, alpha: float, digest: str):
        super().__init__(nodes, n_samples, alpha, digest)
        self.correlation = np.ascontiguousarray(correlation, dtype=np.float64)

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute (m,) partial correlations and p-values."""
        size = given.shape[1]
        if self.freedom(size) <= 0:
            unknown = np.full(len(i), np.nan)
            return unknown, unknown
        r = partial_correlations(self.correlation, i, j, given)
        return r, fisher_p(r, self.freedom(size))

    def freedom(self, size: int) -> int:
        """Return the inverse variance of z given ``size`` variables; not positive when there are too few rows."""
        if are_few(self.n_samples, self.p) and size > largest_given(self.n_samples):
            return 0
        return self.n_samples - size - 3


class FisherZ(CorrelationTest):
    """The Gaussian test; ``values`` (n, p) are kept only for resampling.

    Raises
    ------
    UserError
        When resampling is asked of a correlation matrix with no more rows than variables.
    """

    name = "Fisher z"

    def __init__(self, nodes: Sequence[str], correlation: Floats, n_samples: int, alpha: float, digest: str, values: Floats | None = None):
        super().__init__(nodes, correlation, n_samples, alpha, digest)
        self.values = values

    @classmethod
    def of(cls, nodes: Sequence[str], values: Floats, alpha: float, digest: str = "") -> "FisherZ":
        """Make the test of an (n, p) table without missing values or constant columns."""
        scaled = standardised(values)
        return cls(nodes, scaled.T @ scaled / len(scaled), len(scaled), alpha, digest, scaled)

    def resampled(self, rng: np.random.Generator) -> "FisherZ":
        """Return the test on rows drawn with replacement; a bare correlation matrix is redrawn from its Wishart law."""
        if self.values is None:
            return FisherZ(self.nodes, self._redrawn(rng), self.n_samples, self.alpha, self.digest).with_floor(self.floor)
        n = len(self.values)
        weights = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)
        return FisherZ(self.nodes, weighted_correlation(self.values, weights), n, self.alpha, self.digest).with_floor(self.floor)

    def _redrawn(self, rng: np.random.Generator) -> Floats:
        """Draw the correlation of n Gaussian rows by the Bartlett decomposition."""
        p, freedom = self.p, self.n_samples - 1
        if freedom < p:
            raise UserError(
                f"A correlation matrix of {p} variables from {self.n_samples} rows cannot be resampled.",
                "Set 'Bootstrap resamples' to 0, or upload the rows.", "bootstrap",
            )  # fmt: skip
        root = np.tril(rng.standard_normal((p, p)), -1)
        root[np.diag_indices(p)] = np.sqrt(rng.chisquare(freedom - np.arange(p)))
        half = np.linalg.cholesky(self.correlation) @ root
        return to_correlation(half @ half.T)


def partial_correlations(correlation: Floats, i: NDArray[Any], j: NDArray[Any], given: NDArray[Any]) -> Floats:
    """Return (m,) partial correlations of i and j (m,) given the sets (m, d); NaN where the block is singular."""
    size = given.shape[1]
    if size == 0:
        return correlation[i, j].copy()
    found = np.empty(len(i))
    with np.errstate(divide="ignore", invalid="ignore"):
        if size == 1:
            k = given[:, 0]
            ik, jk = correlation[i, k], correlation[j, k]
            found[:] = (correlation[i, j] - ik * jk) / np.sqrt((1 - ik * ik) * (1 - jk * jk))
        step = max(1, CELLS // (size + 2) ** 2)
        for start in range(0, len(i) if size > 1 else 0, step):
            rows = slice(start, start + step)
            block = np.concatenate([i[rows, None], j[rows, None], given[rows]], axis=1)
            inverse = _inverses(correlation[block[:, :, None], block[:, None, :]])
            found[rows] = -inverse[:, 0, 1] / np.sqrt(inverse[:, 0, 0] * inverse[:, 1, 1])
    return np.clip(found, -CLIP, CLIP)


def fisher_p(r: Floats, freedom: float) -> Floats:
    """Return the two-sided p-values (m,) of partial correlations with n - |S| - 3 degrees of freedom; below 1e-308 they are 0."""
    from scipy.special import erfc

    z = np.sqrt(max(freedom, 0.0)) * np.arctanh(np.clip(r, -CLIP, CLIP))
    return erfc(np.abs(z) / np.sqrt(2))


def standardised(values: Floats) -> Floats:
    """Return the (n, p) table with mean 0 and mean square 1 in each column, 0 throughout where it never varies."""
    centred = values - values.mean(axis=0)
    scale = np.sqrt(np.mean(centred * centred, axis=0))
    return centred / np.where(scale > 0, scale, np.inf)


def weighted_correlation(values: Floats, weights: Floats) -> Floats:
    """Return the (p, p) correlation of rows that count ``weights`` (n,) times."""
    centred = values - weights @ values / weights.sum()
    return to_correlation((centred * weights[:, None]).T @ centred)


def to_correlation(covariance: Floats) -> Floats:
    """Scale a covariance matrix to unit diagonal."""
    scale = np.sqrt(np.diag(covariance))
    scale = np.where(scale > 0, scale, np.inf)  # a column that does not vary in a resample correlates with nothing
    correlation = covariance / np.outer(scale, scale)
    correlation[np.diag_indices_from(correlation)] = 1.0
    return correlation


def _inverses(blocks: Floats) -> Floats:
    """Invert (m, d, d) blocks; a singular one, as a resample may have, becomes NaN."""
    try:
        inverse = np.asarray(np.linalg.inv(blocks), np.float64)
    except np.linalg.LinAlgError:
        regular = np.linalg.matrix_rank(blocks, hermitian=True) == blocks.shape[1]
        inverse = np.full_like(blocks, np.nan)
        inverse[regular] = np.linalg.inv(blocks[regular])
    return inverse
