"""Dispersions of counts: one per gene by adjusted likelihood, their trend over the mean, and each gene's share of both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-8
STARTS = 24  # points between the smallest and largest dispersion from which the best is refined
TOLERANCE = 1e-6  # of the logarithm of a dispersion
ROUND = 1e2  # dispersions below this many times the smallest tell nothing of the trend
RESIDUAL = (1e-4, 15.0)  # share of the trend outside which a gene does not count for it
ROUNDS = 20  # of leaving out and fitting again
SETTLED = 1e-6  # squared change of the logarithms of the two numbers at which the trend is done
OUTLYING = 2.0  # residual deviations above the trend from which a gene keeps its own dispersion
LEAST_PRIOR = 0.25  # variance of log dispersions around the trend, at least
NORMAL_MAD = 1.4826  # standard deviations per median absolute deviation of a normal

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trend:
    """Dispersion as a function of the mean of normalised counts: a1 / mean + a0."""

    a1: float
    a0: float

    def __call__(self, mean: Floats) -> Floats:
        """Return the dispersion expected at each mean."""
        return np.asarray(self.a1 / mean + self.a0)


def log_likelihood(y: Floats, mu: Floats, alpha: Floats) -> Floats:
    """Return the (G, n) log probabilities of counts up to -log y!, given (G, n) means and (G,) dispersions."""
    from scipy.special import gammaln

    size = 1 / alpha[:, None]
    return np.asarray(gammaln(y + size) - gammaln(size) - (y + size) * np.log1p(mu / size) + y * np.log(mu / size))


def adjusted_likelihood(y: Floats, mu: Floats, design: Floats, alpha: Floats) -> Floats:
    """Return the (G,) log likelihoods minus half the log determinant of X'WX, W = mu / (1 + alpha mu) (Cox, Reid 1987)."""
    n, p = design.shape
    pairs = np.einsum("ni,nj->nij", design, design).reshape(n, p * p)
    information = ((mu / (1 + alpha[:, None] * mu)) @ pairs).reshape(-1, p, p)
    return np.asarray(log_likelihood(y, mu, alpha).sum(axis=1) - 0.5 * np.linalg.slogdet(information)[1])


def gene_wise(y: Floats, mu: Floats, design: Floats, rough: Floats) -> Floats:
    """Return the (G,) dispersions that maximise the adjusted likelihood, between 1e-8 and the larger of 10 and n.

    Parameters
    ----------
    rough : (G,) dispersions by moments. A gene whose variance is not above that of Poisson counts stays at 1e-8: the likelihood of few
        replicates is flat there, and its maximum elsewhere, where there is one, would only pull the trend down.
    """
    found = _maximum(lambda logs, at: adjusted_likelihood(y[at], mu[at], design, np.exp(logs)), len(y), design.shape[0])
    return np.where(rough > LEAST, found, LEAST)


def from_moments(y: Floats, factors: Floats, design: Floats) -> Floats:
    """Return rough (G,) dispersions: excess of the variance over the mean, the smaller of two ways to see it.

    Notes
    -----
    One takes residuals of a least-squares fit of normalised counts, the other the plain variance (Love, Huber, Anders 2014).
    """
    n, p = design.shape
    normalised = y / factors
    fit = np.maximum(normalised @ (design @ np.linalg.pinv(design)).T, 1.0)
    residual = (((normalised - fit) ** 2 - fit) / fit**2).sum(axis=1) / (n - p)
    mean = normalised.mean(axis=1)
    plain = (normalised.var(axis=1, ddof=1) - (1 / factors).mean() * mean) / mean**2
    return np.asarray(np.clip(np.minimum(np.maximum(residual, 0.0), plain), LEAST, max(10.0, n)))


