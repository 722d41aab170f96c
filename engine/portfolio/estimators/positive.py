"""Maximum likelihood under total positivity (MTP2), from three kinds of correlation: plain, Kendall's, and shrunk."""

from collections.abc import Sequence

import numpy as np

from engine.mtp2.kendall import kendall_correlation
from engine.mtp2.signs import MANY_NEGATIVE, negative_share
from engine.mtp2.solver import TOLERANCE, maximum_likelihood
from engine.portfolio.estimators.base import Estimate, Floats, centred, rescaled
from engine.portfolio.estimators.shrinkage import constant_correlation


def mtp2(returns: Floats, names: Sequence[str] = ()) -> Estimate:
    """Return the MTP2 estimate from the sample correlations of returns (T, N), any T >= 2.

    Parameters
    ----------
    names : of the assets, for messages.

    Returns
    -------
    Estimate with ``gap`` (certified distance to the maximum, in twice the average log-likelihood), ``edges``, ``ridge``, and ``opposed``,
    the share of pairs with negative correlation. Its precision is an M-matrix with exact zeros.

    Raises
    ------
    UserError
        When two assets move as one (`engine.mtp2.solver.refuse_duplicates`).

    Notes
    -----
    Agrawal, Roy, Uhler 2022, J. Financial Econometrics 20. No number is chosen; standard deviations have divisor T.
    """
    deviation = returns.std(axis=0)
    z = centred(returns) / deviation
    return _estimate(z.T @ z / len(z), deviation, names)


def mtp2_kendall(returns: Floats, names: Sequence[str] = ()) -> Estimate:
    """Return the MTP2 estimate from correlations sin(pi tau / 2), tau being Kendall's tau-b, and the sample standard deviations.

    Notes
    -----
    For heavy tails and outliers: tau depends on order alone. Parameters, facts and errors as `mtp2`.
    """
    return _estimate(kendall_correlation(returns), returns.std(axis=0), names)


def mtp2_lwcc(returns: Floats, names: Sequence[str] = ()) -> Estimate:
    """Return the MTP2 estimate from the covariance shrunk to constant correlation; parameters, facts and errors as `mtp2`."""
    covariance, share, _ = constant_correlation(returns)
    deviation = np.sqrt(np.diag(covariance))
    return _estimate(rescaled(covariance, 1.0 / deviation), deviation, names, {"shrinkage": share})


def _estimate(correlation: Floats, deviation: Floats, names: Sequence[str], facts: dict[str, float] | None = None) -> Estimate:
    np.fill_diagonal(correlation, 1.0)
    solution = maximum_likelihood(correlation, names=names)
    opposed = negative_share(correlation)
    notes = []
    if solution.gap > TOLERANCE:
        notes.append(f"The MTP2 estimate is not certified: its duality gap is {solution.gap:.1e}, not {TOLERANCE:.0e}.")
    if solution.ridge > 0:
        notes.append(f"The MTP2 estimate needed a ridge: {solution.ridge:.2%} of the identity was mixed into the correlations.")
    if opposed > MANY_NEGATIVE:
        notes.append(f"{opposed:.0%} of the pairs of assets have a negative correlation; MTP2 takes all of them as zero or positive.")
    facts = {**(facts or {}), "gap": solution.gap, "edges": float(solution.edges), "ridge": solution.ridge, "opposed": opposed}
    return Estimate.from_precision(rescaled(solution.precision, 1.0 / deviation), facts, tuple(notes))
