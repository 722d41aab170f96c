"""Each test rejects true independences at its level: within 20% of alpha over more than 5,000 null draws, given 0, 1 and 2 variables."""

import numpy as np
import pytest

from engine.independence import FisherZ, GSquared, Rank

ALPHA = 0.05
CHILDREN = 70  # all pairs of children of the same parents are independent given the parents: 2,415 nulls for each size
NAMES = [f"X{k}" for k in range(CHILDREN + 2)]


def linear(rng, n, parents):
    """Draw children (columns 0 to 69) of the first ``parents`` of two parents (columns 70 and 71), dependent among each other."""
    above = rng.standard_normal((n, 2)) @ np.array([[1, 0.5], [0, 1]])
    weights = rng.uniform(0.3, 1, (parents, CHILDREN)) * rng.choice([-1, 1], (parents, CHILDREN))
    return np.column_stack([above[:, :parents] @ weights + rng.standard_normal((n, CHILDREN)), above])


def binary(rng, n, parents):
    """Draw the same with two-level columns."""
    above = (rng.random((n, 2)) < 0.5).astype(int)
    pattern = above[:, :parents] @ 2 ** np.arange(parents) if parents else np.zeros(n, int)
    chance = rng.uniform(0.2, 0.8, (2**parents, CHILDREN))
    return np.column_stack([rng.random((n, CHILDREN)) < chance[pattern], above]).astype(int)


def p_values_of_nulls(make, draw, n):
    i, j = np.triu_indices(CHILDREN, 1)
    found = []
    for seed, parents in enumerate((0, 1, 2)):
        test = make(NAMES, draw(np.random.default_rng(seed), n, parents), ALPHA)
        found.append(test.p_values(i, j, [CHILDREN, CHILDREN + 1][:parents]))
    return np.concatenate(found)


@pytest.mark.parametrize(
    ("make", "draw", "n"),
    [(FisherZ.of, linear, 200), (Rank.of, linear, 200), (GSquared, binary, 400)],
    ids=["gaussian", "rank", "discrete"],
)
def test_rate_of_false_rejections(make, draw, n):
    p_values = p_values_of_nulls(make, draw, n)
    assert len(p_values) >= 5000 and not np.isnan(p_values).any()
    assert 0.8 * ALPHA <= np.mean(p_values <= ALPHA) <= 1.2 * ALPHA


def test_rank_test_keeps_its_level_after_monotone_distortion():
    def distorted(rng, n, parents):
        return np.exp(linear(rng, n, parents))

    p_values = p_values_of_nulls(Rank.of, distorted, 200)
    assert 0.8 * ALPHA <= np.mean(p_values <= ALPHA) <= 1.2 * ALPHA


@pytest.mark.parametrize(("make", "draw", "n"), [(FisherZ.of, linear, 200), (Rank.of, linear, 200), (GSquared, binary, 400)])
def test_dependence_is_seen(make, draw, n):
    test = make(NAMES, draw(np.random.default_rng(0), n, 1), ALPHA)
    assert np.mean(test.p_values(np.arange(CHILDREN), np.full(CHILDREN, CHILDREN), []) <= ALPHA) > 0.6
