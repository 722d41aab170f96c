"""The trace: every question an independence test was asked, and its answer, in columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

MERGE_AFTER = 512  # chunks of one size kept apart before they become one; single questions would fill memory with tiny arrays


@dataclass(frozen=True, eq=False)
class Questions:
    """Questions "is i independent of j given S" with one size of S, and their answers, in order of asking.

    Attributes
    ----------
    i, j : (m,) nodes, ``i < j``.
    given : (m, d) conditioning sets, each sorted.
    statistic, p_value : (m,) answers; a p-value of NaN means that the test was not possible.
    """

    i: Ints
    j: Ints
    given: Ints
    statistic: Floats
    p_value: Floats

    @classmethod
    def ordered(cls, i: Any, j: Any, given: Any, statistic: Floats, p_value: Floats) -> "Questions":
        """Make questions in their one form: the smaller node first, sets sorted."""
        low, high = np.minimum(i, j).astype(np.int32), np.maximum(i, j).astype(np.int32)
        return cls(low, high, np.sort(np.asarray(given, np.int32), axis=1), np.asarray(statistic, float), np.asarray(p_value, float))

    @classmethod
    def joined(cls, chunks: Sequence["Questions"]) -> "Questions":
        """Put chunks one after the other."""
        if len(chunks) == 1:
            return chunks[0]
        columns = ("i", "j", "given", "statistic", "p_value")
        return cls(*(np.concatenate([getattr(chunk, column) for chunk in chunks]) for column in columns))

    def take(self, rows: NDArray[Any]) -> "Questions":
        """Return some of the questions."""
        return Questions(self.i[rows], self.j[rows], self.given[rows], self.statistic[rows], self.p_value[rows])

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """(m,) 64-bit name of each question; equal questions have equal keys."""
        return question_keys(self.i, self.j, self.given)

    @cached_property
    def by_key(self) -> NDArray[np.intp]:
        """(m,) rows in order of their keys, the first asked first."""
        return np.argsort(self.keys, kind="stable")

    def same(self, rows: NDArray[Any], other: "Questions", others: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each of some rows asks what the matching row of another table asks."""
        return (
            (self.i[rows] == other.i[others])
            & (self.j[rows] == other.j[others])
            & (self.given[rows] == other.given[others]).all(axis=1)
        )  # fmt: skip

    def unique(self) -> "Questions":
        """Return every question once, where it was first asked."""
        order, keys = self.by_key, self.keys[self.by_key]
        doubtful = np.flatnonzero(keys[1:] == keys[:-1])
        again = doubtful[self.same(order[doubtful], self, order[doubtful + 1])] + 1
        if not len(again):
            return self
        keep = np.ones(len(keys), bool)
        keep[order[again]] = False
        return self.take(np.flatnonzero(keep))

    def find(self, wanted: "Questions") -> NDArray[np.intp]:
        """Return the row in which each wanted question stands, -1 where it was never asked."""
        place = np.searchsorted(self.keys, wanted.keys, sorter=self.by_key)
        rows = self.by_key[np.minimum(place, len(self.i) - 1)]
        return np.where((self.keys[rows] == wanted.keys) & self.same(rows, wanted, np.arange(len(rows))), rows, -1)


