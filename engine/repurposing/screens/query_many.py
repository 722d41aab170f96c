"""Many signatures at once: products of matrices by blocks, of which only what may still be among the best is kept."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.core import Profiles
from engine.repurposing.screens.query_codes import rows_of

PRODUCTS = 4_000_000  # scores held at a time
LEAST_ROWS = 256

Places = NDArray[np.int64]
Pairs = tuple[Places, Places]


def pairs_in_question(
    profiles: Profiles, units: NDArray[np.float64], places: Places, k: int, is_centred: bool, rounding: float, threads: int
) -> tuple[Pairs, Places, int]:
    """Return every pair of a profile and a signature whose score may be among the k highest of the signature.

    Parameters
    ----------
    units : (Q, d) signatures of length one, zero outside the genes at ``places``.
    rounding : bound on the relative error of a sum of d products in float32.

    Returns
    -------
    Numbers of profile and signature of each pair; the profiles without a bound, such as those with missing values, which are in question
    for every signature; and how many profiles are zero.
    """
    from engine.repurposing.screens.query_kernel import lengths, select

    n, count = len(profiles), len(units)
    weight = np.zeros(profiles.p, np.float32)
    weight[places] = 1.0
    step = max(PRODUCTS // count, LEAST_ROWS)
    heaps = np.full((count, min(k, n)), -np.inf, np.float32)
    threads = min(threads, count)
    cuts = np.linspace(0, count, threads + 1).astype(int)  # each thread has signatures of its own
    along = [np.ascontiguousarray(units[start:stop].T, dtype=np.float32) for start, stop in pairwise(cuts)]
    room = [step * int(stop - start) for start, stop in pairwise(cuts)]
    held = [(np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.float32)) for size in room]
    kept: list[tuple[Places, Places, NDArray[np.float32]]] = []
    unknown: list[Places] = []
    zeros = 0
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, n, step):
            block = rows_of(profiles, slice(start, min(start + step, n)))
            inverse, error = np.empty(len(block), np.float32), np.empty(len(block), np.float32)
            lengths(block, weight, np.float32(len(places)), is_centred, np.float32(rounding), inverse, error)
            unknown.append(start + np.flatnonzero(error == np.inf))
            zeros += int((error == -1.0).sum())

            def listed(t: int) -> int:
                with np.errstate(invalid="ignore", over="ignore"):
                    products = block @ along[t]  # noqa: B023  the block is done before the next one is read
                return select(products, inverse, error, heaps[cuts[t] : cuts[t + 1]], *held[t])  # noqa: B023

            for t, size in enumerate(pool.map(listed, range(threads))):
                row, query, bound = held[t]
                kept.append((start + row[:size].astype(np.int64), cuts[t] + query[:size].astype(np.int64), bound[:size].copy()))
            if sum(len(each[0]) for each in kept) > PRODUCTS:
                kept = [_still(kept, heaps)]
    rows, queries, _ = _still(kept, heaps)
    return (rows, queries), np.concatenate(unknown), zeros


def _still(
    kept: list[tuple[Places, Places, NDArray[np.float32]]], heaps: NDArray[np.float32]
) -> tuple[Places, Places, NDArray[np.float32]]:
    """Leave out what k others have overtaken since it was listed."""
    rows, queries, upper = (np.concatenate(each) for each in zip(*kept, strict=True))
    stays = upper >= heaps[queries, 0]
    return rows[stays], queries[stays], upper[stays]
