"""Local scores of a mixture: what each variable is worth given its parents, in the best of the variants."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixtures.moments import Floats, Moments
from engine.mixtures.variants import FEWEST, RIDGE, Conditional, Variant, fit_variant, n_parameters, profile

Ints = NDArray[np.int64]


class Changes(NamedTuple):
    """Scores (m,) of m variables, and their scores after one parent more (m, p) or one fewer (m, d); -inf where there is no such change."""

    now: Floats
    added: Floats
    dropped: Floats


class LocalScores:
    """Bayesian information criterion of one variable given its parents under weighted moments.

    Notes
    -----
    ``score = expected log likelihood - log(n) / 2 x parameters``. A search needs the variants shared, intercept and all only, whose
    residual sums of squares are those of one regression in each of K + 2 matrices: scatter about the common mean, about the clusters'
    means, and within each cluster. One solution given S tells those of all further parents, ``RSS - c_ij^2 / c_jj``.
    """

    def __init__(self, moments: Moments):
        self.moments, self.p, self.k = moments, moments.p, moments.k
        self.per_parameter = np.log(moments.n) / 2
        self.tolerance = 1e-9 * moments.n + 1e-9
        matrices, sums = [moments.pooled], [moments.n]
        if self.allows(0):
            matrices += [moments.within, *moments.scatter]
            sums += [moments.n, *moments.mass]
        self.mass = np.array(sums)
        self.stack = np.array(matrices) + (RIDGE * self.mass)[:, None, None] * np.eye(self.p)

    def changes(self, targets: Ints, parents: Ints) -> Changes:
        """Score m targets (m,) given parents (m, d), and with one parent more or fewer; the best of shared, intercept and all."""
        m, d = parents.shape
        at = np.arange(m)
        rows = self.stack[:, parents]  # (G, m, d, p)
        own, diagonal = self.stack[:, targets], np.repeat(np.diagonal(self.stack, axis1=1, axis2=2)[:, None], m, axis=1)
        dropped = np.zeros((m, 0))
        if d:
            inverse = np.linalg.inv(self.stack[:, parents[:, :, None], parents[:, None, :]])
            weights = inverse @ rows
            cross = self.stack[:, targets[:, None], parents]
            own = own - np.einsum("gmd,gmdp->gmp", cross, weights)
            diagonal = diagonal - (rows * weights).sum(axis=2)
            slopes = np.take_along_axis(weights, np.broadcast_to(targets[None, :, None, None], (len(self.stack), m, d, 1)), axis=3)[..., 0]
            without = own[:, at, targets][:, :, None] + slopes**2 / np.diagonal(inverse, axis1=2, axis2=3)
            dropped = self._best(without, d - 1)
        rss = own[:, at, targets]
        now = self._best(rss, d)
        with np.errstate(divide="ignore", invalid="ignore"):
            added = self._best(np.maximum(rss[:, :, None] - own**2 / np.maximum(diagonal, 1e-300), 0), d + 1)
        added[at, targets] = -np.inf
        added[at[:, None], parents] = -np.inf
        return Changes(now, added, dropped)

    def _best(self, rss: Floats, d: int) -> Floats:
        """Return the score of the best variant from residual sums of squares (G, ...)."""
        best = profile(rss[0], self.mass[0]) - self.per_parameter * n_parameters(Variant.SHARED, d, 1)
        if not self.allows(0):
            return best
        shifted = profile(rss[1], self.mass[1]) - self.per_parameter * n_parameters(Variant.INTERCEPT, d, self.k)
        best = np.maximum(best, shifted)
        if self.allows(d):
            mass = self.mass[2:].reshape(-1, *[1] * (rss.ndim - 1))
            own = profile(rss[2:], mass).sum(axis=0) - self.per_parameter * n_parameters(Variant.ALL, d, self.k)
            best = np.maximum(best, own)
        return best

    def allows(self, d: int) -> bool:
        """Return whether there are clusters, each with the rows for a conditional of its own with d parents."""
        return self.k > 1 and bool(self.moments.mass.min() >= max(FEWEST, d + 1))

    def score(self, target: int, parents: list[int], variant: Variant) -> float:
        """Return the score of one variable given its parents in one variant."""
        return self._scored(target, parents, variant)[0]

    def best(self, target: int, parents: list[int]) -> tuple[float, Conditional]:
        """Return the best of the five variants of one variable given its parents, and its score."""
        variants = list(Variant) if self.allows(len(parents)) else [Variant.SHARED]
        return max((self._scored(target, parents, variant) for variant in variants), key=lambda found: found[0])

    def _scored(self, target: int, parents: list[int], variant: Variant) -> tuple[float, Conditional]:
        fit = fit_variant(self.moments.block(target, parents), variant)
        return float(fit.likelihood) - self.per_parameter * n_parameters(variant, len(parents), self.k), fit
