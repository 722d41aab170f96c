"""Why no weights keep to all limits: which limit cannot be met, and how far each alone would have to give way."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.portfolio.limits import Limits, Region

NARROW = 1e-9  # loosened by less a region holds weights, and the solver missed them

Floats = NDArray[np.float64]


def loosenings(region: Region) -> dict[str, float]:
    """Return for each limit by how much it alone must give way for the region to hold any weights.

    Parameters
    ----------
    region : the limits as arrays.

    Returns
    -------
    ``upper``, ``lower``, ``group_upper``, ``group_lower`` : points added to, or taken from, every limit of this kind.
    ``turnover``, ``gross`` : added.
    ``target`` : change, with its sign, to the nearest expected return within reach.

    A limit that alone is not enough is left out.

    Notes
    -----
    One linear programme per limit: the least t for which the limits with that one loosened by t can be met.
    """
    kinds = {
        "upper": bool(np.isfinite(region.upper).any()),
        "lower": bool(np.isfinite(region.lower).any()),
        "group_upper": bool((region.rows > 0).any()),
        "group_lower": bool((region.rows < 0).any()),
        "turnover": region.turnover is not None,
        "gross": region.gross is not None,
        "target": region.target is not None,
    }
    found = {kind: _least(region, kind) for kind, is_set in kinds.items() if is_set}
    return {kind: least for kind, least in found.items() if least is not None}


def _least(region: Region, loose: str) -> float | None:
    import cvxpy

    cp: Any = cvxpy
    w, t = cp.Variable(len(region.lower)), cp.Variable(nonneg=True)

    def by(kind: str) -> Any:
        return t if kind == loose else 0.0

    limits = [cp.sum(w) == 1]
    floor, cap = np.isfinite(region.lower), np.isfinite(region.upper)
    if floor.any():
        limits.append(w[floor] >= region.lower[floor] - by("lower"))
    if cap.any():
        limits.append(w[cap] <= region.upper[cap] + by("upper"))
    for row, bound in zip(region.rows, region.bounds, strict=True):
        limits.append(row @ w <= bound + by("group_upper" if row.max() > 0 else "group_lower"))
    if region.turnover is not None:
        limits.append(cp.norm1(w - region.previous) <= region.turnover + by("turnover"))
    if region.gross is not None:
        limits.append(cp.norm1(w) <= region.gross + by("gross"))
    if region.tilt is not None:
        limits.append(cp.abs(region.tilt @ w) <= by("target"))
    problem = cp.Problem(cp.Minimize(t), limits)
    with np.errstate(invalid="ignore"):  # its own bounds of unbounded variables
        problem.solve(solver=cp.SCIPY)
    if problem.status != cp.OPTIMAL:
        return None
    if loose == "target" and region.expected is not None and region.target is not None:
        return float(region.expected @ w.value) - region.target
    return float(t.value)


def no_weights(limits: Limits, region: Region) -> UserError:
    """Return the error that says which limit cannot be met, and what would be enough.

    Parameters
    ----------
    limits, region : what was asked for, and the same for the assets at hand.
    """
    enough = loosenings(region)
    if max(map(abs, enough.values()), default=1.0) <= NARROW:
        return UserError("These limits leave so little room that no weights were found in it.", "Loosen one of them a little.", "limits")
    ways = {kind: _way(kind, by, limits, region) for kind, by in enough.items()}
    reason = _of_assets(region) or _of_groups(region) or _of_the_whole(region, enough)
    if not ways:
        return UserError(reason, "No limit alone is the reason: loosen at least two.", "limits")
    return UserError(reason, f"Allow {', or '.join(ways.values())}.", next(iter(ways)))


def _way(kind: str, by: float, limits: Limits, region: Region) -> str:
    """Say what would be enough of one limit, rounded to the side that holds weights."""
    if kind == "upper":
        return f"up to {_percent(region.upper.max() + by)} per asset"
    if kind == "lower":
        least = region.lower.min() - by
        return f"short positions of up to {_percent(-least)} per asset" if least < 0 else f"weights down to {_percent(least, up=False)}"
    if kind in ("group_upper", "group_lower"):
        limit, is_upper = getattr(limits, kind), kind == "group_upper"
        side = "up to" if is_upper else "as little as"
        if isinstance(limit, Mapping):
            return f"every group with {'an upper' if is_upper else 'a lower'} limit {_percent(by)} {'more' if is_upper else 'less'}"
        return f"{side} {_percent(limit + by if is_upper else limit - by, up=is_upper)} per group"
    if kind == "turnover":
        return f"a turnover of {_percent(float(region.turnover or 0) + by)}"
    if kind == "gross":
        return f"a gross leverage of {_rounded(float(region.gross or 0) + by, 100):.2f}"
    return f"a target of {_return(float(region.target or 0) + by, up=by > 0)} per period"


def _of_assets(region: Region) -> str:
    """Say what the limits of the assets alone show; empty where they show nothing."""
    n = len(region.upper)
    if region.upper.sum() < 1:
        return f"{n} assets with at most {_plain(region.upper.max())} each reach {_plain(region.upper.sum())}, not 100%."
    if region.lower.sum() > 1:
        return f"{n} assets with at least {_plain(region.lower.min())} each take {_plain(region.lower.sum())}, more than 100%."
    return ""


def _of_groups(region: Region) -> str:
    """Say what the limits of groups and their assets show; empty where they show nothing."""
    reach, take = float(region.upper[~(region.rows > 0).any(axis=0)].sum()), float(region.lower[~(region.rows < 0).any(axis=0)].sum())
    for row, bound, label in zip(region.rows, region.bounds, region.labels, strict=True):
        most, least, size = float(region.upper[row != 0].sum()), float(region.lower[row != 0].sum()), int((row != 0).sum())
        if row.max() > 0 and least > bound:
            return f"Group {label} may hold at most {_plain(bound)}, but its {size} assets take at least {_plain(least)}."
        if row.min() < 0 and most < -bound:
            return f"Group {label} must hold at least {_plain(-bound)}, but its {size} assets reach {_plain(most)}."
        if row.max() > 0:
            reach += min(bound, most)
        else:
            take += max(-bound, least)
    if len(region.rows) and reach < 1:
        return f"Within their limits all groups together reach {_plain(reach)}, not 100%."
    if len(region.rows) and take > 1:
        return f"The least that all groups must hold is {_plain(take)} together, more than 100%."
    return ""


def _of_the_whole(region: Region, enough: dict[str, float]) -> str:
    """Say which limit of the whole portfolio contradicts the others."""
    if "target" in enough and region.target is not None:
        side, reached = (
            ("at most", region.target + enough["target"]) if enough["target"] < 0 else ("at least", region.target + enough["target"])
        )
        return f"Within the other limits the expected return is {side} {reached:.4%} per period; the target is {region.target:.4%}."
    if "turnover" in enough and region.turnover is not None:
        least = _percent(region.turnover + enough["turnover"])
        return f"From the weights held, the other limits take a turnover of at least {least}; {_plain(region.turnover)} is allowed."
    if "gross" in enough and region.gross is not None:
        return f"The other limits take a gross leverage of at least {region.gross + enough['gross']:.2f}; {region.gross:.2f} is allowed."
    return "No weights keep to all of these limits together."


def _rounded(value: float, parts: int, *, up: bool = True) -> float:
    """Round to whole parts of one, to one side; what is within rounding of a part is that part."""
    return (math.ceil(value * parts - 1e-6) if up else math.floor(value * parts + 1e-6)) / parts


def _percent(share: float, *, up: bool = True) -> str:
    return f"{100 * _rounded(share, 1000, up=up):.1f}%"


def _return(value: float, *, up: bool) -> str:
    return f"{100 * _rounded(value, 10**6, up=up):.4f}%"


def _plain(share: float) -> str:
    return f"{100 * share:.4g}%"
