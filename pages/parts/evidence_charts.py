"""Charts of the repurposing stages: changes of genes, scores of drugs, networks over their settings, and what chance would do."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pages.parts import charts

GROUPS = ("up", "down", "not clear")  # of genes
LOOKS = {
    "up": {"color": "#c2622b", "symbol": "triangle-up", "size": 7},
    "down": {"color": "#1f6f8b", "symbol": "triangle-down", "size": 7},
    "not clear": {"color": charts.NEUTRAL, "symbol": "circle", "size": 4, "opacity": 0.35},
}
LEAST_P = 1e-300
NAMED = 10  # genes written beside their point
ROW_PX = 24


def changes(table: pd.DataFrame, x: str, y: str, x_words: str, y_words: str, level: float) -> Any:
    """Draw one point per gene, those that clearly change by colour and sign, the strongest by name.

    Parameters
    ----------
    table : columns ``gene``, ``log2fc``, the two to draw, and ``q`` where genes were tested.
    level : largest q of a clear change.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank(x_words, y_words)
    rows = table[np.isfinite(table[x].to_numpy(dtype=float)) & np.isfinite(table[y].to_numpy(dtype=float))]
    clear = (rows["q"] <= level).to_numpy() if "q" in rows else np.ones(len(rows), dtype=bool)
    signs = np.where(~clear, "not clear", np.where(rows["log2fc"] > 0, "up", "down"))
    for group in reversed(GROUPS):
        own = _thinned(rows[signs == group], group)
        if len(own):
            figure.add_scatter(
                x=own[x], y=own[y], mode="markers", name=f"{group} ({int((signs == group).sum()):,})", marker=LOOKS[group],
                text=[html.escape(str(name)) for name in own["gene"]], hovertemplate="%{text}: %{x:.3g}, %{y:.3g}<extra></extra>",
            )  # fmt: skip
    strongest = rows[clear].assign(size=lambda own: own["log2fc"].abs()).nlargest(NAMED, "size")
    figure.add_scatter(
        x=strongest[x], y=strongest[y], mode="text", text=[html.escape(str(name)) for name in strongest["gene"]],
        textposition="top center", textfont={"size": 11}, hoverinfo="skip", showlegend=False, cliponaxis=False,
    )  # fmt: skip
    return _with_legend(figure).update_layout(height=charts.SQUARE)


