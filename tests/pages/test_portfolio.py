"""The page of portfolios runs what its form says, on one table or on two, and shows and exports what the engine finds."""

import html
import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

import engine
from engine import jobs
from engine.core import Dataset, Tables
from engine.portfolio.estimators import ESTIMATORS
from pages.parts import backtest, market, report, tearsheet
from pages.parts.frame import escape
from tests.pages.test_discovery import button, finished, job_of, texts

NAMES = ("equal", "lw_identity", "sample")


def returns(rows: int = 400, n: int = 5, seed: int = 1) -> pd.DataFrame:
    """Daily returns with a common factor, so that covariances matter."""
    rng = np.random.default_rng(seed)
    common = 0.01 * rng.standard_normal((rows, 1)) * rng.uniform(0.5, 1.5, n)
    values = common + rng.standard_normal((rows, n)) * rng.uniform(0.005, 0.02, n)
    return pd.DataFrame(values, pd.bdate_range("2001-01-01", periods=rows), [f"S{j}" for j in range(n)])


@pytest.fixture(scope="module")
def result():
    data = Dataset(returns(), "five", "returns", truth={"sectors": {"S0": "Energy", "S1": "Energy", "S2": "=Cash", "S3": "Bonds"}})
    return engine.run("backtest", data, estimators=NAMES, window=60, hold=10, resamples=199)


def opened(open_page, frame=None, **link):
    open_page("data.py")
    digest = jobs.shared().keep(Dataset(returns() if frame is None else frame, "five", "returns"))
    return open_page("portfolio.py", data=digest, estimators=",".join(NAMES), window="60", hold="10", **link)


def run(open_page, **link):
    app = opened(open_page, **link)
    button(app, "Run the backtest").click().run()
    app = finished(app)
    assert not app.exception
    return app


def test_the_sample_is_read_before_anything_runs(open_page):
    app = open_page("portfolio.py")
    assert not app.exception
    assert escape("8,313 days, 20 assets, 1990-01-02 to 2022-12-28, read as prices") in texts(app)
    assert "Press Run the backtest" in texts(app)
    assert "Twelve US industries" in " ".join(app.selectbox(key="pick.data").options)
    assert "Sachs" not in " ".join(app.selectbox(key="pick.data").options)


def test_a_run_shows_what_the_engine_finds_in_every_tab(open_page):
    app = run(open_page)
    found = jobs.shared().result(job_of(app))
    assert escape(found.sentence) in texts(app) and backtest.HONEST in texts(app)
    assert found.strategies == engine.run("backtest", Dataset(returns(), "five", "returns"), **found.provenance.params).strategies
    for tab, words in {
        "Risk": "highest value so far", "Weights": "the opening purchase is left out", "Costs": "basis points", "Tests": "Holm",
        "Dates": "Estimated on", "Why": "mean over all orders", "Export": "Result digest",
    }.items():  # fmt: skip
        app.session_state[backtest.OPEN] = tab
        app.run()
        assert not app.exception, tab
        assert words in texts(app), tab


def test_a_link_to_a_run_on_two_tables_brings_both_back(open_page):
    open_page("data.py")
    frame = returns()
    factors = pd.DataFrame({"Mkt": frame.mean(axis=1), "RF": 0.0001}, frame.index)
    keep = jobs.shared().keep
    first, second = keep(Dataset(frame, "five", "returns")), keep(Dataset(factors, "market", "returns"))
    app = open_page("portfolio.py", data=first, factors=second, estimators="efm1,equal", window="60", hold="20")
    button(app, "Run the backtest").click().run()
    app = finished(app)
    assert not app.exception
    key = job_of(app)
    assert isinstance(jobs.shared().dataset(jobs.shared().get(key).dataset), Tables)
    again = open_page("portfolio.py", job=key)
    assert not again.exception
    assert [again.selectbox(key=f"pick.{name}").value for name in ("data", "factors")] == [first, second]
    assert set(again.multiselect(key="set.estimators").value) == {"efm1", "equal"}
    assert escape(jobs.shared().result(key).sentence) in texts(again)


def test_what_cannot_run_is_left_out_with_its_reason(open_page):
    app = opened(open_page)
    offered = app.multiselect(key="set.estimators").options
    assert ESTIMATORS["mtp2"].label in offered and ESTIMATORS["efm1"].label not in offered
    app.number_input(key="set.window").set_value(5).run()
    assert not app.exception
    assert "sample" not in app.multiselect(key="set.estimators").value
    assert "needs at least 6 rows for 5 assets; it would have 5" in texts(app)


