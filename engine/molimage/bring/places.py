"""Where the files of a set lie: a folder or a ZIP archive, listed once and never left."""

import io
import os
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from engine.data.findings import refuse
from engine.data.safety import BLOCK, MAX_RATIO, SMALL, check_members

MAX_FILES = 50_000
MAX_UNPACKED = 2 * 2**30  # bytes of a ZIP's members together
MAX_FILE = 2**30  # bytes of one image file
FOREIGN = ("__MACOSX", ".ipynb_checkpoints")


class Place:
    """A folder or an archive whose files are asked for by name.

    Attributes
    ----------
    label : name on screen.
    names : files by their path inside the place, with forward slashes; an OME-Zarr folder counts as one file.
    """

    def __init__(self, label: str, names: list[str]):
        if len(names) > MAX_FILES:
            raise refuse("too-many-files", f"{label} holds {len(names):,} files; at most {MAX_FILES:,} are read.", where=label)
        self.label, self.names = label, tuple(sorted(names))
        self._by_last: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            self._by_last[PurePosixPath(name).name.lower()].append(name)

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the `names`."""
        raise NotImplementedError

    def tree(self, name: str) -> dict[str, bytes]:
        """Return the bytes of every file below a folder, by the path from there."""
        raise NotImplementedError

    def find(self, told: str) -> str | None:
        r"""Return the file that a table means, or None when there is none or more than one fits equally well.

        Notes
        -----
        A path is tried as it stands; else the file that shares the longest end with it is taken, upper and lower case alike, so that tables
        with the absolute paths of another machine (``C:\plates\P1\a.tif``) find ``P1/a.tif``.

        Raises
        ------
        UserError
            When the path climbs out of the place by ``..``.
        """
        parts = [part for part in told.strip().replace("\\", "/").split("/") if part not in ("", ".")]
        if ".." in parts:
            raise refuse("path-outside", f"'{told[:80]}' points outside {self.label}.", where=told[:80])
        zarr = next((i for i, part in enumerate(parts) if part.lower().endswith(".zarr")), len(parts) - 1)
        parts, inside = parts[: zarr + 1], parts[zarr + 1 :]
        if not parts:
            return None
        exact, named_alike = "/".join(parts), self._by_last.get(parts[-1].lower(), [])
        found = [exact] if exact in named_alike else _nearest(named_alike, [part.lower() for part in parts])
        return "/".join([found[0], *inside]) if len(found) == 1 else None


class Folder(Place):
    """A folder on disk; a link that leads out of it is refused."""

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser().resolve()
        if not self.path.is_dir():
            raise refuse("no-folder", f"There is no folder '{path}'.", where=str(path))
        super().__init__(self.path.name, list(_listed(self.path)))

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the `names`."""
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path):
            raise refuse("path-outside", f"'{name}' is a link that leads out of {self.label}. Put the file itself there.", where=name)
        if not path.is_file():
            raise refuse("file-missing", f"There is no file '{name}' in {self.label}.", where=name)
        if path.stat().st_size > MAX_FILE:
            raise _too_large(name, path.stat().st_size)
        return path.read_bytes()

    def tree(self, name: str) -> dict[str, bytes]:
        """Return the bytes of every file below a folder, by the path from there."""
        root, found, total = self.path / name, {}, 0
        for path in sorted(root.rglob("*")):
            if path.is_file():
                inside = path.relative_to(root).as_posix()
                found[inside] = self.read(f"{name}/{inside}")
                total += len(found[inside])
                if total > MAX_FILE or len(found) > MAX_FILES:
                    raise _too_large(name, total)
        return found


