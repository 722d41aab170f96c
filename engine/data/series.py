"""Rows in time: dates in order, prices to returns."""

import dataclasses

import numpy as np
import pandas as pd

from engine.core import Dataset, UserError
from engine.data.step import known_columns, repairs

DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%Y-%m")


@repairs
def to_returns(dataset: Dataset, log: bool = False) -> Dataset:
    """Turn prices into simple returns p_t / p_(t-1) - 1 (or log returns); the first row goes."""
    prices = pd.DataFrame(dataset.numeric, columns=list(dataset.columns), index=dataset.frame.index)
    if not (prices.min() > 0).all():
        raise UserError(f"{dataset.name} has prices of 0 or below.", "Remove these columns, or keep the table as it is.")
    logarithms = pd.DataFrame(np.log(prices.to_numpy()), index=prices.index, columns=prices.columns)
    returns = (logarithms.diff() if log else prices.pct_change(fill_method=None)).iloc[1:]
    regime = dataset.regime and dataset.regime[1:]
    return dataclasses.replace(dataset, frame=returns, kind="returns", regime=regime)


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
    dates = parse_dates(dataset.frame[column].astype(str))
    if dates is None:
        raise UserError(f"Column {column} does not hold dates.", "Choose another column, or remove it.", column)
    return dataset.select([name for name in dataset.columns if name != column]).with_frame(
        dataset.frame.drop(columns=column).set_index(dates[0])
    )


def parse_dates(texts: "pd.Series[str]", form: str | None = None) -> tuple[pd.DatetimeIndex, bool, tuple[str, ...]] | None:
    """Read text as dates without time zone.

    Returns
    -------
    The dates, whether some carried a time zone (those are turned to UTC) and some did not, and the formats that fit
    equally well; None when the text is not dates.
    """
    start = texts.iloc[:50].astype(str)
    if not start.str.match(r"^\s*\d{1,4}[-/.]\d{1,2}").all() and not (form or start.str.match(r"^(19|20)\d{6}$").all()):
        return None
    fitting = [form] if form else [known for known in DATE_FORMATS if pd.to_datetime(texts, format=known, errors="coerce").notna().all()]
    if fitting:
        try:
            return pd.DatetimeIndex(pd.to_datetime(texts, format=fitting[0])), False, tuple(fitting)
        except ValueError:
            return None
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