class Trace:
    """Every question asked of a test, each once, with its answer.

    Parameters
    ----------
    nodes : names of the p variables.
    alpha : significance level that turns a p-value into a decision.
    test : name of the test.
    statistic : what the statistic is, in words.
    floor : statistics no larger than this count as independence, whatever their p-value; see `decisive_p`.

    Notes
    -----
    Answers are appended in chunks; repeated questions are dropped when the trace is first read, which keeps writing cheap.
    """

    def __init__(self, nodes: Sequence[str], alpha: float, test: str = "", statistic: str = "statistic", floor: float = 0.0):
        self.nodes, self.alpha, self.test, self.statistic, self.floor = tuple(nodes), float(alpha), test, statistic, float(floor)
        self._chunks: dict[int, list[Questions]] = {}
        self._clean: set[int] = set()
        self._later: list[Callable[[], None]] = []

    def add(self, i: Any, j: Any, given: Any, statistic: Floats, p_value: Floats) -> None:
        """Record m answers about sets of one size: i, j (m,), given (m, d), statistic (m,), p_value (m,)."""
        if len(p_value) == 0:
            return
        chunk = Questions.ordered(i, j, given, statistic, p_value)
        size = chunk.given.shape[1]
        chunks = self._chunks.setdefault(size, [])
        chunks.append(chunk)
        self._clean.discard(size)
        if len(chunks) % MERGE_AFTER == 0:
            chunks[-MERGE_AFTER:] = [Questions.joined(chunks[-MERGE_AFTER:])]

    def later(self, write: Callable[[], None]) -> None:
        """Call ``write``, which adds answers to questions that were all possible, when the trace is first read."""
        self._later.append(write)

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def sizes(self) -> list[int]:
        """Sizes of the conditioning sets that occur, ascending."""
        self._write()
        return sorted(self._chunks)

    def asked(self, size: int) -> Questions | None:
        """Return the questions with a conditioning set of one size, each once, in order of asking."""
        self._write()
        if size not in self._chunks:
            return None
        if size not in self._clean:
            self._chunks[size] = [Questions.joined(self._chunks[size]).unique()]
            self._clean.add(size)
        return self._chunks[size][0]

    @property
    def has_untested(self) -> bool:
        """Whether some test was not possible."""
        return any(np.isnan(chunk.p_value).any() for chunks in self._chunks.values() for chunk in chunks)

    def __len__(self) -> int:
        return sum(len(self._of_size(size).i) for size in self.sizes)

    def lookup(self, i: Any, j: Any, given: Any) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Return for m questions (given: (m, d)) whether each was asked, its statistic and its p-value."""
        empty = np.full(len(np.atleast_1d(i)), np.nan)
        wanted = Questions.ordered(i, j, given, empty, empty)
        asked = self.asked(wanted.given.shape[1])
        if asked is None:
            return np.zeros(len(empty), bool), empty, empty.copy()
        rows = asked.find(wanted)
        known = rows >= 0
        return known, np.where(known, asked.statistic[rows], np.nan), np.where(known, asked.p_value[rows], np.nan)

    def p_value(self, i: int, j: int, given: Sequence[int] = ()) -> float | None:
        """Return the p-value of one question by node numbers, None if it was never asked, NaN if it could not be tested."""
        known, _, p_value = self.lookup(np.array([i]), np.array([j]), np.array([list(given)], np.int32).reshape(1, -1))
        return float(p_value[0]) if known[0] else None

    def of(self, a: str, b: str) -> pd.DataFrame:
        """Return the tests of one pair, small sets first: given (names), size, statistic, p_value, decision."""
        i, j = sorted((self.nodes.index(a), self.nodes.index(b)))
        tables = []
        for size in self.sizes:
            asked = self._of_size(size)
            rows = np.flatnonzero((asked.i == i) & (asked.j == j))
            if len(rows):
                tables.append(self._table(asked.take(rows)))
        columns = ["given", "size", "statistic", "p_value", "decision"]
        return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)

    def frame(self) -> pd.DataFrame:
        """Return all tests: a, b, given, size, statistic, p_value, decision."""
        tables = [self._table(self._of_size(size)) for size in self.sizes]
        columns = ["a", "b", "given", "size", "statistic", "p_value", "decision"]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)

    def counts(self) -> pd.DataFrame:
        """Return per size of the conditioning set how many tests were asked, rejected, accepted and not possible."""
        rows = []
        for size in self.sizes:
            asked = self._of_size(size)
            p = self.decisive(asked.statistic, asked.p_value)
            rows.append((size, len(p), int((p <= self.alpha).sum()), int((p > self.alpha).sum()), int(np.isnan(p).sum())))
        return pd.DataFrame(rows, columns=["size", "asked", "dependent", "independent", "not tested"])

    def decisive(self, statistic: Floats, p_value: Floats) -> Floats:
        """Return the p-values (m,) that decide at the level and the floor of this trace."""
        return decisive_p(statistic, p_value, self.alpha, self.floor)

    def p_values(self) -> Floats:
        """Return the p-values of all tests that were possible."""
        found = [self._of_size(size).p_value for size in self.sizes]
        every = np.concatenate(found) if found else np.zeros(0)
        return every[~np.isnan(every)]

    # -- keeping -------------------------------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the trace as named arrays, the conditioning sets one after the other."""
        tables = [self._of_size(size) for size in self.sizes]
        joined = {
            column: np.concatenate([getattr(table, column).ravel() for table in tables]) if tables else np.zeros(0, kind)
            for column, kind in (("i", np.int32), ("j", np.int32), ("given", np.int32), ("statistic", float), ("p_value", float))
        }
        counts = np.array([[size, len(table.i)] for size, table in zip(self.sizes, tables, strict=True)], np.int64).reshape(-1, 2)
        facts = np.array([self.test, self.statistic], dtype=np.str_)
        about = {"nodes": np.array(self.nodes, dtype=np.str_), "alpha": np.array(self.alpha), "facts": facts, "counts": counts}
        return about | ({"floor": np.array(self.floor)} if self.floor else {}) | joined

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Trace":
        """Read what `to_arrays` wrote."""
        test, statistic = map(str, arrays["facts"])
        floor = float(arrays["floor"]) if "floor" in arrays else 0.0
        trace = cls(tuple(map(str, arrays["nodes"])), float(arrays["alpha"]), test, statistic, floor)
        row = cell = 0
        for size, count in arrays["counts"].tolist():
            rows, cells = slice(row, row + count), slice(cell, cell + count * size)
            given = np.asarray(arrays["given"][cells], np.int32).reshape(count, size)
            trace.add(arrays["i"][rows], arrays["j"][rows], given, arrays["statistic"][rows], arrays["p_value"][rows])
            row, cell = rows.stop, cells.stop
        return trace

    # -- inside ----------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Write what was put off."""
        while self._later:
            self._later.pop(0)()

    def _of_size(self, size: int) -> Questions:
        asked = self.asked(size)
        assert asked is not None
        return asked

    def _table(self, asked: Questions) -> pd.DataFrame:
        names = np.array(self.nodes, dtype=object)
        return pd.DataFrame(
            {
                "a": names[asked.i], "b": names[asked.j],
                "given": [tuple(self.nodes[k] for k in row) for row in asked.given.tolist()],
                "size": asked.given.shape[1],
                "statistic": asked.statistic, "p_value": asked.p_value,
                "decision": decisions(self.decisive(asked.statistic, asked.p_value), self.alpha),
            }
        )  # fmt: skip


