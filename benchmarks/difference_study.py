"""How often the tests of equal variances and equal Sharpe ratios reject a true hypothesis at the level of 5%, way by way.

The two series are exchangeable, so their variances and Sharpe ratios are the same: a common part and a part of their own, each with
volatility that clusters and heavy tails, and returns that depend a little on those before.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, cpu_seconds, wanted
from engine.portfolio.comparison import Kind, Way
from engine.portfolio.difference import Kernel, difference

SIMULATIONS, QUICK_SIMULATIONS = 1000, 200
RESAMPLES = 499
LEVEL = 0.05
LOWEST, HIGHEST = 0.035, 0.065  # shares of rejections that the issue allows
MONTH = 21  # days
USUAL, SLOW = (0.05, 0.90), (0.07, 0.91)  # GARCH(1,1): half of a shock to the variance is gone after 14 days, or after 34
SPANS = {
    "120 months": (120, MONTH, USUAL), "286 months": (286, MONTH, USUAL), "286 days": (286, 1, USUAL), "5,000 days": (5000, 1, USUAL),
    "286 slow months": (286, MONTH, SLOW), "5,000 slow days": (5000, 1, SLOW),
}  # fmt: skip
QUICK_SPANS = ("120 months", "286 days")
PAPER_BLOCK = {1: 21, MONTH: 10}  # periods, of days and of months
KERNELS: tuple[tuple[Way, Kernel], ...] = (("hac", "parzen"), ("hac", "qs"), ("prewhitened", "parzen"), ("prewhitened", "qs"))
KINDS: tuple[Kind, ...] = ("variance", "sharpe")

FREEDOM = 6  # of Student's t
AUTOREGRESSION = 0.1
COMMON = 0.8  # share of the variance
MEAN, SPREAD = 0.0004, 0.01  # of a day
BURN_IN = 300  # days
AT_ONCE = 250  # pairs drawn together


def run(quick: bool) -> Iterator[Row]:
    """Yield for each kind and span the share of rejections of every way, and for each way its CPU seconds per test."""
    for span in QUICK_SPANS if quick else SPANS:
        for kind in KINDS:
            if wanted(workload := f"{kind}, {span}"):
                yield from _rows(workload, kind, span, QUICK_SIMULATIONS if quick else SIMULATIONS)


def _rows(workload: str, kind: Kind, span: str, simulations: int) -> Iterator[Row]:
    n, days, garch = SPANS[span]
    ways: list[tuple[str, Way, Kernel, int | None]] = [
        ("bootstrap", "bootstrap", "qs", None), (f"bootstrap, block {PAPER_BLOCK[days]}", "bootstrap", "qs", PAPER_BLOCK[days])
    ]  # fmt: skip
    ways += [(f"{way}, {kernel}", way, kernel, None) for way, kernel in KERNELS]
    null_pairs(n, days, simulations, garch)  # drawn before the clock starts
    for name, way, kernel, block in ways:
        settings = {"kernel": kernel, "block": block, "garch": garch}
        seconds, share = cpu_seconds(lambda w=way, s=settings: type_one_error(kind, w, n, days, simulations, **s))
        within = "within" if LOWEST <= share <= HIGHEST else "outside"
        note = f"{within} 3.5 to 6.5%; {simulations:,} simulations, {seconds / simulations * 1000:.1f} ms a test"
        yield Row(workload, "rejected at 5%", name, [share], "", [], note=note)


def type_one_error(
    kind: Kind, way: Way, n: int, days: int = 1, simulations: int = SIMULATIONS, *, kernel: Kernel = "qs", block: int | None = None,
    garch: tuple[float, float] = USUAL,
) -> float:  # fmt: skip
    """Return the share of simulations in which a true hypothesis is rejected at 5%.

    Parameters
    ----------
    n : periods of each series.
    days : days whose returns are summed to one period: 1, or 21 for months.
    garch : weights of the last squared shock and of the last variance in the variance of a day.
    """
    pairs = null_pairs(n, days, simulations, garch)
    ps = [difference(a, b, kind, way, kernel=kernel, block=block, resamples=RESAMPLES, seed=seed).p for seed, (a, b) in enumerate(pairs)]
    return float(np.mean(np.array(ps) <= LEVEL))


@cache
def null_pairs(n: int, days: int, simulations: int, garch: tuple[float, float]) -> NDArray[np.float64]:
    """Return pairs of exchangeable return series, (simulations, 2, n)."""
    drawn = [_drawn(n * days, min(AT_ONCE, simulations - first), first, garch) for first in range(0, simulations, AT_ONCE)]
    return np.concatenate(drawn).reshape(simulations, 2, n, days).sum(axis=3)


def _drawn(n: int, simulations: int, seed: int, garch: tuple[float, float]) -> NDArray[np.float64]:
    """Draw daily returns of as many pairs, (simulations, 2, n)."""
    rng = np.random.default_rng(seed)
    reaction, memory = garch
    shock = np.zeros((3, simulations))  # the common part, and one for each series
    variance, level = np.ones((3, simulations)), np.zeros((2, simulations))
    returns = np.empty((n, 2, simulations))
    for day in range(-BURN_IN, n):
        variance = 1 - reaction - memory + reaction * shock**2 + memory * variance
        shock = np.sqrt(variance * (FREEDOM - 2) / FREEDOM) * rng.standard_t(FREEDOM, shock.shape)
        level = AUTOREGRESSION * level + np.sqrt(COMMON) * shock[0] + np.sqrt(1 - COMMON) * shock[1:]
        if day >= 0:
            returns[day] = MEAN + SPREAD * level
    return returns.transpose(2, 1, 0)
