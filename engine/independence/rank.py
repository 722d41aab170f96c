"""The rank test: Fisher z on correlations that any monotone distortion of the columns leaves alone."""

from collections.abc import Sequence

import numpy as np

from engine.independence.gaussian import CorrelationTest, to_correlation
from engine.independence.trace import Floats

SMALLEST = 1e-6  # eigenvalue that an indefinite rank correlation is lifted to
EFFICIENCY = 9 / np.pi**2  # see Rank


class Rank(CorrelationTest):
    """The nonparanormal test: correlations by Spearman's rho, then Fisher z.

    Parameters
    ----------
    ranks : (n, p) ranks within each column, ties averaged.

    Notes
    -----
    For a Gaussian copula the correlation is ``2 sin(pi rho / 6)``. Near independence rho has variance 1 / (n - 1) and the slope of the
    sine is pi / 3, so the estimate has pi^2 / 9 times the variance of a Gaussian correlation; n - |S| - 3 is multiplied by 9 / pi^2.
    Without this factor a test at 5% rejects 6.1% of true nulls. The matrix can be indefinite; its eigenvalues are then lifted to 1e-6
    and a warning says so.
    """

    name = "rank"
    efficiency = EFFICIENCY

    def __init__(self, nodes: Sequence[str], ranks: Floats, alpha: float, digest: str = ""):
        correlation, smallest = repaired(2 * np.sin(np.pi / 6 * spearman(ranks)))
        super().__init__(nodes, correlation, len(ranks), alpha, digest)
        self._ranks = ranks
        if smallest < SMALLEST:
            self.warnings.append(
                f"The rank correlations are not positive definite (smallest eigenvalue {smallest:.2g}); "
                f"their small eigenvalues were lifted (smallest now {np.linalg.eigvalsh(correlation)[0]:.2g})."
            )

    @classmethod
    def of(cls, nodes: Sequence[str], values: Floats, alpha: float, digest: str = "") -> "Rank":
        """Make the test of an (n, p) table without missing values or constant columns."""
        return cls(nodes, ranks_of(values), alpha, digest)

    def resampled(self, rng: np.random.Generator) -> "Rank":
        """Return the test on rows drawn with replacement, ranked anew."""
        rows = rng.integers(len(self._ranks), size=len(self._ranks))
        return Rank(self.nodes, ranks_of(self._ranks[rows]), self.alpha, self.digest)


def ranks_of(values: Floats) -> Floats:
    """Return the ranks 1 to n within each column of (n, p), ties averaged."""
    from scipy.stats import rankdata

    ranks: Floats = rankdata(values, axis=0)
    return ranks


def spearman(ranks: Floats) -> Floats:
    """Return the (p, p) correlation of ranks."""
    centred = ranks - ranks.mean(axis=0)
    return to_correlation(centred.T @ centred)


def repaired(correlation: Floats) -> tuple[Floats, float]:
    """Return a correlation matrix with no eigenvalue below 1e-6, and the smallest eigenvalue found."""
    values, vectors = np.linalg.eigh(correlation)
    smallest = float(values[0])
    if smallest >= SMALLEST:
        return to_correlation(correlation), smallest
    return to_correlation((vectors * np.maximum(values, SMALLEST)) @ vectors.T), smallest
