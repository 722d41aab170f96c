"""Charts in the product's manner; colours and fonts come from the theme, so they follow light and dark."""

import html
from typing import Any

import numpy as np
import pandas as pd

from engine.independence.trace import Trace
from pages.parts.frame import number

HEIGHT = 280
SQUARE = 400  # height of a chart whose two axes are shares
TOP = 0.9  # a point higher than this has its label below
BINS = 40
P_VALUE_BINS = 20
MOST_POINTS = 2_500  # beyond this a scatter is a blot, and slow
MOST_LEVELS = 20
MOST_NAMES = 40  # of a heat map; beyond, only some of them are written
SIGNS = ("circle", "diamond-open", "x-thin-open", "square-open", "triangle-up-open", "cross")
DIVERGING = ((0.0, "#c2622b"), (0.5, "rgba(138,148,144,0.12)"), (1.0, "#1f6f8b"))  # the middle lets the paper through
NEUTRAL = "#8a9490"  # reads on light and on dark paper


def p_values(trace: Trace) -> Any:
    """Draw how the p-values of all tests fall; under independence alone every bar would reach the dotted line.

    Returns
    -------
    plotly Figure.
    """
    values = trace.p_values()
    figure = blank("p-value", f"tests (of {number(len(values))})")
    counts, edges = np.histogram(values, bins=P_VALUE_BINS, range=(0, 1))
    figure.add_bar(
        x=(edges[1:] + edges[:-1]) / 2, y=counts, width=1 / P_VALUE_BINS, hovertemplate="%{y} tests near p = %{x:.3f}<extra></extra>"
    )
    if len(values):
        figure.add_hline(len(values) / P_VALUE_BINS, line={"color": NEUTRAL, "dash": "dot"}, annotation_text="if all were independent")
    figure.add_vline(trace.alpha, line={"color": NEUTRAL, "width": 2}, annotation_text=f"significance level {trace.alpha:g}")
    figure.update_xaxes(range=[-0.02, 1])
    figure.update_yaxes(range=[0, 1.25 * max(1, *counts)])  # room for the words above the first bar
    return figure


def roc(points: pd.DataFrame, parameter: str, present: "pd.Series[Any]") -> Any:
    """Draw which share of the truth was found against which share of the rest was claimed, at each level.

    Parameters
    ----------
    points : what `engine.discovery.accuracy.roc` returns.
    parameter : what the levels are called.
    present : the row of the graph on the page, which is marked.

    Returns
    -------
    plotly Figure.
    """
    figure = blank("false alarms: share of what is not there", "found: share of what is there")
    for prefix, name, symbol, dash in (("", "joined pairs", "circle", "solid"), ("arrows ", "directions", "diamond", "dash")):
        figure.add_scatter(
            x=points[f"{prefix}false"], y=points[f"{prefix}found"], mode="lines+markers", name=name, line={"dash": dash},
            marker={"size": 8, "symbol": symbol}, customdata=points["level"],
            hovertemplate=f"{name} at {parameter} %{{customdata:.3g}}<br>found %{{y:.0%}}, false alarms %{{x:.0%}}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=present[["false", "arrows false"]], y=present[["found", "arrows found"]], mode="markers", name="this graph",
        marker={"size": 17, "symbol": ["circle-open", "diamond-open"], "color": NEUTRAL, "line": {"width": 3}},
        hovertemplate="this graph<br>found %{y:.0%}, false alarms %{x:.0%}<extra></extra>",
    )  # fmt: skip
    return _shares(figure, "guessing")


def calibration(bins: pd.DataFrame) -> Any:
    """Draw how many of the pairs with about the same support are true; on the dotted line support means what it says.

    Parameters
    ----------
    bins : of an `engine.discovery.accuracy.Calibration`.

    Returns
    -------
    plotly Figure.
    """
    figure = blank("support: share of the resamples", "true: share of these pairs")
    figure.add_scatter(
        x=bins["support"], y=bins["true"], mode="lines+markers+text", text=[number(n) for n in bins["pairs"]], name="pairs (number)",
        textposition=["top center" if true < TOP else "bottom center" for true in bins["true"]], marker={"size": 10}, cliponaxis=False,
        hovertemplate="%{text} pairs with support near %{x:.0%}: %{y:.0%} are true<extra></extra>",
    )  # fmt: skip
    return _shares(figure, "as promised")


def distribution(series: "pd.Series[Any]") -> Any:
    """Draw the distribution of one variable: a histogram of numbers, or bars of the most frequent categories."""
    label = html.escape(str(series.name))
    figure = blank(label, "rows")
    if isinstance(series.dtype, pd.CategoricalDtype):
        counts = series.value_counts().head(MOST_LEVELS)
        figure.add_bar(x=[html.escape(str(level)) for level in counts.index], y=counts.to_numpy())
        figure.update_xaxes(type="category")
        return figure
    values = series.to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if len(values):
        counts, edges = np.histogram(values, bins=min(BINS, max(8, int(np.sqrt(len(values))))))
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2, y=counts, width=np.diff(edges), hovertemplate="%{y} rows near %{x:.3g}<extra></extra>"
        )
    return figure


