"""One answer from several regimes: an independence that the graph implies holds in each of them, whatever was intervened on."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from engine.independence.base import IndependenceTest
from engine.independence.gaussian import CLIP, CorrelationTest, partial_correlations
from engine.independence.trace import Floats


class Combined(IndependenceTest):
    """Averages Fisher's z over regimes, each weighted by its rows.

    Parameters
    ----------
    parts : the Gaussian or rank test of each regime, on the same nodes at the same level.

    Notes
    -----
    An intervention on some variables changes their own distributions and leaves the other factors of the DAG alone, so variables that are
    separated in the DAG stay independent in every regime, while pooled rows would mix the regimes. With weights w_k = n_k - |S| - 3,
    ``z = sum w_k atanh(r_k) / sqrt(sum w_k)`` is standard normal when all r_k are zero in truth. Where an intervention cuts a variable off
    from its causes, that regime adds noise and no signal. Regimes with too few rows, or without variation given S, do not count.
    """

    statistic = "partial correlation"

    def __init__(self, parts: Sequence[CorrelationTest]):
        first = parts[0]
        super().__init__(first.nodes, sum(part.n_samples for part in parts), first.alpha, first.digest)
        self.parts = tuple(parts)
        self.name = f"{first.name} over regimes"
        self.warnings = list(first.warnings)

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute (m,) weighted mean partial correlations and p-values."""
        from scipy.special import erfc

        z, weight = np.zeros(len(i)), np.zeros(len(i))
        for part in self.parts:
            freedom = part.freedom(given.shape[1])
            if freedom > 0:
                own = np.arctanh(np.clip(partial_correlations(part.correlation, i, j, given), -CLIP, CLIP))
                possible = np.isfinite(own)
                z[possible] += freedom * own[possible]
                weight[possible] += freedom
        with np.errstate(invalid="ignore"):
            return np.tanh(z / weight), np.where(weight > 0, erfc(np.abs(z) / np.sqrt(2 * weight)), np.nan)

    def resampled(self, rng: np.random.Generator) -> "Combined":
        """Return the test on rows drawn with replacement inside each regime."""
        return Combined([cast(CorrelationTest, part.resampled(rng)) for part in self.parts])
