"""The trace holds every question once, finds any of them, and comes back from disk as it was."""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from engine.core import Result
from engine.independence import FisherZ, Trace

NODES = tuple("ABCDE")


@pytest.fixture
def trace():
    trace = Trace(NODES, 0.05, "Fisher z", "partial correlation")
    trace.add([0, 3], [1, 2], np.zeros((2, 0)), np.array([0.5, 0.1]), np.array([0.001, 0.3]))
    trace.add([1, 0, 0], [0, 4, 4], [[4, 2], [1, 2], [2, 1]], np.array([0.0, 0.2, 0.2]), np.array([0.9, np.nan, np.nan]))
    trace.add([1], [0], np.zeros((1, 0)), np.array([0.5]), np.array([0.001]))
    return trace


def test_a_question_counts_once_in_whatever_order_it_is_asked(trace):
    assert len(trace) == 4
    assert trace.counts().to_numpy().tolist() == [[0, 2, 1, 1, 0], [2, 2, 0, 1, 1]]


def test_tests_of_a_pair(trace):
    table = trace.of("B", "A")
    assert table["given"].tolist() == [(), ("C", "E")]
    assert table["size"].tolist() == [0, 2]
    assert table["p_value"].tolist() == [0.001, 0.9]
    assert table["decision"].tolist() == ["dependent", "independent"]
    assert trace.of("A", "E")["decision"].tolist() == ["not tested"]
    assert trace.of("C", "E").empty and "decision" in trace.of("C", "E")


def test_lookup_finds_what_was_asked_and_only_that(trace):
    assert trace.p_value(1, 0, [2, 4]) == 0.9
    assert trace.p_value(2, 3) == 0.3
    assert trace.p_value(0, 1, [2]) is None and trace.p_value(0, 1, [2, 3]) is None and trace.p_value(0, 2) is None
    assert np.isnan(trace.p_value(4, 0, [1, 2]))


def test_lookup_agrees_with_a_dictionary():
    rng = np.random.default_rng(0)
    trace, known = Trace([str(k) for k in range(30)], 0.05), {}
    for _ in range(40):
        drawn = np.array([rng.permutation(30)[:5] for _ in range(100)])
        p_values = rng.random(100)
        trace.add(drawn[:, 0], drawn[:, 1], drawn[:, 2:], p_values, p_values)
        for row, p_value in zip(drawn.tolist(), p_values, strict=True):
            known.setdefault((frozenset(row[:2]), frozenset(row[2:])), p_value)
    assert len(trace) == len(known)
    wanted = np.array([[*ends, *given] for ends, given in known] + [rng.permutation(30)[:5] for _ in range(500)])
    found, _, p_values = trace.lookup(wanted[:, 0], wanted[:, 1], wanted[:, 2:])
    expected = [known.get((frozenset(row[:2]), frozenset(row[2:])), np.nan) for row in wanted.tolist()]
    np.testing.assert_array_equal(p_values, expected)
    np.testing.assert_array_equal(found, ~np.isnan(expected))


def test_many_single_questions_equal_one_batch():
    rng = np.random.default_rng(1)
    fisher = FisherZ.of([str(k) for k in range(40)], rng.standard_normal((60, 40)), 0.05)
    single, batch = fisher.at(0.05), fisher.at(0.05)
    i, j = np.triu_indices(40, 1)
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        single.independent(a, b)
    batch.p_values(i, j, [])
    assert single.trace.frame().equals(batch.trace.frame())


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept(Result):
    trace: Trace


@pytest.mark.parametrize("full", [True, False])
def test_round_trip_through_arrays_and_through_a_result_folder(trace, tmp_path, full):
    kept = trace if full else Trace(NODES, 0.05)
    again = Trace.from_arrays(kept.to_arrays())
    assert again.frame().equals(kept.frame())
    assert (again.nodes, again.alpha, again.test, again.statistic) == (kept.nodes, kept.alpha, kept.test, kept.statistic)
    from engine.discovery.result import GraphResult
    from engine.graphs import Graph

    result = GraphResult(graph=Graph.empty(NODES, "cpdag"), trace=kept)
    loaded = Result.from_dir(result.to_dir(tmp_path / "result"))
    assert loaded.digest == result.digest and loaded.trace.frame().equals(kept.frame())


def test_digest_of_a_result_depends_on_its_trace(trace):
    other = Trace.from_arrays(trace.to_arrays())
    assert Kept(trace=trace).digest == Kept(trace=other).digest
    other.add([0], [2], np.zeros((1, 0)), np.array([0.0]), np.array([1.0]))
    assert Kept(trace=trace).digest != Kept(trace=other).digest


def test_a_million_answers_are_recorded_and_read_in_seconds():
    rng = np.random.default_rng(0)
    trace = Trace([str(k) for k in range(1000)], 0.05)
    started = time.process_time()
    for _ in range(10):
        i, j, k = rng.integers(1000, size=(3, 100_000))
        trace.add(i, j, k[:, None], k / 1000, k / 1000)
    recorded = time.process_time()
    assert len(trace) > 990_000
    assert recorded - started < 1 and time.process_time() - recorded < 5