def trend_of(alpha: Floats, mean: Floats) -> Trend:
    """Fit a1 / mean + a0 to gene-wise dispersions by a gamma regression; genes far off the trend are left out, step by step.

    Parameters
    ----------
    alpha, mean : (G,) gene-wise dispersions and means of normalised counts.

    Returns
    -------
    Trend ; with a1 = 0 and the trimmed mean where the regression does not end in two positive numbers.
    """
    found, used = np.array([1.0, 1.0]), np.ones(len(alpha), dtype=bool)
    for _ in range(ROUNDS):
        fresh = _gamma_identity(alpha[used], mean[used], found) if used.sum() > 2 else None
        if fresh is None:
            return Trend(0.0, _trimmed_mean(alpha[alpha > ROUND * LEAST]))
        is_done = float(np.sum(np.log(fresh / found) ** 2)) < SETTLED
        found = fresh
        ratio = alpha / (found[0] / mean + found[1])
        used &= (ratio >= RESIDUAL[0]) & (ratio < RESIDUAL[1])
        if is_done:
            break
    return Trend(float(found[0]), float(found[1]))


def shrunk(y: Floats, mu: Floats, design: Floats, alpha: Floats, expected: Floats) -> Floats:
    """Return the (G,) dispersions of largest posterior under a log-normal prior around the trend.

    Parameters
    ----------
    alpha : (G,) gene-wise dispersions; a gene far above the trend keeps its own.
    expected : (G,) the trend at each gene's mean.
    """
    from scipy.special import polygamma

    n, p = design.shape
    telling = alpha >= ROUND * LEAST
    residuals = np.log(alpha[telling]) - np.log(expected[telling])
    spread = float((NORMAL_MAD * np.median(np.abs(residuals - np.median(residuals)))) ** 2) if telling.any() else LEAST_PRIOR
    prior = max(spread - float(polygamma(1, (n - p) / 2)), LEAST_PRIOR)
    centre = np.log(expected)

    def posterior(logs: Floats, at: NDArray[np.intp]) -> Floats:
        return np.asarray(adjusted_likelihood(y[at], mu[at], design, np.exp(logs)) - (logs - centre[at]) ** 2 / (2 * prior))

    found = _maximum(posterior, len(y), n)
    outlying = np.log(alpha) > centre + OUTLYING * np.sqrt(spread)
    return np.where(outlying, alpha, found)


def _maximum(score: Callable[[Floats, NDArray[np.intp]], Floats], genes: int, n: int) -> Floats:
    """Maximise a score of (log dispersions, numbers of genes) for every gene: the best of a grid, then refined between its neighbours."""
    from scipy.optimize import elementwise

    everyone = np.arange(genes)
    grid = np.linspace(np.log(LEAST), np.log(max(10.0, n)), STARTS)
    scores = np.stack([score(np.full(genes, point), everyone) for point in grid])
    best = np.argmax(scores, axis=0)
    inner = np.clip(best, 1, STARTS - 2)
    bracket = (grid[inner - 1], grid[inner], grid[inner + 1])
    within = everyone[best == inner]
    found = grid[best].copy()
    if len(within):
        answer = elementwise.find_minimum(
            lambda logs, at: -score(logs, at.astype(np.intp)),
            tuple(side[within] for side in bracket),
            args=(within.astype(float),),
            tolerances={"xatol": TOLERANCE, "xrtol": 0.0},
        )
        found[within] = answer.x
    return np.asarray(np.exp(found))


def _gamma_identity(a: Floats, m: Floats, start: NDArray[Any]) -> Floats | None:
    """Fit a = a1 / m + a0 with errors in proportion to the fit, by reweighted least squares; None where a number is not positive."""
    columns = np.column_stack([1 / m, np.ones_like(m)])
    found = start
    for _ in range(100):
        fit = columns @ found
        if not (fit > 0).all():
            return None
        weighted = columns / fit[:, None] ** 2
        fresh = np.linalg.lstsq(weighted.T @ columns, weighted.T @ a, rcond=None)[0]
        if np.allclose(fresh, found, rtol=1e-8, atol=0.0):
            break
        found = fresh
    return found if (found > 0).all() else None


def _trimmed_mean(a: Floats) -> float:
    """Return the mean without the largest and smallest thousandth; a tenth where there is nothing."""
    from scipy.stats import trim_mean

    return float(trim_mean(a, 0.001)) if len(a) else 0.1
