"""Where things lie under ``var``, and how they appear and vanish whole."""

import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import engine
from engine.core import Data, Dataset, read_data
from engine.core.result import read_part, write_part

VARIABLE = "CAUSEWAY_VAR"
RESULT, FRESH, PARTIALS, KEPT, LOG, ARRANGED = "result", "result.new", "partials", "kept", "log.txt", "arrangement.json"
ABANDONED_S = 3600.0
# What a later upload of the same values may tell better than the first.
_FACTS = ("name", "source", "licence", "truth", "steps")


def root() -> Path:
    """Return the folder that holds the package ``engine``; workers start there."""
    return Path(str(engine.__file__)).resolve().parents[1]


def var() -> Path:
    """Return the folder for everything that lasts: ``CAUSEWAY_VAR``, or ``var`` beside the engine."""
    return Path(os.environ.get(VARIABLE) or root() / "var").resolve()


class Folders:
    """The folders of one ``var``: datasets by digest, jobs by key, and a bin whose content is being deleted."""

    def __init__(self, base: Path):
        self.base, self.data, self.jobs, self.bin = base, base / "data", base / "jobs", base / "bin"
        for folder in (self.data, self.jobs, self.bin):
            folder.mkdir(parents=True, exist_ok=True)

    def job(self, key: str) -> Path:
        """Return the folder of a job; a key that is not one raises `ValueError`."""
        return self.jobs / _plain(key)

    def has_result(self, key: str) -> bool:
        """Whether a whole result lies there: the folder gets its name only when it is complete."""
        return (self.job(key) / RESULT / "meta.json").is_file()

    def clear(self, key: str, *names: str) -> None:
        """Delete parts of a job's folder."""
        for name in names:
            shutil.rmtree(self.job(key) / name, ignore_errors=True)

    def arrange(self, key: str, places: Mapping[str, tuple[float, float]]) -> None:
        """Keep where the user put the nodes of a job's picture; the file is replaced in one step."""
        fresh = self.job(key) / f"{uuid.uuid4().hex}.new"
        fresh.write_text(json.dumps(places))
        fresh.replace(self.job(key) / ARRANGED)

    def arrangement(self, key: str) -> dict[str, tuple[float, float]]:
        """Return where the user put the nodes of a job's picture; empty when nothing was moved."""
        try:
            kept = json.loads((self.job(key) / ARRANGED).read_text())
        except FileNotFoundError:
            return {}
        return {name: (float(x), float(y)) for name, (x, y) in kept.items()}

    def throw_away(self, folder: Path) -> Path | None:
        """Move a folder into the bin in one step and return where it lies now."""
        if not folder.exists():
            return None
        return folder.rename(self.bin / uuid.uuid4().hex)

    def empty_bin(self) -> None:
        """Delete what was thrown away, and what a process left behind that died while it stored a table."""
        abandoned = [fresh for fresh in self.data.glob("*.new") if time.time() - fresh.stat().st_mtime > ABANDONED_S]
        for folder in [*self.bin.iterdir(), *abandoned]:
            shutil.rmtree(folder, ignore_errors=True)

    def has_dataset(self, digest: str) -> bool:
        """Whether the table with this digest is stored."""
        return (self.data / _plain(digest) / "dataset.json").is_file()

    def dataset(self, digest: str) -> Data:
        """Read a stored table, or several that were stored together."""
        return read_data(self.data / _plain(digest))

    def keep_dataset(self, dataset: Data) -> None:
        """Store data under their digest; the folder appears whole. For a known table only name, source, steps and truth are renewed."""
        if self.has_dataset(dataset.digest):
            if isinstance(dataset, Dataset):
                self._renew_facts(dataset)
            return
        fresh = self.data / f"{uuid.uuid4().hex}.new"
        dataset.to_dir(fresh)
        sync(fresh)
        try:
            fresh.rename(self.data / dataset.digest)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            if not self.has_dataset(dataset.digest):  # not merely another process that was faster
                raise

    def _renew_facts(self, dataset: Dataset) -> None:
        place = self.data / dataset.digest / "dataset.json"
        known = json.loads(place.read_text())
        told = json.loads(json.dumps({name: getattr(dataset, name) for name in _FACTS}, default=dict))
        renewed = known | {name: value for name, value in told.items() if value}
        if renewed != known:
            fresh = place.with_name(f"{uuid.uuid4().hex}.json")
            fresh.write_text(json.dumps(renewed))
            fresh.replace(place)


def write_partial(folder: Path, name: str, value: Any, count: int) -> None:
    """Write the ``count``-th early version of a part; a reader sees the version before or this one."""
    if not name.isidentifier():
        raise ValueError(f"'{name}' is not a name for a part")
    versions = folder / PARTIALS / name
    fresh = versions / f"{count}.new"
    fresh.mkdir(parents=True)
    (fresh / "entry.json").write_text(json.dumps(write_part(fresh, name, value)))
    fresh.rename(versions / str(count))
    if count > 1:  # the version before stays for a reader who has just looked it up
        shutil.rmtree(versions / str(count - 2), ignore_errors=True)


def read_partials(folder: Path) -> dict[str, Any]:
    """Read the latest version of each early part."""
    found = {}
    for versions in sorted((folder / PARTIALS).glob("*")):
        counts = sorted((int(version.name) for version in versions.glob("*") if version.name.isdigit()), reverse=True)
        for count in counts:
            try:
                entry: Mapping[str, Any] = json.loads((versions / str(count) / "entry.json").read_text())
                found[versions.name] = read_part(versions / str(count), versions.name, dict(entry))
                break
            except OSError:  # replaced or cleared while being read
                continue
    return found


def sync(folder: Path) -> int:
    """Force a folder's files to the disk and return their size in bytes."""
    total = 0
    for path in [*folder.rglob("*"), folder]:
        if path.is_file():
            total += path.stat().st_size
        elif sys.platform == "win32":  # a folder has no descriptor to flush
            continue
        # Windows flushes only what is open for writing
        handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return total


def _plain(name: str) -> str:
    if not (name.isalnum() and name.isascii()):
        raise ValueError(f"'{name}' is neither a key nor a digest")
    return name
