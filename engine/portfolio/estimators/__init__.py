"""Nineteen ways to estimate the covariance of returns, in one table; each gives the matrix and its inverse."""

from functools import partial

import numpy as np
import pandas as pd

from engine.core import UserError
from engine.mtp2.lasso import FOLDS
from engine.portfolio.estimators.base import Estimate, Estimator, Floats
from engine.portfolio.estimators.components import poet
from engine.portfolio.estimators.eigenvalues import FEWEST, nonlinear
from engine.portfolio.estimators.factor_models import approximate_linear, approximate_nonlinear, exact
from engine.portfolio.estimators.plain import equal, sample
from engine.portfolio.estimators.positive import mtp2, mtp2_kendall, mtp2_lwcc
from engine.portfolio.estimators.shrinkage import lw_constant_correlation, lw_identity, oas
from engine.portfolio.estimators.sparse import clime, glasso

__all__ = ["ESTIMATORS", "Estimate", "Estimator", "estimate"]

FACTOR_MODELS = "De Nard, Ledoit, Wolf 2021"
MTP2 = "Agrawal, Roy, Uhler 2022"

_ALL = (
    Estimator(
        "sample", "Sample covariance", "The plain covariance of the window; needs more rows than assets and is noisy near that limit.",
        "Markowitz 1952", sample, is_full_rank=True,
    ),
    Estimator(
        "equal", "Equal weights (1/N)", "Believes no covariance at all, so that minimum variance holds every asset alike.",
        "DeMiguel, Garlappi, Uppal 2009", equal,
    ),
    Estimator(
        "lw_identity", "Ledoit-Wolf, identity", "Moves the sample covariance towards equal variances and no correlation.",
        "Ledoit, Wolf 2004, J. Multivariate Analysis", lw_identity,
    ),
    Estimator(
        "lw_constant_correlation", "Ledoit-Wolf, constant correlation",
        "Keeps each asset's variance and moves all correlations towards their mean.",
        "Ledoit, Wolf 2004, J. Portfolio Management", lw_constant_correlation,
    ),
    Estimator(
        "oas", "Oracle approximating shrinkage", "As Ledoit-Wolf to the identity, with a share that is best for normal returns.",
        "Chen, Wiesel, Eldar, Hero 2010", oas,
    ),
    Estimator(
        "nonlinear", "Ledoit-Wolf, non-linear", "Moves every eigenvalue by its own amount; fails where assets and rows are about as many.",
        "Ledoit, Wolf 2020, Annals of Statistics", nonlinear, rows=FEWEST + 1,
    ),
    Estimator(
        "afm1_lw", "Market factor, Ledoit-Wolf residuals", "The market explains common movements; what is left is shrunk to the identity.",
        FACTOR_MODELS, approximate_linear, factors=1, rows=4,
    ),
    Estimator(
        "afm1_nls", "Market factor, non-linear residuals", "The market explains common movements; what is left is shrunk non-linearly.",
        FACTOR_MODELS, approximate_nonlinear, factors=1, rows=FEWEST + 2,
    ),
    Estimator(
        "afm5_lw", "Five factors, Ledoit-Wolf residuals", "Five factors explain common movements; what is left is shrunk to the identity.",
        FACTOR_MODELS, approximate_linear, factors=5, rows=8,
    ),
    Estimator(
        "afm5_nls", "Five factors, non-linear residuals", "Five factors explain common movements; what is left is shrunk non-linearly.",
        FACTOR_MODELS, approximate_nonlinear, factors=5, rows=FEWEST + 6,
    ),
    Estimator(
        "efm1", "Market factor alone", "The market explains all common movements; what is left is unrelated between assets.",
        "Sharpe 1963", exact, factors=1, rows=4,
    ),
    Estimator(
        "efm5", "Five factors alone", "Five factors explain all common movements; what is left is unrelated between assets.",
        "Fama, French 2015", exact, factors=5, rows=8,
    ),
    Estimator(
        "poet3", "POET, three components", "Three principal components explain common movements; weak residual correlations count as none.",
        "Fan, Liao, Mincheva 2013", partial(poet, n_components=3), rows=6,
    ),
    Estimator(
        "poet5", "POET, five components", "Five principal components explain common movements; weak residual correlations count as none.",
        "Fan, Liao, Mincheva 2013", partial(poet, n_components=5), rows=8,
    ),
    Estimator(
        "glasso", "Graphical lasso", "A penalty, chosen by cross-validation, makes assets independent given the others where it can.",
        "Friedman, Hastie, Tibshirani 2008", glasso, rows=2 * FOLDS, is_tuned=True,
    ),
    Estimator(
        "clime", "CLIME", "The smallest precision matrix that nearly inverts the correlations, by linear programming.",
        "Cai, Liu, Luo 2011", clime, is_tuned=True,
    ),
    Estimator(
        "mtp2", "MTP2", "Assets only ever move together given all others; nothing is tuned, and the answer carries a certificate.",
        MTP2, mtp2, is_mtp2=True,
    ),
    Estimator(
        "mtp2_kendall", "MTP2, Kendall correlations", "MTP2 from rank correlations, which single extreme days cannot move.",
        MTP2, mtp2_kendall, is_mtp2=True,
    ),
    Estimator(
        "mtp2_lwcc", "MTP2 on Ledoit-Wolf", "MTP2 from the matrix shrunk to constant correlation, for steadier weights.",
        MTP2, mtp2_lwcc, is_mtp2=True,
    ),
)  # fmt: skip

