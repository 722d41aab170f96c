"""A backtest to take away: its tables as people read them, one HTML file, an Excel workbook, and CSV files."""

import html
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from engine.portfolio.result import BacktestResult
from pages.parts import takeaway, tearsheet

# Lead of a figure's name in the table of a result -> what the short table calls it, and whether it is shown in percent.
MAIN = (
    ("Return, compounded", "return (%)", 100), ("SD, ", "risk (%)", 100),
    ("Sharpe ratio over riskless, ", "Sharpe ratio", 1), ("Information ratio, ", "return / risk", 1),
    ("Deepest drawdown", "drawdown (%)", 100), ("Turnover per year", "turnover (%)", 100),
    ("Gross leverage, mean", "gross leverage", 1), ("Effective names, mean", "effective names", 1),
)  # fmt: skip
INK = "#1b2421"
PLAIN = ("ratio", "leverage", "names")  # figures that are no fractions
MOST_WEIGHTS = 60  # assets in the picture of the report
STYLE = """
body { font-family: "IBM Plex Sans", system-ui, sans-serif; color: #1b2421; background: #ffffff; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.8rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } p, li { line-height: 1.5; } .quiet { color: #5f6a66; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #d5dcd9; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
"""  # noqa: E501
LOOK = {
    "font": {"family": '"IBM Plex Sans", system-ui, sans-serif', "color": INK}, "paper_bgcolor": "#ffffff", "plot_bgcolor": "#ffffff",
    "colorway": ["#0068b5", "#c65102", "#0b8f78", "#a8488f", "#7a6a00", "#5b6764", "#b0284a", "#5546b5", "#3f7d20", "#8d5b2f"],
}  # fmt: skip


def main_figures(result: BacktestResult) -> pd.DataFrame:
    """Return the few figures that most people want, one row per strategy, the lowest risk first."""
    shown = pd.DataFrame({"strategy": [result.labels[name] for name in result.strategies]})
    for lead, label, factor in MAIN:
        column = next((name for name in result.table.columns if name.startswith(lead)), None)
        if column is not None and result.table[column].notna().any():
            shown[label] = factor * result.table[column].to_numpy()
    return shown


def all_figures(result: BacktestResult) -> pd.DataFrame:
    """Return every figure as text, one row per figure and one column per strategy."""
    rows = {name: [_text(name, value) for value in result.table[name]] for name in result.table.columns if result.table[name].notna().any()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=[result.labels[name] for name in result.strategies]).rename_axis("figure")


def by_sector(result: BacktestResult, weights: pd.DataFrame) -> pd.DataFrame:
    """Return the sum of the weights of each sector, one row per date."""
    sectors = [result.sectors.get(str(name), "unknown") for name in weights.columns]
    return weights.fillna(0.0).T.groupby(sectors).sum().T


def test_table(result: BacktestResult, kind: str) -> pd.DataFrame:
    """Return the tests of one kind in words, the smallest p first."""
    rows = result.tests[result.tests["kind"] == kind].reset_index(drop=True)
    better, worse = ("less risk", "more risk") if kind == "variance" else ("higher ratio", "lower ratio")
    return pd.DataFrame(
        {
            better: rows["better"].map(result.labels), worse: rows["worse"].map(result.labels), "p": rows["p"],
            "p for all pairs (Holm)": rows["holm"], "in words": rows["sentence"],
        }
    )  # fmt: skip


def diagnostics_at(result: BacktestResult, date: pd.Timestamp, words: Mapping[str, str], percent: Collection[str]) -> pd.DataFrame:
    """Return the diagnostics of all strategies at one rebalance under the names of ``words``."""
    rows = result.diagnostics[result.diagnostics["date"] == date].set_index("strategy").reindex(list(result.strategies))
    shown = pd.DataFrame({"strategy": [result.labels[name] for name in rows.index]})
    for name, label in words.items():
        if name != "assets" and rows[name].notna().any():
            shown[f"{label} (%)" if name in percent else label] = (100 if name in percent else 1) * rows[name].to_numpy(dtype=float)
    return shown


def settings(result: BacktestResult) -> pd.DataFrame:
    """Return where the result comes from and the settings it was made with."""
    made = result.provenance
    if made is None:
        return pd.DataFrame({"setting": [], "value": []})
    rows = [("method", f"{made.method}, version {made.version}"), ("data", made.data_name), ("digest of the data", made.data)]
    rows += [(name, _value(value)) for name, value in made.params.items()]
    rows += [("digest of the result", result.digest), *((f"version of {name}", value) for name, value in made.versions.items())]
    return pd.DataFrame(rows, columns=["setting", "value"])


