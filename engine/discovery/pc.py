"""PC: remove every edge that some small conditioning set explains away, then orient what the sets say."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core import Context, UserError, field, method
from engine.discovery.params import TestedParams
from engine.discovery.result import GraphResult
from engine.discovery.stability import supported
from engine.graphs import Graph, Mark, cpdag_of
from engine.graphs.cpdag import dag_of, meek
from engine.graphs.graph import Marks, ancestors
from engine.independence import IndependenceTest

AT_ONCE = 400_000  # questions asked in one batch
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class PcParams(TestedParams):
    """Parameters of PC."""

    max_given: int | None = field(
        None, "Largest conditioning set", low=0, high=20, advanced=True,
        help="Stop after conditioning sets of this size; none means no limit.",
    )  # fmt: skip


@method(
    "pc", area="discovery", label="PC (stable)", needs="independence", gives="cpdag",
    cite="Spirtes, Glymour, Scheines 2000; Colombo, Maathuis 2014",
)  # fmt: skip
def pc(test: IndependenceTest, params: PcParams, context: Context) -> GraphResult:
    """Learn the CPDAG whose missing edges are those that some conditioning set separates.

    Parameters
    ----------
    test : answers questions about p variables; every answer is recorded in ``test.trace``.

    Returns
    -------
    GraphResult with ``graph`` (CPDAG over p nodes), ``n_conflicts`` and ``trace``.

    Notes
    -----
    Level d asks for each edge i - j all sets of d neighbours of i, and all of j, in the graph as it was when the level began; edges fall
    when the level ends, so the order of the columns plays no part (PC-stable). Every pair with a common neighbour is then asked again given
    sets of its final neighbours, no larger than those of the search, and the set with the largest p-value is kept: a set that only just
    passed would orient wrongly. i - k - j with i, j not adjacent is a collider when k is not in that set; colliders are oriented
    by falling p-value of the separation, and one that contradicts an earlier one is dropped and counted as a conflict. Meek's rules orient
    the rest. Exact under faithfulness and causal sufficiency.
    """
    return supported(search, test, params, context)


def search(test: IndependenceTest, params: PcParams, context: Context) -> GraphResult:
    """Run PC once, without resamples."""
    found = Separators(test)
    adjacent = skeleton(found, params.max_given, context)
    found.improve(adjacent, context)
    marks, n_conflicts = oriented(adjacent, found)
    graph = Graph(test.nodes, found.numbered(marks), "cpdag")
    is_valid = _is_cpdag(graph)
    if n_conflicts:
        context.warn(
            f"Test results contradicted each other in {n_conflicts} place{'s' if n_conflicts > 1 else ''} where arrows were to be set; "
            "the claim with the larger p-value was kept each time. Directions near these places are doubtful."
        )
    if not is_valid:
        context.warn(
            "The graph is not a valid CPDAG: no DAG has exactly these edges and arrows, because some test results contradict each other. "
            "Try another significance level, or compare with another method."
        )
    return GraphResult(graph=graph, trace=test.trace, n_conflicts=n_conflicts, is_valid=is_valid)


class Separators:
    """The best separating set of each pair so far: of all sets that were asked, the one with the largest p-value above alpha.

    Nodes are numbered in order of their names, so that equal p-values are told apart alike however the columns are arranged.
    """

    def __init__(self, test: IndependenceTest):
        self.test = test
        self.order = np.array(sorted(range(test.p), key=lambda k: test.nodes[k]), dtype=int)
        self.p_value = np.full((test.p, test.p), -1.0)
        self.largest = 0
        self._tables: list[NDArray[np.int_]] = []
        self._table, self._row = np.zeros((2, test.p, test.p), np.int32)

    def ask(self, pairs: Bools, adjacent: Bools, size: int, context: Context) -> bool:
        """Ask each of some pairs given all sets of ``size`` neighbours of either; return whether any of the tests was possible."""
        tested = False
        self.largest = max(self.largest, size)
        for i, j, given in questions(pairs, adjacent, size):
            context.check()
            p_values = np.nan_to_num(self.test.p_values(self.order[i], self.order[j], self.order[given]), nan=-1.0)
            low, high = np.minimum(i, j), np.maximum(i, j)
            better = np.flatnonzero((p_values > self.test.alpha) & (p_values > self.p_value[low, high]))
            rows = better[np.lexsort((-p_values[better], high[better], low[better]))]
            first = np.ones(len(rows), bool)
            first[1:] = (low[rows[1:]] != low[rows[:-1]]) | (high[rows[1:]] != high[rows[:-1]])
            rows = rows[first]
            for a, b in ((low[rows], high[rows]), (high[rows], low[rows])):
                self.p_value[a, b], self._table[a, b], self._row[a, b] = p_values[rows], len(self._tables), np.arange(len(rows))
            self._tables.append(given[rows])
            tested |= bool((p_values >= 0).any())
        return tested

    def given(self, i: int, j: int) -> NDArray[np.int_]:
        """Return the set that separates two nodes best."""
        return self._tables[self._table[i, j]][self._row[i, j]]

    def with_common_neighbour(self, adjacent: Bools) -> Bools:
        """Return (p, p) whether two separated nodes have a neighbour in common."""
        common = (adjacent.astype(np.float32) @ adjacent.astype(np.float32)) > 0
        separated: Bools = common & ~adjacent & (self.p_value > self.test.alpha)
        return separated

    def improve(self, adjacent: Bools, context: Context) -> None:
        """Ask every pair with a common neighbour again, given sets of its neighbours in the final graph."""
        pairs = self.with_common_neighbour(adjacent)
        for size in range(self.largest + 1):
            context.progress(0.9, f"orienting, sets of {size}")
            self.ask(pairs, adjacent, size, context)

    def numbered(self, marks: Marks) -> Marks:
        """Return marks in the numbers of the test's own nodes."""
        place = np.argsort(self.order)
        return marks[np.ix_(place, place)]


