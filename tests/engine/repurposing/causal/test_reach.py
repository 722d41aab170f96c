"""What a gene reaches is what following every path by hand finds: surely along arrows, possibly along arrows and lines."""

import itertools

import numpy as np
import pytest

from engine.graphs import Graph
from engine.repurposing.causal.reach import ARROW, best_path, reach


def drawn(seed, p=7):
    """Draw a partly directed graph without a directed cycle, a stability per entry, and terminals."""
    rng = np.random.default_rng(seed)
    arrows = np.triu(rng.random((p, p)) < 0.35, 1)
    lines = np.triu(rng.random((p, p)) < 0.15, 1) & ~arrows
    graph = Graph.from_directed([f"G{k}" for k in range(p)], arrows | lines | lines.T, "cpdag")
    return graph, rng.integers(1, 5, (p, p)) / 5, {f"G{k}" for k in np.flatnonzero(rng.random(p) < 0.4)}


def paths_from(step, source):
    """Yield every path without repetition from a node."""
    waiting = [[source]]
    while waiting:
        path = waiting.pop()
        if len(path) > 1:
            yield path
        waiting += [[*path, j] for j in np.flatnonzero(step[path[-1]]).tolist() if j not in path]


@pytest.mark.parametrize("seed", range(25))
def test_it_is_what_all_paths_find(seed):
    graph, stability, terminals = drawn(seed)
    goals = np.array([node in terminals for node in graph.nodes])
    for i, row in enumerate(reach(graph, stability, terminals).itertuples()):
        sure = {path[-1] for path in paths_from(graph.directed, i)}
        possible = {path[-1] for path in paths_from(graph.directed | graph.undirected, i)}
        assert (row.descendants, row.possible_descendants) == (len(sure), len(possible))
        assert row.terminal_descendants == goals[list(sure)].sum()
        assert row.possible_terminal_descendants == goals[list(possible)].sum()
        assert (row.children, row.parents) == (len(graph.children(row.gene)), len(graph.parents(row.gene)))
        assert row.lines == len(graph.neighbours(row.gene))
        assert row.is_terminal == (row.gene in terminals)
        ways = [path for path in paths_from(graph.directed, i) if goals[path[-1]]]
        if not ways:
            assert np.isnan(row.path_stability)
            assert row.path == ""
            continue
        best = max(min(stability[a, b] for a, b in itertools.pairwise(path)) for path in ways)
        assert row.path_stability == best
        found = [graph.index(node) for node in row.path.split(ARROW)]
        assert found in ways
        assert min(stability[a, b] for a, b in itertools.pairwise(found)) == best
        assert len(found) == min(len(p) for p in ways if min(stability[a, b] for a, b in itertools.pairwise(p)) == best)


def test_an_arrow_is_read_from_its_source():
    """The reference writes an arrow with its source as the column; read the other way parents and children change places."""
    graph = Graph.from_edges(["EGFR", "A", "B"], ["EGFR --> A", "EGFR --> B"])
    table = reach(graph, np.ones((3, 3)), {"A"}).set_index("gene")
    assert (table.loc["EGFR", "children"], table.loc["EGFR", "parents"]) == (2, 0)
    assert table.loc["A", "descendants"] == 0


def test_a_terminal_is_not_its_own_descendant():
    table = reach(Graph.from_edges("AB", ["A --> B"]), np.ones((2, 2)), {"A"})
    assert table["terminal_descendants"].tolist() == [0, 0]


def test_no_way_is_no_path():
    width, path = best_path(np.zeros((3, 3), bool), np.ones((3, 3)), 0, np.array([False, False, True]))
    assert np.isnan(width)
    assert path == []
