"""Invariance as independence: pool two regimes, and ask whether a variable depends on the regime's label given others."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.independence.discrete import GSquared
from engine.independence.gaussian import standardised
from engine.independence.invariance import RowsInvariance
from engine.independence.rank import normal_scores
from engine.independence.trace import Floats

MOST_ROWS = 2000  # rows of each regime that are looked at
OF_THE_REST = 100  # random features of the conditioning set, at most a tenth of the rows
COSINES = 5  # of the rank of the tested variable: level, spread, skewness and two finer changes of shape
RIDGE = 1e-3  # share of the rows
WIDTH_ROWS = 200  # rows that the median distance is taken over
KEPT_FITS = 16  # regressions on a conditioning set kept for the next variable, at most 100 MB
NO_DIRECTION = 1e-10  # share of the largest eigenvalue below which features have no variance of their own


class LabelInvariance(RowsInvariance):
    """An invariance test that asks of the rows of two regimes whether x_i is independent of the label given x_S."""

    def answers(self, i: NDArray[np.int64], given: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Compute (m, K) statistics and p-values, one question and regime at a time."""
        found = np.array([[self.compare(k, int(a), s) for k in range(len(self.regimes))] for a, s in zip(i, given, strict=True)])
        return found[..., 0], found[..., 1]

    @abstractmethod
    def compare(self, k: int, i: int, given: NDArray[np.int64]) -> tuple[float, float]:
        """Return statistic and p-value of one question in regime k."""


class FeatureInvariance(LabelInvariance):
    """Compares the means of some features of x_i in two regimes after both features and label were regressed on features of x_S.

    Notes
    -----
    The kernel on the label is the delta kernel, whose one feature is e, +1 in one regime and -1 in the other. With f and e the
    residuals of the features of x_i and of the label after ridge regression on the features of x_S, ``T = (sum f e)' (sum f f' e^2)^-1
    (sum f e)`` is chi-squared with one degree of freedom for each feature of x_i when x_i and the label are independent given x_S (the
    generalised covariance measure of Shah and Peters 2020 in several features): an error in one of the two regressions is forgiven if the
    other is right. Regimes with more than 2,000 rows are read at 2,000 of them, evenly spaced: the price of speed is power.
    """

    statistic = "chi²"

    def __init__(self, nodes: Sequence[str], regimes: Sequence[str], tables: Sequence[Floats], alpha: float):
        super().__init__(nodes, regimes, tables, alpha)
        self._read = [table[np.linspace(0, len(table) - 1, min(len(table), MOST_ROWS)).astype(int)] for table in self.tables]
        self._fits: dict[tuple[int, ...], tuple[Floats, Floats]] = {}

    def compare(self, k: int, i: int, given: NDArray[np.int64]) -> tuple[float, float]:
        """Return the statistic and p-value of one question in regime k."""
        from scipy.special import chdtrc

        first, second = self._read[0], self._read[k + 1]
        values = np.concatenate([first, second])
        label = np.repeat([1.0, -1.0], [len(first), len(second)])
        both = np.column_stack([self.of_the_variable(values[:, i]), label])
        both -= both.mean(axis=0)
        if len(given):
            rest, fit = self._fit(k, given, values)
            both -= rest @ (fit @ both)
        products = both[:, :-1] * both[:, -1:]
        total, (size, direction) = products.sum(axis=0), np.linalg.eigh(products.T @ products)
        kept = size > NO_DIRECTION * max(size[-1], 1e-300)
        statistic = float(np.sum(np.square(total @ direction[:, kept]) / size[kept]))
        return statistic, float(chdtrc(max(int(kept.sum()), 1), statistic))

    def _fit(self, k: int, given: NDArray[np.int64], values: Floats) -> tuple[Floats, Floats]:
        """Return (n, g) centred features of the conditioning set and the (g, n) matrix that gives their ridge coefficients."""
        key = (k, *sorted(given.tolist()))
        if key not in self._fits:
            if len(self._fits) >= KEPT_FITS:
                self._fits.pop(next(iter(self._fits)))
            rest = self.of_the_rest(values[:, sorted(given)])
            rest = rest - rest.mean(axis=0)
            self._fits[key] = rest, np.linalg.solve(rest.T @ rest + RIDGE * len(values) * np.eye(rest.shape[1]), rest.T)
        return self._fits[key]

    @abstractmethod
    def of_the_variable(self, values: Floats) -> Floats:
        """Return (n, f) features of the tested variable (n,)."""

    @abstractmethod
    def of_the_rest(self, values: Floats) -> Floats:
        """Return (n, g) features of the conditioning set (n, d)."""


