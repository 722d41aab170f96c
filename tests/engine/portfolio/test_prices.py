"""A table is read as what it is (prices, fractions, percent; days, weeks, months), or the user is asked: never guessed in silence."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, UserError
from engine.data import adjust_splits, apply, as_prices, as_returns, dates_as_index, inspect_file, jumps, read, simulate, to_returns
from engine.portfolio.prices import fractions, frequency_of, values_of

DRAWN = simulate("returns", p=6, n=300, seed=1).numeric
PRICES = 50 * np.cumprod(1 + DRAWN, axis=0)
DAYS = pd.bdate_range("2020-01-01", periods=300)


def table(values, kind="samples", index=DAYS):
    values = np.asarray(values, dtype=float)
    return Dataset(pd.DataFrame(values, index[: len(values)], [f"A{j}" for j in range(values.shape[1])]), "table", kind)


@pytest.mark.parametrize(
    ("values", "expected"), [(PRICES, "prices"), (DRAWN, "returns"), (100 * DRAWN, "percent"), (PRICES / PRICES[0] * 100, "prices")]
)
def test_clear_tables_are_read_and_the_reader_is_told(values, expected):
    found, sentence = values_of(table(values), 252)
    assert found == expected and sentence.startswith(f"Read as {'returns in ' if expected == 'percent' else ''}{expected}")


@pytest.mark.parametrize(
    ("values", "periods", "words"),
    [
        (PRICES / 100, 252, "above 0, but small"),
        (1 + DRAWN, 252, "above 0, but small"),
        (np.column_stack([PRICES, DRAWN]), 252, "look like a price|look like prices"),
        (np.column_stack([PRICES, PRICES[:, 0] / 100]), 252, "A6 does not"),
        (8 * DRAWN, 252, "wild"),
        (np.where(DRAWN.min() == DRAWN, -1.5, DRAWN), 252, "one is -1.5"),
        (np.where(DRAWN.min() == DRAWN, -150, 100 * DRAWN), 252, "below -100 %"),
        (np.full((30, 2), np.nan), 252, "no numbers"),
    ],
)
def test_what_can_be_read_two_ways_is_asked(values, periods, words):
    with pytest.raises(UserError, match=words) as problem:
        values_of(table(values), periods)
    assert "values" in problem.value.fix or words == "no numbers"


def test_monthly_moves_may_be_larger_than_daily_ones():
    assert values_of(table(8 * DRAWN), 12)[0] == "returns"


def test_the_kind_of_a_table_settles_it_without_a_word():
    assert values_of(table(PRICES / 100, "prices"), 252) == ("prices", "")
    assert values_of(table(8 * DRAWN, "returns"), 252) == ("returns", "")


@pytest.mark.parametrize("values", ["prices", "returns", "percent", "log"])
def test_all_forms_give_the_same_returns(values):
    levels = np.vstack([np.full(6, 50.0), PRICES])
    form = {"prices": levels, "returns": DRAWN, "percent": 100 * DRAWN, "log": np.log1p(DRAWN)}[values]
    given = table(form, index=pd.bdate_range("2020-01-01", periods=301))
    assert np.allclose(fractions(given, values), DRAWN, atol=1e-13)
    said = as_prices(given) if values == "prices" else as_returns(given, percent=values == "percent", log=values == "log")
    made = to_returns(said) if values == "prices" else said
    assert made.kind == "returns" and np.allclose(made.numeric, DRAWN, atol=1e-13)


def test_impossible_numbers_name_asset_and_day():
    wrong = PRICES.copy()
    wrong[7, 2] = -37.63
    with pytest.raises(UserError, match=r"A2 has a price of -37.63 on 2020-01-10"):
        fractions(table(wrong), "prices")
    with pytest.raises(UserError, match="below -100 %"):
        fractions(table(100 * DRAWN), "returns")
    assert fractions(table([[-1.0, 0.1]]), "returns")[0, 0] == -1  # a total loss can happen


@pytest.mark.parametrize("gap", range(1, 6))
def test_a_return_over_a_short_gap_is_that_of_the_last_price_seen(gap):
    """Filled with 0 the gap then leaves the growth of the money as it was; a longer one has no return at its end."""
    holes = PRICES.copy()
    holes[10 : 10 + gap, 0] = np.nan
    found = fractions(table(holes), "prices")[:, 0]
    whole = PRICES[-1, 0] / PRICES[0, 0]
    assert np.isnan(found).sum() == gap + (gap > 3)
    grown = np.prod(1 + np.nan_to_num(found))
    assert np.isclose(grown, whole) == (gap <= 3)


@pytest.mark.parametrize(
    ("dates", "name", "periods"),
    [
        (pd.bdate_range("2020-01-01", periods=300), "daily", 252),
        (pd.date_range("2020-01-01", periods=300), "daily, weekends too", 365),
        (pd.date_range("2020-01-03", periods=60, freq="W-FRI"), "weekly", 52),
        (pd.date_range("2020-01-31", periods=60, freq="ME"), "monthly", 12),
        (pd.bdate_range("2020-01-31", periods=60, freq="BME"), "monthly", 12),
        (pd.date_range("2020-01-31", periods=24, freq="QE"), "quarterly", 4),
        (pd.date_range("1990-12-31", periods=24, freq="YE"), "yearly", 1),
    ],
)
def test_frequency(dates, name, periods):
    found = frequency_of(dates)
    assert (found.name, found.periods_per_year) == (name, periods)


def test_exchange_holidays_do_not_disturb_the_frequency():
    days = pd.bdate_range("2000-01-03", periods=5_000)
    closed = (days.month == 2) & (days.day < 10) | (days.month == 12) & (days.day > 23)
    assert frequency_of(days[~closed]).name == "daily"


@pytest.mark.parametrize(
    "dates",
    [
        pd.date_range("2010-01-31", periods=40, freq="ME").append(pd.bdate_range("2014-01-01", periods=400)),
        pd.date_range("2010-01-31", periods=400, freq="ME").append(pd.bdate_range("2044-01-01", periods=40)),
        pd.date_range("2020-01-01", periods=60, freq="2D"),
        pd.date_range("2020-01-01 09:30", periods=60, freq="5min"),
        pd.date_range("2020-01-01", periods=1),
    ],
    ids=["monthly then daily", "daily at the end", "every other day", "minutes", "one row"],
)
def test_mixed_frequencies_are_asked(dates):
    with pytest.raises(UserError, match=r"periods_per_year|20 or more"):
        frequency_of(dates)


# -- splits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [1 / 2, 1 / 3, 1 / 10, 2.0, 3.0])
@pytest.mark.parametrize("kind", ["prices", "returns"])
def test_a_split_is_found_and_undone(ratio, kind):
    """A planted split of otherwise calm prices is the only move listed; undone, the returns are those before it was planted."""
    calm = 100 * np.cumprod(1 + DRAWN / 3, axis=0)
    split = calm.copy()
    split[120:, 3] *= ratio
    data = table(split, "prices")
    data = to_returns(data) if kind == "returns" else data
    (jump,) = jumps(data)
    assert (jump.asset, jump.date, jump.ratio) == ("A3", DAYS[120], ratio)
    mended = adjust_splits(data, splits=[["A3", f"{DAYS[120]:%Y-%m-%d}"]])
    assert np.allclose(
        mended.numeric if kind == "returns" else to_returns(mended).numeric, to_returns(table(calm, "prices")).numeric, atol=1e-12
    )
    assert jumps(mended) == () and adjust_splits(data).digest == mended.digest
    if kind == "prices":
        assert np.allclose(mended.numeric[120:], split[120:])  # today's price is the price


def test_a_crash_is_listed_but_is_no_split():
    fallen = 100 * np.cumprod(1 + DRAWN / 3, axis=0)
    fallen[50:, 1] *= 0.4
    (jump,) = jumps(table(fallen, "prices"))
    assert (
        jump.ratio is None
        and str(jump).startswith("A1 -6")
        and adjust_splits(table(fallen, "prices")).digest == table(fallen, "prices").digest
    )
    with pytest.raises(UserError, match="no move near"):
        adjust_splits(table(fallen, "prices"), splits=[["A1", f"{DAYS[50]:%Y-%m-%d}"]])


def test_splits_need_kind_and_order():
    with pytest.raises(UserError, match="neither prices nor returns"):
        jumps(table(PRICES))
    with pytest.raises(UserError, match="not in order"):
        jumps(table(PRICES, "prices", DAYS[::-1]))


def test_the_split_repair_is_a_step_that_can_be_replayed(tmp_path):
    from engine.data import replay
    from engine.data.findings import repair

    calm = 100 * np.cumprod(1 + DRAWN / 3, axis=0)
    calm[120:, 3] /= 2
    table(calm).frame.to_csv(tmp_path / "p.csv")
    data = as_prices(read(tmp_path / "p.csv"))
    mended = apply(data, repair("Split", "adjust_splits", splits=[["A3", f"{DAYS[120]:%Y-%m-%d}"]]))
    assert jumps(mended) == () and replay(mended.steps).digest == mended.digest


# -- files ---------------------------------------------------------------------------------------------------------


def test_days_first_or_months_first_is_asked_where_both_fit():
    report = inspect_file(b"Date,A,B\n03/04/2020,1,2\n06/04/2020,2,3\n", "p.csv")
    asked = next(finding for finding in report.findings if finding.code == "date-format")
    assert report.dataset.frame.index[0] == pd.Timestamp("2020-04-03")
    again = inspect_file(b"Date,A,B\n03/04/2020,1,2\n06/04/2020,2,3\n", "p.csv", **asked.repairs[0].arguments)
    assert again.dataset.frame.index[0] == pd.Timestamp("2020-03-04")


@pytest.mark.parametrize(("text", "day"), [("13/04/2020", 13), ("04/13/2020", 13), ("13.04.2020", 13), ("2020/04/13", 13)])
def test_dates_that_fit_one_way_need_no_question(text, day):
    report = inspect_file(
        f"Date,A,B\n{text},1,2\n{text[:-1]}1,2,3\n".encode() if "2020" in text[-4:] else f"Date,A,B\n{text},1,2\n".encode(), "p.csv"
    )
    assert report.dataset.frame.index[0] == pd.Timestamp(2020, 4, day)
    assert "date-format" not in [finding.code for finding in report.findings]


@pytest.mark.parametrize(
    "text",
    [
        'Date,A,B\n2020-01-02,"1,234.56",12.5\n2020-01-03,"12,345,678.9",12\n',
        "Date;A;B\n02.01.2020;1.234,56;12,5\n03.01.2020;12.345.678,9;12\n",
        "Date;A;B\n02.01.2020;1 234,56;12,5\n03.01.2020;12 345 678,9;12,0\n",
        "Date;A;B\n02.01.2020;1'234.56;12.5\n03.01.2020;12'345'678.9;12.0\n",
    ],
    ids=["English", "German", "French", "Swiss"],
)
def test_thousands_are_read_and_said(text):
    report = inspect_file(text.encode(), "p.csv")
    assert np.allclose(report.dataset.numeric, [[1234.56, 12.5], [12345678.9, 12]])
    said = next(finding for finding in report.findings if finding.code == "thousands")
    assert "1234.56" in said.message and said.columns == ("A",)


def test_three_decimals_with_a_comma_are_no_thousands():
    assert np.allclose(read(b"a;b\n1,234;2,345\n5,678;4,321\n", filename="x.csv").numeric, [[1.234, 2.345], [5.678, 4.321]])
    assert read(b'day,a,b\n2020-01-02,"0,234",1\n2020-01-03,"1,345",2\n', filename="x.csv").frame["a"].dtype == "category"


@pytest.mark.parametrize("zones", [("+09:00", "+09:00"), ("-05:00", "-04:00"), ("Z", "Z")])
def test_midnight_of_a_time_zone_is_a_day(zones):
    text = f"Date,A,B\n2020-01-02 00:00:00{zones[0]},1,2\n2020-07-03 00:00:00{zones[1]},2,3\n"
    index = read(text.encode(), filename="p.csv").frame.index
    assert list(index) == [pd.Timestamp("2020-01-02"), pd.Timestamp("2020-07-03")]


@pytest.mark.parametrize(("first", "second"), [("20200131", "20200203"), ("202001", "202002")])
def test_dates_without_marks_are_taken_on_request(first, second):
    data = dates_as_index(read(f"Date,A,B\n{first},1,2\n{second},2,3\n".encode(), filename="p.csv"), column="Date")
    assert data.frame.index[0] == pd.to_datetime(first, format="%Y%m%d" if len(first) == 8 else "%Y%m")
