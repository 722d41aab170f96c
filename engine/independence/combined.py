"""One answer from several regimes: an independence that the graph implies holds in each of them, whatever was intervened on."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.independence.gaussian import CLIP, CorrelationTest, FisherTest, fisher_p, partial_correlations
from engine.independence.trace import Floats

REGULAR = 1e-6  # smallest eigenvalue of a correlation matrix from which on all its partial correlations have many digits


class Combined(FisherTest):
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

    def __init__(self, parts: Sequence[CorrelationTest]):
        first = parts[0]
        super().__init__(first.nodes, sum(part.n_samples for part in parts), first.alpha, first.digest)
        self.parts = tuple(parts)
        self._rows = np.array([part.n_samples for part in parts], dtype=np.float64)
        self.name = f"{first.name} over regimes"
        self.warnings = list(first.warnings)

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute (m,) weighted mean partial correlations and p-values."""
        from scipy.special import erfc

        size = given.shape[1]
        if self.correlations is not None:
            r = self.merged(np.stack([partial_correlations(part.correlation, i, j, given) for part in self.parts]), size)
            return r, fisher_p(r, self.freedom(size))
        z, weight = np.zeros(len(i)), np.zeros(len(i))
        for part in self.parts:
            freedom = part.freedom(size)
            if freedom > 0:
                own = np.arctanh(np.clip(partial_correlations(part.correlation, i, j, given), -CLIP, CLIP))
                possible = np.isfinite(own)
                z[possible] += freedom * own[possible]
                weight[possible] += freedom
        with np.errstate(invalid="ignore"):
            return np.tanh(z / weight), np.where(weight > 0, erfc(np.abs(z) / np.sqrt(2 * weight)), np.nan)

    @cached_property
    def correlations(self) -> Floats | None:  # type: ignore[override]  # computed once
        """(r, p, p) matrices of the regimes where every test is possible in each of them; None where some is not."""
        if min(part.freedom(self.p - 2) for part in self.parts) <= 0:
            return None
        stack = np.stack([part.correlation for part in self.parts])
        return stack if np.linalg.eigvalsh(stack)[:, 0].min() > REGULAR else None

    def merged(self, r: Floats, size: Any) -> Floats:
        """Return the weighted mean (...) of partial correlations (r, ...) in each regime given ``size`` variables, on the scale of z."""
        weight = self._rows.reshape(-1, *[1] * (r.ndim - 1)) - size - 3
        mean: Floats = np.tanh((weight * np.arctanh(np.clip(r, -CLIP, CLIP))).sum(axis=0) / weight.sum(axis=0))
        return mean

    def freedom(self, size: int) -> int:
        """Return the inverse variance of z given ``size`` variables where every regime counts."""
        return int(self.n_samples) - len(self.parts) * (size + 3)

    def resampled(self, rng: np.random.Generator) -> "Combined":
        """Return the test on rows drawn with replacement inside each regime."""
        return Combined([cast(CorrelationTest, part.resampled(rng)) for part in self.parts])
