"""The two ends of the scale: believe every sample covariance, or none."""

import numpy as np

from engine.core import UserError
from engine.portfolio.estimators.base import Estimate, Floats, centred


def sample(returns: Floats) -> Estimate:
    """Return the sample covariance X'X / T of the demeaned returns (T, N); T <= N is a `UserError`, since it has no inverse then."""
    n_rows, n_assets = returns.shape
    if n_rows <= n_assets:
        raise UserError(
            f"The sample covariance of {n_assets} assets needs more than {n_assets} rows; this window has {n_rows}.",
            "Take a longer window, fewer assets, or an estimator that shrinks.",
        )
    x = centred(returns)
    return Estimate.from_covariance(x.T @ x / n_rows)


def equal(returns: Floats) -> Estimate:
    """Return the identity times the mean sample variance, under which minimum variance holds 1/N of every asset."""
    variance = float(returns.var(axis=0).mean())
    return Estimate.from_covariance(variance * np.eye(returns.shape[1]))
