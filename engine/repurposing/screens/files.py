"""Screens in: GCT, GCTX, H5AD and Parquet, known by their first bytes, whatever their name says."""

import dataclasses
import gzip
from pathlib import Path

from engine.core import Profiles, UserError
from engine.core.profiles import TemporaryFolder
from engine.repurposing.screens.gct import read_gct
from engine.repurposing.screens.hdf5 import read_hdf5
from engine.repurposing.screens.layout import screen_of
from engine.repurposing.screens.parquet import read_parquet

SIGNATURES = {b"\x89HDF\r\n\x1a\n": "HDF5", b"PAR1": "Parquet", b"#1.2": "GCT text", b"#1.3": "GCT text"}
ENDINGS = {"gct": "GCT text", "gctx": "HDF5", "h5ad": "HDF5", "h5": "HDF5", "hdf5": "HDF5", "parquet": "Parquet"}
STRANGE = {b"PK": "a ZIP archive", b"\x80": "a Python pickle, which is never opened", b"RDX": "an R file", b"BZh": "a bzip2 archive"}
FIRST = 16  # bytes


def read_screen(path: str | Path, *, folder: str | Path | None = None, name: str | None = None, licence: str = "") -> Profiles:
    """Read a screen of expression profiles: GCT 1.2 or 1.3 (also .gz), GCTX, H5AD or Parquet.

    Facts of profiles and genes are read; the numbers stay in a GCTX or dense H5AD file, and are otherwise written out once as float32.

    Parameters
    ----------
    path : the file.
    folder : where numbers that are written out are kept; by default a temporary folder that lives as long as the screen.
    name : label; by default the name of the file.
    licence : what may be done with the screen.

    Returns
    -------
    Profiles with the facts ``id``, ``drug``, ``cell``, ``dose_um`` (µM), ``time_h`` (hours), ``plate``, ``well`` as far as known,
    ``is_control``, and all others of the file; genes by symbol where the file has them, upper case; ``notes`` on what was found.

    Raises
    ------
    UserError
        When there is no such file, it is of another format (the message names its first bytes), damaged, or truncated.

    Examples
    --------
    >>> from engine.repurposing.screens.files import read_screen
    >>> screen = read_screen("plate.gctx")  # doctest: +SKIP
    >>> screen.block(rows=screen.rows["is_control"], genes=["TP53", "EGFR"])  # doctest: +SKIP
    """
    source = Path(path)
    if not source.is_file():
        raise UserError(f"There is no file {source}.", "Check its name and folder.", str(source))
    kind, start = _kind(source)
    holder = TemporaryFolder() if folder is None else None
    place = holder.path if holder else Path(str(folder))
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{source.name}.npy"
    reader = {"HDF5": read_hdf5, "Parquet": read_parquet, "GCT text": read_gct}[kind]
    found = reader(source, target)
    is_written = found.matrix.path == target
    contents = dataclasses.replace(found, notes=_misnamed(source, kind, start) + found.notes, holder=holder if is_written else None)
    given = {option: str(value) for option, value in (("folder", folder), ("name", name), ("licence", licence)) if value}
    screen = screen_of(contents, name or source.name, str(source), licence)
    return screen.after("engine.repurposing.read_screen", path=str(path), **given)


def _kind(path: Path) -> tuple[str, bytes]:
    """Return the format by the first bytes, inside .gz too, and those bytes."""
    with path.open("rb") as file:
        start = file.read(FIRST)
    is_packed = start.startswith(b"\x1f\x8b")
    if is_packed:
        try:
            with gzip.open(path, "rb") as packed:
                start = packed.read(FIRST)
        except (OSError, EOFError) as problem:
            raise UserError(f"{path.name} is a gzip file that is not whole.", "Fetch it again.", path.name) from problem
    kind = next((kind for mark, kind in SIGNATURES.items() if start.removeprefix(b"\xef\xbb\xbf").startswith(mark)), None)
    if kind is None:
        what = next((what for mark, what in STRANGE.items() if start.startswith(mark)), "of no format that is read")
        if not start:
            raise UserError(f"{path.name} is empty.", "Fetch it again.", path.name)
        raise UserError(
            f"{path.name} starts with the bytes {start[:8].hex(' ')} ({_printable(start[:8])}): it is {what}.",
            "Give a GCT, GCTX, H5AD or Parquet file.", path.name,
        )  # fmt: skip
    if is_packed and kind != "GCT text":
        raise UserError(f"{path.name} holds {kind} inside gzip, which cannot be read by parts.", "Unpack it first.", path.name)
    return kind, start


def _misnamed(path: Path, kind: str, start: bytes) -> tuple[str, ...]:
    """Say so where the ending of the name promises another format."""
    endings = [ending for ending in path.name.lower().removesuffix(".gz").split(".")[1:] if ending in ENDINGS]
    if not endings or ENDINGS[endings[-1]] == kind:
        return ()
    bytes_found = f"{start[:8].hex(' ')} ({_printable(start[:8])})"
    return (f"{path.name} is named .{endings[-1]}, but starts with the bytes {bytes_found}: it was read as {kind}.",)


def _printable(start: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in start)
