"""Scores of a variable given its parents: what an order search and a search over classes add up."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.data.rows import are_few, largest_given
from engine.graphs import Graph
from engine.independence import GSquared, IndependenceTest, Oracle, Replay

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS = 2_000_000  # numbers in one batch, 16 MB
UNEXPLAINED = 1e-8  # share of its variance that the others must leave of a variable before it may become a parent; less is rounding
ROUNDING = 1e-12  # per sample: differences of scores below this are none
PERFECT = 1 - 1e-15  # a squared correlation beyond this is 1 but for rounding
ORACLE_SAMPLES = 10**12  # samples that stand for infinitely many: the penalty is far above rounding, far below any dependence
ORACLE_WEIGHTS = (0.4, 0.9)  # range of the absolute weights of the model that stands for a known graph
GAUSSIAN_PENALTY, DISCRETE_PENALTY = 2.0, 1.0


class Improving(NamedTuple):
    """Nodes that would improve some parent sets: ``row`` says which set, ``gain`` how much; rows ascend, gains within a row descend."""

    row: Ints
    node: Ints
    gain: Floats


class Fit(NamedTuple):
    """Scores (m,) of m variables given their parents, and the change of each score (m, d) when one of the d parents is dropped."""

    score: Floats
    dropped: Floats


class LocalScore(ABC):
    """A score of graphs that is a sum over nodes, equal for all DAGs of a Markov equivalence class.

    Attributes
    ----------
    p : number of variables.
    tolerance : differences below this are rounding.
    """

    p: int
    tolerance: float

    @abstractmethod
    def improving(self, targets: Ints, given: Ints) -> Improving:
        """List for m targets (m,) with parents (m, d) all further parents that would improve the score."""

    @abstractmethod
    def fit(self, targets: Ints, parents: Ints) -> Fit:
        """Score m targets (m,) given their parents (m, d)."""


class GaussianScore(LocalScore):
    """The Bayesian information criterion of linear Gaussian models, from a correlation matrix and the number of rows.

    Parameters
    ----------
    correlation : (p, p).
    penalty : penalty discount lambda; 1 is BIC itself.

    Notes
    -----
    ``score(j | S) = -(n / 2) log(variance of j given S) - (lambda / 2) |S| log n`` for columns of variance 1. With ``c_kl`` the
    covariances given S, a further parent k raises it by ``-(n / 2) log(1 - r^2) - (lambda / 2) log n``, where
    ``r^2 = c_jk^2 / (c_jj c_kk)``, so that one row of residual covariances tells the gains of all p candidates at once.
    """

    def __init__(self, correlation: Floats, n_samples: int, penalty: float = GAUSSIAN_PENALTY):
        self.correlation, self.n_samples, self.p = correlation, n_samples, len(correlation)
        self.per_parent = penalty * np.log(n_samples) / 2
        self.least_r2 = -np.expm1(-2 * self.per_parent / n_samples)
        # beyond, a fit is as good as its number of parents whatever they are, and with few rows no test can be shown for an edge
        self.most_parents = max(largest_given(n_samples) if are_few(n_samples, self.p) else n_samples // 4, 1)
        self.tolerance = ROUNDING * n_samples + 1e-9

    def improving(self, targets: Ints, given: Ints) -> Improving:
        """List for m targets (m,) with parents (m, d) all further parents that would improve the score."""
        m, d = given.shape
        if d >= self.most_parents:
            return Improving(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        step = max(1, CELLS // (max(d, 1) * self.p))
        rows, nodes, ratios = list[Ints](), list[Ints](), list[Floats]()
        for start in range(0, m, step):
            own, variance, target_variance = self._residuals(targets[start : start + step], given[start : start + step])
            squares = own * own
            better = squares > (self.least_r2 * target_variance)[:, None] * variance
            row, node = np.nonzero(better)
            rows.append(row + start)
            nodes.append(node)
            ratios.append(squares[row, node] / (target_variance[row] * variance[row, node]))
        every, candidate, r2 = np.concatenate(rows), np.concatenate(nodes), np.concatenate(ratios)
        order = np.lexsort((candidate, -r2, every))
        gain = -self.n_samples / 2 * np.log1p(-np.minimum(r2, PERFECT)) - self.per_parent
        return Improving(every[order], candidate[order], gain[order])

    def fit(self, targets: Ints, parents: Ints) -> Fit:
        """Score m targets (m,) given their parents (m, d)."""
        m, d = parents.shape
        if d == 0:
            return Fit(np.zeros(m), np.zeros((m, 0)))
        block = np.concatenate([parents, targets[:, None]], axis=1)
        inverse = np.linalg.inv(self.correlation[block[:, :, None], block[:, None, :]])
        diagonal = np.diagonal(inverse, axis1=1, axis2=2)
        r2 = inverse[:, :d, d] ** 2 / (diagonal[:, :d] * diagonal[:, d:])
        score = self.n_samples / 2 * np.log(diagonal[:, d]) - self.per_parent * d
        return Fit(score, self.n_samples / 2 * np.log1p(-np.minimum(r2, PERFECT)) + self.per_parent)

    def dependent_given_all_others(self) -> NDArray[np.bool_]:
        """Return (p, p) whether an edge between two variables would improve the score of both given all others."""
        inverse = np.linalg.inv(self.correlation)
        scale = np.diag(inverse)
        dependent: NDArray[np.bool_] = inverse * inverse > self.least_r2 * np.outer(scale, scale)
        np.fill_diagonal(dependent, False)
        return dependent

    def _residuals(self, targets: Ints, given: Ints) -> tuple[Floats, Floats, Floats]:
        """Return given m sets the covariances with the targets (m, p), all variances (m, p) and those of the targets; infinite: barred."""
        at = np.arange(len(targets))
        own = self.correlation[targets]
        d = given.shape[1]
        if d == 0:
            variance = np.ones_like(own)
        else:
            rows = self.correlation[given]
            # the inverse of a single variable's correlation is 1
            weights = rows if d == 1 else np.linalg.inv(self.correlation[given[:, :, None], given[:, None, :]]) @ rows
            own = own - (self.correlation[targets[:, None], given][:, None, :] @ weights)[:, 0]
            weights *= rows  # no longer needed; saves a copy of the largest array
            variance = 1 - weights.sum(axis=1)
            variance[variance < UNEXPLAINED] = np.inf
            variance[at[:, None], given] = np.inf
        target_variance = own[at, targets]
        variance[at, targets] = np.inf
        return own, variance, np.maximum(target_variance, 0.0)


class OracleScore(GaussianScore):
    """The score of infinitely many samples of a linear Gaussian model on a known graph, hidden nodes left out.

    Notes
    -----
    The correlation is computed, not sampled, so that separated nodes have partial correlation zero but for rounding; the weights are
    drawn once, and a graph whose weights cancel out somewhere has probability zero.
    """

    def __init__(self, graph: Graph, seen: list[int]):
        rng = np.random.default_rng(0)
        size = rng.uniform(*ORACLE_WEIGHTS, (graph.p, graph.p)) * rng.choice([-1, 1], (graph.p, graph.p))
        effects = np.linalg.inv(np.eye(graph.p) - graph.directed * size)
        covariance = (effects.T @ effects)[np.ix_(seen, seen)]
        scale = np.sqrt(np.diag(covariance))
        super().__init__(covariance / np.outer(scale, scale), ORACLE_SAMPLES, GAUSSIAN_PENALTY)


class DiscreteScore(LocalScore):
    """The Bayesian information criterion of categories.

    Parameters
    ----------
    codes : (n, p) category numbers from 0.
    penalty : penalty discount lambda; 1 is BIC itself.

    Notes
    -----
    ``score(j | S) = sum of n_js log(n_js / n_s) - (lambda / 2) (levels_j - 1) prod(levels of S) log n``, minus its value without parents.
    """

    def __init__(self, codes: NDArray[np.integer], penalty: float = DISCRETE_PENALTY):
        self.codes = np.ascontiguousarray(np.asarray(codes, np.int64).T)
        self.p, self.n_samples = self.codes.shape
        self.levels = self.codes.max(axis=1) + 1
        self.per_cell = penalty * np.log(self.n_samples) / 2
        self.tolerance = ROUNDING * self.n_samples + 1e-9
        self._known: dict[tuple[int, tuple[int, ...]], float] = {}

    def improving(self, targets: Ints, given: Ints) -> Improving:
        """List for m targets (m,) with parents (m, d) all further parents that would improve the score."""
        found = []
        for row, (target, parents) in enumerate(zip(targets.tolist(), given.tolist(), strict=True)):
            now = self.local(target, parents)
            for k in range(self.p):
                # a parent with so many cells that the penalty exceeds what is left to explain cannot improve
                if k != target and k not in parents and self._cells(target, [*parents, k]) * self.per_cell <= self._rest(target, parents):
                    gain = self.local(target, [*parents, k]) - now
                    if gain > self.tolerance:
                        found.append((row, -gain, k))
        found.sort()
        row_, gain_, node_ = (np.array(part) for part in zip(*found, strict=True)) if found else (np.zeros(0),) * 3
        return Improving(row_.astype(np.int64), node_.astype(np.int64), -gain_)

    def fit(self, targets: Ints, parents: Ints) -> Fit:
        """Score m targets (m,) given their parents (m, d)."""
        score, dropped = np.zeros(len(targets)), np.zeros(parents.shape)
        for row, (target, chosen) in enumerate(zip(targets.tolist(), parents.tolist(), strict=True)):
            score[row] = self.local(target, chosen)
            for n in range(len(chosen)):
                dropped[row, n] = self.local(target, chosen[:n] + chosen[n + 1 :]) - score[row]
        return Fit(score, dropped)

    def local(self, target: int, parents: list[int]) -> float:
        """Return the score of one variable given its parents, 0 without parents."""
        key = (target, tuple(sorted(parents)))
        if key not in self._known:
            own = self._likelihood(target, list(key[1])) - self._cells(target, parents) * self.per_cell
            self._known[key] = own if not parents else own - self._raw_without(target)
        return self._known[key] if parents else 0.0

    def _raw_without(self, target: int) -> float:
        self.local(target, [])
        return self._known[target, ()]

    def _rest(self, target: int, parents: list[int]) -> float:
        """Return the penalty of the parents and what of the log-likelihood they leave unexplained."""
        raw = self.local(target, parents) + self._raw_without(target)
        return -raw

    def _cells(self, target: int, parents: list[int]) -> float:
        return float(self.levels[target] - 1) * float(np.prod(self.levels[parents], dtype=np.float64))

    def _likelihood(self, target: int, parents: list[int]) -> float:
        stratum = np.zeros(self.n_samples, np.int64)
        for k in parents:
            stratum = stratum * self.levels[k] + self.codes[k]
        size = int(np.prod(self.levels[parents])) * int(self.levels[target])
        if size > 4 * self.n_samples:  # most cells are empty; number those that are not
            stratum = np.unique(stratum, return_inverse=True)[1]
            size = (int(stratum.max()) + 1) * int(self.levels[target])
        table = np.bincount(stratum * self.levels[target] + self.codes[target], minlength=size).reshape(-1, self.levels[target])
        seen = table[table > 0]
        totals = table.sum(axis=1)
        totals = totals[totals > 0]
        return float(np.sum(seen * np.log(seen)) - np.sum(totals * np.log(totals)))


def by_size(sets: Sequence[tuple[int, tuple[int, ...]]]) -> Iterator[tuple[Ints, Ints]]:
    """Yield pairs (variable, parents) in batches of equally many parents: variables (m,), parents (m, d)."""
    batches: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
    for entry in sets:
        batches.setdefault(len(entry[1]), []).append(entry)
    for size, batch in sorted(batches.items()):
        yield np.array([variable for variable, _ in batch]), np.array([chosen for _, chosen in batch], np.int64).reshape(len(batch), size)


def score_of(test: IndependenceTest, penalty: float | None = None) -> LocalScore:
    """Make the score that fits the data behind a test: Gaussian for correlations, discrete for categories, exact for an oracle.

    Parameters
    ----------
    penalty : penalty discount; None takes 2 for correlations and 1 for categories.

    Raises
    ------
    UserError
        When there is no score for this kind of test.
    """
    if isinstance(test, Replay):
        return score_of(test.test, penalty)
    if isinstance(test, Oracle):
        if test.graph.kind != "dag":
            raise UserError("A score needs a DAG behind its oracle.", "Give the DAG with its latent nodes.")
        return OracleScore(test.graph, test.seen)
    if isinstance(test, GSquared):
        return DiscreteScore(test.codes.T, DISCRETE_PENALTY if penalty is None else penalty)
    if test.correlation is not None:
        return GaussianScore(test.correlation, test.n_samples, GAUSSIAN_PENALTY if penalty is None else penalty)
    raise UserError(f"There is no score for the {test.name} test.", "Choose the Gaussian, rank or discrete test, or the method pc.", "test")
