"""From the raw cells of a file to a dataset: names of rows, dates, repeated names, orientation, correlation matrices."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.core import Dataset, UserError
from engine.data.binary import RawTable
from engine.data.findings import Finding, Repair, named, refuse, reread
from engine.data.regimes import as_regimes
from engine.data.safety import MAX_COLUMNS, check_cells
from engine.data.series import parse_dates

if TYPE_CHECKING:
    from engine.data.files import Options

TALL = 5  # rows per column from which named rows may be variables
MANY_ROWS = 100
_RUNNING = re.compile(r"^(.*?)[\s_.\-]*\d+$")
_BARCODE = re.compile(r"^[ACGT]{8,}([-_].*)?$")


def tabulate(raw: RawTable, filename: str, chosen: "Options") -> tuple[Dataset, tuple[Finding, ...]]:
    """Make the dataset that the options describe, and say what else the table could be."""
    names, body, regime = list(raw.header), raw.body, raw.regime
    findings: list[Finding] = []
    if body.shape[0] == 0 or body.shape[1] == 0:
        raise refuse("file-empty", f"{filename} holds {len(names)} names but no rows.", where=filename)
    index = _index_position(names, body, chosen)
    dates, row_names = None, None
    if index is not None:
        dates = _dates(body[index], names[index], chosen, findings)
        row_names = None if dates is not None else _as_text(body[index])
        body, names = _numbered(body.drop(columns=index)), names[:index] + names[index + 1 :]
    elif chosen.index_column is None:
        findings += _row_name_findings(names, body)
    if body.shape[1] == 0:
        raise refuse("one-column", f"{filename} has 1 column, and it names the rows.", where=filename)
    if chosen.transpose:
        names, body = _transposed(names, body, row_names, filename, findings)
        row_names = dates = None
    check_cells(*body.shape, chosen.max_cells, filename)
    if body.shape[1] > MAX_COLUMNS:
        offer = reread("Variables are rows: transpose", transpose=True)
        raise refuse("too-wide", f"{filename} has {body.shape[1]:,} columns; at most {MAX_COLUMNS:,} are read.", offer, where=filename)
    names = [name or f"column {i + 1 + (index == 0)}" for i, name in enumerate(names)]
    names, body = _without_repeats(names, body, chosen.duplicate_columns)
    frame = _readable(body)
    frame.columns = names
    if chosen.n_samples is not None:
        return _correlation(frame, row_names, chosen.n_samples, filename), tuple(findings)
    if dates is not None:
        frame.index = dates
    dataset = Dataset(frame, filename, source=filename) if regime is None else _with_regimes(frame, regime, filename)
    if chosen.regime_column is not None and regime is None:
        dataset = as_regimes(dataset, chosen.regime_column)
    return dataset, (*findings, *_shape_findings(dataset, frame, row_names, chosen, filename))


def _index_position(names: list[str], body: pd.DataFrame, chosen: "Options") -> int | None:
    """Return which column names the rows: the one asked for, else a first column of dates, else (to transpose) a first column of text."""
    wish = chosen.index_column
    if isinstance(wish, str):
        if wish not in names:
            raise UserError(f"There is no column '{wish}' to name the rows.", f"The columns are: {named(names)}.", wish)
        return names.index(wish)
    if wish is not None:
        if wish >= len(names):
            raise UserError(f"There is no column number {wish} to name the rows.", f"Choose from 0 to {len(names) - 1}.", "index_column")
        return wish if wish >= 0 else None
    if pd.api.types.is_datetime64_any_dtype(body[0]):
        return 0
    if _is_text(body[0]) and body.shape[1] > 1:
        square = chosen.n_samples is not None or body.shape[0] == body.shape[1] - 1
        if chosen.transpose or (square and list(_as_text(body[0])) == names[1:]):
            return 0
        if parse_dates(_as_text(body[0]), chosen.date_format) is not None:
            return 0
    return None


def _dates(column: "pd.Series[Any]", name: str, chosen: "Options", findings: list[Finding]) -> pd.DatetimeIndex | None:
    """Return the rows' dates if the column holds dates, noting what was assumed."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.DatetimeIndex(column, name=None)
    parsed = parse_dates(_as_text(column), chosen.date_format) if _is_text(column) else None
    if parsed is None:
        return None
    dates, mixed, forms = parsed
    label = name or "column 1"
    if mixed:
        message = f"Column {label} mixes time zones. All times were turned to UTC; those without a zone were taken as UTC."
        findings.append(Finding("time-zones", "warn", message, label, (label,)))
    if len(forms) > 1:
        message = f"Dates of column {label} can be read in {len(forms)} ways, such as {dates[0]:%d %B %Y} for '{column.iloc[0]}'."
        offers = tuple(reread(f"Read as {form}", date_format=form) for form in forms[1:])
        findings.append(Finding("date-format", "warn", message, label, (label,), offers))
    message = f"Column {label} holds dates; they name the rows."
    findings.append(Finding("dates", "note", message, label, (label,), (reread("Keep them as a column", index_column=-1),)))
    return pd.DatetimeIndex(dates, name=None)


