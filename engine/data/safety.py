"""What may be opened: allowed kinds, sizes, and archives that cannot grow without limit."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from engine.core import UserError
from engine.data.findings import Repair, refuse, reread

MAX_FILE = 200 * 2**20
MAX_OPENED = 2**30
MAX_RATIO = 100
SMALL = 2**20  # small tables of zeros pack tighter than MAX_RATIO and harm nobody
MAX_MEMBERS = 1_000
BLOCK = 2**18
MAX_COLUMNS = 20_000

TABLES = (".csv", ".tsv", ".txt", ".tab", ".xlsx", ".parquet", ".h5ad")
TEXT = (".csv", ".tsv", ".txt", ".tab")
STARTS = {
    b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gz", b"PAR1": "parquet", b"\x89HDF\r\n\x1a\n": "h5ad",
    b"\xd0\xcf\x11\xe0": "xls", b"%PDF": "pdf", b"\x80\x02": "pickle", b"\x80\x03": "pickle", b"\x80\x04": "pickle", b"\x80\x05": "pickle",
}  # fmt: skip
NAMES = {
    "zip": "a ZIP archive", "gz": "a gzip archive", "parquet": "a Parquet file", "h5ad": "an HDF5 file", "xls": "an old Excel file (.xls)",
    "pdf": "a PDF", "pickle": "a Python pickle", "xlsx": "an Excel file", "text": "text",
}  # fmt: skip


def checked_file(path: str | Path) -> bytes:
    """Read a file from disk if it is there and not larger than 200 MB."""
    path = existing(path)
    if path.stat().st_size > MAX_FILE:
        raise _too_large(path.name, path.stat().st_size)
    return path.read_bytes()


def existing(path: str | Path) -> Path:
    """Return the path of a file if it is there."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no file '{path}'.", "Check the path, or name a bundled sample.", str(path))
    return path


def opened(content: bytes, filename: str, allowed: tuple[str, ...] = TABLES) -> tuple[bytes, str]:
    """Check a file's size and name, and take it out of a .gz or .zip around it.

    Returns
    -------
    The bytes of the table and its file name, whose extension is one of ``allowed``.

    Raises
    ------
    Refusal
        When the file is too large, its extension is not allowed, or the archive is one that must not be opened.
    """
    filename = Path(filename.replace("\\", "/")).name or "file"
    if len(content) > MAX_FILE:
        raise _too_large(filename, len(content))
    if not content:
        raise refuse("file-empty", "The file is empty.", where=filename)
    extension = Path(filename).suffix.lower()
    if extension == ".gz":
        _expect(content, "gz", filename)
        with gzip.open(io.BytesIO(content)) as stream:
            content, filename = _counted(stream, len(content), filename), filename[:-3]
    elif extension == ".zip":
        _expect(content, "zip", filename)
        content, filename = _unzip(content, filename, allowed)
    if Path(filename).suffix.lower() not in allowed:
        known = ", ".join(allowed)
        raise refuse(
            "file-type",
            f"Files of type '{Path(filename).suffix or filename}' are not read. Use {known} (also .gz or .zip).",
            where=filename,
        )
    if not content:
        raise refuse("file-empty", "The file is empty.", where=filename)
    return content, filename


def kind_of(content: bytes) -> str:
    """Tell from the first bytes what a file is: ``text``, ``xlsx``, or another key of `NAMES`."""
    found = next((kind for start, kind in STARTS.items() if content.startswith(start)), "text")
    if found == "zip" and b"xl/" in content[:4096] + content[-(2**16) :]:
        return "xlsx"
    return found


def check_start(content: bytes, filename: str, expected: str) -> None:
    """Refuse a file whose first bytes say something else than its extension."""
    found = kind_of(content)
    if found == expected:
        return
    if expected == "text" and found == "xlsx":
        message = f"This is an Excel file, not {Path(filename).suffix[1:].upper()}."
        raise refuse("file-excel", message, reread("Read as Excel", format="xlsx"), where=filename)
    offers = [reread(f"Read as {NAMES[found]}", format="csv" if found == "text" else found)] if found in ("parquet", "h5ad", "text") else []
    hint = " Save it as .xlsx and upload it again." if found == "xls" else ""
    raise refuse("file-type", f"{filename} is {NAMES[found]}, not {NAMES[expected]}.{hint}", *offers, where=filename)


