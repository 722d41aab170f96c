"""Whatever order, zone, unit or form a table comes in, the market is the same, and what was assumed is said."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, UserError
from engine.data import read, sample, simulate
from engine.portfolio.market import market_of

CLEAN = simulate("returns", p=5, n=80, values="prices", seed=2)
FRAME = CLEAN.frame
MONTHS = pd.date_range("2000-01-31", periods=60, freq="ME")
MONTHLY = 0.04 * np.random.default_rng(0).standard_normal((60, 3))


def prices(frame=FRAME, kind="prices"):
    return Dataset(frame, "book", kind)


def monthly(index=MONTHS, values=MONTHLY, names=("A", "B", "C"), kind="returns"):
    return Dataset(pd.DataFrame(values, index, list(names)), "months", kind)


def test_prices_become_returns_with_dates():
    found = market_of(CLEAN)
    assert np.allclose(found.values, FRAME.to_numpy()[1:] / FRAME.to_numpy()[:-1] - 1) and found.dates.equals(FRAME.index[1:])
    assert found.periods_per_year == 252 and found.factors is None and found.riskfree is None and found.warnings == ()
    assert found.assets == CLEAN.columns and found.returns.index.tz is None


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (FRAME.iloc[::-1], "Rows were not in order of date"),
        (pd.concat([FRAME.iloc[:7], FRAME.iloc[6:]]), "1 dates appear more than once, first 2000-01-11"),
        (pd.concat([FRAME.iloc[5:6] * 3, FRAME]), "appear more than once"),
        (FRAME.tz_localize("Asia/Tokyo"), "clock in Asia/Tokyo"),
        (FRAME.tz_localize("America/New_York"), "clock in America/New_York"),
        (FRAME.set_axis(FRAME.index + pd.Timedelta(hours=16)), "times of day are left out"),
        (FRAME.assign(empty=np.nan), "empty holds no return and is left out"),
    ],
    ids=["backwards", "a row twice", "a corrected row", "Tokyo", "New York", "closing time", "empty column"],
)
def test_disorder_is_put_right_and_said(frame, said):
    found, clean = market_of(prices(frame)), market_of(CLEAN)
    assert found.returns.equals(clean.returns) and any(said in warning for warning in found.warnings), found.warnings


def test_what_was_detected_is_a_warning():
    assert market_of(prices(kind="samples")).warnings[0].startswith("Read as prices")
    percent = market_of(monthly(values=100 * MONTHLY, kind="samples"))
    assert percent.warnings[0].startswith("Read as returns in percent") and np.allclose(percent.values, MONTHLY)
    assert market_of(monthly(values=100 * MONTHLY, kind="samples"), values="percent").warnings == ()


def test_infinities_are_missing_and_said():
    broken = FRAME.copy()
    broken.iloc[9, 1] = np.inf
    found = market_of(prices(broken))
    assert np.isnan(found.values[8, 1]) and np.isfinite(found.values[9, 1]) and "1 infinite cells count as missing." in found.warnings


def test_splits_are_a_warning():
    split = FRAME.copy()
    split.iloc[40:, 2] /= 2
    (warning,) = market_of(prices(split)).warnings
    assert "A03 -5" in warning and f"{FRAME.index[40]:%Y-%m-%d} (2 for 1?)" in warning


def test_gaps_count_the_rows_without_a_return():
    holes = FRAME.copy()
    holes.iloc[:10, 0], holes.iloc[30:32, 1], holes.iloc[70:, 2] = np.nan, np.nan, np.nan
    found = market_of(prices(holes))
    for j in range(5):
        count = 0
        for t in range(80):
            count = count + 1 if np.isnan(found.values[t, j]) else 0
            assert found.gap[t, j] == count
    assert found.gap[8:11, 0].tolist() == [9, 10, 0]  # the first price has no return


@pytest.mark.parametrize(
    ("data", "settings", "words"),
    [
        (prices(FRAME.reset_index(drop=True)), {}, "has no dates"),
        (prices(FRAME[["A01"]]), {}, "1 asset"),
        (prices(FRAME.iloc[:2]), {}, "1 row of returns"),
        (prices(FRAME.iloc[:1]), {}, "1 row"),
        (prices(FRAME.iloc[:20]), {}, "19 rows of returns; risk"),
        (prices(FRAME.assign(note="x")), {}, "Column note of book holds text"),
        (prices(FRAME.assign(A02=-1.0)), {}, "A02 has a price of -1 on 2000-01-03"),
        (prices(FRAME / 100, "samples"), {}, "small"),
        (prices(FRAME.iloc[::2]), {}, "periods_per_year|neither daily"),
        (prices(), {"values": "yen"}, "Values cannot be 'yen'"),
        (prices(), {"periods_per_year": 0}, "cannot have 0 rows"),
    ],
)
def test_what_makes_no_market_is_refused_with_a_way_out(data, settings, words):
    with pytest.raises(UserError, match=words) as problem:
        market_of(data, **settings)
    assert problem.value.fix


def test_exactly_twenty_returns_are_enough():
    assert len(market_of(prices(FRAME.iloc[:21])).returns) == 20


def test_the_user_says_how_many_rows_a_year_has():
    assert market_of(prices(FRAME.iloc[::2]), periods_per_year=126).periods_per_year == 126
    assert market_of(CLEAN, periods_per_year=260).periods_per_year == 260


# -- factors and sectors -------------------------------------------------------------------------------------------


def factors(index=MONTHS, scale=1.0, kind="returns", names=("MktRF", "HML", "RF")):
    rng = np.random.default_rng(3)
    values = np.column_stack([0.04 * rng.standard_normal((len(index), 2)), np.full(len(index), 0.003)])
    return Dataset(pd.DataFrame(scale * values, index, list(names)), "factors", kind)


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize(
    "index",
    [MONTHS, MONTHS.to_period("M").to_timestamp(), pd.date_range("2000-01-31", periods=60, freq="BME")],
    ids=["end", "start", "business"],
)
@pytest.mark.parametrize("rf", ["RF", "rf", "RiskFree"])
def test_factors_meet_returns_in_the_month_and_the_unit(scale, index, rf):
    found = market_of(monthly(), factors(index, scale, "samples", ("MktRF", "HML", rf)))
    expected = factors().frame
    assert list(found.factors.columns) == ["MktRF", "HML"] and found.factors.index.equals(MONTHS)
    assert np.allclose(found.factors, expected[["MktRF", "HML"]]) and np.allclose(found.riskfree, 0.003)
    assert any("percent" in warning for warning in found.warnings) == (scale == 100)


def test_prices_of_factor_funds_become_returns_and_the_rate_stays_a_rate():
    funds = factors().frame
    levels = funds.copy()
    levels[["MktRF", "HML"]] = 30 * (1 + funds[["MktRF", "HML"]]).cumprod()
    found = market_of(monthly(), Dataset(levels, "funds"))
    assert np.allclose(found.factors.iloc[1:], funds[["MktRF", "HML"]].iloc[1:]) and found.factors.iloc[0].isna().all()
    assert np.allclose(found.riskfree, 0.003)
    assert any("missing in 1 of 60 rows, first 2000-01-31" in warning for warning in found.warnings)


def test_factors_that_end_early_leave_rows_empty_and_say_so():
    found = market_of(monthly(), factors(MONTHS[:50]))
    assert found.factors.iloc[:50].notna().all(axis=None) and found.factors.iloc[50:].isna().all(axis=None)
    assert any("missing in 10 of 60 rows" in warning for warning in found.warnings)


def test_factors_of_other_dates_or_frequency_are_refused():
    with pytest.raises(UserError, match="shares no date"):
        market_of(monthly(), factors(pd.date_range("2020-01-31", periods=30, freq="ME")))
    with pytest.raises(UserError, match="several rows per row"):
        market_of(monthly(), factors(pd.bdate_range("2000-01-03", periods=500)))


def test_sectors_come_with_the_data_or_are_given():
    found = market_of(sample("stocks"))
    assert found.sectors["JPM"] == "Financials" and list(found.sectors.index) == list(found.assets)
    found = market_of(CLEAN, sectors={"A01": "x", "A02": "y"})
    assert found.sectors.tolist() == ["x", "y", "unknown", "unknown", "unknown"] and "A03, A04 and A05 have no sector." in found.warnings
    assert market_of(dataclasses.replace(CLEAN, truth={}), sectors={"B": "x"}).sectors is None


def test_french_industries_and_factors_fit_together():
    """The market's return is that of an average industry: a slope near 1 in months of the same name, and none a month off."""
    found = market_of(sample("industries"), sample("factors"))
    assert found.periods_per_year == 12 and not found.warnings and found.factors.shape == (819, 4)
    market, mean = found.factors["MktRF"] + found.riskfree, found.returns.mean(axis=1)
    assert market.corr(mean) > 0.98 and abs(market.shift(1).corr(mean)) < 0.2


def test_a_file_with_everything_wrong_at_once_is_the_same_market(tmp_path):
    """Semicolons, decimal commas, grouped thousands, days first, backwards, one row twice."""
    shown = (100 * FRAME).round(2).iloc[::-1]
    shown = pd.concat([shown, shown.iloc[-1:]])

    def cell(value):
        return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")

    lines = [";".join(["Datum", *FRAME.columns])] + [
        ";".join([f"{day:%d.%m.%Y}", *map(cell, row)]) for day, row in zip(shown.index, shown.to_numpy(), strict=True)
    ]
    (tmp_path / "kurse.csv").write_text("\n".join(lines))
    found = market_of(read(tmp_path / "kurse.csv"))
    assert np.allclose(found.returns, market_of(prices((100 * FRAME).round(2))).returns, atol=1e-12) and found.dates.equals(FRAME.index[1:])
    assert len(found.warnings) == 3
