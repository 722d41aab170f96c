"""Long-only minimum variance, exactly: an active-set method that ends after finitely many steps, and a certificate of its answer."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.linalg.lapack import dposv

from engine.core import UserError

ROUNDING = 10 * float(np.finfo(np.float64).eps)
SLACK = 1e-11  # a marginal variance so little (relative) below the portfolio's counts as equal

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def long_only_minimum_variance(covariance: Floats) -> Floats:
    """Return the weights of the portfolio of least variance among all without a short position.

    Parameters
    ----------
    covariance : (N, N) symmetric positive semidefinite, on any scale.

    Returns
    -------
    (N,) weights w >= 0 that sum to one; assets left out have a weight of exactly zero.

    Raises
    ------
    UserError
        When the matrix is not finite, or a direction of negative variance is met.

    Notes
    -----
    The weights are y / sum(y) of the nonnegative least-squares problem min y'Sy / 2 - 1'y over y >= 0, whose conditions are
    (Sy)_i = 1 where y_i > 0 and (Sy)_i >= 1 elsewhere. A round first lets all assets enter whose marginal variance (Sy)_i is below 1, and
    drops those that come out short until none does; only if that is no gain, one asset enters as in Lawson and Hanson's NNLS (1974).
    Every round ends at the optimum of its set of held assets, strictly below the last, so no set comes back and the method ends. Where S is
    singular an entering asset may open a direction without variance: either it is a portfolio, which is then the answer, or it ends
    where a held asset leaves.
    """
    matrix = np.asarray(covariance, np.float64)
    variances = np.diag(matrix)
    if not np.isfinite(matrix).all() or not variances.max() > 0 or variances.min() < 0:
        raise UserError("The covariance has entries that are not finite, or no variance.", "Leave out assets without enough returns.")
    matrix = matrix / variances.mean()
    held, amounts = _trimmed(matrix, np.arange(len(matrix))) or _alone(matrix)
    while True:
        marginal = amounts @ matrix[held]
        marginal[held] = 1.0
        below = np.flatnonzero(marginal < 1.0 - SLACK - ROUNDING * matrix.max() * amounts.sum())
        if not len(below):
            break
        found = _trimmed(matrix, np.append(held, below)) if len(below) > 1 else None
        if found is None or found[1].sum() <= amounts.sum():  # at the optimum of its set the objective is -sum(y) / 2
            found = _entered(matrix, held, amounts, int(np.argmin(marginal)))
        if found[1].sum() <= amounts.sum():  # what is left to gain is lost in rounding
            break
        held, amounts = found
    weights = np.zeros(len(matrix))
    weights[held] = amounts / amounts.sum()
    return weights


def variance_gap(covariance: Floats, weights: Floats) -> float:
    """Return by what share of its variance at most a long-only portfolio misses the least long-only variance.

    Parameters
    ----------
    covariance : (N, N) symmetric positive semidefinite.
    weights : (N,) weights >= 0 that sum to one.

    Returns
    -------
    (v - l) / v with v = w'Sw and the bound l = 2 min_i (Sw)_i - v, which no long-only portfolio x undercuts since
    x'Sx >= 2 x'Sw - w'Sw. Zero where v is lost in the rounding of S.
    """
    marginal = covariance @ weights
    variance = float(weights @ marginal)
    if variance <= len(weights) * ROUNDING * float(np.diag(covariance).max()):
        return 0.0
    return max(0.0, 2 * (variance - float(marginal.min())) / variance)


def _solved(matrix: Floats, held: Indices) -> Floats | None:
    """Return y with Sy = 1 on the held assets; None where S is singular there."""
    factor, amounts, info = dposv(matrix[held[:, None], held].T, np.ones(len(held)), overwrite_a=1)
    if info or (factor.diagonal() ** 2 <= len(held) * ROUNDING * matrix.diagonal()[held]).any():
        return None
    return amounts


def _alone(matrix: Floats) -> tuple[Indices, Floats]:
    """Hold the asset of least positive variance."""
    variances = np.diag(matrix)
    least = np.argmin(np.where(variances > 0, variances, np.inf))
    return np.array([least]), 1 / variances[[least]]


def _trimmed(matrix: Floats, held: Indices) -> tuple[Indices, Floats] | None:
    """Drop the assets that are short in the minimum variance of the rest until none is; None where S is singular on the way."""
    while (amounts := _solved(matrix, held)) is not None:
        long = amounts > 0
        if long.all():
            return held, amounts
        held = held[long]
    return None


def _entered(matrix: Floats, held: Indices, amounts: Floats, entering: int) -> tuple[Indices, Floats]:
    """Let one asset enter and go to the optimum of the assets then held; whoever is sold out on the way leaves."""
    held, amounts = np.append(held, entering), np.append(amounts, 0.0)
    while True:
        target = _solved(matrix, held)
        if target is not None and (target > 0).all():
            return held, target
        direction = target - amounts if target is not None else _flat(matrix, held)
        selling = np.flatnonzero((direction < 0) & ((target is None) | (amounts + direction <= 0)))
        if not len(selling):  # a portfolio without variance: so much of it that the rest does not count
            return held, direction / (ROUNDING**2 * direction.sum())
        steps = amounts[selling] / -direction[selling]
        amounts = amounts + steps.min() * direction
        amounts[selling[steps == steps.min()]] = 0.0
        held, amounts = held[amounts > 0], amounts[amounts > 0]


def _flat(matrix: Floats, held: Indices) -> Floats:
    """Return the direction without variance that the last of the held assets opens."""
    column = matrix[held[:-1], held[-1]]
    hedge = solve(matrix[held[:-1, None], held[:-1]], column, assume_a="pos")
    variance = matrix[held[-1], held[-1]]
    if variance - column @ hedge < -np.sqrt(ROUNDING) * variance:
        raise UserError("The covariance has a direction of negative variance.", "Take an estimator whose matrix is positive definite.")
    direction = np.append(-hedge, 1.0)
    direction[np.abs(direction) < np.sqrt(ROUNDING) * np.abs(direction).max()] = 0.0
    return direction
