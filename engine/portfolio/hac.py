"""Variance of a mean whose terms depend on each other in time: kernel estimates with Andrews' automatic bandwidth."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

Floats = NDArray[np.float64]
STEADIEST = 0.97  # largest autoregression believed, as in Andrews and Monahan (1992): nearer to one the bandwidth has no limit


def parzen(x: Floats) -> Floats:
    """Return Parzen's kernel at x = lag / bandwidth >= 0: 1 - 6 x^2 + 6 x^3 up to 1/2, 2 (1 - x)^3 up to 1, zero beyond."""
    return np.where(x <= 0.5, 1 - 6 * x**2 + 6 * x**3, 2 * np.clip(1 - x, 0, None) ** 3)


def quadratic_spectral(x: Floats) -> Floats:
    """Return the quadratic spectral kernel at x = lag / bandwidth >= 0 (Andrews 1991, eq. 2.7)."""
    angle = 6 * np.pi * np.maximum(x, 1e-3) / 5
    exact = 3 / angle**2 * (np.sin(angle) / angle - np.cos(angle))
    return np.where(x < 1e-3, 1 - (6 * np.pi * x / 5) ** 2 / 10, exact)  # the quotient loses its digits near zero


KERNELS: dict[str, tuple[Callable[[Floats], Floats], float]] = {"parzen": (parzen, 2.6614), "qs": (quadratic_spectral, 1.3221)}


def bandwidth(series: Floats, kernel: str) -> Floats:
    """Return Andrews' bandwidth for each column: c (n alpha)^(1/5), alpha = 4 rho^2 / (1 - rho)^4 of a fitted AR(1).

    Parameters
    ----------
    series : (n, P), columns of mean zero.
    kernel : ``parzen`` (c = 2.6614) or ``qs`` (c = 1.3221).

    Notes
    -----
    Andrews (1991), eqs. 6.2 and 6.4, of the one combination whose variance is wanted. Taken over the moments one by one, as is also done,
    the bandwidth would change when returns are given in percent.
    """
    past, now = series[:-1], series[1:]
    size = np.maximum((past**2).sum(axis=0), np.finfo(float).tiny)  # a series of zeros has no autocorrelation
    rho = np.clip((past * now).sum(axis=0) / size, -STEADIEST, STEADIEST)
    return KERNELS[kernel][1] * (4 * rho**2 / (1 - rho) ** 4 * len(series)) ** 0.2


def kernel_variance(series: Floats, kernel: str) -> Floats:
    """Return for each column the sum over all lags of kernel weight times autocovariance, shape (P,): n times the variance of its mean."""
    n = len(series)
    size = next_fast_len(2 * n, real=True)
    autocovariance = irfft(np.abs(rfft(series, size, axis=0)) ** 2, size, axis=0)[:n] / n
    lags = np.arange(n)[:, None] / np.maximum(bandwidth(series, kernel), 1e-12)
    weights = KERNELS[kernel][0](lags)
    return autocovariance[0] + 2 * (weights[1:] * autocovariance[1:]).sum(axis=0)


def long_run_variance(moments: Floats, gradient: Floats, kernel: str, prewhitened: bool) -> Floats:
    """Return g' Psi g for each of P vector series, where Psi is n times the covariance of the mean vector.

    Parameters
    ----------
    moments : (n, P, k), every column of mean zero.
    gradient : (P, k), the g of each series.
    kernel : ``parzen`` or ``qs``.
    prewhitened : whether to fit a VAR(1) first, take the kernel estimate of its residuals and undo the filter (Andrews and Monahan 1992).

    Returns
    -------
    (P,) variances, with the factor n / (n - k) for the estimated moments.
    """
    n, _, k = moments.shape
    if not prewhitened:
        return kernel_variance(np.einsum("tpk,pk->tp", moments, gradient), kernel) * n / (n - k)
    coefficients = _vector_autoregression(moments)
    through = np.linalg.solve(np.eye(k) - coefficients.transpose(0, 2, 1), gradient[:, :, None])[:, :, 0]  # g' (I - A)^-1
    past = np.einsum("pk,pkj->pj", through, coefficients)
    residual = np.einsum("tpk,pk->tp", moments[1:], through) - np.einsum("tpk,pk->tp", moments[:-1], past)
    return kernel_variance(residual, kernel) * n / (n - k)


def _vector_autoregression(moments: Floats) -> Floats:
    """Fit V_t = A V_(t-1), (P, k, k), the singular values of A kept away from one where each moment has unit variance."""
    scale = np.sqrt((moments**2).mean(axis=0))
    unit = (moments / scale).transpose(1, 0, 2)
    past, now = unit[:, :-1], unit[:, 1:]
    coefficients = (now.transpose(0, 2, 1) @ past) @ np.linalg.pinv(past.transpose(0, 2, 1) @ past, rcond=1e-12, hermitian=True)
    left, singular, right = np.linalg.svd(coefficients)
    clipped = (left * np.minimum(singular, STEADIEST)[:, None, :]) @ right
    return clipped * scale[:, :, None] / scale[:, None, :]
