"""Limits on weights: what a user may ask for, and the region of weights that they leave for the assets of one date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError

Floats = NDArray[np.float64]
GroupLimit = float | Mapping[str, float] | None


@dataclass(frozen=True)
class Limits:
    """What weights must keep to, beside their sum of one; shares are fractions of the capital, None sets no limit.

    Parameters
    ----------
    long_only : no short positions.
    lower, upper : least and greatest weight of every asset.
    group_lower, group_upper : least and greatest sum of weights of every group, or of the groups named.
    turnover : greatest sum of |w - weights held before|, buys and sells both counted. Without weights held before nothing is limited.
    gross : greatest sum of |w|, at least one.

    Raises
    ------
    UserError
        When limits contradict each other whatever the assets are.
    """

    long_only: bool = False
    lower: float | None = None
    upper: float | None = None
    group_lower: GroupLimit = None
    group_upper: GroupLimit = None
    turnover: float | None = None
    gross: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that no weights can keep to."""
        if self.upper is not None and self.upper < self.least:
            raise UserError(f"The greatest weight ({self.upper:.1%}) is below the least ({self.least:.1%}).", "Raise it.", "upper")
        if self.gross is not None and self.gross < 1:
            raise UserError(f"Weights that sum to one have a gross leverage of at least 1; {self.gross:g} is less.", "Raise it.", "gross")
        if self.turnover is not None and self.turnover < 0:
            raise UserError(f"A turnover of {self.turnover:.1%} is below zero.", "Give zero or more, or no limit.", "turnover")

    @property
    def least(self) -> float:
        """Least weight of every asset; minus infinity without a limit."""
        floor = -np.inf if self.lower is None else self.lower
        return max(floor, 0.0) if self.long_only else floor

    @property
    def is_free(self) -> bool:
        """Whether nothing is limited, so that the closed forms hold."""
        rest = (self.lower, self.upper, self.group_lower, self.group_upper, self.turnover, self.gross)
        return not self.long_only and all(limit is None for limit in rest)

    def region(
        self,
        n: int,
        *,
        groups: Sequence[Any] | None = None,
        previous: Floats | None = None,
        expected: Floats | None = None,
        target: float | None = None,
    ) -> "Region":
        """Return the weights allowed for n assets, as arrays.

        Parameters
        ----------
        groups : n labels; an asset without one (None or NaN) belongs to no group.
        previous : (n,) weights held before, as they have drifted. What was held in other assets must be sold whatever is chosen:
            it is no part of this turnover.
        expected, target : (n,) expected returns m and the number b that m'w must equal; fractions per period.

        Raises
        ------
        UserError
            When groups are limited but not given, a group that must be held has no asset, or a target comes without expected returns.
        """
        if target is not None and expected is None:
            raise UserError("A target return needs the expected return of every asset.", "Give both, or neither.", "target")
        labels, signs, bounds = self._group_rows(groups)
        held = np.array([str(label) for label in groups]) if groups is not None else np.empty(n, "U1")
        rows = [sign * (held == label) for label, sign in zip(labels, signs, strict=True)]
        is_turning = self.turnover is not None and previous is not None
        is_short = self.least < 0  # without short positions the gross leverage is one
        return Region(
            lower=np.full(n, self.least),
            upper=np.full(n, np.inf if self.upper is None else self.upper),
            rows=np.array(rows, np.float64).reshape(-1, n),
            bounds=np.array(bounds),
            labels=labels,
            previous=previous if is_turning else None,
            turnover=self.turnover if is_turning else None,
            gross=self.gross if is_short else None,
            expected=expected if target is not None else None,
            target=target,
        )

    def _group_rows(self, groups: Sequence[Any] | None) -> tuple[tuple[str, ...], tuple[float, ...], list[float]]:
        """Return for each limit of a group its label, its sign (1 upper, -1 lower) and the bound, both multiplied by the sign."""
        if self.group_lower is None and self.group_upper is None:
            return (), (), []
        if groups is None:
            raise UserError("Group limits need to know the group of every asset.", "Give the sectors, or no group limits.", "groups")
        present = sorted({str(label) for label in groups if label is not None and label == label})
        told: list[tuple[str, float, float]] = []
        for sign, limit in ((1.0, self.group_upper), (-1.0, self.group_lower)):
            each = limit if isinstance(limit, Mapping) else dict.fromkeys(present, limit) if limit is not None else {}
            for label, share in each.items():
                if label in present:
                    told.append((label, sign, sign * share))
                elif sign < 0 < share:
                    raise UserError(
                        f"Group {label} must hold at least {share:.1%}, but none of the {len(groups)} assets belongs to it.",
                        "Drop its limit, or add its assets.", label,
                    )  # fmt: skip
        return tuple(t[0] for t in told), tuple(t[1] for t in told), [t[2] for t in told]


@dataclass(frozen=True, eq=False)
class Region:
    """The weights w with 1'w = 1, lower <= w <= upper, rows w <= bounds, |w - previous| <= turnover, |w| <= gross and m'w = target.

    ``lower`` and ``upper`` may be infinite; ``labels`` name the groups of ``rows``, whose entries are 1 for an upper and -1 for a lower
    limit; None is no limit.
    """

    lower: Floats
    upper: Floats
    rows: Floats
    bounds: Floats
    labels: tuple[str, ...]
    previous: Floats | None
    turnover: float | None
    gross: float | None
    expected: Floats | None
    target: float | None

    @property
    def is_long_only_alone(self) -> bool:
        """Whether short positions are forbidden and nothing else is limited."""
        others = (self.turnover, self.gross, self.target)
        return bool((self.lower == 0).all() and (self.upper >= 1).all()) and not len(self.rows) and all(limit is None for limit in others)

    @property
    def tilt(self) -> Floats | None:
        """(N,) row a with a'w = 0 exactly where m'w = target, scaled to a greatest entry of one; None without a target."""
        if self.expected is None or self.target is None:
            return None
        tilt = self.expected - self.target
        return tilt / (np.abs(tilt).max() or 1.0)

    def violation(self, weights: Floats) -> float:
        """Return by how much at most the weights break a limit, as a share of the capital."""
        w = weights
        broken = [abs(w.sum() - 1), (self.lower - w).max(), (w - self.upper).max(), (self.rows @ w - self.bounds).max(initial=0.0)]
        if self.turnover is not None and self.previous is not None:
            broken.append(np.abs(w - self.previous).sum() - self.turnover)
        if self.gross is not None:
            broken.append(np.abs(w).sum() - self.gross)
        if self.tilt is not None:
            broken.append(abs(self.tilt @ w))
        return max(0.0, *map(float, broken))
