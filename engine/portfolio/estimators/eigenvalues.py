"""Analytical non-linear shrinkage: every eigenvalue of the sample covariance is moved by a formula of its own."""

import numpy as np

from engine.portfolio.estimators.base import Estimate, Floats, centred

FEWEST = 12  # rows beyond the mean with which the bandwidth is small enough for the formula of the null space
NEAR = 0.1  # distance of N/T from one within which the formula fails
EDGE = np.sqrt(5.0)  # end of the Epanechnikov kernel with unit variance


def nonlinear(returns: Floats) -> Estimate:
    """Shrink the eigenvalues of the sample covariance of returns (T, N) by their kernel-smoothed density; also for T < N.

    Notes
    -----
    One degree of freedom goes to the mean. See `shrunk` for the formula. Where N is within 10 % of T it is unreliable, and a note says so.
    """
    covariance = shrunk(centred(returns), len(returns) - 1)
    return Estimate.from_covariance(covariance, notes=near_square(*returns.shape))


def near_square(n_rows: int, n_assets: int) -> tuple[str, ...]:
    """Return the sentence that warns of analytical shrinkage where there are about as many assets as rows; nothing elsewhere."""
    if abs(n_assets / n_rows - 1.0) >= NEAR:
        return ()
    return (
        f"Analytical non-linear shrinkage is unreliable where assets ({n_assets}) and rows ({n_rows}) are about as many; choose another.",
    )


def shrunk(residuals: Floats, degrees: int) -> Floats:
    """Return the analytically shrunk covariance of mean-free rows.

    Parameters
    ----------
    residuals : (T, N) rows without mean, or without what factors explain.
    degrees : T less the number of coefficients taken out of each column; at least 12.

    Notes
    -----
    With l the nonzero eigenvalues, c = N / n, h = n^(-1/3), f and H the density of l and its Hilbert transform, both smoothed by the
    Epanechnikov kernel with bandwidth h l_j, an eigenvalue becomes l / [(pi c l f)^2 + (1 - c - pi c l H)^2] for N <= n. For N > n it
    becomes 1 / [pi^2 l (f^2 + H^2)], and the zero ones all become 1 / (pi (N - n) / n H(0)) (Ledoit, Wolf 2020, Annals of Statistics 48,
    section 4, and their appendix on the singular case). Their n is ``degrees``.
    """
    n_rows, n_assets = residuals.shape
    count = min(n_assets, degrees)
    if n_assets <= n_rows:
        values, vectors = np.linalg.eigh(residuals.T @ residuals / n_rows)
        values, vectors = _positive(values[-count:]), vectors[:, -count:]
    else:
        values, rows = np.linalg.eigh(residuals @ residuals.T / n_rows)
        values = _positive(values[-count:])
        vectors = residuals.T @ (rows[:, -count:] / np.sqrt(n_rows * values))
    ratio, width = n_assets / degrees, degrees ** (-1 / 3)
    density, hilbert = _smoothed(values, width)
    if n_assets <= degrees:
        slope = np.pi * ratio * values
        moved = values / ((slope * density) ** 2 + (1.0 - ratio - slope * hilbert) ** 2)
        return (vectors * moved) @ vectors.T
    moved = 1.0 / (np.pi**2 * values * (density**2 + hilbert**2))
    null = 1.0 / (np.pi * (ratio - 1.0) * _hilbert_at_zero(values, width))
    return null * np.eye(n_assets) + (vectors * (moved - null)) @ vectors.T


def _positive(values: Floats) -> Floats:
    """Lift eigenvalues that are zero but for rounding, as duplicates leave them, so that the formula can divide by them."""
    return np.maximum(values, np.finfo(np.float64).eps * values[-1])


def _smoothed(values: Floats, width: float) -> tuple[Floats, Floats]:
    """Return the kernel density of the eigenvalues and its Hilbert transform, at each of them."""
    bandwidth = width * values
    x = (values[:, None] - values) / (bandwidth * EDGE)  # in half-widths of the kernel's support
    height = 1.0 - x * x
    density = np.maximum(height, 0.0) * (0.75 / EDGE)
    # log |(1 - x) / (1 + x)| is -2 artanh of x or of 1/x, which keeps its digits far out; at the ends its factor is zero
    with np.errstate(divide="ignore"):
        inner = np.where(np.abs(x) <= 1.0, x, 1.0 / x)
    inner[height == 0.0] = 0.0
    hilbert = (-0.3 * EDGE / np.pi) * x - (1.5 / EDGE / np.pi) * height * np.arctanh(inner)
    return (density / bandwidth).mean(axis=1), (hilbert / bandwidth).mean(axis=1)


def _hilbert_at_zero(values: Floats, width: float) -> float:
    """Return the Hilbert transform of the smoothed density at zero, where all kernels are alike up to scale."""
    edge = EDGE * width
    shape = 0.3 / width**2 + 0.75 / (EDGE * width) * (1.0 - 0.2 / width**2) * np.log((1.0 + edge) / (1.0 - edge))
    return float(shape / np.pi * (1.0 / values).mean())
