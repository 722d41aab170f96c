"""The trees give the parents that growing and shrinking from scratch would give, in any order of the variables."""

import numpy as np
import pytest

from engine.discovery.grow_shrink import GrowShrinkTrees, Lookup
from engine.discovery.scores import GaussianScore
from engine.graphs.bitsets import members
from tests.engine.discovery.test_gsp import gaussian
from tests.graphs import random_dag


def score_of_sample(p=12, degree=4, seed=0, n=400):
    frame = gaussian(random_dag(p, degree, np.random.default_rng(seed)), n=n, seed=seed)
    return GaussianScore(np.corrcoef(frame.to_numpy().T), n, 1.0)


def local(score, target, parents):
    return float(score.fit(np.array([target]), np.array([sorted(parents)], int).reshape(1, -1)).score[0])


def grown_and_shrunk(score, target, available):
    """Grow and shrink with one score at a time."""
    parents: set[int] = set()
    while rest := available - parents:
        best = max(rest, key=lambda k: local(score, target, parents | {k}))
        if local(score, target, parents | {best}) <= local(score, target, parents):
            break
        parents.add(best)
    while parents:
        worst = max(parents, key=lambda k: local(score, target, parents - {k}))
        if local(score, target, parents - {worst}) <= local(score, target, parents):
            break
        parents.remove(worst)
    return parents


@pytest.mark.parametrize("seed", range(4))
def test_parents_in_an_order(seed):
    score = score_of_sample(seed=seed)
    trees = GrowShrinkTrees(score)
    rng = np.random.default_rng(seed)
    for _ in range(4):
        order = rng.permutation(score.p).tolist()
        for place, (variable, end) in enumerate(sorted(enumerate(trees.parents_in(order)), key=lambda found: order.index(found[0]))):
            expected = grown_and_shrunk(score, variable, set(order[:place]))
            assert set(members(end.parents)) == expected
            assert end.score == pytest.approx(local(score, variable, expected))


def test_a_look_up_knows_where_the_next_difference_is():
    score = score_of_sample(seed=5)
    trees = GrowShrinkTrees(score)
    order = np.random.default_rng(5).permutation(score.p).tolist()
    position = [order.index(k) for k in range(score.p)]
    for variable in range(score.p):
        ends = []
        for limit in range(score.p + 1):
            lookup = Lookup(trees.roots[variable], limit, variable)
            trees.answer([lookup], position)
            ends.append(lookup)
        for limit, lookup in enumerate(ends):
            last = int(min(lookup.next_limit, score.p))
            assert all(ends[k].node is lookup.node for k in range(limit, last + 1))


def test_a_moved_variable_counts_where_it_is_said_to_be():
    score = score_of_sample(seed=6)
    trees = GrowShrinkTrees(score)
    order = list(range(score.p))
    for variable in range(score.p):
        for moved in set(order) - {variable}:
            for available in (True, False):
                lookup = Lookup(trees.roots[variable], variable, moved, available)
                trees.answer([lookup], order)
                trees.settle([lookup.node])
                allowed = (set(range(variable)) - {moved}) | ({moved} if available else set())
                assert set(members(lookup.node.parents)) == grown_and_shrunk(score, variable, allowed)
            if variable not in trees.mentions[moved]:
                ends = [Lookup(trees.roots[variable], variable, moved, available) for available in (True, False)]
                trees.answer(ends, order)
                assert ends[0].node is ends[1].node


def test_the_same_set_grown_in_two_ways_is_one_node():
    score = score_of_sample(seed=7)
    trees = GrowShrinkTrees(score)
    for seed in range(20):
        trees.parents_in(np.random.default_rng(seed).permutation(score.p).tolist())
    for known in trees._known:
        assert all(sum(1 << k for k in node.members) == key for key, node in known.items())


def test_one_variable_has_no_parents():
    trees = GrowShrinkTrees(GaussianScore(np.eye(1), 100))
    assert trees.parents_in([0])[0].parents == 0
