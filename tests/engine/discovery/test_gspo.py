"""gspo always ends in a valid MAG, its moves keep the Markov class, and under an oracle it is nearly always exact."""

import itertools

import numpy as np
import pytest

from engine.core import Cancelled, Context, UserError
from engine.discovery.ancestral import Ancestral
from engine.discovery.gspo import GspoParams, gspo, search
from engine.discovery.memory import CorrelationMemory, Memory
from engine.discovery.posets import order_graph, poset_imap
from engine.graphs import Graph, is_maximal, is_valid_pag, mag_of, markov_equivalent, pag_of
from engine.graphs.bitsets import members, of
from engine.independence import FisherZ, Oracle
from tests.engine.discovery.test_pc import samples
from tests.graphs import all_ancestral_graphs, latent_dags, linked_mags, random_dag, random_mags, separations

SHARE = 0.95  # of exact classes under an oracle that the search, a heuristic, must reach; the reference reached none in 19 runs on data


def maximal(p, step):
    return [graph for graph in itertools.islice(all_ancestral_graphs(p), 0, None, step) if is_maximal(graph)]


@pytest.mark.parametrize(("p", "step"), [(2, 1), (3, 1), (4, 9)])
def test_mark_changes_keep_the_markov_class(p, step):
    for mag in maximal(p, step):
        graph = Ancestral.of(mag)
        for change in list(graph.mark_changes()):
            graph.make(change)
            assert separations(graph.graph(mag.nodes)) == separations(mag), (mag, change)
            graph.make(change)


def test_mark_changes_of_five_nodes_keep_the_markov_class():
    for mag in random_mags(60, nodes=(5,), density=0.6):
        graph = Ancestral.of(mag)
        for change in list(graph.mark_changes()):
            graph.make(change)
            assert separations(graph.graph(mag.nodes)) == separations(mag), (mag, change)
            graph.make(change)


def test_every_other_change_leaves_the_class_or_is_no_ancestral_graph():
    for mag in maximal(4, 23):
        graph = Ancestral.of(mag)
        legitimate = set(graph.mark_changes())
        for i, j in np.argwhere(mag.skeleton & (mag.marks == 2)).tolist():
            if (i, j) in legitimate:
                continue
            marks = mag.marks.copy()
            marks[j, i] = 3 if marks[j, i] == 2 else 2
            try:
                other = Graph(mag.nodes, marks, "mag")
            except UserError:
                continue
            assert separations(other) != separations(mag)


def test_without_strictness_some_moves_change_the_class():
    broken = 0
    for mag in random_mags(60, nodes=(5, 6), density=0.6):
        graph = Ancestral.of(mag)
        strict, loose = set(graph.mark_changes()), set(graph.mark_changes(strict=False))
        assert strict <= loose
        for change in loose - strict:
            graph.make(change)
            broken += not markov_equivalent(graph.graph(mag.nodes), mag)
            graph.make(change)
    assert broken > 0


def test_a_change_made_twice_is_undone_and_keeps_count_of_ancestors():
    for mag in random_mags(40, density=0.5):
        graph = Ancestral.of(mag)
        for change in list(graph.mark_changes()):
            before = graph.copy()
            expected = graph.affected(change)
            assert graph.make(change) == expected
            fresh = Ancestral.of(graph.graph(mag.nodes))
            assert (graph.above, graph.below, graph.children, graph.key) == (fresh.above, fresh.below, fresh.children, fresh.key)
            moved = of(v for v in range(mag.p) if graph.above[v] != before.above[v])
            assert moved == expected
            graph.make(change)
            assert (graph.above, graph.spouses, graph.key) == (before.above, before.spouses, before.key)


def test_the_imap_of_a_poset_is_its_definition():
    mag = random_mags(1, nodes=(6,), density=0.5, seed=3)[0]
    oracle = Oracle(mag)
    order = np.random.default_rng(0).permutation(6)
    above = [of(order[: place + 1].tolist()) for place in np.argsort(order)]
    graph = order_graph(above, Memory(oracle))
    for i, j in itertools.combinations(range(6), 2):
        given = [k for k in members(above[i] | above[j]) if k not in (i, j)]
        assert bool(graph.joined[i] >> j & 1) == (not oracle.independent(i, j, given))
        assert not graph.spouses[i]  # of a total order all edges are arrows
    assert poset_imap(above, Memory(oracle)).n_edges <= graph.n_edges + mag.p


def test_the_true_order_gives_the_true_graph():
    for mag in random_mags(20):
        found = poset_imap(Ancestral.of(mag).above, Memory(Oracle(mag)))
        assert found.graph(mag.nodes) == mag


