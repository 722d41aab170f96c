"""Distances between two clouds of features: kernel distance (unbiased, cubic) and Fréchet distance of normal clouds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError

Floats = NDArray[np.float64]

BLOCK = 25  # images in each of the disjoint parts whose spread gives the standard error


@dataclass(frozen=True)
class FeatureDistance:
    """How far generated images lie from real ones in a space of features.

    Parameters
    ----------
    kernel : squared maximum mean discrepancy, unbiased, so it may fall below 0.
    kernel_se : its standard error, from disjoint parts; too large where the distance is near 0.
    frechet : Fréchet distance of the normal distributions with the same means and covariances; biased upwards, more so for few images.
    images : number of images of either kind.

    Notes
    -----
    Neither is the FID or KID of the literature: those are taken on features of a network trained on photographs.
    """

    kernel: float
    kernel_se: float
    frechet: float
    images: int


def feature_distance(real: NDArray[np.floating], generated: NDArray[np.floating], seed: int = 0) -> FeatureDistance:
    """Compare generated with real features, both standardised by the real ones, in equal numbers.

    Parameters
    ----------
    real, generated : (N, F) and (M, F); of the larger set min(N, M) images are drawn by ``seed``.

    Raises
    ------
    UserError
        When either set has fewer than four images.
    """
    n = min(len(real), len(generated))
    if n < 4:
        raise UserError(f"{n} images are too few for a distance between sets.", "Give at least four of each.")
    rng = np.random.default_rng(seed)
    a, b = (np.asarray(values, dtype=float)[rng.permutation(len(values))[:n]] for values in (real, generated))
    centre, scale = a.mean(axis=0), a.std(axis=0)
    kept = scale > 1e-9  # a statistic that never varies in real images has no scale to compare by
    a, b = ((values[:, kept] - centre[kept]) / scale[kept] for values in (a, b))
    parts = max(2, n // BLOCK)
    blocks = [kernel_distance(a[part], b[part]) for part in np.array_split(np.arange(n), parts)]
    return FeatureDistance(kernel_distance(a, b), float(np.std(blocks, ddof=1) / np.sqrt(parts)), frechet_distance(a, b), n)


def kernel_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Return the unbiased squared maximum mean discrepancy of (N, F) and (M, F) features under the kernel k(x, y) = (x·y / F + 1)³.

    Notes
    -----
    Mean of k over pairs i ≠ j of a, plus that of b, minus twice the mean over all pairs of a and b (Gretton et al. 2012, eq. 3; the cubic
    kernel of Bińkowski et al. 2018). The expectation is 0 for two samples of one distribution, whatever their sizes.
    """
    n, m = len(a), len(b)
    within_a, within_b = _kernel(a, a), _kernel(b, b)
    return float(
        (within_a.sum() - np.trace(within_a)) / (n * (n - 1))
        + (within_b.sum() - np.trace(within_b)) / (m * (m - 1))
        - 2 * _kernel(a, b).mean()
    )


def frechet_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Return |μ_a - μ_b|² + tr(Σ_a + Σ_b - 2 (Σ_a Σ_b)^½) of (N, F) and (M, F) features (Dowson and Landau 1982).

    Notes
    -----
    tr (Σ_a Σ_b)^½ is the sum of the singular values of A'B / sqrt(n m) where A and B are the centred features written on their own
    principal axes: no covariance need be of full rank.
    """
    (mean_a, root_a), (mean_b, root_b) = _moments(a), _moments(b)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return float(((mean_a - mean_b) ** 2).sum() + (root_a**2).sum() + (root_b**2).sum() - 2 * cross)


def _kernel(a: NDArray[np.floating], b: NDArray[np.floating]) -> Floats:
    return (np.asarray(a, dtype=float) @ np.asarray(b, dtype=float).T / a.shape[1] + 1) ** 3


def _moments(values: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Return the mean and a matrix R with R'R the covariance."""
    mean = np.asarray(values, dtype=float).mean(axis=0)
    _, sizes, axes = np.linalg.svd(values - mean, full_matrices=False)
    return mean, sizes[:, None] * axes / np.sqrt(len(values) - 1)
