"""Compiled tests of the tuning-free graph: rows drawn afresh, signs of partial correlations, the walk over pairs and sets."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

SUMS = {"reassoc", "contract"}  # sums may be taken in any order, nothing else is loosened
DEPENDENT = 1e-10  # share of its variance below which what is left of a variable is rounding
LANES = 16  # gathered columns are padded with zeros to a multiple of this, so that sums have no remainder
PAIR, STARTED, SIZE, K, REMOVED = range(5)  # counters of a walk: pair i * p + j, whether its sets are begun, |adj(i) - j|, next k, removals

GOLDEN, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31, S32, LOW = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32), np.uint64(0xFFFFFFFF)


class Walk(NamedTuple):
    """Where the search stands; all that it needs to go on after any test.

    ``at`` holds the counters above, ``neighbours`` adj(i) without j, ``rows`` (n,) and ``state`` (1,) what `draw` needs. Removal d leaves
    i, j, level, k in ``removed[d]``, S in ``sets[d]`` and the partial correlation in ``rho[d]``.
    """

    adjacency: NDArray[np.bool_]
    at: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    rows: NDArray[np.uint32]
    state: NDArray[np.uint64]
    removed: NDArray[np.int64]
    sets: NDArray[np.int64]
    rho: NDArray[np.float64]


class Level(NamedTuple):
    """Room for sets S of one size l: which neighbours are in S, and what one test reads and computes.

    ``nodes`` lists S, k, i, j, then any number that makes its length even; so do the arrays that have an entry for each of them.
    """

    places: NDArray[np.int64]
    nodes: NDArray[np.int64]
    gathered: NDArray[np.float64]
    totals: NDArray[np.float64]
    scatter: NDArray[np.float64]
    factor: NDArray[np.float64]


def level_of(size: int, m: int) -> Level:
    """Return the room for sets of this size and m rows."""
    nodes = size + 3 + (size + 3) % 2  # columns are read in pairs
    return Level(
        np.empty(size, np.int64), np.zeros(nodes, np.int64), np.zeros((nodes, -(-m // LANES) * LANES)), np.empty(nodes),
        np.empty((nodes, nodes)), np.empty((nodes, nodes)),
    )  # fmt: skip


@njit(cache=True)
def draw(rows, m, state):
    """Bring ``m`` of all rows, drawn uniformly without replacement, to the front of ``rows``.

    ``rows`` is a permutation of all row numbers (uint32), kept between draws: m steps of a Fisher-Yates shuffle from any permutation give a
    uniform one. ``state`` (1,) uint64 is the counter of a SplitMix64 generator (Steele, Lea, Flood 2014), whose words give two draws each;
    a draw below b is the upper half of 32 random bits times b, which favours no row by more than n / 2^32.
    """
    n = np.uint64(len(rows))
    now = state[0]
    for step in range(0, m, 2):
        now += GOLDEN
        word = now
        word = (word ^ (word >> S30)) * FIRST
        word = (word ^ (word >> S27)) * SECOND
        word ^= word >> S31
        t = np.uint64(step)
        other = t + (((word >> S32) * (n - t)) >> S32)
        rows[t], rows[other] = rows[other], rows[t]
        t += np.uint64(1)
        if t < np.uint64(m):
            other = t + (((word & LOW) * (n - t)) >> S32)
            rows[t], rows[other] = rows[other], rows[t]
    state[0] = now


@njit(cache=True, fastmath=SUMS)
def _gather(first, second, rows, m, to_first, to_second):
    """Copy the first ``m`` rows of two columns and return their sums."""
    one = two = 0.0
    for t in range(m):
        row = rows[t]
        to_first[t] = first[row]
        to_second[t] = second[row]
        one += first[row]
        two += second[row]
    return one, two


@njit(cache=True, fastmath=SUMS)
def _products(a, b, c, d):
    """Return a'c, a'd, b'c, b'd: four at a time read each number half as often."""
    ac = ad = bc = bd = 0.0
    for t in range(len(a)):
        ac += a[t] * c[t]
        ad += a[t] * d[t]
        bc += b[t] * c[t]
        bd += b[t] * d[t]
    return ac, ad, bc, bd


@njit(cache=True)
def moments(columns, rows, m, level):
    """Fill the lower triangle of ``level.scatter``: m times the covariance of its nodes on the first ``m`` rows.

    ``columns`` (p, n) hold one variable each, centred over all rows, so that little is lost by taking the means off afterwards.
    """
    nodes, gathered, totals, scatter = level.nodes, level.gathered, level.totals, level.scatter
    for a in range(0, len(nodes), 2):
        totals[a], totals[a + 1] = _gather(columns[nodes[a]], columns[nodes[a + 1]], rows, m, gathered[a], gathered[a + 1])
        for b in range(0, a + 1, 2):
            ac, ad, bc, bd = _products(gathered[a], gathered[a + 1], gathered[b], gathered[b + 1])
            scatter[a, b] = ac - totals[a] * totals[b] / m
            scatter[a, b + 1] = ad - totals[a] * totals[b + 1] / m
            scatter[a + 1, b] = bc - totals[a + 1] * totals[b] / m
            scatter[a + 1, b + 1] = bd - totals[a + 1] * totals[b + 1] / m


@njit(cache=True)
def partial_correlation(scatter, given, factor):
    """Return the partial correlation of the two nodes that follow the first ``given`` of ``scatter`` given these, where it is negative.

    Zero stands for all that is not negative, and where one of the two is a linear function of the others. A conditioning variable that
    depends on those before it adds nothing and is left out.
    """
    i, j = given, given + 1
    left = scatter[j, i]
    for b in range(given):
        for a in range(b, given + 2):
            value = scatter[a, b]
            for c in range(b):
                value -= factor[a, c] * factor[b, c]
            if a > b:
                factor[a, b] = value * factor[b, b]
            else:  # the diagonal holds reciprocals, zero for a variable that is left out
                factor[b, b] = 1.0 / np.sqrt(value) if value > DEPENDENT * scatter[b, b] else 0.0
        left -= factor[i, b] * factor[j, b]
    if left >= 0.0:
        return 0.0
    first, second = scatter[i, i], scatter[j, j]
    for b in range(given):
        first -= factor[i, b] ** 2
        second -= factor[j, b] ** 2
    if first <= DEPENDENT * scatter[i, i] or second <= DEPENDENT * scatter[j, j]:
        return 0.0
    return left / np.sqrt(first * second)


@njit(cache=True)
def _next_subset(places, size):
    """Turn ``places`` into the next increasing choice from range(size); False after the last one."""
    level = len(places)
    for a in range(level - 1, -1, -1):
        if places[a] < size - level + a:
            places[a] += 1
            for b in range(a + 1, level):
                places[b] = places[b - 1] + 1
            return True
    return False


@njit(cache=True)
def _start(adjacency, i, j, neighbours, places):
    """List adj(i) without j and choose its first subset; return how many there are."""
    size = 0
    for v in range(len(adjacency)):
        if adjacency[i, v] and v != j:
            neighbours[size] = v
            size += 1
    for a in range(len(places)):
        places[a] = a
    return size


@njit(cache=True)
def _is_outside(k, nodes, size):
    """Say whether k is neither in S nor one of the pair."""
    for a in range(size):
        if nodes[a] == k:
            return False
    return k != nodes[size + 1] and k != nodes[size + 2]


@njit(cache=True)
def _remove(walk, level, rho):
    """Take the pair under test out of the graph and keep the test."""
    size = len(level.places)
    k, i, j = level.nodes[size], level.nodes[size + 1], level.nodes[size + 2]
    d = walk.at[REMOVED]
    walk.removed[d, 0], walk.removed[d, 1], walk.removed[d, 2], walk.removed[d, 3] = i, j, size, k
    for a in range(size):
        walk.sets[d, a] = level.nodes[a]
    walk.rho[d] = rho
    walk.at[REMOVED] += 1
    walk.adjacency[i, j] = walk.adjacency[j, i] = False


@njit(cache=True)
def advance(quota, is_ordered, columns, m, walk, level):
    """Make the next tests with sets of one size, at most ``quota``, and return how many; ``at[PAIR]`` is p * p once all are made."""
    p, at, nodes, size = len(columns), walk.at, level.nodes, len(level.places)
    tests = 0
    while at[PAIR] < p * p:
        i, j = at[PAIR] // p, at[PAIR] % p
        if not at[STARTED]:
            at[K] = 0
            if walk.adjacency[i, j] and (is_ordered or i < j):
                at[SIZE] = _start(walk.adjacency, i, j, walk.neighbours, level.places)
                at[STARTED] = at[SIZE] >= size
        while at[STARTED]:
            for a in range(size):
                nodes[a] = walk.neighbours[level.places[a]]
            nodes[size + 1], nodes[size + 2] = i, j
            while at[K] < p:
                if _is_outside(at[K], nodes, size):
                    if tests == quota:
                        return tests
                    nodes[size] = at[K]
                    draw(walk.rows, m, walk.state)
                    moments(columns, walk.rows, m, level)
                    tests += 1
                    rho = partial_correlation(level.scatter, size + 1, level.factor)
                    if rho < 0.0:
                        _remove(walk, level, rho)
                        at[STARTED] = 0
                        break
                at[K] += 1
            else:
                at[K] = 0
                at[STARTED] = _next_subset(level.places, at[SIZE])
        at[PAIR] += 1
    return tests
