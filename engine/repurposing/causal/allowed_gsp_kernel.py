"""Compiled greedy sparsest permutation in which only allowed pairs may be joined, for hundreds of fits to small samples."""
# compiled loops: numba finds the types
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls, disable-error-code="assignment"

from typing import NamedTuple

import numpy as np
from numba import njit

SINGULAR = 1e-10  # variance that the others leave unexplained, of a variance of 1; less is rounding
PLACES = 1 << 15  # of the table of DAGs that a look-ahead has seen; at three quarters full it is cut short
TESTS, TOO_FEW_ROWS, SINGULAR_TESTS, LARGEST_GIVEN, CUT = range(5)  # places of the counts


class Evidence(NamedTuple):
    """What tests are made of: ``critical[d]`` is the largest absolute correlation given d others that passes for independence."""

    correlation: np.ndarray
    critical: np.ndarray
    counts: np.ndarray
    given: np.ndarray
    root: np.ndarray
    leaves: np.ndarray


class Dag(NamedTuple):
    """A DAG as a (p, p) table and as lists, whose first entry is their length."""

    arrow: np.ndarray
    parents: np.ndarray
    children: np.ndarray


class Seen(NamedTuple):
    """A table of the DAGs that a look-ahead has seen; ``state`` is the number of the look-ahead and how many it has seen."""

    state: np.ndarray
    owners: np.ndarray
    keys: np.ndarray
    levels: np.ndarray


@njit(cache=True)
def partial_correlation(evidence, i, j, size):
    """Return the partial correlation of i and j given the first ``size`` of ``given``; NaN where the block is singular.

    The last two rows of the Cholesky factor L of the block (given, i, j) hold it: ``r = L_ji / sqrt(L_ji^2 + L_jj^2)``.
    """
    root, given = evidence.root, evidence.given
    given[size], given[size + 1] = i, j
    for a in range(size + 2):
        for b in range(a + 1):
            left = evidence.correlation[given[a], given[b]]
            for k in range(b):
                left -= root[a, k] * root[b, k]
            if a > b:
                root[a, b] = left / root[b, b]
            elif left > SINGULAR:
                root[a, a] = np.sqrt(left)
            elif a <= size:
                return np.nan
            else:
                root[a, a] = 0.0  # i and the given determine j: perfectly correlated, unless the given alone do
    x, y = root[size + 1, size], root[size + 1, size + 1]
    left = x * x + y * y
    return x / np.sqrt(left) if left > SINGULAR else np.nan


@njit(cache=True)
def is_independent(evidence, i, j, size):
    """Test i and j given the first ``size`` of ``given``; where that is not possible there is no evidence of dependence."""
    counts = evidence.counts
    counts[TESTS] += 1
    if size >= len(evidence.critical):
        counts[TOO_FEW_ROWS] += 1
        return True
    counts[LARGEST_GIVEN] = max(counts[LARGEST_GIVEN], size)
    r = partial_correlation(evidence, i, j, size)
    if np.isnan(r):
        counts[SINGULAR_TESTS] += 1
        return True
    return abs(r) <= evidence.critical[size]


@njit(cache=True)
def minimum_degree_order(allowed, rng, order):
    """Fill in an order by minimum-degree elimination: the node with the fewest neighbours comes last; ties are broken at random."""
    p = len(allowed)
    around, degree = allowed.copy(), np.zeros(p, np.int64)
    for v in range(p):
        for u in range(p):
            degree[v] += around[v, u]
    for place in range(p - 1, -1, -1):
        chosen, ties = np.int64(-1), 0
        for v in range(p):
            if degree[v] < 0 or (chosen >= 0 and degree[v] > degree[chosen]):
                continue
            ties = ties + 1 if chosen >= 0 and degree[v] == degree[chosen] else 1
            if rng.random() * ties < 1.0:
                chosen = v
        order[place] = chosen
        degree[chosen] = -1
        for u in range(p):
            if around[chosen, u]:
                total = 0
                for v in range(p):
                    around[u, v] |= around[chosen, v]
                    total += around[u, v]
                around[u, u] = around[u, chosen] = 0
                degree[u] = total - 2  # itself, and the one that goes


