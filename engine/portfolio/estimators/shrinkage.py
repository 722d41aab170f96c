"""Linear shrinkage: the sample covariance moved towards a target by the share that is best in expected squared error."""

import numpy as np

from engine.portfolio.estimators.base import Estimate, Floats, centred


def lw_identity(returns: Floats) -> Estimate:
    """Shrink the sample covariance of returns (T, N) to a multiple of the identity (Ledoit, Wolf 2004, J. Multivariate Analysis 88)."""
    from sklearn.covariance import ledoit_wolf

    covariance, share = ledoit_wolf(centred(returns), assume_centered=True)
    return Estimate.from_covariance(covariance, {"shrinkage": float(share)})


def oas(returns: Floats) -> Estimate:
    """Shrink to a multiple of the identity by the oracle approximating share, best for normal returns.

    Notes
    -----
    Chen, Wiesel, Eldar, Hero 2010, IEEE Trans. Signal Processing 58, equation 23, in scikit-learn's form: its terms 2/N are left out, which
    shows for a handful of assets only.
    """
    from sklearn.covariance import OAS

    found = OAS(store_precision=False, assume_centered=True).fit(centred(returns))
    return Estimate.from_covariance(found.covariance_, {"shrinkage": float(found.shrinkage_)})


def lw_constant_correlation(returns: Floats) -> Estimate:
    """Shrink the sample covariance of returns (T, N) to the one with the same variances and the mean correlation everywhere.

    See Also
    --------
    constant_correlation : the matrix and the share, with the formula.
    """
    covariance, share, mean = constant_correlation(returns)
    return Estimate.from_covariance(covariance, {"shrinkage": share, "mean_correlation": mean})


def constant_correlation(returns: Floats) -> tuple[Floats, float, float]:
    """Return the matrix shrunk to constant correlation, the share of the target in it, and the mean correlation r.

    Notes
    -----
    Target F: f_ii = s_ii, f_ij = r sqrt(s_ii s_jj). The share is (pi - rho) / (gamma T), cut to [0, 1], with pi the sum of the
    asymptotic variances of sqrt(T) s_ij, rho that of the asymptotic covariances of sqrt(T) f_ij and sqrt(T) s_ij, and gamma the squared
    distance of F and S (Ledoit, Wolf 2004, "Honey, I shrunk the sample covariance matrix", appendices A and B). The sums over rows of
    y_i^2 y_j^2 and y_i^3 y_j are matrix products.
    """
    y = centred(returns)
    n_rows, n_assets = y.shape
    covariance = y.T @ y / n_rows
    variance = np.diag(covariance).copy()
    deviation = np.sqrt(variance)
    scale = deviation[:, None] * deviation
    mean = float(((covariance / scale).sum() - n_assets) / (n_assets * (n_assets - 1)))
    target = mean * scale
    np.fill_diagonal(target, variance)
    squared = y * y
    spread = squared.T @ squared / n_rows - covariance**2
    joint = (squared * y).T @ y / n_rows - variance[:, None] * covariance  # of s_ii and s_ij
    joint *= deviation / deviation[:, None]
    own = float(np.trace(spread))
    rho = own + mean * (float(joint.sum()) - float(np.trace(joint)))
    gamma = float(((target - covariance) ** 2).sum())
    share = min(max((float(spread.sum()) - rho) / (gamma * n_rows), 0.0), 1.0) if gamma > 0 else 1.0
    return share * target + (1.0 - share) * covariance, share, mean
