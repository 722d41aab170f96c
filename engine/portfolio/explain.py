"""Why a weight changed between two rebalances: who could be held, how much assets moved, and how they moved together."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engine.core import Context, UserError
from engine.portfolio.backtest import BacktestParams, walk_of
from engine.portfolio.estimators import ESTIMATORS
from engine.portfolio.market import Market
from engine.portfolio.prices import Floats
from engine.portfolio.rebalance import Plan, Window, weights_from

UNIVERSE, VOLATILITY, CORRELATION, MOMENTUM = "who can be held", "volatilities", "correlations", "momentum"
SMALLEST = 1e-6  # eigenvalue that a mixture of old and new correlations is lifted to
NEIGHBOURS = 5


@dataclass(frozen=True, eq=False)
class Explanation:
    """What moved one weight from one rebalance to the next.

    Attributes
    ----------
    strategy, asset : names.
    date, before : the rebalance, and the one before it.
    old, new : weights chosen at the two; 0 where the asset could not be held.
    parts : cause -> its share of ``new - old``; they sum to it.
    volatility : annualised, of the asset, as the strategy estimated it at the two dates; NaN where it could not be held.
    neighbours : the assets whose estimated correlation with this one changed most: ``asset``, ``old``, ``new``.
    entered, left : assets that could be held at one of the two dates only.
    """

    strategy: str
    asset: str
    before: pd.Timestamp
    date: pd.Timestamp
    old: float
    new: float
    parts: dict[str, float]
    volatility: tuple[float, float]
    neighbours: pd.DataFrame
    entered: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say how far the weight moved and what each cause did, the largest first."""
        change = self.new - self.old
        if abs(change) < 5e-5:
            return f"{self.asset} kept its weight of {self.new:.1%} on {self.date:%Y-%m-%d}."
        ordered = sorted(self.parts.items(), key=lambda part: -abs(part[1]))
        told = ", ".join(f"{cause} {100 * share:+.1f}" for cause, share in ordered if abs(share) >= 5e-5)
        return f"{self.asset} went from {self.old:.1%} to {self.new:.1%} on {self.date:%Y-%m-%d}. In points: {told}."


@dataclass(frozen=True, eq=False)
class _State:
    """What one date knows, on the union of the assets of two dates."""

    assets: frozenset[str]
    scale: "pd.Series[float]"
    correlation: pd.DataFrame
    expected: "pd.Series[float]"


def explain(market: Market, params: BacktestParams, strategy: str, date: pd.Timestamp, asset: str) -> Explanation:
    """Take apart the change of one weight between a rebalance and the one before.

    Parameters
    ----------
    market, params : those of the backtest.
    strategy : name of an estimator of the backtest.
    date : a rebalance, not the first.
    asset : a column of the market.

    Raises
    ------
    UserError
        When the date is no rebalance or the first, the asset or strategy is unknown, or the strategy had no answer at one of the dates.

    Notes
    -----
    Each cause in turn takes its new value, the others old or new, and what that does to the weight is averaged over all orders (Shapley
    values), so that the parts sum to the change. A limit on turnover is left out: it depends on everything held before.
    """
    walk = walk_of(market, replace(params, estimators=(strategy,), turnover=None), Context.silent())
    dates = list(market.dates[walk.dates])
    if asset not in market.assets:
        raise UserError(f"There is no asset '{asset}'.", "Choose a column of the table.", asset)
    if strategy not in ESTIMATORS:
        raise UserError(f"The weights of '{strategy}' rest on no estimate.", "Choose a covariance estimator.", strategy)
    if date not in dates[1:]:
        raise UserError(f"{date:%Y-%m-%d} is no rebalance with one before it.", "Choose a later rebalance.", "date")
    k = dates.index(date)
    windows = [walk.window(each, walk.select(each)) for each in (k - 1, k)]
    old, new = (_state(window, strategy, walk.plan) for window in windows)
    old, new = _completed(old, new), _completed(new, old)
    weight = _weight_of(asset, strategy, walk.plan, market)
    causes = [UNIVERSE, VOLATILITY, CORRELATION] + ([MOMENTUM] if walk.plan.target else [])
    values = {
        chosen: weight(_mixed(old, new, chosen)) for size in range(len(causes) + 1) for chosen in itertools.combinations(causes, size)
    }
    return Explanation(
        strategy=strategy, asset=asset, before=dates[k - 1], date=date, old=values[()], new=values[tuple(causes)],
        parts=_shapley(causes, values), volatility=_volatility(asset, old, new, market.periods_per_year),
        neighbours=_neighbours(asset, old, new), entered=tuple(sorted(new.assets - old.assets)),
        left=tuple(sorted(old.assets - new.assets)),
    )  # fmt: skip


