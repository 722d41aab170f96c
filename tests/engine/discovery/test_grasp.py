"""grasp is exact under an oracle with any tuck allowed, its tiers are nested, and it ends where no tuck helps."""

import itertools

import networkx as nx
import numpy as np
import pytest

from engine.core import Cancelled, Context
from engine.discovery.ges import EquivalenceClass
from engine.discovery.grasp import GraspParams, allowed, climb, grasp, step
from engine.discovery.grow_shrink import GrowShrinkTrees
from engine.discovery.order_walk import OrderWalk
from engine.discovery.scores import OracleScore
from engine.graphs import Graph, cpdag_of
from engine.graphs.bitsets import rows
from engine.independence import Oracle
from tests.engine.discovery.test_boss import sample_score
from tests.engine.discovery.test_gsp import gaussian
from tests.graphs import random_dag, random_dags


def walk_under_an_oracle(dag, seed=0):
    score = OracleScore(dag, list(range(dag.p)))
    return OrderWalk(GrowShrinkTrees(score), np.random.default_rng(seed).permutation(dag.p).tolist())


def is_exact(walk, dag):
    return EquivalenceClass.of([end.parents for end in walk.ends]) == EquivalenceClass.of(rows(dag.directed.T))


@pytest.mark.parametrize(("degree", "n"), [(2, 100), (4, 20)])
def test_exact_class_under_an_oracle(degree, n, run):
    for dag in random_dags(n=n, nodes=range(4, 11), degree=degree):
        assert run("grasp", Oracle(dag)).graph == cpdag_of(dag), dag


def test_any_tuck_from_a_random_order_is_nearly_always_enough():
    exact = []
    for seed, dag in enumerate(random_dags(n=100, nodes=range(4, 11), degree=3, seed=1)):
        walk = walk_under_an_oracle(dag, seed)
        climb(walk, 3, 2, Context.silent())
        exact.append(is_exact(walk, dag))
    assert sum(exact) >= 98


def test_the_tiers_are_covered_arrows_those_without_another_path_and_all():
    for dag in random_dags(n=20, nodes=[7], degree=3, seed=2):
        walk = walk_under_an_oracle(dag)
        graph = nx.from_numpy_array(walk.arrows, create_using=nx.DiGraph)
        for i, j in graph.edges:
            covered = set(graph.predecessors(j)) == {i, *graph.predecessors(i)}
            single = len(list(nx.all_simple_paths(graph, i, j))) == 1
            assert [allowed(walk, i, j, tier) for tier in range(3)] == [covered, single, True]
            assert single or not covered


@pytest.mark.parametrize("seed", range(4))
def test_a_step_improves_or_leaves_all_as_it_was(seed):
    score = sample_score(p=9, seed=seed)
    rng = np.random.default_rng(seed)
    walk = OrderWalk(GrowShrinkTrees(score), rng.permutation(score.p).tolist())
    for _ in range(40):
        before, order, name = walk.score, list(walk.order), walk.key
        found = step(walk, rng.permutation(score.p).tolist(), 3, 2, {name}, rng)
        fresh = walk.trees.parents_in(walk.order)
        assert all(kept.parents == end.parents for kept, end in zip(walk.ends, fresh, strict=True))
        if not found:
            assert walk.order == order and walk.key == name
            return
        assert walk.score > before + score.tolerance
    pytest.fail("the walk never ended")


def test_looking_ahead_leaves_a_plateau():
    """Some walk that stops at once without looking ahead goes on with it, and none goes down."""
    better = 0
    for seed, dag in enumerate(random_dags(n=60, nodes=range(6, 10), degree=3, seed=3)):
        walks = [walk_under_an_oracle(dag, seed) for _ in range(2)]
        for walk, depth in zip(walks, (0, 3), strict=True):
            climb(walk, depth, 0, Context.silent())
        better += walks[1].score > walks[0].score + walks[0].trees.score.tolerance
    assert better > 0


def test_order_of_columns_plays_no_part(run):
    frame = gaussian(random_dag(10, 3, np.random.default_rng(9)), n=300)
    graph = run("grasp", frame, starts=2).graph
    assert run("grasp", frame[sorted(frame, reverse=True)], starts=2).graph.subgraph(list(frame)) == graph


def test_every_pair_has_a_test(run):
    result = run("grasp", gaussian(random_dag(8, 3, np.random.default_rng(6)), n=1000))
    assert all(len(result.trace.of(a, b)) == 1 for a, b in itertools.combinations(result.graph.nodes, 2))


def test_progress_and_cancel():
    notes = []
    oracle = Oracle(Graph.from_edges("ABC", ["A --> C", "B --> C"]))
    grasp(oracle, GraspParams(starts=2), Context(on_progress=lambda fraction, note: notes.append(note)))
    assert notes == ["start 1 of 2", "start 2 of 2"]
    with pytest.raises(Cancelled):
        grasp(oracle, GraspParams(), Context(is_cancelled=lambda: True))
