"""Several tables, or screens, by name, for a method that needs more than one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.core.dataset import Dataset
from engine.core.digest import digest_of
from engine.core.errors import UserError
from engine.core.images import KIND as IMAGES
from engine.core.images import ImageSet
from engine.core.profiles import KIND as PROFILES
from engine.core.profiles import Profiles

KIND = "tables"


@dataclass(frozen=True, eq=False)
class Tables:
    """Datasets, and screens of profiles, by the part that each plays, such as ``prices`` and ``factors``; the first is the main one.

    Examples
    --------
    >>> import pandas as pd
    >>> from engine.core import Dataset, Tables
    >>> Tables({"prices": Dataset(pd.DataFrame({"A": [1.0, 2.0]}))})["prices"].p
    1
    """

    tables: Mapping[str, Dataset | Profiles]

    def __post_init__(self) -> None:
        """Refuse an empty collection and names that cannot be those of a folder."""
        if not self.tables:
            raise UserError("No table is given.", "Give at least one table by name.")
        for part in self.tables:
            if not part.isidentifier():
                raise UserError(f"'{part}' cannot name a table.", "Use letters, digits and underscores, such as prices or factors.", part)

    def __getitem__(self, part: str) -> Any:
        """Return one table or screen; without it a `KeyError`."""
        return self.tables[part]

    def get(self, part: str) -> Any:
        """Return one table or screen, None where it was not given."""
        return self.tables.get(part)

    @property
    def main(self) -> Any:
        """The first table or screen."""
        return next(iter(self.tables.values()))

    @property
    def name(self) -> str:
        """Names of all tables."""
        return " + ".join(table.name for table in self.tables.values())

    @cached_property
    def digest(self) -> str:
        """Hash of the parts and of their tables' digests."""
        return digest_of([KIND, [[part, table.digest] for part, table in sorted(self.tables.items())]])

    def to_dir(self, path: str | Path) -> Path:
        """Write one folder per table and ``dataset.json``, which names them, into a folder, made if need be."""
        folder = Path(path)
        for part, table in self.tables.items():
            table.to_dir(folder / part)
        (folder / "dataset.json").write_text(json.dumps({KIND: list(self.tables)}))
        return folder


Data = Dataset | Tables | ImageSet | Profiles  # what a method is given, a job stores, a result is made from


def read_data(path: str | Path) -> Data:
    """Read what `Dataset.to_dir`, `Tables.to_dir`, `ImageSet.to_dir` or `Profiles.to_dir` wrote."""
    folder = Path(path)
    facts = json.loads((folder / "dataset.json").read_text())
    if IMAGES in facts:
        return ImageSet.from_dir(folder)
    return _read_tables(folder, facts[KIND]) if KIND in facts else _read_table(folder, facts)


def _read_tables(folder: Path, parts: list[str]) -> Tables:
    return Tables({part: _read_table(folder / part, json.loads((folder / part / "dataset.json").read_text())) for part in parts})


def _read_table(folder: Path, facts: Mapping[str, Any]) -> Dataset | Profiles:
    return Profiles.from_dir(folder) if PROFILES in facts else Dataset.from_dir(folder)
