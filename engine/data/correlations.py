"""Repairs that turn a table into its correlations: of the rows that each pair shares, or shrunk where the rows are few."""

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, UserError
from engine.data.step import repairs
from engine.data.transform import gaps

FEWEST_SHARED = 5  # rows that two columns must share for their correlation to mean anything


@repairs
def pairwise_correlation(dataset: Dataset) -> Dataset:
    """Return the correlations of all columns, each of the rows in which both have a value; their smallest number counts as that of samples.

    Raises
    ------
    UserError
        When two columns share fewer than five rows, or a column holds categories.

    Notes
    -----
    Correlations of different rows need not fit together: the matrix can have negative eigenvalues, which the doctor reports and
    `nearest_correlation` repairs.
    """
    values = pd.DataFrame(dataset.numeric, columns=dataset.columns).where(np.isfinite(dataset.numeric))
    seen = values.notna().to_numpy(dtype=np.float64)
    shared = seen.T @ seen
    matrix = values.corr().to_numpy()
    if shared.min() < FEWEST_SHARED or np.isnan(matrix).any():
        a, b = np.unravel_index(np.argmin(np.where(np.isnan(matrix), 0, shared)), shared.shape)
        raise UserError(
            f"{dataset.columns[a]} and {dataset.columns[b]} share {int(shared[a, b])} rows, too few for a correlation.",
            "Remove the column with more gaps.", dataset.columns[a],
        )  # fmt: skip
    note = "correlations of the rows that each pair shares"
    return _matrix(dataset, matrix, int(shared.min()), "pairwise correlations", note)


@repairs
def shrunken_correlation(dataset: Dataset) -> Dataset:
    """Return the correlations of all columns drawn towards 0 by the factor that Ledoit and Wolf estimate from the table.

    Notes
    -----
    ``R* = (1 - s) R + s I`` with ``s = min(1, sum_k |x_k x_k' - R|^2 / (n^2 |R - I|^2))`` for rows x_k of the standardised columns
    (Ledoit and Wolf 2004, with the target's scale known to be 1). R* has an inverse also when there are fewer rows than columns. Its
    p-values are too large rather than too small: shrunk correlations are closer to 0.
    """
    if gaps(dataset.frame).any():
        raise UserError(f"{dataset.name} has gaps.", "Fill the gaps first.")
    values = dataset.numeric
    n, p = values.shape
    spread = values.std(axis=0)
    if n < FEWEST_SHARED or not (spread > 0).all():
        raise UserError(f"{dataset.name} has too few rows, or a column that never varies.", "Add rows, or remove the column.")
    scaled = (values - values.mean(axis=0)) / spread
    matrix = scaled.T @ scaled / n
    noise = float(np.square(np.square(scaled).sum(axis=1)).sum() - n * np.square(matrix).sum()) / n**2
    signal = float(np.square(matrix - np.eye(p)).sum())
    shrinkage = min(1.0, max(noise, 0.0) / signal) if signal else 1.0
    shrunk = (1 - shrinkage) * matrix
    np.fill_diagonal(shrunk, 1.0)
    return _matrix(dataset, shrunk, n, "shrunken correlations", f"correlations shrunk by {shrinkage:.0%} (Ledoit-Wolf)")


def _matrix(dataset: Dataset, matrix: NDArray[np.float64], n: int, what: str, note: str) -> Dataset:
    """Make the dataset of a matrix that says in its name and source what it is."""
    frame = pd.DataFrame((matrix + matrix.T) / 2, dataset.columns, dataset.columns)
    source = "; ".join(part for part in (dataset.source, note) if part)
    return dataclasses.replace(
        dataset, frame=frame, kind="correlation", n_rows=n, name=f"{dataset.name}, {what}", source=source, regime=None, targets={}
    )
