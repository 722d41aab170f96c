"""What a backtest earned and risked, in the conventions people use side by side, and how concentrated its weights were.

Every standard deviation divides by n, as the published code of Agrawal, Roy and Uhler does.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError

Floats = NDArray[np.float64]
FREQUENCIES = {252: "daily", 52: "weekly", 12: "monthly"}
TAIL = 0.05
WHOLE = 0.8  # a last holding period shorter than this share of the usual one is not over yet
REACHED = -1e-12  # a drawdown this small is rounding


@dataclass(frozen=True)
class Drawdown:
    """The deepest fall of wealth below its highest value so far.

    Attributes
    ----------
    depth : wealth at the trough over wealth at the peak, less one; zero or negative.
    peak : last date of the highest wealth before; the first date when the start was never exceeded.
    trough : date of the lowest wealth after the peak.
    recovery : first date on which the peak is reached again; None if it never is.
    """

    depth: float
    peak: pd.Timestamp
    trough: pd.Timestamp
    recovery: pd.Timestamp | None


@dataclass(frozen=True)
class Performance:
    """Return and risk of one series, annualised; fractions, not percent.

    Attributes
    ----------
    mean, sd : of the returns per period, times periods per year and its square root.
    growth : yearly rate that compounds to the final wealth.
    information_ratio : mean / sd, without a riskless rate.
    sharpe_ratio : of the returns in excess of the riskless rate; None without one.
    mean_sums, sd_sums, information_ratio_sums, sharpe_ratio_sums : the same from one number per holding period, the plain **sum** of its
        returns (the published convention: times 12 and its root for 21 trading days).
    mean_compounded, sd_compounded, information_ratio_compounded : the same from the compounded return of each holding period.
    drawdown : the deepest one.
    expected_shortfall : CVaR 5%: mean loss of the worst 5% of periods, positive for a loss, not annualised.
    worst : lowest compounded return of a holding period; ``worst_from`` is the date it begins.
    periods_per_year, holding : periods in a year and, usually, in a holding period.
    years : length of the series.
    """

    mean: float
    sd: float
    growth: float
    information_ratio: float
    sharpe_ratio: float | None
    mean_sums: float
    sd_sums: float
    information_ratio_sums: float
    sharpe_ratio_sums: float | None
    mean_compounded: float
    sd_compounded: float
    information_ratio_compounded: float
    drawdown: Drawdown
    expected_shortfall: float
    worst: float
    worst_from: pd.Timestamp
    periods_per_year: int
    holding: int
    years: float

    def labelled(self) -> dict[str, float | pd.Timestamp | None]:
        """Return every figure under a name that says its convention, such as ``SD, monthly sums``."""
        own = frequency_name(self.periods_per_year)
        long = "monthly" if round(self.periods_per_year / self.holding) == 12 else f"{self.holding}-period"
        return {
            f"Return, {own} mean": self.mean, "Return, compounded": self.growth,
            risk_label(self.periods_per_year): self.sd, f"Information ratio, {own}": self.information_ratio,
            f"Sharpe ratio over riskless, {own}": self.sharpe_ratio,
            f"Return, {long} sums": self.mean_sums, f"SD, {long} sums": self.sd_sums,
            f"Information ratio, {long} sums": self.information_ratio_sums,
            f"Sharpe ratio over riskless, {long} sums": self.sharpe_ratio_sums,
            f"Return, {long} compounded": self.mean_compounded, f"SD, {long} compounded": self.sd_compounded,
            f"Information ratio, {long} compounded": self.information_ratio_compounded,
            "Deepest drawdown": self.drawdown.depth, "Peak": self.drawdown.peak, "Trough": self.drawdown.trough,
            "Recovered": self.drawdown.recovery, f"CVaR 5%, {own}": self.expected_shortfall,
            "Worst month" if long == "monthly" else f"Worst {long} return": self.worst, "Worst from": self.worst_from,
        }  # fmt: skip


def frequency_name(periods_per_year: int) -> str:
    """Return what returns with so many periods a year are called in a figure's name."""
    return FREQUENCIES.get(periods_per_year, "per period")


def risk_label(periods_per_year: int) -> str:
    """Return the name that `Performance.labelled` has for the risk by which strategies are ranked."""
    return f"SD, {frequency_name(periods_per_year)}"


