"""The five ways in which a linear Gaussian conditional may differ between clusters, fitted by weighted least squares."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np

from engine.mixtures.moments import Floats, centred

FLOOR = 1e-3  # smallest noise variance of a column of variance 1; keeps a cluster from closing in on a few rows
FEWEST = 5  # rows below which a cluster is none
STEPS = 4  # of reweighting, where coefficients are shared and variances are not
RIDGE = 1e-9  # per sample, so that a cluster in which a column is constant has a fit


class Variant(IntEnum):
    """What of x = intercept + slopes' parents + noise differs between clusters."""

    SHARED = 0
    INTERCEPT = 1
    VARIANCE = 2
    BOTH = 3
    ALL = 4

    @property
    def frees_intercept(self) -> bool:
        """Whether each cluster has its own intercept and all share the slopes."""
        return self in (Variant.INTERCEPT, Variant.BOTH)

    @property
    def frees_variance(self) -> bool:
        """Whether each cluster has its own variance."""
        return self >= Variant.VARIANCE

    @property
    def words(self) -> str:
        """What differs, in words."""
        return ("nothing", "mean", "noise", "mean and noise", "everything")[self]


def n_parameters(variant: Variant, n_parents: int, k: int) -> int:
    """Count the parameters of a conditional: coefficients with intercept, and variances."""
    d = n_parents + 1
    return {
        Variant.SHARED: d + 1, Variant.INTERCEPT: d + k, Variant.VARIANCE: d + k, Variant.BOTH: d - 1 + 2 * k, Variant.ALL: k * (d + 1),
    }[variant]  # fmt: skip


@dataclass(frozen=True)
class Conditional:
    """One variable given its parents in each cluster.

    Attributes
    ----------
    coefficients : (..., K, d) intercept and slopes.
    variance : (..., K) of the noise.
    likelihood : (...,) expected log likelihood of the variable under the weights of the fit.
    """

    variant: Variant
    coefficients: Floats
    variance: Floats
    likelihood: Floats


def fit_variant(block: Floats, variant: Variant, variance: Floats | None = None, steps: int = STEPS) -> Conditional:
    """Fit one variant to raw moments.

    Parameters
    ----------
    block : (..., K, d + 1, d + 1) raw moments of constant, parents and target; leading axes are a batch.
    variance : (..., K) where the reweighting starts; each of its steps raises the likelihood, so that a fit that starts from the last one
        is never worse than it.

    Notes
    -----
    With shared coefficients and free variances, coefficients are ``(sum_k A_k / v_k)^-1 sum_k b_k / v_k`` and ``v_k = RSS_k / n_k`` in
    turn; free intercepts are the same on moments about each cluster's mean.
    """
    mass: Floats = np.maximum(block[..., 0, 0], 1e-300)
    free = variant.frees_intercept
    source = centred(block) if free else block
    a, b, c = source[..., :-1, :-1], source[..., :-1, -1], source[..., -1, -1]
    if variant is Variant.ALL:
        slopes = solve(a, b, mass)
        rss = c - (slopes * b).sum(axis=-1)
        v = np.maximum(rss / mass, FLOOR)
        likelihood = log_likelihood(rss, mass, v).sum(axis=-1)
    elif not variant.frees_variance:
        total, products = mass.sum(axis=-1), b.sum(axis=-2)
        shared = solve(a.sum(axis=-3), products, total)
        rss = c.sum(axis=-1) - (shared * products).sum(axis=-1)
        common = np.maximum(rss / total, FLOOR)
        likelihood = log_likelihood(rss, total, common)
        slopes, v = np.repeat(shared[..., None, :], mass.shape[-1], axis=-2), np.repeat(common[..., None], mass.shape[-1], axis=-1)
    else:
        v = np.ones(mass.shape) if variance is None else variance
        for _ in range(steps):
            shared = solve((a / v[..., None, None]).sum(axis=-3), (b / v[..., None]).sum(axis=-2), mass.sum(axis=-1))
            slopes = np.repeat(shared[..., None, :], mass.shape[-1], axis=-2)
            rss = c + (slopes * ((slopes[..., None, :] @ a)[..., 0, :] - 2 * b)).sum(axis=-1)
            v = np.maximum(rss / mass, FLOOR)
        likelihood = log_likelihood(rss, mass, v).sum(axis=-1)
    if free:
        means = block[..., 0, 1:] / mass[..., None]
        slopes = np.concatenate([(means[..., -1] - (slopes * means[..., :-1]).sum(axis=-1))[..., None], slopes], axis=-1)
    return Conditional(variant, slopes, v, likelihood)


def log_likelihood(rss: Floats, mass: Floats | float, variance: Floats) -> Floats:
    """Return the Gaussian log likelihood of residuals with this sum of squares."""
    found: Floats = -0.5 * (mass * np.log(2 * np.pi * variance) + rss / variance)
    return found


def profile(rss: Floats, mass: Floats | float) -> Floats:
    """Return the Gaussian log likelihood at the best variance that is not below the floor."""
    return log_likelihood(rss, mass, np.maximum(rss / np.maximum(mass, 1e-300), FLOOR))


@cache
def _identity(d: int) -> Floats:
    return np.eye(d)


def solve(a: Floats, b: Floats, mass: Floats) -> Floats:
    """Solve least squares from moments (..., d, d) and (..., d)."""
    d = a.shape[-1]
    if d == 0:
        return b
    return np.asarray(np.linalg.solve(a + np.multiply.outer(RIDGE * mass, _identity(d)), b[..., None])[..., 0], np.float64)
