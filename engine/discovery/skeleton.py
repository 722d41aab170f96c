"""The skeleton: edges that no small conditioning set explains away, and the set that separates each other pair best."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import Context
from engine.graphs import Graph, Mark
from engine.graphs.bitsets import of
from engine.independence import IndependenceTest

AT_ONCE = 400_000  # questions asked in one batch
Bools = NDArray[np.bool_]
Ints = NDArray[np.int_]
Batch = tuple[Ints, Ints, Ints]


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
        self.largest = max(self.largest, size)
        return self.ask_all(questions(pairs, adjacent, size), context)

    def ask_all(self, batches: Iterable[Batch], context: Context) -> bool:
        """Ask batches (i, j, given) of questions, each with sets of one size; return whether any of the tests was possible."""
        tested = False
        for i, j, given in batches:
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

    def separators(self, adjacent: Bools) -> Mapping[tuple[int, int], int]:
        """Return the sets that separate the pairs i < j that are not adjacent, in the bits of whole numbers."""
        return {(i, j): of(self.given(i, j).tolist()) for i, j in np.argwhere(np.triu(~adjacent, 1)).tolist()}

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

    def numbered(self, marks: NDArray[Any]) -> NDArray[Any]:
        """Return a (p, p) table of marks or edges in the numbers of the test's own nodes."""
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


def questions(pairs: Bools, adjacent: Bools, size: int) -> Iterator[Batch]:
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
        for row, given in subsets(np.nonzero(near)[1].reshape(len(left), many), size):
            i, j = left[row], right[row]
            new = (i < j) | ~adjacent[j[:, None], given].all(axis=1)
            yield i[new], j[new], given[new]


def subsets(candidates: Ints, size: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield batches (row, given): all sets of ``size`` from each row of an (m, k) table of candidates, and the row of each."""
    chosen = itertools.combinations(range(candidates.shape[1]), size)
    while len(sets := np.array(list(itertools.islice(chosen, AT_ONCE)), int)):
        for rows in _slices(len(candidates), max(1, AT_ONCE // len(sets))):
            given = candidates[rows][:, sets].reshape(-1, size)
            yield np.repeat(np.arange(rows.start, min(rows.stop, len(candidates))), len(sets)), given


def _outline(found: Separators, adjacent: Bools) -> Graph:
    """Return the edges left so far as lines, to show while the search goes on."""
    lines = np.where(found.numbered(adjacent), np.uint8(Mark.TAIL), np.uint8(Mark.NONE))
    return Graph(found.test.nodes, lines, "ug")


def _slices(total: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, total, step))
