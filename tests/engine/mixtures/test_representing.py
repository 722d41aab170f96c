"""The representing graph separates exactly what the mixture separates, or no ancestral graph does."""

import itertools

import numpy as np
import pytest

from engine.core import UserError
from engine.graphs import Graph, mag_of
from engine.graphs.graph import why_not
from engine.mixtures import DagMixture, composite_dag, is_steady, representing_graph, represents, union_graph
from engine.mixtures.representing import MOST_NODES
from tests.engine.mixtures.drawn import mixture_of, random_mixtures
from tests.graphs import all_dags, conditioning_sets, separations

ORDERED = random_mixtures(200)
ANY_ORDER = random_mixtures(200, (4, 5, 6), ordered=None, seed=1)
# A is a cause of C, and C of E, but never both in one sample; D shows that C is no collider on the way to E
UNREPRESENTED = mixture_of("ABCDE", "AB BC DC", "BC DC CE")


def separations_of(mixture):
    """What `tests.graphs.separations` returns for a graph, for a mixture."""
    p = mixture.p
    pairs = itertools.combinations(range(p), 2)
    return tuple(mixture.separation.separated(i, j, given) for i, j in pairs for given in conditioning_sets(p, i, j))


def ancestral_graphs_with_the_skeleton_of(mixture):
    pairs = list(itertools.combinations(range(mixture.p), 2))
    joined = [
        pair for pair in pairs if not any(mixture.separation.separated(*pair, given) for given in conditioning_sets(mixture.p, *pair))
    ]
    for chosen in itertools.product([(2, 3), (3, 2), (2, 2)], repeat=len(joined)):
        marks = np.zeros((mixture.p, mixture.p), np.uint8)
        for (i, j), (at_j, at_i) in zip(joined, chosen, strict=True):
            marks[i, j], marks[j, i] = at_j, at_i
        if why_not(marks, "mag") is None:
            yield Graph(mixture.nodes, marks, "mag")


@pytest.mark.parametrize("mixture", [*ORDERED, *ANY_ORDER])
def test_the_same_separations_or_no_such_graph(mixture):
    try:
        graph = representing_graph(mixture)
    except UserError:
        assert not is_steady(mixture)
        assert not any(represents(graph, mixture) for graph in ancestral_graphs_with_the_skeleton_of(mixture))
    else:
        assert graph.kind == "mag" and separations(graph) == separations_of(mixture)


def test_every_pair_of_graphs_on_three_nodes():
    number = 0
    for pair in itertools.combinations_with_replacement(all_dags(3), 2):
        for size in range(4):
            for varying in itertools.combinations(pair[0].nodes, size):
                mixture = DagMixture(pair, varying)
                if mixture.varying == varying:
                    assert separations(representing_graph(mixture)) == separations_of(mixture)
                    number += 1
    assert number == 833


def test_most_mixtures_are_steady_and_some_that_are_not_have_a_graph():
    steady = [is_steady(mixture) for mixture in [*ORDERED, *ANY_ORDER]]
    assert 200 < sum(steady) < 380


def test_a_common_order_does_not_suffice():
    union_graph(UNREPRESENTED)
    with pytest.raises(UserError, match="No ancestral graph"):
        representing_graph(UNREPRESENTED)
    target = separations_of(UNREPRESENTED)
    tried = [separations(graph) for graph in ancestral_graphs_with_the_skeleton_of(UNREPRESENTED)]
    assert len(tried) > 50 and target not in tried


def test_a_common_order_is_not_needed():
    mixture = mixture_of("ABCD", "AB BC", "DC CB")
    with pytest.raises(UserError, match="no common order"):
        union_graph(mixture)
    wanted = Graph.from_edges("ABCD", ["A --> B", "A --> C", "B <-> C", "D --> B", "D --> C"])
    assert representing_graph(mixture) == wanted and separations(wanted) == separations_of(mixture)


def test_the_union_graph_with_the_label_separates_less():
    mixture = mixture_of("ABC", "AB", "BC")
    arrows = [*map(str, union_graph(mixture).edges()), "y --> B", "y --> C"]
    naive = mag_of(Graph.from_edges("ABCy", arrows), ["y"])
    assert naive.n_edges == 3 and not represents(naive, mixture)
    assert representing_graph(mixture) == Graph.from_edges("ABC", ["A --> B", "B <-> C"])


def test_ancestry_in_some_component_would_be_wrong():
    mixture = mixture_of("AVWU", "AV VW", "VW WU")  # W is a cause of U, and yet an arrowhead stands at W
    assert not is_steady(mixture)
    wanted = Graph.from_edges("AVWU", ["A --> V", "V <-> U", "V --> W", "W <-> U"], "mag")
    assert separations(representing_graph(mixture)) == separations(wanted) == separations_of(mixture)


def test_equal_components_are_their_dag():
    dag = Graph.from_edges("ABCD", ["A --> B", "B --> C", "D --> C"])
    assert separations(representing_graph(DagMixture([dag, dag]))) == separations(dag)
    assert composite_dag(DagMixture([dag, dag])).subgraph("ABCD") == dag


def test_all_nodes_vary_all_are_joined():
    graph = representing_graph(mixture_of("ABCD", "AB", "CD", varying="ABCD"))
    assert graph.bidirected.sum() == 12


def test_large_mixtures_are_represented_when_steady():
    names = [f"X{i}" for i in range(MOST_NODES + 5)]
    chain = [f"{a} --> {b}" for a, b in itertools.pairwise(names)]
    first, second = Graph.from_edges(names, chain), Graph.from_edges(names, chain[:-1])
    graph = representing_graph(DagMixture([first, second]))
    assert graph.directed.sum() == len(chain) and graph.kind == "mag"
    unsteady = [Graph.from_edges(names, chain[1:]), Graph.from_edges(names, chain[:-1])]
    with pytest.raises(UserError, match="10 nodes at most"):
        representing_graph(DagMixture(unsteady, names[1:2]))
