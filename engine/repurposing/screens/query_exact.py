"""Scores of a few profiles in float64, over the genes that were measured in each: what every faster pass must agree with."""

import numpy as np
from numpy.typing import NDArray

from engine.core import Profiles

LEAST_GENES = 3
ROWS = 2048  # at a time
Numbers = NDArray[np.float64]


def exact_scores(profiles: Profiles, rows: NDArray[np.int64], values: Numbers, places: NDArray[np.int64], is_centred: bool) -> Numbers:
    """Return the similarity of some profiles with a signature.

    Parameters
    ----------
    rows : (n,) numbers of the profiles.
    values : (s,) the signature.
    places : (s,) columns of its genes in the screen.
    is_centred : Pearson correlation; otherwise the uncentred cosine.

    Returns
    -------
    (n,) float64; NaN for a profile that is zero (or never varies, where centred) or has fewer than three values, where it has no meaning.
    """
    mapped = profiles.mapped
    scores = np.empty(len(rows))
    for at in range(0, len(rows), ROWS):
        some = rows[at : at + ROWS]
        block = mapped[some] if mapped is not None else profiles.block(some)
        scores[at : at + ROWS] = _similarity(np.take(block, places, axis=1).astype(np.float64), values, is_centred)
    return scores


def _similarity(x: Numbers, values: Numbers, is_centred: bool) -> Numbers:
    """Sum along rows only: a row's score must not depend on which rows are scored beside it."""
    known = np.isfinite(x)
    n = known.sum(axis=1)
    is_whole = bool(known.all())
    y = np.broadcast_to(values, x.shape) if is_whole else np.where(known, values, 0.0)
    if not is_whole:
        x = np.where(known, x, 0.0)
    flat = n < LEAST_GENES
    with np.errstate(invalid="ignore", divide="ignore"):
        if is_centred:
            low, high = np.where(known, x, np.inf).min(axis=1), np.where(known, x, -np.inf).max(axis=1)
            flat |= low == high
            x = np.where(known, x - (x.sum(axis=1) / n)[:, None], 0.0)
            y = np.where(known, y - (y.sum(axis=1) / n)[:, None], 0.0)
        lengths = (x * x).sum(axis=1) * (y * y).sum(axis=1)
        scores = (x * y).sum(axis=1) / np.sqrt(lengths)
    scores[flat | (lengths == 0.0)] = np.nan
    return np.clip(scores, -1.0, 1.0)
