"""A market: returns with dates, and what belongs to them, made of an uploaded table of prices or returns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, UserError
from engine.data.findings import named, verb
from engine.data.splits import jumps
from engine.portfolio.prices import VALUES, Floats, Frequency, Values, fractions, frequency_of, values_of

FEWEST_ROWS = 20
RISKFREE = ("rf", "riskfree", "risk-free", "risk_free")  # column of the factors that holds the risk-free return, in any case
NO_SECTOR = "unknown"
SPLITS_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Market:
    """Returns of N assets over T rows, and what belongs to them.

    Attributes
    ----------
    returns : (T, N) simple returns as fractions; increasing dates without time zone; NaN where an asset is not listed or not traded.
    factors : (T, k) returns of factors as fractions, on the same rows; NaN in rows that the factors do not have. Or None.
    riskfree : (T,) simple return per row of lending without risk, or None.
    sectors : asset -> sector, or None.
    periods_per_year : rows in a year.
    warnings : sentences on how the tables were read, which the reader must see.
    """

    returns: pd.DataFrame
    factors: pd.DataFrame | None
    riskfree: "pd.Series[float] | None"
    sectors: "pd.Series[str] | None"
    periods_per_year: int
    warnings: tuple[str, ...]

    @cached_property
    def assets(self) -> tuple[str, ...]:
        """Names of the N assets."""
        return tuple(self.returns.columns)

    @cached_property
    def dates(self) -> pd.DatetimeIndex:
        """Dates of the T rows."""
        return pd.DatetimeIndex(self.returns.index)

    @cached_property
    def values(self) -> Floats:
        """(T, N) returns."""
        return np.ascontiguousarray(self.returns.to_numpy(dtype=np.float64))

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """(T, N) whether an asset has no return."""
        return np.isnan(self.values)

    @cached_property
    def gap(self) -> NDArray[np.int32]:
        """(T, N) number of rows without a return up to and including this one; 0 where there is one."""
        return run_lengths(self.missing)


def run_lengths(holds: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return for each cell of (T, N) how many rows without a break the condition has held up to and including it; 0 where it does not."""
    row = np.arange(len(holds), dtype=np.int32)[:, None]
    return row - np.maximum.accumulate(np.where(holds, np.int32(-1), row), axis=0)


def market_of(
    data: Dataset,
    factors: Dataset | None = None,
    *,
    values: str = "detect",
    factor_values: str = "detect",
    periods_per_year: int | None = None,
    sectors: Mapping[str, str] | None = None,
) -> Market:
    """Read a table of prices or returns as a market.

    Parameters
    ----------
    data : assets in columns, dates as names of the rows, in any order.
    factors : returns (or prices) of factors on the same dates; a column RF is the risk-free return. Dates are matched within the period,
        so the last day of a month meets its first.
    values, factor_values : what the numbers are: prices, returns (fractions), percent, log, or detect; a table of kind prices or returns
        says so itself.
    periods_per_year : rows in a year; None tells it from the dates.
    sectors : asset -> sector; None takes those that come with the data.

    Raises
    ------
    UserError
        When the numbers or dates can be read in two ways, there are no dates, fewer than 2 assets or 20 rows, a price is 0 or below, or
        a return is below -100 %.

    Notes
    -----
    Rows are put in order, the last of rows with one date stays, infinities count as missing, and columns without a number go; each is a
    warning. A return over a gap of at most three rows is taken from the last price seen; a longer gap has none.
    """
    data, notes = dated(data)
    frequency = frequency_for(data, periods_per_year)
    returns, read = _returns(data, values, frequency)
    notes += read
    empty = returns.columns[returns.isna().all()]
    if len(empty):
        notes.append(f"{named(empty)} {verb(empty, 'holds', 'hold')} no return and {verb(empty, 'is', 'are')} left out.")
        returns = returns.drop(columns=empty)
    refuse_small(returns.shape[1], len(returns), data.name)
    table, riskfree = None, None
    if factors is not None:
        table, riskfree, told = _factors(factors, factor_values, pd.DatetimeIndex(returns.index), frequency)
        notes += told
    belongs, told = _sectors(sectors if sectors is not None else data.truth.get("sectors"), tuple(returns.columns))
    return Market(returns, table, riskfree, belongs, frequency.periods_per_year, tuple(notes + told))


def dated(data: Dataset) -> tuple[Dataset, list[str]]:
    """Return the table with increasing dates without time or zone, and sentences on what was done for it."""
    index = data.frame.index
    if not isinstance(index, pd.DatetimeIndex):
        raise UserError(f"{data.name} has no dates.", "Choose the column with the dates (dates_as_index on the data page).", data.name)
    notes = []
    if index.hasnans:
        raise UserError(f"Row {int(np.flatnonzero(index.isna())[0]) + 1:,} of {data.name} has no date.", "Remove the row.", data.name)
    if index.tz is not None:
        notes.append(f"The dates are those of the clock in {index.tz}.")
        index = index.tz_localize(None)
    if not index.equals(index.normalize()) and index.normalize().nunique() == index.nunique():
        index = index.normalize()
        notes.append("Each day has one row; times of day are left out.")
    order = np.argsort(index.to_numpy(), kind="stable")
    if not index.is_monotonic_increasing:
        notes.append("Rows were not in order of date; they are now.")
    keep = order[~index[order].duplicated(keep="last")]
    if len(keep) < len(index):
        twice = index[order][index[order].duplicated()][0]
        notes.append(f"{len(index) - len(keep):,} dates appear more than once, first {twice:%Y-%m-%d}; the last row of each is used.")
    frame = data.frame.iloc[keep].set_axis(pd.DatetimeIndex(index[keep].to_numpy()), axis=0)
    return replace(data, frame=frame, regime=None, targets={}), notes


