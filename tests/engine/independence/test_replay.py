"""A replay answers from the trace at another level, and asks the real test only what is new."""

import numpy as np
import pytest

from engine.independence import FisherZ, GSquared, Oracle, Replay
from tests.graphs import random_dag

VALUES = np.random.default_rng(0).standard_normal((50, 4)).cumsum(axis=1)


class Counting(FisherZ):
    """Fisher z that remembers how many questions it had to compute."""

    computed = 0

    def answers(self, i, j, given):
        type(self).computed += len(i)
        return super().answers(i, j, given)


@pytest.fixture
def real():
    Counting.computed = 0
    return Counting.of("ABCD", VALUES, 0.01)


def test_known_answers_are_not_computed_again(real):
    first = real.p_values([0, 0], [1, 2], [[3], [1]])
    assert Counting.computed == 2
    replay = Replay(real.trace, real.at(0.4))
    assert replay.p_values([1, 2], [0, 0], [[3], [1]]).tolist() == first.tolist()
    assert Counting.computed == 2
    replay.p_values([0, 0], [1, 3], [[3], [1]])
    assert Counting.computed == 3
    assert len(replay.trace) == 3 and len(replay.test.trace) == 1


def test_decisions_are_those_of_the_new_level(real):
    p_value = real.p_values([0], [2], [[1]])[0]
    assert Replay(real.trace, real.at(p_value * 0.9)).independent(0, 2, [1])
    assert not Replay(real.trace, real.at(min(p_value * 1.1, 0.99))).independent(0, 2, [1])


def test_a_trace_of_another_test_is_refused(real):
    with pytest.raises(ValueError, match="does not belong"):
        Replay(GSquared("ABCD", np.zeros((9, 4), int), 0.1).trace, real)
    with pytest.raises(ValueError, match="does not belong"):
        Replay(Oracle(random_dag(4, 2, np.random.default_rng(0))).trace, real)
