"""Repairs of a table: each takes a dataset and JSON-ready arguments and returns the next dataset."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, UserError
from engine.data.findings import named
from engine.data.step import known_columns, repairs


@repairs
def drop_columns(dataset: Dataset, columns: Sequence[str]) -> Dataset:
    """Remove these columns; targets that name them go too."""
    gone = set(known_columns(dataset, columns))
    keep = [name for name in dataset.columns if name not in gone]
    if not keep:
        raise UserError(f"Removing {named(gone)} leaves no column of {dataset.name}.", "Keep at least one column.")
    return dataset.select(keep)


@repairs
def drop_rows_with_gaps(dataset: Dataset, columns: Sequence[str] | None = None) -> Dataset:
    """Remove every row with a missing or infinite value in these columns (in any column if None)."""
    chosen = list(dataset.columns) if columns is None else known_columns(dataset, columns)
    keep = np.asarray(~gaps(dataset.frame[chosen]).any(axis=1))
    if not keep.any():
        raise UserError(f"Every row of {dataset.name} has a gap.", "Fill the gaps, or remove the columns that have most of them.")
    return keep_rows(dataset, keep)


@repairs
def impute(dataset: Dataset, columns: Sequence[str] | None = None, how: str = "median") -> Dataset:
    """Fill missing and infinite values of each column with its median or mean; categories with the commonest.

    Notes
    -----
    Filling with one value per column shrinks correlations towards zero. It is for a few scattered gaps.
    """
    if how not in ("median", "mean"):
        raise UserError(f"Gaps cannot be filled by '{how}'.", "Choose median or mean.", "how")
    frame = dataset.frame.copy()
    for name in list(dataset.columns) if columns is None else known_columns(dataset, columns):
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            if column.isna().any():
                frame[name] = column.fillna(_filler(column.dropna().mode(), name))
            continue
        gap = ~np.isfinite(column.to_numpy())
        if gap.any():
            kept = column[~gap]
            value = _filler(pd.Series([kept.median() if how == "median" else kept.mean()]).dropna(), name)
            frame[name] = column.where(~gap, value)
    return dataset.with_frame(frame)


@repairs
def log(dataset: Dataset, columns: Sequence[str] | None = None) -> Dataset:
    """Replace these columns (all numeric ones if None) by their natural logarithm; all values must be above 0."""
    return _mapped(dataset, columns, np.log, low=0.0, strict=True)


@repairs
def log1p(dataset: Dataset, columns: Sequence[str] | None = None) -> Dataset:
    """Replace these columns (all numeric ones if None) by log(1 + x); no value may be below 0."""
    return _mapped(dataset, columns, np.log1p, low=0.0, strict=False)


@repairs
def normal_scores(dataset: Dataset, columns: Sequence[str] | None = None) -> Dataset:
    """Replace each value by the normal quantile of its rank, Phi^-1(rank / (n + 1)); ties share their mean rank.

    Notes
    -----
    A correlation of the scores is the rank-based (nonparanormal) correlation: Liu, Lafferty, Wasserman 2009.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    frame = dataset.frame.copy()
    for name in known_columns(dataset, columns):
        values = frame[name].to_numpy()
        seen = np.isfinite(values)
        scores = np.full(len(values), np.nan)
        scores[seen] = ndtri(rankdata(values[seen]) / (seen.sum() + 1))
        frame[name] = scores
    return dataset.with_frame(frame)


@repairs
def standardise(dataset: Dataset, columns: Sequence[str] | None = None) -> Dataset:
    """Give these columns (all numeric ones if None) mean 0 and standard deviation 1 over all rows."""
    frame = dataset.frame.copy()
    chosen = known_columns(dataset, columns)
    spread = frame[chosen].std(ddof=0)
    flat = [name for name in chosen if not spread[name] > 0]
    if flat:
        raise UserError(f"Column {flat[0]} never varies (SD 0).", "Remove it first.", flat[0])
    frame[chosen] = (frame[chosen] - frame[chosen].mean()) / spread
    return dataset.with_frame(frame)


@repairs
def transpose(dataset: Dataset) -> Dataset:
    """Swap rows and columns; the new columns are called row1, row2, ... (reading the file again keeps their names)."""
    if dataset.regime is not None:
        raise UserError(f"{dataset.name} has regimes, which belong to rows.", "Transpose the file when reading it.")
    values = dataset.numeric.T
    return dataclasses.replace(dataset, frame=pd.DataFrame(values, columns=[f"row{i + 1}" for i in range(values.shape[1])]))


@repairs
def rename(dataset: Dataset, names: Mapping[str, str]) -> Dataset:
    """Rename columns, also where targets and a correlation matrix's rows name them."""
    known_columns(dataset, list(names))
    frame = dataset.frame.rename(columns=dict(names))
    if dataset.kind == "correlation":
        frame = frame.rename(index=dict(names))
    targets = {regime: goal and tuple(names.get(target, target) for target in goal) for regime, goal in dataset.targets.items()}
    return dataclasses.replace(dataset, frame=frame, targets=targets)


