"""Files in: from the bytes of an upload to a dataset, saying what was found on the way."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from engine.core import Dataset, UserError
from engine.data import text
from engine.data.binary import RawTable, read_excel, read_h5ad, read_parquet
from engine.data.findings import FileReport, Finding, Refusal, named, refuse, reread, stops_first
from engine.data.moments import read_correlations
from engine.data.safety import TEXT, check_cells, check_start, checked_file, existing, opened
from engine.data.table import tabulate
from engine.data.thousands import without_thousands

INLINE_CELLS = 5_000_000
FORMATS = ("csv", "xlsx", "parquet", "h5ad")
PREVIEW_ROWS = 10


@dataclass(frozen=True)
class Options:
    """How a file is to be read; None means: find out.

    Attributes
    ----------
    format : csv (any text table), xlsx, parquet or h5ad; by default from the extension.
    encoding, separator, decimal : of a text table.
    header : whether row 1 holds the names.
    index_column : number (0 is the first) or name of the column with the names or dates of the rows; -1 for none.
    sheet : of an Excel file.
    transpose : whether variables are rows.
    n_samples : number of samples behind a correlation matrix; makes the table one.
    regime_column : column that says in which setting a row was measured.
    duplicate_columns : ``first``, ``rename`` or ``average``.
    date_format : as in ``strptime``, when dates can be read in two ways.
    max_cells : most cells to read; None for no limit.
    correlations : whether to keep the correlations of the numeric columns only, of a Parquet file of any size, read in parts; with
        ``regime_column`` those within regimes.
    """

    format: str | None = None
    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    header: bool | None = None
    index_column: int | str | None = None
    sheet: str | None = None
    transpose: bool = False
    n_samples: int | None = None
    regime_column: str | None = None
    duplicate_columns: str | None = None
    date_format: str | None = None
    max_cells: int | None = None
    correlations: bool = False

    def __post_init__(self) -> None:
        """Check the values that come from a fixed list."""
        for name, allowed in (("format", FORMATS), ("duplicate_columns", ("first", "rename", "average")), ("decimal", (".", ","))):
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise UserError(f"Option {name} cannot be {value!r}.", f"Choose one of: {', '.join(allowed)}.", name)
        if self.separator is not None and len(self.separator) != 1:
            raise UserError(f"Option separator cannot be {self.separator!r}.", "Give one character, such as a semicolon.", "separator")

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Options":
        """Build from named values; an unknown name is a `UserError`."""
        known = [f.name for f in dataclasses.fields(cls)]
        for name in options:
            if name not in known:
                raise UserError(f"There is no option '{name}'.", f"The options are: {', '.join(known)}.", name)
        return cls(**options)

    def given(self) -> dict[str, Any]:
        """Return the options that differ from their defaults."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}


def read(source: str | Path | bytes, *, filename: str | None = None, **options: Any) -> Dataset:
    """Read a table from a file: CSV, TSV, Excel, Parquet or H5AD, also inside .gz or .zip.

    Parameters
    ----------
    source : path of the file, or its bytes.
    filename : label, and for bytes the extension.
    options : see `Options`: encoding, separator, decimal, header, index_column, sheet, transpose, n_samples (makes a correlation
        matrix), regime_column, duplicate_columns, date_format, format, max_cells, correlations (of a Parquet file larger than memory).

    Raises
    ------
    UserError
        When the file cannot be read without a decision of the user; the error says which option makes it.
    """
    chosen = Options.of(options)
    content = source if isinstance(source, bytes) else existing(source) if chosen.correlations else checked_file(source)
    label = filename or ("data.csv" if isinstance(source, bytes) else Path(source).name)
    made, _, _ = _open(content, label, chosen)
    place = label if isinstance(source, bytes) else str(source)
    named = {"filename": filename} if filename and not isinstance(source, bytes) else {}
    return made.after("engine.read", source=place, **named, **chosen.given())


