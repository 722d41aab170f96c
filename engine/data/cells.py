"""The doctor on single cells and names: gaps, infinities, text among numbers, identifiers, dates, names a spreadsheet changed."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from engine.data.correlations import FEWEST_SHARED
from engine.data.findings import Finding, named, repair, verb
from engine.data.look import Look
from engine.data.series import parse_dates
from engine.data.transform import as_numbers

MOSTLY = 0.5  # share of cells that are numbers, from which a text column was meant to be numeric
MIN_IDS = 10
TOO_LARGE = 1e150
GENE_MONTHS = {
    "jan": "JAN", "feb": "FEB", "mar": "MARCH", "apr": "APR", "may": "MAY", "jun": "JUN", "jul": "JUL", "aug": "AUG",
    "sep": "SEPT", "oct": "OCT", "nov": "NOV", "dec": "DEC",
}  # fmt: skip
_DAY_MONTH = re.compile(r"^(?P<day>\d{1,2})[-. ](?P<month>[A-Za-z]{3})$")
_MONTH_DAY = re.compile(r"^(?P<month>[A-Za-z]{3})[-. ](?P<day>\d{1,2})$")
_ID_NAME = re.compile(r"(^|[_\W])(id|index|no|nr|number|row|key|barcode|uuid)$", re.I)


def gaps(look: Look) -> Iterator[Finding]:
    """Count missing and infinite cells per column."""
    if look.dataset.kind == "correlation":
        return
    frame = look.dataset.frame
    missing = dict(zip(look.names, np.isnan(look.values).sum(axis=0), strict=True)) if not look.is_complete else {}
    missing |= {name: int(frame[name].isna().sum()) for name in look.text_columns}
    infinite = dict(zip(look.names, np.isinf(look.values).sum(axis=0), strict=True)) if not look.is_complete else {}
    for code, what, counts in (("missing", "missing", missing), ("infinite", "infinite", infinite)):
        columns = tuple(name for name, count in counts.items() if count)
        if not columns:
            continue
        empty = [name for name in columns if counts[name] == look.n]
        listed = named([f"{name} ({counts[name]:,})" for name in columns])
        total = sum(counts[name] for name in columns)
        rows, dropped = _rows_with_gaps(look, columns, code)
        offers = (
            [repair(f"Drop these columns ({len(columns)})", "drop_columns", columns=list(columns))] if len(columns) < look.dataset.p else []
        )
        if not empty:
            offers.insert(0, repair("Fill with the median", "impute", columns=list(columns), how="median"))
        if dropped < look.n:
            offers.insert(0, repair(f"Drop {dropped:,} rows", "drop_rows_with_gaps", columns=list(columns)))
        if look.dataset.regime is None and not look.text_columns and look.dataset.p > 1 and look.n >= FEWEST_SHARED and not empty:
            offers.append(repair("Use the rows that each pair shares", "pairwise_correlation"))
        message = f"{total:,} {what} cells in {rows:,} of {look.n:,} rows, in {listed}. Drop the rows, fill the gaps, or drop the columns."
        yield Finding(code, "stop", message, columns[0], columns, tuple(offers))


def too_large(look: Look) -> Iterator[Finding]:
    """Find columns whose squares overflow."""
    columns = look.columns((look.high > TOO_LARGE) | (look.low < -TOO_LARGE))
    columns = tuple(name for name in columns if look.counts[look.names.index(name)])
    if columns:
        offers = (repair("Leave out", "drop_columns", columns=list(columns)),) if len(columns) < look.dataset.p else ()
        message = f"{named(columns)} {verb(columns, 'holds', 'hold')} numbers beyond {TOO_LARGE:g}, whose squares cannot be computed."
        yield Finding("too-large", "stop", message, columns[0], columns, offers)


def text_in_numbers(look: Look) -> Iterator[Finding]:
    """Find text columns most of whose cells are numbers."""
    for name in look.text_columns:
        column = look.dataset.frame[name]
        numbers = as_numbers(column)
        given = column.notna()
        wrong = given & numbers.isna()
        if not given.any() or not wrong.any() or numbers.notna().sum() < MOSTLY * given.sum():
            continue
        texts = column[wrong].value_counts()
        shown = named([f"'{text}' ({count:,})" for text, count in texts[texts > 0].items()])
        message = f"Column {name} holds {int(wrong.sum()):,} cells that are not numbers: {shown}."
        yield Finding(
            "text-in-numbers", "stop", message, name, (name,),
            (repair("Treat them as missing", "to_numbers", columns=[name]), repair(f"Drop {name}", "drop_columns", columns=[name])),
        )  # fmt: skip


def identifiers(look: Look) -> Iterator[Finding]:
    """Propose to leave out columns that number or name the rows."""
    found = []
    if look.n >= MIN_IDS and look.dataset.kind != "correlation":
        for j in np.flatnonzero(look.whole & (look.counts == look.n) & look.varies):
            span = look.high[j] - look.low[j] + 1
            if (span <= 1.5 * look.n or _ID_NAME.search(look.names[j])) and len(np.unique(look.values[:, j])) == look.n:
                found.append(look.names[j])
        for name in look.text_columns:
            column = look.dataset.frame[name]
            if column.notna().all() and len(column.cat.categories) >= look.n and column.is_unique and not _is_date(column):
                found.append(name)
    if found and len(found) < look.dataset.p:
        what = verb(found, "looks like an identifier", "look like identifiers")
        offer = repair("Leave out", "drop_columns", columns=found)
        yield Finding("identifier", "warn", f"{named(found)} {what}: a different value in every row.", found[0], tuple(found), (offer,))


def date_columns(look: Look) -> Iterator[Finding]:
    """Find text columns that hold dates."""
    for name in look.text_columns:
        if _is_date(look.dataset.frame[name]) and look.dataset.p > 1:
            offers = [repair(f"Drop {name}", "drop_columns", columns=[name])]
            if not isinstance(look.dataset.frame.index, pd.DatetimeIndex) and look.dataset.frame[name].notna().all():
                offers.insert(0, repair("Use as dates of the rows", "dates_as_index", column=name))
            yield Finding("date-column", "stop", f"Column {name} holds dates, which are no variable.", name, (name,), tuple(offers))


def spreadsheet_names(look: Look) -> Iterator[Finding]:
    """Find names that a spreadsheet turned into dates, such as ``2-Sep`` for SEPT2."""
    names: dict[str, str] = {}
    taken = set(look.dataset.columns)
    for name in look.dataset.columns:
        match = _DAY_MONTH.match(name) or _MONTH_DAY.match(name)
        if match and match["month"].lower() in GENE_MONTHS:
            new = f"{GENE_MONTHS[match['month'].lower()]}{int(match['day'])}"
            names[name] = new if new not in taken else f"{new} ({name})"
            taken.add(names[name])
    if names:
        shown = named([f"{old} → {new}?" for old, new in names.items()])
        message = f"{len(names)} {verb(names, 'name looks like a date', 'names look like dates')} made by a spreadsheet ({shown})."
        yield Finding("spreadsheet-names", "warn", message, next(iter(names)), tuple(names), (repair("Rename", "rename", names=names),))


def _rows_with_gaps(look: Look, columns: tuple[str, ...], code: str) -> tuple[int, int]:
    """Count the rows with this kind of gap in the columns, and those with any kind, which a repair would drop."""
    where = [look.names.index(name) for name in columns if name in look.names]
    values = look.values[:, where]
    bad = (np.isinf(values) if code == "infinite" else np.isnan(values)).any(axis=1)
    text = look.dataset.frame[[name for name in columns if name in look.text_columns]].isna().any(axis=1).to_numpy()
    return int((bad | text).sum()), int((~np.isfinite(values).all(axis=1) | text).sum())


def _is_date(column: "pd.Series[str]") -> bool:
    texts = pd.Series(column.cat.categories.astype(str))
    return len(texts) > 1 and parse_dates(texts.iloc[:1000]) is not None