def decisions(p_value: Floats, alpha: float) -> NDArray[Any]:
    """Return (m,) ``independent``, ``dependent`` or ``not tested``."""
    return np.where(np.isnan(p_value), "not tested", np.where(p_value > alpha, "independent", "dependent")).astype(object)


def decisive_p(statistic: Floats, p_value: Floats, alpha: float, floor: float) -> Floats:
    """Return (m,) p-values as a decision sees them: those of statistics no larger than the floor are lifted above alpha.

    Notes
    -----
    Of those that are lifted the smallest statistic has the largest value, so that searches that take the clearest separation still can.
    """
    if not floor:
        return p_value
    lifted = 1 - (1 - alpha) * np.abs(statistic) / (2 * floor)
    return np.where(np.abs(statistic) <= floor, np.maximum(p_value, lifted), p_value)


def question_keys(i: Ints, j: Ints, given: Ints) -> NDArray[np.uint64]:
    """Return (m,) 64-bit keys, the same for i, j swapped and for any order of the conditioning set.

    Notes
    -----
    Zobrist hashing: every node has one random word as an end and another as a condition, and a question is their exclusive or.
    The words come from the splitmix64 generator, so keys are the same in every run.
    """
    ends = _mixed(2 * i.astype(np.uint64)) ^ _mixed(2 * j.astype(np.uint64))
    conditions = _mixed(2 * np.arange(given.max(initial=0) + 1, dtype=np.uint64) + np.uint64(1))
    keys: NDArray[np.uint64] = ends ^ np.bitwise_xor.reduce(conditions[given], axis=1)
    return keys


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Map numbers to random-looking words by the splitmix64 finaliser."""
    with np.errstate(over="ignore"):
        word = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