ESTIMATORS: dict[str, Estimator] = {estimator.name: estimator for estimator in _ALL}


def estimate(name: str, returns: Floats | pd.DataFrame, factors: Floats | pd.DataFrame | None = None) -> Estimate:
    """Estimate the covariance of returns and its inverse by one of `ESTIMATORS`.

    Parameters
    ----------
    name : key of `ESTIMATORS`.
    returns : (T, N) simple returns per period as fractions, without gaps; a table's column names serve in messages.
    factors : (T, k) factor returns of the same rows, the market first; factor models use as many columns as they need.

    Returns
    -------
    Estimate per period, with moments of divisor T.

    Raises
    ------
    UserError
        When the name is unknown, a value is missing, a column never changes, rows or factors are too few, or the matrix has no inverse.
    """
    if name not in ESTIMATORS:
        raise UserError(f"There is no covariance estimator '{name}'.", f"Choose one of: {', '.join(ESTIMATORS)}.", name)
    estimator = ESTIMATORS[name]
    values, names = _values(returns)
    n_rows, n_assets = values.shape
    least = estimator.rows_at_least(n_assets)
    if n_assets < 2 or n_rows < least:
        raise UserError(
            f"{estimator.label} needs at least two assets and {least} rows; this window has {n_assets} and {n_rows}.",
            "Take a longer window, or another estimator." if n_assets > 1 else "Add assets.",
            name,
        )
    constant = (values == values[0]).all(axis=0)
    if constant.any():
        asset = names[int(np.argmax(constant))]
        raise UserError(f"{asset} never changes in this window.", f"Leave {asset} out of it.", asset)
    if estimator.factors:
        return estimator.function(values, _factors(estimator, n_rows, factors))
    if estimator.is_mtp2:
        return estimator.function(values, names=names)
    return estimator.function(values)


def _values(table: Floats | pd.DataFrame, what: str = "Asset") -> tuple[Floats, list[str]]:
    """Return the numbers of a table and names of its columns; gaps are a `UserError`."""
    values = np.asarray(table, dtype=np.float64)
    names = [str(c) for c in table.columns] if isinstance(table, pd.DataFrame) else [f"{what} {j + 1}" for j in range(values.shape[1])]
    broken = ~np.isfinite(values).all(axis=0)
    if broken.any():
        column = names[int(np.argmax(broken))]
        raise UserError(f"{column} has gaps in this window.", "Fill them, or leave it out.", column)
    return values, names


def _factors(estimator: Estimator, n_rows: int, factors: Floats | pd.DataFrame | None) -> Floats:
    """Return the columns that a factor model needs, or say how to get them."""
    fix = "Add a table of factor returns with the same dates, the market in its first column; the samples include one."
    if factors is None:
        raise UserError(f"{estimator.label} needs factor returns, and there are none.", fix, estimator.name)
    values, _ = _values(factors, "Factor")
    if values.shape[1] < estimator.factors or len(values) != n_rows:
        raise UserError(
            f"{estimator.label} needs {estimator.factors} columns of factor returns on {n_rows} rows; the table has {values.shape[1]} "
            f"on {len(values)}.", fix, estimator.name,
        )  # fmt: skip
    return values[:, : estimator.factors]
