"""A result: what a method found, where it came from, and a form on disk that comes back the same."""

import dataclasses
import importlib
import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from engine.core.digest import digest_of
from engine.core.errors import UserError
from engine.core.plugins import plugins

PACKAGES = ("numpy", "scipy", "pandas", "networkx", "scikit-learn", "torch")


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from: enough to make it again.

    Attributes
    ----------
    method, version : name and version of the method.
    params : all parameter values, seed included.
    data, data_name : digest and label of the input.
    seconds : wall time of the run; not part of the digest.
    versions : package -> version; not part of the digest.
    warnings : sentences the reader must see.
    """

    method: str
    version: int
    params: Mapping[str, Any]
    data: str
    data_name: str = ""
    seconds: float = 0.0
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.params["seed"])


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Base of every method's result; a subclass adds the parts it found as fields.

    Attributes
    ----------
    is_complete : whether the search came to its end; not so when its time limit stopped it.

    A part may be a number, text, list or dict (kept as JSON), a DataFrame or Series (parquet), an array (npz), or an object of the
    engine with ``to_dict`` and ``from_dict``, such as a graph (JSON), or with ``to_arrays`` and ``from_arrays``, such as a trace (npz).
    """

    provenance: Provenance | None = None
    is_complete: bool = True

    @cached_property
    def digest(self) -> str:
        """Hash of what was asked and what was found; seconds and package versions do not count."""
        asked = self.provenance and [
            self.provenance.method, self.provenance.version, dict(self.provenance.params), self.provenance.data,
        ]  # fmt: skip
        found = [[name, _hashable(value)] for name, value in sorted(self.parts().items())]
        return digest_of([asked, *(piece for part in found for piece in part)])

    def parts(self) -> dict[str, Any]:
        """Return what was found, by name, without the provenance."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "provenance"}

    def summary(self) -> list[tuple[str, str]]:
        """Return at most eight label/value rows for a compare view."""
        if self.provenance is None:
            return []
        rows = [("Method", self.provenance.method), ("Data", self.provenance.data_name or self.provenance.data[:8])]
        return [*rows, ("Time", f"{self.provenance.seconds:.3g} s")]

    def to_dir(self, path: str | Path) -> Path:
        """Write the result into a new folder; the folder appears whole or not at all."""
        folder = Path(path)
        fresh = folder.with_name(folder.name + ".tmp")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        meta: dict[str, Any] = {
            "type": _type_name(self),
            "provenance": self.provenance and dataclasses.asdict(self.provenance),
            "digest": self.digest,
            "parts": {name: write_part(fresh, name, value) for name, value in self.parts().items()},
        }
        (fresh / "meta.json").write_text(json.dumps(meta, indent=1, ensure_ascii=False))
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
        return folder

    @classmethod
    def from_dir(cls, path: str | Path) -> Self:
        """Read what `to_dir` wrote; the type on disk decides which result class comes back."""
        folder = Path(path)
        if not (folder / "meta.json").is_file():
            raise UserError(f"There is no result in {folder}.", "Run the method again with the same settings.", str(folder))
        meta = json.loads((folder / "meta.json").read_text())
        provenance = meta["provenance"] and Provenance(**meta["provenance"] | {"warnings": tuple(meta["provenance"]["warnings"])})
        kind = _type_named(meta["type"])
        if not issubclass(kind, Result):
            raise UserError(f"The file in {folder} names {meta['type']}, which is not a result.", "Do not open results of unknown origin.")
        strange = set(meta["parts"]) - {f.name for f in dataclasses.fields(kind)}
        if strange:
            raise UserError(f"The result in {folder} has an unknown part '{min(strange)}'.", "Do not open results of unknown origin.")
        parts = {name: read_part(folder, name, entry) for name, entry in meta["parts"].items()}
        result: Self = kind(provenance=provenance, **parts)
        return result


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _hashable(value: Any) -> Any:
    if hasattr(value, "to_arrays"):
        return digest_of([piece for name, array in sorted(value.to_arrays().items()) for piece in (name, array)])
    return value.to_dict() if hasattr(value, "to_dict") and not isinstance(value, (pd.DataFrame, pd.Series)) else value


def write_part(folder: Path, name: str, value: Any) -> dict[str, Any]:
    """Write one part into a folder and return how to find it again."""
    if isinstance(value, pd.DataFrame):
        value.to_parquet(folder / f"{name}.parquet")
        return {"as": "frame"}
    if isinstance(value, pd.Series):
        value.to_frame(str(value.name or name)).to_parquet(folder / f"{name}.parquet")
        return {"as": "series", "named": value.name is not None}
    if isinstance(value, np.ndarray):
        np.savez_compressed(folder / f"{name}.npz", value=value)
        return {"as": "array"}
    if hasattr(value, "to_arrays"):
        np.savez_compressed(folder / f"{name}.npz", **value.to_arrays())
        return {"as": "arrays", "type": _type_name(value)}
    if hasattr(value, "to_dict"):
        (folder / f"{name}.json").write_text(json.dumps(value.to_dict(), ensure_ascii=False))
        return {"as": "object", "type": _type_name(value)}
    return {"as": "tuple" if isinstance(value, tuple) else "json", "value": value}


def read_part(folder: Path, name: str, entry: dict[str, Any]) -> Any:
    """Read one part written by `write_part`."""
    match entry["as"]:
        case "frame":
            return pd.read_parquet(folder / f"{name}.parquet")
        case "series":
            series = pd.read_parquet(folder / f"{name}.parquet").iloc[:, 0]
            return series if entry.get("named", True) else series.rename(None)
        case "array":
            return np.load(folder / f"{name}.npz")["value"]
        case "arrays":
            return _type_named(entry["type"]).from_arrays(dict(np.load(folder / f"{name}.npz")))
        case "object":
            return _type_named(entry["type"]).from_dict(json.loads((folder / f"{name}.json").read_text()))
        case "tuple":
            return tuple(entry["value"])
        case _:
            return entry["value"]


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _type_named(name: str) -> Any:
    """Find a class of the engine or of a plug-in method; a file may not name any other class."""
    module, _, qualname = name.partition(":")
    if not (module == "engine" or module.startswith("engine.") or module in plugins().values()):
        raise UserError(
            f"The result names the type {name}, which is not part of the engine.",
            "Do not open results of unknown origin.",
        )
    found = getattr(importlib.import_module(module), qualname)
    ways = ("from_dir",) if isinstance(found, type) and issubclass(found, Result) else ("from_dict", "from_arrays")
    if not (isinstance(found, type) and any(hasattr(found, way) for way in ways)):
        raise UserError(f"The result names {name}, which is not a result type.", "Do not open results of unknown origin.")
    return found
