"""Expression profiles of a screen: a matrix that stays on disk and is read by blocks, with a row of facts for each profile."""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core.digest import DIGEST_BYTES, digest_of
from engine.core.errors import UserError
from engine.core.facts import texts
from engine.core.stored_matrix import StoredMatrix, write_matrix

KIND = "profiles"
MOST_BYTES = 2_000_000_000  # a block larger than this is refused: half of what a laptop of 8 GB has left beside its browser
PART_BYTES = 32_000_000
FILES = {".npy": "profiles.npy", ".h5": "profiles.h5"}


class TemporaryFolder:
    """A folder that is deleted with the last object that holds it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="causeway-profiles-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)  # not remade when unpickled: one owner only


@dataclass(frozen=True, eq=False)
class Profiles:
    """N profiles of d genes, float32, read by blocks from a file; missing values are NaN.

    Parameters
    ----------
    rows : (N, k) facts by column: ``id``, and as far as known ``drug``, ``cell``, ``dose_um`` (µM), ``time_h`` (hours), ``plate``,
        ``well``, ``is_control`` (bool), and whatever else the file says of a profile.
    genes : d symbols.
    matrix : where the numbers lie.
    name : label on screen; not part of the digest.
    source, licence : where the screen comes from and what may be done with it; not part of the digest.
    steps : how the screen was made, as for `Dataset`.
    notes : sentences on how the file was read that its reader must see; not part of the digest.
    holder : keeps a temporary file alive; None for a file of the user's.

    Raises
    ------
    UserError
        When facts, genes and matrix do not agree, or a gene appears twice.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from engine.core import Profiles
    >>> screen = Profiles.of(np.eye(3), pd.DataFrame({"drug": ["a", "b", "c"]}), ("TP53", "EGFR", "MYC"))
    >>> screen.block(rows=[2], genes=["MYC", "TP53"]).tolist()
    [[1.0, 0.0]]
    """

    rows: pd.DataFrame
    genes: tuple[str, ...]
    matrix: StoredMatrix
    name: str = "screen"
    source: str = ""
    licence: str = ""
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    notes: tuple[str, ...] = ()
    holder: TemporaryFolder | None = None

    def __post_init__(self) -> None:
        """Check that facts, genes and matrix fit together, and give every text column one type."""
        object.__setattr__(self, "rows", _normal(self.rows))
        object.__setattr__(self, "genes", tuple(self.genes))
        if (len(self.rows), len(self.genes)) != self.matrix.shape:
            n, d = self.matrix.shape
            raise UserError(
                f"{self.name} has a matrix of {n:,} profiles × {d:,} genes, but facts for {len(self.rows):,} and names for "
                f"{len(self.genes):,}.",
                "Give one row of facts for each profile and one name for each gene.",
            )  # fmt: skip
        if len(set(self.genes)) < len(self.genes):
            doubled = next(gene for gene in self.genes if self.genes.count(gene) > 1)
            raise UserError(f"Gene '{doubled}' appears twice in {self.name}.", "Keep one column for each gene.", doubled)

    @classmethod
    def of(cls, array: NDArray[Any], rows: pd.DataFrame, genes: Sequence[str], **facts: Any) -> "Profiles":
        """Make a screen of an (N, d) array in memory; it is written to a temporary folder that lives as long as the object."""
        holder = TemporaryFolder()
        path = holder.path / FILES[".npy"]
        values = np.asarray(array)
        if values.ndim != 2:
            raise UserError(f"A screen is a table of profiles × genes, not an array of {values.ndim} dimensions.")
        write_matrix(path, values.shape, (values[at : at + 1024] for at in range(0, len(values), 1024)))
        return cls(rows, tuple(genes), StoredMatrix(path), holder=holder, **facts)

    def __len__(self) -> int:
        """Count the profiles."""
        return len(self.rows)

    @property
    def n_samples(self) -> int:
        """Number of profiles."""
        return len(self.rows)

    @property
    def p(self) -> int:
        """Number of genes."""
        return len(self.genes)

    @property
    def kind(self) -> str:
        """What the rows are: profiles."""
        return KIND

    @cached_property
    def gene_places(self) -> dict[str, int]:
        """Gene -> its column."""
        return {gene: place for place, gene in enumerate(self.genes)}

    @cached_property
    def digest(self) -> str:
        """BLAKE2b-128 over genes, facts and numbers, whatever the file that they lie in; the numbers are read once per file."""
        return digest_of([KIND, list(self.genes), self.rows, self._matrix_digest])

    @cached_property
    def _matrix_digest(self) -> str:
        known = self.matrix.known_digest
        if known is not None:
            return known
        total = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for _, part in self.parts():
            total.update(np.ascontiguousarray(part).data)
        self.matrix.remember(total.hexdigest())
        return total.hexdigest()

    def block(self, rows: Sequence[int] | NDArray[Any] | slice | None = None, genes: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return some profiles and genes, in the order asked for, reading nothing else.

        Parameters
        ----------
        rows : numbers of profiles, a mask, or a slice; None for all.
        genes : symbols; None for all.

        Returns
        -------
        (rows, genes) float32 in memory, NaN where missing. The peak of memory is at most 1.2 times the block and 8 MB.

        Raises
        ------
        UserError
            When a gene is not there, or the block is larger than 2 GB.
        """
        chosen = self._numbers(rows)
        columns = None if genes is None else self._columns(genes)
        size = 4 * len(chosen) * (self.p if columns is None else len(columns))
        if size > MOST_BYTES:
            raise UserError(
                f"{len(chosen):,} profiles × {size // 4 // len(chosen):,} genes of {self.name} would take {size / 1e9:,.1f} GB of memory "
                "and were not loaded.",
                "Ask for fewer profiles or genes, or go through the screen in parts.", self.name,
            )  # fmt: skip
        return self.matrix.read(chosen, columns)

    def parts(self, n_bytes: int = PART_BYTES) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield (number of the first profile, block of profiles × all genes) from first to last; read-only where the file is mapped."""
        mapped, step = self.mapped, max(1, n_bytes // (4 * max(self.p, 1)))
        for start in range(0, len(self), step):
            stop = min(start + step, len(self))
            yield start, mapped[start:stop] if mapped is not None else self.block(slice(start, stop))

    @property
    def mapped(self) -> NDArray[np.float32] | None:
        """The whole (N, d) matrix as it lies in the file, without reading it; None where it must be converted or selected first."""
        return self.matrix.mapped

    def column(self, name: str) -> NDArray[np.object_]:
        """(N,) one fact of each profile as text; empty text where it is missing or the column is not there."""
        return texts(self.rows, name)

    def take(self, rows: Sequence[int] | NDArray[Any] | slice, name: str | None = None) -> "Profiles":
        """Return some of the profiles, by number, mask or slice, in that order, without reading them."""
        chosen = self._numbers(rows)
        return dataclasses.replace(self, rows=self.rows.iloc[chosen], matrix=self.matrix.select(rows=chosen), name=name or self.name)

    def select(self, genes: Sequence[str]) -> "Profiles":
        """Return the screen with these genes only, in this order, without reading it."""
        return dataclasses.replace(self, genes=tuple(genes), matrix=self.matrix.select(columns=self._columns(genes)))

    def after(self, call: str, **arguments: Any) -> "Profiles":
        """Return the screen with one more step in its history, as for `Dataset`."""
        return dataclasses.replace(self, steps=(*self.steps, (call, arguments)))

    def to_dir(self, path: str | Path) -> Path:
        """Write the matrix, ``rows.parquet``, ``genes.json`` and ``dataset.json`` into a folder, made if need be.

        A whole file on the same disk is linked, not copied, so that a screen of any size can be handed to a job; a part is written anew.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        whole = self.matrix.is_whole
        target = folder / FILES[self.matrix.suffix if whole else ".npy"]
        target.unlink(missing_ok=True)
        if whole:
            _link(self.matrix.path, target)
        else:
            write_matrix(target, self.matrix.shape, (part for _, part in self.parts()))
        self.rows.to_parquet(folder / "rows.parquet")
        (folder / "genes.json").write_text(json.dumps(self.genes))
        stored = self.matrix.at(target) if whole else StoredMatrix(target)
        facts = {name: getattr(self, name) for name in ("name", "source", "licence", "steps", "notes")}
        facts["matrix"] = stored.to_dict() | {"digest": self._matrix_digest, "stamp": stored.stamp}
        (folder / "dataset.json").write_text(json.dumps(facts | {KIND: True}, default=dict))
        return folder

    @classmethod
    def from_dir(cls, path: str | Path) -> "Profiles":
        """Read what `to_dir` wrote; the numbers stay on disk."""
        folder = Path(path)
        facts = json.loads((folder / "dataset.json").read_text())
        facts.pop(KIND)
        stored = facts.pop("matrix")
        matrix = StoredMatrix.from_dict(folder, stored)
        if matrix.stamp == stored["stamp"]:
            matrix.remember(stored["digest"])
        facts["steps"] = tuple((call, arguments) for call, arguments in facts["steps"])
        facts["notes"] = tuple(facts["notes"])
        genes = tuple(json.loads((folder / "genes.json").read_text()))
        return cls(pd.read_parquet(folder / "rows.parquet"), genes, matrix, **facts)

    def _numbers(self, rows: Sequence[int] | NDArray[Any] | slice | None) -> NDArray[np.int64]:
        """Return the numbers of the profiles asked for."""
        if rows is None or isinstance(rows, slice):
            return np.arange(len(self), dtype=np.int64)[rows or slice(None)]
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            if len(chosen) != len(self):
                raise ValueError(f"a mask of {len(chosen)} for {len(self)} profiles")
            return np.flatnonzero(chosen)
        chosen = chosen.astype(np.int64)
        if chosen.size and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise IndexError(f"{self.name} has {len(self)} profiles")
        return np.where(chosen < 0, chosen + len(self), chosen)

    def _columns(self, genes: Sequence[str]) -> NDArray[np.int64]:
        missing = [gene for gene in genes if gene not in self.gene_places]
        if missing:
            raise UserError(
                f"{self.name} has no gene '{missing[0]}'{f', nor {len(missing) - 1} more' if len(missing) > 1 else ''}.",
                f"Its genes are: {', '.join(self.genes[:8])}{' …' if self.p > 8 else ''}.", missing[0],
            )  # fmt: skip
        return np.array([self.gene_places[gene] for gene in genes], dtype=np.int64)


def _normal(rows: pd.DataFrame) -> pd.DataFrame:
    """Copy the facts with numbers as float64, truths as bool, all else as text that is NaN where missing."""
    made: dict[str, pd.Series[Any]] = {}
    for column in rows.columns:
        values = rows[column].reset_index(drop=True)
        if pd.api.types.is_bool_dtype(values.dtype):
            made[str(column)] = values.astype(bool)
        elif pd.api.types.is_numeric_dtype(values.dtype):
            made[str(column)] = values.astype(np.float64)
        else:
            made[str(column)] = values.astype(object).where(values.notna(), None).astype("str")
    return pd.DataFrame(made, index=pd.RangeIndex(len(rows)))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the disk has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