@njit(cache=True)
def add(lists, node, member):
    """Put a member into the list of a node."""
    lists[node, 0] += 1
    lists[node, lists[node, 0]] = member


@njit(cache=True)
def take(lists, node, member):
    """Take a member out of the list of a node."""
    n = lists[node, 0]
    for k in range(1, n + 1):
        if lists[node, k] == member:
            lists[node, k] = lists[node, n]
            lists[node, 0] = n - 1
            return


@njit(cache=True)
def join(dag, i, j):
    """Put in i -> j."""
    dag.arrow[i, j] = True
    add(dag.parents, j, i)
    add(dag.children, i, j)


@njit(cache=True)
def part(dag, i, j):
    """Take out i -> j."""
    dag.arrow[i, j] = False
    take(dag.parents, j, i)
    take(dag.children, i, j)


@njit(cache=True)
def begin(evidence, dag, allowed, order, seen):
    """Build the DAG of an order and return its number of arrows.

    i -> j iff the pair is allowed and dependent given the Markov blanket of i among the nodes before j.
    """
    parents, children, given = dag.parents, dag.children, evidence.given
    p = len(order)
    for i in range(p):
        parents[i, 0] = children[i, 0] = 0
        for j in range(p):
            dag.arrow[i, j] = False
    n_arrows = 0
    for to in range(1, p):
        j = order[to]
        for before in range(to):
            i = order[before]
            if not allowed[i, j]:
                continue
            size = np.int64(0)
            seen[i] = True
            for a in range(1, parents[i, 0] + 1):
                seen[parents[i, a]] = True
                given[size] = parents[i, a]
                size += 1
            for a in range(1, children[i, 0] + 1):
                c = children[i, a]
                for b in range(parents[c, 0] + 1):
                    k = parents[c, b] if b else c
                    if not seen[k]:
                        seen[k] = True
                        given[size] = k
                        size += 1
            seen[i] = False
            for a in range(size):
                seen[given[a]] = False
            if not is_independent(evidence, i, j, size):
                join(dag, i, j)
                n_arrows += 1
    return n_arrows


@njit(cache=True)
def is_covered(dag, i, j):
    """Return whether the parents of j are i and those of i."""
    parents = dag.parents
    if parents[j, 0] != parents[i, 0] + 1:
        return False
    for a in range(1, parents[i, 0] + 1):  # noqa: SIM110  compiled
        if not dag.arrow[parents[i, a], j]:
            return False
    return True


@njit(cache=True)
def loss(evidence, dag, i, j):
    """Return how many arrows the reversal of i -> j lets drop, none where it is not covered; ``leaves`` says which parents leave i and j.

    With P the parents of i, k leaves i iff k _||_ i | P - k + j, and j iff k _||_ j | P - k: the questions of the DAG after the reversal.
    """
    parents, given = dag.parents, evidence.given
    n, dropped = parents[i, 0], 0
    if n == 0 or not is_covered(dag, i, j):
        return 0
    for a in range(1, n + 1):
        for end in range(2):
            size = np.int64(0)
            for b in range(1, n + 1):
                if b != a:
                    given[size] = parents[i, b]
                    size += 1
            if end == 0:
                given[size] = j
                size += 1
            evidence.leaves[a, end] = is_independent(evidence, parents[i, a], j if end else i, size)
            dropped += evidence.leaves[a, end]
    return dropped


@njit(cache=True)
def reverse(dag, i, j):
    """Turn i -> j round."""
    part(dag, i, j)
    join(dag, j, i)


@njit(cache=True)
def drop_edges(evidence, dag, rng):
    """Make the reversal that drops most arrows until none drops any, among equals one at random; return how many were dropped."""
    parents, total = dag.parents, 0
    while True:
        most, ties, x, y = 0, 0, np.int64(-1), np.int64(-1)
        for j in range(len(parents)):
            for a in range(1, parents[j, 0] + 1):
                i = parents[j, a]
                dropped = loss(evidence, dag, i, j)
                if dropped == 0 or dropped < most:
                    continue
                ties = ties + 1 if dropped == most else 1
                most = dropped
                if rng.random() * ties < 1.0:
                    x, y = i, j
        if most == 0:
            return total
        loss(evidence, dag, x, y)
        n = parents[x, 0]
        above = np.empty(n + 1, np.int64)
        for a in range(1, n + 1):
            above[a] = parents[x, a]
        reverse(dag, x, y)
        for a in range(1, n + 1):
            for end in range(2):
                if evidence.leaves[a, end]:
                    part(dag, above[a], y if end else x)
        total += most


