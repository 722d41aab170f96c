"""Tail of a weighted sum of chi-squared variables, which is the null law of every kernel statistic."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HALVINGS = 60
AT_THE_MEAN = 1e-3  # signed root below which the expansion is replaced by its limit, where it divides nothing by nothing


def weighted_tail(weights: Floats, value: Floats) -> Floats:
    """Return P(sum_k w_k chi2_1 > value) for m sums at once, also where it is as small as 1e-300.

    Parameters
    ----------
    weights : (m, d) weights, none negative; zeros pad shorter rows.
    value : (m,) values.

    Returns
    -------
    (m,) probabilities; 1 where a sum has no weight, for then nothing varies.

    Notes
    -----
    The saddlepoint formula of Lugannani and Rice for ``K(t) = -1/2 sum log(1 - 2 w_k t)`` (Kuonen 1999): with ``K'(t) = q``,
    ``r = sign(t) sqrt(2 (t q - K(t)))`` and ``u = t sqrt(K''(t))`` the tail is ``1 - Phi(r + log(u / r) / r)``. Its relative error is a few
    percent however far out (10% for a single weight at 1e-9). The gamma law with the same mean and variance gives a fifth of the true
    tail at 0.001 when weights fall as those of a Gaussian kernel do.
    """
    from scipy.special import ndtr

    largest = weights.max(axis=1, initial=0.0)
    empty = ~(largest > 0)
    w = weights / np.where(empty, 1.0, largest)[:, None]
    w[empty] = 1.0
    q = np.maximum(value / np.where(empty, 1.0, largest), 1e-12)
    t = _saddlepoint(w, q)
    shrunk = 1 - 2 * w * t[:, None]
    cumulant = -0.5 * np.log(shrunk).sum(axis=1)
    spread = 2 * ((w / shrunk) ** 2).sum(axis=1)
    root = np.sign(t) * np.sqrt(np.maximum(2 * (t * q - cumulant), 0.0))
    near = np.abs(root) < AT_THE_MEAN
    r = np.where(near, 1.0, root)
    u = np.where(near, 1.0, t * np.sqrt(spread))
    squares, cubes = (w**2).sum(axis=1), (w**3).sum(axis=1)
    at_mean = 8 * cubes / (6 * (2 * squares) ** 1.5)
    tail: Floats = ndtr(-np.where(near, root + at_mean, r + np.log(u / r) / r))
    return np.where(empty, 1.0, tail)


def _saddlepoint(w: Floats, q: Floats) -> Floats:
    """Solve ``sum w / (1 - 2 w t) = q`` for t (m,) by halving a bracket; the largest weight of each row is 1."""
    low, high = -0.5 * (w > 0).sum(axis=1) / q, 0.5 * (1 - 1 / q)
    for _ in range(HALVINGS):
        t = 0.5 * (low + high)
        above = (w / (1 - 2 * w * t[:, None])).sum(axis=1) > q
        low, high = np.where(above, low, t), np.where(above, t, high)
    return 0.5 * (low + high)
