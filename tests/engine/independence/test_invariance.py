"""Invariance tests keep their level, see every kind of change, and follow from sums alone what regressions on the rows say."""

import numpy as np
import pytest
from scipy.stats import f

from engine.independence.invariance import GaussianInvariance, RankInvariance
from engine.independence.invariance_pooled import DiscreteInvariance, KernelInvariance, ZerosInvariance

ALPHA = 0.05
CHILDREN = 250  # invariant given the parents in both regimes, and independent of each other given them
PARENTS = [CHILDREN, CHILDREN + 1]


def made(test, tables, alpha=ALPHA):
    return test(range(tables[0].shape[1]), [f"I{k}" for k in range(1, len(tables))], tables, alpha)


def linear(rng, n, shift, d):
    """Draw children of the first d of two parents, which are shifted."""
    above = rng.standard_normal((n, 2)) + shift
    return np.column_stack([(above[:, :d] @ np.array([0.8, -0.6])[:d])[:, None] + rng.standard_normal((n, CHILDREN)), above])


def distorted(rng, n, shift, d):
    return np.exp(linear(rng, n, shift, d))


def curved(rng, n, shift, d):
    above = rng.standard_normal((n, 2)) + shift
    mean = np.sin(2 * above[:, 0]) * (d > 0) + above[:, 1] ** 2 / 2 * (d > 1)
    return np.column_stack([mean[:, None] + rng.standard_normal((n, CHILDREN)), above])


def with_zeros(rng, n, shift, d):
    def hurdle(level):
        return np.where(level > 0.3, np.exp(np.minimum(level, 5)), 0.0)

    above = hurdle(rng.standard_normal((n, 2)) + shift)
    level = (np.log1p(above[:, :d]) @ np.array([0.8, -0.6])[:d])[:, None]
    return np.column_stack([hurdle(level + rng.standard_normal((n, CHILDREN))), above])


def categories(rng, n, shift, d):
    above = (rng.random((n, 2)) < 0.4 + 0.2 * shift).astype(int)
    chance = np.array([0.3, 0.6, 0.5, 0.7])[above[:, :d] @ np.array([1, 2])[:d] if d else np.zeros(n, int)]
    return np.column_stack([rng.random((n, CHILDREN)) < chance[:, None], above]).astype(float)


