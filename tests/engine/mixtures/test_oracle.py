"""FCI under the oracle of a mixture finds the PAG of the representing graph."""

import pytest

from engine.core import UserError
from engine.graphs import pag_of
from engine.mixtures import MixtureOracle, representing_graph
from tests.engine.mixtures.drawn import mixture_of, random_mixtures


def represented(mixtures):
    """Yield the mixtures that an ancestral graph represents, with the graph."""
    for mixture in mixtures:
        try:
            yield mixture, representing_graph(mixture)
        except UserError:
            continue


FOUND = list(represented(random_mixtures(210, ordered=None, seed=2)))


def test_nearly_all_are_represented():
    assert len(FOUND) >= 200


@pytest.mark.parametrize(("mixture", "mag"), FOUND)
def test_fci_finds_the_pag(mixture, mag, run):
    result = run("fci", MixtureOracle(mixture))
    assert result.graph == pag_of(mag)
    assert result.is_valid and not result.n_conflicts


def test_varying_nodes_get_bidirected_edges_where_each_has_a_cause_of_its_own(run):
    graph = run("fci", MixtureOracle(mixture_of("ABCD", "AB CD", "AB CD", varying="BD"))).graph
    assert sorted(map(str, graph.edges())) == ["A o-> B", "B <-> D", "C o-> D"]


def test_answers_are_those_of_the_mixture():
    oracle = MixtureOracle(mixture_of("ABC", "AB", "BC"))
    assert oracle.independent(0, 2) and not oracle.independent(0, 2, [1]) and not oracle.independent(1, 2)
    assert oracle.at(0.1).alpha == oracle.alpha


def test_digest_names_components_and_varying_nodes():
    mixtures = [mixture_of("ABC", "AB", "BC"), mixture_of("ABC", "AB", "BC", varying="A"), mixture_of("ABC", "AB", "AC")]
    assert len({MixtureOracle(mixture).digest for mixture in mixtures}) == 3
    assert MixtureOracle(mixtures[0]).digest == MixtureOracle(mixture_of("ABC", "AB", "BC")).digest
