"""Charts of a backtest: wealth, risk, weights, costs, tests and diagnostics, as Plotly figures without a page around them."""

import html
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.portfolio.measures import drawdown, rolling_sd
from engine.portfolio.result import BacktestResult
from pages.parts.charts import NEUTRAL, blank
from pages.parts.frame import number
from pages.parts.pick import log_grid

if TYPE_CHECKING:
    from engine.portfolio.explain import Explanation

POINTS = 800  # of a line; more cannot be seen
COLOURS = 10  # of the theme; the next line has the first colour again and is dashed
DASHES = ("solid", "dash", "dot", "dashdot")
PATTERNS = ("", "/", ".", "x")
LINE = 22  # height of one row of a legend
PLOT = 320
CELL = 42  # height of a cell of a matrix
MOST_TEXTS = 12  # strategies up to which a number fits into a cell on a narrow screen
BLUE, ORANGE, CLEAR = "rgba(0,104,181,{})", "rgba(214,96,10,{})", "rgba(138,148,144,0.10)"
LEVELS = ((0.01, 0.75), (0.05, 0.5), (0.1, 0.22))  # p-values up to here, and how strong their colour is


def wealth(result: BacktestResult, strategies: list[str]) -> Any:
    """Draw what 1 became, after the costs that were asked for, on a logarithmic scale."""
    return growth(wealth_table(result, strategies))


def wealth_table(result: BacktestResult, strategies: list[str]) -> pd.DataFrame:
    """Return what 1 became at each date shown, strategies by the names on screen."""
    grown = (1 + result.returns[strategies]).cumprod()
    return thinned(grown).rename(columns=result.labels)


def growth(table: pd.DataFrame) -> Any:
    """Draw wealth by date on a logarithmic scale, one line per column."""
    figure = _lines(table, "", "what 1 became", "%{y:.3g}")
    return figure.update_yaxes(type="log", tickvals=log_grid(1e-6, 1e6), tickformat=",~g")


def drawdowns(result: BacktestResult, strategies: list[str]) -> pd.DataFrame:
    """Return how far wealth was below its highest value so far, the deepest of the rows between two dates shown."""
    falls = pd.DataFrame({result.labels[name]: drawdown(result.returns[name]) for name in strategies})
    group = np.arange(len(falls)) // _step(len(falls))
    deepest = falls.groupby(group).min()
    return deepest.set_axis(falls.index[np.append(np.flatnonzero(np.diff(group)), len(falls) - 1)])


def rolling(result: BacktestResult, strategies: list[str], window: int) -> pd.DataFrame:
    """Return the annualised standard deviation of the last ``window`` rows."""
    table = pd.DataFrame({result.labels[name]: rolling_sd(result.returns[name], window, result.periods_per_year) for name in strategies})
    return thinned(table.dropna())


def shares(table: pd.DataFrame, what: str) -> Any:
    """Draw fractions by date as percent, one line per column."""
    figure = _lines(table, "", what, "%{y:.1%}")
    return figure.update_yaxes(tickformat=".0%")


def over_time(table: pd.DataFrame, what: str, date: pd.Timestamp) -> Any:
    """Draw a diagnostic by date, one line per strategy, with a mark at the chosen date."""
    figure = _lines(table, "", what, "%{y:.3g}")
    return figure.add_vline(date.timestamp() * 1000, line={"color": NEUTRAL, "width": 2, "dash": "dot"})


def weights_map(weights: pd.DataFrame) -> Any:
    """Draw weights as a matrix, one row per asset and one column per date; blue is held, orange is held short, empty is not on offer."""
    most = float(np.nanmax(np.abs(weights.to_numpy()))) if weights.notna().to_numpy().any() else 1.0
    figure = blank("", "")
    figure.add_heatmap(
        z=weights.T.to_numpy(), x=weights.index, y=[html.escape(str(name)) for name in weights.columns], zmin=-most, zmax=most,
        colorscale=[[0, ORANGE.format(1)], [0.5, CLEAR], [1, BLUE.format(1)]], hoverongaps=False,
        colorbar={"tickformat": ".0%", "thickness": 12, "title": {"text": "weight", "side": "right"}},
        hovertemplate="%{y} on %{x|%Y-%m-%d}: %{z:.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", type="category", dtick=1 if weights.shape[1] <= 60 else None)
    return figure.update_layout(height=max(PLOT, 60 + 18 * min(weights.shape[1], 60)))


