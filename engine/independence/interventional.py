"""What a method for interventions sees: tests of independence without intervention, tests of invariance, and the targets that are known."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, UserError, digest_of
from engine.graphs import Graph, Mark
from engine.graphs.bitsets import members, of
from engine.graphs.separation import Separation
from engine.independence import checks
from engine.independence.base import IndependenceTest
from engine.independence.choose import categories_of, rows_test
from engine.independence.combined import Combined
from engine.independence.discrete import GSquared
from engine.independence.gaussian import FisherZ, to_correlation
from engine.independence.invariance import SPARE_ROWS, GaussianInvariance, InvarianceTest, RankInvariance, RowsInvariance, within
from engine.independence.invariance_pooled import DiscreteInvariance, KernelInvariance, ZerosInvariance
from engine.independence.moments import Moments
from engine.independence.oracle import Oracle
from engine.independence.rank import Rank
from engine.independence.trace import Floats

MANY_ZEROS = 0.2  # share of zeros in a column that is never negative from which on the zero-inflation test is chosen
KINDS: Mapping[str, type[RowsInvariance]] = {
    "gaussian": GaussianInvariance, "rank": RankInvariance, "kernel": KernelInvariance, "zeros": ZerosInvariance,
    "discrete": DiscreteInvariance,
}  # fmt: skip
INVARIANCE_TESTS = ("auto", *KINDS)

Targets = Mapping[str, tuple[str, ...] | None]


class InterventionalTests:
    """The tests of a dataset with regimes.

    Parameters
    ----------
    observational : test of independence in the observational regime.
    invariance : compares each other regime with it.
    known : regime -> its known targets, None where they are unknown; the regimes are those of ``invariance``.
    digest : digest of the data.
    """

    def __init__(self, observational: IndependenceTest, invariance: InvarianceTest, known: Targets, digest: str):
        self.observational, self.invariance, self.digest = observational, invariance, digest
        self.known = {regime: known.get(regime) for regime in invariance.regimes}
        self.warnings = observational.warnings

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the p variables."""
        return self.observational.nodes

    @property
    def p(self) -> int:
        """Number of variables."""
        return self.observational.p

    @property
    def n_samples(self) -> int:
        """Number of rows of the observational regime."""
        return self.observational.n_samples

    @property
    def alpha(self) -> float:
        """Level of the tests of independence."""
        return self.observational.alpha

    def at(self, alpha: float, alpha_inv: float | None = None) -> "InterventionalTests":
        """Return the same tests at another level, with an empty trace."""
        invariance = self.invariance if alpha_inv is None else self.invariance.at(alpha_inv)
        return InterventionalTests(self.observational.at(alpha), invariance, self.known, self.digest)

    def resampled(self, rng: np.random.Generator) -> "InterventionalTests":
        """Return the tests on rows drawn with replacement inside each regime."""
        return InterventionalTests(self.observational.resampled(rng), self.invariance.resampled(rng), self.known, self.digest)