def minus_log10(p: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
    """Return -log10 of p-values; those that underflow count as 1e-300."""
    values: NDArray[np.float64] = -np.log10(np.maximum(np.asarray(p, dtype=float), LEAST_P))
    return values


def _thinned(rows: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return few enough points that a browser draws them at once; those that change clearly stay as far as possible."""
    if len(rows) <= charts.MOST_POINTS:
        return rows
    if group != "not clear":
        return rows.iloc[np.argsort(-rows["log2fc"].abs().to_numpy(), kind="stable")[: charts.MOST_POINTS]]
    return rows.iloc[np.sort(np.random.default_rng(0).choice(len(rows), charts.MOST_POINTS, replace=False))]


def intervals(names: Sequence[str], values: Sequence[float], low: Sequence[float], high: Sequence[float], words: str) -> Any:
    """Draw a bar with its interval for each name, in the order given.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank(words, "")
    middle, below, above = (np.asarray(part, dtype=float) for part in (values, low, high))
    error = {"type": "data", "symmetric": False, "array": np.nan_to_num(above - middle), "arrayminus": np.nan_to_num(middle - below)}
    shown = [html.escape(str(name)) for name in names]
    figure.add_bar(y=shown, x=middle, error_x=error, orientation="h", hovertemplate="%{y}: %{x:.3f}<extra></extra>")
    return _rows(figure, len(shown))


def counts(names: Sequence[str], values: Sequence[float], words: str) -> Any:
    """Draw a bar with its number for each name, in the order given.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank(words, "")
    shown = [html.escape(str(name)) for name in names]
    figure.add_bar(y=shown, x=list(values), orientation="h", text=list(values), textposition="outside", cliponaxis=False)
    return _rows(figure, len(shown))


def spread(scores: "pd.Series[float]", words: str, marks: dict[str, float]) -> Any:
    """Draw how the scores of all drugs fall, with vertical lines at what is marked.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank(words, "drugs")
    values = scores.to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    counts, edges = np.histogram(values, bins=min(charts.BINS, max(8, int(np.sqrt(len(values))))))
    figure.add_bar(x=(edges[1:] + edges[:-1]) / 2, y=counts, width=np.diff(edges), hovertemplate="%{y} drugs near %{x:.3f}<extra></extra>")
    for name, value in marks.items():
        figure.add_vline(value, line={"color": charts.NEUTRAL, "dash": "dot"}, annotation_text=html.escape(name))
    return figure.update_yaxes(range=[0, 1.2 * max(1, *counts)])


def over_w(surface: pd.DataFrame, chosen: float) -> Any:
    """Draw how many proteins and pieces the network has at each price of a piece; it only changes where the line steps.

    Parameters
    ----------
    surface : columns ``w``, ``proteins``, ``trees``; one row per network, ``w`` where it begins.
    chosen : the price of the network on the page.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank("price of a further piece (w)", "")
    end = max(float(surface["w"].max()) * 1.15, chosen * 1.05)
    for column, name, dash in (("proteins", "proteins", "solid"), ("trees", "pieces", "dash")):
        x, y = [*surface["w"], end], [*surface[column], surface[column].iloc[-1]]
        figure.add_scatter(
            x=x, y=y, mode="lines", name=name, line={"shape": "hv", "dash": dash},
            hovertemplate=f"from w %{{x:.3g}}: %{{y:,}} {name}<extra></extra>"
        )  # fmt: skip
    figure.add_vline(chosen, line={"color": charts.NEUTRAL}, annotation_text="this network", annotation_position="bottom left")
    figure.update_yaxes(rangemode="tozero")
    return _with_legend(figure)


def shares(names: Sequence[str], values: Sequence[float], groups: Sequence[str], words: str) -> Any:
    """Draw a bar from 0 to 1 for each name, coloured and signed by its group.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank(words, "")
    own = np.asarray(groups, dtype=object)
    shown = np.array([html.escape(str(name)) for name in names], dtype=object)
    bars = np.asarray(values, dtype=float)
    for n, group in enumerate(dict.fromkeys(groups)):
        of_it = own == group
        figure.add_bar(
            y=shown[of_it], x=bars[of_it], orientation="h", name=html.escape(group), hovertemplate="%{y}: %{x:.0%}<extra></extra>",
            marker={"pattern": {"shape": ("", "/", "x", ".")[n % 4]}},
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(categoryorder="array", categoryarray=list(shown))
    figure = _rows(figure, len(shown))
    return _with_legend(figure) if len(set(groups)) > 1 else figure


def thresholds(curve: pd.DataFrame, chosen: float) -> Any:
    """Draw how many edges are stable at each threshold.

    Parameters
    ----------
    curve : columns ``threshold``, ``directed``, ``undirected``.
    chosen : the threshold of the graph on the page.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank("least stability: share of the subsamples", "edges")
    for column, dash, symbol in (("directed", "solid", "circle"), ("undirected", "dash", "diamond")):
        figure.add_scatter(
            x=curve["threshold"], y=curve[column], mode="lines+markers", name=column, line={"dash": dash}, marker={"symbol": symbol},
            hovertemplate=f"%{{y}} {column} edges at %{{x:.0%}}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(chosen, line={"color": charts.NEUTRAL, "dash": "dot"}, annotation_text="this graph")
    figure.update_xaxes(tickformat=".0%")
    return _with_legend(figure)


def chances(names: Sequence[str], p: Sequence[float]) -> Any:
    """Draw for each null how often chance does as well; a dotted line at 5 %.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank("p", "")
    shown = [html.escape(str(name)) for name in names]
    figure.add_bar(
        y=shown, x=list(p), orientation="h", text=[f"{value:.2g}" if value == value else "–" for value in p], textposition="outside",
        hovertemplate="%{y}: p = %{x:.3f}<extra></extra>", cliponaxis=False,
    )  # fmt: skip
    figure.add_vline(0.05, line={"color": charts.NEUTRAL, "dash": "dot"})
    figure.update_xaxes(range=[0, 1.12], tickvals=[0, 0.5, 1], tickangle=0)
    return _rows(figure, len(shown))


def moved(names: Sequence[str], before: Sequence[float], after: Sequence[float], words: tuple[str, str]) -> Any:
    """Draw a line per name from its rank before to its rank after; orange rises, blue falls.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank("", "rank")
    for name, first, last in zip(names, before, after, strict=True):
        colour = charts.NEUTRAL if first == last else (LOOKS["up"] if last < first else LOOKS["down"])["color"]
        label = html.escape(str(name))
        figure.add_scatter(
            x=[0, 1], y=[first, last], mode="lines+markers+text", line={"color": colour}, text=[f"{label} ", f" {label}"],
            textposition=["middle left", "middle right"], textfont={"size": 11}, cliponaxis=False,
            hovertemplate=f"{label}: rank {first:g} → {last:g}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(range=[-0.8, 1.8], tickvals=[0, 1], ticktext=[html.escape(word) for word in words], side="top", showgrid=False)
    figure.update_yaxes(autorange="reversed", zeroline=False)
    return figure.update_layout(height=max(charts.HEIGHT, 90 + ROW_PX * max(10, len(names))))


def _rows(figure: Any, count: int) -> Any:
    """Give a figure of horizontal bars a row of its own height for each."""
    figure.update_yaxes(autorange="reversed", tickmode="linear", dtick=1, type="category")
    return figure.update_layout(height=90 + ROW_PX * max(2, count))


def _with_legend(figure: Any) -> Any:
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