@pytest.mark.parametrize(
    ("name", "n_assets", "window", "n_factors", "why"),
    [
        ("sample", 20, 20, 0, "needs at least 21 rows for 20 assets; it would have 20"), ("sample", 20, 21, 0, ""),
        ("mtp2", 500, 20, 0, ""),
        ("efm1", 5, 60, 0, "needs 1 factor; no table of factors is chosen"), ("efm5", 5, 60, 3, "needs 5 factors; the table has 3"),
        ("efm5", 5, 60, 5, ""),
    ],
)  # fmt: skip
def test_why_an_estimator_cannot_run(name, n_assets, window, n_factors, why):
    assert market.why_not(ESTIMATORS[name], n_assets, window, n_factors) == why


def test_a_table_without_dates_stops_with_a_way_out(open_page):
    app = opened(open_page, returns().reset_index(drop=True))
    assert not app.exception
    assert "has no dates" in texts(app)
    assert not [found for found in app.button if found.label == "Run the backtest"]


def test_months_are_offered_rows_that_fit(open_page):
    app = open_page("portfolio.py", data="industries")
    button(app, "Estimate on 120 months, hold for 1").click().run()
    assert not app.exception
    assert [app.number_input(key=f"set.{name}").value for name in ("window", "hold")] == [120, 1]


def test_high_leverage_offers_to_run_without_short_positions(open_page, monkeypatch):
    monkeypatch.setattr(backtest, "GROSS_MUCH", 1.0)
    app = run(open_page)
    assert "times the wealth" in texts(app)
    button(app, "Run without short positions").click().run()
    app = finished(app)
    assert not app.exception
    held = jobs.shared().result(job_of(app)).diagnostics
    assert app.toggle(key="set.long_only").value and held["gross_leverage"].max() < 1 + 1e-9


def test_drawdowns_keep_the_deepest_row_of_a_long_series(result):
    rng = np.random.default_rng(0)
    dates = pd.bdate_range("1950-01-02", periods=5_000)
    long = pd.DataFrame({name: 0.01 * rng.standard_normal(5_000) for name in result.strategies}, dates)
    made = engine.portfolio.result.BacktestResult(**{**result.parts(), "returns": long})
    grown = (1 + long).cumprod()
    truth = (grown / grown.cummax().clip(lower=1) - 1).min()
    shown = tearsheet.drawdowns(made, list(result.strategies))
    assert len(shown) <= tearsheet.POINTS and shown.index[-1] == dates[-1]
    assert np.allclose(shown.min().to_numpy(), truth[list(result.strategies)].to_numpy())
    assert tearsheet.thinned(grown).index[-1] == dates[-1]


def test_sector_weights_add_up_to_the_whole(result):
    weights = result.weights_of("sample")
    table = report.by_sector(result, weights)
    assert set(table.columns) == {"Energy", "=Cash", "Bonds", "unknown"}
    assert np.allclose(table["Energy"], weights["S0"] + weights["S1"]) and np.allclose(table.sum(axis=1), 1)


def test_each_cell_of_the_matrix_is_the_pair_it_is_clicked_for(result):
    heat, marks = tearsheet.p_matrix(result, "variance", "#000000").data
    p = result.p_values("variance")
    assert len(marks.x) == 3
    for x, y, (one, other), words in zip(marks.x, marks.y, marks.customdata, marks.hovertext, strict=True):
        assert heat.z[list(heat.y).index(y)][list(heat.x).index(x)] == p.loc[one, other]
        assert int(x) == result.strategies.index(other) + 1 and int(y) == result.strategies.index(one) + 1
        assert words.replace("<br>", " ").startswith("The variance of")


def test_tables_leave_as_they_are_in_csv_and_excel(result):
    with zipfile.ZipFile(io.BytesIO(report.csv_zip(result))) as files:
        back = {name: pd.read_csv(files.open(name)) for name in files.namelist()}
    assert set(back) == {f"{name}.csv" for name in report.tables(result)}
    labels = list(result.returns.rename(columns=result.labels).columns)
    assert np.allclose(back["returns.csv"][labels].to_numpy(), result.returns.to_numpy(), atol=1e-15)
    sheets = pd.read_excel(io.BytesIO(report.xlsx(result)), sheet_name=None)
    assert set(sheets) == set(report.tables(result))
    assert np.allclose(sheets["turnover"][labels].to_numpy(), result.turnover.to_numpy())


def test_no_name_becomes_a_formula_or_markup(result):
    bad = engine.portfolio.result.BacktestResult(**{**result.parts(), "labels": {**result.labels, "sample": "=1+1<script>x</script>"}})
    summary = report.tables(bad)["summary"]["strategy"]
    assert "'=1+1<script>x</script>" in list(summary)
    page = report.html_page(bad)
    assert "<script>x" not in page.split("</head>")[1]


def test_the_report_is_one_file_without_a_network(result):
    page = report.html_page(result)
    body = page.split("</head>")[1]
    assert escape(result.sentence).replace("\\", "") in body
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", body) and page.count("<script") >= 6
    assert all(label in body for label in result.labels.values()) and result.digest in body
    assert all(html.escape(sentence, quote=False) in body for sentence in result.tests["sentence"])
