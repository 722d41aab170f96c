"""The rank test: Fisher z on normal scores, which any monotone distortion of the columns leaves alone."""

from collections.abc import Sequence

import numpy as np

from engine.independence.gaussian import CorrelationTest, standardised
from engine.independence.trace import Floats


class Rank(CorrelationTest):
    """The nonparanormal test: each column is replaced by the normal quantiles of its ranks, then Fisher z.

    Parameters
    ----------
    scores : (n, p) normal scores.

    Notes
    -----
    ``score = Phi^-1(rank / (n + 1))``, ties averaged. When some monotone functions of the columns are jointly Gaussian (a Gaussian copula),
    the correlation of normal scores is as precise as that of the Gaussian columns would be (Klaassen and Wellner 1997), so Fisher z keeps
    its level. The other usual estimate, ``2 sin(pi rho / 6)`` of Spearman's rho, is less precise by a factor that depends on the other
    correlations: with it a test at 5% given two variables rejects 7% of true nulls. It can also be indefinite; normal scores cannot.
    """

    name = "rank"

    def __init__(self, nodes: Sequence[str], scores: Floats, alpha: float, digest: str = ""):
        scaled = standardised(scores)
        correlation = scaled.T @ scaled / len(scaled)
        np.fill_diagonal(correlation, 1.0)  # also for a column that does not vary in a resample
        super().__init__(nodes, correlation, len(scores), alpha, digest)
        self._scores = scores

    @classmethod
    def of(cls, nodes: Sequence[str], values: Floats, alpha: float, digest: str = "") -> "Rank":
        """Make the test of an (n, p) table without missing values or constant columns."""
        return cls(nodes, normal_scores(values), alpha, digest)

    def resampled(self, rng: np.random.Generator) -> "Rank":
        """Return the test on rows drawn with replacement, ranked anew."""
        rows = rng.integers(len(self._scores), size=len(self._scores))
        return Rank.of(self.nodes, self._scores[rows], self.alpha, self.digest).with_floor(self.floor)


def normal_scores(values: Floats) -> Floats:
    """Return the (n, p) normal quantiles of the ranks within each column, ties averaged."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return ndtri(rankdata(values, axis=0) / (len(values) + 1))
