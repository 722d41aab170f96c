"""Rates, areas, overlays and calibration are what counting pair by pair gives."""

import itertools

import numpy as np
import pandas as pd
import pytest

from engine.discovery.accuracy import area, calibration, overlay, roc
from engine.discovery.sweep import Sweep
from engine.graphs import Graph, Mark, cpdag_of
from tests.graphs import random_dags

TRUTH = Graph.from_edges("ABCDE", ["A --> B", "B --> C", "C --- D", "A --> E"])
LEARNED = Graph.from_edges("EDCBA", ["A --> B", "C --> B", "D --> C", "B --> D"], "pag")


def marks_of(graph, a, b):
    """The mark at a and the mark at b."""
    return int(graph.marks[graph.index(b), graph.index(a)]), int(graph.marks[graph.index(a), graph.index(b)])


def verdict(learned, truth, a, b):
    """Say what one pair deserves, mark by mark."""
    mine, true = marks_of(learned, a, b), marks_of(truth, a, b)
    if mine == true:
        return "right"
    if not any(true):
        return "extra"
    if not any(mine):
        return "missing"
    return "turned" if any(m == Mark.ARROW != t for m, t in zip(mine, true, strict=True)) else "open"


def test_an_overlay_by_hand():
    both, verdicts = overlay(LEARNED, TRUTH)
    assert verdicts == {
        ("A", "B"): "right", ("C", "B"): "turned", ("D", "C"): "turned", ("B", "D"): "extra", ("A", "E"): "missing",
    }  # fmt: skip
    assert both.nodes == LEARNED.nodes and both.children("A") == ("E", "B")
    line = Graph.from_edges("ABCDE", ["A --- B"])
    assert overlay(line, TRUTH)[1]["A", "B"] == "open"


@pytest.mark.parametrize("seed", range(5))
def test_an_overlay_says_of_every_pair_what_its_marks_say(seed):
    learned, truth = (cpdag_of(dag) for dag in random_dags(2, nodes=[8], degree=3, seed=seed))
    both, verdicts = overlay(learned, truth)
    pairs = [(a, b) for a, b in itertools.combinations(learned.nodes, 2) if any(marks_of(learned, a, b) + marks_of(truth, a, b))]
    assert len(verdicts) == both.n_edges == len(pairs)
    told = {frozenset(pair): said for pair, said in verdicts.items()}
    assert told == {frozenset(pair): verdict(learned, truth, *pair) for pair in pairs}


def counted(graph, truth):
    """Rates of pairs and of arrows, counted one by one."""
    pairs = list(itertools.combinations(graph.nodes, 2))
    found, false = [], []
    for a, b in pairs:
        (found if b in truth.adjacent(a) else false).append(b in graph.adjacent(a))
    arrows, wrong = [], []
    for a, b in itertools.permutations(graph.nodes, 2):
        (arrows if b in truth.children(a) else wrong).append(b in graph.children(a))
    return [sum(part) / len(part) for part in (found, false, arrows, wrong)]


