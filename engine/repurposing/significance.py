"""What every table of scores needs: false discovery rates, and ranks that equal values share."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CLOSE = 1e-9  # values that differ by less are the same: sums of floats in another order


def q_values(p: Floats) -> Floats:
    """Return q-values, NaN where p is: the smallest false discovery rate at which each test is rejected (Benjamini, Hochberg 1995)."""
    from scipy.stats import false_discovery_control

    there = np.isfinite(p)
    q = np.full(len(p), np.nan)
    q[there] = false_discovery_control(p[there])
    return q


def shared_ranks(values: Floats, among: NDArray[np.bool_] | None = None) -> Floats:
    """Return ranks from 1 for the smallest value; equal values share the first of their ranks.

    Parameters
    ----------
    among : rows that are ranked, all if not given; the others, and those without a value, get NaN.

    Examples
    --------
    >>> import numpy as np
    >>> shared_ranks(-np.array([0.5, 0.9, 0.5, np.nan])).tolist()
    [2.0, 1.0, 2.0, nan]
    """
    rounded = pd.Series(np.round(values / CLOSE))
    return np.asarray((rounded if among is None else rounded.where(among)).rank(method="min"), dtype=float)
