"""Moves too large for a day's trading: share splits that the prices were never adjusted for, and how to mend them."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, UserError
from engine.data.series import simple_returns
from engine.data.step import known_columns, repairs

LARGE_MOVE = 0.5  # as a fraction of the price
NEAR_SPLIT = 0.05  # relative distance of a price ratio from that of a split: the market moved that day too
SHARES = (2, 3, 4, 5, 10, 20)  # shares given for one, or taken for one


@dataclasses.dataclass(frozen=True)
class Jump:
    """One move of more than half the price.

    Attributes
    ----------
    asset : column.
    date : row of the new price, or its number without dates.
    move : the return, as a fraction.
    ratio : price ratio of the split that explains it, such as 0.5 for two shares for one; None when none is near.
    """

    asset: str
    date: pd.Timestamp | int
    move: float
    ratio: float | None

    def __str__(self) -> str:
        day = f"{self.date:%Y-%m-%d}" if isinstance(self.date, pd.Timestamp) else f"row {self.date + 1:,}"
        return f"{self.asset} {self.move:+.0%} on {day}{'' if self.ratio is None else f' ({_spelled(self.ratio)})'}"


def jumps(dataset: Dataset) -> tuple[Jump, ...]:
    """List the moves beyond 50 %, and those that are nearly that of a split, in order of date.

    Parameters
    ----------
    dataset : of kind prices or returns.
    """
    moves, rows, columns = _large(dataset)
    ratio = _nearest_split(1.0 + moves[rows, columns])
    offset = len(dataset.frame) - len(moves)
    index = dataset.frame.index
    found = []
    for row, column, split in zip(rows, columns, ratio, strict=True):
        place = row + offset
        date = index[place] if isinstance(index, pd.DatetimeIndex) else int(place)
        found.append(Jump(dataset.columns[column], date, float(moves[row, column]), None if np.isnan(split) else float(split)))
    return tuple(found)


@repairs
def adjust_splits(dataset: Dataset, splits: Sequence[Sequence[str]] | None = None) -> Dataset:
    """Undo share splits: earlier prices are multiplied by the ratio of the split, returns keep what the market did that day.

    Parameters
    ----------
    splits : pairs of asset and date (``2004-06-07``) among `jumps`; None takes all whose ratio is near that of a split.

    Raises
    ------
    UserError
        When a pair is no move near that of a split.
    """
    found = {(jump.asset, _day(jump.date)): jump for jump in jumps(dataset) if jump.ratio is not None}
    wished = list(found) if splits is None else [(str(asset), str(date)) for asset, date in splits]
    known_columns(dataset, [asset for asset, _ in wished])
    frame = dataset.frame.copy()
    for asset, date in wished:
        if (asset, date) not in found:
            raise UserError(f"{asset} has no move near that of a split on {date}.", "Choose among the moves that are listed.", asset)
        jump = found[asset, date]
        place = frame.index.get_loc(jump.date) if isinstance(jump.date, pd.Timestamp) else jump.date
        column = frame[asset].to_numpy(copy=True)
        if dataset.kind == "prices":
            column[:place] *= jump.ratio
        else:
            column[place] = (1.0 + column[place]) / float(jump.ratio or 1.0) - 1.0
        frame[asset] = column
    return dataset.with_frame(frame)


def _large(dataset: Dataset) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the returns and where they are large."""
    if dataset.kind not in ("prices", "returns"):
        raise UserError(f"{dataset.name} is neither prices nor returns.", "Say which it holds first.", dataset.name)
    index = dataset.frame.index
    if isinstance(index, pd.DatetimeIndex) and not (index.is_unique and index.is_monotonic_increasing):
        raise UserError(
            f"The dates of {dataset.name} are not in order, or appear more than once.", "Sort them first, and keep one row of each."
        )
    moves = simple_returns(dataset.numeric) if dataset.kind == "prices" else dataset.numeric
    with np.errstate(invalid="ignore"):
        near = ~np.isnan(_nearest_split(1.0 + moves))
        rows, columns = np.nonzero((np.abs(moves) > LARGE_MOVE) | near)
    return moves, rows, columns


def _nearest_split(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the price ratio of the split that is near each, else NaN."""
    found = np.full(ratio.shape, np.nan)
    for shares in SHARES:
        for split in (float(shares), 1.0 / shares):
            found[np.abs(ratio / split - 1.0) < NEAR_SPLIT] = split
    return found


def _spelled(ratio: float) -> str:
    return f"{round(1 / ratio)} for 1?" if ratio < 1 else f"1 for {round(ratio)}?"


def _day(date: pd.Timestamp | int) -> str:
    return f"{date:%Y-%m-%d}" if isinstance(date, pd.Timestamp) else str(date)
