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
    whole : (n, q) orthonormal directions that were taken out before, without a penalty.
    inside : (r, q) these on the directions of the conditioning features.
    """

    features: Floats
    shrink: Floats
    whole: Floats
    inside: Floats


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
        self._n = len(features)
        self._variance, self._basis = directions(features)

    def residual(self, features: Floats, first: Floats | None = None) -> Residual:
        """Take out of centred features (n, d) what the set tells about them.

        Parameters
        ----------
        first : (n, q) functions of the set on which the features are regressed before, without a penalty.
        """
        whole = np.empty((self._n, 0)) if first is None else directions(first)[1]
        features = features - whole @ (whole.T @ features)
        inside = self._basis.T @ features
        power = (inside**2).sum(axis=1)
        ridges = RIDGES * self._variance.sum()
        fitted = self._variance / (self._variance + ridges[:, None])
        left = (features**2).sum() - ((2 * fitted - fitted**2) * power).sum(axis=1)
        freedom = np.maximum(self._n - 1 - whole.shape[1] - fitted.sum(axis=1), 1.0)
        best = fitted[np.argmin(left / freedom**2)]
        return Residual(features - self._basis @ (best[:, None] * inside), 1 - best, whole, self._basis.T @ whole)

    def overlap(self, first: Residual, second: Residual) -> float:
        """Return by how much the mean square of products of residuals misjudges the variance of their sum.

        Notes
        -----
        For noise u, v of one variance and residuals Mu, Nv the variance of u'M'Nv is tr(MM'NN'), while the sum of squared products has
        the mean tr(MM') tr(NN') / n. The ratio is above 1 as soon as degrees of freedom are spent; without it the test rejects too often.
        Here MM' is ``R (I - U U') R`` with the ridge regression's R and the directions U taken out before.
        """
        untouched = self._n - 1 - len(self._variance)
        a, b = first.shrink**2, second.shrink**2
        taken, also = (first.inside**2).sum(axis=1), (second.inside**2).sum(axis=1)
        cross = first.whole.T @ second.whole - first.inside.T @ ((1 - first.shrink * second.shrink)[:, None] * second.inside)
        both = untouched + a @ b - (first.whole.shape[1] - (1 - a * b) @ taken) - (second.whole.shape[1] - (1 - a * b) @ also)
        one = untouched + a.sum() - (first.whole.shape[1] - (1 - a) @ taken)
        other = untouched + b.sum() - (second.whole.shape[1] - (1 - b) @ also)
        return float(self._n * (both + (cross**2).sum()) / (one * other))


def directions(features: Floats) -> tuple[Floats, Floats]:
    """Return the variances (r,) and orthonormal directions (n, r) of features (n, d) about their mean, rounding left out."""
    centred = features - features.mean(axis=0)
    variance, turn = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = variance > RELATIVE * variance.max(initial=0.0)
    return variance[kept], centred @ (turn[:, kept] / np.sqrt(len(centred) * variance[kept]))