def check_zip(content: bytes, filename: str) -> zipfile.ZipFile:
    """Open a ZIP whose members are few, well named, and not larger than declared limits; nothing is unpacked yet."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise refuse("file-archive", f"{filename} is damaged: it does not open as an archive.", where=filename) from None
    if len(members) > MAX_MEMBERS:
        raise refuse("file-archive", f"{filename} holds {len(members):,} files; at most {MAX_MEMBERS:,} are opened.", where=filename)
    check_members(members, filename)
    declared = sum(member.file_size for member in members)
    if declared > MAX_OPENED or (declared > SMALL and declared > MAX_RATIO * len(content)):
        raise _bomb(filename, len(content), declared)
    return archive


def check_members(members: Iterable[zipfile.ZipInfo], filename: str) -> None:
    """Refuse a ZIP with a member that points outside it or is locked."""
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if member.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            message = f"{filename} holds a file named '{member.filename[:60]}', which points outside it."
            raise refuse("file-archive", message, where=filename)
        if member.flag_bits & 1:
            raise refuse("file-archive", f"{filename} is locked with a password.", where=filename)


def check_cells(rows: int, columns: int, limit: int | None, filename: str) -> None:
    """Refuse a table with too many columns, or with more cells than may be read at once."""
    if columns > MAX_COLUMNS and rows > MAX_COLUMNS:
        raise refuse("too-wide", f"{filename} has {columns:,} columns; at most {MAX_COLUMNS:,} are read.", where=filename)
    if limit is not None and rows * columns > limit:
        message = (
            f"{rows:,} rows × {columns:,} columns are {rows * columns / 1e6:,.1f} million cells, more than {limit / 1e6:,.0f} million."
        )
        offer = reread("Read it all the same (slow)", max_cells=rows * columns)
        raise refuse("too-many-cells", message + " Reading it takes a while.", offer, *_in_parts(filename), where=filename)


def _expect(content: bytes, kind: str, filename: str) -> None:
    found = "zip" if kind_of(content) == "xlsx" and kind == "zip" else kind_of(content)
    if found != kind:
        raise refuse("file-type", f"{filename} is {NAMES[kind_of(content)]}, not {NAMES[kind]}.", where=filename)


def _counted(stream: IO[bytes] | gzip.GzipFile, packed: int, filename: str) -> bytes:
    """Read a stream of an archive block by block; stop as soon as it grows beyond its limits."""
    out, size = [], 0
    try:
        while block := stream.read(BLOCK):
            size += len(block)
            if size > MAX_OPENED or (size > SMALL and size > MAX_RATIO * packed):
                raise _bomb(filename, packed, size)
            out.append(block)
    except EOFError:
        raise refuse("file-archive", f"{filename} is cut off: the archive ends too early.", where=filename) from None
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError):
        raise refuse("file-archive", f"{filename} is damaged: it does not open as an archive.", where=filename) from None
    return b"".join(out)


def _unzip(content: bytes, filename: str, allowed: tuple[str, ...]) -> tuple[bytes, str]:
    """Take the one table out of a ZIP, counting bytes on the way."""
    archive = check_zip(content, filename)
    visible = [
        m for m in archive.infolist() if not m.is_dir() and not Path(m.filename).name.startswith(".") and "__MACOSX" not in m.filename
    ]
    tables = [m for m in visible if Path(m.filename).suffix.lower() in allowed]
    if len(tables) != 1:
        message = f"{filename} holds {len(tables)} tables; it must hold exactly one."
        raise refuse("file-archive", message + " Upload several tables as several files.", where=filename)
    try:
        stream = archive.open(tables[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise refuse("file-archive", f"{filename} is damaged: it does not open as an archive.", where=filename) from None
    with stream:
        return _counted(stream, len(content), filename), Path(tables[0].filename).name


def _bomb(filename: str, packed: int, size: int) -> UserError:
    message = (
        f"{filename} ({packed / 1e6:.2g} MB) opens to {size / 1e6:,.0f} MB or more, beyond {MAX_RATIO} times its size or 1 GB. "
        "It was not opened. Upload the table itself."
    )
    return refuse("file-archive", message, where=filename)


def _too_large(filename: str, size: int) -> UserError:
    return refuse(
        "file-large",
        f"{filename} has {size / 2**20:,.0f} MB; at most {MAX_FILE // 2**20} MB are read.",
        *_in_parts(filename),
        where=filename,
    )


def _in_parts(filename: str) -> tuple[Repair, ...]:
    """Offer to take only the correlations where the format can be read in parts."""
    return (reread("Keep only the correlations", correlations=True),) if filename.lower().endswith(".parquet") else ()
