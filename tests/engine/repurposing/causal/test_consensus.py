"""The network of the stable entries: strictly above the threshold, arrows from row to column, no circle of arrows taken as certain."""

import numpy as np
import pytest

from engine.graphs import Graph
from engine.repurposing.causal.consensus import consensus, edge_table, largest_component, stability_of, threshold_curve


def test_one_entry_is_an_arrow_and_two_are_a_line():
    stability = np.array([[0, 0.5, 0.3], [0.2, 0, 0.4], [0, 0.31, 0]])
    graph, on_cycle = consensus("ABC", stability, 0.3)
    assert graph == Graph.from_edges("ABC", ["A --> B", "B --- C"], "cpdag")  # 0.3 is not more than 0.3
    assert on_cycle == ()


def test_a_circle_of_arrows_becomes_lines_and_is_told():
    """A majority over CPDAGs may contradict itself: A -> B -> C -> A; D, which the circle leads to, stays an arrow."""
    stability = np.zeros((4, 4))
    stability[[0, 1, 2, 2], [1, 2, 0, 3]] = 0.9
    graph, on_cycle = consensus("ABCD", stability, 0.3)
    assert on_cycle == ("A", "B", "C")
    assert graph == Graph.from_edges("ABCD", ["A --- B", "B --- C", "A --- C", "C --> D"], "cpdag")


@pytest.mark.parametrize("seed", range(10))
def test_the_curve_counts_the_networks(seed):
    rng = np.random.default_rng(seed)
    stability = np.where(rng.random((8, 8)) < 0.3, rng.random((8, 8)), 0)
    np.fill_diagonal(stability, 0)
    for row in threshold_curve(stability).itertuples():
        arrows, lines, touched = 0, 0, set()
        for a in range(8):
            for b in range(a):
                forth, back = stability[a, b] > row.threshold, stability[b, a] > row.threshold
                arrows, lines = arrows + (forth != back), lines + (forth and back)
                touched |= {a, b} if forth or back else set()
        assert (row.directed, row.undirected, row.genes) == (arrows, lines, len(touched))


def test_edges_tell_the_level_and_the_opposite_entry():
    shares = np.zeros((2, 3, 3))
    shares[0, 0, 1], shares[1, 0, 1], shares[1, 1, 0] = 0.2, 0.7, 0.1
    shares[0, 2, 1], shares[1, 1, 2] = 0.6, 0.5
    graph, _ = consensus("ABC", stability_of(shares), 0.3)
    table = edge_table(graph, shares, (0.01, 0.1))
    assert table.iloc[0, :6].tolist() == ["A", "B", "arrow", 0.7, 0.1, 0.1]
    assert table.iloc[1, :6].tolist() == ["B", "C", "line", 0.5, 0.6, 0.1]  # of a line the less stable entry
    assert table["share at 0.01"].tolist() == [0.2, 0.0]
    assert largest_component(graph) == 3


def test_without_a_stable_entry_there_is_an_empty_table():
    graph, _ = consensus("AB", np.zeros((2, 2)), 0.3)
    assert edge_table(graph, np.zeros((1, 2, 2)), (0.1,)).columns.tolist()[-1] == "share at 0.1"
    assert graph.n_edges == 0
