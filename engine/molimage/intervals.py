"""Intervals: of a share by Wilson's formula, of everything else by resampling molecules."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 1000


@dataclass(frozen=True)
class Interval:
    """An estimate and the limits of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Write it as on the page."""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"

    def is_above(self, other: "Interval") -> bool:
        """Whether this interval lies above the other with no overlap."""
        return self.low > other.high


def share_interval(successes: int, trials: int) -> Interval:
    """Return a binomial share with Wilson's 95 % interval, (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n); NaN without a trial."""
    if trials == 0:
        return Interval(np.nan, 0.0, 1.0)
    from scipy.stats import norm

    z, share = float(norm.ppf(0.5 + LEVEL / 2)), successes / trials
    middle = share + z**2 / (2 * trials)
    reach = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    whole = 1 + z**2 / trials
    return Interval(share, max(0.0, float((middle - reach) / whole)), min(1.0, float((middle + reach) / whole)))


def resampled_counts(n: int, seed: int = 0, resamples: int = RESAMPLES) -> NDArray[np.int64]:
    """(resamples, n) how often each of n molecules was drawn in each of the bootstrap's samples."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)


def limits(draws: Floats) -> tuple[Floats, Floats]:
    """Return the 2.5 % and 97.5 % quantiles over the first axis, missing values left out."""
    known = ~np.isnan(draws).all(axis=0)
    low, high = np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    if known.any():
        low[known], high[known] = np.nanquantile(draws[:, known], [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
    return low, high


def mean_interval(values: NDArray[np.floating], seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Return the mean over molecules with its bootstrap percentile interval.

    Parameters
    ----------
    values : (M,) one number of each molecule; missing ones are left out.
    """
    kept = np.asarray(values, dtype=float)
    kept = kept[~np.isnan(kept)]
    if len(kept) == 0:
        return Interval(np.nan, np.nan, np.nan)
    draws = resampled_counts(len(kept), seed, resamples) @ kept / len(kept)
    low, high = np.quantile(draws, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Interval(float(kept.mean()), float(low), float(high))


def paired_difference(first: NDArray[np.floating], second: NDArray[np.floating], seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Return the mean of first - second over the molecules that have both, which are resampled together.

    Parameters
    ----------
    first, second : (M,) one number of each molecule under each of two models.
    """
    return mean_interval(np.asarray(first, dtype=float) - np.asarray(second, dtype=float), seed, resamples)
