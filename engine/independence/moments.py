"""What Gaussian tests need of several tables: numbers of rows, means and scatter, read off in one pass over each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.independence.trace import Floats


class Moments(NamedTuple):
    """Moments of r tables of the same p columns.

    Attributes
    ----------
    counts : (r,) numbers of rows.
    means : (r, p) means.
    scatter : (r, p, p) sums of products of deviations from the table's own means.
    """

    counts: Floats
    means: Floats
    scatter: Floats

    @classmethod
    def of(cls, tables: Sequence[Floats]) -> "Moments":
        """Read tables (n_k, p)."""
        means, scatter = [], []
        for table in tables:
            with np.errstate(over="ignore", invalid="ignore"):
                mean = table.mean(axis=0)
                centred = table - mean
                means.append(mean)
                scatter.append(centred.T @ centred)
        return cls(np.array([len(table) for table in tables], dtype=np.float64), np.stack(means), np.stack(scatter))

    @property
    def is_finite(self) -> bool:
        """Whether no value is missing or infinite; False also where sums of squares overflow."""
        return bool(np.isfinite(self.scatter).all())
