"""Biconnected blocks: the parts of a graph in which every two nodes lie on a common cycle."""

from collections.abc import Sequence

from engine.graphs.bitsets import members, of


def biconnected_blocks(neighbours: Sequence[int]) -> list[int]:
    """Return the biconnected blocks as sets of nodes, two or more in each; every edge is in exactly one.

    Parameters
    ----------
    neighbours : for each node the set of its neighbours in the bits of a whole number.

    Notes
    -----
    Depth-first search with low points (Hopcroft and Tarjan 1973). All simple paths between two nodes of a block stay in it.
    """
    blocks = []
    rank: dict[int, int] = {}
    low: dict[int, int] = {}
    for root in range(len(neighbours)):
        if root in rank:
            continue
        rank[root] = low[root] = len(rank)
        path, waiting, trail = [root], [members(neighbours[root])], [root]
        while path:
            v = path[-1]
            child = next((u for u in waiting[-1] if len(path) < 2 or u != path[-2]), None)
            if child is None:
                path.pop()
                waiting.pop()
                if path:
                    above = path[-1]
                    low[above] = min(low[above], low[v])
                    if low[v] >= rank[above]:
                        start = trail.index(v)
                        blocks.append(of(trail[start:]) | 1 << above)
                        del trail[start:]
            elif child in rank:
                low[v] = min(low[v], rank[child])
            else:
                rank[child] = low[child] = len(rank)
                path.append(child)
                waiting.append(members(neighbours[child]))
                trail.append(child)
    return blocks
