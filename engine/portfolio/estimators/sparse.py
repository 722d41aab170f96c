"""Sparse precision matrices with a penalty: graphical lasso with its penalty cross-validated, and CLIME."""

import numpy as np
from scipy.linalg.lapack import dpotrf

from engine.core import UserError
from engine.mtp2.lasso import graphical_lasso
from engine.portfolio.estimators.base import Estimate, Floats, centred, rescaled

SMALLEST = 0.01  # eigenvalue that CLIME's matrix must have, on the correlation scale; it is lifted to this


def glasso(returns: Floats) -> Estimate:
    """Return the graphical lasso of standardised returns (T, N), its penalty chosen by 3-fold cross-validation.

    Returns
    -------
    Estimate with ``penalty``, on the correlation scale, and ``edges``. The covariance is the inverse of the sparse precision matrix.

    Raises
    ------
    UserError
        Where the correlations are too close to singular for the algorithm.

    Notes
    -----
    See `engine.mtp2.lasso.graphical_lasso`.
    """
    precision, penalty, notes = graphical_lasso(returns)
    facts = {"penalty": penalty, "edges": _edges(precision)}
    return Estimate.from_precision(rescaled(precision, 1.0 / returns.std(axis=0)), facts, notes)


def clime(returns: Floats) -> Estimate:
    """Return CLIME of the correlations of returns (T, N): the smallest precision matrix, in absolute sum, that nearly inverts them.

    Returns
    -------
    Estimate with ``penalty`` (lambda), ``edges``, and ``lifted``, what was added to the diagonal to make the matrix positive definite.

    Raises
    ------
    UserError
        Where lambda is one or more, so that zero would be the answer.

    Notes
    -----
    Column j minimises |b|_1 subject to |C b - e_j| <= lambda in every entry, with lambda = sqrt(log N / T), natural logarithm; of K_ij and
    K_ji the smaller in magnitude is kept (Cai, Liu, Luo 2011, J. American Statistical Association 106).
    """
    n_rows, n_assets = returns.shape
    penalty = float(np.sqrt(np.log(n_assets) / n_rows))
    if penalty >= 1.0:
        raise UserError(f"{n_rows} rows are too few for CLIME with {n_assets} assets.", "Take a longer window.")
    x = centred(returns)
    deviation = np.sqrt((x * x).mean(axis=0))
    columns = _nearly_inverting((x / deviation).T @ (x / deviation) / n_rows, penalty)
    precision = np.where(np.abs(columns) <= np.abs(columns.T), columns, columns.T)
    lifted = 0.0
    notes: tuple[str, ...] = ()
    if dpotrf(precision - SMALLEST * np.eye(n_assets), lower=1)[1]:
        lifted = SMALLEST - float(np.linalg.eigvalsh(precision)[0])
        precision += lifted * np.eye(n_assets)
        notes = (f"CLIME's matrix was not positive definite; {lifted:.2g} was added to its diagonal on the correlation scale.",)
    facts = {"penalty": penalty, "edges": _edges(precision), "lifted": lifted}
    return Estimate.from_precision(rescaled(precision, 1.0 / deviation), facts, notes)


def _nearly_inverting(correlation: Floats, penalty: float) -> Floats:
    """Solve one linear programme per column over the positive and the negative parts of its entries."""
    from scipy.optimize import LinearConstraint, milp

    n = len(correlation)
    columns = np.empty((n, n))
    parts = np.hstack([correlation, -correlation])
    for j, unit in enumerate(np.eye(n)):
        # nothing is integer: milp hands the solver rows with two bounds, half as many as linprog would make
        answer = milp(np.ones(2 * n), constraints=LinearConstraint(parts, unit - penalty, unit + penalty))
        if answer.x is None:
            raise UserError(f"CLIME's linear programme of column {j + 1} was not solved: {answer.message}", "Choose another estimator.")
        columns[:, j] = answer.x[:n] - answer.x[n:]
    return columns


def _edges(precision: Floats) -> float:
    return float(np.count_nonzero(np.triu(precision, 1)))
