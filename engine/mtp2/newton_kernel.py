"""Compiled products of a Newton step whose direction lives on the diagonal and on a list of pairs."""

import numpy as np
from numba import njit

SUMS = {"reassoc", "contract"}  # sums may be taken in any order, nothing else is loosened
BLOCK = 32  # rows and columns that are turned together, so that both stay in the nearest cache


@njit(cache=True, fastmath=SUMS)
def sandwich(outer, rows, columns, diagonal, pairs, left, turned):
    """Return the diagonal and the listed pairs of A D A, A the dense (N, N) ``outer`` and D given on the diagonal and on the pairs.

    ``left`` and ``turned`` are (N, N) scratch. All of one precision, which is that of the answer.
    """
    n = len(outer)
    for i in range(n):
        row, d = left[i], diagonal[i]
        for k in range(n):
            row[k] = d * outer[i, k]
    for e in range(len(rows)):
        i, j, d = rows[e], columns[e], pairs[e]
        a, b, above, below = left[i], left[j], outer[i], outer[j]
        for k in range(n):
            a[k] += d * below[k]
            b[k] += d * above[k]
    _turn(left, turned)
    found_diagonal, found_pairs = np.empty(n, outer.dtype), np.empty(len(rows), outer.dtype)
    for i in range(n):
        found_diagonal[i] = _dot(outer[i], turned[i])
    for e in range(len(rows)):
        found_pairs[e] = _dot(outer[rows[e]], turned[columns[e]])
    return found_diagonal, found_pairs


@njit(cache=True)
def _turn(matrix, turned):
    n = len(matrix)
    for above in range(0, n, BLOCK):
        for before in range(0, n, BLOCK):
            for i in range(above, min(above + BLOCK, n)):
                for k in range(before, min(before + BLOCK, n)):
                    turned[k, i] = matrix[i, k]


@njit(cache=True, fastmath=SUMS, inline="always")
def _dot(a, b):
    total = a[0] * b[0]
    for k in range(1, len(a)):
        total += a[k] * b[k]
    return total