CASES = {
    "gaussian": (GaussianInvariance, linear, 1.5), "rank": (RankInvariance, distorted, 0), "kernel": (KernelInvariance, curved, 0.5),
    "zeros": (ZerosInvariance, with_zeros, 0.5), "discrete": (DiscreteInvariance, categories, 1),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_rate_of_false_changes_over_more_than_5000_nulls(case):
    test, draw, shift = CASES[case]
    found = []
    for seed in range(7):
        for d in (0, 1, 2):
            rng = np.random.default_rng([seed, d])
            # children without parents in S keep their law only if no parent is shifted
            tables = [draw(rng, 250, 0, d), draw(rng, 200, shift if d else 0, d)]
            given = np.tile(np.array(PARENTS[:d], int), (CHILDREN, 1))
            found.append(made(test, tables).p_values(np.arange(CHILDREN), given)[1])
    p_values = np.concatenate(found)
    assert p_values.size >= 5000 and not np.isnan(p_values).any()
    assert 0.8 * ALPHA <= np.mean(p_values <= ALPHA) <= 1.2 * ALPHA


def test_exact_level_in_a_tiny_regime_at_a_small_alpha():
    rng = np.random.default_rng(1)
    p_values = np.concatenate(
        [
            made(GaussianInvariance, [linear(rng, 1000, 0, 2), linear(rng, 9, 1, 2)]).p_values(range(CHILDREN), [PARENTS] * CHILDREN)[1]
            for _ in range(40)
        ]
    )
    assert 0.6 * 0.005 <= np.mean(p_values <= 0.005) <= 1.4 * 0.005  # 10,000 draws; the standard error is 0.14


def regression(y, x):
    design = np.column_stack([np.ones(len(y)), x])
    weights, *_ = np.linalg.lstsq(design, y, rcond=None)
    return float(np.square(y - design @ weights).sum())


@pytest.mark.parametrize("given", [[], [2], [1, 3, 4]])
def test_sums_give_what_regressions_on_the_rows_give(given):
    rng = np.random.default_rng(2)
    tables = [rng.standard_normal((n, 5)) @ rng.standard_normal((5, 5)) * 3 + 10 for n in (80, 50, 30)]
    statistic, p_value = made(GaussianInvariance, tables).p_values([0], [given])
    d, first = len(given) + 1, regression(tables[0][:, 0], tables[0][:, given])
    for k, table in enumerate(tables[1:]):
        own = regression(table[:, 0], table[:, given])
        pooled = np.concatenate([tables[0], table])
        both = regression(pooled[:, 0], pooled[:, given])
        free = len(pooled) - 2 * d
        chow = (both - first - own) / d / ((first + own) / free)
        ratio = (first / (80 - d)) / (own / (len(table) - d))
        p_ratio = 2 * min(f.cdf(ratio, 80 - d, len(table) - d), f.sf(ratio, 80 - d, len(table) - d))
        p_chow = f.sf(chow, d, free)
        assert p_value[0, k] == pytest.approx(min(1, 2 * min(p_chow, p_ratio)), rel=1e-6)
        assert statistic[0, k] == pytest.approx(chow if p_chow < p_ratio else ratio, rel=1e-6)


def test_a_variable_held_constant_drops_out_of_the_regression():
    rng = np.random.default_rng(3)
    first, second = linear(rng, 300, 0, 2), linear(rng, 200, 0, 2)
    second[:, PARENTS[0]] = 0.7
    mean = (second[:, PARENTS] @ np.array([0.8, -0.6]))[:, None]
    second[:, :CHILDREN] = mean + rng.standard_normal((200, CHILDREN))
    test = made(GaussianInvariance, [first, second])
    p_values = test.p_values(range(CHILDREN), [PARENTS] * CHILDREN)[1]
    assert 0.01 <= np.mean(p_values <= ALPHA) <= 0.12
    assert test.p_values([PARENTS[0]], [[]])[1][0, 0] == 0
    assert (made(GaussianInvariance, [first, second + 3 * (np.arange(CHILDREN + 2) < CHILDREN)]).p_values([0], [PARENTS])[1] < 1e-9).all()


def changes(rng, kind):
    first, second = linear(rng, 1000, 0, 1), linear(rng, 1000, 0, 1)
    parent = second[:, CHILDREN]
    if kind == "mean":
        second[:, 0] += 0.5
    elif kind == "slope":
        second[:, 0] += 0.6 * parent
    elif kind == "spread":
        second[:, 0] = 0.8 * parent + (second[:, 0] - 0.8 * parent) * 1.5
    return first, second


@pytest.mark.parametrize("kind", ["mean", "slope", "spread"])
@pytest.mark.parametrize("test", [GaussianInvariance, RankInvariance, KernelInvariance, ZerosInvariance])
def test_every_kind_of_change_is_seen(test, kind):
    first, second = changes(np.random.default_rng(4), kind)
    asked = made(test, [first, second], 1e-4)
    assert asked.changed(0, 1 << CHILDREN) == 1
    assert asked.unchanged(1, 1 << CHILDREN) == 1


def test_a_change_in_the_share_of_zeros_alone_is_seen():
    rng = np.random.default_rng(5)
    first, second = with_zeros(rng, 800, 0, 0), with_zeros(rng, 800, 0, 0)
    second[rng.random(800) < 0.5, 0] = 0
    asked = made(ZerosInvariance, [first, second], 1e-4)
    assert (asked.changed(0, 0), asked.changed(1, 0)) == (1, 0)


def test_a_change_between_categories_is_seen():
    rng = np.random.default_rng(6)
    first, second = categories(rng, 500, 0, 1), categories(rng, 500, 0, 1)
    second[:, 0] = 1 - second[:, 0]
    asked = made(DiscreteInvariance, [first, second], 1e-4)
    assert (asked.changed(0, 1 << CHILDREN), asked.changed(1, 1 << CHILDREN)) == (1, 0)


def test_a_regime_with_too_few_rows_for_the_conditioning_set_is_not_tested():
    rng = np.random.default_rng(7)
    asked = made(GaussianInvariance, [linear(rng, 100, 0, 2), linear(rng, 7, 9, 2), linear(rng, 100, 9, 2)])
    assert np.isnan(asked.p_values([0], [PARENTS])[1]).tolist() == [[True, False]]
    assert not np.isnan(asked.p_values([0], [PARENTS[:1]])[1]).any()
    assert asked.changed(0, 0b11 << CHILDREN) & 1 == 0 == asked.unchanged(0, 0b11 << CHILDREN) & 1


def test_columns_that_are_copies_inside_a_regime_make_the_question_impossible_and_break_nothing():
    rng = np.random.default_rng(8)
    first, second = linear(rng, 100, 0, 2), linear(rng, 100, 0, 2)
    second[:, PARENTS[1]] = second[:, PARENTS[0]]
    p_values = made(GaussianInvariance, [first, second]).p_values([0, 1], [PARENTS, [2, 3]])[1]
    assert np.isnan(p_values).ravel().tolist() == [True, False]


def test_the_level_can_be_changed_without_asking_again(monkeypatch):
    rng = np.random.default_rng(9)
    asked = made(GaussianInvariance, changes(rng, "mean"), 1e-300)
    assert asked.changed(0, 0) == 0
    monkeypatch.setattr(GaussianInvariance, "answers", None)
    assert asked.at(0.01).changed(0, 0) == 1
