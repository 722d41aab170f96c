"""Text tables: encoding, separator, decimal mark, header, and what is broken about them."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from engine.data.findings import Finding, Refusal, refuse, reread

SNIFF = 64 * 2**10
SNIFF_LINES = 200
WESTERN = "windows-1252"
SEPARATORS = (",", ";", "\t", "|", " ")
SEPARATOR_NAMES = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar", " ": "Space"}
GAPS = (
    "",
    "-",
    ".",
    "?",
    "NA",
    "N/A",
    "n/a",
    "na",
    "NaN",
    "nan",
    "NULL",
    "null",
    "None",
    "none",
    "#N/A",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "<NA>",
)
# Grouped thousands tell the decimal mark only where they can be nothing else: 1,234.56 or 1,234,567, but not 1,234.
_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|[+-]?(inf|infinity)$|[+-]?[1-9]\d{0,2}((,\d{3})+\.\d+|(,\d{3}){2,})$", re.I)
_COMMA = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?$|[+-]?(inf|infinity)$|[+-]?[1-9]\d{0,2}((\.\d{3})+,\d+|(\.\d{3}){2,})$", re.I)


@dataclass(frozen=True)
class Layout:
    """How a text table is laid out."""

    separator: str
    decimal: str
    columns: int


def decode(content: bytes, encoding: str | None, filename: str) -> tuple[str, str]:
    """Turn bytes into text and say in which encoding.

    Raises
    ------
    Refusal
        When the bytes are not UTF-8 and no encoding was given; its preview is the text read as Windows-1252.
    """
    if encoding is None:
        encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if encoding is None and b"\0" in content[:SNIFF]:
        even, odd = content[:SNIFF:2].count(0), content[1:SNIFF:2].count(0)
        if max(even, odd) < len(content[:SNIFF]) // 5:
            raise refuse("file-type", f"{filename} is not a text table: it holds bytes of value 0.", where=filename)
        encoding = "utf-16-be" if even > odd else "utf-16-le"
    try:
        return content.decode(encoding or "utf-8"), encoding or "utf-8"
    except LookupError:
        raise refuse("encoding", f"There is no encoding '{encoding}'.", reread("Read as UTF-8", encoding="utf-8"), where=filename) from None
    except UnicodeDecodeError as problem:
        if encoding is not None:
            message = f"{filename} is not {encoding}: byte {problem.start:,} does not fit."
            raise refuse("encoding", message, reread("Read as Western European", encoding=WESTERN), where=filename) from None
        row = content[: problem.start].count(b"\n") + 1
        offer = reread("Read as Western European (Windows-1252)", encoding=WESTERN)
        finding = Finding("encoding", "stop", f"Not UTF-8 (row {row:,}). Read as Western European? Preview below.", filename, (), (offer,))
        raise Refusal(finding, _preview(content)) from None


_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def layout_of(text: str, separator: str | None = None, decimal: str | None = None) -> Layout:
    """Find separator and decimal mark on the first 64 kB.

    Each candidate pair is scored by the share of lines that have the commonest number of cells and by the share of their cells that are
    numbers; equal scores go to the earlier candidate, so a point beats a comma as decimal mark.
    """
    lines = [line for line in text[:SNIFF].splitlines() if line.strip()]
    lines = lines[: -1 if len(text) > SNIFF and len(lines) > 1 else None][:SNIFF_LINES]
    best, best_score = Layout(separator or ",", decimal or ".", 1), (0.0, 0)
    for candidate in (separator,) if separator else SEPARATORS:
        rows = [_cells(line, candidate) for line in lines]
        # A header may have one cell less (row names without a title); it does not count against a separator.
        counts = [len(row) for row in rows[1:]] or [len(row) for row in rows]
        usual = max(set(counts), key=counts.count, default=1)
        if usual < 2:
            continue
        steady = counts.count(usual) / len(counts)
        if rows and abs(len(rows[0]) - usual) > 1:
            steady /= 2
        body = [cell.strip() for row in rows[1:] for cell in row]
        body = [cell for cell in body if cell not in GAPS]
        for mark in (decimal,) if decimal else (".", ","):
            if mark == candidate:
                continue
            form = _COMMA if mark == "," else _POINT
            numeric = sum(bool(form.match(cell)) for cell in body) / max(len(body), 1)
            score = (round(steady * (0.5 + numeric), 6), 0 if candidate == " " else usual)
            if score[0] > best_score[0] + 1e-9 or (
                score[0] > best_score[0] - 1e-9 and score[1] > best_score[1] and candidate != best.separator
            ):
                best, best_score = Layout(candidate, mark, usual), score
    return best


def check_quotes(text: str, filename: str) -> None:
    """Refuse text in which a quote is never closed, naming the row where it opened."""
    if text.count('"') % 2 == 0:
        return
    row = next(i for i, line in enumerate(text.splitlines(), 1) if line.count('"') % 2)
    raise refuse("quote", f"A quote opened in row {row:,} is never closed.", where=f"{filename}, row {row}")


def parse(text: str, layout: Layout, header: bool, filename: str) -> tuple[list[str], pd.DataFrame]:
    """Read the cells.

    Returns
    -------
    header : one name per column, as written (may repeat or be blank); invented ones when there is no header.
    body : table with columns 0, 1, ...; numbers where every cell of a column is a number or a gap, else text.
    """
    records = csv.reader(_lines(text), delimiter=layout.separator, skipinitialspace=layout.separator == " ")
    try:
        first: list[str] = next((row for row in records if any(cell.strip() for cell in row)), [])
    except csv.Error as problem:
        raise refuse("ragged", f"Row 1 of {filename} cannot be read: {problem}.", where=f"{filename}, row 1") from None
    skipped = records.line_num if header else 0
    width = len(first)
    if width > 1 and all(not cell.strip() for cell in first):
        raise refuse("file-empty", "The file is empty.", where=filename)
    try:
        body = pd.read_csv(
            io.StringIO(text), sep=r"\s+" if layout.separator == " " else layout.separator, decimal=layout.decimal, header=None,
            skiprows=skipped, na_values=list(GAPS), keep_default_na=False, low_memory=False, index_col=False, skip_blank_lines=True,
        )  # fmt: skip
    except pd.errors.EmptyDataError:
        return [cell.strip() for cell in first], pd.DataFrame(columns=range(width))
    except pd.errors.ParserError as problem:
        seen = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(problem))
        if seen is None:
            raise refuse("ragged", f"{filename} cannot be read as a table: {str(problem).strip()[:120]}.", where=filename) from None
        usual, row, found = map(int, seen.groups())
        message = f"Row {row + (skipped if row <= skipped else 0):,} has {found} cells where the rows before have {usual}."
        raise refuse("ragged", message + " Check the separator, or quote cells that contain it.", where=f"{filename}, row {row}") from None
    names = [cell.strip() for cell in first] if header else [f"X{i + 1}" for i in range(body.shape[1])]
    if len(names) == body.shape[1] - 1:
        names = ["", *names]  # R writes row names without a title
    elif len(names) != body.shape[1]:
        message = f"The header has {len(names)} names but the rows have {body.shape[1]} cells."
        raise refuse("ragged", message, reread("Row 1 is data, not names", header=False), where=f"{filename}, row 1")
    return names, body


def is_number(cell: str, decimal: str) -> bool:
    """Whether a cell holds a number written with this decimal mark."""
    return bool((_COMMA if decimal == "," else _POINT).match(cell.strip()))


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    return line.split(separator) if '"' not in line else next(csv.reader([line], delimiter=separator), [])


def _lines(text: str) -> Iterator[str]:
    """Yield the lines one by one; a long text is not copied."""
    return iter(io.StringIO(text, newline=""))


def _preview(content: bytes) -> pd.DataFrame:
    text = content[:SNIFF].decode(WESTERN, errors="replace")
    layout = layout_of(text)
    rows = [_cells(line, layout.separator) for line in text.splitlines()[:6]]
    width = max(map(len, rows), default=0)
    return pd.DataFrame([[*row, *[""] * (width - len(row))] for row in rows])
