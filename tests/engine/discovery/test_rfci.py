"""rfci sets only true marks under an oracle, also where an edge is left that neighbours alone cannot take away."""

import numpy as np
import pytest

from engine.core import Context
from engine.discovery.rfci import CheckedEdges
from engine.discovery.skeleton import Separators, skeleton
from engine.graphs import Graph, Mark, mag_of, pag_of
from engine.graphs.graph import ancestors
from engine.independence import Oracle
from tests.engine.discovery.test_fci import D_SEP_LINK
from tests.engine.discovery.test_pc import Scripted, samples
from tests.graphs import latent_dags, linked_mags, random_dag, random_mags


def untrue(graph, mag):
    """Name the marks that do not hold in a MAG, the edges it should have, and marks that its PAG contradicts."""
    above, truth = ancestors(mag.directed), pag_of(mag)
    no_cause = (graph.marks == Mark.ARROW) & above.T
    cause = (graph.marks == Mark.TAIL) & ~above.T
    missing = mag.skeleton & ~graph.skeleton
    other = (graph.marks != Mark.CIRCLE) & graph.skeleton & truth.skeleton & (graph.marks != truth.marks)
    return np.argwhere(no_cause | cause | missing | other).tolist()


@pytest.mark.parametrize(("dag", "latent"), latent_dags(200), ids=str)
def test_every_mark_is_true_under_an_oracle(dag, latent, run):
    result = run("rfci", Oracle(dag, latent))
    assert not untrue(result.graph, mag_of(dag, latent)) and not result.n_conflicts


@pytest.mark.parametrize("mag", [*random_mags(40, density=0.45), *linked_mags(80), *linked_mags(60, others=(3, 4), density=0.35)], ids=str)
def test_every_mark_is_true_among_much_confounding(mag, run):
    result = run("rfci", Oracle(mag))
    assert not untrue(result.graph, mag) and not result.n_conflicts


def test_the_check_would_notice():
    mag = Graph.from_edges("ABC", ["A --> B", "B <-> C"], "mag")
    for wrong in (["A <-> B", "B <-> C"], ["A --> B", "C --> B"], ["B o-o C"]):
        assert untrue(Graph.from_edges("ABC", wrong, "pag"), mag)


def test_an_edge_may_be_left_that_is_not_there(run):
    result = run("rfci", Oracle(D_SEP_LINK))
    assert result.graph.n_edges == D_SEP_LINK.n_edges + 1
    assert run("fci", Oracle(D_SEP_LINK)).graph.n_edges == D_SEP_LINK.n_edges


def test_fewer_tests_than_classic_fci(run):
    mags = linked_mags(10, others=(4,))
    classic = [len(run("fci", Oracle(mag), every_edge=True).trace) for mag in mags]
    assert sum(len(run("rfci", Oracle(mag)).trace) for mag in mags) < 0.8 * sum(classic)


def test_a_loose_leg_falls_and_its_triangles_open(run):
    # A, B separate given nothing; then C no longer depends on A: A - C falls, though no set of the first search took it
    answers = [("AB", "", 0.5)]
    found = Separators(Scripted("ABCD", answers))
    adjacent = skeleton(found, None, Context.silent())
    assert adjacent[0, 2]
    found.test.table[frozenset("AC"), frozenset()] = 0.5
    checked = CheckedEdges(adjacent, found, Context.silent())
    checked.orient_triples(checked.unshielded())
    assert not checked.graph.joined[0] >> 2 & 1
    assert found.given(0, 2).size == 0
    # A - D - C was shielded by A - C; D is not in what separates A and C, so it is a collider now
    assert checked.graph.mark(0, 3) == checked.graph.mark(2, 3) == Mark.ARROW


@pytest.mark.parametrize("seed", range(3))
def test_permuting_columns_permutes_the_graph(seed, run):
    frame = samples(random_dag(11, 3, np.random.default_rng(seed)), 80, seed)
    graph = run("rfci", frame, alpha=0.05).graph
    for again in range(3):
        columns = np.random.default_rng(again).permutation(frame.columns)
        assert run("rfci", frame[columns], alpha=0.05).graph == graph.subgraph(columns)


def test_an_invalid_pag_is_called_so_and_repaired_on_demand(run):
    frames = (samples(random_dag(9, 3.5, np.random.default_rng(seed)), 60, seed) for seed in range(40))
    frame = next(frame for frame in frames if not run("rfci", frame, alpha=0.1).is_valid)
    result = run("rfci", frame, alpha=0.1)
    assert "not a valid PAG" in dict(result.summary()).get("Conflicts", "")
    assert any("beyond the neighbours" in warning for warning in result.provenance.warnings)
    assert run("rfci", frame, alpha=0.1, repair=True).is_valid
