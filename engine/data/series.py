"""Rows in time: dates in order, prices and returns told apart, prices to returns."""

import dataclasses
import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, UserError
from engine.data.step import known_columns, repairs

DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%Y-%m", "%Y%m")
LONGEST_GAP = 3  # rows without a price after which the next price starts anew
_WHOLE = re.compile(r"^(19|20)\d{2}(0[1-9]|1[0-2])(\d{2})?$")
_MIDNIGHT = r"^(?P<day>.*?[T ]00:00(?::00(?:\.0+)?)?)\s*(?:Z|[+-]\d{2}:?\d{2})$"


@repairs
def to_returns(dataset: Dataset, log: bool = False) -> Dataset:
    """Turn prices into simple returns p_t / p_(t-1) - 1 (or log returns); the first row goes (see `simple_returns` on gaps)."""
    values = dataset.numeric
    if (values <= 0).any():
        raise UserError(f"{dataset.name} has prices of 0 or below.", "Remove these columns, or keep the table as it is.")
    returns = simple_returns(values)
    frame = pd.DataFrame(np.log1p(returns) if log else returns, columns=list(dataset.columns), index=dataset.frame.index[1:])
    regime = dataset.regime and dataset.regime[1:]
    return dataclasses.replace(dataset, frame=frame, kind="returns", regime=regime)


def simple_returns(prices: NDArray[np.float64], gap: int = LONGEST_GAP) -> NDArray[np.float64]:
    """Return p_t / (last price seen) - 1 for prices above 0.

    Parameters
    ----------
    prices : (T, N), NaN where there is none.
    gap : longest run of missing rows over which a return is taken.

    Returns
    -------
    (T - 1, N) fractions; NaN where there is no price, and where the last one is more than ``gap`` rows old.
    """
    before = pd.DataFrame(prices).ffill(limit=gap).to_numpy()[:-1]
    returns: NDArray[np.float64] = prices[1:] / before - 1.0
    return returns


@repairs
def as_prices(dataset: Dataset) -> Dataset:
    """Say that the table holds prices; the numbers stay as they are."""
    if (dataset.numeric <= 0).any():
        raise UserError(f"{dataset.name} has values of 0 or below, which are no prices.", "Say returns, or remove these columns.")
    return dataclasses.replace(dataset, kind="prices")


@repairs
def as_returns(dataset: Dataset, percent: bool = False, log: bool = False) -> Dataset:
    """Say that the table holds returns, and turn percent or log returns into simple fractions."""
    values = dataset.numeric / (100.0 if percent else 1.0)
    frame = pd.DataFrame(np.expm1(values) if log else values, columns=list(dataset.columns), index=dataset.frame.index)
    return dataclasses.replace(dataset, frame=frame, kind="returns")


@repairs
def sort_dates(dataset: Dataset) -> Dataset:
    """Put the rows in order of their dates."""
    order = np.argsort(_dates(dataset), kind="stable")
    regime = dataset.regime and tuple(dataset.regime[i] for i in order)
    return dataclasses.replace(dataset, frame=dataset.frame.iloc[order], regime=regime)


@repairs
def drop_repeated_dates(dataset: Dataset) -> Dataset:
    """Keep the last row of every date."""
    from engine.data.transform import keep_rows

    return keep_rows(dataset, ~_dates(dataset).duplicated(keep="last"))


@repairs
def dates_as_index(dataset: Dataset, column: str) -> Dataset:
    """Take the dates of a text column as names of the rows; the column is no variable any more."""
    known_columns(dataset, [column])
    dates = parse_dates(date_texts(dataset.frame[column]))
    if dates is None:
        raise UserError(f"Column {column} does not hold dates.", "Choose another column, or remove it.", column)
    return dataset.select([name for name in dataset.columns if name != column]).with_frame(
        dataset.frame.drop(columns=column).set_index(dates[0])
    )


def date_texts(column: "pd.Series[Any]") -> "pd.Series[str]":
    """Write the cells of a column as text, whole numbers such as 20240131 without a decimal point."""
    return column.map(lambda value: f"{value:.12g}") if pd.api.types.is_float_dtype(column.dtype) else column.astype(str)


def parse_dates(texts: "pd.Series[str]", form: str | None = None) -> tuple[pd.DatetimeIndex, bool, tuple[str, ...]] | None:
    """Read text as dates without time zone.

    Returns
    -------
    The dates, whether some carried a time zone (those are turned to UTC) and some did not, and the formats that fit
    equally well; None when the text is not dates. Midnights of a time zone are days: they keep their local date.
    """
    start = texts.iloc[:50].astype(str)
    if not start.str.match(r"^\s*\d{1,4}[-/.]\d{1,2}").all() and not (form or start.str.match(_WHOLE).all()):
        return None
    fitting = [form] if form else [known for known in DATE_FORMATS if pd.to_datetime(texts, format=known, errors="coerce").notna().all()]
    if fitting:
        try:
            return pd.DatetimeIndex(pd.to_datetime(texts, format=fitting[0])), False, tuple(fitting)
        except ValueError:
            return None
    days = texts.str.extract(_MIDNIGHT)["day"] if start.str.match(_MIDNIGHT).all() else None
    if days is not None and days.notna().all():  # as UTC an Asian midnight would be the day before
        local = pd.to_datetime(days, format="ISO8601", errors="coerce").to_numpy()
        return None if np.isnat(local).any() else (pd.DatetimeIndex(local), False, ("ISO8601",))
    moments = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    if moments.isna().any():
        return None
    zoned = texts.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", regex=True)
    # Clock times with a zone would differ from those without by the offset; as UTC both are comparable.
    offsets = set(texts[zoned].str.extract(r"(Z|[+-]\d{2}:?\d{2})$")[0])
    mixed = bool(zoned.any() and not zoned.all()) or len(offsets) > 1
    return pd.DatetimeIndex(moments.dt.tz_localize(None)), mixed, ("ISO8601",)


def _dates(dataset: Dataset) -> pd.DatetimeIndex:
    if not isinstance(dataset.frame.index, pd.DatetimeIndex):
        raise UserError(f"{dataset.name} has no dates.", "Choose the column with the dates first.")
    return dataset.frame.index
