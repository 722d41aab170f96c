"""Every measure is its definition: by hand on a few days, by brute force on many, and by the identities that must hold between them."""

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.portfolio.measures import (
    deepest_drawdown,
    drawdown,
    effective_bets,
    effective_names,
    expected_shortfall,
    gross_leverage,
    holding_returns,
    holding_sums,
    performance,
    risk_shares,
    rolling_sd,
    short_share,
    turnover_per_year,
    wealth,
)  # fmt: skip


def series(values):
    return pd.Series(values, index=pd.bdate_range("2020-01-01", periods=len(values)))


@pytest.fixture(scope="module")
def daily():
    return series(0.0005 + 0.01 * np.random.default_rng(0).standard_t(6, 252 * 2))


@pytest.fixture(scope="module")
def rebalances(daily):
    return daily.index[::21]


@pytest.fixture(scope="module")
def measured(daily, rebalances):
    return performance(daily, rebalances, riskfree=daily * 0 + 0.0001)


def test_daily_figures(daily, measured):
    r = daily.to_numpy()
    sd = np.sqrt(sum((x - r.mean()) ** 2 for x in r) / len(r))
    assert measured.mean == pytest.approx(252 * r.mean())
    assert measured.sd == pytest.approx(sd * np.sqrt(252))
    assert (1 + measured.growth) ** 2 == pytest.approx(np.prod(1 + r))
    assert measured.information_ratio == pytest.approx(r.mean() / sd * np.sqrt(252))
    assert measured.sharpe_ratio == pytest.approx((r.mean() - 0.0001) / sd * np.sqrt(252))
    assert measured.years == 2


def test_monthly_figures_are_the_published_sums_and_the_compounded_ones_beside_them(daily, measured):
    months = daily.to_numpy().reshape(-1, 21)
    sums, compounded = months.sum(axis=1), np.prod(1 + months, axis=1) - 1
    assert measured.holding == 21
    for of, mean, sd, ratio in (
        (sums, measured.mean_sums, measured.sd_sums, measured.information_ratio_sums),
        (compounded, measured.mean_compounded, measured.sd_compounded, measured.information_ratio_compounded),
    ):
        assert mean == pytest.approx(12 * of.mean())
        assert sd == pytest.approx(np.sqrt(12) * of.std(ddof=0))
        assert ratio == pytest.approx(mean / sd)
    assert measured.sharpe_ratio_sums == pytest.approx((12 * sums.mean() - 12 * 21 * 0.0001) / measured.sd_sums)
    assert measured.mean_sums == pytest.approx(measured.mean)  # sums keep the arithmetic mean, compounding does not
    assert measured.worst == pytest.approx(compounded.min())
    assert measured.worst_from == daily.index[21 * compounded.argmin()]


def test_the_names_say_the_convention(measured, daily, rebalances):
    named = measured.labelled()
    assert named["SD, daily"] == measured.sd
    assert named["SD, monthly sums"] == measured.sd_sums
    assert named["SD, monthly compounded"] == measured.sd_compounded
    assert named["CVaR 5%, daily"] == measured.expected_shortfall
    assert len(named) == 19
    weekly = performance(daily, rebalances, periods_per_year=52).labelled()
    assert weekly["Sharpe ratio over riskless, weekly"] is None
    assert "SD, 21-period sums" in weekly


def test_a_return_belongs_to_the_period_its_date_begins_and_an_unfinished_one_is_left_out(daily):
    starts = daily.index[[0, 20, 41, 62]]
    sums = holding_sums(daily.iloc[:70], starts)
    assert sums.index.equals(starts[:3])
    assert sums.to_numpy() == pytest.approx([daily.iloc[:20].sum(), daily.iloc[20:41].sum(), daily.iloc[41:62].sum()])
    assert len(holding_sums(daily.iloc[:80], starts)) == 4  # 18 of 21 days: a short calendar month
    assert holding_returns(daily.iloc[:70], starts).iloc[1] == pytest.approx(np.prod(1 + daily.iloc[20:41]) - 1)


