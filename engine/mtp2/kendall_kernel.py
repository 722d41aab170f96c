"""Compiled counts of bits in which two rows of words differ."""

import numpy as np
from numba import njit


@njit(cache=True, inline="always")
def _ones(word):
    """Count the bits of one word; compilers know this idiom and make it one instruction."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True)
def count_opposite(larger, opposite):
    """Add to ``opposite`` (N, N), above the diagonal, in how many bits two rows of ``larger`` (N, words) differ."""
    n, words = larger.shape
    for i in range(n):
        a = larger[i]
        for j in range(i + 1, n):
            b = larger[j]
            total = np.uint64(0)
            for k in range(words):
                total += _ones(a[k] ^ b[k])
            opposite[i, j] += np.int64(total)


@njit(cache=True)
def count_opposite_untied(larger, differs, opposite, untied):
    """Count as `count_opposite`, where both rows of ``differs`` (N, words) are set; add to ``untied``, diagonal too, where they are."""
    n, words = larger.shape
    for i in range(n):
        a, c = larger[i], differs[i]
        for j in range(i, n):
            b, d = larger[j], differs[j]
            total, both = np.uint64(0), np.uint64(0)
            for k in range(words):
                set_in_both = c[k] & d[k]
                both += _ones(set_in_both)
                total += _ones((a[k] ^ b[k]) & set_in_both)
            opposite[i, j] += np.int64(total)
            untied[i, j] += np.int64(both)
