"""The discrete test: G squared on the contingency tables of categories."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.independence.base import IndependenceTest
from engine.independence.trace import Floats

ROWS_PER_CELL = 5  # with fewer rows per cell of the table the chi-squared law does not hold and the question is not tested


class GSquared(IndependenceTest):
    """The likelihood-ratio test of independence in every stratum of the conditioning set.

    Parameters
    ----------
    codes : (n, p) category numbers from 0.

    Attributes
    ----------
    codes : (p, n) category numbers.

    Notes
    -----
    ``G^2 = 2 sum n_abs log(n_abs n_s / (n_as n_bs))`` is chi-squared with sum over strata of (rows - 1)(columns - 1) degrees of
    freedom, where only rows and columns that occur in the stratum count. A table with n / cells < 5 is not tested, which keeps the edge.
    """

    name = "G²"
    statistic = "G²"

    def __init__(self, nodes: Sequence[str], codes: NDArray[np.integer], alpha: float, digest: str = ""):
        super().__init__(nodes, len(codes), alpha, digest)
        self.codes = np.ascontiguousarray(np.asarray(codes, np.int64).T)
        self._levels = self.codes.max(axis=1) + 1

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute (m,) values of G squared and p-values, both NaN where the table is too large for the rows."""
        from scipy.special import chdtrc

        g = np.full(len(i), np.nan)
        freedom = np.full(len(i), np.nan)
        cells = self._levels[i] * self._levels[j] * self._levels[given].prod(axis=1, dtype=np.float64)
        for row in np.flatnonzero(self.n_samples >= ROWS_PER_CELL * cells):
            g[row], freedom[row] = self._g_squared(i[row], j[row], given[row])
        p_value = np.where(freedom == 0, 1.0, chdtrc(np.where(freedom > 0, freedom, np.nan), g))
        return g, p_value

    def resampled(self, rng: np.random.Generator) -> "GSquared":
        """Return the test on rows drawn with replacement."""
        rows = rng.integers(self.n_samples, size=self.n_samples)
        return GSquared(self.nodes, self.codes[:, rows].T, self.alpha, self.digest)

    def _g_squared(self, i: int, j: int, given: NDArray[np.int32]) -> tuple[float, int]:
        """Return G squared and its degrees of freedom for one question."""
        stratum = np.zeros(self.n_samples, np.int64)
        for k in given:
            stratum = stratum * self._levels[k] + self.codes[k]
        a, b = self._levels[i], self._levels[j]
        strata = int(self._levels[given].prod())
        cell = (stratum * a + self.codes[i]) * b + self.codes[j]
        table = np.bincount(cell, minlength=strata * a * b).reshape(strata, a, b).astype(np.float64)
        rows, columns = table.sum(axis=2), table.sum(axis=1)
        expected = rows[:, :, None] * columns[:, None, :] / np.maximum(rows.sum(axis=1), 1)[:, None, None]
        seen = table > 0
        g = 2 * float(np.sum(table[seen] * np.log(table[seen] / expected[seen])))
        freedom = np.maximum((rows > 0).sum(axis=1) - 1, 0) * np.maximum((columns > 0).sum(axis=1) - 1, 0)
        return max(g, 0.0), int(freedom.sum())