class KernelInvariance(FeatureInvariance):
    """Pooled kernel test in features: sees any change of the conditional distribution, also through curved relations.

    Notes
    -----
    The features of x_i are ``cos(pi m u)`` of its pooled rank u in (0, 1) for m = 1 to 5 (Neyman's smooth test). The Gaussian kernel on
    x_S, with the median distance as its width, is replaced by up to 100 random Fourier features (Rahimi and Recht 2007).
    """

    name = "kernel invariance"

    def of_the_variable(self, values: Floats) -> Floats:
        """Return (n, 5) cosines of the ranks."""
        from scipy.stats import rankdata

        place = (rankdata(values) - 0.5) / len(values)
        return np.cos(np.pi * place[:, None] * np.arange(1, COSINES + 1))

    def of_the_rest(self, values: Floats) -> Floats:
        """Return the values and their random Fourier features, the same ones whenever the same set is asked."""
        scaled = standardised(values)
        width = min(OF_THE_REST, max(len(values) // 10, COSINES))
        return np.hstack([scaled, fourier(scaled, width, np.random.default_rng(0))])


class ZerosInvariance(FeatureInvariance):
    """The test for single cells: sees a change in the share of zeros, or in the level or spread of what is not zero.

    Notes
    -----
    The features of x_i are the indicator of a zero, whose comparison is the two-proportion test when S is empty, and the normal score and
    its square in the rows where x_i is not zero (the two parts of a hurdle model, as in Finak et al. 2015). The features of x_S are
    those of each of its members and the products of all of them.
    """

    name = "zero-inflation invariance"

    def of_the_variable(self, values: Floats) -> Floats:
        """Return (n, 3) features: is zero, level if not zero, squared level if not zero; fewer where nothing or everything is zero."""
        positive = values != 0
        level = np.zeros(len(values))
        if positive.any():
            level[positive] = normal_scores(values[positive, None])[:, 0]
        return np.column_stack([~positive, level, level * level])

    def of_the_rest(self, values: Floats) -> Floats:
        """Return the features of each column and all products of two of them."""
        single = np.hstack([self.of_the_variable(column) for column in values.T])
        first, second = np.triu_indices(single.shape[1])
        return np.hstack([single, single[:, first] * single[:, second]])


class DiscreteInvariance(LabelInvariance):
    """G squared of a category and the label in every stratum of the conditioning set; ``tables`` hold category numbers."""

    name = "discrete invariance"
    statistic = "G²"

    def compare(self, k: int, i: int, given: NDArray[np.int64]) -> tuple[float, float]:
        """Return G squared and p-value of one question in regime k; NaN where the table is too large for the rows."""
        first, second = self.tables[0], self.tables[k + 1]
        chosen = [i, *given.tolist()]
        label = np.repeat([0, 1], [len(first), len(second)])
        codes = np.column_stack([np.concatenate([first[:, chosen], second[:, chosen]]), label]).astype(np.int64)
        test = GSquared([*map(str, chosen), "regime"], codes, self.alpha)
        last = np.array([len(chosen)], np.int32)
        statistic, p_value = test.answers(np.zeros(1, np.int32), last, np.arange(1, len(chosen), dtype=np.int32)[None])
        return float(statistic[0]), float(p_value[0])


def fourier(values: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Return (rows, n) random Fourier features of a Gaussian kernel whose width is the median distance between rows."""
    some = values[np.linspace(0, len(values) - 1, min(len(values), WIDTH_ROWS)).astype(int)]
    distance = np.sqrt(np.square(some[:, None, :] - some[None, :, :]).sum(axis=2))
    width = float(np.median(distance[distance > 0])) if (distance > 0).any() else 1.0
    frequencies = rng.standard_normal((values.shape[1], n)) / width
    return np.sqrt(2.0) * np.cos(values @ frequencies + rng.uniform(0, 2 * np.pi, n))
