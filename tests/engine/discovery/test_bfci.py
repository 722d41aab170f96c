"""bfci finds the exact PAG under an oracle with hidden causes, and always ends in a valid PAG."""

import itertools

import numpy as np
import pytest

from engine.core import Context, UserError
from engine.discovery.bfci import BfciParams, OrderSeparators, in_triangles, without_shielded
from engine.discovery.boss import search as order_search
from engine.graphs import Graph, is_valid_pag, mag_of, pag_of
from engine.independence import Oracle
from tests.engine.discovery.test_fci import D_SEP_LINK
from tests.engine.discovery.test_pc import Scripted, samples
from tests.graphs import latent_dags, linked_mags, random_dag, random_mags


def with_causes(mag):
    """Return a DAG with a hidden cause behind each bidirected edge of a MAG, and the names of these causes."""
    pairs = np.argwhere(np.triu(mag.bidirected))
    latent = tuple(f"L{n}" for n in range(len(pairs)))
    arrows = np.zeros((mag.p + len(latent),) * 2, dtype=bool)
    arrows[: mag.p, : mag.p] = mag.directed
    for n, pair in enumerate(pairs):
        arrows[mag.p + n, pair] = True
    return Graph.from_directed((*mag.nodes, *latent), arrows), latent


def beginning(dag, latent):
    """Return what the order search knows before any edge is asked."""
    test = Oracle(dag, latent)
    return OrderSeparators(test, order_search(test, BfciParams(starts=1), Context.silent()))


@pytest.mark.parametrize(("dag", "latent"), latent_dags(100), ids=str)
def test_exact_pag_under_an_oracle(dag, latent, run):
    result = run("bfci", Oracle(dag, latent), starts=1)
    assert result.graph == pag_of(mag_of(dag, latent))
    assert result.is_valid and not result.is_repaired and not result.n_conflicts and not result.provenance.warnings


@pytest.mark.parametrize("mag", [D_SEP_LINK, *linked_mags(20), *random_mags(20, density=0.45)], ids=str)
def test_exact_pag_of_graphs_full_of_confounding(mag, run):
    assert run("bfci", Oracle(*with_causes(mag)), starts=1).graph == pag_of(mag)


def test_the_order_search_joins_too_much_and_only_in_triangles():
    extra = links = 0
    for mag in linked_mags(30, others=(1, 2), density=0.3, seed=1):
        found = beginning(*with_causes(mag))
        true = mag.skeleton[np.ix_(found.order, found.order)]
        shielded = in_triangles(found.joined)
        assert not (true & ~found.joined).any() and not (found.joined & ~true & ~shielded).any()
        left = without_shielded(shielded, found, None, Context.silent())
        assert not (true & ~left).any()
        extra += (found.joined != true).any()
        links += (left != true).any()
    assert extra > 15 and links > 2, "some edges fall by neighbours, some only by sets beyond them"


def test_the_parents_separate_what_the_dag_does_not_join():
    for dag, latent in latent_dags(20):
        found = beginning(dag, latent)
        minimal = found.separators(found.joined)
        for i, j in np.argwhere(np.triu(~found.joined, 1)).tolist():
            test, ends = found.test, found.order[[i, j]].tolist()
            assert test.independent(*ends, found.order[found.given(i, j)].tolist())
            few = [int(found.order[k]) for k in range(found.test.p) if minimal.get((i, j)) >> k & 1]
            assert test.independent(*ends, few)
            assert not any(test.independent(*ends, [k for k in few if k != left]) for left in few)


def confounded(seed, p, degree, n):
    """Return the PAG of p variables, with three hidden causes beside them, and n samples of them."""
    dag = random_dag(p + 3, degree, np.random.default_rng(seed))
    hidden = dag.nodes[:3]
    return pag_of(mag_of(dag, hidden)), samples(dag, n, seed).drop(columns=list(hidden))


def test_every_graph_is_a_valid_pag_and_says_how_far_it_was_from_one(run):
    repaired = 0
    for seed in range(7):
        _, frame = confounded(seed, 12, 5, 2000)
        result, plain = run("bfci", frame, starts=1), run("bfci", frame, starts=1, repair=False)
        assert result.is_valid and is_valid_pag(result.graph)
        assert result.is_repaired == (not plain.is_valid) == (not is_valid_pag(plain.graph))
        if result.is_repaired:
            differ = np.triu((result.graph.marks != plain.graph.marks) | (result.graph.marks != plain.graph.marks).T).sum()
            assert any(f"found; {differ} edge" in warning for warning in result.provenance.warnings)
            assert any("not a valid PAG" in warning for warning in plain.provenance.warnings)
        repaired += result.is_repaired
    assert 0 < repaired < 7


def test_every_pair_has_its_tests(run):
    result = run("bfci", confounded(0, 12, 5, 2000)[1], starts=1)
    assert all(len(result.evidence(a, b).tests) for a, b in itertools.combinations(result.graph.nodes, 2))


def test_far_fewer_tests_than_fci_and_better_directions(run):
    truths, frames = zip(*(confounded(seed, 20, 3, 300) for seed in range(4)), strict=True)
    ours, theirs = ([run(name, frame) for frame in frames] for name in ("bfci", "fci"))
    assert sum(len(result.trace) for result in ours) < 0.7 * sum(len(result.trace) for result in theirs)
    assert shared_arrowheads(ours, truths) > shared_arrowheads(theirs, truths)


def shared_arrowheads(results, truths):
    """Return the F1 of arrowheads over several graphs."""
    both = sum(((found.graph.marks == 2) & (truth.marks == 2)).sum() for found, truth in zip(results, truths, strict=True))
    return 2 * both / sum((found.graph.marks == 2).sum() + (truth.marks == 2).sum() for found, truth in zip(results, truths, strict=True))


def test_the_largest_conditioning_set_binds_the_questions_about_edges():
    found = beginning(*with_causes(random_mags(1, nodes=(9,), density=0.5)[0]))
    before = set(found.test.trace.sizes)
    without_shielded(in_triangles(found.joined), found, 1, Context.silent())
    assert found.largest == 1 and set(found.test.trace.sizes) <= before | {0, 1}


def test_a_test_without_a_score_is_refused(run):
    with pytest.raises(UserError, match="no score"):
        run("bfci", Scripted("ABC", []), alpha=0.05)


def test_bootstrap_supports_the_marks(run):
    frame = samples(random_dag(5, 2, np.random.default_rng(0)), 400)
    graph = run("bfci", frame, bootstrap=10).graph
    assert graph.support is not None and np.allclose(graph.support.sum(axis=2), 1)
