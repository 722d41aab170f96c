"""A dataset: one table with its kind, its regimes, its source, and a digest that names its content."""

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

from engine.core.digest import digest_of, has_only_numbers
from engine.core.errors import UserError
from engine.core.nearest import with_nearest

Kind = Literal["samples", "interventional", "correlation", "prices", "returns", "counts", "images", "tree"]
OBSERVATIONAL = "obs"
SHOWN = 8  # names listed in a message


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table of float64 and category columns, ready for a method.

    Parameters
    ----------
    frame : (n, p) table; for kind ``correlation`` the (p, p) matrix.
    name : label on screen; not part of the digest.
    kind : what the rows are.
    source, licence : where the data come from and what may be done with them; not part of the digest.
    regime : (n,) name of the setting in which each row was measured, or None when all rows share one.
    targets : regime -> variables intervened on; () for none, None (or no entry) when unknown.
    n_rows : number of samples behind a correlation matrix; otherwise the number of rows of ``frame``.
    steps : how the table was made, as (call, keyword arguments): the first call makes it, each further one takes it
        and returns the next; not in the digest. "Show me the Python" prints them.
    truth : what is known to be true of simulated data, JSON-ready: ``graph``, ``labels``, ``targets``; not in the digest.

    Raises
    ------
    UserError
        When a column is neither numeric nor category, a name appears twice, or regimes and targets do not fit the table.
    """

    frame: pd.DataFrame
    name: str = "data"
    kind: Kind = "samples"
    source: str = ""
    licence: str = ""
    regime: tuple[str, ...] | None = None
    targets: Mapping[str, tuple[str, ...] | None] = dataclasses.field(default_factory=dict)
    n_rows: int | None = None
    truth: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    def __post_init__(self) -> None:
        """Normalise column types and check that regimes and targets fit."""
        object.__setattr__(self, "frame", _normal(self.frame, self.name))
        if self.kind == "correlation":
            _check_correlation(self.frame, self.n_rows, self.name)
        if self.regime is not None:
            object.__setattr__(self, "regime", tuple(str(r) for r in self.regime))
            self._check_regimes()

    @classmethod
    def of(cls, data: Any) -> "Dataset":
        """Make a dataset of a DataFrame, a 2-D array, or a dataset; files are read by `engine.data.read`."""
        if isinstance(data, Dataset):
            return data
        if isinstance(data, pd.DataFrame):
            return cls(data)
        if isinstance(data, np.ndarray) and data.ndim == 2:
            return cls(pd.DataFrame(data, columns=[f"X{i + 1}" for i in range(data.shape[1])]))
        raise UserError(f"A {type(data).__name__} is not a table.", "Give a DataFrame, a Dataset or the path of a file.")

    @classmethod
    def from_frames(
        cls,
        frames: Mapping[str, pd.DataFrame],
        targets: Mapping[str, Sequence[str] | None] | None = None,
        name: str = "data",
        **facts: Any,
    ) -> "Dataset":
        """Stack one table per regime; the first (or the one named ``obs``) is the observational regime.

        Parameters
        ----------
        frames : regime -> (n_k, p) table, all with the same columns in any order.
        targets : regime -> variables intervened on; a missing entry means that the targets are unknown.
        """
        order = sorted(frames, key=lambda regime: regime != OBSERVATIONAL)
        columns = list(frames[order[0]].columns)
        for regime in order:
            missing = sorted(set(map(str, columns)) ^ set(map(str, frames[regime].columns)))
            if missing:
                raise UserError(
                    f"The tables '{order[0]}' and '{regime}' do not have the same columns: {', '.join(missing[:5])}.",
                    "Rename or remove these columns so that all tables agree.", regime,
                )  # fmt: skip
        stacked = pd.concat([frames[regime][columns] for regime in order], ignore_index=True)
        labels = tuple(regime for regime in order for _ in range(len(frames[regime])))
        known: dict[str, tuple[str, ...] | None] = {order[0]: ()}
        known |= {regime: None if goal is None else tuple(goal) for regime, goal in (targets or {}).items()}
        return cls(stacked, name, "interventional", regime=labels, targets=known, **facts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the p variables."""
        return tuple(self.frame.columns.tolist())

    @property
    def p(self) -> int:
        """Number of variables."""
        return self.frame.shape[1]

    @property
    def n_samples(self) -> int:
        """Number of samples, also behind a correlation matrix."""
        return self.n_rows if self.n_rows is not None else len(self.frame)

    @cached_property
    def regimes(self) -> tuple[str, ...]:
        """Names of the regimes in order of appearance, the observational one first; empty when there is one table."""
        return tuple(dict.fromkeys(self.regime or ()))

    @cached_property
    def regime_numbers(self) -> NDArray[np.int64]:
        """(n,) number of each row's regime among `regimes`; empty when there is one table."""
        number = {label: k for k, label in enumerate(self.regimes)}
        return np.fromiter(map(number.__getitem__, self.regime or ()), dtype=np.int64)

    @property
    def numeric(self) -> NDArray[np.float64]:
        """The (n, p) values as float64; a category column is a `UserError`."""
        for column in self.frame.columns:
            if isinstance(self.frame[column].dtype, pd.CategoricalDtype):
                raise UserError(
                    f"Column {column} holds categories, not numbers.",
                    "Choose a discrete method, or remove the column on the data page.", column,
                )  # fmt: skip
        return self.frame.to_numpy(dtype=np.float64)

    @cached_property
    def digest(self) -> str:
        """BLAKE2b-128 over column names, types, raw values, regimes and targets."""
        targets = {regime: None if goal is None else list(goal) for regime, goal in self.targets.items()}
        return digest_of([self.kind, self.n_rows, self.frame, list(self.regime or ()), targets])

    def rows(self, regime: str) -> "Dataset":
        """Return the rows of one regime as a plain dataset of samples."""
        keep = self.regime_numbers == self.regimes.index(regime) if regime in self.regimes else np.zeros(len(self.frame), dtype=bool)
        whole = keep.nonzero()[0]
        together = len(whole) and whole[-1] - whole[0] + 1 == len(whole)
        frame = (self.frame.iloc[whole[0] : whole[-1] + 1] if together else self.frame[keep]).reset_index(drop=True)
        return Dataset(frame, f"{self.name}: {regime}", "samples", self.source, self.licence)

    def select(self, columns: Sequence[str]) -> "Dataset":
        """Return the dataset with these variables only, in this order."""
        frame = self.frame.loc[list(columns), list(columns)] if self.kind == "correlation" else self.frame[list(columns)]
        targets = {regime: goal and tuple(target for target in goal if target in columns) for regime, goal in self.targets.items()}
        return dataclasses.replace(self, frame=frame, targets=targets)

    def with_frame(self, frame: pd.DataFrame) -> "Dataset":
        """Return the dataset with another table of the same rows."""
        return dataclasses.replace(self, frame=frame)

    def after(self, call: str, **arguments: Any) -> "Dataset":
        """Return the dataset with one more step in its history, such as ``after("engine.data.drop_columns", columns=[...])``."""
        return dataclasses.replace(self, steps=(*self.steps, (call, arguments)))

    def to_dir(self, path: str | Path) -> Path:
        """Write ``data.parquet`` and ``dataset.json`` into a folder, made if need be."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        self.frame.to_parquet(folder / "data.parquet")
        facts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("frame", "regime")}
        codes, labels = pd.factorize(np.array(self.regime or (), dtype=object))
        facts |= {"regime_labels": list(labels), "regime_codes": codes.tolist()} if self.regime else {}
        (folder / "dataset.json").write_text(json.dumps(facts, default=dict))
        return folder

    @classmethod
    def from_dir(cls, path: str | Path) -> "Dataset":
        """Read what `to_dir` wrote."""
        folder = Path(path)
        facts = json.loads((folder / "dataset.json").read_text())
        labels, codes = facts.pop("regime_labels", None), facts.pop("regime_codes", None)
        facts["targets"] = {r: None if goal is None else tuple(goal) for r, goal in facts["targets"].items()}
        facts["steps"] = tuple((call, arguments) for call, arguments in facts["steps"])
        regime = tuple(labels[code] for code in codes) if labels else None
        return cls(pd.read_parquet(folder / "data.parquet"), regime=regime, **facts)

    def _check_regimes(self) -> None:
        regime = self.regime or ()
        if len(regime) != len(self.frame):
            raise UserError(f"{self.name} has {len(self.frame):,} rows but {len(regime):,} regime labels.")
        self.regime_numbers  # noqa: B018  once, while the labels are at hand; every method that compares regimes needs them
        for label in self.targets:
            if label not in self.regimes:
                raise UserError(
                    f"Targets are given for regime '{label}', which no row belongs to.",
                    f"The regimes are: {', '.join(self.regimes)}.", label,
                )  # fmt: skip
        unknown = {target: label for label, goal in self.targets.items() for target in goal or () if target not in self.columns}
        if unknown:
            target, label = next(iter(unknown.items()))
            more = f", nor are {len(unknown) - 1} more targets" if len(unknown) > 1 else ""
            listed = ", ".join(with_nearest(list(unknown)[:SHOWN], self.columns))
            columns = f"{', '.join(self.columns[:SHOWN])}{' …' if self.p > SHOWN else ''}"
            raise UserError(
                f"Target '{target}' of regime '{label}' is not a column of {self.name}{more}.",
                f"Did you mean: {listed}{' …' if len(unknown) > SHOWN else ''}? The columns are: {columns}.", target,
            )  # fmt: skip


def _normal(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Copy the table with text names, float64 numbers and category text; keep a date index, drop any other."""
    if _is_normal(frame):
        return frame.copy(deep=False)  # a table is written to a copy of its own, here or there
    frame = frame.copy()
    frame.columns = [str(column) for column in frame.columns]
    doubled = frame.columns[frame.columns.duplicated()]
    if len(doubled):
        raise UserError(f"Column '{doubled[0]}' appears twice in {name}.", "Rename, average or remove one of them.", doubled[0])
    numeric = [column for column, dtype in frame.dtypes.items() if pd.api.types.is_numeric_dtype(dtype)]
    frame = frame.astype(np.float64 if len(numeric) == frame.shape[1] else dict.fromkeys(numeric, np.float64))
    for column in frame.columns.difference(numeric, sort=False) if len(numeric) < frame.shape[1] else ():
        dtype = frame[column].dtype
        if isinstance(dtype, pd.CategoricalDtype):
            if not all(isinstance(c, str) for c in frame[column].cat.categories):
                frame[column] = frame[column].cat.rename_categories(str)
        elif pd.api.types.is_string_dtype(dtype) or pd.api.types.is_object_dtype(dtype):
            frame[column] = frame[column].map(str, na_action="ignore").astype("category")
        else:
            raise UserError(f"Column {column} of {name} is of type {dtype}.", "Convert it to numbers or remove it.", column)
    if not isinstance(frame.index, pd.DatetimeIndex) and list(frame.index) != list(frame.columns):
        frame = frame.reset_index(drop=True)
    return frame


def _is_normal(frame: pd.DataFrame) -> bool:
    """Return whether nothing is left to do for a table, as for one that was part of a dataset."""
    return (
        isinstance(frame.index, pd.RangeIndex)
        and (frame.index.start, frame.index.step) == (0, 1)
        and all(type(column) is str for column in frame.columns)
        and frame.columns.is_unique
        and has_only_numbers(frame)
    )


def _check_correlation(frame: pd.DataFrame, n_rows: int | None, name: str) -> None:
    values = frame.to_numpy()
    if not n_rows or n_rows < 4:
        raise UserError(f"{name} is a correlation matrix without its number of samples.", "Say how many samples are behind it.")
    if values.shape[0] != values.shape[1] or not np.allclose(values, values.T, atol=1e-8, equal_nan=True):
        raise UserError(f"{name} is not a symmetric square matrix.", "Upload the matrix with the same names in rows and columns.")
    if not np.allclose(np.diag(values), 1.0, atol=1e-6):
        raise UserError(f"The diagonal of {name} is not 1.", "Upload correlations, not covariances.")
