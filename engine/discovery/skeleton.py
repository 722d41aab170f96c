"""The skeleton: edges that no small conditioning set explains away, and the set that separates each other pair best."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import Context
from engine.discovery.knowledge import Knowledge
from engine.graphs import Graph, Mark
from engine.graphs.bitsets import of
from engine.independence import IndependenceTest

AT_ONCE = 400_000  # questions asked in one batch
TOGETHER = 20_000  # quick questions that small batches are put together to, since each batch has a price of its own
Bools = NDArray[np.bool_]
Ints = NDArray[np.int_]
Batch = tuple[Ints, Ints, Ints]


class Separators:
    """The best separating set of each pair so far: of all sets that were asked, the one with the largest p-value above alpha.

    Nodes are numbered in order of their names, so that equal p-values are told apart alike however the columns are arranged.

    Parameters
    ----------
    known : what comes later than both ends of a pair never separates it, and is not asked.
    """

    def __init__(self, test: IndependenceTest, known: Knowledge | None = None):
        self.test = test
        self.order = np.array(sorted(range(test.p), key=lambda k: test.nodes[k]), dtype=int)
        self.known = (known or Knowledge.none(test.nodes)).numbered(self.order)
        self.p_value = np.full((test.p, test.p), -1.0)
        self.largest = 0
        self._asked = np.full((test.p, test.p), -1)  # size up to which all sets of neighbours were asked
        self._tables: list[NDArray[np.int_]] = []
        self._table, self._row = np.zeros((2, test.p, test.p), np.int32)

    def ask(self, pairs: Bools, adjacent: Bools, size: int, context: Context) -> bool:
        """Ask each of some pairs given all sets of ``size`` neighbours of either; return whether any of the tests was possible."""
        self.largest = max(self.largest, size)
        self._asked[pairs] = size
        batches = questions(pairs, adjacent, size)
        return self.ask_all(batches if self.test.correlation is None else _together(batches), context)

    def ask_all(self, batches: Iterable[Batch], context: Context) -> bool:
        """Ask batches (i, j, given) of questions, each with sets of one size; return whether any of the tests was possible."""
        tested = False
        for i, j, given in batches:
            context.check()
            if self.known:
                later = (self.known.earlier[i[:, None], given] & self.known.earlier[j[:, None], given]).any(axis=1)
                i, j, given = i[~later], j[~later], given[~later]
            p_values = np.fmax(self.test.p_values(self.order[i], self.order[j], self.order[given]), -1.0)  # NaN becomes -1
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

    def unseparated(self) -> Bools:
        """Return the (p, p) pairs that no set separates, and those joined by a required arrow."""
        left: Bools = self.p_value <= self.test.alpha
        np.fill_diagonal(left, False)
        return left | self.known.required | self.known.required.T

    def by_size(self, i: Ints, j: Ints) -> Iterator[Batch]:
        """Yield (i, j, given): some separated pairs (m,) with the sets that separate them best, those with sets of one size together."""
        table, row = self._table[i, j], self._row[i, j]
        sizes = np.array([sets.shape[1] for sets in self._tables], int)[table]
        for size in np.unique(sizes).tolist():
            rows = np.flatnonzero(sizes == size)
            given = np.empty((len(rows), size), int)
            for number in np.unique(table[rows]).tolist():
                from_here = table[rows] == number
                given[from_here] = self._tables[number][row[rows[from_here]]]
            yield i[rows], j[rows], given

    def separators(self, adjacent: Bools) -> Mapping[tuple[int, int], int]:
        """Return the sets that separate the pairs i < j that are not adjacent, in the bits of whole numbers."""
        return {(i, j): of(self.given(i, j).tolist()) for i, j in np.argwhere(np.triu(~adjacent, 1)).tolist()}

    def with_common_neighbour(self, adjacent: Bools) -> Bools:
        """Return (p, p) whether two separated nodes have a neighbour in common."""
        common = (adjacent.astype(np.float32) @ adjacent.astype(np.float32)) > 0
        separated: Bools = common & ~adjacent & (self.p_value > self.test.alpha)
        return separated

    def improve(self, adjacent: Bools, context: Context) -> None:
        """Ask every pair with a common neighbour also given those sets of its neighbours in the final graph that were not asked yet."""
        pairs = self.with_common_neighbour(adjacent)
        with context.best_so_far():
            for size in range(self.largest + 1):
                context.progress(0.9, f"orienting, sets of {size}")
                self.ask(pairs & (self._asked < size), adjacent, size, context)

    def numbered(self, marks: NDArray[Any]) -> NDArray[Any]:
        """Return a (p, p) table of marks or edges in the numbers of the test's own nodes."""
        place = np.argsort(self.order)
        return marks[np.ix_(place, place)]


def skeleton(found: Separators, max_given: int | None, context: Context, barred: Bools | None = None) -> Bools:
    """Return the (p, p) adjacency that is left when every pair was asked given all sets of its neighbours; fills ``found``.

    Parameters
    ----------
    max_given : largest conditioning set, None for no limit.
    barred : (p, p) pairs that are known not to be joined; what separates them is asked all the same.
    """
    barred = np.zeros((found.test.p, found.test.p), dtype=bool) if barred is None else barred
    pairs = ~np.eye(found.test.p, dtype=bool)
    with context.best_so_far():
        for size in itertools.count():
            adjacent = pairs & ~barred
            degree = adjacent.sum(axis=1)
            if degree.max(initial=0) <= size or (max_given is not None and size > max_given):
                break
            context.progress(min(size / 5, 0.9), f"sets of {size}, {int(degree.sum()) // 2:,} edges left")
            tested = found.ask(pairs, adjacent, size, context)
            pairs = found.unseparated()
            if not tested:
                break
            context.partial("graph", partial(_outline, found, pairs & ~barred))
    return found.unseparated() & ~barred


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


def _together(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Put small batches of questions with sets of one size together."""
    waiting: list[Batch] = []
    total = 0
    for batch in batches:
        waiting.append(batch)
        total += len(batch[0])
        if total >= TOGETHER:
            yield _joined(waiting)
            waiting, total = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[Batch]) -> Batch:
    i, j, given = (np.concatenate(columns) for columns in zip(*batches, strict=True))
    return i, j, given


def _outline(found: Separators, adjacent: Bools) -> Graph:
    """Return the edges left so far as lines, to show while the search goes on."""
    lines = np.where(found.numbered(adjacent), np.uint8(Mark.TAIL), np.uint8(Mark.NONE))
    return Graph(found.test.nodes, lines, "ug")


def _slices(total: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, total, step))
