"""The graph of a totally positive distribution without a tuning parameter: an edge goes when a partial correlation is negative once."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

GAMMA = 7 / 9  # of the authors' experiments; the theory asks for 3/4 < gamma < 1
MAX_L = 6
ORDERS = ("both", "reference")
BATCH = 20_000  # tests between two looks at the world outside
FEWEST_ROWS = 4  # a partial correlation given one variable is +-1 on three rows


@dataclass(frozen=True, eq=False)
class TuningFree:
    """What the tests left of the complete graph on p variables, and which test took each missing edge away.

    Parameters
    ----------
    adjacency : (p, p) bool, symmetric: the edges.
    deleted : one record for each missing pair in the order of their removal: ``i``, ``j`` (S was taken from the neighbours of i), ``level``
        (size of S), ``given`` (S, padded with -1), ``k``, ``rho``, the negative partial correlation of i and j given S and k.
    tests : number of tests made.
    truncated : why the search ended early: ``"rows"`` (a larger S leaves no degrees of freedom), ``"max_l"``, ``"budget"`` or ``""``.
    m : rows drawn for each test.
    """

    adjacency: Bools
    deleted: NDArray[np.void]
    tests: int
    truncated: str
    m: int

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return int(self.adjacency.sum()) // 2

    def removal(self, i: int, j: int) -> np.void | None:
        """Return the record of the test that removed the pair, in either order; None where it is an edge."""
        found = np.flatnonzero(np.isin(self.deleted["i"], (i, j)) & np.isin(self.deleted["j"], (i, j)))
        return self.deleted[found[0]] if i != j and len(found) else None


def tuning_free(
    values: Floats,
    *,
    gamma: float = GAMMA,
    order: str = "both",
    max_l: int = MAX_L,
    most_tests: int | None = None,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
    report: Callable[[float, str], None] = lambda fraction, note: None,
) -> TuningFree:
    """Learn the graph of a totally positive distribution from the signs of partial correlations on subsets of the rows.

    Parameters
    ----------
    values : (n, p) samples, p >= 3, no missing numbers.
    gamma : each test draws floor(n^gamma) rows, 0 < gamma < 1.
    order : ``"both"`` takes S from the neighbours of either end of a pair; ``"reference"`` only from those of the first, as the authors'
        code does.
    max_l : size of the largest S.
    most_tests : number of tests after which the search ends with what it has; None for no limit.
    seed : of the rows drawn. Same values and seed, same graph, whatever the number of threads.
    check : called every few thousand tests; what it raises ends the search.
    report : called with (fraction of the levels up to ``max_l`` done, note) as often.

    Returns
    -------
    TuningFree

    Raises
    ------
    UserError
        Where there are fewer than three variables, too few rows, a missing number, a constant column, or an argument outside its limits.

    Notes
    -----
    From the complete graph on, for l = 0, 1, ...: for each pair i - j with at least l other neighbours of i, each S of l of them, and each
    k outside S, i, j: draw M = floor(n^gamma) rows without replacement, afresh for each test, and delete i - j at once if the partial
    correlation of i and j given S and k on these rows is negative. Under total positivity none is negative in the population, and that of
    a pair without an edge is zero given a separating set, so one of many draws is negative (Wang, Roy, Uhler 2020, Algorithm 1).
    A pair of which one is a linear function of S and k on the rows drawn is kept by that test. The search ends before l + 3 reaches M.
    """
    from engine.mtp2.tuning_free_kernel import PAIR, REMOVED, Walk, advance, level_of

    columns, m = _columns(values, gamma, order, max_l)
    p, n = columns.shape
    pairs = p * (p - 1) // 2
    walk = Walk(
        adjacency=~np.eye(p, dtype=bool), at=np.zeros(5, np.int64), neighbours=np.empty(p, np.int64),
        rows=np.arange(n, dtype=np.uint32), state=np.random.default_rng(seed).integers(2**64, size=1, dtype=np.uint64),
        removed=np.empty((pairs, 4), np.int64), sets=np.full((pairs, max_l), -1), rho=np.empty(pairs),
    )  # fmt: skip
    tests, limit, truncated = 0, np.inf if most_tests is None else most_tests, ""
    for size in count():
        if truncated or not _is_open(walk.adjacency, size, order):
            break
        truncated = "rows" if size + 3 >= m else "max_l" if size > max_l else ""
        level, walk.at[PAIR] = level_of(size, m), 0
        while not truncated and walk.at[PAIR] < p * p:
            check()
            report((size + walk.at[PAIR] / p**2) / (max_l + 1), f"sets of {size}, {tests:,} tests, {pairs - walk.at[REMOVED]:,} edges")
            tests += advance(int(min(BATCH, limit - tests)), order == "both", columns, m, walk, level)
            truncated = "budget" if tests >= limit and walk.at[PAIR] < p * p else ""
    return TuningFree(walk.adjacency, _records(walk.removed, walk.sets, walk.rho, walk.at[REMOVED]), tests, truncated, m)


def stability(
    values: Floats, runs: int, *, seed: int = 0, report: Callable[[float, str], None] = lambda fraction, note: None, **settings: Any
) -> Floats:
    """Return the (p, p) share of ``runs`` searches of the same samples, each with a seed of its own, that keep each edge.

    Parameters
    ----------
    values, report : as in `tuning_free`.
    runs : number of searches, at least one.
    seed : gives the seeds of the searches.
    settings : of each search, as in `tuning_free`.
    """
    if runs < 1:
        raise UserError(f"{runs} reruns give no frequency.", "Ask for one or more.", "runs")
    kept = np.zeros((values.shape[1], values.shape[1]))
    for run, own in enumerate(np.random.default_rng(seed).integers(2**32, size=runs)):

        def part(fraction: float, note: str, run: int = run) -> None:
            report((run + fraction) / runs, f"run {run + 1} of {runs}, {note}")

        kept += tuning_free(values, **settings, seed=int(own), report=part).adjacency
    return kept / runs


def _columns(values: Floats, gamma: float, order: str, max_l: int) -> tuple[Floats, int]:
    """Return the (p, n) standardised columns and the rows drawn for each test, or say what is wrong."""
    if order not in ORDERS:
        raise UserError(f"There is no order '{order}'.", f"Choose from {', '.join(ORDERS)}.", "order")
    if not 0 < gamma < 1:
        raise UserError(f"gamma = {gamma:g} is outside 0 to 1.", "Choose a value between 3/4 and 1, such as 7/9.", "gamma")
    if max_l < 0:
        raise UserError(f"max_l = {max_l} is negative.", "Choose 0 or more.", "max_l")
    n, p = values.shape
    if p < 3:
        raise UserError(f"{p} variables are too few: each test needs a pair and one more.", "Give at least three.", "values")
    m = int(n**gamma + 1e-9)  # 512 ** (7 / 9) is just below 128
    if m < FEWEST_ROWS:
        raise UserError(f"{n} rows are too few: each test would draw {m}.", "Give more rows, or a larger gamma.", "values")
    if not np.isfinite(values).all():
        column = int(np.argmin(np.isfinite(values).all(axis=0)))
        raise UserError(f"Column {column + 1} has missing or infinite numbers.", "Fill or remove them.", str(column))
    columns = np.ascontiguousarray((values - values.mean(axis=0)).T, dtype=np.float64)
    spread = columns.std(axis=1)
    if not spread.all():
        column = int(np.argmin(spread))
        raise UserError(f"Column {column + 1} never varies.", "Remove it.", str(column))
    return columns / spread[:, None], m


def _is_open(adjacency: Bools, level: int, order: str) -> bool:
    """Say whether some pair i - j is left whose i has ``level`` other neighbours."""
    pairs = adjacency if order == "both" else np.triu(adjacency)
    return bool((pairs.any(axis=1) & (adjacency.sum(axis=1) > level)).any())


def _records(removed: Integers, sets: Integers, rho: Floats, n: int) -> NDArray[np.void]:
    """Return the first ``n`` removals as records."""
    whole, sets_kind = np.int64, (np.int64, (sets.shape[1],))
    records = np.empty(n, [("i", whole), ("j", whole), ("level", whole), ("k", whole), ("given", *sets_kind), ("rho", np.float64)])
    for place, name in enumerate(("i", "j", "level", "k")):
        records[name] = removed[:n, place]
    records["given"], records["rho"] = sets[:n], rho[:n]
    return records
