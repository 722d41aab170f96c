"""A set of images with a table that says what each one shows."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core.digest import digest_of
from engine.core.errors import UserError
from engine.core.facts import texts

KIND = "images"
Origin = Literal["real", "simulated"]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """N images of C channels, and a row of facts for each.

    Parameters
    ----------
    images : (N, C, H, W) uint8; 0 is dark, 255 the brightest value kept.
    table : (N, k) facts by column, all optional: ``smiles``, ``compound``, ``moa``, ``dose_um`` (µM), ``plate``, ``well``, ``site``,
        ``split``.
    channels : names of the C channels.
    name : label on screen; not part of the digest.
    origin : whether a microscope or a simulator made the images; the two are never mixed.
    pixel_um : edge of a pixel in µm, None when unknown.
    source, licence : where the images come from and what may be done with them; not part of the digest.
    steps : how the set was made, as for `Dataset`.

    Raises
    ------
    UserError
        When the shapes of images, table and channel names do not agree.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from engine.core import ImageSet
    >>> ImageSet(np.zeros((2, 1, 8, 8), np.uint8), pd.DataFrame({"smiles": ["C", "CC"]}), ("DNA",)).size
    8
    """

    images: NDArray[np.uint8]
    table: pd.DataFrame
    channels: tuple[str, ...]
    name: str = "images"
    origin: Origin = "real"
    pixel_um: float | None = None
    source: str = ""
    licence: str = ""
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    def __post_init__(self) -> None:
        """Check that images, table and channel names fit together."""
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            raise UserError(f"{self.name} is not a stack of 8-bit images.", "Give an array of N images × C channels × height × width.")
        if len(self.table) != len(self.images):
            raise UserError(f"{self.name} has {len(self.images):,} images but a table of {len(self.table):,} rows.")
        if len(self.channels) != self.images.shape[1]:
            raise UserError(f"{self.name} has {self.images.shape[1]} channels but {len(self.channels)} channel names.")
        object.__setattr__(self, "table", self.table.reset_index(drop=True))

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    @property
    def size(self) -> int:
        """Height in pixels; images are square where a method needs them to be."""
        return int(self.images.shape[2])

    @property
    def n_samples(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def p(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @cached_property
    def digest(self) -> str:
        """BLAKE2b-128 over pixels, facts, channel names and origin."""
        facts = {column: self.table[column].astype(object).where(self.table[column].notna(), None).tolist() for column in self.table}
        told = json.dumps(facts, default=str, sort_keys=True)
        return digest_of([KIND, self.origin, list(self.channels), told, np.ascontiguousarray(self.images)])

    def column(self, name: str) -> NDArray[np.object_]:
        """(N,) one fact of each image as text; empty text where it is missing or the column is not there."""
        return texts(self.table, name)

    def take(self, rows: Sequence[int] | NDArray[Any], name: str | None = None) -> "ImageSet":
        """Return some of the images, by number or by mask, in that order."""
        chosen = np.asarray(rows)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        return dataclasses.replace(self, images=self.images[chosen], table=self.table.iloc[chosen], name=name or self.name)

    def split(self, label: str) -> "ImageSet":
        """Return the images whose fact ``split`` is this label."""
        return self.take(self.column("split") == label, f"{self.name}: {label}")

    def after(self, call: str, **arguments: Any) -> "ImageSet":
        """Return the set with one more step in its history, as for `Dataset`."""
        return dataclasses.replace(self, steps=(*self.steps, (call, arguments)))

    def to_dir(self, path: str | Path) -> Path:
        """Write ``images.npz``, ``table.parquet`` and ``dataset.json`` into a folder, made if need be."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "images.npz", images=self.images)  # compressing takes a minute per GB and saves half
        self.table.to_parquet(folder / "table.parquet")
        facts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("images", "table")}
        (folder / "dataset.json").write_text(json.dumps(facts | {KIND: True}, default=dict))
        return folder

    @classmethod
    def from_dir(cls, path: str | Path) -> "ImageSet":
        """Read what `to_dir` wrote."""
        folder = Path(path)
        facts = json.loads((folder / "dataset.json").read_text())
        facts.pop(KIND)
        facts["channels"] = tuple(facts["channels"])
        facts["steps"] = tuple((call, arguments) for call, arguments in facts["steps"])
        with np.load(folder / "images.npz", allow_pickle=False) as stored:
            return cls(stored["images"], pd.read_parquet(folder / "table.parquet"), **facts)
