"""Which assets a window can use, chosen from what was known at its end, and what becomes of them while they are held."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.data.findings import named, verb
from engine.portfolio.market import Market
from engine.portfolio.prices import Floats

ROUNDING = 1e-9  # relative spread of returns below which an asset does not move

ABSENT = "absent"
LATE = "late"
GAP = "gap"
CONSTANT = "constant"
STILL = "still"
TWIN = "twin"
SMALLER = "smaller"
REASONS = {  # verb for one, verb for several, and what follows
    ABSENT: ("does", "do", "not trade on {last}, the day of the decision"),
    LATE: ("is", "are", "listed only after {first}"),
    GAP: ("has", "have", "a gap of more than {gap} rows between {first} and {last}"),
    CONSTANT: ("has", "have", "no price change between {first} and {last}"),
    STILL: ("stays", "stay", "unchanged in more than {zero_share:.0%} of the rows between {first} and {last}"),
    TWIN: ("moves", "move", "with an earlier asset (correlation above {prune:g})"),
    SMALLER: ("comes", "come", "behind the first {most} that can be used"),
}


@dataclass(frozen=True)
class Rules:
    """What an asset must meet to be used in a window.

    Attributes
    ----------
    most : number of assets, the first in order of columns (rank them by size); None for all.
    prune : an asset with a higher correlation with an earlier one is left out, as in Agrawal, Roy, Uhler 2022; None for none.
    zero_share : largest share of rows without a move; None for any below all of them.
    gap : longest run of rows without a return that is filled with 0.
    """

    most: int | None = None
    prune: float | None = 0.95
    zero_share: float | None = 0.25
    gap: int = 3


@dataclass(frozen=True, eq=False)
class Selection:
    """The assets of one window, and what becomes of them while they are held.

    Attributes
    ----------
    columns : (n,) numbers of the columns in `Market.returns`, increasing.
    values : (T, n) returns of the estimation window, gaps filled with 0.
    correlation : (n, n) correlation of ``values``.
    held : (H, n) returns of the holding window, gaps filled with 0; 0 after an asset was sold.
    excluded : reason (`ABSENT`, `LATE`, `GAP`, `CONSTANT`, `STILL`, `TWIN`, `SMALLER`) -> assets left out.
    twins : asset left out -> the earlier one it moves with.
    filled, held_filled : number of cells filled with 0 in each window.
    vanishing : asset -> row of the market after which it is sold at its last price; its money rests until the end of the holding window.
    first, last : dates of the first and last row of the estimation window.
    rules : those that were applied.
    """

    columns: NDArray[np.int64]
    values: Floats
    correlation: Floats
    held: Floats
    excluded: dict[str, tuple[str, ...]]
    twins: dict[str, str]
    filled: int
    held_filled: int
    vanishing: dict[str, int]
    first: pd.Timestamp
    last: pd.Timestamp
    rules: Rules

    def sentences(self) -> tuple[str, ...]:
        """Say who was left out and why, what was filled, and who is sold early."""
        told = []
        for reason, names in self.excluded.items():
            one, several, rest = REASONS[reason]
            what = rest.format(first=f"{self.first:%Y-%m-%d}", last=f"{self.last:%Y-%m-%d}", **vars(self.rules))
            told.append(f"{named(names)} {verb(names, one, several)} {what}: excluded from that window.")
        if self.filled or self.held_filled:
            cells = f"In gaps of at most {self.rules.gap} rows {self.filled:,} cells of the window and {self.held_filled:,} while held"
            told.append(f"{cells} count as returns of 0.")
        if self.vanishing:
            sold = verb(self.vanishing, "vanishes and is sold at its last price", "vanish and are sold at their last prices")
            told.append(f"{named(self.vanishing)} {sold}; the money rests until the next rebalance.")
        return tuple(told)


def select(market: Market, start: int, stop: int, hold_stop: int, rules: Rules | None = None) -> Selection:
    """Choose the assets of a window from its rows and earlier ones, and fill what may be filled.

    Parameters
    ----------
    start, stop : the estimation window is rows ``start`` to ``stop - 1``.
    hold_stop : the assets are held in rows ``stop`` to ``hold_stop - 1``; none of these takes part in the choice.

    Raises
    ------
    UserError
        When the window has fewer than two rows or is not inside the market.

    Notes
    -----
    An asset must have a return in the last row (it can be bought), no run of missing rows longer than ``gap`` that ends inside the window
    (counted from before it), two different returns, and at most ``zero_share`` returns of 0, filled ones included. Then, in order of
    columns, those whose correlation with an asset already taken is above ``prune`` are passed over until ``most`` are taken. Fewer than
    two assets may remain: look at ``columns`` before use.

    While held, a run of at most ``gap`` missing rows between two returns counts as 0; an asset with a longer one, or with none to its
    end, is sold at the price before it.
    """
    rules = rules or Rules()
    rows = len(market.values)
    if not 0 <= start <= stop - 2 or not stop <= hold_stop <= rows:
        raise UserError(
            f"Rows {start} to {stop} to {hold_stop} are no window of a market of {rows:,} rows.",
            "Choose windows of at least 2 rows inside the market.", "window",
        )  # fmt: skip
    window, gap = market.values[start:stop], market.gap[start:stop]
    chosen, excluded = _usable(market, window, gap, start, rules)
    values = window[:, chosen]
    holes = np.isnan(values)
    values = np.where(holes, 0.0, values)
    place, correlation, twins, passed = _first_unlike(values, rules.most, rules.prune)
    names = market.assets
    if len(passed):
        excluded[SMALLER] = tuple(names[chosen[j]] for j in passed)
    if twins:
        excluded[TWIN] = tuple(names[chosen[j]] for j in twins)
    columns = chosen[place]
    held, held_filled, sold = _held(market, stop, hold_stop, columns, rules.gap)
    return Selection(
        columns=columns, values=values[:, place], correlation=correlation, held=held, excluded=excluded,
        twins={names[chosen[j]]: names[chosen[i]] for j, i in twins.items()}, filled=int(holes[:, place].sum()), held_filled=held_filled,
        vanishing={names[column]: row for column, row in sold.items()}, first=market.dates[start], last=market.dates[stop - 1], rules=rules,
    )  # fmt: skip


def _usable(
    market: Market, window: Floats, gap: NDArray[np.int32], start: int, rules: Rules
) -> tuple[NDArray[np.int64], dict[str, tuple[str, ...]]]:
    """Return the columns that meet the rules on their own, and the others by the first reason that holds."""
    zeros = (window == 0).sum(axis=0) + (gap > 0).sum(axis=0)
    low, high = np.fmin.reduce(window, axis=0), np.fmax.reduce(window, axis=0)
    size = np.fmax(np.abs(low), np.abs(high))
    broken = gap.max(axis=0) > rules.gap
    breaks = np.argmax(gap > rules.gap, axis=0) + start
    before = market.gap[breaks, np.arange(len(breaks))] == breaks + 1  # nothing since the first row of the market
    reasons = {
        ABSENT: gap[-1] > 0,
        LATE: broken & before,
        GAP: broken,
        CONSTANT: ~(high - low > ROUNDING * size),
        STILL: zeros > (1.0 if rules.zero_share is None else rules.zero_share) * len(window),
    }
    left = np.ones(window.shape[1], dtype=bool)
    excluded = {}
    for reason, holds in reasons.items():
        out = left & holds
        if out.any():
            excluded[reason] = tuple(market.assets[j] for j in np.flatnonzero(out))
            left &= ~out
    return np.flatnonzero(left), excluded


def _first_unlike(
    values: Floats, most: int | None, prune: float | None
) -> tuple[NDArray[np.int64], Floats, dict[int, int], NDArray[np.int64]]:
    """Take the first columns that are unlike all taken before; return them, their correlation, the twins passed over, and the rest."""
    n = values.shape[1]
    scaled = values - values.mean(axis=0)
    scaled /= np.sqrt(np.einsum("ij,ij->j", scaled, scaled))
    kept, next_one = np.empty(0, dtype=np.int64), 0
    correlation = np.empty((0, 0))
    twins: dict[int, int] = {}
    wanted = n if most is None else most
    while len(kept) < wanted and next_one < n:
        block = np.concatenate([kept, np.arange(next_one, min(n, next_one + wanted - len(kept)))])
        next_one = int(block[-1]) + 1
        correlation = scaled[:, block].T @ scaled[:, block]
        taken = np.ones(len(block), dtype=bool)
        for j, i in np.argwhere(np.tril(correlation > (2.0 if prune is None else prune), -1)):  # in order of j, then of i
            if taken[i] and taken[j]:
                taken[j] = False
                twins[int(block[j])] = int(block[i])
        kept, correlation = block[taken], correlation[np.ix_(taken, taken)]
    np.fill_diagonal(correlation, 1.0)
    return kept, correlation, twins, np.arange(next_one, n)


def _held(market: Market, stop: int, hold_stop: int, columns: NDArray[np.int64], gap: int) -> tuple[Floats, int, dict[int, int]]:
    """Return the returns of the holding window with what is missing as 0, the number of cells filled, and column -> row of its sale."""
    held = market.values[stop:hold_stop, columns]
    holes = np.isnan(held)
    if not holes.any():
        return held, 0, {}
    held = np.where(holes, 0.0, held)
    sold = {}
    for j in np.flatnonzero(holes.any(axis=0)):
        seen = np.concatenate(
            [[-1], np.flatnonzero(~holes[:, j]), [len(held) + gap + 1]]
        )  # a run to the end is too long whatever its length
        runs = np.flatnonzero(np.diff(seen) - 1 > gap)
        if len(runs):
            after = int(seen[runs[0]])
            if after + 1 < len(held):
                held[after + 1 :, j], holes[after + 1 :, j] = 0.0, False
                sold[int(columns[j])] = stop + after
    return held, int(holes.sum()), sold
