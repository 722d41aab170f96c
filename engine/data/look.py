"""What every check of the doctor needs to know about a table, computed once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset

SAMPLE_ROWS = 10_000
FEW_LEVELS = 10


@dataclass(frozen=True)
class Look:
    """A dataset with the summaries that checks share.

    Attributes
    ----------
    dataset : the table.
    names : its numeric columns.
    values : (n, len(names)) their values, gaps and infinities as they are.
    """

    dataset: Dataset
    names: tuple[str, ...]
    values: NDArray[np.float64]

    @classmethod
    def at(cls, dataset: Dataset) -> "Look":
        """Split off the numeric columns."""
        numeric = dataset.frame.select_dtypes("number")
        return cls(dataset, tuple(numeric.columns), numeric.to_numpy(dtype=np.float64))

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.values)

    @cached_property
    def text_columns(self) -> tuple[str, ...]:
        """The category columns."""
        return tuple(str(name) for name, kind in self.dataset.frame.dtypes.items() if isinstance(kind, pd.CategoricalDtype))

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """(n, p) whether a cell is a number."""
        return np.isfinite(self.values)

    @cached_property
    def seen(self) -> NDArray[np.float64]:
        """The values with every gap and infinity as NaN, or the values themselves where there is none."""
        return self.values if self.is_complete else np.where(self.finite, self.values, np.nan)

    @cached_property
    def is_complete(self) -> bool:
        """Whether every numeric cell is a number."""
        return bool(self.finite.all())

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(p,) numbers per column."""
        return self.finite.sum(axis=0)

    @cached_property
    def low(self) -> NDArray[np.float64]:
        """(p,) smallest value; infinite for an empty column."""
        return np.where(self.finite, self.values, np.inf).min(axis=0, initial=np.inf)

    @cached_property
    def high(self) -> NDArray[np.float64]:
        """(p,) largest value; minus infinite for an empty column."""
        return np.where(self.finite, self.values, -np.inf).max(axis=0, initial=-np.inf)

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """(p,) means; 0 for an empty column."""
        return np.where(self.finite, self.values, 0.0).sum(axis=0) / np.maximum(self.counts, 1)

    @cached_property
    def centred(self) -> NDArray[np.float64]:
        """(n, p) values minus their column's mean, gaps as 0."""
        return np.where(self.finite, self.values - self.mean, 0.0) if not self.is_complete else self.values - self.mean

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        """(p,) standard deviations."""
        return np.sqrt(np.einsum("ij,ij->j", self.centred, self.centred) / np.maximum(self.counts, 1))

    @cached_property
    def varies(self) -> NDArray[np.bool_]:
        """(p,) whether a column holds two different numbers, rounding aside."""
        size = np.maximum(np.abs(self.low), np.abs(self.high))
        return (self.counts > 1) & (self.high - self.low > 1e-12 * size)

    @cached_property
    def whole(self) -> NDArray[np.bool_]:
        """(p,) whether all numbers of a column are whole."""
        return np.where(self.finite, self.values == np.rint(self.seen), True).all(axis=0) & (self.counts > 0)

    @cached_property
    def levels(self) -> NDArray[np.int64]:
        """(p,) number of different values, exact up to `FEW_LEVELS`, a lower limit above."""
        found = np.zeros(len(self.names), dtype=np.int64)
        head = np.sort(self.seen[:SAMPLE_ROWS], axis=0)
        if len(head):
            found = (np.diff(head, axis=0) > 0).sum(axis=0) + (~np.isnan(head[0]))
        if self.n > SAMPLE_ROWS:
            for j in np.flatnonzero(found <= FEW_LEVELS):
                column = self.seen[:, j]
                found[j] = len(np.unique(column[~np.isnan(column)]))
        return found

    @cached_property
    def discrete(self) -> NDArray[np.bool_]:
        """(p,) whether a column has so few values that it holds groups rather than measurements."""
        return self.varies & (self.levels <= FEW_LEVELS) & (self.counts > 3 * self.levels) & ~self.tally

    @cached_property
    def skew(self) -> NDArray[np.float64]:
        """(p,) skewness, the mean cube of the standardised values."""
        scaled = self.centred / np.where(self.spread > 0, self.spread, 1.0)
        return np.einsum("ij,ij,ij->j", scaled, scaled, scaled) / np.maximum(self.counts, 1)

    @cached_property
    def tally(self) -> NDArray[np.bool_]:
        """(p,) whether a column counts something: whole numbers from 0 on, the smaller the more frequent."""
        return self.varies & self.whole & (self.low == 0) & (self.levels > 3) & (self.skew > 1.0)

    def columns(self, where: NDArray[np.bool_]) -> tuple[str, ...]:
        """Names of the marked numeric columns."""
        return tuple(self.names[j] for j in np.flatnonzero(where))
