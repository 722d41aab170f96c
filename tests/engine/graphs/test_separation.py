"""Separation by reachability says the same as looking at every path."""

import itertools

import numpy as np
import pytest

from engine.core import UserError
from engine.graphs import Graph, Mark, Separation, ancestors_of, mag_of, reachable, separated
from engine.graphs.bitsets import members, of, rows
from tests.graphs import all_ancestral_graphs, all_dags, conditioning_sets, random_dags


def paths(graph, i, j):
    """Every path from i to j as a list of nodes."""
    stack = [[i]]
    while stack:
        path = stack.pop()
        if path[-1] == j:
            yield path
            continue
        stack += [[*path, int(k)] for k in np.flatnonzero(graph.skeleton[path[-1]]) if k not in path]


def descendants(graph, node):
    """All nodes with a directed path from ``node``, itself included, by walking."""
    found, stack = {node}, [node]
    while stack:
        for child in map(int, np.flatnonzero(graph.directed[stack.pop()])):
            if child not in found:
                found.add(child)
                stack.append(child)
    return found


def is_open(graph, path, given):
    """Whether a path connects its ends given a set, by the definition."""
    for a, v, b in zip(path, path[1:], path[2:], strict=False):
        collider = graph.marks[a, v] == Mark.ARROW and graph.marks[b, v] == Mark.ARROW
        passes = descendants(graph, v) & set(given) if collider else v not in given
        if not passes:
            return False
    return True


def by_paths(graph, i, j, given):
    return not any(is_open(graph, path, given) for path in paths(graph, i, j))


def check_all(graph):
    separation = Separation(graph)
    for i, j in itertools.combinations(range(graph.p), 2):
        for given in conditioning_sets(graph.p, i, j):
            assert separation.separated(i, j, given) == by_paths(graph, i, j, given), (graph, i, j, given)
            assert separation.separated(j, i, of(given)) == separation.separated(i, j, given)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_every_dag(p):
    for dag in all_dags(p):
        check_all(dag)


def test_every_second_dag_on_four_nodes():
    for dag in itertools.islice(all_dags(4), 0, None, 2):
        check_all(dag)


def test_every_ancestral_graph_on_three_nodes():
    for mag in all_ancestral_graphs(3, lines=True):
        check_all(mag)


@pytest.mark.parametrize("dag", random_dags(12, nodes=range(5, 7), degree=2.5, seed=3), ids=lambda g: f"p{g.p}")
def test_random_dags_and_their_mags(dag):
    check_all(dag)
    check_all(mag_of(dag, dag.nodes[:1]))


def test_against_networkx_on_larger_dags():
    import networkx as nx

    rng = np.random.default_rng(0)
    for dag in random_dags(20, nodes=[30], degree=3, seed=1):
        theirs = nx.from_numpy_array(dag.directed.astype(int), create_using=nx.DiGraph)
        separation = Separation(dag)
        for _ in range(30):
            i, j, *given = map(int, rng.choice(30, size=rng.integers(2, 8), replace=False))
            assert separation.separated(i, j, given) == nx.is_d_separator(theirs, {i}, {j}, set(given))


def test_reachable_is_what_is_not_separated():
    for dag in random_dags(20, nodes=[8], seed=5):
        separation = Separation(dag)
        for i in range(8):
            given = [k for k in range(8) if k % 3 == 0 and k != i]
            expected = {j for j in range(8) if j != i and j not in given and not separation.separated(i, j, given)}
            assert set(members(separation.reachable(i, given))) == expected
            assert set(reachable(dag, dag.nodes[i], [dag.nodes[k] for k in given])) == {dag.nodes[j] for j in expected}


def test_sets_and_names():
    graph = Graph.from_edges("ABCDE", ["A --> C", "B --> C", "C --> D"])
    assert separated(graph, "A", "B")
    assert not separated(graph, "A", "B", "D")
    assert separated(graph, ["A", "B"], ["D", "E"], ["C"])
    assert not separated(graph, 0, [1, 3], ())
    assert ancestors_of(graph, "D") == ("A", "B", "C", "D")
    assert ancestors_of(graph, ["B", "E"]) == ("B", "E")


def test_overlapping_sets_are_refused():
    graph = Graph.from_edges("ABC", ["A --> B"])
    for x, y, z in [("A", "A", "B"), ("A", "B", "B"), ("A", "B", ["A", "C"])]:
        with pytest.raises(UserError, match="no node in common"):
            separated(graph, x, y, z)


def test_circles_are_refused():
    with pytest.raises(UserError, match="circles"):
        separated(Graph.from_edges("AB", ["A o-> B"]), "A", "B")


def test_bitsets_hold_what_they_are_given():
    rng = np.random.default_rng(0)
    for p in (0, 1, 7, 8, 9, 130):
        relation = rng.random((p, p)) < 0.3
        assert [set(members(row)) for row in rows(relation)] == [set(np.flatnonzero(row)) for row in relation]
    assert of([3, 70, 3]) == 2**3 + 2**70