def _state(window: Window, strategy: str, plan: Plan) -> _State:
    """Return the estimates of one date."""
    names = list(window.names)
    found = window.estimate(strategy)
    scale = np.sqrt(np.diag(found.covariance))
    expected = window.expected(plan) if plan.target else np.zeros(len(names))
    correlation = pd.DataFrame(found.covariance / np.outer(scale, scale), names, names)
    return _State(frozenset(names), pd.Series(scale, names), correlation, pd.Series(expected, names))


def _completed(one: _State, other: _State) -> _State:
    """Return a state that knows the assets of the other too, by what the other knows of them."""
    every = sorted(one.assets | other.assets)
    correlation = one.correlation.reindex(every, columns=every).fillna(other.correlation.reindex(every, columns=every)).fillna(0.0)
    return _State(one.assets, one.scale.reindex(every).fillna(other.scale), correlation, one.expected.reindex(every).fillna(other.expected))


def _mixed(old: _State, new: _State, renewed: tuple[str, ...]) -> _State:
    """Return a state in which only the causes named have their new values."""
    return _State(
        assets=(new if UNIVERSE in renewed else old).assets,
        scale=(new if VOLATILITY in renewed else old).scale,
        correlation=(new if CORRELATION in renewed else old).correlation,
        expected=(new if MOMENTUM in renewed else old).expected,
    )


def _weight_of(asset: str, strategy: str, plan: Plan, market: Market) -> Callable[[_State], float]:
    """Return the function that takes a state to the weight of one asset."""

    def weight(state: _State) -> float:
        if asset not in state.assets:
            return 0.0
        names = [name for name in market.assets if name in state.assets]
        covariance = _positive(state.correlation.loc[names, names].to_numpy()) * np.outer(state.scale[names], state.scale[names])
        groups = None if market.sectors is None else [str(market.sectors[name]) for name in names]
        expected = np.asarray(state.expected[names], dtype=np.float64)
        found = weights_from(strategy, covariance, np.linalg.inv(covariance), plan, names, groups, expected)
        return float(found[names.index(asset)])

    return weight


def _positive(correlation: Floats) -> Floats:
    """Return the matrix, lifted where mixing old and new has made it indefinite."""
    values, vectors = np.linalg.eigh(correlation)
    return correlation if values[0] >= SMALLEST else (vectors * np.maximum(values, SMALLEST)) @ vectors.T


def _shapley(causes: list[str], values: dict[tuple[str, ...], float]) -> dict[str, float]:
    """Return each cause's mean contribution over all orders."""
    n, parts = len(causes), {}
    for cause in causes:
        rest = [other for other in causes if other != cause]
        total = 0.0
        for size in range(n):
            share = math.factorial(size) * math.factorial(n - 1 - size) / math.factorial(n)
            for chosen in itertools.combinations(rest, size):
                with_it = tuple(name for name in causes if name in chosen or name == cause)
                total += share * (values[with_it] - values[chosen])
        parts[cause] = total
    return parts


def _volatility(asset: str, old: _State, new: _State, year: int) -> tuple[float, float]:
    def at(state: _State) -> float:
        return float(state.scale[asset]) * math.sqrt(year) if asset in state.assets else math.nan

    return at(old), at(new)


def _neighbours(asset: str, old: _State, new: _State) -> pd.DataFrame:
    """Return the correlations of one asset that changed most."""
    if asset not in old.assets & new.assets:
        return pd.DataFrame({"asset": [], "old": [], "new": []}).astype({"asset": str, "old": float, "new": float})
    both = sorted((old.assets & new.assets) - {asset})
    table = pd.DataFrame(
        {"asset": both, "old": old.correlation.loc[asset, both].to_numpy(), "new": new.correlation.loc[asset, both].to_numpy()}
    )
    order = (table["new"] - table["old"]).abs().sort_values(ascending=False, kind="stable").index[:NEIGHBOURS]
    return table.loc[order].reset_index(drop=True)
