"""Scores of a few profiles in float64, over the genes that were measured in each: what every faster pass must agree with."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from engine.core import Profiles
from engine.repurposing.screens.query_codes import unwritable

LEAST_GENES = 3
ROWS = 8_192  # profiles read at a time from a file that is not mapped
PAIRS = 4_096  # scored by one thread at a time
Places = NDArray[np.int64]
Numbers = NDArray[np.float64]


def exact_scores(
    profiles: Profiles, rows: Places, queries: Places, values: Numbers, places: Places, is_centred: bool, threads: int = 1
) -> Numbers:
    """Return the similarity of pairs of a profile and a signature.

    Parameters
    ----------
    rows, queries : (n,) numbers of the profile and of the signature of each pair.
    values : (Q, s) the signatures.
    places : (s,) columns of their genes in the screen.
    is_centred : Pearson correlation; otherwise the uncentred cosine.

    Returns
    -------
    (n,) float64; NaN for a profile that is zero (or never varies, where centred) or has fewer than three values, where it has no meaning.
    """
    scores = np.empty(len(rows))
    mapped = profiles.mapped
    if mapped is not None:
        _score(unwritable(mapped), rows, queries, values, places, is_centred, threads, scores)
        return scores
    order = np.argsort(rows, kind="stable")
    needed = np.unique(rows)
    for at in range(0, len(needed), ROWS):
        some = needed[at : at + ROWS]
        pairs = order[np.searchsorted(rows[order], some[0]) : np.searchsorted(rows[order], some[-1], side="right")]
        part = np.empty(len(pairs))
        _score(
            unwritable(profiles.block(some)), np.searchsorted(some, rows[pairs]), queries[pairs], values, places, is_centred, threads, part
        )
        scores[pairs] = part
    return scores


def _score(
    block: NDArray[np.float32], rows: Places, queries: Places, values: Numbers, places: Places, is_centred: bool, threads: int, out: Numbers
) -> None:
    """Score pairs, some on each thread; a pair's score does not depend on which are scored beside it."""
    from engine.repurposing.screens.query_kernel import similarities

    def some(at: int) -> None:
        pairs = slice(at, at + PAIRS)
        similarities(block, rows[pairs], queries[pairs], values, places, is_centred, LEAST_GENES, out[pairs])

    if len(rows) <= PAIRS:  # as for one signature: less work than starting a thread
        return some(0)
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        list(pool.map(some, range(0, len(rows), PAIRS)))
    return None
