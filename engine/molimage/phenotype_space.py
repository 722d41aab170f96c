"""A few coordinates of an image profile in which compounds differ most, measured in spreads within a compound."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RIDGE = 0.1  # share of the diagonal mixed into the spread within groups, of which there are few images each
MOST = 16  # coordinates
MOST_PARTS = 4  # of the images, each left out once


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


def standard_errors(profiles: Floats, groups: NDArray[np.int64], plates: NDArray[np.object_]) -> Floats:
    """Return how far the mean coordinates of each group (G,) are from those of endless plates, root mean square over coordinates.

    Parameters
    ----------
    profiles : (N, F) of images.
    groups : (N,) numbers of their groups, from 0.
    plates : (N,) plate of each; images of one plate share its staining.

    Notes
    -----
    Each plate of a group in turn is left out, the space is found without it, and the plate's mean is compared with that of the rest: of p
    plates alike, d² is v p / (p - 1), and the mean of all has the variance v / p. A group on one plate is dealt into two parts instead. The
    left-out images have not formed the space, so a space that fits its own images too well does not hide the error.
    """
    part, parts = _parts(groups, plates)
    found = []
    for k in range(min(int(part.max()) + 1, MOST_PARTS)):
        held = part == k
        both = np.isin(groups, np.intersect1d(groups[held], groups[~held]))
        if not both.any():
            continue
        _, rest = np.unique(groups[both & ~held], return_inverse=True)
        owners, left = np.unique(groups[both & held], return_inverse=True)
        space = PhenotypeSpace.fit(profiles[both & ~held], rest)
        known, new = (
            group_means(space.coordinates(profiles[both & ~held]), rest),
            group_means(space.coordinates(profiles[both & held]), left),
        )
        share = (parts[owners] - 1) / parts[owners]
        found.append(np.mean((new - known) ** 2, axis=1) * share)
    variance = float(np.concatenate(found).mean()) if found else 1.0
    return np.sqrt(variance / parts).astype(np.float32)


def _parts(groups: NDArray[np.int64], plates: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each row's plate within its group, and how many parts each group has."""
    part, parts = np.zeros(len(groups), np.int64), np.ones(int(groups.max()) + 1, np.int64)
    for group, rows in pd.Series(groups).groupby(groups).indices.items():
        names, number = np.unique(plates[rows].astype(str), return_inverse=True)
        part[rows] = number if len(names) > 1 else np.arange(len(rows)) % 2
        parts[int(str(group))] = int(part[rows].max()) + 1
    return part, parts
