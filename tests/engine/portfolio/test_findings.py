"""Every bad table of the market doctor's list is named in words its owner understands, and a click mends what can be mended."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, UserError
from engine.data import apply, read, sample, samples, simulate
from engine.portfolio.findings import findings, shared_correlation
from engine.portfolio.market import market_of

CLEAN = simulate("returns", p=6, n=200, values="prices", seed=5)
FRAME = CLEAN.frame
RETURNS = FRAME.pct_change().iloc[1:]


def table(frame=FRAME, kind="prices"):
    return Dataset(frame, "book", kind).after("engine.read", source="book.csv")


def codes(data, level=None):
    return [finding.code for finding in findings(data) if level in (None, finding.level)]


def finding(data, code):
    found = [finding for finding in findings(data) if finding.code == code]
    assert found, [f"{f.code}: {f.message}" for f in findings(data)]
    return found[0]


def mended(data, code, which=0):
    """Click a repair; the finding must be gone."""
    made = apply(data, finding(data, code).repairs[which])
    assert code not in codes(made)
    return made


def changed(**columns):
    frame = FRAME.copy()
    for name, values in columns.items():
        frame[name] = values
    return frame


def test_a_clean_table_only_shows_what_it_was_read_as():
    (span,) = findings(table())
    assert span.level == "note" and span.message == "201 rows from 2000-01-03 to 2000-10-09, daily, 6 assets. A year has 252 rows."


def test_prices_in_an_upload_are_detected_and_confirmed():
    found = finding(table(kind="samples"), "values")
    assert found.level == "warn" and found.repairs[0].label == "These are prices"
    assert mended(table(kind="samples"), "values").kind == "prices"


def test_percent_in_an_upload_is_detected_and_confirmed():
    made = mended(table(100 * RETURNS, "samples"), "values")
    assert made.kind == "returns" and np.allclose(made.frame, RETURNS)


@pytest.mark.parametrize("which", range(3))
def test_numbers_that_can_be_read_two_ways_stop_until_said(which):
    data = table(FRAME / 100, "samples")
    assert finding(data, "values").level == "stop"
    made = mended(data, "values", which)
    assert made.kind == ("prices" if which == 0 else "returns")


def test_prices_are_not_offered_where_a_number_is_below_zero():
    labels = [offer.label for offer in finding(table(8 * RETURNS, "samples"), "values").repairs]
    assert "These are prices" not in labels and "These are returns in percent" in labels


def test_no_dates_stop_and_a_column_of_dates_is_offered():
    undated = table(FRAME.reset_index(drop=True))
    assert finding(undated, "no-dates").level == "stop" and not finding(undated, "no-dates").repairs
    text = table(FRAME.reset_index(drop=True).assign(day=[f"{day:%Y%m%d}" for day in FRAME.index]))
    made = mended(text, "no-dates")
    assert made.frame.index.equals(FRAME.index) and codes(made) == ["span"]
    number = table(FRAME.reset_index(drop=True).assign(day=[float(f"{day:%Y%m%d}") for day in FRAME.index]))
    assert mended(number, "no-dates").frame.index.equals(FRAME.index)


def test_text_stops():
    data = table(FRAME.assign(note=["x", "1"] * 100 + ["2"]))
    assert finding(data, "text").level == "stop" and mended(data, "text", 1).columns == CLEAN.columns


def test_dates_out_of_order_and_repeated_are_mended():
    assert mended(table(FRAME.iloc[::-1]), "dates-unsorted").frame.index.is_monotonic_increasing
    assert mended(table(pd.concat([FRAME, FRAME.iloc[-1:]])), "dates-repeated").frame.index.is_unique


def test_mixed_frequency_stops_until_said():
    mixed = table(pd.concat([FRAME.iloc[:100:20], FRAME.iloc[100:]]))
    assert finding(mixed, "frequency").level == "stop" and "from 2000-01-03 to 2000-01-31" in finding(mixed, "frequency").message
    assert "frequency" not in [found.code for found in findings(mixed, periods_per_year=200)]


def test_impossible_prices_stop_with_asset_and_day():
    data = table(changed(A02=np.where(np.arange(201) == 9, 0.0, FRAME["A02"])))
    assert "A02 has a price of 0 on 2000-01-14" in finding(data, "impossible").message and finding(data, "impossible").level == "stop"
    assert "A02" not in mended(data, "impossible").columns


@pytest.mark.parametrize("frame", [FRAME[["A01"]], FRAME.iloc[:2], FRAME.iloc[:15]], ids=["one asset", "one return", "14 returns"])
def test_too_small_tables_stop(frame):
    assert finding(table(frame), "small").level == "stop"


def test_splits_are_listed_and_either_undone_or_dropped():
    split = FRAME["A03"].copy()
    split.iloc[50:] /= 3
    data = table(changed(A03=split))
    assert "A03 -6" in finding(data, "splits").message and "(3 for 1?)" in finding(data, "splits").message
    made = mended(data, "splits")
    assert abs(made.frame["A03"].pct_change().iloc[50]) < 0.15 and "A03" not in mended(data, "splits", 1).columns
    undecided = finding(table(changed(A03=split), "samples"), "splits")
    assert [offer.label for offer in undecided.repairs] == ["Drop these columns"]


def test_constant_and_still_assets_are_named_with_dates():
    still = FRAME["A04"].copy()
    still.iloc[20:60] = still.iloc[20]
    data = table(changed(A02=7.0, A04=still))
    assert finding(data, "constant").message == "A02 has no price change at all: excluded from every window."
    expected = f"A04 between {FRAME.index[21]:%Y-%m-%d} and {FRAME.index[59]:%Y-%m-%d} (39 rows)"
    assert expected in finding(data, "still").message and "A02" not in finding(data, "still").columns
    assert "A02" not in mended(data, "constant").columns


def test_listings_ends_and_gaps_are_counted():
    frame = FRAME.copy()
    frame.iloc[:30, 0], frame.iloc[150:, 1], frame.iloc[60:70, 2], frame.iloc[80:82, 3] = np.nan, np.nan, np.nan, np.nan
    message = finding(table(frame), "listings").message
    for words in (
        "1 listed after the first row (A01)",
        "1 gone before the last row (A02)",
        "1 with a gap of more than 3 rows (A03)",
        "2 cells in shorter gaps",
    ):
        assert words in message
    assert "sold at its last price" in message


def test_assets_that_move_as_one_are_named_and_one_is_kept():
    data = table(changed(A05=3 * FRAME["A02"], A06=FRAME["A02"] * (1 + 1e-5 * np.random.default_rng(0).standard_normal(201))))
    found = finding(data, "twins")
    assert found.message.startswith("A02, A05 and A06 move as one (1.0000). MTP2 has no solution")
    assert [offer.label for offer in found.repairs] == ["Keep A02", "Keep A05", "Keep A06"]
    assert mended(data, "twins", 1).columns == ("A01", "A03", "A04", "A05")


def test_assets_that_are_alike_are_counted():
    noise = 1 + 0.002 * np.random.default_rng(0).standard_normal(201)
    found = finding(table(changed(A05=FRAME["A02"] * noise)), "alike")
    assert found.level == "note" and found.message.startswith("1 pair has a correlation above 0.95, the closest A02 and A05")


def test_negative_dependence_shows_the_worst_pairs_and_the_switch():
    moves = RETURNS - RETURNS.mean()
    moves["A01"], moves["A04"] = -moves["A01"], -moves["A04"]
    before = shared_correlation(moves.to_numpy())
    found = finding(table(moves, "returns"), "negative")
    i, j = np.unravel_index(np.argmin(before), before.shape)
    assert f"{CLEAN.columns[min(i, j)]} and {CLEAN.columns[max(i, j)]} ({before.min():.2f})" in found.message
    assert found.level == "warn" and "Ledoit-Wolf" in found.message and "hold A01 and A04 short" in found.message
    assert "negative" not in codes(table(RETURNS, "returns"))


def test_fewer_rows_than_assets_is_a_note():
    small = simulate("returns", p=40, n=30)
    assert "30 rows for 40 assets" in finding(small, "few-rows").message and not codes(small, "stop")


def test_very_many_assets_come_with_their_memory():
    many = Dataset(pd.DataFrame(0.01 * np.random.default_rng(0).standard_normal((25, 1001)), FRAME.index[:25]), "many", "returns")
    assert "1,001 assets: each estimate needs about 0.064 GB" in finding(many, "many-assets").message


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (25, 0)])
def test_empty_tables_stop(shape):
    assert codes(Dataset(pd.DataFrame(np.ones(shape), FRAME.index[: shape[0]]), "none", "prices"), "stop")


@pytest.mark.parametrize("seed", range(60))
def test_without_a_stop_the_table_is_a_market_and_with_one_it_is_none(seed):
    """Random damage to a random form of the table: the doctor and the reader agree."""
    rng = np.random.default_rng(seed)
    frame = [FRAME, RETURNS, 100 * RETURNS, FRAME / 100, 8 * RETURNS][rng.integers(5)].copy()
    kind = ["samples", "prices", "returns"][rng.integers(3)]
    for _ in range(rng.integers(4)):
        row, column = int(rng.integers(len(frame))), int(rng.integers(6))
        damage = rng.integers(8)
        if damage == 0:
            frame.iloc[row:, column] = np.nan
        elif damage == 1:
            frame.iloc[row, column] = rng.choice([np.inf, -np.inf, 0.0, -3.0])
        elif damage == 2:
            frame = frame.iloc[rng.permutation(len(frame))]
        elif damage == 3:
            frame = pd.concat([frame, frame.iloc[row : row + 1]])
        elif damage == 4:
            frame = frame.iloc[:: int(rng.integers(1, 4))]
        elif damage == 5:
            frame = frame.iloc[: int(rng.integers(1, 40))]
        elif damage == 6:
            frame.iloc[:, column] = rng.choice([np.nan, 0.0, 5.0])
        else:
            frame.index = frame.index[: len(frame)] + pd.Timedelta(hours=int(rng.integers(24)))
    data = Dataset(frame, "book", kind)
    stops = codes(data, "stop")
    try:
        market_of(data)
    except UserError as problem:
        assert stops, str(problem)
    else:
        assert not stops, stops


@pytest.mark.parametrize("entry", [entry for entry in samples() if entry.kind in ("prices", "returns")], ids=lambda entry: entry.name)
def test_samples_have_no_stop(entry):
    assert not codes(sample(entry.name), "stop")


def test_correlations_of_shared_rows_are_those_of_pandas():
    values = RETURNS.to_numpy().copy()
    values[np.random.default_rng(0).random(values.shape) < 0.3] = np.nan
    values[:, 5] = np.nan
    values[:19, 5] = 0.01 * np.arange(19)
    expected = pd.DataFrame(values).corr(min_periods=20).to_numpy()
    assert np.allclose(shared_correlation(values), expected, equal_nan=True, atol=1e-12)


def test_a_file_goes_from_upload_to_market_by_clicks(tmp_path):
    """Dates as numbers, percent, a constant column: three clicks."""
    frame = (100 * RETURNS).round(6).assign(cash=0.0)
    frame.insert(0, "day", [f"{day:%Y%m%d}" for day in RETURNS.index])
    frame.to_csv(tmp_path / "r.csv", index=False)
    data = read(tmp_path / "r.csv")
    for code in ("no-dates", "values", "constant"):
        data = mended(data, code)
    assert np.allclose(market_of(data).returns, RETURNS, atol=1e-8) and not market_of(data).warnings
