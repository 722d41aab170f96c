"""Walk forward: at each date estimate on the past, choose weights, hold them, and move on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import Context, Params, UserError, field, method
from engine.portfolio.difference import WAYS
from engine.portfolio.estimators import ESTIMATORS
from engine.portfolio.holding import net_of_costs
from engine.portfolio.limits import Limits
from engine.portfolio.market import Market
from engine.portfolio.momentum import TARGETS
from engine.portfolio.prices import VALUES
from engine.portfolio.rebalance import TOP_QUINTILE, Plan
from engine.portfolio.result import BacktestResult
from engine.portfolio.summary import cost_curve, pair_tests, table_of, warn_of_dates
from engine.portfolio.universe import Rules
from engine.portfolio.walk import DIAGNOSTICS, UNIVERSE, Walk, decisions

QUICK = ("equal", "sample", "lw_identity", "lw_constant_correlation", "oas", "nonlinear", "poet3", "mtp2", "mtp2_kendall")
TOP_LABEL = "Equal weights, top momentum fifth"
WALKED = 0.92  # share of the progress bar before the tests


@dataclass(frozen=True)
class BacktestParams(Params):
    """Which estimators, how much past, how long held, and within which limits."""

    estimators: tuple[str, ...] = field(QUICK, "Estimators", help="Names, see the page or engine.portfolio.estimators.ESTIMATORS.")
    task: str = field(
        "minimum_variance", "Portfolio", choices=("minimum_variance", "markowitz"),
        help="Minimum variance: least risk. Markowitz: least risk among the weights that reach a target return, by momentum.",
    )  # fmt: skip
    window: int = field(252, "Estimated on", low=2, high=10_000, step=21, unit="rows", help="Rows of returns before each date.")
    hold: int = field(21, "Held for", low=1, high=1_000, step=1, unit="rows", paper=21, help="Rows until the next rebalance.")
    long_only: bool = field(False, "No short positions")
    cost_bp: float = field(
        0.0, "Cost of trading", low=0.0, high=1_000.0, step=5.0, unit="bp", help="Basis points of the amount traded, the opening included."
    )
    first: int | None = field(
        None, "Rows before the first date", low=2, high=100_000, advanced=True, absent="as many as are estimated on",
        help="Give the same number to compare different windows on the same dates.",
    )  # fmt: skip
    most: int | None = field(None, "Most assets", low=2, high=10_000, advanced=True, absent="all", help="The first in order of columns.")
    prune: float | None = field(
        0.95, "Drop assets alike", low=0.0, high=1.0, step=0.01, paper=0.95, advanced=True, absent="none",
        help="An asset with a higher correlation with an earlier one is left out of that window.",
    )  # fmt: skip
    zero_share: float | None = field(
        0.25, "Most rows without a move", low=0.0, high=1.0, step=0.05, advanced=True, absent="any",
        help="An asset that stands still in a larger share of the window is left out of it.",
    )  # fmt: skip
    upper: float | None = field(None, "Largest weight", low=0.0, high=10.0, step=0.05, advanced=True)
    gross: float | None = field(None, "Gross leverage", low=1.0, high=100.0, step=0.5, advanced=True, help="Largest sum of |w|.")
    turnover: float | None = field(
        None, "Turnover per rebalance", low=0.0, high=100.0, step=0.1, advanced=True, help="Largest sum of |w - w before|."
    )
    group_upper: float | None = field(None, "Largest weight per sector", low=0.0, high=10.0, step=0.05, advanced=True)
    target: str = field(
        "top_quintile", "Target return", choices=TARGETS, advanced=True, help="Of markowitz: mean momentum of the top fifth, or of all."
    )
    holding: str = field(
        "shares", "What is held", choices=("shares", "weights"), advanced=True,
        help="shares: weights drift between rebalances. weights: restored every row, free of cost.",
    )  # fmt: skip
    values: str = field("detect", "The table holds", choices=VALUES, advanced=True)
    factor_values: str = field("detect", "The factors hold", choices=VALUES, advanced=True)
    test: str = field("bootstrap", "Test of differences", choices=tuple(WAYS), advanced=True)
    resamples: int | None = field(None, "Resamples of the test", low=99, high=100_000, advanced=True, absent="enough for all pairs")


@method(
    "backtest", area="portfolio", label="Backtest of portfolios", needs="prices", gives="returns",
    cite="Agrawal, Roy, Uhler 2022; Ledoit, Wolf 2008, 2011, 2017",
)  # fmt: skip
def backtest(market: Market, params: BacktestParams, context: Context) -> BacktestResult:
    """Compare covariance estimators by the portfolios they lead to, walking forward through time.

    Parameters
    ----------
    market : T rows of returns of N assets that may come late, pause or vanish.

    Returns
    -------
    BacktestResult with ``returns`` (date x strategy), ``weights``, ``table``, ``tests`` and diagnostics per date.

    Raises
    ------
    UserError
        When there are too few rows for one date, no estimator can run, or limits cannot be met.

    Notes
    -----
    At row h the last ``window`` rows before h are estimated on; weights are held over rows h to h + hold - 1 as shares, so that they drift
    (Agrawal, Roy, Uhler 2022). A strategy without an answer at a date keeps what it holds; the diagnostics say where. Costs are charged on
    the row of the rebalance. Differences of variances and Sharpe ratios are tested on the sums over holding windows where these are at
    least 20, since on single days the tests reject too often (see `engine.portfolio.difference.pairwise`).
    """
    for sentence in market.warnings:
        context.warn(sentence)
    walk = walk_of(market, params, context)
    context.progress(0.01, f"{len(walk.dates)} dates")
    for k, (selection, decision) in enumerate(decisions(walk, context)):
        walk.hold(k, selection, decision)
        context.progress(0.01 + (WALKED - 0.01) * (k + 1) / len(walk.dates), f"date {k + 1} of {len(walk.dates)}")
        context.partial("wealth", lambda: walk.wealth)
    context.progress(WALKED, "tests of differences")
    return _result(walk, params, context)


def walk_of(market: Market, params: BacktestParams, context: Context) -> Walk:
    """Return the walk that the parameters ask for, at its first date."""
    rules = Rules(params.most, params.prune, params.zero_share)
    plan = _plan(market, params, context)
    return Walk(market, params.hold, params.window, params.first or 0, rules, params.holding == "shares", plan)


def _plan(market: Market, params: BacktestParams, context: Context) -> Plan:
    """Return what is done at every date, without the estimators that cannot run, which are said."""
    names = []
    for name in dict.fromkeys(params.estimators):
        if name not in ESTIMATORS:
            raise UserError(f"There is no covariance estimator '{name}'.", f"Choose from: {', '.join(ESTIMATORS)}.", "estimators")
        wanted = ESTIMATORS[name].factors
        have = 0 if market.factors is None else market.factors.shape[1]
        if wanted > have:
            context.warn(f"{ESTIMATORS[name].label} needs {wanted} factor{'s' * (wanted > 1)}, and {have or 'none'} are given: left out.")
        else:
            names.append(name)
    if not names:
        raise UserError("No estimator is left that can run.", "Choose another, or add a table of factors.", "estimators")
    limits = Limits(
        long_only=params.long_only, upper=params.upper, group_upper=params.group_upper, turnover=params.turnover, gross=params.gross
    )
    is_markowitz = params.task == "markowitz"
    year = market.periods_per_year
    return Plan((*names, TOP_QUINTILE) if is_markowitz else tuple(names), limits, params.target if is_markowitz else "", (year, year // 12))


def _result(walk: Walk, params: BacktestParams, context: Context) -> BacktestResult:
    """Put the walk into tables."""
    market, strategies = walk.market, list(walk.plan.strategies)
    index = market.dates[walk.dates[0] :]
    dates = market.dates[walk.dates]
    gross = pd.DataFrame(walk.returns, index, strategies)
    starts = index.get_indexer(dates)
    returns = pd.DataFrame(net_of_costs(walk.returns, walk.traded, starts, params.cost_bp), index, strategies)
    riskfree = pd.Series(dtype=float) if market.riskfree is None else market.riskfree.reindex(index)
    if riskfree.isna().any():
        context.warn("The riskless return is missing on some dates: Sharpe ratios are without one.")
        riskfree = pd.Series(dtype=float)
    diagnostics = pd.DataFrame(walk.diagnostics, columns=list(DIAGNOSTICS))
    labels = {name: ESTIMATORS[name].label if name in ESTIMATORS else TOP_LABEL for name in strategies}
    warn_of_dates(diagnostics, labels, context)
    traded = pd.DataFrame(walk.traded, dates, strategies)
    year = market.periods_per_year
    table = table_of(returns, traded, diagnostics, dates, riskfree, year)
    tests = pair_tests(returns, dates, riskfree, labels, params.test, params.resamples, params.seed, year, context)  # type: ignore[arg-type]
    long = walk.weights.transpose(1, 0, 2).reshape(-1, walk.weights.shape[2])
    weights = pd.DataFrame(long, columns=list(market.assets))
    weights.insert(0, "strategy", np.repeat(strategies, len(dates)))
    weights.insert(0, "date", np.tile(dates.to_numpy(), len(strategies)))
    return BacktestResult(
        labels={name: labels[name] for name in table.index}, gross=gross, returns=returns, weights=weights, turnover=traded,
        diagnostics=diagnostics, universe=pd.DataFrame(walk.universe, columns=list(UNIVERSE)), table=table, tests=tests,
        costs=cost_curve(walk.returns, walk.traded, starts, strategies, year), riskfree=riskfree,
        sectors={} if market.sectors is None else {str(k): str(v) for k, v in market.sectors.items()},
        periods_per_year=year, holding=params.hold,
    )  # fmt: skip
