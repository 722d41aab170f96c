"""Kernel tests: dependence of any shape, between numbers and categories alike."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.independence.base import IndependenceTest
from engine.independence.chi_squared import weighted_tail
from engine.independence.features import Column, joint_similarity, leading_products, low_rank, principal
from engine.independence.predicted import predicted_moments
from engine.independence.smoothing import Residual, Smoother
from engine.independence.trace import Floats

FEWEST_ROWS = 30
FACTOR_CELLS = 60_000_000  # numbers in the components of variables that are kept, 480 MB
SETS_KEPT = 4  # conditioning sets whose residuals are kept for the next question
PADDED = 2_000_000  # weights handled at once
EXACT = 1e-8  # share of a kernel's trace that counts as rounding
TOGETHER = 1e-4  # the same for a variable together with a set, whose rank is larger
RANK = 200  # largest rank of the kernel of one column; a Gaussian one needs about 30
ROWS_PER_FEATURE = 4  # a conditioning set has at most one feature for so many rows
LEVELS = 20  # most directions kept of a column of categories
JOINT = 0.01  # variance of joint features of a large conditioning set, as part of what the product of the kernels gives them
MOMENTS = 30  # most functions of the predicted mean and spread of a variable; twice as many where it is taken together with the set
ROWS_PER_MOMENT = 16  # at most one of these functions for so many rows


@dataclass(frozen=True, eq=False)
class Freed:
    """Features of one variable freed of a conditioning set.

    Attributes
    ----------
    residual : the features (n, d) and how they were shrunk.
    products : (n, d (d + 1) / 2) products of two of them in each row.
    place : (d, d) column of ``products`` that holds each product.
    length : (n,) squared length of the features of each row.
    """

    residual: Residual
    products: Floats
    place: NDArray[np.int_]
    length: Floats

    @classmethod
    def of(cls, residual: Residual) -> "Freed":
        """Multiply the features with each other, row by row."""
        a, b = np.triu_indices(residual.features.shape[1])
        place = np.empty((residual.features.shape[1],) * 2, int)
        place[a, b] = place[b, a] = np.arange(len(a))
        products = residual.features[:, a] * residual.features[:, b]
        return cls(residual, products, place, products[:, a == b].sum(axis=1))


class KernelTest(IndependenceTest):
    """A test on products of kernel features, after the conditioning set is regressed out.

    Parameters
    ----------
    values : (n, p) numbers; categories as any numbers, one for each.
    is_category : (p,) which columns are categories.

    Raises
    ------
    UserError
        When there are fewer than 30 rows.

    Notes
    -----
    With features a, b (n, .) of i and j freed of S the statistic is ``T = |a'b|^2 / n``, the Hilbert-Schmidt norm of their covariance.
    Given independence T is a sum of chi-squared variables weighted by the eigenvalues of the mean of ``(a_t x b_t)(a_t x b_t)'`` over rows
    t; without S these are the products of the eigenvalues of a and b (Zhang, Peters, Janzing, Schoelkopf 2011). The tail of that sum is
    computed itself, not by a gamma law with its mean and variance, which rejects five times too often at 0.001. The statistic shown is
    the kernel alignment ``|a'b|^2 / (|a'a| |b'b|)``, from 0 to 1.

    Given several variables (``large``) a penalised regression of features on them leaves dependence in. Therefore functions of the mean and
    the spread that they predict for the variable are taken out first, without a penalty.
    """

    statistic = "kernel alignment"
    components: int  # leading kernel principal components of a variable
    conditioning: tuple[int, ...]  # most features of a conditioning set of one, two, ... variables; the last holds for all larger ones
    large = 3  # size of a conditioning set from which on the mean and spread it predicts are taken out first
    together = 0  # components of the first variable of a pair together with the set; 0 when it is taken alone

    def __init__(self, nodes: Sequence[str], values: Floats, is_category: NDArray[np.bool_], alpha: float, digest: str = "", seed: int = 0):
        super().__init__(nodes, len(values), alpha, digest)
        if len(values) < FEWEST_ROWS:
            raise UserError(f"A kernel test needs at least {FEWEST_ROWS} rows, not {len(values)}.", "Choose the rank test.", "test")
        self._values, self._is_category = values, is_category
        self._columns: dict[int, Column] = {}
        self._features: dict[int, Floats] = {}
        self._factors: OrderedDict[int, Floats] = OrderedDict()
        self._sets: OrderedDict[tuple[int, ...], tuple[Smoother, dict[tuple[int, bool], Freed]]] = OrderedDict()

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute (m,) alignments and p-values; questions about one set are answered together."""
        if given.shape[1] == 0:
            return self.marginal(i, j)
        statistic, p_value = np.empty(len(i)), np.empty(len(i))
        sets, which = np.unique(given, axis=0, return_inverse=True)
        for n, one in enumerate(sets.tolist()):
            rows = np.flatnonzero(which.ravel() == n)
            statistic[rows], p_value[rows] = self.conditional(i[rows], j[rows], tuple(one))
        return statistic, p_value

    def marginal(self, i: NDArray[np.int32], j: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Answer (m,) questions without a conditioning set."""
        used, place = np.unique(np.concatenate([i, j]), return_inverse=True)
        return product_test([self.features(k) for k in used.tolist()], place[: len(i)], place[len(i) :])

    def conditional(self, i: NDArray[np.int32], j: NDArray[np.int32], given: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Answer (m,) questions that share their conditioning set."""
        alignment, value, laws = np.empty(len(i)), np.empty(len(i)), []
        for row, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            # by name, so that the order of the columns plays no part
            first, second = (a, b) if self.nodes[a] < self.nodes[b] else (b, a)
            smoother, first_freed = self._freed(first, given, True)
            _, second_freed = self._freed(second, given, False)
            x, y = first_freed.residual.features, second_freed.residual.features
            value[row] = np.sum((x.T @ y) ** 2) / len(x)
            alignment[row] = value[row] * len(x) / max(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y), 1e-300)
            laws.append(null_weights(first_freed, second_freed) * smoother.overlap(first_freed.residual, second_freed.residual))
        weights = np.zeros((len(laws), max(map(len, laws))))
        for row, law in enumerate(laws):
            weights[row, : len(law)] = law
        return alignment, weighted_tail(weights, value)

    def resampled(self, rng: np.random.Generator) -> "KernelTest":
        """Return the test on rows drawn with replacement."""
        rows = rng.integers(self.n_samples, size=self.n_samples)
        return type(self)(self.nodes, self._values[rows], self._is_category, self.alpha, self.digest)

    def column(self, k: int) -> Column:
        """Return one variable with its kernel."""
        if k not in self._columns:
            self._columns[k] = Column.of(self._values[:, k], bool(self._is_category[k]))
        return self._columns[k]

    def features(self, k: int) -> Floats:
        """Return the leading kernel principal components (n, d) of a variable; of categories as many as there are."""
        if k not in self._features:
            self._features[k] = self.factor(k)[:, : LEVELS if self._is_category[k] else self.components].copy()
        return self._features[k]

    def factor(self, k: int) -> Floats:
        """Return all kernel principal components (n, r) of a variable."""
        if k not in self._factors:
            self._factors[k] = principal(low_rank(self.column(k).similarity, self.n_samples, EXACT, RANK), RANK)
            while len(self._factors) > 1 and sum(table.size for table in self._factors.values()) > FACTOR_CELLS:
                self._factors.popitem(last=False)
        return self._factors[k]

    def conditions(self, given: tuple[int, ...]) -> Floats:
        """Return features (n, r) of a conditioning set: products of components of its members, those of the largest variance first."""
        wanted = min(self.conditioning[min(len(given), len(self.conditioning)) - 1], max(self.n_samples // ROWS_PER_FEATURE, 1))
        return leading_products([self.factor(k) for k in given], wanted, JOINT if len(given) >= self.large else 1.0)

    def enlarged(self, k: int, given: tuple[int, ...]) -> Floats:
        """Return components of a variable taken together with the conditioning set at half its weight."""
        similarity = self._with_set([self.column(k)], given)
        return principal(low_rank(similarity, self.n_samples, TOGETHER, RANK), self.together)

    def told(self, k: int, given: tuple[int, ...], smoother: Smoother, with_set: bool) -> Floats | None:
        """Return functions (n, q) of the mean and spread that a set predicts for a number; none for a small set or a category."""
        if len(given) < self.large or self._is_category[k]:
            return None
        moments = predicted_moments(self.column(k).values, [self.column(s) for s in given], smoother)
        most = max(min(MOMENTS, self.n_samples // ROWS_PER_MOMENT), 1)
        if with_set:
            return principal(low_rank(self._with_set(moments, given), self.n_samples, TOGETHER, RANK), 2 * most)
        tables = [principal(low_rank(moment.similarity, self.n_samples, EXACT, RANK), RANK) for moment in moments]
        return leading_products(tables, most)

    def _with_set(self, columns: Sequence[Column], given: tuple[int, ...]) -> Callable[[int], Floats]:
        """Return the kernel of columns taken together with the conditioning set at half its weight."""
        return joint_similarity([*columns, *(self.column(s) for s in given)], [*[1.0] * len(columns), *[0.25 / len(given)] * len(given)])

    def _freed(self, k: int, given: tuple[int, ...], is_first: bool) -> tuple[Smoother, Freed]:
        """Return the features of a variable freed of a set, worked out once for a few sets."""
        if given not in self._sets:
            self._sets[given] = Smoother(self.conditions(given)), {}
            if len(self._sets) > SETS_KEPT:
                self._sets.popitem(last=False)
        smoother, known = self._sets[given]
        is_first &= self.together > 0
        if (k, is_first) not in known:
            features = self.enlarged(k, given) if is_first else self.features(k)
            known[k, is_first] = Freed.of(smoother.residual(features, self.told(k, given, smoother, is_first)))
        return smoother, known[k, is_first]


class Kci(KernelTest):
    """The kernel test of conditional independence, for up to about 1,500 rows.

    Notes
    -----
    As in Zhang et al. 2011 one variable of the pair, here the one whose name comes first, is taken together with the set (at half its
    weight), which also finds dependence that changes its sign with the set. The kernel of that pair is factored by pivoted Cholesky; its
    12 leading components are compared with 6 of the other variable.
    """

    name = "KCI"
    components = 6
    conditioning = (100, 400, 600)
    large = 4  # given three the level is kept without, and a little more is seen
    together = 12


class KernelFeatures(KernelTest):
    """The kernel test with few features, so that its time grows with the number of rows only.

    Notes
    -----
    As in Strobl, Zhang, Visweswaran 2019 each of i and j has 5 features, a conditioning set a fixed number, and the pair is not taken
    together with the set. The features are not drawn at random, as they are there, but the leading components of the kernels, which leave
    less of a wavy dependence in the residuals: with two strong curved common causes and 1,000 rows a test at 5% rejected 31% of true nulls
    with 100 features for the set half of which were random, 7% with as many leading components, and 5.7% with 200.
    """

    name = "kernel"
    components = 5
    conditioning = (50, 200, 400)


def product_test(features: Sequence[Floats], i: NDArray[np.int_], j: NDArray[np.int_]) -> tuple[Floats, Floats]:
    """Test independence of pairs of uncorrelated features: (m,) alignments and p-values.

    Parameters
    ----------
    features : one table (n, d) for each variable, centred, with uncorrelated columns.
    i, j : (m,) places in that list.

    Notes
    -----
    The statistic is the Hilbert-Schmidt independence criterion; permuting the rows of one table gives covariances with the variance
    ``l_a l_b n / (n - 1)``, l the variances of the columns (Gretton et al. 2007).
    """
    n = len(features[0])
    starts = np.cumsum([0, *(table.shape[1] for table in features[:-1])])
    joined = np.concatenate(features, axis=1)
    squares = np.add.reduceat(np.add.reduceat((joined.T @ joined) ** 2, starts, axis=0), starts, axis=1) / n
    variances = np.zeros((len(features), max(table.shape[1] for table in features)))
    for row, table in enumerate(features):
        variances[row, : table.shape[1]] = np.mean(table**2, axis=0)
    p_value = np.empty(len(i))
    step = max(1, PADDED // variances.shape[1] ** 2)
    for start in range(0, len(i), step):
        rows = slice(start, start + step)
        weights = (variances[i[rows], :, None] * variances[j[rows], None, :]).reshape(len(i[rows]), -1)
        p_value[rows] = weighted_tail(weights * n / (n - 1), squares[i[rows], j[rows]])
    scale = np.sqrt(np.diag(squares))
    return squares[i, j] / np.maximum(scale[i] * scale[j], 1e-300), p_value


def null_weights(first: Freed, second: Freed) -> Floats:
    """Return the weights of the null law: eigenvalues of the mean of ``(a_t x b_t)(a_t x b_t)'`` over rows t, drawn together a little.

    Notes
    -----
    Eigenvalues of an estimated matrix lie too far apart. They are moved towards their mean until their sum of squares is the unbiased
    one, which leaves out the products of a row with itself, as Ledoit and Wolf 2004 do with a covariance matrix.
    """
    n, a, b = len(first.products), len(first.place), len(second.place)
    moments = (first.products.T @ second.products / n)[first.place[:, :, None, None], second.place]
    weights: Floats = np.maximum(np.linalg.eigvalsh(moments.transpose(0, 2, 1, 3).reshape(a * b, a * b)), 0.0)
    mean, squares = weights.mean(), (weights**2).sum()
    unbiased = (squares - ((first.length * second.length) ** 2).sum() / n**2) * n / (n - 1)
    spread = squares - a * b * mean**2
    kept = np.sqrt(np.clip((unbiased - a * b * mean**2) / spread, 0.0, 1.0)) if spread > 0 else 1.0
    return mean + kept * (weights - mean)