def tables(result: BacktestResult) -> dict[str, pd.DataFrame]:
    """Return every table with its full numbers, by name."""
    found = {
        "summary": result.table.rename(index=result.labels).rename_axis("strategy").reset_index(),
        "returns": result.returns.rename(columns=result.labels).rename_axis("date").reset_index(),
        "gross_returns": result.gross.rename(columns=result.labels).rename_axis("date").reset_index(),
        "weights": _named(result, result.weights),
        "turnover": result.turnover.rename(columns=result.labels).rename_axis("date").reset_index(),
        "diagnostics": _named(result, result.diagnostics), "universe": result.universe, "costs": _named(result, result.costs),
        "tests": result.tests.assign(better=result.tests["better"].map(result.labels), worse=result.tests["worse"].map(result.labels)),
        "settings": settings(result),
    }  # fmt: skip
    return {name: takeaway.safe(table) for name, table in found.items()}


def csv_zip(result: BacktestResult) -> bytes:
    """Return all tables as CSV files in a ZIP file."""
    return takeaway.csv_zip(tables(result))


def xlsx(result: BacktestResult) -> bytes:
    """Return all tables as sheets of an Excel workbook."""
    return takeaway.workbook(tables(result))


def html_page(result: BacktestResult) -> str:
    """Return one HTML file with figures, tables, tests and settings, which needs no network."""
    from plotly.offline import get_plotlyjs

    names = list(result.strategies)
    title = f"Backtest of {result.provenance.data_name if result.provenance else 'portfolios'}"
    span = f"{result.returns.index[0]:%Y-%m-%d} to {result.returns.index[-1]:%Y-%m-%d}, {len(result.dates):,} rebalances"
    first = "mtp2" if "mtp2" in names else names[0]
    year = min(result.periods_per_year, max(2, len(result.returns) // 2))
    body = [
        f"<h1>{html.escape(title)}</h1><p class='quiet'>{span}</p><p><strong>{html.escape(result.sentence)}</strong></p>",
        _list(result.provenance.warnings if result.provenance else ()),
        "<h2>Main figures</h2>", _table(main_figures(result)),
        "<h2>Wealth</h2>", _picture(tearsheet.wealth(result, names)),
        "<h2>Drawdown</h2>", _picture(tearsheet.shares(tearsheet.drawdowns(result, names), "below the peak")),
        "<h2>Risk of the last year</h2>", _picture(tearsheet.shares(tearsheet.rolling(result, names, year), "risk a year (SD)")),
        f"<h2>Weights of {html.escape(result.labels[first])}</h2>", _picture(tearsheet.weights_map(_largest(result.weights_of(first)))),
        "<h2>After costs of trading</h2>", _table(_named(result, result.costs)),
    ]  # fmt: skip
    for kind, words in (("variance", "Differences of risk"), ("sharpe", "Differences of return for risk")):
        if not result.tests.empty:
            body += [
                f"<h2>{words}</h2>",
                f"<p>{html.escape(tearsheet.numbered(result))}</p>",
                _picture(tearsheet.p_matrix(result, kind, INK)),
                _table(test_table(result, kind)),
            ]
    body += ["<h2>All figures</h2>", _table(all_figures(result).reset_index()), "<h2>Settings</h2>", _table(settings(result))]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    script = f"<script>{get_plotlyjs()}</script>"
    return f"<!doctype html><html lang='en'><head>{head}<style>{STYLE}</style>{script}</head><body>{''.join(body)}</body></html>"


def _picture(figure: Any) -> str:
    figure.update_layout(**LOOK)
    figure.update_xaxes(gridcolor="#e6ebe9", zerolinecolor="#d5dcd9")
    figure.update_yaxes(gridcolor="#e6ebe9", zerolinecolor="#d5dcd9")
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True}))


def _table(table: pd.DataFrame) -> str:
    with pd.option_context("display.max_colwidth", None):  # else a long sentence is cut
        made = table.to_html(index=False, border=0, float_format=lambda value: f"{value:.3g}", na_rep="–")
    return f"<div class='wide'>{made}</div>"


def _list(sentences: Collection[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(sentence)}</li>' for sentence in sentences)}</ul>" if sentences else ""


def _largest(weights: pd.DataFrame) -> pd.DataFrame:
    """Return the columns with the largest weights, in their own order."""
    order = weights.abs().max().sort_values(ascending=False, kind="stable").index[:MOST_WEIGHTS]
    return weights[[name for name in weights.columns if name in set(order)]]


def _named(result: BacktestResult, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the strategies by the names on screen."""
    return table.assign(strategy=table["strategy"].map(result.labels))


def _text(name: str, value: Any) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if any(word in name for word in PLAIN):
        return f"{value:.2f}"
    return f"{value:.1%}" if np.isfinite(value) else "–"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
