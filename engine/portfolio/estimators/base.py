"""What an estimator is, what it gives, and how a covariance matrix and its inverse are kept exact inverses of each other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpocon, dpotrf, dpotri

from engine.core import UserError

Floats = NDArray[np.float64]

SINGULAR = 1e12  # condition number, on the correlation scale, from which on a matrix has no inverse to speak of
FRAGILE = 1e6  # from here on rounding alone moves the inverse by more than 1e-10 of itself


@dataclass(frozen=True, eq=False)
class Estimate:
    """A covariance matrix with its inverse.

    Attributes
    ----------
    covariance : (N, N) positive definite, in squared units of the returns.
    precision : (N, N) its inverse, to 1e-10 of itself unless a note says otherwise.
    facts : what was chosen or measured on the way, among it ``condition``, the condition number on the correlation scale.
    notes : sentences the reader must see.
    """

    covariance: Floats
    precision: Floats
    facts: dict[str, float]
    notes: tuple[str, ...]

    @classmethod
    def from_covariance(cls, covariance: Floats, facts: dict[str, float] | None = None, notes: tuple[str, ...] = ()) -> Self:
        """Invert a covariance matrix; a singular one is a `UserError`."""
        inverse, condition = _inverse(covariance)
        return cls(_mirrored(covariance), inverse, {**(facts or {}), "condition": condition}, (*notes, *_fragile(condition)))

    @classmethod
    def from_precision(cls, precision: Floats, facts: dict[str, float] | None = None, notes: tuple[str, ...] = ()) -> Self:
        """Invert a precision matrix, whose zeros stay as they are; a singular one is a `UserError`."""
        inverse, condition = _inverse(precision)
        return cls(inverse, _mirrored(precision), {**(facts or {}), "condition": condition}, (*notes, *_fragile(condition)))


@dataclass(frozen=True)
class Estimator:
    """One way to estimate the covariance of returns, as a page lists it and a backtest calls it.

    Attributes
    ----------
    name, label, about, cite : the key, the name on screen, one sentence on what it does, and the source.
    function : takes the returns (T, N) and, where ``factors`` is not zero, the factors (T, k); `engine.portfolio.estimators.estimate`
        calls it.
    factors : how many columns of a factor table it needs.
    rows : fewest rows, whatever the number of assets.
    is_full_rank : whether it needs more rows than assets.
    is_tuned : whether a penalty is chosen on the way, by a rule or by cross-validation; these are slow.
    is_mtp2 : whether it is a maximum likelihood estimate under total positivity.
    """

    name: str
    label: str
    about: str
    cite: str
    function: Callable[..., Estimate]
    factors: int = 0
    rows: int = 2
    is_full_rank: bool = False
    is_tuned: bool = False
    is_mtp2: bool = False

    def rows_at_least(self, n_assets: int) -> int:
        """Return the fewest rows of returns with which it can be estimated for so many assets."""
        return max(self.rows, n_assets + 1) if self.is_full_rank else self.rows


def centred(returns: Floats) -> Floats:
    """Return the (T, N) returns without their means."""
    return returns - returns.mean(axis=0)


def rescaled(matrix: Floats, scale: Floats) -> Floats:
    """Return the (N, N) matrix with row and column i multiplied by ``scale`` i; a symmetric one stays so to the last bit."""
    return matrix * (scale[:, None] * scale)


def _inverse(matrix: Floats) -> tuple[Floats, float]:
    """Invert by Cholesky on the scale where the diagonal is one; return the inverse and the condition number there."""
    scale = 1.0 / np.sqrt(np.diag(matrix))
    unit = rescaled(matrix, scale)
    factor, failed = dpotrf(unit, lower=1, clean=0)
    reciprocal = 0.0 if failed else float(dpocon(factor, np.abs(unit).sum(axis=0).max(), uplo="L")[0])
    if reciprocal * SINGULAR <= 1.0:
        raise UserError(
            "The estimated covariance matrix has no inverse: some assets move as one, or the window has too few rows for this estimator.",
            "Leave out one of each pair of duplicates, take a longer window, or choose another estimator.",
        )
    inverse, _ = dpotri(factor, lower=1)
    return rescaled(_mirrored(inverse), scale), 1.0 / reciprocal


def _mirrored(matrix: Floats) -> Floats:
    """Return the symmetric matrix of the lower triangle."""
    lower = np.tril(matrix)
    return lower + np.tril(lower, -1).T


def _fragile(condition: float) -> tuple[str, ...]:
    if condition < FRAGILE:
        return ()
    return (f"The matrix is nearly singular (condition number {condition:.0e}): weights from it are unstable.",)
