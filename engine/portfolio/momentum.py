"""Momentum as expected return: last year's mean growth without the last month, and the targets and weights made of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError

WINDOW, SKIPPED = 252, 21  # days: a year, less its last month
FIFTHS = 5
TARGETS = ("top_quintile", "mean")

Floats = NDArray[np.float64]


def momentum(returns: Floats, names: Sequence[str] | None = None, *, window: int = WINDOW, skipped: int = SKIPPED) -> Floats:
    """Return every asset's momentum: the geometric mean return of the last ``window`` periods without the last ``skipped``.

    Parameters
    ----------
    returns : (T, N) simple returns as fractions, oldest first; the last row is the period before the investment. T >= window.
    names : the N assets, for messages.
    window, skipped : in periods; for daily returns 252 and 21, which leaves days t-252 .. t-22, 231 of them.

    Returns
    -------
    (N,) mean growth per period as a fraction, prod(1 + r)^(1/231) - 1; -1 for an asset that lost everything.

    Raises
    ------
    UserError
        When fewer than ``window`` rows are at hand, or an asset has no return on one of the days.
    """
    if len(returns) < window:
        raise UserError(
            f"Momentum needs the returns of {window} periods before the first investment; {len(returns)} are at hand.",
            "Give a longer history, invest later, or ask for minimum variance without a target.", "window",
        )  # fmt: skip
    rows = returns[len(returns) - window : len(returns) - skipped]
    broken = np.flatnonzero(~(rows >= -1.0).all(axis=0))
    if len(broken):
        who = names[broken[0]] if names is not None else f"Asset {broken[0] + 1}"
        others = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise UserError(
            f"{who}{others} has no return, or one below -100%, on one of the {len(rows)} days that momentum is computed from.",
            f"Hold only assets with {window} returns before the date.", who,
        )  # fmt: skip
    with np.errstate(divide="ignore"):  # log 0 of an asset that lost everything
        return np.expm1(np.log1p(rows).mean(axis=0))


def target_return(expected: Floats, kind: str = "top_quintile") -> float:
    """Return the expected return to ask of a portfolio.

    Parameters
    ----------
    expected : (N,) expected returns as fractions per period.
    kind : ``top_quintile``, their mean over the fifth of assets that has most (Ledoit, Wolf 2017), or ``mean``, over all.

    Raises
    ------
    UserError
        When there is no target of this name.
    """
    if kind not in TARGETS:
        raise UserError(f"There is no target '{kind}'.", f"The targets are: {', '.join(TARGETS)}.", "target")
    return float(expected[_top(expected)].mean() if kind == "top_quintile" else expected.mean())


def top_quintile_weights(expected: Floats) -> Floats:
    """Return (N,) equal weights on the fifth of assets with the highest expected returns, the benchmark EW-TQ of Ledoit, Wolf 2017.

    A fifth of N is rounded down, but never below one asset; of equal assets the earlier column is taken.
    """
    top = _top(expected)
    weights = np.zeros(len(expected))
    weights[top] = 1.0 / len(top)
    return weights


def _top(expected: Floats) -> NDArray[np.intp]:
    return np.argsort(-expected, kind="stable")[: max(1, len(expected) // FIFTHS)]