def test_every_point_of_the_curve_is_what_counting_gives():
    truth, *learned = (cpdag_of(dag) for dag in random_dags(6, nodes=[7], degree=3, seed=3))
    points = roc(Sweep("alpha", (0.1, 0.2, 0.3, 0.4, 0.5), tuple(learned)), truth)
    assert points["level"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert points["edges"].tolist() == [graph.n_edges for graph in learned]
    columns = ["found", "false", "arrows found", "arrows false"]
    np.testing.assert_allclose(points[columns], [counted(graph, truth) for graph in learned])


def test_a_truth_in_another_order_of_the_variables_is_the_same_truth():
    sweep = Sweep("alpha", (0.1,), (cpdag_of(random_dags(1, nodes=[6], seed=2)[0]),))
    truth = cpdag_of(random_dags(1, nodes=[6], seed=9)[0])
    pd.testing.assert_frame_equal(roc(sweep, truth), roc(sweep, truth.subgraph(truth.nodes[::-1])))


def test_the_area_is_the_chance_of_ranking_a_true_pair_higher():
    """Levels that add pairs one group after the other: the area is that of the Mann-Whitney statistic, ties half."""
    rng = np.random.default_rng(0)
    strength, true = rng.integers(0, 6, 40), rng.random(40) < 0.4
    levels = [(np.mean(strength[~true] >= cut), np.mean(strength[true] >= cut)) for cut in range(1, 6)]
    points = pd.DataFrame(levels, columns=["false", "found"])
    ranks = [(a > b) + (a == b) / 2 for a in strength[true] for b in strength[~true]]
    assert area(points) == pytest.approx(np.mean(ranks))
    assert area(points.sample(frac=1, random_state=1)) == pytest.approx(np.mean(ranks)), "whatever the order of the levels"
    assert area(points.iloc[[0, 0]]) is None


def graph_with(shares, joined, nodes):
    """A graph whose pairs (in order) were joined in these shares of the resamples, always as an arrow forwards."""
    p = len(nodes)
    support = np.zeros((p, p, 4))
    support[:, :, Mark.NONE] = 1
    marks = np.zeros((p, p), np.uint8)
    for (i, j), share, is_joined in zip(itertools.combinations(range(p), 2), shares, joined, strict=True):
        support[i, j, [Mark.NONE, Mark.ARROW]] = 1 - share, share
        support[j, i, [Mark.NONE, Mark.TAIL]] = 1 - share, share
        if is_joined:
            marks[i, j], marks[j, i] = Mark.ARROW, Mark.TAIL
    return Graph(nodes, marks, "dag", support=support)


def test_calibration_by_hand():
    truth = Graph.from_edges("ABC", ["A --> B", "C --> A"])
    learned = graph_with([1.0, 0.8, 0.3], [True, True, False], "ABC")  # A-B, A-C, B-C
    found = calibration([(learned, truth)], bins=5)
    assert found.bins.to_dict("list") == {
        "low": [0.2, 0.8], "high": [0.4, 1.0], "pairs": [1, 2], "support": [pytest.approx(0.3), pytest.approx(0.9)], "true": [0.0, 1.0],
    }  # fmt: skip
    assert found.brier == pytest.approx((0.2**2 + 0.3**2) / 3)
    assert found.error == pytest.approx((0.3 + 2 * 0.1) / 3)
    ends = calibration([(learned, truth)], bins=5, ends=True)  # A --> B is true, A --> C is turned round
    assert ends.pairs == 2 and ends.bins["true"].tolist() == [0.5]
    assert ends.brier == pytest.approx((0 + 0.8**2) / 2)


def test_support_that_is_a_probability_is_calibrated_when_pooled():
    rng = np.random.default_rng(1)
    graphs = []
    for _ in range(40):
        shares = rng.random(66)
        learned = graph_with(shares, shares > 0.5, [f"X{k}" for k in range(12)])
        graphs.append((learned, graph_with(shares, rng.random(66) < shares, learned.nodes)))
    found = calibration(graphs, bins=5)
    assert found.pairs == 40 * 66 and len(found.bins) == 5
    spread = 4 * np.sqrt(0.25 / found.bins["pairs"])  # four standard errors
    assert ((found.bins["true"] - found.bins["support"]).abs() < spread).all()
    assert found.brier == pytest.approx(1 / 6, abs=0.02)  # mean of s (1 - s) over uniform s
    careless = calibration([(graph_with(np.ones(66), np.ones(66, bool), g.nodes), t) for g, t in graphs])
    assert careless.error == pytest.approx(0.5, abs=0.05)


def test_bins_of_equal_shares_do_not_depend_on_rounding():
    shares = [k / 5 for k in range(6)]
    learned = graph_with(shares, [False] * 6, "ABCD")
    assert calibration([(learned, Graph.empty("ABCD"))], bins=5).bins["pairs"].tolist() == [1, 1, 1, 1, 2]


def test_a_graph_without_support_has_no_calibration():
    with pytest.raises(ValueError, match="support"):
        calibration([(TRUTH, TRUTH)])
    nothing = graph_with([0.0], [False], "AB")
    assert calibration([(nothing, Graph.empty("AB"))], ends=True).pairs == 0