def stacked(table: pd.DataFrame, what: str) -> Any:
    """Draw fractions by date on top of each other, those below zero downwards."""
    figure = blank("", what)
    for n, name in enumerate(table.columns):
        figure.add_bar(
            x=table.index, y=table[name], name=html.escape(str(name)), hovertemplate="%{y:.1%}",
            marker={"line": {"width": 0}, "pattern": {"shape": PATTERNS[n // COLOURS % len(PATTERNS)]}},
        )  # fmt: skip
    figure.update_layout(barmode="relative", bargap=0, hovermode="x unified")
    figure.update_yaxes(tickformat=".0%")
    return _under(figure, table.shape[1])


def traded(turnover: "pd.Series[float]") -> Any:
    """Draw how much was traded at each rebalance."""
    figure = blank("", "traded, share of wealth")
    figure.add_bar(x=turnover.index, y=turnover, hovertemplate="%{x|%Y-%m-%d}: %{y:.0%}<extra></extra>", marker={"line": {"width": 0}})
    return figure.update_yaxes(tickformat=".0%")


def costs(table: pd.DataFrame, what: str, percent: bool) -> Any:
    """Draw a figure after costs against the cost of trading, one line per column."""
    figure = _lines(table, "cost of trading (basis points)", what, "%{y:.1%}" if percent else "%{y:.2f}", mode="lines+markers")
    figure.update_xaxes(tickvals=list(table.index), type="linear")
    return figure.update_yaxes(tickformat=".0%" if percent else None)


def p_matrix(result: BacktestResult, kind: str, ink: str) -> Any:
    """Draw Holm's p-values of all pairs below the diagonal; the stronger the colour, the less it can be chance.

    Strategies are numbered as in `numbered`.

    Parameters
    ----------
    ink : colour of the numbers in the cells.
    """
    found = result.p_values(kind)  # type: ignore[arg-type]
    names = list(found.columns)
    values = found.to_numpy()[:, :-1]
    shown = np.where(np.tril(np.ones(values.shape, dtype=bool), -1), values, np.nan)
    scale, start = [], 0.0
    for level, strength in LEVELS:
        scale += [[start, BLUE.format(strength)], [level, BLUE.format(strength)]]
        start = level
    scale += [[start, CLEAR], [1.0, CLEAR]]
    figure = blank("", "")
    y, x = ([str(n + 1) for n in range(many)] for many in (len(names), len(names) - 1))
    figure.add_heatmap(
        z=shown, x=x, y=y, zmin=0, zmax=1, colorscale=scale, showscale=False, xgap=2, ygap=2, hoverongaps=False, hoverinfo="skip"
    )
    cells = [(i, j) for i, j in np.argwhere(~np.isnan(shown))]
    sentences = _sentences(result, kind)
    figure.add_scatter(  # what is clicked, since a heat map cannot be
        x=[x[j] for _, j in cells], y=[y[i] for i, _ in cells], mode="markers+text",
        text=[_p(shown[i, j]) if len(names) <= MOST_TEXTS else "" for i, j in cells], textfont={"color": ink, "size": 11},
        marker={"size": 30, "opacity": 0, "symbol": "square"}, selected={"marker": {"opacity": 0}}, unselected={"marker": {"opacity": 0}},
        customdata=[[names[i], names[j]] for i, j in cells],
        hovertext=[_wrapped(sentences.get(frozenset((names[i], names[j])), ""), 50) for i, j in cells],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=x, side="top", showgrid=False)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=y[::-1], showgrid=False)
    return figure.update_layout(height=60 + CELL * len(y), margin={"t": 40})


def change(found: "Explanation") -> Any:
    """Draw what took a weight from its old value to the new one, cause by cause."""
    figure = blank("", "weight")
    parts = sorted(found.parts.items(), key=lambda part: -abs(part[1]))
    labels = ["before", *(_wrapped(cause, 14) for cause, _ in parts), "after"]
    values = [found.old, *(share for _, share in parts), found.new]
    told = [f"{found.old:.1%}", *(f"{100 * share:+.1f}" for _, share in parts), f"{found.new:.1%}"]
    figure.add_waterfall(
        x=labels, y=values, measure=["absolute", *("relative" for _ in parts), "total"], text=told, textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": BLUE.format(0.8)}}, decreasing={"marker": {"color": ORANGE.format(0.8)}},
        totals={"marker": {"color": NEUTRAL}}, connector={"line": {"color": NEUTRAL, "width": 1}},
        hovertemplate="%{x}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(tickformat=".0%")
    return figure.update_layout(height=PLOT, margin={"t": 40})


def thinned(table: pd.DataFrame) -> pd.DataFrame:
    """Return about 800 rows of a table, equally far apart, the last among them."""
    return table.iloc[(len(table) - 1) % _step(len(table)) :: _step(len(table))]


def _step(rows: int) -> int:
    return max(1, -(-rows // POINTS))


def _lines(table: pd.DataFrame, x: str, y: str, hover: str, mode: str = "lines") -> Any:
    figure = blank(x, y)
    for n, name in enumerate(table.columns):
        figure.add_scatter(
            x=table.index, y=table[name], name=html.escape(str(name)), mode=mode, hovertemplate=hover,
            line={"width": 1.8, "dash": DASHES[n // COLOURS % len(DASHES)]},
        )  # fmt: skip
    figure.update_layout(hovermode="x unified")
    return _under(figure, table.shape[1])


def _under(figure: Any, n: int) -> Any:
    """Name the lines under the chart, which grows by what they need on a narrow screen."""
    legend = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "title": {"text": ""}}
    return figure.update_layout(showlegend=n > 1, legend=legend, height=PLOT + LINE * n)


def numbered(result: BacktestResult) -> str:
    """Return the names of the strategies with the numbers that the matrix of p-values has for them."""
    return " · ".join(f"{n} {result.labels[name]}" for n, name in enumerate(result.strategies, 1))


def _sentences(result: BacktestResult, kind: str) -> Mapping[frozenset[str], str]:
    """Return the sentence on each pair."""
    rows = result.tests[result.tests["kind"] == kind]
    return {frozenset((row.better, row.worse)): str(row.sentence) for row in rows.itertuples()}


def pair_sentence(result: BacktestResult, kind: str, one: str, other: str) -> str:
    """Return what the test of two strategies says; empty where there is none."""
    return _sentences(result, kind).get(frozenset((one, other)), "")


def _wrapped(text: str, width: int) -> str:
    return "<br>".join(html.escape(line) for line in textwrap.wrap(text, width, break_on_hyphens=False))


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else number(round(value, 3 if value < 0.1 else 2)).removeprefix("0")
