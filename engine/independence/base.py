"""What a constraint-based method sees: a test that answers questions and keeps a trace of them."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.independence.trace import Floats, Trace, decisive_p


class IndependenceTest(ABC):
    """Answers "is i independent of j given S" for p named variables at one significance level.

    Parameters
    ----------
    nodes : names of the p variables.
    n_samples : number of rows behind the answers.
    alpha : significance level; independent iff the p-value is above it.
    digest : digest of the data.

    Attributes
    ----------
    trace : every question asked and its answer.
    warnings : sentences the reader of a result must see; the caller passes them on.
    floor : effect size up to which an answer counts as independent, whatever its p-value; 0 but for tests on correlations.
    correlation : (p, p) matrix that all answers follow from, where there is one; compiled kernels work on it together with
        `critical` and hand their answers to `record`.
    """

    name = "test"
    statistic = "statistic"
    floor: float = 0.0
    correlation: Floats | None = None

    def __init__(self, nodes: Sequence[str], n_samples: int, alpha: float, digest: str):
        self.nodes, self.n_samples, self.digest = tuple(nodes), int(n_samples), digest
        self.warnings: list[str] = []
        self._start(alpha)

    @property
    def p(self) -> int:
        """Number of variables."""
        return len(self.nodes)

    def at(self, alpha: float) -> Self:
        """Return the same test at another level, with an empty trace."""
        other = copy.copy(self)
        other._start(alpha)
        return other

    def with_floor(self, floor: float) -> Self:
        """Return the same test for which partial correlations no larger than ``floor`` are none, with an empty trace."""
        other = copy.copy(self)
        other.floor = float(floor)
        other._start(self.alpha)
        return other

    def p_values(self, i: Any, j: Any, given: Any) -> Floats:
        """Answer m questions and record them.

        Parameters
        ----------
        i, j : (m,) numbers of nodes.
        given : (m, d) numbers of nodes, or (d,) for one set for all.

        Returns
        -------
        (m,) p-values to compare with alpha; NaN where the test was not possible, which counts as dependent (the edge stays). Those of
        effects no larger than the floor are lifted above alpha; the trace keeps them as they are.
        """
        i, j = np.atleast_1d(np.asarray(i, np.int32)), np.atleast_1d(np.asarray(j, np.int32))
        given = np.asarray(given, np.int32)
        if given.ndim == 1:
            given = np.broadcast_to(given, (len(i), len(given)))
        # one order for every way to ask a question, so that rounding cannot give it two answers
        i, j, given = np.minimum(i, j), np.maximum(i, j), np.sort(given, axis=1)
        statistic, p_value = self.answers(i, j, given)
        self.trace.add(i, j, given, statistic, p_value)
        return decisive_p(statistic, p_value, self.alpha, self.floor)

    def independent(self, i: int, j: int, given: Sequence[int] = ()) -> bool:
        """Answer one question; asking it again costs nothing."""
        question = (i, j, *sorted(given)) if i < j else (j, i, *sorted(given))
        answer = self._memory.get(question)
        if answer is None:
            answer = bool(self.independent_batch([i], [j], [list(question[2:])])[0])
            self._memory[question] = answer
        return answer

    def independent_batch(self, i: Any, j: Any, given: Any) -> NDArray[np.bool_]:
        """Answer m questions: (m,) whether the p-value is above alpha."""
        independent: NDArray[np.bool_] = self.p_values(i, j, given) > self.alpha
        return independent

    @abstractmethod
    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute (m,) statistics and (m,) p-values without recording them."""

    @property
    def correlations(self) -> Floats | None:
        """(r, p, p) matrices, one for each part of the rows, from whose partial correlations all answers follow by `merged`."""
        return None if self.correlation is None else self.correlation[None]

    def merged(self, r: Floats, size: Any) -> Floats:
        """Return the partial correlations (...) that decide, of those in each part (r, ...) given ``size`` variables."""
        found: Floats = r[0]
        return found

    def resampled(self, rng: np.random.Generator) -> "IndependenceTest":
        """Return the test on rows drawn with replacement."""
        raise UserError(f"The {self.name} test has no rows to resample.", "Set 'Bootstrap resamples' to 0.", "bootstrap")

    def critical(self, size: int) -> float:
        """Return the absolute partial correlation at which a test given ``size`` variables turns to dependent; 1 when not possible."""
        raise NotImplementedError(f"the {self.name} test does not work on a correlation matrix")

    def record(self, i: Any, j: Any, given: Any, statistic: Floats) -> None:
        """Take into the trace m answers that a compiled kernel computed: partial correlations (m,) given (m, d)."""
        raise NotImplementedError(f"the {self.name} test does not work on a correlation matrix")

    def _start(self, alpha: float) -> None:
        self.alpha = float(alpha)
        self.trace = Trace(self.nodes, self.alpha, self.name, self.statistic, self.floor)
        self._memory: dict[tuple[int, ...], bool] = {}
