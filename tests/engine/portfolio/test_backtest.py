"""A backtest is what a plain loop over dates gives, never looks ahead, goes on where it was killed, and says what went wrong."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import Cancelled, Context, Dataset, Tables, UserError
from engine.portfolio.backtest import BacktestParams
from engine.portfolio.estimators import estimate
from engine.portfolio.explain import explain
from engine.portfolio.holding import held, net_of_costs
from engine.portfolio.inputs import market_for
from engine.portfolio.momentum import momentum, target_return

FREE = {"prune": None, "zero_share": None}


def returns(n=200, p=6, seed=0):
    """Daily returns of one factor and noise."""
    rng = np.random.default_rng(seed)
    values = 0.01 * rng.standard_normal((n, 1)) * rng.uniform(0.5, 1.5, p) + rng.standard_normal((n, p)) * rng.uniform(0.01, 0.02, p)
    return Dataset(pd.DataFrame(values, pd.bdate_range("2020-01-01", periods=n), list("ABCDEFGHIJ"[:p])), "daily", "returns")


def plain(frame, name, window, hold):
    """Minimum variance by the textbook, one date and one day after another; shares held, turnover by hand."""
    values, found, traded, drifted = frame.to_numpy(), [], [], np.zeros(frame.shape[1])
    for start in range(window, len(values), hold):
        inverse = np.linalg.inv(estimate(name, values[start - window : start]).covariance)
        weights = inverse.sum(axis=1) / inverse.sum()
        traded.append(np.abs(weights - drifted).sum())
        money = weights.copy()
        for row in values[start : start + hold]:
            before = money.sum()
            money = money * (1 + row)
            found.append(money.sum() / before - 1)
        drifted = money / money.sum()
    return np.array(found), np.array(traded)


@pytest.mark.parametrize("name", ["sample", "lw_identity", "mtp2"])
def test_it_is_the_plain_loop(run, name):
    data = returns()
    found = run("backtest", data, estimators=(name, "equal"), window=60, hold=21, cost_bp=10, **FREE)
    expected, traded = plain(data.frame, name, 60, 21)
    np.testing.assert_allclose(found.gross[name], expected, atol=1e-9)
    np.testing.assert_allclose(found.turnover[name], traded, atol=1e-7)
    charged = expected.copy()
    charged[::21] = (1 + charged[::21]) * (1 - 10e-4 * traded) - 1
    np.testing.assert_allclose(found.returns[name], charged, atol=1e-9)
    np.testing.assert_allclose(found.net(10), found.returns)
    assert found.table.loc[name, "SD, daily"] == pytest.approx(charged.std() * np.sqrt(252))
    assert found.turnover["equal"].iloc[0] == pytest.approx(1.0)


def test_it_never_looks_ahead(run):
    data = returns()
    one = run("backtest", data, estimators=("mtp2", "lw_identity"), window=60)
    later = data.frame.copy()
    later.iloc[150:] *= -3
    other = run("backtest", data.with_frame(later), estimators=("mtp2", "lw_identity"), window=60)
    known = one.weights["date"] <= data.frame.index[150]
    pd.testing.assert_frame_equal(one.weights[known], other.weights[known])
    pd.testing.assert_frame_equal(one.gross.iloc[:90], other.gross.iloc[:90])
    assert not np.allclose(one.gross.iloc[90:], other.gross.iloc[90:])


def test_constant_weights_are_restored_every_row(run):
    data = returns()
    found = run("backtest", data, estimators=("equal",), window=60, holding="weights")
    np.testing.assert_allclose(found.gross["equal"], data.frame.iloc[60:].mean(axis=1), atol=1e-15)
    assert found.tests.empty
    assert "lowest risk" in found.sentence


def test_markowitz_meets_its_target_and_is_not_minimum_variance(run):
    data = returns(n=330)
    found = run("backtest", data, estimators=("lw_identity",), window=100, task="markowitz", **FREE)
    least = run("backtest", data, estimators=("lw_identity",), window=100, first=252, **FREE)
    assert set(found.strategies) == {"lw_identity", "top_quintile"}
    weights = found.weights_of("lw_identity")
    for date in found.dates:
        row = data.frame.index.get_loc(date)
        expected = momentum(data.frame.to_numpy()[:row])
        assert weights.loc[date] @ expected == pytest.approx(target_return(expected), abs=1e-10)
    assert np.abs(weights - least.weights_of("lw_identity").loc[found.dates]).max(axis=None) > 0.01
    assert set(np.unique(found.weights_of("top_quintile"))) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("limits", "keeps"),
    [
        ({"long_only": True}, lambda w, turnover: w.min(axis=None) >= 0),
        ({"upper": 0.3}, lambda w, turnover: w.max(axis=None) <= 0.3 + 1e-9),
        ({"gross": 1.2}, lambda w, turnover: w.abs().sum(axis=1).max() <= 1.2 + 1e-8),
        ({"turnover": 0.1}, lambda w, turnover: turnover.iloc[1:].max() <= 0.1 + 1e-8),
    ],
)
def test_limits_are_kept(run, limits, keeps):
    data = returns()
    free = run("backtest", data, estimators=("sample",), window=30, **FREE)
    found = run("backtest", data, estimators=("sample",), window=30, **FREE, **limits)
    assert keeps(found.weights_of("sample"), found.turnover["sample"])
    assert not keeps(free.weights_of("sample"), free.turnover["sample"])
    np.testing.assert_allclose(found.weights_of("sample").sum(axis=1), 1.0, atol=1e-9)


def test_assets_come_late_vanish_and_stand_still(run):
    data = returns(n=250, p=6)
    frame = data.frame.copy()
    frame.loc[frame.index[:100], "A"] = np.nan  # listed late
    frame.loc[frame.index[190] :, "B"] = np.nan  # gone in the middle of a holding window
    frame.loc[frame.index[60:64], "C"] = np.nan  # a gap of four rows
    found = run("backtest", data.with_frame(frame), estimators=("equal", "mtp2"), window=60, **FREE)
    equal = found.weights_of("equal")
    first = equal["A"].first_valid_index()
    assert data.frame.index.get_loc(first) >= 160
    assert equal["B"].last_valid_index() <= frame.index[190]
    assert found.universe["sold"].sum() == 2  # B, and C in its gap
    assert found.universe["sentences"].str.contains("C has a gap of more than 3 rows").any()
    assert found.universe["sentences"].str.contains("B vanishes and is sold").any()
    assert np.isfinite(found.returns).all(axis=None)


def test_a_strategy_without_an_answer_keeps_what_it_holds_and_says_so(run):
    found = run("backtest", returns(), estimators=("sample", "equal"), window=5, **FREE)
    diagnostics = found.diagnostics_of("sample")
    assert diagnostics["fell_back"].all()
    assert any("Sample covariance had no answer at" in warning for warning in found.provenance.warnings)
    np.testing.assert_allclose(found.gross["sample"].iloc[:21], found.gross["equal"].iloc[:21])


def test_factor_models_need_factors_and_get_them(run):
    data = returns()
    with pytest.raises(UserError, match="No estimator is left"):
        run("backtest", data, estimators=("efm1",), window=60)
    market = data.frame.mean(axis=1).to_frame("Market").assign(RF=0.0001)
    both = {"returns": data.frame, "factors": market}
    found = run("backtest", both, estimators=("efm1", "afm1_lw", "afm5_lw"), window=60)
    assert set(found.strategies) == {"efm1", "afm1_lw"}
    assert any("needs 5 factors" in warning for warning in found.provenance.warnings)
    assert found.table["Sharpe ratio over riskless, daily"].notna().all()
    assert len(found.riskfree) == len(found.returns)


def test_a_killed_run_goes_on_and_ends_the_same(run, tmp_path):
    data, settings = returns(), {"estimators": ("mtp2", "oas", "equal"), "window": 60, "hold": 10}
    whole = run("backtest", data, **settings)
    seen = itertools.count()
    with pytest.raises(Cancelled):
        run("backtest", data, **settings, context=Context(kept=tmp_path / "run", is_cancelled=lambda: next(seen) > 20))
    done = {path.name for path in (tmp_path / "run").glob("*.npz")}
    assert 0 < len(done) < len(whole.dates)
    stamps = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*.npz")}
    again = run("backtest", data, **settings, context=Context(kept=tmp_path / "run"))
    assert again.digest == whole.digest
    assert all((tmp_path / "run" / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())


def test_processes_give_the_same_bytes(run, monkeypatch):
    monkeypatch.setattr("engine.core.parallel.START_S", 0.0)
    data, settings = returns(), {"estimators": ("mtp2", "nonlinear"), "window": 60}
    one = run("backtest", data, **settings)
    assert run("backtest", data, **settings, context=Context(threads=2)).digest == one.digest


def test_partial_wealth_grows(run):
    seen = []
    context = Context(on_partial=lambda name, value: seen.append((name, len(value))))
    run("backtest", returns(), estimators=("equal",), window=60, context=context)
    assert {name for name, _ in seen} == {"wealth"}
    assert [size for _, size in seen] == sorted(size for _, size in seen)
    assert seen[-1][1] == 140


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"estimators": ("astrology",)}, "no covariance estimator 'astrology'"),
        ({"window": 500}, "200 rows of returns, and 500 are needed"),
        ({"window": 60, "task": "markowitz"}, "are needed before the first date"),
    ],
)
def test_mistakes_are_sentences(run, settings, words):
    with pytest.raises(UserError, match=words):
        run("backtest", returns(), **settings)


def test_tables_have_names_with_a_use(run):
    with pytest.raises(UserError, match="no use for a table named 'sectors'"):
        run("backtest", {"prices": returns().frame, "sectors": returns().frame})
    with pytest.raises(UserError, match="no table of prices or returns"):
        run("backtest", Tables({"factors": returns()}))


def test_ruin_is_said_and_nothing_follows():
    weights = np.array([[2.0, -1.0]])
    found, drifted = held(weights, np.array([[-0.6, 0.2], [0.1, 0.0]]))
    np.testing.assert_array_equal(found, [[-1.0, 0.0]])
    assert (drifted == 0).all()
    np.testing.assert_allclose(net_of_costs(np.zeros((2, 1)), np.array([[1.0]]), np.array([0]), 50), [[-0.005], [0.0]])


@pytest.mark.parametrize("task", ["minimum_variance", "markowitz"])
def test_a_change_of_weight_is_taken_apart(run, task):
    data = engine.sample("stocks")
    params = BacktestParams(estimators=("mtp2",), first=7_900, task=task)
    found = run("backtest", data, **params.to_dict())
    weights = found.weights_of("mtp2")
    told = explain(market_for(data, params), params, "mtp2", found.dates[3], "KO")
    assert (told.old, told.new) == pytest.approx((weights["KO"].iloc[2], weights["KO"].iloc[3]), abs=1e-9)
    assert sum(told.parts.values()) == pytest.approx(told.new - told.old, abs=1e-12)
    assert ("momentum" in told.parts) == (task == "markowitz")
    assert "In points:" in told.sentence
    with pytest.raises(UserError, match="no rebalance with one before it"):
        explain(market_for(data, params), params, "mtp2", found.dates[0], "KO")


def test_an_asset_that_enters_owes_its_weight_to_the_universe(run):
    data = returns(n=160)
    frame = data.frame.copy()
    frame.loc[frame.index[:30], "A"] = np.nan
    data = data.with_frame(frame)
    params = BacktestParams(estimators=("lw_identity",), window=60, prune=None, zero_share=None)
    found = run("backtest", data, **params.to_dict())
    date = found.weights_of("lw_identity")["A"].first_valid_index()
    told = explain(market_for(data, params), params, "lw_identity", date, "A")
    assert told.entered == ("A",)
    assert told.old == 0
    assert told.parts["who can be held"] == max(told.parts.values(), key=abs)


def test_the_result_comes_back_whole(run, tmp_path):
    found = run("backtest", returns(), estimators=("equal", "mtp2"), window=60)
    back = engine.load(found.to_dir(tmp_path / "result"))
    assert back.digest == found.digest
    assert back.p_values().equals(found.p_values())
    assert json.loads((tmp_path / "result" / "meta.json").read_text())["digest"] == found.digest
