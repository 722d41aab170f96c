"""Switching signs never costs a positive pair, stops where no single switch helps, and finds a planted choice."""

import itertools

import numpy as np
import pytest

from engine.mtp2.signs import most_negative, negative_share, sign_switch


def correlation(n, seed):
    return np.corrcoef(np.random.default_rng(seed).standard_normal((n + 3, n)), rowvar=False)


def positive(matrix, signs):
    return sum(signs[i] * signs[j] * matrix[i, j] > 0 for i, j in itertools.combinations(range(len(signs)), 2))


@pytest.mark.parametrize("seed", range(20))
def test_no_single_switch_would_help(seed):
    matrix = correlation(9, seed)
    signs = sign_switch(matrix)
    reached = positive(matrix, signs)
    assert set(signs) <= {1, -1} and (signs == -1).sum() <= 4
    assert reached >= positive(matrix, np.ones(9))
    for i in range(9):
        other = signs.copy()
        other[i] *= -1
        assert positive(matrix, other) <= reached


def test_most_local_optima_are_the_best_choice():
    """Against all 2^8 choices; where no single switch helps, at least half of the pairs are positive."""
    reached, best = [], []
    for seed in range(40):
        matrix = correlation(9, seed)
        reached.append(positive(matrix, sign_switch(matrix)))
        best.append(max(positive(matrix, np.array([1, *rest])) for rest in itertools.product([1, -1], repeat=8)))
    assert min(reached) >= 9 * 8 / 4 and np.mean(np.equal(reached, best)) > 0.5


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_a_planted_choice_is_found(n):
    rng = np.random.default_rng(n)
    hidden = np.where(rng.random(n) < 0.3, -1, 1)
    hidden[0] = 1
    size = np.abs(correlation(n, n)) if n > 1 else np.ones((1, 1))
    found = sign_switch(size * np.outer(hidden, hidden))
    assert positive(size * np.outer(hidden, hidden), found) == n * (n - 1) / 2
    assert np.array_equal(found, hidden) or np.array_equal(found, -hidden)


def test_nothing_to_switch():
    assert sign_switch(np.abs(correlation(6, 0))).tolist() == [1] * 6
    assert sign_switch(np.full((3, 3), np.nan)).tolist() == [1, 1, 1] and sign_switch(np.empty((0, 0))).size == 0


def test_shares_and_worst_pairs_are_counted_by_hand():
    matrix = np.array([[1, -0.3, 0.2], [-0.3, 1, np.nan], [0.2, np.nan, 1]])
    assert negative_share(matrix) == 0.5 and most_negative(matrix) == [(0, 1, -0.3)]
    assert negative_share(np.eye(1)) == 0
