"""Hill climbing ends in a DAG that no single change of an arrow improves; from all full DAGs the best end is the best DAG."""

import itertools

import numpy as np
import pytest

from engine.data import simulate
from engine.graphs.bitsets import members
from engine.mixtures.climb import climb
from engine.mixtures.moments import Rows, one_hot
from engine.mixtures.scores import LocalScores
from engine.mixtures.variants import Variant


def scores_of(p, seed):
    data = simulate("mixture", p=p, n=400, varying=2, strength=2.0, seed=seed)
    return LocalScores(Rows(data.numeric).moments(one_hot(np.array(data.truth["labels"]), 2)))


def total(scores, parents):
    def best(node, chosen):
        return max(scores.score(node, list(members(chosen)), v) for v in (Variant.SHARED, Variant.INTERCEPT, Variant.ALL))

    return sum(best(node, chosen) for node, chosen in enumerate(parents))


def is_acyclic(parents):
    left = set(range(len(parents)))
    while left:
        free = {node for node in left if not any(k in left for k in members(parents[node]))}
        if not free:
            return False
        left -= free
    return True


def neighbours(parents):
    for i, j in itertools.permutations(range(len(parents)), 2):
        changed = list(parents)
        changed[j] ^= 1 << i
        yield changed
        if parents[j] >> i & 1:
            changed = list(changed)
            changed[i] |= 1 << j
            yield changed


@pytest.mark.parametrize("seed", range(4))
def test_no_single_change_improves(seed):
    scores = scores_of(5, seed)
    found = climb(scores)
    assert is_acyclic(found)
    best = total(scores, found)
    assert all(total(scores, other) <= best + 1e-4 for other in neighbours(found) if is_acyclic(other))


def test_the_best_end_from_all_orders_is_the_best_of_all_dags_on_three_nodes():
    for seed in range(5):
        scores = scores_of(3, seed)
        every = [sets for sets in itertools.product(*([s for s in range(8) if not s >> j & 1] for j in range(3))) if is_acyclic(sets)]
        assert len(every) == 25
        full = [[sum(1 << k for k in order[: order.index(j)]) for j in range(3)] for order in itertools.permutations(range(3))]
        ends = [total(scores, climb(scores, start)) for start in full]
        assert max(ends) == pytest.approx(max(total(scores, sets) for sets in every), abs=1e-4)


def test_no_node_gets_more_parents_than_allowed():
    rng = np.random.default_rng(0)
    causes = rng.standard_normal((500, 8))
    rows = Rows(np.column_stack([causes, causes.sum(axis=1) + 0.1 * rng.standard_normal(500)]))
    assert max(chosen.bit_count() for chosen in climb(LocalScores(rows.moments(np.ones((500, 1)))), most_parents=3)) == 3


def test_looking_ahead_finds_the_collider_that_single_changes_miss():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1000))
    rows = Rows(np.column_stack([a, b, a - b + rng.standard_normal(1000)]))
    scores = LocalScores(rows.moments(np.ones((1000, 1))))
    stuck = (0b100, 0b101, 0)  # C -> A, C -> B, A -> B
    assert climb(scores, stuck) == stuck
    assert climb(scores, stuck, depth=3) == (0, 0, 0b11)