def test_drawdown_by_hand():
    r = series([0.10, -0.20, -0.10, 0.05, 0.50, -0.10, 0.30])
    found = deepest_drawdown(r)
    assert found.depth == pytest.approx(0.8 * 0.9 - 1)
    assert (found.peak, found.trough, found.recovery) == (r.index[0], r.index[2], r.index[4])
    assert deepest_drawdown(r.iloc[:4]).recovery is None
    assert drawdown(r.iloc[1:]).iloc[0] == pytest.approx(-0.2)  # the start is a peak too


def test_drawdown_is_the_worst_of_all_pairs_of_dates(daily):
    grown = np.concatenate([[1], np.cumprod(1 + daily)])
    worst = min((grown[j] / grown[i] - 1, i, j) for i in range(len(grown)) for j in range(i, len(grown)))
    found = deepest_drawdown(daily)
    assert found.depth == pytest.approx(worst[0])
    assert (found.peak, found.trough) == (daily.index[worst[1] - 1], daily.index[worst[2] - 1])


def test_without_a_fall_and_after_ruin():
    rising = series([0.01] * 30)
    assert deepest_drawdown(rising).depth == 0
    assert np.isnan(performance(series([0.0] * 30), rising.index[::10]).information_ratio)
    ruined = series([0.1] * 10 + [-1.2] + [0.5] * 19)
    assert wealth(ruined).iloc[-1] == 0
    assert performance(ruined, ruined.index[::10]).growth == -1
    assert deepest_drawdown(ruined).depth == -1


@pytest.mark.parametrize("n", [20, 100, 137])
def test_expected_shortfall_is_the_minimum_of_rockafellar_and_uryasev(n):
    losses = np.random.default_rng(n).standard_normal(n)
    least = min(level + np.maximum(losses - level, 0).sum() / (0.05 * n) for level in losses)
    assert expected_shortfall(series(-losses)) == pytest.approx(least)


def test_rolling_sd_and_turnover(daily):
    rolled = rolling_sd(daily, 63)
    assert rolled.iloc[:62].isna().all()
    assert rolled.iloc[100] == pytest.approx(daily.iloc[38:101].std(ddof=0) * np.sqrt(252))
    assert turnover_per_year(series([1.4, 0.2, 0.4]), 12) == pytest.approx(3.6)


def test_concentration_of_weights():
    equal = np.full(8, 1 / 8)
    assert effective_names(equal) == pytest.approx(8)
    assert gross_leverage(equal) == pytest.approx(1)
    assert short_share(equal) == 0
    short = np.array([0.9, 0.6, -0.5])
    assert gross_leverage(short) == pytest.approx(2)
    assert short_share(short) == pytest.approx(0.25)


def test_bets_count_equal_shares_of_the_risk():
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((6, 6))
    covariance = factor @ factor.T + np.eye(6)
    weights = rng.dirichlet(np.ones(6))
    step = 1e-6 * np.eye(6)

    def sd(w):
        return np.sqrt(w @ covariance @ w)

    by_euler = [w * (sd(weights + e) - sd(weights - e)) / 2e-6 / sd(weights) for w, e in zip(weights, step, strict=True)]
    assert risk_shares(weights, covariance) == pytest.approx(by_euler, rel=1e-6)
    spread = np.array([0.1, 0.2, 0.4])
    assert effective_bets(1 / spread, np.diag(spread**2)) == pytest.approx(3)
    least = np.linalg.solve(covariance, np.ones(6))
    least /= least.sum()
    assert effective_bets(least, covariance) == pytest.approx(effective_names(least))


def test_gaps_are_named(daily, rebalances):
    holed = daily.copy()
    holed.iloc[5] = np.nan
    with pytest.raises(UserError, match="no portfolio return on 2020-01-08"):
        performance(holed, rebalances)
    with pytest.raises(UserError, match="no riskless return on 2020-01-02"):
        performance(daily, rebalances, riskfree=daily.drop(daily.index[1]))
    with pytest.raises(UserError, match="Returns begin on 2020-01-01, before the first rebalance"):
        performance(daily, rebalances[1:])
