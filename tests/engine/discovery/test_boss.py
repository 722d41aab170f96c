"""boss is exact under an oracle, its moves are worth what they say, and its result explains every edge."""

import itertools

import numpy as np
import pytest

from engine.core import Cancelled, Context, Dataset
from engine.discovery.boss import BossParams, boss
from engine.discovery.ges import EquivalenceClass, backward
from engine.discovery.grow_shrink import GrowShrinkTrees
from engine.discovery.knowledge import Knowledge
from engine.discovery.order_starts import starting_order
from engine.discovery.order_walk import OrderWalk
from engine.discovery.scores import GaussianScore, OracleScore, score_of
from engine.discovery.stability import reorient
from engine.graphs import Graph, cpdag_of
from engine.independence import Oracle
from tests.engine.discovery.test_gsp import fisher, gaussian
from tests.engine.discovery.test_scores import categories
from tests.graphs import random_dag, random_dags


def sample_score(p=10, degree=4, seed=0, n=400):
    frame = gaussian(random_dag(p, degree, np.random.default_rng(seed)), n=n, seed=seed)
    return GaussianScore(np.corrcoef(frame.to_numpy().T), n, 1.0)


def worth(trees, order):
    return sum(end.score for end in trees.parents_in(order))


# -- exact under an oracle ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("degree", "n"), [(2, 100), (4, 30)])
def test_exact_class_under_an_oracle(degree, n, run):
    for dag in random_dags(n=n, nodes=range(4, 11), degree=degree):
        assert run("boss", Oracle(dag)).graph == cpdag_of(dag), dag


@pytest.mark.parametrize("tucks", [False, True])
def test_exact_from_random_orders_too(tucks):
    context = Context.silent()
    for seed, dag in enumerate(random_dags(n=60, nodes=range(4, 11), degree=3, seed=1)):
        score = OracleScore(dag, list(range(dag.p)))
        walk = OrderWalk(GrowShrinkTrees(score), np.random.default_rng(seed).permutation(dag.p).tolist())
        walk.improve(context.rng, context)
        if tucks:
            walk.improve_by_tucks(context.rng, context)
        ended = backward(EquivalenceClass.of([end.parents for end in walk.ends]), score, context)
        assert ended == EquivalenceClass.of([int(sum(1 << k for k in np.flatnonzero(column))) for column in dag.directed.T])


