"""Weights in closed form: minimum variance, Markowitz with a target return, equal weights; and what to say of much leverage."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.portfolio.measures import gross_leverage

GROSS_MUCH, WEIGHT_MUCH = 3.0, 1.0  # sum of |w| and single |w| above which a reader should know
NAMED = 5  # assets named in one sentence
SAME = 1e-10  # relative spread of expected returns below which they count as one number

Floats = NDArray[np.float64]


def equal_weights(n: int) -> Floats:
    """Return (n,) weights of 1 / n."""
    return np.full(n, 1.0 / n)


def minimum_variance(precision: Floats) -> Floats:
    """Return the weights of the global minimum variance portfolio, short positions allowed.

    Parameters
    ----------
    precision : (N, N) positive definite inverse K of the covariance.

    Returns
    -------
    (N,) weights w = K1 / 1'K1.
    """
    sums = precision.sum(axis=1)
    return sums / sums.sum()


def markowitz(precision: Floats, expected: Floats, target: float) -> Floats:
    """Return the weights of least variance whose expected return is the target, short positions allowed.

    Parameters
    ----------
    precision : (N, N) positive definite inverse K of the covariance.
    expected : (N,) expected returns m, as fractions per period.
    target : expected return b of the portfolio, as a fraction per period.

    Returns
    -------
    (N,) weights with 1'w = 1 and m'w = b. Where all expected returns are the target itself, the minimum variance portfolio.

    Raises
    ------
    UserError
        When all expected returns are the same number, and the target another.

    Notes
    -----
    With A = 1'K1, B = 1'Km and Q = m'Km (Markowitz 1952; Ledoit, Wolf 2017) w = [(Q - bB) K1 + (bA - B) Km] / (AQ - B^2). Computed as
    K1 / A + (b - c) K(m - c1) / (m - c1)'K(m - c1) with c = B / A, which is the same without the cancellation in AQ - B^2.
    """
    lowest = minimum_variance(precision)
    centre = float(lowest @ expected)
    excess = expected - centre
    if np.abs(excess).max() <= SAME * np.abs(expected).max():
        if abs(target - centre) <= SAME * max(abs(target), abs(centre)):
            return lowest
        raise UserError(
            f"All {len(expected)} assets have the same expected return ({centre:.4%} per period), so no weights reach {target:.4%}.",
            "Take the minimum variance portfolio, or expected returns that differ.", "target",
        )  # fmt: skip
    tilt = precision @ excess
    tilt -= tilt.sum() * lowest  # zero but for rounding, which far targets would blow up
    return lowest + (target - centre) / (excess @ tilt) * tilt


def leverage_notes(weights: Floats, names: Sequence[str]) -> tuple[str, ...]:
    """Say in sentences when weights are so large that a reader should know, and what would avoid it.

    Parameters
    ----------
    weights : (N,) weights that sum to one.
    names : the N assets.

    Returns
    -------
    No sentence where the gross leverage is at most 3 and no weight is beyond one.
    """
    notes = []
    gross, short = gross_leverage(weights), float(-weights[weights < 0].sum())
    if gross > GROSS_MUCH:
        notes.append(
            f"Gross leverage is {gross:.1f}: each 1 of capital carries {gross - short:.1f} of long and {short:.1f} of short positions. "
            "Long-only weights, or a cap on gross leverage, avoid it."
        )
    large = [i for i in np.argsort(-np.abs(weights), kind="stable") if abs(weights[i]) > WEIGHT_MUCH]
    if large:
        told = ", ".join(f"{names[i]} ({weights[i]:.0%})" for i in large[:NAMED])
        rest = f" and {len(large) - NAMED} more" if len(large) > NAMED else ""
        notes.append(f"More than the whole capital is in one position: {told}{rest}. Long-only weights, or a cap per asset, avoid it.")
    return tuple(notes)
