"""Tests of invariance: whether a variable, given others, follows the same law in a regime as in the observational one."""

import copy
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.graphs.bitsets import members
from engine.independence.moments import Moments
from engine.independence.rank import normal_scores
from engine.independence.trace import Floats

SPARE_ROWS = 5  # a regime needs more rows than conditioning variables and these
FLAT = 1e-12  # share of the pooled scatter below which a variable counts as held constant in a regime
CELLS = 2_000_000  # numbers in the blocks factorised at once, 16 MB


class InvarianceTest(ABC):
    """Answers "is x_i given x_S the same in regime k as in the observational regime" for p variables and K regimes at one level.

    Parameters
    ----------
    nodes : names of the p variables.
    regimes : names of the K regimes that are compared with the observational one.
    counts : (1 + K,) numbers of rows, the observational regime first.
    alpha : significance level; changed iff the p-value is at most it.
    """

    name = "invariance"
    statistic = "statistic"

    def __init__(self, nodes: Sequence[str], regimes: Sequence[str], counts: Sequence[int], alpha: float):
        self.nodes, self.regimes, self.alpha = tuple(nodes), tuple(regimes), float(alpha)
        self.counts = np.asarray(counts, dtype=np.int64)
        self._known: dict[tuple[int, int], tuple[Floats, Floats]] = {}
        self._changed: dict[tuple[int, int], int] = {}

    def at(self, alpha: float) -> Self:
        """Return the same test at another level; what was asked before costs nothing."""
        other = copy.copy(self)
        other.alpha = float(alpha)
        other._changed = {}
        return other

    def changed(self, i: int, given: int) -> int:
        """Return the regimes (a set in bits) in which variable i given a set (in bits) is not as in the observational regime."""
        found = self._changed.get((i, given))
        if found is None:
            found = self._changed[i, given] = _bits(self.answer(i, given)[1] <= self.alpha)
        return found

    def unchanged(self, i: int, given: int) -> int:
        """Return the regimes in which the test was possible and found no change."""
        return _bits(self.answer(i, given)[1] > self.alpha)

    def answer(self, i: int, given: int) -> tuple[Floats, Floats]:
        """Return (K,) statistics and p-values of one question; a p-value of NaN means that the test was not possible."""
        if (i, given) not in self._known:
            self.ask([(i, given)])
        return self._known[i, given]

    def ask(self, questions: Iterable[tuple[int, int]]) -> None:
        """Answer many questions (variable, conditioning set in bits) at once and remember the answers."""
        by_size: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for question in dict.fromkeys(questions):
            if question not in self._known:
                by_size[question[1].bit_count()].append(question)
        for asked in by_size.values():
            i = np.array([question[0] for question in asked], dtype=np.int64)
            given = np.array([list(members(question[1])) for question in asked], dtype=np.int64).reshape(len(asked), -1)
            for question, statistic, p_value in zip(asked, *self.p_values(i, given), strict=True):
                self._known[question] = statistic, p_value

    def p_values(self, i: Any, given: Any) -> tuple[Floats, Floats]:
        """Answer m questions in all regimes.

        Parameters
        ----------
        i : (m,) numbers of variables.
        given : (m, d) numbers of variables.

        Returns
        -------
        (m, K) statistics and (m, K) p-values; NaN where a regime has no more than d + 5 rows, so that no test is possible.
        """
        i, given = np.asarray(i, np.int64), np.asarray(given, np.int64)
        statistic, p_value = self.answers(i, given)
        enough = self.counts > given.shape[1] + SPARE_ROWS
        p_value[:, ~(enough[1:] & enough[0])] = np.nan
        return statistic, p_value

    @abstractmethod
    def answers(self, i: NDArray[np.int64], given: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Compute (m, K) statistics and p-values without regard to the number of rows."""

    def resampled(self, rng: np.random.Generator) -> "InvarianceTest":
        """Return the test on rows drawn with replacement inside each regime."""
        raise UserError(f"The {self.name} has no rows to resample.", "Set 'Bootstrap resamples' to 0.", "bootstrap")


class RowsInvariance(InvarianceTest):
    """An invariance test made of rows.

    Parameters
    ----------
    tables : (n_k, p) values of each regime, the observational one first.
    """

    def __init__(self, nodes: Sequence[str], regimes: Sequence[str], tables: Sequence[Floats], alpha: float):
        super().__init__(nodes, regimes, [len(table) for table in tables], alpha)
        self.tables = tuple(tables)

    def resampled(self, rng: np.random.Generator) -> Self:
        """Return the test on rows drawn with replacement inside each regime."""
        drawn = [table[rng.integers(len(table), size=len(table))] for table in self.tables]
        return type(self)(self.nodes, self.regimes, drawn, self.alpha)


class GaussianInvariance(RowsInvariance):
    """Compares the linear regressions of x_i on x_S in two regimes: their coefficients and their residual variances.

    Notes
    -----
    With RSS the residual sums of squares in the observational rows, in those of regime k and in both together, and d = |S| + 1: ``F_1 =
    ((RSS_both - RSS_0 - RSS_k) / d) / ((RSS_0 + RSS_k) / (n_0 + n_k - 2d))`` is F(d, n_0 + n_k - 2d), and only large values speak against
    equal coefficients (Chow 1960); ``F_2 = (RSS_0 / (n_0 - d)) / (RSS_k / (n_k - d))`` is F(n_0 - d, n_k - d), and both tails speak
    against equal variances. The p-value is twice the smaller of the two, the statistic the F it belongs to. Exact for Gaussian residuals.
    Every RSS is a Schur complement of a scatter matrix, so the rows are read once. A variable of S that regime k holds constant, as a
    knock-out does, drops out of the regression in k, and d with it.
    """

    name = "Gaussian invariance"
    statistic = "F"

    def __init__(
        self, nodes: Sequence[str], regimes: Sequence[str], tables: Sequence[Floats], alpha: float, moments: Moments | None = None
    ):
        super().__init__(nodes, regimes, tables, alpha)
        self._scatter, self._flat = scatters(moments or Moments.of(self.prepared()))

    def prepared(self) -> Sequence[Floats]:
        """Return the tables whose regressions are compared."""
        return self.tables

    def answers(self, i: NDArray[np.int64], given: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Compute (m, K) values of F and p-values."""
        rss = residual_squares(self._scatter, i, given)
        k = len(self.regimes)
        rss_0, rss_k, both = rss[:, :1], rss[:, 1 : k + 1], rss[:, k + 1 :]
        rss_k = np.where(self._flat[:, i].T, 0.0, rss_k)
        dropped = self._flat[:, given].sum(axis=2).T
        return chow_and_variance(rss_0, rss_k, both, self.counts[0], self.counts[1:], given.shape[1] + 1, dropped)


class RankInvariance(GaussianInvariance):
    """The Gaussian test on normal scores, ranked over the rows of all regimes together, so that a monotone distortion changes nothing.

    Notes
    -----
    Exact in the limit when the variables have the same distributions in both regimes. Where a regime moves the variables of S far, or holds
    them within narrow bounds as a knock-out does, joint ranks bend the relation, and with many rows a true invariance is rejected; the
    kernel test assumes no line.
    """

    name = "rank invariance"

    def prepared(self) -> Sequence[Floats]:
        """Return the normal scores of the ranks over all rows."""
        ends = np.cumsum([len(table) for table in self.tables])[:-1]
        return np.split(normal_scores(np.concatenate(self.tables)), ends)


def scatters(moments: Moments) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the (1 + 2K, p, p) scatter matrices of each table and of the first together with each other, and (K, p) what is constant.

    Notes
    -----
    Columns are scaled to a pooled mean square of 1. A constant column has a 1 in place of its 0 on the diagonal: regressions on it are then
    those without it.
    """
    counts, means, scatter = moments
    own, scale, flat = within(moments)
    gap = (means[1:] - means[0]) / scale
    weight = counts[0] * counts[1:] / (counts[0] + counts[1:])
    together = (scatter[0] + scatter[1:]) / (scale[:, None] * scale) + weight[:, None, None] * gap[:, :, None] * gap[:, None, :]
    return np.concatenate([own, together]), flat[1:]


def within(moments: Moments) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return (r, p, p) scatter inside each table, the (p,) pooled deviations it is scaled by, and (r, p) what is constant in a table.

    A constant column has a 1 on the diagonal and 0 elsewhere.
    """
    counts, means, scatter = moments
    between = np.square(means - counts @ means / counts.sum())
    pooled = np.sqrt((np.diagonal(scatter, axis1=1, axis2=2).sum(axis=0) + counts @ between) / counts.sum())
    scale = np.where(pooled > 0, pooled, 1.0)
    own = scatter / (scale[:, None] * scale)
    flat = np.diagonal(own, axis1=1, axis2=2) <= FLAT * counts[:, None]
    k, column = np.nonzero(flat)
    own[k, column, :] = own[k, :, column] = 0.0
    own[k, column, column] = 1.0
    return own, scale, flat


def residual_squares(scatter: Floats, i: NDArray[np.int64], given: NDArray[np.int64]) -> Floats:
    """Return (m, r) residual sums of squares of variables i (m,) on sets (m, d) from r scatter matrices; NaN where they are singular."""
    if given.shape[1] == 0:
        return scatter[:, i, i].T.copy()
    found = np.empty((len(i), len(scatter)))
    step = max(1, CELLS // (len(scatter) * (given.shape[1] + 1) ** 2))
    for start in range(0, len(i), step):
        rows = slice(start, start + step)
        block = np.concatenate([given[rows], i[rows, None]], axis=1)
        gathered = scatter[:, block[:, :, None], block[:, None, :]]
        found[rows] = _last_pivots(gathered).T
    return found


def chow_and_variance(
    rss_0: Floats, rss_k: Floats, both: Floats, n_0: int, n_k: NDArray[np.int64], d: int, dropped: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return (m, K) values of F and p-values of the Gaussian invariance test, see `GaussianInvariance`.

    Parameters
    ----------
    rss_0 : (m, 1) residual sums of squares in the observational rows; rss_k, both : (m, K) in regime k, and in both together.
    d : number of coefficients; dropped : (m, K) how many of them do not exist in regime k.
    """
    from scipy.special import fdtr, fdtrc

    free_0, free_k = float(n_0 - d), np.maximum(n_k - d + dropped, 1).astype(np.float64)
    q = np.maximum(d - dropped, 1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        coefficients = np.maximum(both - rss_0 - rss_k, 0.0) / q / ((rss_0 + rss_k) / (free_0 + free_k))
        variances = (rss_0 / free_0) / (rss_k / free_k)
    p_coefficients = fdtrc(q, free_0 + free_k, coefficients)
    p_variances = 2 * np.minimum(fdtr(free_0, free_k, variances), fdtrc(free_0, free_k, variances))
    statistic = np.where(p_coefficients <= p_variances, coefficients, variances)
    return statistic, np.minimum(1.0, 2 * np.minimum(p_coefficients, p_variances))


def _last_pivots(blocks: Floats) -> Floats:
    """Return (r, m) squares of the last pivots of the Cholesky factors of (r, m, d, d) blocks; NaN where a block is singular."""
    try:
        return np.square(np.linalg.cholesky(blocks)[..., -1, -1])
    except np.linalg.LinAlgError:
        regular = np.linalg.matrix_rank(blocks[..., :-1, :-1], hermitian=True) == blocks.shape[-1] - 1
        found = np.full(blocks.shape[:2], np.nan)
        inside, last = blocks[..., :-1, :-1][regular], blocks[..., :-1, -1][regular]
        explained = np.einsum("...i,...i->...", last, np.linalg.solve(inside, last[..., None])[..., 0])
        found[regular] = np.maximum(blocks[..., -1, -1][regular] - explained, 0.0)
        return found


def _bits(chosen: NDArray[np.bool_]) -> int:
    return sum(1 << k for k, is_in in enumerate(chosen.tolist()) if is_in)