def performance(
    returns: "pd.Series[float]", rebalances: pd.DatetimeIndex, *, riskfree: "pd.Series[float] | None" = None, periods_per_year: int = 252
) -> Performance:
    """Measure one series of portfolio returns.

    Parameters
    ----------
    returns : (T,) simple returns per period as fractions, by date.
    rebalances : dates on which a holding period begins; the return of that date belongs to it. A last holding period that is not over yet
        is left out of the figures per holding period.
    riskfree : simple riskless return per period, for at least these dates.

    Raises
    ------
    UserError
        When a return or a riskless return is missing, or returns begin before the first rebalance.
    """
    _complete(returns, "portfolio return")
    excess = None
    if riskfree is not None:
        excess = returns - _complete(riskfree.reindex(returns.index), "riskless return")
    sums, compounded = holding_sums(returns, rebalances), holding_returns(returns, rebalances)
    holding = int(_usual(_lengths(returns.index, rebalances)))
    a_year = periods_per_year / holding
    years = len(returns) / periods_per_year
    return Performance(
        mean=_mean(returns, periods_per_year), sd=_sd(returns, periods_per_year), growth=float(wealth(returns).iloc[-1] ** (1 / years) - 1),
        information_ratio=_ratio(returns, periods_per_year), sharpe_ratio=None if excess is None else _ratio(excess, periods_per_year),
        mean_sums=_mean(sums, a_year), sd_sums=_sd(sums, a_year), information_ratio_sums=_ratio(sums, a_year),
        sharpe_ratio_sums=None if excess is None else _ratio(holding_sums(excess, rebalances), a_year),
        mean_compounded=_mean(compounded, a_year), sd_compounded=_sd(compounded, a_year),
        information_ratio_compounded=_ratio(compounded, a_year),
        drawdown=deepest_drawdown(returns), expected_shortfall=expected_shortfall(returns),
        worst=float(compounded.min()), worst_from=pd.Timestamp(compounded.index[int(compounded.argmin())]),
        periods_per_year=periods_per_year, holding=holding, years=years,
    )  # fmt: skip


def holding_sums(returns: "pd.Series[float]", rebalances: pd.DatetimeIndex) -> "pd.Series[float]":
    """Return the plain sum of the returns of each holding period, by the date on which it begins (the published monthly convention)."""
    return returns.groupby(_begins(returns.index, rebalances)).sum().iloc[: _n_whole(returns.index, rebalances)]


def holding_returns(returns: "pd.Series[float]", rebalances: pd.DatetimeIndex) -> "pd.Series[float]":
    """Return the compounded return of each holding period, by the date on which it begins."""
    grown = (1 + returns).groupby(_begins(returns.index, rebalances)).prod() - 1
    return grown.iloc[: _n_whole(returns.index, rebalances)]


def wealth(returns: "pd.Series[float]") -> "pd.Series[float]":
    """Return what one unit of money has become after each period; once nothing is left, nothing stays."""
    return (1 + returns).clip(lower=0).cumprod()


def drawdown(returns: "pd.Series[float]") -> "pd.Series[float]":
    """Return after each period wealth over its highest value so far, the start included, less one."""
    grown = wealth(returns)
    return grown / grown.cummax().clip(lower=1) - 1


def deepest_drawdown(returns: "pd.Series[float]") -> Drawdown:
    """Return the deepest drawdown with the dates of its peak, trough and recovery."""
    fall = drawdown(returns)
    low = int(fall.argmin())
    tops, after = np.flatnonzero(fall[:low] >= REACHED), np.flatnonzero(fall[low:] >= REACHED)
    return Drawdown(
        depth=float(fall.iloc[low]),
        peak=pd.Timestamp(fall.index[tops[-1] if len(tops) else 0]),
        trough=pd.Timestamp(fall.index[low]),
        recovery=pd.Timestamp(fall.index[low + after[0]]) if len(after) else None,
    )


def expected_shortfall(returns: "pd.Series[float]", tail: float = TAIL) -> float:
    """Return the mean loss of the worst share ``tail`` of periods, positive for a loss (CVaR; Rockafellar and Uryasev 2002).

    Notes
    -----
    Where the share is no whole number of periods, the last of them counts in part.
    """
    losses = np.sort(-returns.to_numpy())[::-1]
    counted = np.clip(tail * len(losses) - np.arange(len(losses)), 0, 1)
    return float(counted @ losses / counted.sum())


