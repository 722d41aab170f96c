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
from engine.data.findings import Finding, named, refuse, reread
from engine.data.safety import MAX_COLUMNS, MAX_OPENED, MAX_RATIO, SMALL, check_zip

log = logging.getLogger("engine.data")
MOST_REGIMES = 50
H5_STRUCTURE = 5_000  # groups and datasets looked at before an HDF5 file is refused


@dataclass(frozen=True)
class RawTable:
    """A table as a file gives it: names that may repeat, columns 0, 1, ..., names of the rows if the format has them."""

    header: list[str]
    body: pd.DataFrame
    row_names: "pd.Index[Any] | None" = None
    findings: tuple[Finding, ...] = ()
    regime: tuple[str, ...] | None = None


def check_cells(rows: int, columns: int, limit: int | None, filename: str) -> None:
    """Refuse a table with too many columns, or with more cells than may be read at once."""
    if columns > MAX_COLUMNS and rows > MAX_COLUMNS:
        raise refuse("too-wide", f"{filename} has {columns:,} columns; at most {MAX_COLUMNS:,} are read.", where=filename)
    if limit is not None and rows * columns > limit:
        message = (
            f"{rows:,} rows × {columns:,} columns are {rows * columns / 1e6:,.1f} million cells, more than {limit / 1e6:,.0f} million."
        )
        offer = reread("Read it all the same (slow)", max_cells=rows * columns)
        raise refuse("too-many-cells", message + " Reading it takes a while.", offer, where=filename)


Reader = TypeVar("Reader", bound=Callable[..., RawTable])


def foreign(kind: str) -> Callable[[Reader], Reader]:
    """Turn whatever a format's library raises over a damaged file into a refusal that says so."""

    def guarded(reader: Reader) -> Reader:
        @functools.wraps(reader)
        def read(content: bytes, filename: str, *args: Any) -> RawTable:
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
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        _check_h5(file, filename)
        for part in ("X", "var"):
            if part not in file:
                raise refuse("h5ad-layout", f"{filename} has no {part}: it is not an AnnData file.", where=filename)
        values = _matrix(file["X"], filename, limit)
        header = _index_names(file["var"], filename)
        annotations = _annotations(file["obs"], len(values)) if "obs" in file and isinstance(file["obs"], h5py.Group) else {}
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


def _check_h5(file: Any, filename: str) -> None:
    """Refuse links to other files, storage outside the file, and objects that only Python could decode."""
    import h5py

    waiting, seen = [file], 0
    while waiting:
        group = waiting.pop()
        for name in group:
            seen += 1
            link = group.get(name, getlink=True)
            if seen > H5_STRUCTURE or not isinstance(link, h5py.HardLink):
                raise refuse(
                    "h5ad-unsafe", f"{filename} links to other places or is too nested. It was not read.", where=f"{group.name}/{name}"
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise refuse("h5ad-unsafe", f"{item.name} of {filename} is stored in another file. It was not read.", where=item.name)
                kinds = [item.dtype] if item.dtype.names is None else [item.dtype[field] for field in item.dtype.names]
                if any(kind.kind in "OV" and h5py.check_string_dtype(kind) is None for kind in kinds):
                    message = f"{item.name} of {filename} holds Python objects. It was not read. Save the file without it."
                    raise refuse("h5ad-unsafe", message, where=item.name)


def _matrix(node: Any, filename: str, limit: int | None) -> "np.typing.NDArray[np.float64]":
    """Read X, dense or compressed by rows or columns."""
    import h5py
    from scipy.sparse import csc_array, csr_array

    if isinstance(node, h5py.Dataset):
        if node.ndim != 2 or node.dtype.kind not in "fiub":
            raise refuse("h5ad-layout", f"X of {filename} is not a table of numbers.", where="X")
        check_cells(node.shape[0], node.shape[1], limit, filename)
        _check_inflation(node, filename)
        return np.asarray(node[()], dtype=np.float64)
    form = _text(node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", "")))
    shape = tuple(int(size) for size in node.attrs.get("shape", node.attrs.get("h5sparse_shape", ())))
    if len(shape) != 2 or not form.startswith(("csr", "csc")) or min(shape) < 0:
        raise refuse("h5ad-layout", f"X of {filename} is stored as '{form}', which is not read.", where="X")
    check_cells(shape[0], shape[1], limit, filename)
    parts = [node[name] for name in ("data", "indices", "indptr")]
    for part in parts:
        _check_inflation(part, filename)
    data, indices, indptr = (part[()] for part in parts)
    matrix = (csr_array if form.startswith("csr") else csc_array)((data.astype(np.float64), indices, indptr), shape=shape)
    matrix.check_format(full_check=True)
    return np.asarray(matrix.todense())


def _check_inflation(node: Any, filename: str) -> None:
    size, stored = node.size * node.dtype.itemsize, max(node.id.get_storage_size(), 1)
    if size > MAX_OPENED or (size > SMALL and size > MAX_RATIO * stored):
        raise refuse("file-archive", f"{node.name} of {filename} opens to {size / 1e6:,.0f} MB and was not opened.", where=node.name)


def _index_names(group: Any, filename: str) -> list[str]:
    import h5py

    if not isinstance(group, h5py.Group):
        raise refuse(
            "h5ad-layout", f"{filename} is in AnnData's layout before version 0.7. Save it again with a newer one.", where=filename
        )
    node = group[_text(group.attrs.get("_index", "_index"))]
    _check_inflation(node, filename)
    return [_text(name) for name in node[()]]


def _annotations(obs: Any, n: int) -> dict[str, tuple[str, ...]]:
    """Return the annotations of the rows that have between 2 and 50 values."""
    import h5py

    found = {}
    index = _text(obs.attrs.get("_index", "_index"))
    for name in (name for name in obs if name != index):
        node = obs[name]
        if isinstance(node, h5py.Group) and {"codes", "categories"} <= set(node):
            texts = [_text(label) for label in node["categories"][()]]
            codes = node["codes"][()]
            labels = tuple(texts[code] for code in codes) if len(codes) == n and codes.min(initial=0) >= 0 else ()
        elif isinstance(node, h5py.Dataset) and node.shape == (n,) and (node.dtype.kind in "iub" or h5py.check_string_dtype(node.dtype)):
            labels = tuple(_text(label) for label in node[()])
        else:
            continue
        if 2 <= len(set(labels)) <= min(MOST_REGIMES, n - 1):
            found[str(name)] = labels
    return found


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


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