# -- moves --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_best_place_is_the_best_of_all_places(seed):
    score = sample_score(seed=seed)
    trees, rng = GrowShrinkTrees(score), np.random.default_rng(seed)
    for _ in range(5):
        order = rng.permutation(score.p).tolist()
        walk = OrderWalk(trees, order)
        for variable in range(score.p):
            others = [k for k in order if k != variable]
            every = [worth(trees, [*others[:place], variable, *others[place:]]) for place in range(score.p)]
            move = walk.best_place(variable)
            assert max(every) - walk.score == pytest.approx(move.gain if move else 0, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_moves_and_tucks_are_worth_what_they_say_and_can_be_undone(seed):
    score = sample_score(seed=seed)
    trees, rng = GrowShrinkTrees(score), np.random.default_rng(seed)
    walk = OrderWalk(trees, rng.permutation(score.p).tolist())
    for step in range(60):
        before, was = walk.score, list(walk.order)
        arrows = np.argwhere(walk.arrows)
        i, j = arrows[rng.integers(len(arrows))].tolist()
        move, forward = walk.tuck(i, j)
        undo = walk.undo_of(move)
        walk.make(move, forward)
        assert worth(trees, walk.order) == pytest.approx(walk.score, abs=1e-6)
        assert walk.score - before == pytest.approx(move.gain, abs=1e-6)
        assert walk.order.index(j) < walk.order.index(i)
        if step % 2:
            walk.make(undo, forward)
            assert walk.order == was and walk.score == pytest.approx(before)


def test_a_tuck_moves_the_ancestors_in_between_and_keeps_the_rest_in_order():
    dag = Graph.from_edges("IXAYJ", ["I --> A", "A --> J", "I --> J", "X --> Y"])
    walk = OrderWalk(GrowShrinkTrees(OracleScore(dag, list(range(5)))), [0, 1, 2, 3, 4])
    move, forward = walk.tuck(0, 4)
    assert forward == [2, 4]
    assert move.stretch == [2, 4, 0, 1, 3]


@pytest.mark.parametrize("seed", range(5))
def test_where_the_search_ends_no_move_and_no_tuck_helps(seed):
    score = sample_score(p=12, seed=seed)
    trees, context = GrowShrinkTrees(score), Context.silent(seed)
    walk = OrderWalk(trees, context.rng.permutation(score.p).tolist())
    walk.improve(context.rng, context)
    walk.improve_by_tucks(context.rng, context)
    assert worth(trees, walk.order) == pytest.approx(walk.score, abs=1e-6)
    assert not any(walk.best_place(variable) for variable in range(score.p))
    assert all(walk.tuck(i, j)[0].gain <= score.tolerance for i, j in np.argwhere(walk.arrows).tolist())


def test_starting_orders_follow_names_not_columns():
    frame = gaussian(random_dag(8, 3, np.random.default_rng(0)), n=300)
    for n in (0, 1, 2):
        drawn = []
        for columns in (list(frame), list(frame)[::-1]):
            test = fisher(frame[columns])
            order = starting_order(n, score_of(test), Knowledge.none(test.nodes), Context.silent(3))
            drawn.append([test.nodes[k] for k in order])
        assert sorted(drawn[0]) == sorted(frame)
        assert n == 0 or drawn[0] == drawn[1]


# -- in use ------------------------------------------------------------------------------------------------------------------


def test_categories_are_scored_by_counting(run):
    codes = categories(n=2000)
    frame = Dataset.of(codes.astype(float)).frame.astype(int).astype(str)
    graph = run("boss", frame).graph
    assert {frozenset((edge.source, edge.target)) for edge in graph.edges()} == {frozenset((f"X{k}", f"X{k + 1}")) for k in range(1, 5)}


def test_every_pair_has_a_test_and_every_edge_its_worth(run):
    result = run("boss", gaussian(random_dag(12, 3, np.random.default_rng(6)), n=1000))
    trace = result.trace.frame()
    assert len(trace) == 66
    joined = {frozenset((edge.source, edge.target)) for edge in result.graph.edges()}
    assert {frozenset(pair) for pair in zip(result.gains["source"], result.gains["target"], strict=True)} == joined
    assert (result.gains["gain"] > 0).all()
    for a, b in itertools.combinations(result.graph.nodes, 2):
        words = result.evidence(a, b).sentence
        assert ("the score would fall by" in words) == (frozenset((a, b)) in joined)


def test_the_worth_of_an_edge_is_the_difference_of_two_scores(run):
    frame = gaussian(random_dag(8, 3, np.random.default_rng(7)), n=500)
    result, score = run("boss", frame), score_of(fisher(frame))
    parents = {k: [] for k in range(8)}
    for source, target in zip(result.gains["source"], result.gains["target"], strict=True):
        parents[result.graph.index(target)].append(result.graph.index(source))

    def local(target, chosen):
        return float(score.fit(np.array([target]), np.array([chosen], int).reshape(1, -1)).score[0])

    assert result.score == pytest.approx(sum(local(k, chosen) for k, chosen in parents.items()), abs=1e-6)
    for source, target, gain in result.gains.itertuples(index=False):
        j, i = result.graph.index(target), result.graph.index(source)
        assert gain == pytest.approx(local(j, parents[j]) - local(j, [k for k in parents[j] if k != i]), abs=1e-6)


def test_a_larger_penalty_draws_fewer_edges(run):
    frame = gaussian(random_dag(15, 3, np.random.default_rng(8)), n=200)
    sizes = [run("boss", frame, penalty=penalty).graph.n_edges for penalty in (0.5, 2.0, 20.0)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_order_of_columns_plays_no_part(run):
    frame = gaussian(random_dag(12, 4, np.random.default_rng(9)), n=300)
    shuffled = frame[list(np.random.default_rng(1).permutation(list(frame)))]
    assert run("boss", shuffled, starts=3).graph.subgraph(list(frame)) == run("boss", frame, starts=3).graph


def test_more_variables_than_rows(run):
    frame = gaussian(random_dag(40, 1, np.random.default_rng(10)), n=30)
    graph = run("boss", frame, starts=2).graph
    assert graph.n_edges < 120


def test_same_seed_same_digest_and_another_level_keeps_the_graph(run):
    frame = gaussian(random_dag(10, 3, np.random.default_rng(11)), n=300)
    result = run("boss", frame, seed=4)
    assert run("boss", frame, seed=4).digest == result.digest
    again = reorient(result, fisher(frame), 1e-6)
    assert again.graph == result.graph
    assert again.digest == run("boss", frame, seed=4, alpha=1e-6).digest


def test_bootstrap_support(run):
    graph = run("boss", gaussian(random_dag(6, 2, np.random.default_rng(12)), n=300), bootstrap=8).graph
    assert graph.support is not None
    np.testing.assert_allclose(graph.support.sum(axis=2), 1)


def test_progress_early_graphs_and_cancel():
    notes, early = [], []
    context = Context(
        on_progress=lambda fraction, note: notes.append(note), on_partial=lambda name, value: early.append((name, value.kind))
    )
    oracle = Oracle(random_dag(5, 2, np.random.default_rng(0)))
    boss(oracle, BossParams(starts=3), context)
    assert notes[:3] == ["start 1 of 3", "start 2 of 3", "start 3 of 3"]
    assert ("graph", "cpdag") in early
    with pytest.raises(Cancelled):
        boss(oracle, BossParams(), Context(is_cancelled=lambda: True))