def quantiles(series: "pd.Series[Any]") -> Any:
    """Draw the sorted values of one variable against those that a normal distribution of the same mean and SD would have."""
    from scipy.special import ndtri

    figure = blank("normal distribution", html.escape(str(series.name)))
    values = series.to_numpy(dtype=float)
    values = np.sort(values[np.isfinite(values)])
    n = len(values)
    if n:
        shown = np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).astype(int))
        expected = values.mean() + values.std() * ndtri((shown + 0.5) / n)
        figure.add_scatter(x=expected, y=values[shown], mode="markers", marker={"size": 4, "opacity": 0.6})
        ends = [float(expected[0]), float(expected[-1])]
        figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": NEUTRAL, "dash": "dot"}, hoverinfo="skip")
    return figure


def scatter(frame: pd.DataFrame, x: str, y: str) -> Any:
    """Draw one variable against another; a large table is thinned to 2,500 rows, and the chart says so."""
    rows = frame[[x, y]].dropna()
    figure = blank(html.escape(x), html.escape(y))
    if len(rows) > MOST_POINTS:
        title = f"{number(MOST_POINTS)} of {number(len(rows))} rows, drawn at random"
        figure.add_annotation(text=title, xref="paper", yref="paper", x=1, y=1.08, showarrow=False, font={"size": 12})
        rows = rows.iloc[np.sort(np.random.default_rng(0).choice(len(rows), MOST_POINTS, replace=False))]
    figure.add_scatter(x=_plain(rows[x]), y=_plain(rows[y]), mode="markers", marker={"size": 5, "opacity": 0.5})
    return figure


def by_group(series: "pd.Series[Any]", labels: Any) -> Any:
    """Draw the distribution of one variable in each group, as outlines over each other; groups are numbered from 1."""
    figure = blank(html.escape(str(series.name)), "rows")
    values = series.to_numpy(dtype=float)
    bins = np.histogram_bin_edges(values, bins=BINS)
    for k in np.unique(labels):
        counts, _ = np.histogram(values[labels == k], bins)
        figure.add_scatter(x=np.repeat(bins, 2)[1:-1], y=np.repeat(counts, 2), mode="lines", fill="tozeroy", name=f"population {k + 1}")
    return _named(figure)


def grouped(frame: pd.DataFrame, labels: Any) -> Any:
    """Draw the second column against the first with a colour and a sign for each group; a large table is thinned to 2,500 rows."""
    x, y = frame.columns
    figure = blank(html.escape(str(x)), html.escape(str(y)))
    shown = np.arange(len(frame))
    if len(frame) > MOST_POINTS:
        shown = np.sort(np.random.default_rng(0).choice(len(frame), MOST_POINTS, replace=False))
    for n, k in enumerate(np.unique(labels)):
        rows = shown[labels[shown] == k]
        figure.add_scatter(
            x=frame[x].to_numpy()[rows], y=frame[y].to_numpy()[rows], mode="markers", name=f"population {k + 1}",
            marker={"size": 5, "opacity": 0.5, "symbol": SIGNS[n % len(SIGNS)]},
        )  # fmt: skip
    return _named(figure)


def heat_map(matrix: pd.DataFrame, title: str) -> Any:
    """Draw a square matrix, blue above zero and orange below; the diagonal is left empty.

    Parameters
    ----------
    matrix : (N, N) with the same names in rows and columns.
    title : what the values are.
    """
    values = matrix.to_numpy(dtype=float).copy()
    np.fill_diagonal(values, np.nan)
    names = [html.escape(str(name)) for name in matrix.columns]
    limit = float(np.nanmax(np.abs(values))) or 1.0 if len(values) > 1 else 1.0
    figure = blank("", "")
    figure.add_heatmap(
        z=values, x=names, y=names, zmin=-limit, zmax=limit, colorscale=DIVERGING, colorbar={
            "title": {"text": title, "side": "top"}, "orientation": "h", "y": -0.12, "yanchor": "top", "thickness": 12,
        },
        hovertemplate="%{y} and %{x}: %{z:.3g}<extra></extra>",
    )  # fmt: skip
    every = {"tickmode": "linear", "dtick": 1, "tickfont": {"size": 11}} if len(names) <= MOST_NAMES else {}
    figure.update_yaxes(autorange="reversed", showgrid=False, **every)
    figure.update_xaxes(side="top", showgrid=False, tickangle=-90, **every)
    return figure.update_layout(height=SQUARE + 120)


def _named(figure: Any) -> Any:
    """Put the names of the groups above the chart."""
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.12, "yanchor": "bottom"}, margin={"t": 48})


def blank(x: str, y: str) -> Any:
    """Return a figure without data in the product's measures; ``x`` and ``y`` name its axes."""
    import plotly.graph_objects as go

    return go.Figure(
        layout={
            "height": HEIGHT, "margin": {"l": 8, "r": 8, "t": 28, "b": 8}, "bargap": 0.04, "showlegend": False,
            "xaxis": {"title": x, "automargin": True}, "yaxis": {"title": y, "automargin": True},
        }
    )  # fmt: skip


def _shares(figure: Any, diagonal: str) -> Any:
    """Give a figure two axes from none to all, a dotted line along which both are the same, and a legend above."""
    line = {"color": NEUTRAL, "dash": "dot"}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name=diagonal, hoverinfo="skip")
    figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%")
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return figure.update_layout(height=SQUARE, showlegend=True, legend=legend)


def _plain(column: "pd.Series[Any]") -> Any:
    """Return numbers as they are and categories as plain text."""
    return column.map(lambda level: html.escape(str(level))) if isinstance(column.dtype, pd.CategoricalDtype) else column
