"""A smallest effect decides beside alpha, in every way a decision is made, while p-values in the trace stay what they are."""

import numpy as np
import pandas as pd
import pytest

import engine
from engine import independence
from engine.core import Dataset
from engine.discovery.stability import reorient
from engine.graphs import Graph
from engine.independence import FisherZ, Rank, Replay, Trace
from engine.independence.gaussian import fisher_p
from engine.independence.trace import decisive_p

N = 1_000_000
WEAK = pd.DataFrame(
    [[1, 0.01, 0.3, 0.003], [0.01, 1, 0.4, 0.003], [0.3, 0.4, 1, 0.002], [0.003, 0.003, 0.002, 1]], list("ABCD"), list("ABCD")
)
HUGE = Dataset(WEAK, kind="correlation", n_rows=N)


def test_small_effects_count_as_none_and_their_p_values_stay():
    test = FisherZ("ABCD", WEAK.to_numpy(), N, 1e-3, "").with_floor(0.02)
    assert test.independent_batch([0, 0, 0], [1, 2, 3], []).tolist() == [True, False, True]
    honest = fisher_p(np.array([0.01, 0.3]), N - 3)
    assert honest[0] < 1e-20
    table = test.trace.frame().set_index(["a", "b"])
    assert table.loc[("A", "B")][["p_value", "decision"]].tolist() == [pytest.approx(honest[0]), "independent"]
    assert table.loc[("A", "C"), "decision"] == "dependent"
    assert test.trace.counts().loc[0, ["dependent", "independent"]].tolist() == [1, 2]


def test_the_clearest_separation_has_the_largest_value():
    statistic = np.array([0.0, 0.005, -0.02, 0.021, 0.5, np.nan])
    lifted = decisive_p(statistic, np.array([1.0, 1e-9, 1e-30, 1e-31, 0.0, np.nan]), 0.01, 0.02)
    assert (np.diff(lifted[:4]) < 0).all()
    assert (lifted[:3] > 0.01).all() and lifted[3] == 1e-31 and np.isnan(lifted[5])
    assert decisive_p(statistic, statistic, 0.01, 0.0) is statistic


@pytest.mark.parametrize("size", [0, 3, 50])
def test_critical_value_agrees_with_the_decision(size):
    for floor in (0.0, 0.001, 0.05):
        test = FisherZ("ABCD", WEAK.to_numpy(), 10_000, 1e-3, "").with_floor(floor)
        r = np.linspace(0, 0.1, 2001) + 1e-7
        decided = decisive_p(r, fisher_p(r, test.freedom(size)), 1e-3, floor) <= 1e-3
        assert ((r > test.critical(size)) == decided).all()
    assert FisherZ("ABCD", WEAK.to_numpy(), 5, 1e-3, "").with_floor(0.1).critical(2) == 1.0


def test_the_floor_survives_another_level_a_resample_a_replay_and_the_disk():
    values = np.random.default_rng(0).standard_normal((100, 3))
    for test in (FisherZ.of("ABC", values, 0.1).with_floor(0.3), Rank.of("ABC", values, 0.1).with_floor(0.3)):
        assert test.at(0.2).floor == test.resampled(np.random.default_rng(0)).floor == test.at(0.2).trace.floor == 0.3
        replay = Replay(test.trace, test)
        assert replay.floor == replay.at(0.01).floor == 0.3 and replay.with_floor(0.1).critical(1) == test.with_floor(0.1).critical(1)
        assert Trace.from_arrays(test.trace.to_arrays()).floor == 0.3
    bare = FisherZ("ABC", np.corrcoef(values.T), 100, 0.1, "").with_floor(0.3)
    assert bare.resampled(np.random.default_rng(0)).floor == 0.3


@pytest.mark.parametrize("method", ["pc", "gsp"])
def test_methods_draw_no_edge_for_a_small_effect(method):
    assert engine.run(method, HUGE).graph.skeleton.sum() // 2 > 2
    found = engine.run(method, HUGE, floor=0.02)
    assert found.graph == Graph.from_edges("ABCD", ["A --> C", "B --> C"], kind="cpdag")


def test_evidence_says_why_and_the_level_can_change():
    found = engine.run("pc", HUGE, floor=0.02, alpha=1e-3)
    sentence = found.evidence("A", "B").sentence
    assert "|r| = 0.01 is not above 0.02" in sentence and "above alpha" not in sentence
    assert found.separator("A", "B") == ()
    assert found.provenance.params["floor"] == 0.02
    real = independence.test_for(HUGE, Settings(0.02))
    assert reorient(found, real, 1e-6).digest == engine.run("pc", HUGE, floor=0.02, alpha=1e-6).digest


class Settings:
    test, rows, alpha = "auto", "all", 1e-3

    def __init__(self, floor):
        self.floor = floor


def test_a_test_without_partial_correlations_says_so():
    codes = pd.DataFrame(np.random.default_rng(0).choice(["x", "y"], (100, 2)), columns=["A", "B"])
    test = independence.test_for(Dataset(codes), Settings(0.1))
    assert test.floor == 0 and "The smallest effect was not used" in test.warnings[0]
    assert independence.test_for(Dataset(codes), Settings(0.0)).warnings == []


def test_very_many_rows_behind_a_correlation_matrix_are_said():
    assert "set the smallest effect" in independence.test_for(HUGE, Settings(0.0)).warnings[0]
