"""A few coordinates of an image profile in which compounds differ most, measured in spreads within a compound."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RIDGE = 0.1  # share of the diagonal mixed into the spread within groups, of which there are few images each
MOST = 16  # coordinates


@dataclass(frozen=True, eq=False)
class PhenotypeSpace:
    """Linear map from F statistics of an image to P coordinates.

    Parameters
    ----------
    centre : (F,) mean profile.
    axes : (F, P) columns of the map.

    Notes
    -----
    Profiles are whitened by the pooled covariance within groups, then projected on the leading axes of the group means (linear
    discriminants, Fisher 1936; Rao 1948), all scaled by one number so that the group means have mean square 1 per coordinate.
    """

    centre: Floats
    axes: Floats

    @classmethod
    def fit(cls, profiles: Floats, groups: NDArray[np.int64], most: int = MOST) -> "PhenotypeSpace":
        """Find the space of N profiles (N, F) whose group numbers (N,) count from 0."""
        n_groups = int(groups.max()) + 1
        centre, sd = profiles.mean(axis=0), profiles.std(axis=0) + 1e-6
        unit = ((profiles - centre) / sd).astype(np.float64)
        means = group_means(unit, groups)
        apart = unit - means[groups]
        within = apart.T @ apart / max(len(unit) - n_groups, 1)
        within = (1 - RIDGE) * within + RIDGE * np.eye(len(within)) * max(np.trace(within) / len(within), 1e-3)
        values, vectors = np.linalg.eigh(within)
        white = vectors / np.sqrt(values) @ vectors.T
        kept = min(most, n_groups - 1, unit.shape[1]) or 1
        between = (means - means.mean(axis=0)) @ white
        _, _, directions = np.linalg.svd(between, full_matrices=False)
        axes = white @ directions[:kept].T
        axes /= np.sqrt(np.mean((means @ axes) ** 2)) + 1e-9
        return cls(centre.astype(np.float32), (axes / sd[:, None]).astype(np.float32))

    @property
    def p(self) -> int:
        """Number of coordinates."""
        return int(self.axes.shape[1])

    def coordinates(self, profiles: Floats) -> Floats:
        """Return the coordinates (N, P) of profiles (N, F)."""
        found: Floats = ((profiles - self.centre) @ self.axes).astype(np.float32)
        return found


def group_means(values: NDArray[np.floating], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean row (G, F) of each group of rows (N, F); group numbers count from 0."""
    sums = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    counts: NDArray[np.float64] = np.bincount(groups)[:, None].astype(np.float64)
    return sums / counts