def skeleton(found: Separators, max_given: int | None, context: Context) -> Bools:
    """Return the (p, p) adjacency that is left when every pair was asked given all sets of its neighbours; fills ``found``.

    Parameters
    ----------
    max_given : largest conditioning set, None for no limit.
    """
    adjacent = ~np.eye(found.test.p, dtype=bool)
    for size in itertools.count():
        degree = adjacent.sum(axis=1)
        if degree.max(initial=0) <= size or (max_given is not None and size > max_given):
            break
        context.progress(min(size / 5, 0.9), f"sets of {size}, {int(degree.sum()) // 2:,} edges left")
        tested = found.ask(adjacent, adjacent, size, context)
        adjacent &= found.p_value <= found.test.alpha
        if not tested:
            break
        context.partial("graph", _outline(found, adjacent))
    return adjacent


def questions(pairs: Bools, adjacent: Bools, size: int) -> Iterator[tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.int_]]]:
    """Yield batches (i, j, given): for each pair all sets of ``size`` neighbours of i, then those of j that i did not have."""
    if size == 0:
        i, j = np.nonzero(np.triu(pairs))
        for rows in _slices(len(i), AT_ONCE):
            yield i[rows], j[rows], np.empty((len(i[rows]), 0), int)
        return
    every_i, every_j = np.nonzero(pairs)
    around = adjacent.sum(axis=1)[every_i] - adjacent[every_i, every_j]
    for many in np.unique(around[around >= size]).tolist():
        left, right = every_i[around == many], every_j[around == many]
        near = adjacent[left]
        near[np.arange(len(right)), right] = False
        candidates = np.nonzero(near)[1].reshape(len(left), many)
        chosen = itertools.combinations(range(many), size)
        while len(sets := np.array(list(itertools.islice(chosen, AT_ONCE)), int)):
            for rows in _slices(len(left), max(1, AT_ONCE // len(sets))):
                given = candidates[rows][:, sets].reshape(-1, size)
                i, j = np.repeat(left[rows], len(sets)), np.repeat(right[rows], len(sets))
                new = (i < j) | ~adjacent[j[:, None], given].all(axis=1)
                yield i[new], j[new], given[new]


def oriented(adjacent: Bools, found: Separators) -> tuple[Marks, int]:
    """Return the marks of the CPDAG with this skeleton and these separating sets, and how many claims were dropped as contradictory."""
    into = np.zeros_like(adjacent)
    n_conflicts = 0
    left, right = np.nonzero(np.triu(found.with_common_neighbour(adjacent)))
    for pair in np.argsort(-found.p_value[left, right], kind="stable"):
        i, j = int(left[pair]), int(right[pair])
        colliders = adjacent[i] & adjacent[j]
        colliders[found.given(i, j)] = False
        for k in np.flatnonzero(colliders):
            if into[k, i] or into[k, j]:
                n_conflicts += 1
            else:
                into[i, k] = into[j, k] = True
    arrows = meek(_marks(adjacent, into)) == Mark.ARROW
    # an arrow on a directed cycle is as contradictory as one claimed both ways
    cyclic = arrows & ancestors(arrows).T
    return _marks(adjacent, arrows & ~cyclic), n_conflicts + int(cyclic.sum())


def _marks(adjacent: Bools, arrows: Bools) -> Marks:
    """Return marks with these arrows, and lines on all other edges."""
    marks = np.where(adjacent, np.uint8(Mark.TAIL), np.uint8(Mark.NONE))
    marks[arrows] = Mark.ARROW
    return marks


def _outline(found: Separators, adjacent: Bools) -> Graph:
    """Return the edges left so far as lines, to show while the search goes on."""
    lines = found.numbered(_marks(adjacent, np.zeros_like(adjacent)))
    return Graph(found.test.nodes, lines, "ug")


def _is_cpdag(graph: Graph) -> bool:
    """Return whether the graph is the CPDAG of some DAG."""
    try:
        return cpdag_of(dag_of(graph)) == graph
    except UserError:
        return False


def _slices(total: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, total, step))
