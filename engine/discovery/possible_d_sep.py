"""Possible d-separation: sets beyond the neighbours, without which hidden causes leave edges that are not there."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from engine.core import Context
from engine.discovery.skeleton import Batch, Bools, Separators, subsets
from engine.graphs import Mark
from engine.graphs.bitsets import members, rows
from engine.graphs.blocks import biconnected_blocks
from engine.graphs.orientation import Orientation

Pools = dict[tuple[int, int], int]
CELLS = 4_000_000  # of a table looked at at once, 4 MB


def unshielded_colliders(adjacent: Bools, found: Separators) -> Orientation:
    """Return the skeleton with circles, what is known, and arrowheads where an unshielded triple is a collider (rule R0)."""
    oriented = Orientation(np.where(adjacent, np.uint8(Mark.CIRCLE), np.uint8(Mark.NONE)))
    found.known.put_marks(oriented)
    oriented.colliders(lambda i, k, j: k not in found.given(i, j).tolist())
    return oriented


def without_d_sep_links(adjacent: Bools, found: Separators, max_given: int | None, every: bool, context: Context) -> Bools:
    """Return the (p, p) adjacency that is left when edges were asked given all sets of possibly d-separating nodes; fills ``found``.

    Parameters
    ----------
    adjacent : what the search among neighbours left.
    max_given : largest conditioning set, None for no limit.
    every : whether to ask every edge, or only `possible_links` given possible ancestors.
    """
    pools = possible_d_sep(unshielded_colliders(adjacent, found), None if every else no_causes(adjacent, found, max_given, context))
    near = adjacent
    largest = max((pool.bit_count() for pool in pools.values()), default=0)
    with context.best_so_far():
        for size in range(1, largest + 1 if max_given is None else min(max_given, largest) + 1):
            left = {(i, j): pool for (i, j), pool in pools.items() if adjacent[i, j]}
            context.progress(min(0.6 + size / 20, 0.9), f"sets of {size} beyond the neighbours, {len(left):,} edges in question")
            tested = found.ask_all(_questions(left, near, size), context)
            adjacent = adjacent & found.unseparated()
            if not tested and left:
                break
    return adjacent & found.unseparated()


def no_causes(adjacent: Bools, found: Separators, max_given: int | None, context: Context, among: Bools | None = None) -> list[int]:
    """Return for each node x the neighbours of which tests say that x is no cause of them.

    Parameters
    ----------
    adjacent : (p, p) edges.
    found : what separates the other pairs.
    max_given : largest conditioning set, None for no limit.
    among : (p, p) the edges x - y in question, None for all.

    Notes
    -----
    When u and y are separated by S, and dependent given S and x, then x is no ancestor of u, y or S (Claassen and Heskes 2011). Asked where
    it can matter: in biconnected blocks of five nodes or more.
    """
    together, no_cause = np.zeros_like(adjacent), np.zeros_like(adjacent)
    asked = adjacent if among is None else adjacent & among
    ends = np.asarray(asked.any(axis=0), np.bool_)
    for block in _large_blocks(rows(adjacent)):
        nodes = list(members(block))
        together[np.ix_(nodes, nodes)] = True
    at_once = max(1, CELLS // len(adjacent))
    for *pairs, sets in found.by_size(*np.nonzero(np.triu(together & ~adjacent & (ends[:, None] | ends), 1))):
        for start in range(0, len(sets) if max_given is None or sets.shape[1] < max_given else 0, at_once):
            context.check()
            u, y, given = (column[start : start + at_once] for column in (*pairs, sets))
            near = (asked[u] | asked[y]) & together[u] & together[y]
            near[np.arange(len(u))[:, None], given] = False
            row, x = np.nonzero(near)
            more = found.order[np.column_stack([given[row], x])]
            opened = found.test.p_values(found.order[u[row]], found.order[y[row]], more) <= found.test.alpha
            for end in (u, y):
                no_cause[x[opened], end[row[opened]]] = True
    return rows(no_cause & asked)


def possible_links(no_cause: list[int]) -> list[tuple[int, int]]:
    """Return the edges (i, j), i < j, that larger sets may take away: those of which neither end is a cause of the other.

    Notes
    -----
    Claassen, Mooij and Heskes 2013; that tests show it of both ends is part of what they prove.
    """
    return [(i, j) for i, nodes in enumerate(no_cause) for j in members(nodes) if i < j and no_cause[j] >> i & 1]


def possible_d_sep(graph: Orientation, no_cause: list[int] | None = None) -> Pools:
    """Return for edges i, j, both ways, the nodes that may separate them though they are no neighbours; edges without any left out.

    Parameters
    ----------
    no_cause : see `no_causes`; given, only `possible_links` are looked at, and only possible ancestors of their ends.

    Notes
    -----
    k is among them for (i, j) when a path leads from i to k on which each node b between a and c is a collider or a, b, c is a triangle
    (Spirtes, Glymour and Scheines 2000, section 6.7), and k lies on some path between i and j, so in the biconnected block of their edge
    (Colombo and others 2012). Neighbours of i are among them too. The nodes of D-SEP(i, j) and those on the paths to them are ancestors of
    i or j. Walks from i may come back to a node; that adds nodes, and is sound.
    """
    pools: Pools = {}
    for block in _large_blocks(graph.joined):
        edges = [(i, j) for i in members(block) for j in members(graph.joined[i] & block)]
        above = {i: _possible_ancestors(i, graph.joined, no_cause, block) for i in members(block)} if no_cause is not None else {}
        for i, j in edges:
            if no_cause is not None and not (no_cause[i] >> j & 1 and no_cause[j] >> i & 1):
                continue
            inside = block if no_cause is None else above[i] | above[j]
            pool = _reached(graph, i, inside) & ~(1 << j)
            if pool & ~graph.joined[i]:
                pools[i, j] = pool
    return pools


def _large_blocks(joined: list[int]) -> list[int]:
    """Return the biconnected blocks with room for an edge that only a set beyond its neighbours takes away, which has three members."""
    return [block for block in biconnected_blocks(joined) if block.bit_count() >= 5]


def _possible_ancestors(i: int, joined: list[int], no_cause: list[int], block: int) -> int:
    """Return the nodes of a block from which a path may lead to i along the direction of its edges, i included."""
    reached = fresh = 1 << i
    while fresh:
        further = 0
        for y in members(fresh):
            for x in members(joined[y] & block & ~reached):
                if not no_cause[x] >> y & 1:
                    further |= 1 << x
        fresh = further & ~reached
        reached |= fresh
    return reached


def _reached(graph: Orientation, i: int, block: int) -> int:
    """Return the nodes of a block that are possibly d-separating from i, whatever the other end."""
    joined, into = graph.joined, graph.near[Mark.ARROW]
    reached = joined[i] & block
    seen = dict.fromkeys(members(block), 0)  # seen[b]: nodes that a walk from i came to from b
    queue = [(i, b) for b in members(reached)]
    for a, b in queue:
        onwards = joined[a] & joined[b]
        if into[b] >> a & 1:
            onwards |= into[b]
        fresh = onwards & block & ~seen[b] & ~(1 << a) & ~(1 << i)
        if fresh:
            seen[b] |= fresh
            reached |= fresh
            queue += [(b, c) for c in members(fresh)]
    return reached


def _questions(pools: Pools, adjacent: Bools, size: int) -> Iterator[Batch]:
    """Yield batches (i, j, given): all sets of ``size`` from the pool of each pair that are not among the neighbours of either.

    Parameters
    ----------
    adjacent : (p, p) the graph in which all sets of neighbours have been asked.
    """
    alike: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair, pool in pools.items():
        alike[pool.bit_count()].append(pair)
    for many in sorted(alike):
        if many < size:
            continue
        i, j = np.array(alike[many]).T
        other_way = np.zeros((len(i), len(adjacent)), dtype=bool)
        for n, (a, b) in enumerate(alike[many]):
            if a > b and (b, a) in pools:
                other_way[n, list(members(pools[b, a]))] = True
        for row, given in subsets(np.array([list(members(pools[pair])) for pair in alike[many]]), size):
            asked = adjacent[i[row, None], given].all(axis=1) | adjacent[j[row, None], given].all(axis=1)
            new = ~(asked | other_way[row[:, None], given].all(axis=1))
            yield i[row[new]], j[row[new]], given[new]