def frequency_for(data: Dataset, periods_per_year: int | None) -> Frequency:
    """Return the frequency of the dates; where they have none, that of the number the user gave."""
    dates = pd.DatetimeIndex(data.frame.index)
    if periods_per_year is None:
        return frequency_of(dates, data.name)
    if periods_per_year < 1:
        raise UserError(
            f"A year cannot have {periods_per_year} rows.", "Say 252 for days, 52 for weeks, 12 for months.", "periods_per_year"
        )
    try:
        return replace(frequency_of(dates, data.name), periods_per_year=periods_per_year)
    except UserError:
        return Frequency("irregular", periods_per_year, "D")


def refuse_small(assets: int, rows: int, name: str) -> None:
    """Raise where there is too little for any portfolio."""
    if assets < 2:
        raise UserError(f"{name} has {assets} asset{'s' * (assets != 1)} with returns.", "A portfolio needs two or more.", name)
    if rows < 2:
        raise UserError(
            f"{name} has {rows} row{'s' * (rows != 1)} of returns, from which no variance can be computed.", "Upload more rows.", name
        )
    if rows < FEWEST_ROWS:
        raise UserError(f"{name} has {rows} rows of returns; risk estimated from them is noise.", f"Upload {FEWEST_ROWS} or more.", name)


def _returns(data: Dataset, values: str, frequency: Frequency) -> tuple[pd.DataFrame, list[str]]:
    """Return the simple returns as a frame, and sentences on how the numbers were read."""
    numeric(data)
    if values not in VALUES:
        raise UserError(f"Values cannot be '{values}'.", f"Choose one of: {', '.join(VALUES)}.", "values")
    found: Values
    found, sentence = values_of(data, frequency.periods_per_year) if values == "detect" else (values, "")  # type: ignore[assignment]
    notes = [sentence] if sentence else []
    infinite = int(np.isinf(data.numeric).sum())
    if infinite:
        notes.append(f"{infinite:,} infinite cells count as missing.")
    numbers = fractions(data, found)
    index = data.frame.index[len(data.frame) - len(numbers) :]
    frame = pd.DataFrame(numbers, index, list(data.columns))
    large = [jump for jump in jumps(Dataset(frame, data.name, "returns")) if jump.ratio is not None]
    if large:
        shown = named([str(jump) for jump in large[:SPLITS_SHOWN]])
        more = f" and {len(large) - SPLITS_SHOWN:,} more" if len(large) > SPLITS_SHOWN else ""
        notes.append(f"Prices may not be adjusted for splits: {shown}{more}. Adjust or drop them if these are splits.")
    return frame, notes


def numeric(data: Dataset) -> None:
    """Raise where a column holds text."""
    for name, kind in data.frame.dtypes.items():
        if isinstance(kind, pd.CategoricalDtype):
            raise UserError(f"Column {name} of {data.name} holds text.", "Remove it, or turn it into numbers on the data page.", str(name))


def _factors(
    data: Dataset, values: str, dates: pd.DatetimeIndex, frequency: Frequency
) -> tuple[pd.DataFrame | None, "pd.Series[float] | None", list[str]]:
    """Return factors and risk-free return on the market's dates; the latter, always positive, is no evidence of what the values are."""
    data, notes = dated(data)
    lent = [name for name in data.columns if name.lower() in RISKFREE]
    moving = [name for name in data.columns if name not in lent]
    numeric(data)
    read = values
    if values == "detect":
        read, sentence = values_of(data.select(moving or lent), frequency.periods_per_year)
        notes += [sentence] if sentence else []
    if read not in VALUES:
        raise UserError(f"Values of factors cannot be '{read}'.", f"Choose one of: {', '.join(VALUES)}.", "factor_values")
    parts = []
    for names in (moving, lent):
        # A risk-free rate is a rate, never a price, even beside prices of funds that stand for factors.
        kind: Values = "returns" if read == "prices" and names is lent else read  # type: ignore[assignment]
        numbers = fractions(data.select(names), kind) if names else np.empty((len(data.frame), 0))
        parts.append(pd.DataFrame(numbers, data.frame.index[len(data.frame) - len(numbers) :], names))
    table = pd.concat(parts, axis=1, sort=True)
    periods = pd.DatetimeIndex(table.index).to_period(frequency.unit)
    if not periods.is_unique:
        raise UserError(
            f"{data.name} has several rows per row of returns, which are {frequency.name}.",
            "Give factors of the same frequency.",
            data.name,
        )
    table = table.set_axis(periods, axis=0).reindex(dates.to_period(frequency.unit)).set_axis(dates, axis=0)
    absent = table.isna().any(axis=1)
    if absent.all():
        raise UserError(
            f"{data.name} shares no date with the returns.", f"The returns run from {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}.", data.name
        )
    if absent.any():
        first = dates[int(np.flatnonzero(absent)[0])]
        notes.append(
            f"Factors are missing in {int(absent.sum()):,} of {len(dates):,} rows, first {first:%Y-%m-%d}; factor models cannot use them."
        )
    return table[moving] if moving else None, table[lent[0]].rename(None) if lent else None, [f"Factors: {note}" for note in notes]


def _sectors(given: Mapping[str, str] | None, assets: tuple[str, ...]) -> tuple["pd.Series[str] | None", list[str]]:
    """Return the sector of each asset, and a sentence on those without."""
    if not given:
        return None, []
    without = [name for name in assets if name not in given]
    if len(without) == len(assets):
        return None, ["None of the sectors given is that of an asset."]
    notes = [f"{named(without)} {verb(without, 'has', 'have')} no sector."] if without else []
    return pd.Series({name: given.get(name, NO_SECTOR) for name in assets}, dtype=object), notes
