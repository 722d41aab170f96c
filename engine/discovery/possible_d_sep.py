"""Possible d-separation: sets beyond the neighbours, without which hidden causes leave edges that are not there."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from engine.core import Context
from engine.discovery.skeleton import Batch, Bools, Separators, subsets
from engine.graphs import Mark
from engine.graphs.bitsets import members
from engine.graphs.blocks import biconnected_blocks
from engine.graphs.orientation import Orientation

Pools = dict[tuple[int, int], int]


def unshielded_colliders(adjacent: Bools, found: Separators) -> Orientation:
    """Return the skeleton with circles, and arrowheads where an unshielded triple is a collider (rule R0)."""
    oriented = Orientation(np.where(adjacent, np.uint8(Mark.CIRCLE), np.uint8(Mark.NONE)))
    oriented.colliders(lambda i, k, j: k not in found.given(i, j))
    return oriented


def without_d_sep_links(adjacent: Bools, found: Separators, max_given: int | None, context: Context) -> Bools:
    """Return the (p, p) adjacency that is left when every edge was asked given all sets of possibly d-separating nodes; fills ``found``.

    Parameters
    ----------
    adjacent : what the search among neighbours left.
    max_given : largest conditioning set, None for no limit.
    """
    pools = possible_d_sep(unshielded_colliders(adjacent, found))
    near, adjacent = adjacent, adjacent.copy()
    largest = max((pool.bit_count() for pool in pools.values()), default=0)
    for size in range(1, largest + 1 if max_given is None else min(max_given, largest) + 1):
        left = {(i, j): pool for (i, j), pool in pools.items() if adjacent[i, j]}
        context.progress(min(0.6 + size / 20, 0.9), f"sets of {size} beyond the neighbours, {len(left):,} edges in question")
        tested = found.ask_all(_questions(left, near, size), context)
        adjacent &= found.p_value <= found.test.alpha
        if not tested and left:
            break
    return adjacent


def possible_d_sep(graph: Orientation) -> Pools:
    """Return for each edge i, j, both ways, the nodes that may separate them though they are no neighbours; edges without any left out.

    Notes
    -----
    k is among them for (i, j) when a path leads from i to k on which each node b between a and c is a collider or a, b, c is a triangle
    (Spirtes, Glymour and Scheines 2000, section 6.7), and k lies on some path between i and j, so in the biconnected block of their edge
    (Colombo and others 2012). Neighbours of i are among them too. Walks from i may come back to a node; that adds nodes, and is sound.
    """
    pools: Pools = {}
    for block in biconnected_blocks(graph.joined):
        if block.bit_count() < 4:
            continue
        for i in members(block):
            reached = _reached(graph, i, block)
            for j in members(graph.joined[i] & block):
                pool = reached & ~(1 << j)
                if pool & ~graph.joined[i]:
                    pools[i, j] = pool
    return pools


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