@repairs
def categories(dataset: Dataset, columns: Sequence[str]) -> Dataset:
    """Turn columns of numbers into categories; whole numbers lose their decimal point."""
    frame = dataset.frame.copy()
    for name in known_columns(dataset, columns):
        if not isinstance(frame[name].dtype, pd.CategoricalDtype):
            levels = np.unique(frame[name].dropna())
            codes = pd.Series(np.searchsorted(levels, frame[name].fillna(levels[0])), index=frame.index).where(frame[name].notna(), -1)
            texts = [f"{level:g}" if level == int(level) else repr(float(level)) for level in levels]
            frame[name] = pd.Categorical.from_codes(codes.to_numpy(dtype=np.int64), pd.Index(texts))
    return dataset.with_frame(frame)


@repairs
def to_numbers(dataset: Dataset, columns: Sequence[str]) -> Dataset:
    """Turn columns of text into numbers; every cell that is not a number becomes missing."""
    frame = dataset.frame.copy()
    for name in known_columns(dataset, columns):
        frame[name] = as_numbers(frame[name])
    return dataset.with_frame(frame)


@repairs
def keep_most_variable(dataset: Dataset, count: int) -> Dataset:
    """Keep the columns with the largest standard deviation, in their old order."""
    chosen = known_columns(dataset, None)
    if not 1 <= count <= len(chosen):
        raise UserError(f"{count} of {len(chosen)} columns cannot be kept.", f"Choose from 1 to {len(chosen)}.", "count")
    spread = np.nan_to_num(np.nanstd(dataset.frame[chosen].to_numpy(), axis=0))
    kept = np.sort(np.argsort(-spread, kind="stable")[:count])
    return dataset.select([chosen[i] for i in kept])


@repairs
def thin(dataset: Dataset, every: int) -> Dataset:
    """Keep each ``every``-th row (of each regime), so that neighbouring rows are further apart."""
    labels = pd.Series(dataset.regime or ("",) * len(dataset.frame))
    return keep_rows(dataset, (labels.groupby(labels, sort=False).cumcount() % every == 0).to_numpy())


@repairs
def nearest_correlation(dataset: Dataset, floor: float = 1e-6) -> Dataset:
    """Clip a correlation matrix to [-1, 1], raise its eigenvalues to at least ``floor``, and scale its diagonal back to 1."""
    if dataset.kind != "correlation":
        raise UserError(f"{dataset.name} is not a correlation matrix.", "Only a correlation matrix has eigenvalues to repair.")
    fixed = clipped_correlation(dataset.frame.to_numpy(), floor)
    return dataset.with_frame(pd.DataFrame(fixed, index=dataset.frame.index, columns=dataset.frame.columns))


def clipped_correlation(matrix: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Return the (p, p) matrix with its values clipped and its eigenvalues raised; gaps count as 0."""
    matrix = np.clip(np.nan_to_num(matrix), -1.0, 1.0)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    fixed = (vectors * np.maximum(values, floor)) @ vectors.T
    scale = 1 / np.sqrt(np.diag(fixed))
    fixed = fixed * scale[:, None] * scale[None, :]
    fixed = (fixed + fixed.T) / 2
    np.fill_diagonal(fixed, 1.0)
    return fixed


def gaps(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the (n, p) table of cells that are missing or infinite."""
    return np.column_stack([
        column.isna().to_numpy() if isinstance(column.dtype, pd.CategoricalDtype) else ~np.isfinite(column.to_numpy())
        for _, column in frame.items()
    ])  # fmt: skip


def as_numbers(column: "pd.Series[str]") -> "pd.Series[float]":
    """Read text cells as numbers, with a decimal comma or point; anything else is missing."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(float)
    texts = pd.Series(column.cat.categories.astype(str).str.strip())
    numbers = pd.to_numeric(texts, errors="coerce")
    values = numbers.fillna(pd.to_numeric(texts.str.replace(",", ".", n=1), errors="coerce")).to_numpy(dtype=float)
    codes = column.cat.codes.to_numpy()
    return pd.Series(np.where(codes >= 0, values[codes], np.nan), index=column.index)


def keep_rows(dataset: Dataset, keep: NDArray[np.bool_]) -> Dataset:
    """Return the rows marked True, with their regimes; targets of regimes without rows go."""
    frame = dataset.frame[keep]
    if not isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.reset_index(drop=True)
    if dataset.regime is None:
        return dataset.with_frame(frame)
    regime = tuple(label for label, kept in zip(dataset.regime, keep, strict=True) if kept)
    targets = {label: goal for label, goal in dataset.targets.items() if label in set(regime)}
    return dataclasses.replace(dataset, frame=frame, regime=regime, targets=targets)


def _mapped(dataset: Dataset, columns: Sequence[str] | None, function: np.ufunc, low: float, strict: bool) -> Dataset:
    frame = dataset.frame.copy()
    for name in known_columns(dataset, columns):
        values = frame[name].to_numpy()
        if (values <= low).any() if strict else (values < low).any():
            raise UserError(f"Column {name} has values {'of 0 or ' if strict else ''}below 0.", "Leave this column out.", name)
        frame[name] = function(values)
    return dataset.with_frame(frame)


def _filler(values: "pd.Series[float]", name: str) -> float:
    if values.empty:
        raise UserError(f"Column {name} has no value to fill its gaps from.", "Remove the column.", name)
    return values.iloc[0]
