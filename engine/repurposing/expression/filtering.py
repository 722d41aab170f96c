"""Which genes are tested together: a cut on the mean that leaves most discoveries, and q-values above it."""

import numpy as np
from numpy.typing import NDArray

from engine.repurposing.significance import q_values

CUTS = 50  # means tried as the cut
HIGHEST = 0.95  # share of genes that the highest cut leaves out
FEW = 10  # rejections up to which nothing is filtered
GAIN = 0.01  # more rejections, as a share, that a cut must bring
SPAN = 1 / 5  # share of the cuts under the window of the smooth
ROUNDS = 3  # of reweighting against outlying cuts

Floats = NDArray[np.float64]


def adjusted(p: Floats, mean: Floats, zeros: float, level: float) -> tuple[Floats, float]:
    """Return q-values over the genes above a mean that leaves most rejections, and that mean.

    Parameters
    ----------
    p, mean : (G,) of the genes that have counts.
    zeros : share of genes without counts, where the cuts begin.
    level : false discovery rate at which rejections are counted.

    Notes
    -----
    The mean does not depend on the test under its null, so the cut does not spoil it (Bourgon, Gentleman, Huber 2010). Rejections over the
    cuts are smoothed; the first cut whose count comes within one residual deviation of the top of the smooth is taken, unless it gains less
    than a hundredth over no cut, which is chance.
    """
    whole = len(mean) / max(1.0 - zeros, 1.0 / len(mean))
    shares = np.linspace(zeros, HIGHEST, CUTS) if zeros < HIGHEST else np.array([zeros])
    padded = np.concatenate([np.zeros(round(whole) - len(mean)), mean])
    cuts = np.quantile(padded, shares)
    tried = [np.where(mean >= cut, p, np.nan) for cut in cuts]
    found = [q_values(values) for values in tried]
    rejections = np.array([np.count_nonzero(q < level) for q in found], dtype=float)
    if rejections.max() <= FEW:
        return found[0], float(cuts[0])
    smooth = _smooth(shares, rejections)
    used = rejections > 0
    near = smooth.max() - np.sqrt(np.mean((rejections[used] - smooth[used]) ** 2))
    reached = np.flatnonzero(rejections > near)
    best = int(reached[0]) if len(reached) else 0
    if rejections[best] < (1 + GAIN) * rejections[0]:
        best = 0
    return found[best], float(cuts[best])


def _smooth(x: Floats, y: Floats) -> Floats:
    """Fit a line in a moving window with tricube weights, outlying points weighted down in rounds (Cleveland 1979)."""
    width = max(int(SPAN * len(x)), 2)
    robust = np.ones_like(y)
    fit = y.copy()
    for _ in range(ROUNDS + 1):
        for i, centre in enumerate(x):
            distance = np.abs(x - centre)
            reach = max(np.sort(distance)[width - 1], 1e-12)
            weights = robust * np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
            total = weights.sum()
            if total <= 0:
                continue
            middle, level = weights @ x / total, weights @ y / total
            spread = weights @ (x - middle) ** 2
            slope = weights @ ((x - middle) * (y - level)) / spread if spread > 1e-12 else 0.0
            fit[i] = level + slope * (centre - middle)
        residuals = np.abs(y - fit)
        typical = 6 * np.median(residuals)
        if typical <= 0:
            break
        robust = np.clip(1 - (residuals / typical) ** 2, 0, None) ** 2
    return fit
