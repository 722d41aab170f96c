"""What is left of features when everything that a conditioning set tells about them is taken away: kernel ridge regression."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RIDGES = 10.0 ** np.arange(-8, 0.5, 0.5)  # penalties tried, as parts of the variance of the conditioning features
RELATIVE = 1e-9  # directions with less of the largest variance are rounding


@dataclass(frozen=True, eq=False)
class Residual:
    """Features without what the conditioning set tells.

    Attributes
    ----------
    features : (n, d).
    shrink : (r,) how much of each direction of the conditioning features was left in, 0 to 1.
    """

    features: Floats
    shrink: Floats


class Smoother:
    """Kernel ridge regression on one conditioning set, whose penalty is chosen anew for every variable.

    Parameters
    ----------
    features : (n, r) features of the conditioning set; their products are its kernel.

    Notes
    -----
    With the centred features' left singular vectors V and variances l the fit is ``V diag(l / (l + e)) V'y``. The penalty e minimises
    generalised cross-validation ``|y - fit|^2 / (n - df)^2`` over all columns of y together. A penalty fixed beforehand either leaves
    some of a wavy dependence on the set in the residuals, which then look dependent, or spends degrees of freedom on a straight one.
    """

    def __init__(self, features: Floats):
        centred = features - features.mean(axis=0)
        n = len(centred)
        variance, directions = np.linalg.eigh(centred.T @ centred / n)
        kept = variance > RELATIVE * variance.max(initial=0.0)
        self._n, self._variance = n, variance[kept]
        self._basis = centred @ (directions[:, kept] / np.sqrt(n * variance[kept]))

    def residual(self, features: Floats) -> Residual:
        """Take out of centred features (n, d) what the set tells about them."""
        inside = self._basis.T @ features
        power = (inside**2).sum(axis=1)
        ridges = RIDGES * self._variance.sum()
        fitted = self._variance / (self._variance + ridges[:, None])
        left = (features**2).sum() - ((2 * fitted - fitted**2) * power).sum(axis=1)
        freedom = np.maximum(self._n - 1 - fitted.sum(axis=1), 1.0)
        best = fitted[np.argmin(left / freedom**2)]
        return Residual(features - self._basis @ (best[:, None] * inside), 1 - best)

    def overlap(self, first: Residual, second: Residual) -> float:
        """Return by how much the mean square of products of residuals misjudges the variance of their sum.

        Notes
        -----
        For noise u, v of one variance and residuals Mu, Nv the variance of u'MNv is tr(M^2 N^2), while the sum of squared products has
        the mean tr(M^2) tr(N^2) / n. The ratio is above 1 as soon as degrees of freedom are spent; without it the test rejects too often.
        """
        untouched = self._n - 1 - len(self._variance)
        a, b = first.shrink**2, second.shrink**2
        return float(self._n * (untouched + a @ b) / ((untouched + a.sum()) * (untouched + b.sum())))
