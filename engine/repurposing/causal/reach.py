"""What a gene reaches in a partly directed network: surely, along arrows; possibly, along arrows and lines; and terminals among these."""

import heapq
from collections import deque
from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.graphs import Graph
from engine.graphs.graph import ancestors

Floats = NDArray[np.float64]
ARROW = " → "
COLUMNS = (
    "gene", "children", "parents", "lines", "descendants", "possible_descendants", "is_terminal", "terminal_descendants",
    "possible_terminal_descendants", "path_stability", "path",
)  # fmt: skip


def reach(graph: Graph, stability: Floats, terminals: Collection[str]) -> pd.DataFrame:
    """Return for each gene how many others it reaches, and how stable its best way to a terminal is.

    Parameters
    ----------
    graph : arrows and lines over p genes, without a directed cycle.
    stability : (p, p) stability of each entry, ``[i, j]`` that of i -> j or i --- j, in the order of the graph's nodes.
    terminals : genes of interest; those that are not in the graph are passed over.

    Returns
    -------
    (p, 11) table in the order of the nodes: ``gene``; ``children``, ``parents`` and ``lines`` (neighbours by a line); ``descendants`` along
    arrows only and ``possible_descendants`` along arrows and lines (in both directions), the gene itself not counted; ``is_terminal``;
    ``terminal_descendants`` and ``possible_terminal_descendants``, those of them that are terminals; ``path_stability``, the stability of
    the weakest arrow on the best directed path to a terminal (NaN where none leads there); ``path``, the shortest such path.

    Examples
    --------
    >>> graph = Graph.from_edges("ABC", ["A --> B", "B --- C"])
    >>> reach(graph, np.full((3, 3), 0.5), {"C"})[["gene", "descendants", "possible_descendants"]].values.tolist()
    [['A', 1, 2], ['B', 0, 1], ['C', 0, 1]]
    """
    arrows, lines = graph.directed, graph.undirected
    is_terminal = np.array([node in terminals for node in graph.nodes], dtype=bool)
    counts = descendant_counts(graph, is_terminal)
    ways = [best_path(arrows, stability, i, is_terminal) if counts[2, i] else (np.nan, []) for i in range(graph.p)]
    columns = (
        graph.nodes, arrows.sum(1), arrows.sum(0), lines.sum(1), counts[0], counts[1], is_terminal, counts[2], counts[3],
        [width for width, _ in ways], [ARROW.join(graph.nodes[k] for k in path) for _, path in ways],
    )  # fmt: skip
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def descendant_counts(graph: Graph, is_terminal: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (4, p) numbers of the descendants of each gene: certain, possible, and the terminals among either; itself not counted."""
    joined = np.flatnonzero(graph.skeleton.any(axis=1))
    grid = np.ix_(joined, joined)
    found = np.zeros((4, graph.p), np.int64)
    for kind, step in enumerate((graph.directed[grid], (graph.directed | graph.undirected)[grid])):
        reached = ancestors(step)
        np.fill_diagonal(reached, False)
        found[kind, joined] = reached.sum(axis=1)
        found[kind + 2, joined] = reached[:, is_terminal[joined]].sum(axis=1)
    return found


def best_path(arrows: NDArray[np.bool_], stability: Floats, source: int, goals: NDArray[np.bool_]) -> tuple[float, list[int]]:
    """Return the widest directed path from a node to one of the goals (p,): its weakest stability and its nodes; NaN and none without one.

    Notes
    -----
    The width of a path is the least stability of its arrows. Of the widest paths it is one with the fewest arrows.
    """
    width = np.full(len(arrows), -np.inf)
    waiting, best = [(-np.inf, source)], np.nan
    while waiting:
        negative, i = heapq.heappop(waiting)
        if goals[i] and i != source:
            best = -negative
            break
        for j in np.flatnonzero(arrows[i]).tolist():
            through = min(-negative, float(stability[i, j]))
            if through > width[j]:
                width[j] = through
                heapq.heappush(waiting, (-through, j))
    came_from, queue = {source: source}, deque([source])
    wide = arrows & (stability >= best)
    while queue:
        i = queue.popleft()
        if goals[i] and i != source:
            path = [i]
            while path[-1] != source:
                path.append(came_from[path[-1]])
            return best, path[::-1]
        for j in np.flatnonzero(wide[i]).tolist():
            if j not in came_from:
                came_from[j] = i
                queue.append(j)
    return np.nan, []