@njit(cache=True)
def essential(dag, compelled):
    """Mark the arrows on which all Markov-equivalent DAGs agree: those of v-structures, closed under Meek's rules R1 to R3."""
    arrow, parents, p = dag.arrow, dag.parents, len(dag.arrow)
    for j in range(p):
        for i in range(p):
            compelled[i, j] = False
        for a in range(1, parents[j, 0] + 1):
            for b in range(1, parents[j, 0] + 1):
                i, k = parents[j, a], parents[j, b]
                if i != k and not arrow[i, k] and not arrow[k, i]:
                    compelled[i, j] = True
    changed = True
    while changed:
        changed = False
        for j in range(p):
            for a in range(1, parents[j, 0] + 1):
                i = parents[j, a]
                if not compelled[i, j] and is_compelled(dag, compelled, i, j):
                    compelled[i, j] = changed = True


@njit(cache=True)
def is_compelled(dag, compelled, i, j):
    """Return whether one of Meek's rules directs i -> j given the arrows directed so far."""
    arrow, parents = dag.arrow, dag.parents
    for a in range(1, parents[i, 0] + 1):
        k = parents[i, a]
        if compelled[k, i] and not arrow[k, j] and not arrow[j, k]:
            return True  # R1
    for a in range(1, parents[j, 0] + 1):
        k = parents[j, a]
        if not compelled[k, j]:
            continue
        if compelled[i, k]:
            return True  # R2
        if compelled[k, i] or not (arrow[i, k] or arrow[k, i]):
            continue
        for b in range(1, a):
            m = parents[j, b]
            is_line = (arrow[i, m] and not compelled[i, m]) or (arrow[m, i] and not compelled[m, i])
            if is_line and compelled[m, j] and not arrow[k, m] and not arrow[m, k]:
                return True  # R3
    return False


@njit(cache=True)
def mixed(number):
    """Return a number with its bits mixed, as splitmix64 does."""
    z = np.uint64(number) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def is_new(seen, key, level):
    """Put a DAG into the table; return whether it is new there, or was seen only after more reversals."""
    mask = len(seen.keys) - 1
    place = np.int64(key & np.uint64(mask))
    while seen.owners[place] == seen.state[0]:
        if seen.keys[place] == key:
            if seen.levels[place] <= level:
                return False
            seen.levels[place] = level
            return True
        place = (place + 1) & mask
    seen.owners[place], seen.keys[place], seen.levels[place] = seen.state[0], key, level
    seen.state[1] += 1
    return True


@njit(cache=True)
def search(evidence, dag, seen, depth, lines):
    """Look for a DAG with a reversal that drops arrows, at most ``depth`` reversals of ``lines`` (m, 2) away that drop none.

    Returns whether there is one; if so the walk is there, if not where it was.
    """
    seen.state[0] += 1  # which empties the table
    seen.state[1] = 0
    n, level, key = len(lines), np.int64(0), np.uint64(0)
    tried, made = np.zeros(depth + 1, np.int64), np.empty((depth + 1, 3), np.int64)
    is_new(seen, key, level)
    while level >= 0:
        if level == depth or tried[level] == n:
            level -= 1
            if level >= 0:
                reverse(dag, made[level, 1], made[level, 0])
                key ^= mixed(made[level, 2])
            continue
        line = tried[level]
        tried[level] += 1
        i, j = lines[line, 0], lines[line, 1]
        if dag.arrow[j, i]:
            i, j = j, i
        if not is_covered(dag, i, j):
            continue
        if 4 * seen.state[1] >= 3 * len(seen.keys):
            evidence.counts[CUT] += 1
            tried[level] = n
            continue
        if not is_new(seen, key ^ mixed(line), level + 1):
            continue
        reverse(dag, i, j)
        key ^= mixed(line)
        made[level, 0], made[level, 1], made[level, 2] = i, j, line
        level += 1
        tried[level] = 0
        for end in range(2):  # only the reversals at i and j have changed
            v = j if end else i
            for a in range(1, dag.parents[v, 0] + 1):
                if loss(evidence, dag, dag.parents[v, a], v):
                    return True
            for a in range(1, dag.children[v, 0] + 1):
                if loss(evidence, dag, v, dag.children[v, a]):
                    return True
    return False