class OracleInvariance(InvarianceTest):
    """Answers by separation in the true DAG with one more node per regime, which points at the regime's targets."""

    name = "oracle invariance"
    statistic = "separation"

    def __init__(self, dag: Graph, targets: Mapping[str, Iterable[str]]):
        super().__init__(dag.nodes, tuple(targets), [2**31] * (len(targets) + 1), 0.5)
        p, k = dag.p, len(targets)
        marks = np.zeros((p + k, p + k), np.uint8)
        marks[:p, :p] = dag.marks
        for n, goal in enumerate(targets.values()):
            chosen = [dag.index(name) for name in goal]
            marks[p + n, chosen], marks[chosen, p + n] = Mark.ARROW, Mark.TAIL
        self._separation = Separation(Graph((*dag.nodes, *(f"regime {n}" for n in range(k))), marks, "dag"))

    def at(self, alpha: float) -> "OracleInvariance":
        """Return the oracle itself; it has no level."""
        return self

    def answers(self, i: NDArray[np.int64], given: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Compute 1 (invariant) or 0 (changed) for each question and regime, twice."""
        # rows of one regime and of the observational one: the other regimes' nodes are held fixed
        every = of(range(len(self.nodes), len(self.nodes) + len(self.regimes)))
        invariant = [
            [float(self._separation.separated(a, place, of(s) | every & ~(1 << place))) for place in members(every)]
            for a, s in zip(i.tolist(), given.tolist(), strict=True)
        ]
        return np.array(invariant), np.array(invariant)


class InterventionalOracle(InterventionalTests):
    """Exact answers in a known DAG with known targets, in place of data with regimes.

    Parameters
    ----------
    dag : the truth.
    targets : regime -> variables intervened on.
    known : regime -> targets that a method is told, None or no entry where it is told nothing; by default it is told all.

    Examples
    --------
    >>> oracle = InterventionalOracle(Graph.from_edges("AB", ["A --> B"]), {"knock-out": ("A",)})
    >>> oracle.invariance.changed(1, 0), oracle.invariance.changed(1, 1)  # B alone, and B given A
    (1, 0)
    """

    def __init__(self, dag: Graph, targets: Mapping[str, Iterable[str]], known: Targets | None = None):
        true = {str(regime): tuple(goal) for regime, goal in targets.items()}
        told = true if known is None else known
        digest = digest_of(["interventional oracle", dag.to_dict(), {r: list(goal) for r, goal in true.items()}, sorted(told.items())])
        super().__init__(Oracle(dag), OracleInvariance(dag, true), told, digest)


def interventional_for(data: Any, params: Any) -> InterventionalTests:
    """Make the tests that ``params`` names of a dataset whose first regime is observational; ready tests pass through at these levels.

    Parameters
    ----------
    data : dataset with at least two regimes, or tests such as `InterventionalOracle`.
    params : with ``alpha``, ``alpha_inv``, ``test``, ``invariance`` (auto, gaussian, rank, kernel, zeros, discrete) and ``rows`` (obs,
        or all to test independence in every regime and combine the answers).

    Raises
    ------
    UserError
        When the data have no regimes, the tables are not fit for tests, or all regimes are too small.

    Notes
    -----
    ``auto`` takes the zero-inflation test when some column is never negative and at least one fifth zeros, and otherwise what fits the
    test of independence: discrete, rank or Gaussian.
    """
    if isinstance(data, InterventionalTests):
        return data.at(params.alpha, params.alpha_inv)
    if not isinstance(data, Dataset) or len(data.regimes) < 2:
        raise UserError(
            f"{getattr(data, 'name', 'This table')} has no regimes: all rows come from one condition, and there is nothing to compare.",
            "Upload several files as conditions on the data page, or choose the column that names the condition; "
            "without interventions use gsp or pc.", "regime",
        )  # fmt: skip
    first, *others = data.regimes
    sizes = dict(zip(data.regimes, np.bincount(data.regime_numbers).tolist(), strict=True))
    small = [regime for regime in others if sizes[regime] <= SPARE_ROWS]
    kept = [regime for regime in others if regime not in small]
    if not kept:
        raise UserError(
            f"No regime beside '{first}' has more than {SPARE_ROWS} rows.",
            "Add rows, or pool regimes with the same intervention.",
            small[0],
        )
    kind = getattr(params, "invariance", "auto")
    moments = None if categories_of(data.frame) else Moments.of(regime_tables(data, data.frame.to_numpy(), (first, *kept)))
    if moments is None or small or not moments.is_finite:
        checks.require_complete(data.frame)
    observational = rows_test(data.rows(first), params, [])
    observational.digest = data.digest
    if small:
        listed = ", ".join(f"{regime} ({sizes[regime]} rows)" for regime in small[: checks.NAMED])
        observational.warnings.append(f"Too few rows to compare, so left out: {listed}{' …' if len(small) > checks.NAMED else ''}.")
    discrete = isinstance(observational, GSquared)
    values = _codes(data.frame) if discrete or kind == "discrete" else _numbers(data.frame)
    if kind == "auto":
        kind = _fitting(observational, values)
    tables = regime_tables(data, values, (first, *kept))
    rows = getattr(params, "rows", "obs")
    if rows == "all" or (rows == "auto" and isinstance(observational, FisherZ | Rank)):
        observational = _combined(observational, tables, moments)
    if kind == "gaussian":
        return InterventionalTests(
            observational, GaussianInvariance(data.columns, kept, tables, params.alpha_inv, moments), data.targets, data.digest
        )
    return InterventionalTests(observational, KINDS[kind](data.columns, kept, tables, params.alpha_inv), data.targets, data.digest)


def regime_tables(data: Dataset, values: Floats, regimes: Sequence[str]) -> list[Floats]:
    """Return the rows (n_k, p) of a table (n, p) for each of some regimes; without copying where those of a regime stand together."""
    number = data.regime_numbers
    wanted = [data.regimes.index(regime) for regime in regimes]
    if (np.diff(number) < 0).any():
        return [values[number == k] for k in wanted]
    ends = np.searchsorted(number, np.arange(len(data.regimes) + 1))
    return [values[ends[k] : ends[k + 1]] for k in wanted]


def _combined(observational: IndependenceTest, tables: Sequence[Floats], moments: Moments | None) -> IndependenceTest:
    """Return the test of independence that combines all regimes."""
    if not isinstance(observational, FisherZ | Rank):
        raise UserError(
            f"The {observational.name} test cannot combine regimes.",
            "Set 'Rows used for edges' to obs, or choose the Gaussian or rank test.", "rows",
        )  # fmt: skip
    nodes, alpha, digest = observational.nodes, observational.alpha, observational.digest
    parts: list[FisherZ] | list[Rank]
    if isinstance(observational, Rank):
        parts = [Rank.of(nodes, table, alpha, digest) for table in tables]
    else:
        scatter = within(moments or Moments.of(tables))[0]
        parts = [FisherZ(nodes, to_correlation(own), len(table), alpha, digest, table) for own, table in zip(scatter, tables, strict=True)]
    combined = Combined(parts)
    combined.warnings = observational.warnings
    return combined


def _fitting(observational: IndependenceTest, values: Floats) -> str:
    """Return the invariance test that fits the test of independence and the columns."""
    if isinstance(observational, GSquared):
        return "discrete"
    whole = values[:, values.min(axis=0) >= 0]
    if whole.size and (((whole == 0).mean(axis=0) >= MANY_ZEROS) & ((whole != 0) & (whole != 1)).any(axis=0)).any():
        observational.warnings.append("The zero-inflation test of invariance was chosen, since some columns have many zeros.")
        return "zeros"
    return "rank" if isinstance(observational, Rank) else "gaussian"


def _numbers(frame: pd.DataFrame) -> Floats:
    """Return the (n, p) values, categories by the number of their name."""
    categories = categories_of(frame)
    if not categories:
        return frame.to_numpy(dtype=np.float64)
    return np.column_stack([_code(frame[name]) if name in categories else frame[name].to_numpy(np.float64) for name in frame.columns])


def _codes(frame: pd.DataFrame) -> Floats:
    """Return the (n, p) category numbers of all columns."""
    return np.column_stack([_code(frame[name]) for name in frame.columns])


def _code(column: "pd.Series[Any]") -> Floats:
    text = column.astype(str) if isinstance(column.dtype, pd.CategoricalDtype) else column
    return np.unique(text.to_numpy(), return_inverse=True)[1].astype(np.float64)
