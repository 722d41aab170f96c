"""The result of a backtest on screen: who risked least, what was held, what it cost, what is more than chance, and why."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from engine.core import Dataset, Tables, UserError
from engine.portfolio.result import BacktestResult
from engine.portfolio.weights import GROSS_MUCH
from pages.parts import frame, report, run, state, tearsheet

HONEST = (
    "On most data anyone can get, MTP2 is in the middle of the field on realised risk; look at the p-values before believing a ranking."
)
TABS = ["Summary", "Risk", "Weights", "Costs", "Tests", "Dates", "Why", "Export"]
MOST_LINES = 6
INK = {"light": "#1b2421", "dark": "#e7ecea"}
ALWAYS = ("mtp2", "equal")  # in the charts from the start, if they ran
OPEN, LINES, PAIR = "portfolio.tab", "portfolio.lines", "portfolio.pair"
KINDS = {"variance": "Risk (variance)", "sharpe": "Return for risk (Sharpe ratio)"}
DIAGNOSTICS = {
    "gross_leverage": "gross leverage", "short_share": "share of short positions", "effective_names": "effective names",
    "effective_bets": "effective bets", "predicted_sd": "predicted risk", "realised_sd": "realised risk", "assets": "assets",
    "condition": "condition number", "edges": "edges (MTP2)", "gap": "certified gap (MTP2)", "shrinkage": "shrinkage",
    "ridge": "ridge", "threshold": "threshold", "penalty": "penalty",
}  # fmt: skip
MEANINGS = {
    "gross_leverage": "Money in long and short positions over wealth; 1 without short positions.",
    "short_share": "Short positions as a share of all positions.",
    "effective_names": "The number of equally weighted assets that would be as concentrated.",
    "effective_bets": "The number of assets with equal shares of the risk that would be as concentrated.",
    "predicted_sd": "Standard deviation that the estimate promised for the portfolio, a year.",
    "realised_sd": "Standard deviation while the weights were held, a year.",
    "assets": "Assets among which could be chosen.",
    "condition": "How close the estimate is to having no inverse: from a million on, rounding moves the weights.",
    "edges": "Pairs of assets that remain related given all others.",
    "gap": "How far at most the fit is from the best one, in units of log-likelihood.",
    "shrinkage": "How far the sample's covariance was moved towards the target: 0 not at all, 1 all the way.",
    "ridge": "What was added to the diagonal so that the matrix has an inverse.",
    "threshold": "Residual correlations below it count as none.",
    "penalty": "Strength of the penalty that was chosen.",
}
PERCENT = {"short_share", "realised_sd", "predicted_sd", "shrinkage"}


def so_far(parts: Mapping[str, Any], key: str) -> None:
    """Draw the wealth of all strategies up to the date that a run has reached."""
    grown = parts.get("wealth")
    if not isinstance(grown, pd.DataFrame) or len(grown) < 2:
        return
    from engine.portfolio.estimators import ESTIMATORS

    names = {name: ESTIMATORS[name].label for name in grown.columns if name in ESTIMATORS}
    table = tearsheet.thinned(grown).rename(columns=names)
    st.plotly_chart(tearsheet.growth(table), alt="Wealth so far", key=f"early.{key}")


def show(result: BacktestResult, data: Dataset | Tables) -> None:
    """Show the tabs of a result; only the open one is drawn."""
    asked = state.kept(run.TAB, "")
    if asked in TABS:
        state.keep(OPEN, asked)
        state.keep(run.TAB, "")
    views = [summary, risk, weights, costs, tests, dates, partial(why, data=data), partial(export, data=data)]
    for tab, view in zip(st.tabs(TABS, key=OPEN, on_change="rerun"), views, strict=True):
        if tab.open:
            with tab:
                view(result)


def summary(result: BacktestResult) -> None:
    """Say who had the lowest risk and how far to believe it; the main figures, and how wealth grew."""
    words, more = st.columns([5, 1], vertical_alignment="center")
    words.markdown(f"**{frame.escape(result.sentence)}**")
    if result.provenance:
        with more:
            frame.fold(result.provenance.warnings)
    st.caption(HONEST)
    _leverage(result)
    figures = report.main_figures(result)
    frame.table(figures, decimals={name: 1 if "%" in name or "names" in name else 2 for name in figures.columns})
    st.caption(_conventions(result))
    with st.expander("All figures"):
        frame.table(report.all_figures(result))
    shown = _lines(result)
    st.plotly_chart(tearsheet.wealth(result, shown), alt="What 1 became, by strategy", key="portfolio.wealth")
    _twin(tearsheet.wealth_table(result, shown))


def risk(result: BacktestResult) -> None:
    """Draw how deep wealth fell below its peak, and the risk of the last months."""
    shown = _lines(result)
    st.markdown("**Drawdown**: how far wealth was below its highest value so far.")
    falls = tearsheet.drawdowns(result, shown)
    st.plotly_chart(tearsheet.shares(falls, "below the peak"), alt="Drawdown by date", key="portfolio.drawdown")
    _twin(100 * falls, "percent")
    year, rows = result.periods_per_year, len(result.returns)
    choices = {max(2, year // 4): "3 months", max(2, year // 2): "6 months", year: "1 year", 3 * year: "3 years"}
    choices = {window: label for window, label in choices.items() if 2 <= window < rows} or {max(2, rows // 2): f"{rows // 2} rows"}
    usual = year if year in choices else next(iter(choices))
    window = st.segmented_control(
        "Risk of the last", list(choices), format_func=choices.__getitem__, default=usual, required=True, key="portfolio.rolling"
    )
    table = tearsheet.rolling(result, shown, window or usual)
    st.plotly_chart(tearsheet.shares(table, "risk a year (SD)"), alt="Rolling standard deviation by date", key="portfolio.risk")
    _twin(100 * table, "percent")


def weights(result: BacktestResult) -> None:
    """Draw what one strategy held at every date, and how much it traded."""
    strategy = _strategy(result)
    held = result.weights_of(strategy)
    used = held.loc[:, (held.notna() & (held != 0)).any()]
    ways = ["Assets", "Sectors"] if result.sectors else ["Assets"]
    way = "Assets"
    if len(ways) > 1:
        way = st.segmented_control("By", ways, default="Assets", required=True, key="portfolio.by") or "Assets"
    if way == "Sectors":
        table = report.by_sector(result, used)
        st.plotly_chart(tearsheet.stacked(table, "weight"), alt="Weights of sectors by date", key="portfolio.sectors")
    else:
        table = used
        st.plotly_chart(tearsheet.weights_map(used), alt="Weights of assets by date", key="portfolio.weights")
        st.caption("Blue is held, orange is held short, paler is less. An empty cell: the asset could not be held at that date.")
    _twin(100 * table, "percent")
    st.markdown("**Trading** at each rebalance: purchases and sales together, as a share of wealth; the opening purchase is left out.")
    turnover = result.turnover[strategy].iloc[1:]
    st.plotly_chart(tearsheet.traded(turnover), alt="Turnover by date", key="portfolio.turnover")
    _twin(100 * turnover.to_frame("traded"), "percent")


def costs(result: BacktestResult) -> None:
    """Draw what is left after costs of trading."""
    shown = _lines(result)
    st.markdown("What is left when every purchase and sale costs so many hundredths of a percent (basis points) of the amount traded.")
    curves = result.costs[result.costs["strategy"].isin(shown)].assign(strategy=lambda rows: rows["strategy"].map(result.labels))
    names = [result.labels[name] for name in shown]
    left, right = st.columns(2)
    for place, column, what, percent in (
        (left, "return", "return a year", True),
        (right, "ratio", "return for risk (information ratio)", False),
    ):
        table = curves.pivot(index="cost_bp", columns="strategy", values=column)[names]
        with place:
            st.plotly_chart(tearsheet.costs(table, what, percent), alt=f"{what} after costs", key=f"portfolio.costs.{column}")
    twin = curves.assign(**{"return": 100 * curves["return"], "sd": 100 * curves["sd"]})
    words = {"cost_bp": "cost (bp)", "return": "return a year (%)", "sd": "risk a year (%)", "ratio": "information ratio"}
    with st.expander("The same as a table"):
        frame.table(twin.rename(columns=words).reset_index(drop=True))


def tests(result: BacktestResult) -> None:
    """Draw which differences between strategies are more than chance, and say so in words for one pair."""
    if result.tests.empty:
        frame.empty("Nothing to compare.", "Choose two strategies or more, and at least 20 holding periods or rows.")
        return
    kind = st.segmented_control(
        "Compare", list(KINDS), format_func=KINDS.__getitem__, default="variance", required=True, key="portfolio.kind"
    )
    kind = kind or "variance"
    names = list(result.strategies)
    one, other = _pair(names)
    st.markdown(frame.escape(tearsheet.numbered(result)))
    ink = INK[st.context.theme.type or "light"]
    st.plotly_chart(
        tearsheet.p_matrix(result, kind, ink), alt="p-values of all pairs", key="portfolio.matrix", on_select=partial(_clicked, names),
        selection_mode="points",
    )  # fmt: skip
    st.caption(
        "Probability that chance alone gives a difference this large, after Holm's correction for comparing all pairs. Dark: below 1 %; "
        "paler: below 5 % and 10 %. Click a cell to read it in words. " + _periods(result)
    )
    left, right = st.columns(2)
    left.selectbox("First", names, format_func=result.labels.__getitem__, key=f"{PAIR}.one")
    right.selectbox("Second", names, format_func=result.labels.__getitem__, key=f"{PAIR}.other")
    told = "Choose two different strategies." if one == other else tearsheet.pair_sentence(result, kind, one, other)
    st.markdown(frame.escape(told))
    with st.expander("The same as a table"):
        frame.table(report.test_table(result, kind))


def dates(result: BacktestResult) -> None:
    """Show one rebalance: who could be held and why, and what each strategy held; and a diagnostic over time."""
    date = _date(result, list(result.dates))
    row = result.universe[result.universe["date"] == date].iloc[0]
    frame.facts(
        [
            ("Estimated on", f"{row['first']:%Y-%m-%d} to {row['last']:%Y-%m-%d}"), ("Rows", frame.number(row["rows"])),
            ("Assets", frame.number(row["assets"])), ("Left out", frame.number(row["excluded"])),
            ("Cells filled", frame.number(row["filled"])), ("Sold early", frame.number(row["sold"])),
        ]
    )  # fmt: skip
    if row["sentences"]:
        st.markdown(frame.escape(str(row["sentences"])))
    frame.table(report.diagnostics_at(result, date, DIAGNOSTICS, PERCENT))
    notes = result.diagnostics[(result.diagnostics["date"] == date) & (result.diagnostics["note"] != "")]
    for found in notes.itertuples():
        kept = " It kept what it held." if found.fell_back else ""
        st.markdown(f":material/info: **{frame.escape(result.labels[found.strategy])}**: {frame.escape(str(found.note))}{kept}")
    measured = [name for name in DIAGNOSTICS if result.diagnostics[name].notna().any()]
    what = st.selectbox("Over time", measured, format_func=lambda name: DIAGNOSTICS[name], key="portfolio.diagnostic")
    st.caption(MEANINGS[what])
    table = result.diagnostics.pivot(index="date", columns="strategy", values=what)[_lines(result)].dropna(axis=1, how="all")
    if table.empty:
        frame.empty("None of the strategies shown has this number.", "Choose others under In the charts.")
        return
    table = table.rename(columns=result.labels)
    st.plotly_chart(tearsheet.over_time(table, DIAGNOSTICS[what], date), alt=f"{DIAGNOSTICS[what]} by date", key="portfolio.over_time")
    _twin(table)


def why(result: BacktestResult, data: Dataset | Tables) -> None:
    """Take apart why a strategy changed the weight of an asset at a date."""
    able = [name for name in result.strategies if name not in ("equal", "top_quintile")]
    if len(result.dates) < 2 or not able:
        frame.empty("There is no change to explain.", "Run with more than one rebalance, and with an estimator other than 1/N.")
        return
    strategy = _strategy(result, able)
    date = _date(result, list(result.dates[1:]))
    moved = _moved(result, strategy, date)
    asset = st.selectbox(
        "Asset (the largest change first)", list(moved.index), format_func=lambda name: f"{name} · {100 * moved[name]:+.1f} points",
        key="portfolio.asset",
    )  # fmt: skip
    try:
        found = _explained(result.digest, strategy, date, asset, result, data)
    except UserError as problem:
        frame.error(problem)
        return
    st.markdown(frame.escape(found.sentence))
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.plotly_chart(tearsheet.change(found), alt="What moved the weight", key="portfolio.why")
        st.caption(
            "Each cause takes its new value in turn; its share is the mean over all orders, so that the shares add up to the change."
        )
    with right:
        before, after = found.volatility
        frame.facts([("Its risk a year", f"{_percent(before)} → {_percent(after)}")])
        st.markdown("**Correlations that changed most**")
        frame.table(found.neighbours.rename(columns={"asset": "with", "old": "before", "new": "after"}), empty="None can be compared.")
        for words, names in (("Could be held again", found.entered), ("Could no longer be held", found.left)):
            if names:
                st.caption(frame.escape(f"{words}: {', '.join(names)}."))
    parts = pd.DataFrame({"cause": list(found.parts), "points": [100 * share for share in found.parts.values()]})
    with st.expander("The same as a table"):
        frame.table(parts)


def export(result: BacktestResult, data: Dataset | Tables) -> None:
    """Offer the report, the tables, and what makes the result again; nothing is made before it is asked for."""
    name = f"backtest-{result.digest[:8]}"
    with st.container(horizontal=True):
        for label, make, ending, mime in (
            ("Report (HTML)", report.html_page, "html", "text/html"),
            ("Tables (Excel)", report.xlsx, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            ("Tables (CSV in a ZIP)", report.csv_zip, "zip", "application/zip"),
        ):
            st.download_button(
                label, partial(make, result), f"{name}-tables.{ending}" if ending == "zip" else f"{name}.{ending}", mime, on_click="ignore",
                icon=":material/download:", key=f"portfolio.export.{ending}",
            )  # fmt: skip
    st.caption("The report is one file that opens in any browser without a network: figures, tables, tests and settings.")
    frame.export(result, data)


def _lines(result: BacktestResult) -> list[str]:
    """Let the user choose which strategies the charts show; a few from the start, the same in all tabs."""
    names = list(result.strategies)
    first = [name for name in names if name in ALWAYS]
    first += [name for name in names if name not in first][: MOST_LINES - len(first)]
    known = [name for name in state.kept(LINES, list[str]()) if name in names]
    st.session_state[LINES] = known or [name for name in names if name in first]
    chosen = st.multiselect("In the charts", names, format_func=result.labels.__getitem__, key=LINES, persist_state="session")
    return [name for name in names if name in chosen] or names[:1]


def _strategy(result: BacktestResult, among: list[str] | None = None) -> str:
    """Let the user choose one strategy, the same in all tabs."""
    names = among or list(result.strategies)
    key = "portfolio.strategy"
    if state.kept(key, "") not in names:
        st.session_state[key] = "mtp2" if "mtp2" in names else names[0]
    return str(st.selectbox("Strategy", names, format_func=result.labels.__getitem__, key=key, persist_state="session"))


def _date(result: BacktestResult, choices: list[pd.Timestamp]) -> pd.Timestamp:
    """Let the user choose a rebalance, the same in all tabs."""
    key = "portfolio.date"
    texts = [f"{date:%Y-%m-%d}" for date in choices]
    if state.kept(key, "") not in texts:
        st.session_state[key] = texts[-1]
    if len(texts) == 1:
        return choices[0]
    return choices[texts.index(st.select_slider("Rebalance", texts, key=key, persist_state="session"))]


def _pair(names: list[str]) -> tuple[str, str]:
    """Return the two strategies compared in words; at first the one with the lowest risk and the next."""
    for key, first in ((f"{PAIR}.one", names[0]), (f"{PAIR}.other", names[1])):
        if state.kept(key, "") not in names:
            st.session_state[key] = first
    return str(st.session_state[f"{PAIR}.one"]), str(st.session_state[f"{PAIR}.other"])


def _clicked(names: list[str]) -> None:
    """Take the pair of the cell that was clicked."""
    points = st.session_state["portfolio.matrix"]["selection"]["points"]
    if points and all(name in names for name in points[0]["customdata"][:2]):
        st.session_state[f"{PAIR}.one"], st.session_state[f"{PAIR}.other"] = points[0]["customdata"][:2]


def _moved(result: BacktestResult, strategy: str, date: pd.Timestamp) -> "pd.Series[float]":
    """Return by how much each weight changed at a date, the largest change first."""
    held = result.weights_of(strategy).fillna(0.0)
    k = list(held.index).index(date)
    moved = held.iloc[k] - held.iloc[k - 1]
    return moved[moved.abs().sort_values(ascending=False, kind="stable").index]


@st.cache_resource(max_entries=256, show_spinner="Estimating both dates again …")
def _explained(digest: str, strategy: str, date: pd.Timestamp, asset: str, _result: BacktestResult, _data: Dataset | Tables) -> Any:
    from engine.portfolio.backtest import BacktestParams
    from engine.portfolio.explain import explain
    from engine.portfolio.inputs import market_for

    assert _result.provenance is not None
    params = BacktestParams.from_dict(dict(_result.provenance.params))
    return explain(market_for(_data, params), params, strategy, date, asset)


def _leverage(result: BacktestResult) -> None:
    """Warn of strategies that held several times their wealth, and offer to run without short positions."""
    most = result.diagnostics.groupby("strategy")["gross_leverage"].max().sort_values(ascending=False)
    high = most[most > GROSS_MUCH]
    if high.empty:
        return
    told = ", ".join(f"{result.labels[str(name)]} up to {value:.1f}" for name, value in high.items())
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":orange[:material/warning:] **Positions of more than {GROSS_MUCH:g} times the wealth:** {frame.escape(told)}. Such weights "
            "rest on small differences between estimates and are costly to hold.", width="stretch",
        )  # fmt: skip
        st.button("Run without short positions", on_click=run.ask, kwargs={"long_only": True}, key="portfolio.long_only")


def _conventions(result: BacktestResult) -> str:
    bp = float(result.provenance.params.get("cost_bp", 0.0)) if result.provenance else 0.0
    paid = f"after costs of {bp:g} basis points" if bp else "before costs of trading"
    return (
        f"Lowest risk first; all {paid}. Figures are a year: return is compounded, risk is the standard deviation, turnover is what is "
        "bought and sold over wealth. Gross leverage: all positions over wealth. Effective names: how many equal weights would be as "
        "concentrated."
    )


def _periods(result: BacktestResult) -> str:
    """Say which returns were tested."""
    most = int(result.tests["periods"].max())
    if most < len(result.returns) / 2:
        return f"Tested on the {most:,} holding periods, not on single rows: the order may differ from that of the risks above."
    return f"Tested on {most:,} rows."


def _twin(table: pd.DataFrame, unit: str = "") -> None:
    """Fold away the numbers of a chart."""
    with st.expander(f"The same as a table{f' ({unit})' if unit else ''}"):
        shown = table.copy()
        if isinstance(shown.index, pd.DatetimeIndex):
            shown.index = shown.index.strftime("%Y-%m-%d")
        frame.table(shown.rename_axis("date"), height=320 if len(shown) > 8 else "auto")


def _percent(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.1%}"
