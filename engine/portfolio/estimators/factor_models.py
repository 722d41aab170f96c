"""Factor models: observed factors explain the common movements by regression, and the residuals are shrunk or taken as unrelated."""

from dataclasses import dataclass

import numpy as np

from engine.portfolio.estimators.base import Estimate, Floats, centred
from engine.portfolio.estimators.eigenvalues import near_square, shrunk


@dataclass(frozen=True, eq=False)
class Fitted:
    """Least squares with intercept of every asset on the factors.

    Attributes
    ----------
    common : (N, N) covariance that the factors explain, B' S_f B.
    residuals : (T, N) what they leave, with mean zero.
    explained : mean over the assets of the share of variance explained.
    """

    common: Floats
    residuals: Floats
    explained: float


def fitted(returns: Floats, factors: Floats) -> Fitted:
    """Regress returns (T, N) on factors (T, k); all moments have divisor T."""
    y, f = centred(returns), centred(factors)
    loadings = np.linalg.lstsq(f, y, rcond=None)[0]
    residuals = y - f @ loadings
    common = loadings.T @ (f.T @ f / len(f)) @ loadings
    explained = float((1.0 - (residuals**2).sum(axis=0) / (y**2).sum(axis=0)).mean())
    return Fitted((common + common.T) / 2.0, residuals, explained)


def approximate_linear(returns: Floats, factors: Floats) -> Estimate:
    """Return what the factors explain plus the residual covariance, shrunk linearly to the identity.

    Notes
    -----
    Approximate factor model: residuals may be correlated (De Nard, Ledoit, Wolf 2021, J. Financial Econometrics 19).
    """
    from sklearn.covariance import ledoit_wolf

    fit = fitted(returns, factors)
    residual, share = ledoit_wolf(fit.residuals, assume_centered=True)
    return Estimate.from_covariance(fit.common + residual, {"shrinkage": float(share), "explained": fit.explained})


def approximate_nonlinear(returns: Floats, factors: Floats) -> Estimate:
    """Return what the factors explain plus the residual covariance, shrunk by the analytical non-linear formula."""
    fit = fitted(returns, factors)
    residual = shrunk(fit.residuals, len(returns) - 1 - factors.shape[1])
    return Estimate.from_covariance(fit.common + residual, {"explained": fit.explained}, near_square(*returns.shape))


def exact(returns: Floats, factors: Floats) -> Estimate:
    """Return what the factors explain plus the residual variances: residuals of different assets are taken as unrelated."""
    fit = fitted(returns, factors)
    residual = np.diag((fit.residuals**2).mean(axis=0))
    return Estimate.from_covariance(fit.common + residual, {"explained": fit.explained})