@pytest.mark.parametrize("start", ["permutation", "empty", "gsp"])
def test_exact_classes_under_an_oracle(start):
    exact = []
    for dag, latent in latent_dags(100):
        result = search(Oracle(dag, latent), GspoParams(start=start), Context.silent())
        truth = mag_of(dag, latent)
        assert is_maximal(result.mag) and is_valid_pag(result.graph) and result.graph == pag_of(result.mag)
        assert result.mag.n_edges >= truth.n_edges  # none sparser than the truth explains all independences
        exact.append(result.graph == pag_of(truth))
    assert np.mean(exact) >= SHARE


@pytest.mark.parametrize("start", ["permutation", "empty"])
def test_building_anew_finds_the_class_too(start):
    exact = [
        search(Oracle(mag), GspoParams(start=start, rule="construction", runs=2, depth=2), Context.silent()).graph == pag_of(mag)
        for mag in [*random_mags(8, nodes=(5, 6)), *linked_mags(4, others=(0, 1))]
    ]
    assert np.mean(exact) > 0.7


WAYS = list(itertools.product(["order", "permutation", "empty", "gsp"], ["deletion", "construction"], [True, False]))


@pytest.mark.parametrize(("start", "rule", "strict"), WAYS)
def test_data_always_give_a_valid_mag(start, rule, strict, run):
    for seed in range(2):
        frame = samples(random_dag(7, 3, np.random.default_rng(seed)), 100, seed)
        result = run("gspo", frame, alpha=0.05, start=start, rule=rule, strict=strict, runs=2, depth=2)
        assert result.mag.kind == "mag" and is_maximal(result.mag)
        assert result.graph.kind == "pag" and is_valid_pag(result.graph) and result.is_valid


def test_the_sparsest_of_all_runs_is_returned(run):
    for seed in range(4):
        result = run("gspo", samples(random_dag(10, 4, np.random.default_rng(seed)), 200, seed), alpha=0.01, seed=seed)
        assert len(result.ends) == 5
        assert result.mag.n_edges == min(result.ends)


def test_inverses_of_blocks_give_the_answers_of_the_test():
    frame = samples(random_dag(9, 3, np.random.default_rng(1)), 60)
    test = FisherZ.of(frame.columns, frame.to_numpy(), 0.1)
    quick, plain = CorrelationMemory(test), Memory(test.at(0.1))
    questions = [(i, j, of(s)) for i, j in itertools.combinations(range(9), 2) for s in itertools.combinations(set(range(9)) - {i, j}, 3)]
    quick.ask(questions[::2])
    assert [quick.independent(*q) for q in questions] == [plain.independent(*q) for q in questions]
    assert len(test.trace) == 0
    quick.record()
    asked, known = test.trace.frame(), plain.test.trace.frame()
    keys = ["a", "b", "given"]
    both = asked.merge(known, on=keys)
    assert len(both) == len(asked) == len(known) and np.allclose(both["p_value_x"], both["p_value_y"])


def test_it_says_that_it_is_a_heuristic(run):
    import engine

    assert "heuristic" in engine.methods().loc["gspo", "label"]
    assert "heuristic" in dict(run("gspo", Oracle(random_mags(1)[0])).summary())["Runs"]


def test_progress_early_graphs_and_cancel():
    seen, early = [], []
    context = Context(on_progress=lambda fraction, note: seen.append(fraction), on_partial=lambda name, value: early.append(value.kind))
    oracle = Oracle(random_mags(1, nodes=(8,))[0])
    gspo(oracle, GspoParams(), context)
    assert seen == sorted(seen) and len(seen) == 5 and "mag" in early
    with pytest.raises(Cancelled):
        gspo(oracle, GspoParams(), Context(is_cancelled=lambda: True))


def test_too_few_rows_are_named(run):
    frame = samples(random_dag(12, 2, np.random.default_rng(0)), 10)
    with pytest.raises(UserError, match="too few"):
        run("gspo", frame)
    assert run("gspo", frame, start="empty").is_valid


def test_bootstrap_and_another_level(run):
    from engine.discovery.stability import reorient

    frame = samples(random_dag(5, 2, np.random.default_rng(0)), 300)
    assert run("gspo", frame, bootstrap=10).graph.support is not None
    result, fresh = run("gspo", frame, alpha=1e-2), run("gspo", frame, alpha=1e-4)
    test = FisherZ.of(frame.columns, frame.to_numpy(), 1e-2)
    assert reorient(result, test, 1e-4).graph == fresh.graph
