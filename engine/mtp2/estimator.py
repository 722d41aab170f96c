"""The estimate as a scikit-learn estimator, for pipelines in scikit-learn and skfolio."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.covariance import EmpiricalCovariance
from sklearn.utils.validation import validate_data

from engine.core import Context, Dataset
from engine.mtp2.certificate import Floats
from engine.mtp2.inputs import in_units, moments_of
from engine.mtp2.solver import TOLERANCE, maximum_likelihood


class MTP2Covariance(EmpiricalCovariance):  # type: ignore[misc]
    """Maximum likelihood covariance under total positivity.

    Parameters
    ----------
    correlation : ``pearson``, or ``kendall`` for correlations from ranks.
    tolerance : duality gap to reach.

    Attributes
    ----------
    covariance_, precision_ : (N, N), inverses of each other; the precision has no positive entry off the diagonal.
    location_ : (N,) means.
    gap_ : certified distance from the optimum, in units of twice the average log-likelihood.
    n_features_in_, feature_names_in_ : as everywhere in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from engine.mtp2 import MTP2Covariance
    >>> fitted = MTP2Covariance().fit(np.random.default_rng(0).normal(size=(5, 8)))
    >>> fitted.covariance_.shape, bool(fitted.gap_ < 1e-8)
    ((8, 8), True)
    """

    def __init__(self, correlation: str = "pearson", tolerance: float = TOLERANCE):
        super().__init__(store_precision=True, assume_centered=False)
        self.correlation = correlation
        self.tolerance = tolerance

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit to samples (n, N), a table or an array; n may be smaller than N.

        Raises
        ------
        UserError
            When two variables move as one or a column never varies; `ValueError` where scikit-learn refuses the array.
        """
        values: Floats = validate_data(self, X, dtype=np.float64, ensure_min_samples=2, ensure_min_features=2)
        names = getattr(self, "feature_names_in_", [f"X{i + 1}" for i in range(values.shape[1])])
        moments = moments_of(Dataset(pd.DataFrame(values, columns=[str(name) for name in names])), self.correlation, Context.silent())
        solution = maximum_likelihood(moments.correlation, tolerance=self.tolerance, names=moments.names)
        self.precision_, self.covariance_ = in_units(solution, moments.scale)
        self.location_ = values.mean(axis=0)
        self.gap_ = solution.gap
        return self
