"""The oracle says what the graph says, with hidden nodes out of sight."""

import itertools

import pytest

from engine.core import UserError
from engine.graphs import Graph, mag_of, separated
from engine.independence import Oracle
from tests.graphs import random_dags

COLLIDER = Graph.from_edges("ABC", ["A --> C", "B --> C"])


def questions(p):
    for i, j in itertools.combinations(range(p), 2):
        rest = [k for k in range(p) if k not in (i, j)]
        for size in range(len(rest) + 1):
            yield from ((i, j, given) for given in itertools.combinations(rest, size))


def test_collider():
    oracle = Oracle(COLLIDER)
    assert oracle.independent(0, 1) and not oracle.independent(0, 1, [2]) and not oracle.independent(0, 2, [1])


@pytest.mark.parametrize("dag", list(random_dags(n=8, nodes=(4, 5))), ids=str)
def test_answers_are_those_of_the_graph(dag):
    oracle = Oracle(dag)
    for i, j, given in questions(dag.p):
        assert oracle.independent(i, j, given) == separated(dag, i, j, given)


@pytest.mark.parametrize("dag", list(random_dags(n=8, nodes=(5, 6), seed=1)), ids=str)
def test_hiding_nodes_equals_asking_the_projected_mag(dag):
    latent = (dag.nodes[0], dag.nodes[3])
    hidden, projected = Oracle(dag, latent), Oracle(mag_of(dag, latent))
    assert hidden.nodes == projected.nodes == tuple(node for node in dag.nodes if node not in latent)
    for question in questions(hidden.p):
        assert hidden.independent(*question) == projected.independent(*question)


def test_level_plays_no_part():
    assert Oracle(COLLIDER).at(1e-12).alpha == Oracle(COLLIDER).at(0.4).alpha


def test_digest_names_graph_and_hidden_nodes():
    assert Oracle(COLLIDER).digest == Oracle(COLLIDER).digest
    assert len({Oracle(COLLIDER).digest, Oracle(COLLIDER, ["C"]).digest, Oracle(Graph.empty("ABC")).digest}) == 3


def test_only_graphs_with_separations_are_taken():
    with pytest.raises(UserError, match="DAG or a MAG"):
        Oracle(Graph.from_edges("AB", ["A --- B"], "cpdag"))
    with pytest.raises(UserError, match="'Z' is not a node"):
        Oracle(COLLIDER, ["Z"])
    with pytest.raises(UserError, match="Bootstrap"):
        Oracle(COLLIDER).resampled(None)