def rolling_sd(returns: "pd.Series[float]", window: int, periods_per_year: int = 252) -> "pd.Series[float]":
    """Return the annualised standard deviation of the last ``window`` returns at each date; NaN until there are as many."""
    return returns.rolling(window).std(ddof=0) * periods_per_year**0.5


def turnover_per_year(turnover: "pd.Series[float]", rebalances_per_year: float) -> float:
    """Return the mean turnover of a rebalance times rebalances per year, without the first, which buys the whole portfolio.

    Parameters
    ----------
    turnover : sum of absolute trades over wealth at each rebalance, the opening trade first.
    """
    return float(turnover.iloc[1:].mean()) * rebalances_per_year


def effective_names(weights: Floats) -> float:
    """Return 1 / sum w_i^2: the number of equally weighted assets that would be as concentrated; below one when leverage is high."""
    return float(1 / (weights**2).sum())


def risk_shares(weights: Floats, covariance: Floats) -> Floats:
    """Return the share of each asset in the portfolio's variance, w_i (S w)_i / w'S w; they sum to one, and a hedge has a negative one."""
    marginal = covariance @ weights
    return weights * marginal / (weights @ marginal)


def effective_bets(weights: Floats, covariance: Floats) -> float:
    """Return 1 / sum p_i^2 with p the `risk_shares`: the number of assets with equal shares of the risk that would be as concentrated.

    Notes
    -----
    Minimum-variance weights have S w proportional to one, so p = w, and under their own covariance this is `effective_names` once more.
    Give a covariance that the weights were not made from, such as the sample's, or that of the holding period.
    """
    return float(1 / (risk_shares(weights, covariance) ** 2).sum())


def gross_leverage(weights: Floats) -> float:
    """Return sum |w_i|: money in long and short positions over wealth; one without short positions."""
    return float(np.abs(weights).sum())


def short_share(weights: Floats) -> float:
    """Return the share of short positions in `gross_leverage`."""
    return float(np.maximum(-weights, 0).sum() / np.abs(weights).sum())


def _mean(returns: "pd.Series[float]", a_year: float) -> float:
    return float(returns.mean()) * a_year


def _sd(returns: "pd.Series[float]", a_year: float) -> float:
    return float(returns.std(ddof=0)) * a_year**0.5


def _ratio(returns: "pd.Series[float]", a_year: float) -> float:
    """Return the annualised mean over the annualised standard deviation; NaN without spread."""
    spread = _sd(returns, a_year)
    return _mean(returns, a_year) / spread if spread > 0 else float("nan")


def _complete(series: "pd.Series[float]", what: str) -> "pd.Series[float]":
    """Return a series without gaps, or name the first date that has none."""
    missing = series.index[series.isna()]
    if len(missing) or series.empty:
        where = f" on {missing[0]:%Y-%m-%d}" if len(missing) else ""
        raise UserError(f"There is no {what}{where}.", "Fill the gap, or measure a span without one.")
    return series


def _begins(dates: pd.Index, rebalances: pd.DatetimeIndex) -> pd.Index:
    """Return for each date the rebalance that its holding period began with."""
    place = rebalances.searchsorted(dates, side="right") - 1
    if len(place) and place[0] < 0:
        raise UserError(f"Returns begin on {dates[0]:%Y-%m-%d}, before the first rebalance.", "Begin them at the first rebalance.")
    return rebalances[place]


def _lengths(dates: pd.Index, rebalances: pd.DatetimeIndex) -> Floats:
    return np.unique(_begins(dates, rebalances), return_counts=True)[1].astype(float)


def _usual(lengths: Floats) -> float:
    """Return the median length of the holding periods, the last, which may be cut short, aside."""
    return float(np.median(lengths[:-1] if len(lengths) > 1 else lengths))


def _n_whole(dates: pd.Index, rebalances: pd.DatetimeIndex) -> int:
    """Return the number of holding periods that are over."""
    lengths = _lengths(dates, rebalances)
    return len(lengths) - int(lengths[-1] < WHOLE * _usual(lengths))
