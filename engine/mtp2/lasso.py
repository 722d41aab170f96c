"""The graphical lasso with its penalty cross-validated: the usual way to a sparse precision matrix, for comparison."""

import warnings

from engine.core import UserError
from engine.mtp2.certificate import Floats

FOLDS = 3


def graphical_lasso(values: Floats) -> tuple[Floats, float, tuple[str, ...]]:
    """Return the precision matrix of standardised samples, the penalty, and what the reader must know.

    Parameters
    ----------
    values : (n, N) samples; standardised here, since on raw ones the grid of penalties, and the result, depend on units.

    Raises
    ------
    UserError
        Where the correlations are too close to singular for the algorithm.

    Notes
    -----
    Friedman, Hastie, Tibshirani 2008, by scikit-learn; the penalty has the best likelihood in 3-fold cross-validation.
    """
    from sklearn.covariance import GraphicalLassoCV
    from sklearn.exceptions import ConvergenceWarning

    unit = (values - values.mean(axis=0)) / values.std(axis=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = GraphicalLassoCV(cv=FOLDS, assume_centered=True).fit(unit)
        except FloatingPointError:
            raise UserError(
                "The graphical lasso found no positive definite matrix: some variables move nearly as one.",
                "Leave out duplicates, use more rows, or choose another way.",
            ) from None
    unsettled = sum(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    precision = (found.precision_ + found.precision_.T) / 2.0
    notes = (f"The graphical lasso did not settle in {unsettled} of its fits; its penalty is less certain.",) if unsettled else ()
    return precision, float(found.alpha_), notes
