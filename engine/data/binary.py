"""Tables that are not text: Excel workbooks, Parquet, and AnnData's H5AD."""

import functools
import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd

from engine.core import UserError
from engine.data import h5ad
from engine.data.findings import Finding, named, refuse, reread
from engine.data.safety import MAX_COLUMNS, MAX_OPENED, MAX_RATIO, SMALL, check_cells, check_zip

log = logging.getLogger("engine.data")


@dataclass(frozen=True)
class RawTable:
    """A table as a file gives it: names that may repeat, columns 0, 1, ..., names of the rows if the format has them."""

    header: list[str]
    body: pd.DataFrame
    row_names: "pd.Index[Any] | None" = None
    findings: tuple[Finding, ...] = ()
    regime: tuple[str, ...] | None = None


Reader = TypeVar("Reader", bound=Callable[..., Any])


def foreign(kind: str) -> Callable[[Reader], Reader]:
    """Turn whatever a format's library raises over a damaged file into a refusal that says so."""

    def guarded(reader: Reader) -> Reader:
        @functools.wraps(reader)
        def read(content: Any, filename: str, *args: Any) -> Any:
            try:
                return reader(content, filename, *args)
            except (UserError, MemoryError):
                raise
            except Exception:
                log.info("%s could not be read as %s", filename, kind, exc_info=True)
                raise refuse("damaged", f"{filename} is damaged, or does not follow the layout of {kind}.", where=filename) from None

        return cast(Reader, read)

    return guarded


@foreign("an Excel file")
def read_excel(content: bytes, filename: str, sheet: str | None, header: bool, limit: int | None) -> RawTable:
    """Read one sheet of an Excel workbook; formulas count as the values stored with them."""
    import openpyxl

    check_zip(content, filename)
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    titles = book.sheetnames
    chosen = titles[0] if sheet is None else sheet
    if chosen not in titles:
        offers = [reread(f"Read sheet '{title}'", sheet=title) for title in titles[:10]]
        raise refuse("sheets", f"{filename} has no sheet '{chosen}'. Its sheets are: {named(titles)}.", *offers, where=filename)
    page = book[chosen]
    if not hasattr(page, "reset_dimensions"):
        raise refuse("sheets", f"Sheet '{chosen}' of {filename} is a chart, not a table.", where=chosen)
    page.reset_dimensions()
    rows, width = [], 0
    for cells in page.iter_rows(values_only=True):
        while cells and cells[-1] is None:
            cells = cells[:-1]
        width = max(width, len(cells))
        rows.append(cells)
        if len(rows) * width > (limit or np.inf) or width > MAX_COLUMNS:
            check_cells(page.max_row or len(rows), width, limit, filename)
            check_cells(len(rows), width, limit, filename)
    book.close()
    rows = [row for row in rows if row]
    if not rows:
        raise refuse("file-empty", f"Sheet '{chosen}' is empty.", where=chosen)
    head = rows.pop(0) if header else ()
    names = [_cell_name(cell) for cell in (*head, *(None,) * (width - len(head)))] if header else [f"X{i + 1}" for i in range(width)]
    columns = {i: _column([row[i] if i < len(row) else None for row in rows]) for i in range(width)}
    others = [title for title in titles if title != chosen]
    note = Finding(
        "sheets", "note", f"Sheet '{chosen}' is read. The file also has {named(others)}.", chosen,
        repairs=tuple(reread(f"Read sheet '{title}'", sheet=title) for title in others[:10]),
    )  # fmt: skip
    return RawTable(names, pd.DataFrame(columns, index=range(len(rows))), findings=(note,) if others and sheet is None else ())


@foreign("a Parquet file")
def read_parquet(content: bytes, filename: str, limit: int | None) -> RawTable:
    """Read a flat Parquet table; nested columns are refused."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(content))
    check_cells(file.metadata.num_rows, file.metadata.num_columns, limit, filename)
    declared = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    if declared > MAX_OPENED or (declared > SMALL and declared > MAX_RATIO * len(content)):
        raise refuse("file-archive", f"{filename} opens to {declared / 1e6:,.0f} MB and was not opened.", where=filename)
    for column in file.schema_arrow:
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            message = f"Column {column.name} of {filename} holds {column.type}, not numbers or text."
            raise refuse("nested", message + " Leave it out when saving the file.", where=column.name)
    frame = file.read().to_pandas(ignore_metadata=True)
    names = ["" if str(name).startswith("__index_level_") else str(name) for name in frame.columns]
    frame.columns = range(frame.shape[1])
    for i in frame.columns:
        if isinstance(frame[i].dtype, pd.DatetimeTZDtype):
            frame[i] = frame[i].dt.tz_convert("UTC").dt.tz_localize(None)
        elif frame[i].dtype == object:
            frame[i] = _column(frame[i].tolist())
    return RawTable(names, frame)


@foreign("an AnnData file")
def read_h5ad(content: bytes, filename: str, regime_column: str | None, limit: int | None) -> RawTable:
    """Read the matrix X of an AnnData file with the names of its variables, and offer its annotations as regimes."""
    values, header, annotations = h5ad.contents(content, filename, limit)
    if len(header) != values.shape[1]:
        raise refuse("h5ad-layout", f"{filename} names {len(header):,} variables but X has {values.shape[1]:,} columns.", where=filename)
    regime = None
    findings: tuple[Finding, ...] = ()
    if regime_column is not None:
        if regime_column not in annotations:
            offers = [reread(f"Use '{name}'", regime_column=name) for name in list(annotations)[:10]]
            raise refuse("regime-column", f"{filename} has no usable annotation '{regime_column}'.", *offers, where=regime_column)
        regime = annotations[regime_column]
    elif annotations:
        offers = [
            reread(f"Use '{name}' ({len(set(labels))} values) as regimes", regime_column=name) for name, labels in annotations.items()
        ]
        message = f"The cells are annotated by {named(annotations)}. Was one of these the setting of the experiment?"
        findings = (Finding("regime-column", "note", message, filename, tuple(annotations), tuple(offers[:10])),)
    return RawTable(header, pd.DataFrame(values), None, findings, regime)


def _cell_name(cell: Any) -> str:
    if isinstance(cell, datetime):  # a gene name that Excel took for a date
        return f"{cell.day}-{cell:%b}"
    return "" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell).strip()


def _column(cells: list[Any]) -> "pd.Series[Any]":
    """Make numbers of numbers and dates of dates; a mixed column becomes text."""
    kept = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, (int, float, np.number)) for cell in kept):
        return pd.Series([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
    if all(isinstance(cell, datetime) for cell in kept):
        return pd.Series(pd.to_datetime(pd.Series(cells)))
    try:
        decimals = pd.Series(cells, dtype=object).map(float, na_action="ignore")
        return decimals.astype(np.float64)
    except (TypeError, ValueError):
        return pd.Series([None if cell is None else str(cell) for cell in cells], dtype="str")
