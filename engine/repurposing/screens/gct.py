"""GCT 1.2 and 1.3, the text format of CMap: streamed once into a matrix that is read by blocks."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.core.stored_matrix import StoredMatrix, write_matrix
from engine.repurposing.screens.layout import ABSENT, Axis, Contents, is_swapped

BLOCK = 64  # rows of the file that are turned into columns at a time
SHOWN = 40  # letters of a broken value in a message


@dataclass(frozen=True)
class _Header:
    """Sizes and names from the lines above the numbers."""

    n_rows: int
    columns: tuple[str, ...]
    row_facts: tuple[str, ...]
    column_facts: pd.DataFrame
    lines: int


def read_gct(path: Path, target: Path) -> Contents:
    """Read a GCT file, or one inside .gz, writing its numbers as profiles × genes to ``target``.

    Raises
    ------
    UserError
        When the file is truncated or a value is no number; the message names its row and column.
    """
    with path.open("rb") as start:
        is_packed = start.read(2) == b"\x1f\x8b"
    try:
        with (gzip.open if is_packed else open)(path, "rt", encoding="utf-8-sig", errors="replace") as file:
            return _read(file, path.name, target)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise _truncated(path.name, "the compressed data stop in the middle") from problem


def _read(file: TextIO, name: str, target: Path) -> Contents:
    head = _header(file, name)
    swapped = is_swapped(head.row_facts, head.column_facts.columns)
    ids: list[str] = []
    facts: list[Sequence[str]] = []
    lines = _lines(file, head, name, ids, facts)
    if swapped:
        write_matrix(target, (head.n_rows, len(head.columns)), (row[None] for row in lines))
    else:
        _write_turned(target, (head.n_rows, len(head.columns)), lines)
    of_rows = Axis(tuple(ids), pd.DataFrame(facts, columns=list(head.row_facts), dtype="str"))
    of_columns = Axis(head.columns, head.column_facts)
    profiles, genes = (of_rows, of_columns) if swapped else (of_columns, of_rows)
    notes = (f"{name} has profiles in its rows and genes in its columns; it was turned round.",) if swapped else ()
    return Contents(StoredMatrix(target), profiles, genes, notes)


def _header(file: TextIO, name: str) -> _Header:
    version = file.readline().strip()
    if version not in ("#1.2", "#1.3"):
        raise UserError(
            f"{name} starts with '{version[:SHOWN]}', not with #1.2 or #1.3.", "Save it as GCT 1.3, GCTX, H5AD or Parquet.", name
        )
    try:
        sizes = [int(size) for size in file.readline().split()]
        n_rows, n_columns = sizes[:2]
        n_row_facts, n_column_facts = (sizes[2], sizes[3]) if version == "#1.3" else (1, 0)
    except (ValueError, IndexError):
        raise UserError(f"Line 2 of {name} does not give the size of the table.", "Save the file again.", f"{name}, line 2") from None
    names = file.readline().rstrip("\r\n").split("\t")
    if len(names) != 1 + n_row_facts + n_columns:
        raise _truncated(name, f"line 3 has {len(names):,} names where {1 + n_row_facts + n_columns:,} are due")
    told = {}
    for k in range(n_column_facts):
        fields = file.readline().rstrip("\r\n").split("\t")
        if len(fields) != len(names):
            raise _truncated(name, f"line {4 + k} has {len(fields):,} fields where {len(names):,} are due")
        told[fields[0]] = fields[1 + n_row_facts :]
    first = 1 + n_row_facts
    return _Header(n_rows, tuple(names[first:]), tuple(names[1:first]), pd.DataFrame(told, dtype="str"), 3 + n_column_facts)


def _lines(file: TextIO, head: _Header, name: str, ids: list[str], facts: list[Sequence[str]]) -> Iterator[NDArray[np.float32]]:
    """Yield the numbers of each row; its id and facts go into the lists."""
    first = 1 + len(head.row_facts)
    due = first + len(head.columns)
    for number in range(head.n_rows):
        fields = file.readline().rstrip("\r\n").split("\t")
        if len(fields) != due:
            found = len(fields) if any(fields) else 0
            raise _truncated(name, f"row {number + 1:,} of {head.n_rows:,} has {found:,} fields where {due:,} are due")
        ids.append(fields[0])
        facts.append(fields[1:first])
        yield _numbers(fields[first:], head, name, number)
    if file.readline().strip():
        raise UserError(f"{name} has more rows than the {head.n_rows:,} of its line 2.", "Correct line 2.", f"{name}, line 2")


def _numbers(fields: list[str], head: _Header, name: str, number: int) -> NDArray[np.float32]:
    try:
        values = np.array([float(field) for field in fields], dtype=np.float32)
    except ValueError:
        values = np.empty(len(fields), dtype=np.float32)
        for k, field in enumerate(fields):
            try:
                values[k] = np.nan if field.strip().lower() in ABSENT else float(field)
            except ValueError:
                line = head.lines + number + 1
                raise UserError(
                    f"Line {line:,} of {name} has '{field[:SHOWN]}' in column {head.columns[k]}, which is not a number.",
                    "Correct it, or leave it empty where nothing was measured.", f"{name}, line {line}",
                ) from None  # fmt: skip
    values[values == -666] = np.nan
    return values


def _write_turned(target: Path, shape: tuple[int, int], lines: Iterator[NDArray[np.float32]]) -> None:
    """Write rows of the file as columns, some at a time."""
    n_rows, n_columns = shape
    if 0 in shape:
        raise UserError("The table has no values.", "Choose a file with at least one profile and one gene.")
    out = np.lib.format.open_memmap(target, mode="w+", dtype="<f4", shape=(n_columns, n_rows))
    kept: list[NDArray[np.float32]] = []
    for number, row in enumerate(lines, 1):
        kept.append(row)
        if len(kept) == BLOCK or number == n_rows:
            out[:, number - len(kept) : number] = np.array(kept).T
            kept = []
    out.flush()


def _truncated(name: str, what: str) -> UserError:
    return UserError(f"{name} is not whole: {what}.", "It was probably cut off while it was downloaded or copied; fetch it again.", name)
