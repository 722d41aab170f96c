"""Distances and scores count what a reader would count by hand."""

import numpy as np
import pytest

from engine.core import UserError
from engine.graphs import Graph, arrowhead_scores, cpdag_of, differences, shd, skeleton_scores, tail_scores
from engine.graphs.metrics import Scores
from tests.graphs import random_dags

TRUTH = Graph.from_edges("ABCD", ["A --> B", "B --> C", "C --- D"])
ESTIMATE = Graph.from_edges("DCBA", ["B --> A", "B --> C", "A --- D", "C --> D"])


def test_shd_counts_pairs():
    assert shd(TRUTH, ESTIMATE) == 3  # A-B turned, A-D added, C-D directed
    assert shd(ESTIMATE, TRUTH) == 3
    assert shd(TRUTH, TRUTH.subgraph("CADB")) == 0


def test_scores_by_hand():
    assert skeleton_scores(ESTIMATE, TRUTH) == pytest.approx(Scores(3 / 4, 1, 6 / 7))
    assert arrowhead_scores(ESTIMATE, TRUTH) == pytest.approx(Scores(1 / 3, 1 / 2, 0.4))
    assert tail_scores(ESTIMATE, TRUTH) == pytest.approx(Scores(2 / 5, 2 / 4, 4 / 9))


def test_nothing_claimed_and_nothing_to_find():
    empty = Graph.empty("ABCD")
    assert skeleton_scores(empty, TRUTH) == (1, 0, 0)
    assert skeleton_scores(TRUTH, empty) == (0, 1, 0)
    assert skeleton_scores(empty, empty) == (1, 1, 1)


def test_differences_name_both_edges():
    assert differences(TRUTH, ESTIMATE).to_dict("records") == [
        {"source": "A", "target": "B", "first": "A --> B", "second": "A <-- B", "change": "reversed"},
        {"source": "A", "target": "D", "first": "", "second": "A --- D", "change": "added"},
        {"source": "C", "target": "D", "first": "C --- D", "second": "C --> D", "change": "marks"},
    ]
    assert differences(ESTIMATE, TRUTH)["change"].tolist().count("removed") == 1
    assert differences(TRUTH, TRUTH).empty


def test_as_many_differences_as_the_distance():
    graphs = random_dags(40, nodes=[9], degree=3)
    for a, b in zip(graphs[::2], graphs[1::2], strict=True):
        assert len(differences(a, b)) == shd(a, b) == shd(b, a)
        assert shd(a, b) >= np.count_nonzero(a.skeleton ^ b.skeleton) // 2
        assert shd(cpdag_of(a), cpdag_of(a)) == 0


@pytest.mark.parametrize("compare", [shd, skeleton_scores, arrowhead_scores, tail_scores, differences])
def test_other_variables_are_refused(compare):
    with pytest.raises(UserError, match="E"):
        compare(TRUTH, Graph.empty("ABCE"))
