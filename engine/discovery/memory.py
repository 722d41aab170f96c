"""Answers remembered: questions with sets of any size, asked in batches and each only once."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

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
    """

    def __init__(self, test: IndependenceTest, order: Ints | None = None):
        self.test = test
        self.order = np.arange(test.p) if order is None else order
        self._known: dict[Question, bool] = {}

    def independent(self, i: int, j: int, given: int) -> bool:
        """Answer one question."""
        question = (i, j, given) if i < j else (j, i, given)
        if question not in self._known:
            self.ask((question,))
        return self._known[question]

    def ask(self, questions: Iterable[Question]) -> None:
        """Ask the new ones of many questions (i, j, given) with i < j, those with sets of one size together."""
        known = self._known
        by_size: defaultdict[int, list[Question]] = defaultdict(list)
        for question in dict.fromkeys(question for question in questions if question not in known):
            by_size[question[2].bit_count()].append(question)
        for size in sorted(by_size):
            asked = by_size[size]
            i, j = np.array([question[:2] for question in asked]).T
            given = np.array([list(members(question[2])) for question in asked], dtype=int).reshape(len(asked), size)
            answers = self.test.independent_batch(self.order[i], self.order[j], self.order[given])
            known.update(zip(asked, answers.tolist(), strict=True))
