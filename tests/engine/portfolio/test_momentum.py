"""Momentum is the mean growth of days t-252 to t-22, whatever happened before or since, and targets follow from it."""

import math

import numpy as np
import pytest

from engine.core import UserError
from engine.portfolio.momentum import momentum, target_return, top_quintile_weights


@pytest.fixture
def returns():
    return np.random.default_rng(0).normal(5e-4, 0.02, (300, 7))


def test_momentum_is_the_growth_of_231_days(returns):
    found = momentum(returns)
    for column in range(7):
        days = [returns[300 - back, column] for back in range(252, 21, -1)]  # row 300 would be day t
        assert len(days) == 231
        assert found[column] == pytest.approx(math.prod(1 + r for r in days) ** (1 / 231) - 1, abs=1e-15)


@pytest.mark.parametrize("row", [0, 47, 279, 299])
def test_days_outside_the_window_do_not_count(returns, row):
    changed = returns.copy()
    changed[row] = np.nan
    assert (momentum(changed) == momentum(returns)).all()


@pytest.mark.parametrize("row", [48, 278])
def test_the_first_and_the_last_day_of_the_window_count(returns, row):
    changed = returns.copy()
    changed[row] += 0.1
    assert (momentum(changed) > momentum(returns)).all()


def test_exactly_a_year_is_enough_and_a_day_less_is_not(returns):
    assert (momentum(returns[48:]) == momentum(returns)).all()
    with pytest.raises(UserError, match=r"252 periods .* 251 are at hand"):
        momentum(returns[49:])


def test_other_windows_are_the_same_rule(returns):
    assert momentum(returns, window=12, skipped=1) == pytest.approx(np.prod(1 + returns[288:299], axis=0) ** (1 / 11) - 1, abs=1e-15)


@pytest.mark.parametrize("value", [np.nan, -1.5])
def test_a_day_without_a_return_names_the_asset(returns, value):
    returns[100, 3] = value
    with pytest.raises(UserError, match=r"^D has no return") as error:
        momentum(returns, "ABCDEFG")
    assert error.value.where == "D"
    with pytest.raises(UserError, match=r"^Asset 4 and 1 more"):
        returns[200, 5] = value
        momentum(returns)


def test_a_total_loss_is_minus_one(returns):
    returns[100, 2] = -1.0
    assert momentum(returns)[2] == -1.0


@pytest.mark.parametrize(("n", "top"), [(1, 1), (4, 1), (5, 1), (9, 1), (10, 2), (100, 20), (499, 99), (35, 7), (15, 3)])
def test_the_top_quintile_is_a_fifth_rounded_down(n, top):
    expected = np.random.default_rng(n).permutation(n) * 1e-4
    weights = top_quintile_weights(expected)
    assert weights.sum() == pytest.approx(1)
    assert set(np.flatnonzero(weights)) == {i for i in range(n) if expected[i] > (n - top - 0.5) * 1e-4}
    assert np.ptp(weights[weights > 0]) == 0
    assert target_return(expected) == pytest.approx(weights @ expected, rel=1e-12)
    assert target_return(expected, "mean") == pytest.approx(expected.mean())


def test_an_unknown_target_lists_the_known():
    with pytest.raises(UserError, match="top_quintile, mean"):
        target_return(np.ones(3), "median")
