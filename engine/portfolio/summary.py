"""The tables of a backtest: figures of every strategy, the cost curve, tests of all pairs, and what must be said."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context
from engine.data.findings import named
from engine.portfolio.comparison import Kind, Way
from engine.portfolio.difference import pairwise
from engine.portfolio.holding import net_of_costs
from engine.portfolio.measures import holding_sums, performance, risk_label, turnover_per_year
from engine.portfolio.prices import Floats
from engine.portfolio.result import COST_CURVE_BP, tests_of

FEWEST_PERIODS = 20  # of a test
TESTS = {
    "kind": str, "better": str, "worse": str, "difference": float, "standard_error": float, "p": float, "holm": float, "periods": int,
    "sentence": str,
}  # fmt: skip


def no_tests() -> pd.DataFrame:
    """Return the table of tests without a row."""
    return pd.DataFrame({name: [] for name in TESTS}).astype(TESTS)


def table_of(
    returns: pd.DataFrame, traded: pd.DataFrame, diagnostics: pd.DataFrame, dates: pd.DatetimeIndex, riskfree: "pd.Series[float]", year: int
) -> pd.DataFrame:
    """Return the figures of every strategy, the lowest realised risk first."""
    rows = {}
    for name in returns.columns:
        found = performance(returns[name], dates, riskfree=None if riskfree.empty else riskfree, periods_per_year=year)
        own = diagnostics[diagnostics["strategy"] == name]
        rows[name] = found.labelled() | {
            "Turnover per year": turnover_per_year(traded[name], year / found.holding) if len(traded) > 1 else np.nan,
            "Gross leverage, mean": float(own["gross_leverage"].mean()),
            "Effective names, mean": float(own["effective_names"].mean()),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    times = [name for name in ("Peak", "Trough", "Recovered", "Worst from") if name in table.columns]
    numbers = [name for name in table.columns if name not in times]
    table[numbers] = table[numbers].astype(float)
    for name in times:
        table[name] = pd.to_datetime(table[name]).astype("datetime64[us]")
    return table.sort_values(risk_label(year), kind="stable")


def cost_curve(returns: Floats, traded: Floats, starts: NDArray[np.int64], strategies: Sequence[str], year: int) -> pd.DataFrame:
    """Return return, risk and their ratio of each strategy along the cost curve."""
    rows = []
    for bp in COST_CURVE_BP:
        net = net_of_costs(returns, traded, starts, bp)
        mean, sd = net.mean(axis=0) * year, net.std(axis=0) * np.sqrt(year)
        ratio = np.divide(mean, sd, out=np.full_like(mean, np.nan), where=sd > 0)
        rows += list(zip(strategies, [bp] * len(mean), mean.tolist(), sd.tolist(), ratio.tolist(), strict=True))
    return pd.DataFrame(rows, columns=["strategy", "cost_bp", "return", "sd", "ratio"])


def pair_tests(
    returns: pd.DataFrame, dates: pd.DatetimeIndex, riskfree: "pd.Series[float]", labels: dict[str, str], way: Way, resamples: int | None,
    seed: int, year: int, context: Context,
) -> pd.DataFrame:  # fmt: skip
    """Test variances and Sharpe ratios of all pairs, on holding windows where there are enough; the sentences use labels."""
    if returns.shape[1] < 2:
        return no_tests()
    excess = returns if riskfree.empty else returns.sub(riskfree, axis=0)
    found = []
    kinds: tuple[tuple[Kind, pd.DataFrame], ...] = (("variance", returns), ("sharpe", excess))
    for kind, table in kinds:
        sums = pd.DataFrame({name: holding_sums(table[name], dates) for name in table.columns})
        rows = sums if len(sums) >= FEWEST_PERIODS else table
        if len(rows) < FEWEST_PERIODS:
            context.warn(f"{len(rows)} rows are too few to test differences.")
            return no_tests()
        a_year = max(1, round(year * len(rows) / len(table)))
        compared = pairwise(rows.rename(columns=labels), kind, way, resamples=resamples, seed=seed, periods_per_year=a_year)
        for note in compared.notes:
            context.warn(note)
        found.append(tests_of(compared))
    names = {label: name for name, label in labels.items()}
    both = pd.concat(found, ignore_index=True)
    return both.assign(better=both["better"].map(names), worse=both["worse"].map(names))


def warn_of_dates(diagnostics: pd.DataFrame, labels: dict[str, str], context: Context) -> None:
    """Say of each strategy where it had no weights of its own, and at how many dates something is to be known."""
    for name, label in labels.items():
        own = diagnostics[diagnostics["strategy"] == name]
        without = own[own["fell_back"]]
        if len(without):
            reason = str(without["note"].iloc[0])
            context.warn(
                f"{label} had no answer at {len(without)} of {len(own)} dates and kept what it held; first on "
                f"{without['date'].iloc[0]:%Y-%m-%d}: {reason}"
            )
        noted = own[~own["fell_back"] & (own["note"] != "")]
        if len(noted):
            context.warn(f"{label}: at {len(noted)} of {len(own)} dates, first {noted['date'].iloc[0]:%Y-%m-%d}: {noted['note'].iloc[0]}")
    lost = [labels[name] for name in labels if (diagnostics.loc[diagnostics["strategy"] == name, "gross_leverage"] == 0).any()]
    if lost:
        context.warn(f"{named(lost)} lost all wealth on the way.")
