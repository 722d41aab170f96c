"""fci_plus finds the PAG of fci under an oracle, with fewer tests."""

import itertools

import numpy as np
import pytest

from engine.core import Context
from engine.discovery.fci_plus import FciPlusParams, hierarchy, search
from engine.graphs import is_maximal, mag_of, pag_of
from engine.graphs.bitsets import of
from engine.independence import Oracle
from tests.engine.discovery.test_fci import D_SEP_LINK
from tests.engine.discovery.test_pc import samples
from tests.graphs import all_ancestral_graphs, latent_dags, linked_mags, random_dag, random_mags


@pytest.mark.parametrize(("dag", "latent"), latent_dags(100), ids=str)
def test_the_pag_of_fci_under_an_oracle(dag, latent, run):
    graph = run("fci_plus", Oracle(dag, latent)).graph
    assert graph == run("fci", Oracle(dag, latent)).graph == pag_of(mag_of(dag, latent))


LINKED = [D_SEP_LINK, *linked_mags(80), *linked_mags(60, others=(3, 4, 5), density=0.35, seed=1)]


@pytest.mark.parametrize("mag", [*LINKED, *random_mags(60, density=0.45)], ids=str)
def test_the_pag_where_neighbours_do_not_suffice(mag, run):
    assert run("fci_plus", Oracle(mag)).graph == pag_of(mag)


def test_graphs_of_four_nodes():
    for mag in itertools.islice(all_ancestral_graphs(4), 0, None, 5):
        if mag.n_edges > 2 and is_maximal(mag):
            assert search(Oracle(mag), FciPlusParams(), Context.silent()).graph == pag_of(mag)


def test_fewer_tests_than_classic_fci(run):
    mags = linked_mags(10, others=(4,), density=0.25)
    classic = [len(run("fci", Oracle(mag), every_edge=True).trace) for mag in mags]
    assert sum(len(run("fci_plus", Oracle(mag)).trace) for mag in mags) < 0.8 * sum(classic)


def test_the_hierarchy_holds_all_that_separates_its_members():
    separator = {(0, 1): of([2]), (1, 2): of([3, 4]), (3, 4): 0, (0, 4): of([5]), (6, 7): of([8])}
    assert hierarchy(of([0, 1]), separator) == of(range(6))
    assert hierarchy(of([0, 6]), separator) == of([0, 6])


def test_a_base_of_nothing_finds_less(run):
    found = [run("fci_plus", Oracle(mag), max_base=0).graph.n_edges - mag.n_edges for mag in LINKED[:60]]
    assert min(found) >= 0 and max(found) > 0


@pytest.mark.parametrize("seed", range(3))
def test_permuting_columns_permutes_the_graph(seed, run):
    frame = samples(random_dag(11, 3, np.random.default_rng(seed)), 80, seed)
    graph = run("fci_plus", frame, alpha=0.05).graph
    for again in range(3):
        columns = np.random.default_rng(again).permutation(frame.columns)
        assert run("fci_plus", frame[columns], alpha=0.05).graph == graph.subgraph(columns)