def _row_name_findings(names: list[str], body: pd.DataFrame) -> list[Finding]:
    """Ask whether the first column names the rows: it has no name, or holds a different text in every row."""
    if body.shape[1] < 2:
        return []
    first = body[0]
    unique = first.is_unique and first.notna().all()
    counting = not _is_text(first) and unique and len(first) > 2 and bool((np.diff(first.to_numpy(dtype=float)) == 1).all())
    if (not names[0] and (_is_text(first) or counting)) or (_is_text(first) and unique and len(first) > 2):
        message = "First column looks like row names. Use as index?"
        offers = (reread("Use as row names", index_column=0), reread("Keep as a variable", index_column=-1))
        return [Finding("row-names", "warn", message, names[0] or "column 1", (names[0] or "column 1",), offers)]
    return []


def _transposed(
    names: list[str], body: pd.DataFrame, row_names: "pd.Series[str] | None", filename: str, findings: list[Finding]
) -> tuple[list[str], pd.DataFrame]:
    """Turn rows into columns; a row without a name gets its number."""
    text = [names[i] for i in range(body.shape[1]) if _is_text(body[i])]
    if text:
        fix = "Give the column that names the rows, and leave out other text."
        raise UserError(f"{filename} cannot be transposed: {named(text)} hold text.", fix, text[0])
    turned = pd.DataFrame(body.to_numpy(dtype=np.float64).T.copy())
    numbered = [f"row{i + 1}" for i in range(len(body))]
    if row_names is None:
        return numbered, turned
    unnamed = [number for number, name in zip(numbered, row_names, strict=True) if pd.isna(name)]
    if unnamed:
        findings.append(Finding("row-names", "note", f"Rows without a name are called by their number: {named(unnamed)}.", unnamed[0]))
    return [number if pd.isna(name) else name.strip() for number, name in zip(numbered, row_names, strict=True)], turned


def _without_repeats(names: list[str], body: pd.DataFrame, how: str | None) -> tuple[list[str], pd.DataFrame]:
    """Resolve names that appear more than once, or refuse and offer the three ways to."""
    places: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        places.setdefault(name, []).append(i)
    repeated = [name for name, where in places.items() if len(where) > 1]
    if not repeated:
        return names, body
    if how is None:
        times = "twice" if len(places[repeated[0]]) == 2 else f"{len(places[repeated[0]])} times"
        also = f" So do {len(repeated) - 1} more." if len(repeated) > 1 else ""
        raise refuse(
            "duplicate-columns", f"Column '{repeated[0]}' appears {times}.{also} Keep first / rename / average.",
            reread("Keep the first", duplicate_columns="first"), reread("Rename the others", duplicate_columns="rename"),
            reread("Average them", duplicate_columns="average"), where=repeated[0], columns=tuple(repeated),
        )  # fmt: skip
    if how == "rename":
        taken = set(names)
        for name in repeated:
            for k, i in enumerate(places[name][1:], 2):
                while f"{name}.{k}" in taken:
                    k += 1
                names[i] = f"{name}.{k}"
                taken.add(names[i])
        return names, body
    if how == "average":
        body = body.copy()
        for name in repeated:
            if any(_is_text(body[i]) for i in places[name]):
                raise UserError(f"Column '{name}' appears twice and holds text, which has no average.", "Rename or keep the first.", name)
            body[places[name][0]] = body[places[name]].mean(axis=1)
    keep = [where[0] for where in places.values()]
    return list(places), _numbered(body[keep])


def _readable(body: pd.DataFrame) -> pd.DataFrame:
    """Turn columns of dates that do not name the rows into text."""
    stamped = [i for i in body.columns if pd.api.types.is_datetime64_any_dtype(body[i])]
    return (
        body.copy()
        if not stamped
        else pd.concat([body[i].dt.strftime("%Y-%m-%d") if i in stamped else body[i] for i in body.columns], axis=1)
    )


