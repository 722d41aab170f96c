"""Outliers among counts: genes whose coefficients hang on a single sample."""

import numpy as np
from numpy.typing import NDArray

REPLICATES = 3  # a group with fewer cannot tell which of its samples is odd
LEAST_DISPERSION = 0.04
SHARE = 0.99  # quantile of the F distribution of Cook's distance
# (largest group size, share cut at each end, deviations squared per trimmed mean of squares of a normal)
TRIMS = ((3, 1 / 3, 2.04), (23, 1 / 4, 1.86), (float("inf"), 1 / 8, 1.51))

Floats = NDArray[np.float64]


def outliers(y: Floats, factors: Floats, design: Floats, expected: Floats, leverage: Floats) -> NDArray[np.bool_]:
    """Say for each gene whether a sample of a group of three or more has too large a Cook's distance.

    Parameters
    ----------
    y : (G, n) counts; ``expected`` and ``leverage`` those of the regression.

    Notes
    -----
    D = r^2 / p * h / (1 - h)^2 with r the Pearson residual under a dispersion that an outlier does not inflate (trimmed within groups); cut
    at the .99 quantile of F(p, n - p) (Love, Huber, Anders 2014). With two groups a gene stays where three samples have larger counts.
    """
    from scipy.stats import f

    n, p = design.shape
    _, group = np.unique(design, axis=0, return_inverse=True)
    large = np.bincount(group)[group] >= REPLICATES
    if n <= p or not large.any():
        return np.zeros(len(y), dtype=bool)
    alpha = robust_dispersion(y / factors, group, large)[:, None]
    pearson = (y - expected) ** 2 / (expected + alpha * expected**2)
    distance = np.where(large, pearson / p * leverage / (1 - leverage) ** 2, 0.0)
    found = np.asarray((distance > f.ppf(SHARE, p, n - p)).any(axis=1))
    if p == 2 and group.max() == 1:
        worst = np.take_along_axis(y, distance.argmax(axis=1)[:, None], axis=1)
        found &= (y > worst).sum(axis=1) < 3
    return found


def robust_dispersion(normalised: Floats, group: NDArray[np.intp], large: NDArray[np.bool_]) -> Floats:
    """Return the (G,) dispersions from the largest trimmed variance of a group, at least 0.04."""
    variances = [trimmed_variance(normalised[:, group == k]) for k in np.unique(group[large])]
    variance, mean = np.max(variances, axis=0), normalised.mean(axis=1)
    return np.asarray(np.maximum((variance - mean) / mean**2, LEAST_DISPERSION))


def trimmed_variance(values: Floats) -> Floats:
    """Return the (G,) trimmed means of squared distances from the trimmed mean, scaled to the variance of a normal."""
    from scipy.stats import trim_mean

    _, cut, scale = next(trim for trim in TRIMS if values.shape[1] <= trim[0])
    centre = trim_mean(values, cut, axis=1)
    return np.asarray(scale * trim_mean((values - centre[:, None]) ** 2, cut, axis=1))
