"""Replay: answers from a trace at another level, so that an alpha slider costs no test twice."""

import numpy as np
from numpy.typing import NDArray

from engine.independence.base import IndependenceTest
from engine.independence.trace import Floats, Trace


class Replay(IndependenceTest):
    """Answers what a trace knows from the trace, and asks the real test only the rest.

    Parameters
    ----------
    known : answers of an earlier run of the same test on the same data.
    test : the real test, at the new level; what it is asked is recorded in its own trace.

    Attributes
    ----------
    trace : the questions of this run alone, so that it equals the trace of a fresh run at the new level.
    """

    def __init__(self, known: Trace, test: IndependenceTest):
        if known.nodes != test.nodes or known.test != test.name:
            raise ValueError(f"the trace of {known.test} on {len(known.nodes)} nodes does not belong to this {test.name} test")
        self.name, self.statistic, self.correlation, self.floor = test.name, test.statistic, test.correlation, test.floor
        super().__init__(test.nodes, test.n_samples, test.alpha, test.digest)
        self.warnings = test.warnings
        self.known, self.test = known, test

    def at(self, alpha: float) -> "Replay":
        """Return the replay at another level."""
        return Replay(self.known, self.test.at(alpha))

    def with_floor(self, floor: float) -> "Replay":
        """Return the replay with another floor."""
        return Replay(self.known, self.test.with_floor(floor))

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Look up (m,) statistics and p-values, and compute those that were never asked."""
        known, statistic, p_value = self.known.lookup(i, j, given)
        new = np.flatnonzero(~known)
        if len(new):
            statistic[new], p_value[new] = self.test.answers(i[new], j[new], given[new])
            self.test.trace.add(i[new], j[new], given[new], statistic[new], p_value[new])
        return statistic, p_value

    def resampled(self, rng: np.random.Generator) -> IndependenceTest:
        """Return the real test on rows drawn with replacement."""
        return self.test.resampled(rng)

    def critical(self, size: int) -> float:
        """Return the critical partial correlation of the real test."""
        return self.test.critical(size)

    def record(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32], statistic: Floats) -> None:
        """Take into the trace m partial correlations (m,) given (m, d) that a compiled kernel computed."""
        self.test.record(i, j, given, statistic)
        self.trace.add(i, j, given, statistic, self.test.trace.lookup(i, j, given)[2])
