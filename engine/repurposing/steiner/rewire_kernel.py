"""Compiled shuffling of a network's edges that keeps every degree."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def swap_ends(ends, n, picks, crossed):
    """Exchange ends between pairs of edges, in place, wherever that makes neither a self loop nor an edge that is there already.

    ``picks`` (k, 2) are the numbers of two edges each, ``crossed`` (k,) which ends they exchange (Maslov, Sneppen 2002).
    """
    there = np.zeros((n * n + 7) // 8, np.uint8)  # one bit for each pair, the smaller number first
    for e in range(len(ends)):
        _flip(there, min(ends[e, 0], ends[e, 1]) * n + max(ends[e, 0], ends[e, 1]))
    for k in range(len(picks)):
        e, f = picks[k, 0], picks[k, 1]
        a, b = ends[e, 0], ends[e, 1]
        c, d = (ends[f, 1], ends[f, 0]) if crossed[k] else (ends[f, 0], ends[f, 1])
        if a == d or b == c or e == f:
            continue
        first, second = min(a, d) * n + max(a, d), min(c, b) * n + max(c, b)
        if first == second or there[first >> 3] >> (first & 7) & 1 or there[second >> 3] >> (second & 7) & 1:
            continue
        _flip(there, min(a, b) * n + max(a, b))
        _flip(there, min(c, d) * n + max(c, d))
        _flip(there, first)
        _flip(there, second)
        ends[e, 0], ends[e, 1], ends[f, 0], ends[f, 1] = a, d, c, b


@njit(cache=True, nogil=True)
def _flip(there, bit):
    there[bit >> 3] ^= np.uint8(1 << (bit & 7))