class Archive(Place):
    """A ZIP whose members are few, well named, and no larger than they say; nothing is written to disk."""

    def __init__(self, content: bytes | Path, label: str):
        packed = len(content) if isinstance(content, bytes) else content.stat().st_size
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content) if isinstance(content, bytes) else content)
            members = [each for each in self._zip.infolist() if not each.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise refuse("file-archive", f"{label} is damaged: it does not open as a ZIP archive.", where=label) from None
        _check_archive(members, packed, label)
        self._members = {each.filename.replace("\\", "/").removeprefix("./"): each for each in members if _is_wanted(each.filename)}
        super().__init__(label, list(dict.fromkeys(_up_to_zarr(name) for name in self._members)))

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the `names`."""
        if name not in self._members:
            raise refuse("file-missing", f"There is no file '{name}' in {self.label}.", where=name)
        member, out, size = self._members[name], [], 0
        if member.file_size > MAX_FILE:
            raise _too_large(name, member.file_size)
        try:
            with self._zip.open(member) as stream:
                while block := stream.read(BLOCK):
                    size += len(block)
                    if size > member.file_size:
                        raise refuse("file-archive", f"{name} in {self.label} is larger than the archive says.", where=name)
                    out.append(block)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError):
            raise refuse("file-archive", f"{name} in {self.label} is damaged: it cannot be unpacked.", where=name) from None
        return b"".join(out)

    def tree(self, name: str) -> dict[str, bytes]:
        """Return the bytes of every file below a folder, by the path from there."""
        return {member.removeprefix(f"{name}/"): self.read(member) for member in self._members if member.startswith(f"{name}/")}


def open_place(source: str | Path | bytes | Place, label: str = "") -> Place:
    """Open a folder, the path of a ZIP, or the bytes of one.

    Raises
    ------
    UserError
        When it is not there, is no ZIP, holds more than 50,000 files or 2 GiB, or is an archive that must not be opened.
    """
    if isinstance(source, Place):
        return source
    if isinstance(source, bytes):
        return Archive(source, label or "the archive")
    path = Path(source).expanduser()
    return Archive(path, label or path.name) if path.is_file() else Folder(path)


def _listed(root: Path) -> Iterator[str]:
    """Yield the files below a folder; an OME-Zarr folder is not entered."""
    count = 0
    for folder, below, files in os.walk(root):
        here = Path(folder).relative_to(root)
        stores = [name for name in below if name.lower().endswith(".zarr")]
        below[:] = [name for name in below if name not in stores and not name.startswith(".") and name not in FOREIGN]
        for name in (*files, *stores):
            if not name.startswith("."):
                count += 1
                yield (here / name).as_posix()
        if count > MAX_FILES:
            return  # `Place` refuses so many


def _check_archive(members: list[zipfile.ZipInfo], packed: int, label: str) -> None:
    if len(members) > MAX_FILES:
        raise refuse("too-many-files", f"{label} holds {len(members):,} files; at most {MAX_FILES:,} are read.", where=label)
    check_members(members, label)
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        message = f"{label} unpacks to {unpacked / 2**30:,.1f} GiB; at most {MAX_UNPACKED // 2**30} GiB are read. Give a folder instead."
        raise refuse("file-archive", message, where=label)
    if unpacked > SMALL and unpacked > MAX_RATIO * packed:
        message = (
            f"{label} ({packed / 1e6:.2g} MB) unpacks to {unpacked / 1e6:,.0f} MB, more than {MAX_RATIO} times its size. It was not opened."
        )
        raise refuse("file-archive", message, where=label)


def _is_wanted(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    hidden = parts[-1].startswith(".") and not any(part.lower().endswith(".zarr") for part in parts[:-1])  # .zarray is no clutter
    return not hidden and not any(part in FOREIGN for part in parts)


def _up_to_zarr(name: str) -> str:
    parts = name.split("/")
    ends = next((i for i, part in enumerate(parts) if part.lower().endswith(".zarr")), len(parts) - 1)
    return "/".join(parts[: ends + 1])


def _nearest(names: list[str], parts: list[str]) -> list[str]:
    """Return the names that share the longest end with a path; several where they share equally much."""
    shared = [_shared_end(parts, name.lower().split("/")) for name in names]
    longest = max(shared, default=0)
    return [name for name, length in zip(names, shared, strict=True) if length == longest]


def _shared_end(a: list[str], b: list[str]) -> int:
    """Count how many last parts of two paths are the same."""
    count = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        count += 1
    return count


def _too_large(name: str, size: int) -> Exception:
    return refuse("file-large", f"{name} has {size / 2**20:,.0f} MB; at most {MAX_FILE // 2**20:,} MB are read.", where=name)
