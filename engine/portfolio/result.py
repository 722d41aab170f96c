"""What a backtest found: returns, weights, what they rest on, and whether differences are more than chance."""

from dataclasses import dataclass

import pandas as pd

from engine.core import Result
from engine.portfolio.comparison import Comparison, Kind
from engine.portfolio.holding import net_of_costs
from engine.portfolio.measures import risk_label

LEVEL = 0.05
COST_CURVE_BP = (0.0, 5.0, 10.0, 50.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class BacktestResult(Result):
    """A walk forward over the dates of a market, one portfolio per strategy.

    Attributes
    ----------
    labels : strategy (name of an estimator, or top_quintile) -> name on screen, in the order of the table.
    gross : (T, S) simple returns per row before costs, dates as index, strategies as columns.
    returns : (T, S) the same after the cost per trade that was asked for.
    weights : one row per rebalance and strategy: ``date``, ``strategy``, then one column per asset of the market; NaN where an asset
        was not among those that could be held.
    turnover : (K, S) sum of |w - drifted w| at each rebalance, the opening one first; dates as index.
    diagnostics : one row per rebalance and strategy: ``date``, ``strategy``, ``assets`` (number), ``gross_leverage``, ``short_share``,
        ``effective_names``, ``effective_bets`` (risk shares under the sample covariance of the holding window), ``predicted_sd`` and
        ``realised_sd`` (of the holding window, annualised), the facts of the estimate (``gap``, ``edges``, ``condition``, ``shrinkage``,
        ``ridge``, ``threshold``, ``penalty``; NaN where it has none), ``fell_back`` (no weights of its own at that date) and ``note``.
    universe : one row per rebalance: ``date``, ``first``, ``last`` (of the estimation window), ``rows``, ``assets``, ``excluded`` (number),
        ``filled`` (cells), ``sold`` (assets that vanish while held) and ``sentences`` on who was left out and why.
    table : one row per strategy, figures under names that say their convention (see `measures.Performance.labelled`), and ``Turnover per
        year``, ``Gross leverage, mean``, ``Effective names, mean``.
    costs : one row per strategy and ``cost_bp``: ``return``, ``sd`` and ``ratio`` per year after these costs.
    tests : one row per pair and ``kind`` (variance, sharpe), the columns of `Comparison.pairs`; empty for a single strategy.
    riskfree : (T,) riskless return per row; empty where none was given.
    sectors : asset -> sector; empty where none is known.
    periods_per_year, holding : rows in a year and in a holding window.
    """

    labels: dict[str, str]
    gross: pd.DataFrame
    returns: pd.DataFrame
    weights: pd.DataFrame
    turnover: pd.DataFrame
    diagnostics: pd.DataFrame
    universe: pd.DataFrame
    table: pd.DataFrame
    costs: pd.DataFrame
    tests: pd.DataFrame
    riskfree: "pd.Series[float]"
    sectors: dict[str, str]
    periods_per_year: int
    holding: int

    @property
    def strategies(self) -> tuple[str, ...]:
        """Names of the strategies, the lowest realised risk first."""
        return tuple(self.table.index)

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Dates of the K rebalances."""
        return pd.DatetimeIndex(self.turnover.index)

    def weights_of(self, strategy: str) -> pd.DataFrame:
        """Return the (K, N) weights of one strategy, dates as index."""
        rows = self.weights[self.weights["strategy"] == strategy]
        return rows.drop(columns="strategy").set_index("date")

    def diagnostics_of(self, strategy: str) -> pd.DataFrame:
        """Return the (K, ...) diagnostics of one strategy, dates as index."""
        rows = self.diagnostics[self.diagnostics["strategy"] == strategy]
        return rows.drop(columns="strategy").set_index("date")

    def net(self, cost_bp: float) -> pd.DataFrame:
        """Return the (T, S) returns after costs of so many basis points of the amount traded."""
        starts = self.gross.index.get_indexer(self.turnover.index)
        return pd.DataFrame(
            net_of_costs(self.gross.to_numpy(), self.turnover.to_numpy(), starts, cost_bp), self.gross.index, self.gross.columns
        )

    def p_values(self, kind: Kind = "variance", adjusted: bool = True) -> pd.DataFrame:
        """Return the (S, S) p-values of one kind of test, Holm's by default, in the order of `strategies`."""
        names = list(self.strategies)
        matrix = pd.DataFrame(float("nan"), names, names)
        found = self.tests[self.tests["kind"] == kind]
        for better, worse, value in zip(found["better"], found["worse"], found["holm" if adjusted else "p"], strict=True):
            matrix.loc[better, worse] = matrix.loc[worse, better] = value
        return matrix

    @property
    def sentence(self) -> str:
        """Who came first on realised risk, and whether that is more than chance."""
        first, *others = self.strategies
        risk = self.table[risk_label(self.periods_per_year)]
        told = f"{self.labels[first]} had the lowest risk: {risk[first]:.1%} a year"
        if not others:
            return f"{told}."
        matrix = self.p_values()
        against = matrix.loc[[first]].iloc[0].astype(float)
        tied = [name for name in others if not float(against[name]) <= LEVEL]
        if not tied:
            return f"{told}, lower than every other by more than chance."
        if len(tied) == len(others):
            return f"{told}; that is no more than chance against any other."
        listed = ", ".join(self.labels[name] for name in tied[:3]) + (" …" if len(tied) > 3 else "")
        return f"{told}; no more than chance against {listed}."

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: method, data, span, best risk, dates, time."""
        rows = super().summary()
        span = f"{self.gross.index[0]:%Y-%m-%d} to {self.gross.index[-1]:%Y-%m-%d}, {len(self.turnover)} rebalances"
        return [*rows[:2], ("Span", span), ("Strategies", f"{len(self.labels)}"), ("Risk", self.sentence), *rows[2:]]


def tests_of(comparison: Comparison) -> pd.DataFrame:
    """Return the pairs of a comparison with their kind as a column."""
    table = comparison.pairs()
    table.insert(0, "kind", comparison.kind)
    return table
