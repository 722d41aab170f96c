"""What a table of prices or returns holds, and how often: prices, fractions or percent; days, weeks or months."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, UserError
from engine.data.findings import named, verb
from engine.data.series import simple_returns

Floats = NDArray[np.float64]
Values = Literal["prices", "returns", "percent", "log"]
VALUES = ("detect", "prices", "returns", "percent", "log")
PRICE = 2.0  # median from which positive numbers are prices and not ratios of prices
PERCENT = 0.2  # median size of a move from which returns are in percent: no market moves 20 % a row
WILD_DAY = 0.05  # median daily move, as a fraction, that no market has; scaled by the square root of time
DAYS = 252  # of trading in a year
REGULAR = 0.98  # share of the steps between dates that must be those of the frequency


@dataclass(frozen=True)
class Frequency:
    """How often there is a row.

    Attributes
    ----------
    name : daily, weekly, monthly, quarterly, yearly, or irregular.
    periods_per_year : rows in a year, by which means and variances are annualised.
    unit : period of pandas in which there is one row: D, W, M, Q or Y; dates of two tables are matched in it.
    """

    name: str
    periods_per_year: int
    unit: str


# The longest step of days is two weeks because exchanges close so long at the lunar new year.
STEPS = (
    (0.9, 1.5, 14, Frequency("daily", DAYS, "D")),
    (6.5, 7.5, 15, Frequency("weekly", 52, "W")),
    (27, 32, 36, Frequency("monthly", 12, "M")),
    (88, 93, 97, Frequency("quarterly", 4, "Q")),
    (360, 370, 373, Frequency("yearly", 1, "Y")),
)  # fmt: skip
ALL_DAYS = Frequency("daily, weekends too", 365, "D")


def frequency_of(dates: pd.DatetimeIndex, name: str = "The table") -> Frequency:
    """Tell the frequency of increasing dates by their median step.

    Raises
    ------
    UserError
        When the steps are mixed or of no known length, or rows are of one day.
    """
    steps = np.diff(dates.to_numpy()).astype("timedelta64[s]").astype(np.int64) / 86_400
    if not len(steps):
        raise UserError(f"{name} has {len(dates)} row{'s' * (len(dates) != 1)}.", "Upload 20 or more.", name)
    middle = float(np.median(steps))
    for low, high, longest, frequency in STEPS:
        if low <= middle <= high:
            inside = (steps >= (2 / 3) * low) & (steps <= longest)
            if inside.mean() >= REGULAR:
                return ALL_DAYS if frequency.unit == "D" and (dates.day_of_week >= 5).mean() > 0.2 else frequency
            odd = int(np.flatnonzero(~inside)[0])
            raise UserError(
                f"The rows of {name} are mostly {frequency.name}, but {np.count_nonzero(~inside):,} of {len(steps):,} steps are not, first "
                f"from {dates[odd]:%Y-%m-%d} to {dates[odd + 1]:%Y-%m-%d}.",
                "Keep rows of one frequency, or say how many a year has (periods_per_year).", "periods_per_year",
            )  # fmt: skip
    raise UserError(
        f"The dates of {name} are {middle:.3g} days apart, which is neither daily, weekly, monthly, quarterly nor yearly.",
        "Say how many rows a year has (periods_per_year).", "periods_per_year",
    )  # fmt: skip


def values_of(data: Dataset, periods_per_year: int) -> tuple[Values, str]:
    """Tell what the numbers of a table are, and how one can see it.

    Parameters
    ----------
    data : all numeric; kind prices or returns settles the matter.
    periods_per_year : rows in a year.

    Returns
    -------
    The values, and a sentence for the user, empty where the kind of the table settles it.

    Raises
    ------
    UserError
        When the numbers can be read in two ways: the user must say (``values``).

    Notes
    -----
    Prices: every column has minimum above 0 and median above 2. Otherwise the median size of all moves that are not 0 decides:
    percent above 0.2, fractions below. Log returns look like fractions and are never guessed.
    """
    if data.kind == "prices":
        return "prices", ""
    if data.kind == "returns":
        return "returns", ""
    values = data.numeric
    values = np.where(np.isfinite(values), values, np.nan)
    seen = ~np.isnan(values).all(axis=0)
    if not seen.any():
        raise UserError(f"{data.name} holds no numbers.", "Upload another table.", data.name)
    positive, middle = np.nanmin(values[:, seen], axis=0) > 0, np.nanmedian(values[:, seen], axis=0)
    names = np.array(data.columns)[seen]
    price = positive & (middle > PRICE)
    if price.all():
        return "prices", f"Read as prices: every value is above 0, and the median is {np.nanmedian(values):,.4g}."
    if price.any():
        pair = f"{named(names[price])} {verb(names[price], 'looks like a price', 'look like prices')}, {named(names[~price])}"
        raise _unclear(f"{pair} {verb(names[~price], 'does', 'do')} not (all above 0, median above {PRICE:g}).", str(names[~price][0]))
    if positive.all():
        raise _unclear(f"Every value of {data.name} is above 0, but small (median {np.nanmedian(values):.3g}).", data.name)
    moves = np.abs(values[(values != 0) & ~np.isnan(values)])
    size, worst = float(np.median(moves)), float(np.nanmin(values))
    if size > PERCENT:
        if worst < -100:
            raise _unclear(f"The median move of {data.name} is {size:.3g}, and one is {worst:.4g}, below -100 %.", data.name)
        return "percent", f"Read as returns in percent: the median move is {size:.3g}; divided by 100."
    if worst < -1 or size > WILD_DAY * np.sqrt(DAYS / periods_per_year):
        told = f"one is {worst:.3g}" if worst < -1 else "as fractions that would be wild"
        raise _unclear(f"The median move of {data.name} is {size:.3g}, and {told}.", data.name)
    return "returns", f"Read as returns in fractions: the median move is {size:.3g}, which is {size:.2%}."


def fractions(data: Dataset, values: Values) -> Floats:
    """Return simple returns as fractions, (T, N), or (T - 1, N) of prices; NaN where there is none.

    Raises
    ------
    UserError
        When a price is 0 or below, or a return is below -100 %.
    """
    numbers = np.where(np.isfinite(data.numeric), data.numeric, np.nan)
    if values == "prices":
        _refuse(data, numbers <= 0, "has a price of {value:.4g}", "Remove the column, or make the cell empty.")
        return simple_returns(numbers)
    found = numbers / 100 if values == "percent" else np.expm1(numbers) if values == "log" else numbers
    _refuse(data, found < -1, "has a return of {value:.4g}, below -100 %", "Say whether these are prices, percent or log returns (values).")
    return found


def _refuse(data: Dataset, wrong: NDArray[np.bool_], what: str, fix: str) -> None:
    """Raise for the first cell that is wrong."""
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        index, name = data.frame.index, data.columns[column]
        where = f"on {index[row]:%Y-%m-%d}" if isinstance(index, pd.DatetimeIndex) else f"in row {row + 1:,}"
        raise UserError(f"{name} {what.format(value=data.frame.iat[row, column])} {where}.", fix, name)


def _unclear(message: str, where: str) -> UserError:
    return UserError(message, "Say what the numbers are: prices, returns (fractions), percent or log returns (values).", where)
