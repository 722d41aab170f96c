"""A graph keeps its invariants whatever is done to it, and comes back from its written form as it was."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core import UserError
from engine.graphs import Edge, Graph, Mark
from engine.graphs.graph import ancestors, plainest_kind, why_not
from tests.graphs import all_dags, random_dags


@st.composite
def graphs(draw, most=7):
    """Graphs with any marks, in the plainest kind that fits them."""
    p = draw(st.integers(0, most))
    marks = np.zeros((p, p), np.uint8)
    for i, j in itertools.combinations(range(p), 2):
        marks[i, j], marks[j, i] = draw(st.sampled_from([(0, 0), (0, 0), (2, 3), (3, 2), (2, 2), (3, 3), (1, 1), (1, 2), (3, 1)]))
    return Graph([f"X{i}" for i in range(p)], marks, plainest_kind(marks))


@given(graphs())
def test_every_end_has_another_end(graph):
    assert np.array_equal(graph.skeleton, graph.skeleton.T)
    assert not graph.marks.diagonal().any()
    assert graph.n_edges == len(list(graph.edges())) == len(graph.edge_frame())
    parts = [graph.directed, graph.directed.T, graph.bidirected, graph.undirected]
    circled = (graph.marks == Mark.CIRCLE) | (graph.marks.T == Mark.CIRCLE)
    assert (sum(part.astype(int) for part in [*parts, circled]) == graph.skeleton).all()


@given(graphs())
def test_arrays_cannot_be_changed(graph):
    assume(graph.p > 1)
    with pytest.raises(ValueError, match="read-only"):
        graph.marks[0, 1] = 2


@given(graphs())
def test_written_and_read_back(graph):
    form = graph.to_dict()
    assert Graph.from_dict(form) == graph
    assert hash(Graph.from_dict(form)) == hash(graph)


@given(graphs())
def test_edges_as_text_make_the_same_graph(graph):
    again = Graph.from_edges(graph.nodes, map(str, graph.edges()))
    assert again == graph


@given(graphs(), st.randoms(use_true_random=False))
def test_renaming_and_reordering_go_back(graph, random):
    names = {node: f"{node}'" for node in graph.nodes}
    assert graph.relabel(names).relabel({new: old for old, new in names.items()}) == graph
    shuffled = list(graph.nodes)
    random.shuffle(shuffled)
    there = graph.subgraph(shuffled)
    assert {frozenset((e.source, e.target)) for e in there.edges()} == {frozenset((e.source, e.target)) for e in graph.edges()}
    assert there.subgraph(graph.nodes) == graph
    assert there.v_structures() == {(a, c, b) if shuffled.index(a) < shuffled.index(b) else (b, c, a) for a, c, b in graph.v_structures()}


@given(graphs())
def test_neighbourhoods_of_a_node(graph):
    for node in graph.nodes:
        ends = {
            other: str(edge.symbol) for edge in graph.edges() for other in (edge.source, edge.target) if node in edge[::3] and other != node
        }
        assert set(graph.adjacent(node)) == set(ends)
        assert set(graph.neighbours(node)) == {other for other, symbol in ends.items() if symbol == "---"}
        assert set(graph.spouses(node)) == {other for other, symbol in ends.items() if symbol == "<->"}
        assert set(graph.parents(node)) == {e.source for e in graph.edges() if e.target == node and e.symbol == "-->"}
        assert set(graph.children(node)) == {e.target for e in graph.edges() if e.source == node and e.symbol == "-->"}


@given(graphs(), st.integers(0, 4))
def test_ego_is_what_breadth_first_search_reaches(graph, k):
    assume(graph.p)
    reached = {graph.nodes[0]}
    for _ in range(k):
        reached |= {other for node in reached for other in graph.adjacent(node)}
    ego = graph.ego(graph.nodes[0], k)
    assert set(ego.nodes) == reached
    assert ego == graph.subgraph(ego.nodes)


def test_weights_and_support_follow_their_nodes():
    rng = np.random.default_rng(0)
    dag = next(iter(random_dags(1, nodes=[6])))
    weights = np.where(dag.directed, rng.normal(size=(6, 6)), 0)
    support = rng.dirichlet(np.ones(4), size=(6, 6))
    graph = Graph(dag.nodes, dag.marks, "dag", weights).with_support(support)
    part = graph.subgraph(graph.nodes[::-2])
    for a, b in itertools.product(part.nodes, repeat=2):
        i, j, x, y = graph.index(a), graph.index(b), part.index(a), part.index(b)
        assert part.weights[x, y] == graph.weights[i, j]
        np.testing.assert_array_equal(part.support[x, y], graph.support[i, j])
    back = Graph.from_dict(graph.to_dict())
    np.testing.assert_array_equal(back.weights, weights)
    np.testing.assert_array_equal(back.support, support)
    frame = graph.edge_frame()
    assert {"weight", "present", "same marks"} <= set(frame.columns)
    assert frame["present"].between(0, 1).all()
    edge = frame.iloc[0]
    assert edge["present"] == pytest.approx(1 - support[graph.index(edge["source"]), graph.index(edge["target"]), 0])


def test_ancestors_by_matrix_powers():
    for dag in all_dags(4):
        powers = sum(np.linalg.matrix_power(dag.directed.astype(int), k) for k in range(4)) > 0
        assert np.array_equal(ancestors(dag.directed), powers)


@pytest.mark.parametrize(
    ("edges", "kind"),
    [
        ([], "dag"),
        (["A --> B", "B --> C"], "dag"),
        (["A --- B"], "ug"),
        (["A --- B", "B --> C"], "cpdag"),
        (["A <-> B", "B --> C"], "mag"),
        (["A o-> B"], "pag"),
        (["A --> B", "B --> C", "C --> A"], "pag"),
        (["A --> B", "B --> C", "A <-> C"], "pag"),
    ],
)
def test_plainest_kind(edges, kind):
    assert Graph.from_edges("ABC", edges).kind == kind


@pytest.mark.parametrize(
    ("edges", "kind", "named"),
    [
        (["A --> B", "B --> C", "C --> A"], "dag", "directed cycle"),
        (["A --- B"], "dag", "undirected"),
        (["A <-> B"], "cpdag", "bidirected"),
        (["A o-> B"], "mag", "circle"),
        (["A --> B", "B --> C", "A <-> C"], "mag", "ancestor"),
        (["A --- B", "C --> B"], "mag", "undirected"),
        (["A --> B"], "ug", "arrowhead"),
    ],
)
def test_what_breaks_the_rules_of_a_kind_is_named(edges, kind, named):
    with pytest.raises(UserError, match=named) as error:
        Graph.from_edges("ABC", edges, kind)
    assert error.value.fix


def test_the_nodes_of_the_trouble_are_named():
    marks = Graph.from_edges("ABC", ["A --> B", "B --> C", "C --> A"]).marks
    message, i, j = why_not(marks, "dag")
    assert "{a} -> {b}" in message
    assert marks[i, j] == Mark.ARROW


@pytest.mark.parametrize(
    ("nodes", "edges", "named"),
    [
        ("AA", [], "Two nodes are called 'A'"),
        ("AB", ["A --> C"], "'C', which is not a node"),
        ("AB", ["A -> B"], "not an edge"),
        ("AB", ["A --> A"], "joins a node to itself"),
        ("AB", ["A --> B", "B --> A"], "two different edges"),
    ],
)
def test_bad_edges_are_named(nodes, edges, named):
    with pytest.raises(UserError, match=named):
        Graph.from_edges(nodes, edges)


def test_half_edges_are_refused():
    with pytest.raises(UserError, match="one end only"):
        Graph(("A", "B"), np.array([[0, 2], [0, 0]]), "pag")
    with pytest.raises(UserError, match="3 x 3"):
        Graph(("A", "B", "C"), np.zeros((2, 2)), "pag")


def test_names_with_spaces_and_arrows_written_both_ways():
    graph = Graph.from_edges(["blood pressure", "B"], ["B <-- blood pressure"])
    assert list(graph.edges()) == [Edge("blood pressure", Mark.TAIL, Mark.ARROW, "B")]
    assert graph.parents("B") == ("blood pressure",)


def test_an_unknown_node_is_named():
    with pytest.raises(UserError, match="'Z' is not a node"):
        Graph.empty("AB").parents("Z")