def inspect_file(content: bytes, filename: str, **options: Any) -> FileReport:
    """Read an upload and report what was found; mistakes of the user become findings, never errors.

    At most 5 million cells are read unless ``max_cells`` says otherwise.
    """
    given = {"max_cells": INLINE_CELLS} | options
    try:
        chosen = Options.of(given)
        made, findings, used = _open(content, filename, chosen)
    except Refusal as stop:
        preview = stop.preview if stop.preview is not None else pd.DataFrame()
        return FileReport((stop.finding,), None, preview, options)
    except UserError as problem:
        return FileReport((Finding("unreadable", "stop", str(problem), problem.where),), None, pd.DataFrame(), options)
    except MemoryError:
        finding = Finding("too-many-cells", "stop", f"{filename} does not fit into memory. Choose fewer rows or columns.", filename)
        return FileReport((finding,), None, pd.DataFrame(), options)
    made = made.after("engine.read", source=filename, **_without_limit(chosen))
    return FileReport(findings, made, made.frame.head(PREVIEW_ROWS), options | used)


def _without_limit(chosen: Options) -> dict[str, Any]:
    """Return the options without the limit on cells, which says nothing about the table."""
    return {name: value for name, value in chosen.given().items() if name != "max_cells"}


def _open(content: bytes | Path, filename: str, chosen: Options) -> tuple[Dataset, tuple[Finding, ...], dict[str, Any]]:
    """Return the dataset, the findings and the options that were detected; a path is read in parts."""
    content, inner = (content, filename) if isinstance(content, Path) else opened(content, filename)
    extension = Path(inner).suffix.lower()
    form = chosen.format or ("csv" if extension in TEXT else extension[1:])
    if chosen.correlations:
        if form != "parquet":
            message = f"Correlations alone are taken of Parquet files, which can be read in parts; {filename} is none."
            raise refuse("file-type", message, reread("Read the table", correlations=False), where=filename)
        made, findings = read_correlations(content, inner, chosen.regime_column)
        return made, stops_first(findings), {"format": form}
    assert isinstance(content, bytes)
    check_start(content, inner, "text" if form == "csv" else form)
    detected: dict[str, Any] = {"format": form}
    if form == "csv":
        raw, layout = _read_text(content, inner, chosen)
        detected |= layout
    elif form == "xlsx":
        raw = read_excel(content, inner, chosen.sheet, chosen.header is not False, chosen.max_cells)
    elif form == "parquet":
        raw = read_parquet(content, inner, chosen.max_cells)
    else:
        raw = read_h5ad(content, inner, chosen.regime_column, chosen.max_cells)
    dataset, findings = tabulate(raw, inner, chosen)
    return dataset, stops_first((*raw.findings, *findings)), detected


def _read_text(content: bytes, filename: str, chosen: Options) -> tuple[RawTable, dict[str, Any]]:
    """Read a text table and say how it was laid out."""
    texts, encoding = text.decode(content, chosen.encoding, filename)
    if not texts.strip():
        raise refuse("file-empty", "The file is empty.", where=filename)
    text.check_quotes(texts, filename)
    layout = text.layout_of(texts, chosen.separator, chosen.decimal)
    check_cells(texts.count("\n"), layout.columns, chosen.max_cells, filename)
    names, body = text.parse(texts, layout, chosen.header is not False, filename)
    findings = []
    if (layout.separator, layout.decimal) not in ((",", "."), ("\t", ".")) and chosen.separator is None and layout.columns > 1:
        name = text.SEPARATOR_NAMES[layout.separator]
        message = f"{name} file with decimal {'commas' if layout.decimal == ',' else 'points'}: {body.shape[1]} columns."
        other = "." if layout.decimal == "," else ","
        offer = reread(f"Decimal {'points' if other == '.' else 'commas'} instead", separator=layout.separator, decimal=other)
        findings.append(Finding("separator", "note", message, filename, repairs=(offer,)))
    if chosen.header is None and len(names) > 1 and all(text.is_number(name, layout.decimal) for name in names if name):
        message = "Row 1 holds numbers where names are expected."
        findings.append(
            Finding("no-header", "warn", message, f"{filename}, row 1", repairs=(reread("Row 1 is data, not names", header=False),))
        )
    body, grouped = without_thousands(body, layout.decimal)
    if grouped:
        cell, value = next(iter(grouped.values()))
        columns = tuple(names[place] or f"column {place + 1}" for place in grouped)
        message = f"Thousands are grouped in {named(columns)}: '{cell}' was read as {value:.12g}."
        findings.append(Finding("thousands", "note", message, columns[0], columns))
    detected = {"encoding": encoding, "separator": layout.separator, "decimal": layout.decimal}
    return RawTable(names, body, findings=tuple(findings)), detected