@njit(cache=True)
def look_ahead(evidence, dag, seen, compelled, depth, rng):
    """Search each component of the lines of the CPDAG, in random order, for a DAG with a reversal that drops arrows.

    Reversals in different components do not bear on each other, so what is within ``depth`` reversals in all is so in one component.
    """
    parents, p = dag.parents, len(dag.arrow)
    essential(dag, compelled)
    lines, n_lines = np.empty((p * parents.shape[1], 2), np.int64), 0
    component = np.arange(p)
    for j in range(p):
        for a in range(1, parents[j, 0] + 1):
            i = parents[j, a]
            if not compelled[i, j]:
                lines[n_lines, 0], lines[n_lines, 1] = i, j
                n_lines += 1
                gone, kept = component[i], component[j]
                if gone != kept:
                    for v in range(p):
                        if component[v] == gone:
                            component[v] = kept
    for a in range(n_lines - 1, 0, -1):
        b = int(rng.random() * (a + 1))
        for end in range(2):
            lines[a, end], lines[b, end] = lines[b, end], lines[a, end]
    own = np.empty((n_lines, 2), np.int64)
    for a in range(n_lines):
        here, n = component[lines[a, 0]], 0
        for b in range(n_lines):
            if component[lines[b, 0]] == here:
                if b < a:
                    n = 0
                    break  # searched already
                own[n, 0], own[n, 1] = lines[b, 0], lines[b, 1]
                n += 1
        if n > 1 and search(evidence, dag, seen, depth, own[:n]):
            return True
    return False


@njit(cache=True, nogil=True)
def sparsest(correlation, critical, allowed, most, starts, candidates, depth, rng, counts):
    """Return the CPDAG of the sparsest DAG found, a (p, p) table: for an arrow i -> j only entry [i, j] is set, for a line both.

    ``critical[d]`` is the largest absolute partial correlation given d others that passes for independence, ``allowed`` (p, p) says
    which pairs may be joined, ``most`` how many a node has at most. Of ``candidates`` minimum-degree orders of the allowed pairs the
    walk begins from the ``starts`` sparsest.
    """
    p, largest = len(correlation), len(critical) + 2
    evidence = Evidence(
        correlation, critical, counts, np.empty(p + 2, np.int64), np.empty((largest, largest)), np.zeros((most + 2, 2), np.bool_)
    )
    dag = Dag(np.zeros((p, p), np.bool_), np.zeros((p, most + 2), np.int64), np.zeros((p, most + 2), np.int64))
    seen = Seen(np.zeros(2, np.int64), np.zeros(PLACES, np.int64), np.zeros(PLACES, np.uint64), np.zeros(PLACES, np.int64))
    blanket, compelled, found = np.zeros(p, np.bool_), np.zeros((p, p), np.bool_), np.zeros((p, p), np.bool_)
    orders, n_arrows = np.empty((candidates, p), np.int64), np.empty(candidates, np.int64)
    for c in range(candidates):
        minimum_degree_order(allowed, rng, orders[c])
        n_arrows[c] = begin(evidence, dag, allowed, orders[c], blanket)
    fewest = p * p
    for _ in range(starts):
        c = 0
        for other in range(candidates):
            if n_arrows[other] < n_arrows[c]:
                c = other
        n_arrows[c] = p * p
        left = begin(evidence, dag, allowed, orders[c], blanket)
        left -= drop_edges(evidence, dag, rng)
        while look_ahead(evidence, dag, seen, compelled, depth, rng):
            left -= drop_edges(evidence, dag, rng)
        if left < fewest:
            fewest = left
            essential(dag, compelled)
            for j in range(p):
                for i in range(p):
                    found[i, j] = dag.arrow[i, j] or (dag.arrow[j, i] and not compelled[j, i])
    return found