def _correlation(frame: pd.DataFrame, row_names: "pd.Series[str] | None", n_samples: int, filename: str) -> Dataset:
    text = [name for name in frame.columns if _is_text(frame[name])]
    if text or frame.shape[0] != frame.shape[1]:
        what = f"its column {text[0]} holds text" if text else f"it has {frame.shape[0]:,} rows and {frame.shape[1]:,} columns"
        raise UserError(
            f"{filename} is not a correlation matrix: {what}.", "Upload a square table with the same names in rows and columns.", filename
        )
    if row_names is not None and list(row_names) != list(frame.columns):
        if set(row_names) != set(frame.columns):
            raise UserError(f"Rows and columns of {filename} do not have the same names.", "Name both alike.", filename)
        frame = frame.set_axis(list(row_names), axis=0).loc[list(frame.columns)]
    values = frame.to_numpy(dtype=np.float64)
    values = np.where(np.isnan(values), values.T, values)  # a triangle stands for both
    return Dataset(pd.DataFrame(values, list(frame.columns), list(frame.columns)), filename, "correlation", filename, n_rows=int(n_samples))


def _with_regimes(frame: pd.DataFrame, regime: tuple[str, ...], filename: str) -> Dataset:
    column = "regime"
    while column in frame.columns:
        column += "_"
    return as_regimes(Dataset(frame.assign(**{column: list(regime)}), filename, source=filename), column)


def _shape_findings(
    dataset: Dataset, frame: pd.DataFrame, row_names: "pd.Series[str] | None", chosen: "Options", filename: str
) -> list[Finding]:
    found = []
    n, p = frame.shape
    if dataset.p == 1:
        message = f"The file has 1 column ({dataset.columns[0]}); a graph needs two or more."
        found.append(Finding("one-column", "warn", message, dataset.columns[0], dataset.columns, _separators(dataset.columns[0])))
    if not chosen.transpose:
        names, numbers = (row_names, p) if row_names is not None else (_as_text(frame.iloc[:, 0]), p - 1)
        textual = row_names is not None or _is_text(frame.iloc[:, 0])
        rest_numeric = not any(_is_text(frame.iloc[:, i]) for i in range(0 if row_names is not None else 1, p))
        if textual and rest_numeric and numbers >= 2 and n >= max(MANY_ROWS, TALL * numbers) and _are_variables(names):
            message = f"{n:,} rows × {numbers:,} columns: variables seem to be rows. Transpose?"
            found.append(
                Finding(
                    "variables-in-rows",
                    "warn",
                    message,
                    filename,
                    repairs=(reread("Transpose", index_column=chosen.index_column or 0, transpose=True),),
                )
            )
    if n == p and n >= 3 and not any(_is_text(frame[name]) for name in frame.columns):
        values = frame.to_numpy(dtype=np.float64)
        if np.allclose(np.diag(values), 1, atol=1e-6) and np.allclose(values, values.T, atol=1e-6) and (np.abs(values) < 1.01).all():
            message = f"This looks like a correlation matrix of {p} variables. How many samples are behind it?"
            offer = reread("Read as a correlation matrix", asks="n_samples")
            found.append(Finding("correlation-matrix", "warn", message, filename, repairs=(offer,)))
    return found


def _are_variables(names: "pd.Series[str]") -> bool:
    """Whether names of rows are those of variables (genes, proteins) and not numbered samples, barcodes or repeated labels."""
    head = names.iloc[:1000].astype(str).str.strip()
    if not names.is_unique or head.str.fullmatch(r"[\d.\-/: T]+").any():
        return False
    if head.str.match(_BARCODE).mean() > 0.5:
        return False
    stems = head.str.extract(_RUNNING)[0].dropna()
    return not (len(stems) > 0.9 * len(head) and stems.nunique() <= max(3, len(stems) // 50))


def _separators(name: str) -> tuple[Repair, ...]:
    """Offer the separators that the header of a single column holds."""
    pairs = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "bars"}
    return tuple(reread(f"Separate cells at {text}", separator=mark) for mark, text in pairs.items() if mark in name)


def _numbered(body: pd.DataFrame) -> pd.DataFrame:
    return body.set_axis(pd.RangeIndex(body.shape[1]), axis=1)


def _is_text(column: "pd.Series[Any]") -> bool:
    kind = column.dtype
    return isinstance(kind, pd.CategoricalDtype) or pd.api.types.is_string_dtype(kind) or pd.api.types.is_object_dtype(kind)


def _as_text(column: "pd.Series[Any]") -> "pd.Series[str]":
    if pd.api.types.is_float_dtype(column.dtype):
        return column.map(lambda value: f"{value:g}")
    return column.astype(str)
