"""Answers remembered: questions with sets of any size, asked in batches and each only once."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from engine.discovery.orders import Floats, critical_values
from engine.discovery.skeleton import Ints
from engine.graphs.bitsets import members
from engine.independence import IndependenceTest

Question = tuple[int, int, int]


class Memory:
    """Answers "is i independent of j given S" for sets S in the bits of whole numbers.

    Parameters
    ----------
    test : answers the questions and records them in its trace.
    order : (p,) the test's number of each node; by default their own.

    Attributes
    ----------
    known : the answers so far, by question with i < j.
    """

    def __init__(self, test: IndependenceTest, order: Ints | None = None):
        self.test = test
        self.order = np.arange(test.p) if order is None else order
        self.known: dict[Question, bool] = {}

    def independent(self, i: int, j: int, given: int) -> bool:
        """Answer one question."""
        question = (i, j, given) if i < j else (j, i, given)
        found = self.known.get(question)
        if found is None:
            self.ask((question,))
            found = self.known[question]
        return found

    def ask(self, questions: Iterable[Question]) -> None:
        """Ask the new ones of many questions (i, j, given) with i < j, those with sets of one size together."""
        known = self.known
        fresh = dict.fromkeys(question for question in questions if question not in known)
        for size, asked in _by_size(fresh).items():
            i, j, given = _columns(asked, size, self.test.p)
            answers = self.test.independent_batch(self.order[i], self.order[j], self.order[given])
            known.update(zip(asked, answers.tolist(), strict=True))

    def record(self) -> None:
        """Write answers that are not yet in the trace into it."""


class CorrelationMemory(Memory):
    """Answers from a correlation matrix: one inverse per block serves all questions about its pairs given the rest of it.

    Notes
    -----
    With K the inverse of the block of S, i and j the partial correlation is ``-K_ij / sqrt(K_ii K_jj)``. Walks over graphs ask about few
    blocks, since their sets are those of all ancestors. The trace is written by `record`.
    """

    def __init__(self, test: IndependenceTest):
        super().__init__(test)
        assert test.correlation is not None
        self.correlation = test.correlation
        self._critical = critical_values(test).tolist()
        self._inverses: dict[int, list[list[float]]] = {}
        self._statistic: dict[Question, float] = {}

    def independent(self, i: int, j: int, given: int) -> bool:
        """Answer one question."""
        question = (i, j, given) if i < j else (j, i, given)
        found = self.known.get(question)
        if found is None:
            block = given | 1 << i | 1 << j
            inverse = self._inverses.get(block)
            if inverse is None:
                self._invert([block])
                inverse = self._inverses[block]
            a, b = (block & ((1 << i) - 1)).bit_count(), (block & ((1 << j) - 1)).bit_count()
            scale = inverse[a][a] * inverse[b][b]
            r = -inverse[a][b] / math.sqrt(scale) if scale > 0 else math.nan
            self._statistic[question] = r
            found = self.known[question] = abs(r) <= self._critical[given.bit_count()]
        return found

    def ask(self, questions: Iterable[Question]) -> None:
        """Invert the blocks of many questions together, so that answering each costs next to nothing."""
        known, inverses = self.known, self._inverses
        blocks = {given | 1 << i | 1 << j for i, j, given in questions if (i, j, given) not in known}
        self._invert(block for block in blocks if block not in inverses)

    def record(self) -> None:
        """Write all answers into the trace of the test."""
        for size, asked in _by_size(self._statistic).items():
            i, j, given = _columns(asked, size, self.test.p)
            self.test.record(i, j, given, np.array([self._statistic[question] for question in asked]))
        self._statistic.clear()

    def _invert(self, blocks: Iterable[int]) -> None:
        by_size: defaultdict[int, list[int]] = defaultdict(list)
        for block in blocks:
            by_size[block.bit_count()].append(block)
        for size, same in by_size.items():
            nodes = _members(same, size, self.test.p)
            self._inverses.update(zip(same, _inverses(self.correlation[nodes[:, :, None], nodes[:, None, :]]).tolist(), strict=True))


def memory_of(test: IndependenceTest) -> Memory:
    """Return the memory that suits a test."""
    return Memory(test) if test.correlation is None else CorrelationMemory(test)


def _by_size(questions: Iterable[Question]) -> dict[int, list[Question]]:
    found: defaultdict[int, list[Question]] = defaultdict(list)
    for question in questions:
        found[question[2].bit_count()].append(question)
    return dict(sorted(found.items()))


def _columns(questions: Sequence[Question], size: int, p: int) -> tuple[Ints, Ints, Ints]:
    """Return (m,) and (m,) nodes and (m, size) members of the sets."""
    i, j = np.array([question[:2] for question in questions]).T
    return i, j, _members([question[2] for question in questions], size, p)


def _members(sets: Sequence[int], size: int, p: int) -> Ints:
    """Return an (m, size) table of the members of m sets with this many each."""
    if len(sets) < 8:  # below this unpacking bits takes longer than walking them
        return np.array([list(members(nodes)) for nodes in sets], dtype=int).reshape(len(sets), size)
    width = (p + 7) // 8
    packed = np.frombuffer(b"".join(nodes.to_bytes(width, "little") for nodes in sets), np.uint8).reshape(len(sets), width)
    return np.nonzero(np.unpackbits(packed, axis=1, bitorder="little"))[1].reshape(len(sets), size)


def _inverses(blocks: Floats) -> Floats:
    """Invert (m, d, d) blocks; a singular one, as a resample may have, becomes NaN, which counts as dependent."""
    inverse: Floats
    try:
        inverse = np.asarray(np.linalg.inv(blocks), np.float64)
    except np.linalg.LinAlgError:
        regular = np.linalg.matrix_rank(blocks, hermitian=True) == blocks.shape[1]
        inverse = np.full(blocks.shape, np.nan)
        inverse[regular] = np.linalg.inv(blocks[regular])
    return inverse
