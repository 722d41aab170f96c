"""Whether compounds move the features of generated cells as they move those of real ones: rank correlation over molecules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.molimage.intervals import RESAMPLES, Interval, limits, resampled_counts

Floats = NDArray[np.float64]
Labels = Sequence[str] | NDArray[np.object_]

LEAST_IMAGES = 4  # of a molecule: fewer have no mean worth ranking
LEAST_MOLECULES = 5  # below, a rank correlation says nothing
HEADLINE_MOLECULES = 30  # the standard error of a rank correlation over 7 is near 0.4


@dataclass(frozen=True)
class Agreement:
    """How well the order of molecules by each feature agrees between two sets of images.

    Parameters
    ----------
    table : one row a feature: ``feature``, ``spearman`` with ``low`` and ``high``, and ``ceiling``, what fresh images of the true
        phenotypes reach; missing without an oracle. Features that do not vary over the molecules are left out.
    mean : over the features of the table, with the interval of that mean.
    ceiling : the same mean for the oracle.
    share : mean / ceiling; molecules are resampled for both together.
    molecules : number of molecules compared.
    reason : why nothing was computed, or why it is no headline; empty when it is one.
    """

    table: pd.DataFrame
    mean: Interval
    ceiling: Interval | None
    share: Interval | None
    molecules: int
    reason: str

    @property
    def is_headline(self) -> bool:
        """Whether there are enough molecules to quote the mean on its own."""
        return self.molecules >= HEADLINE_MOLECULES


def morphology_agreement(
    real: pd.DataFrame,
    real_molecule: Labels,
    generated: pd.DataFrame,
    generated_molecule: Labels,
    oracle: tuple[pd.DataFrame, Labels] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Agreement:
    """Correlate the mean features of molecules between real and generated images.

    Parameters
    ----------
    real, generated : tables of `engine.molimage.morphology`, one row a field.
    real_molecule, generated_molecule : the molecule of each field.
    oracle : fields rendered anew from the true phenotypes of the molecules and the molecule of each: what a perfect model would reach.

    Returns
    -------
    Agreement over the molecules with four images or more in every set; without a table when there are fewer than five of them.

    Notes
    -----
    Spearman's ρ of each feature: Pearson's correlation of mid-ranks. Intervals: molecules are drawn with replacement, ranks and
    correlations computed anew, 2.5 % and 97.5 % quantiles. The mean over features is taken in every resample,
    so its interval knows that features go together.
    """
    sets = [molecule_means(real, real_molecule), molecule_means(generated, generated_molecule)]
    if oracle is not None:
        sets.append(molecule_means(*oracle))
    shared, features = sets[0].index, sets[0].columns
    for means in sets[1:]:
        shared, features = shared.intersection(means.index), features.intersection(means.columns, sort=False)
    if len(shared) < LEAST_MOLECULES:
        reason = (
            f"{len(shared)} molecules have {LEAST_IMAGES} images or more in each set; a correlation over molecules needs "
            f"{LEAST_MOLECULES}, a headline {HEADLINE_MOLECULES}."
        )
        nothing = Interval(np.nan, np.nan, np.nan)
        return Agreement(pd.DataFrame(columns=["feature", "spearman", "low", "high", "ceiling"]), nothing, None, None, len(shared), reason)
    values = [means.loc[shared, features].to_numpy(dtype=float) for means in sets]
    counts = np.concatenate([np.ones((1, len(shared)), np.int64), resampled_counts(len(shared), seed, resamples)])
    ours = spearman_draws(values[0], values[1], counts)
    best = spearman_draws(values[0], values[2], counts) if oracle is not None else np.full_like(ours, np.nan)
    kept = ~np.isnan(ours[0])
    ours, best = ours[:, kept], best[:, kept]
    low, high = limits(ours[1:])
    table = pd.DataFrame({"feature": features[kept], "spearman": ours[0], "low": low, "high": high, "ceiling": best[0]})
    means_of = [_row_means(draws) for draws in (ours, best)]
    few = f"{len(shared)} molecules only: the interval is wide; a headline needs {HEADLINE_MOLECULES}."
    return Agreement(
        table,
        _interval(means_of[0]),
        None if oracle is None else _interval(means_of[1]),
        None if oracle is None else _interval(means_of[0] / means_of[1]),
        len(shared),
        "" if len(shared) >= HEADLINE_MOLECULES else few,
    )


def molecule_means(features: pd.DataFrame, molecules: Labels, least: int = LEAST_IMAGES) -> pd.DataFrame:
    """Return the mean of each feature over the images of each molecule that has so many; missing values are left out of a mean."""
    names = np.asarray(molecules, dtype=object)
    groups = features.reset_index(drop=True).groupby(names)
    means = groups.mean()
    return means[groups.size() >= least]


def spearman_draws(a: Floats, b: Floats, counts: NDArray[np.int64]) -> Floats:
    """Return Spearman's correlation of each column of a with that of b in each bootstrap sample.

    Parameters
    ----------
    a, b : (M, F) features of M molecules; molecules where either is missing are left out of that feature.
    counts : (B, M) how often each sample drew each molecule.

    Returns
    -------
    (B, F), NaN where a sample has no two different values.
    """
    found = np.full((len(counts), a.shape[1]), np.nan)
    for k in range(a.shape[1]):
        known = ~np.isnan(a[:, k]) & ~np.isnan(b[:, k])
        weight = counts[:, known]
        number = np.maximum(weight.sum(axis=1, keepdims=True), 1)
        x, y = (_mid_ranks(values[known, k], weight) - (number + 1) / 2 for values in (a, b))  # the mean of mid-ranks is (n + 1) / 2
        xx, yy, xy = ((weight * product).sum(axis=1) for product in (x * x, y * y, x * y))
        varies = (xx > 1e-9) & (yy > 1e-9)
        found[varies, k] = xy[varies] / np.sqrt(xx[varies] * yy[varies])
    return found


def _mid_ranks(values: Floats, counts: NDArray[np.int64]) -> Floats:
    """(B, M) rank of each value among as many copies of each as were drawn; equal ones share the mean of their ranks."""
    distinct, group = np.unique(values, return_inverse=True)
    drawn = counts.astype(np.float64) @ (group[:, None] == np.arange(len(distinct)))  # whole numbers, which floats multiply faster
    return (drawn.cumsum(axis=1) - (drawn - 1) / 2)[:, group]


def _row_means(draws: Floats) -> Floats:
    """Return the mean over the features that a sample has."""
    known = ~np.isnan(draws)
    return np.where(known.any(axis=1), np.where(known, draws, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)


def _interval(draws: Floats) -> Interval:
    """Take the first draw as the estimate, the others as the bootstrap's."""
    low, high = limits(draws[1:, None])
    return Interval(float(draws[0]), float(low[0]), float(high[0]))
