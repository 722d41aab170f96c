"""Where to draw the nodes of a graph: causes above effects where that can be read, a map where there are too many."""

import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.graphs.bitsets import members, rows
from engine.graphs.graph import Graph, Mark, Marks

LAYERED_UP_TO = 150  # nodes; beyond, layers become strips that nobody can read
LAYERED_EDGES_UP_TO = 400  # beyond, the search for few crossings takes seconds
CANVAS = 1.6  # width to height of the picture
GAP = 90.0  # px between components and between nodes of the grid
ROW = 70.0  # px between layers
_GRAPHVIZ = threading.Lock()  # Graphviz keeps global state

Points = NDArray[np.float64]


def layout(graph: Graph, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return the place of each node in px, x to the right and y downwards.

    Parameters
    ----------
    graph : any kind of graph.
    seed : starting point of the map that is drawn of more than `LAYERED_UP_TO` nodes.

    Returns
    -------
    dict
        Node -> (x, y), the same on every call. Each connected component is laid out by itself: in layers by Graphviz ``dot`` with causes
        above effects, or as a map by ``neato`` where the graph is undirected, so that nothing is above anything, or beyond 150 nodes by
        ``sfdp``; components are packed side by side, nodes without edges follow in a grid.

    Notes
    -----
    Undetermined edges weigh half as much as arrows and bidirected edges do not force a layer. Without Graphviz the layers are those of the
    longest directed path, ordered by barycentres.
    """
    points = _points(graph.nodes, graph.marks.tobytes(), seed, graph.kind == "ug")
    return {node: (float(x), float(y)) for node, (x, y) in zip(graph.nodes, points, strict=True)}


def crossings(graph: Graph, coordinates: Mapping[str, tuple[float, float]]) -> int:
    """Count the pairs of edges that cross when drawn as straight lines; edges that share a node do not count.

    Parameters
    ----------
    coordinates : node -> (x, y), such as `layout` returns.
    """
    points = np.array([coordinates[node] for node in graph.nodes]).reshape(-1, 2)
    ends = np.argwhere(np.triu(graph.skeleton))
    count = 0
    for k in range(len(ends) - 1):
        i, j = ends[k]
        others = ends[k + 1 :]
        others = others[~np.isin(others, (i, j)).any(axis=1)]
        a, b, c, d = points[i], points[j], points[others[:, 0]], points[others[:, 1]]
        count += int(np.count_nonzero((_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)))
    return count


def components(marks: Marks) -> list[list[int]]:
    """Return the connected components as lists of node numbers, the largest first."""
    joined = rows(marks != Mark.NONE)
    left, found = (1 << len(marks)) - 1, []
    while left:
        reached = fresh = left & -left
        while fresh:
            around = 0
            for v in members(fresh):
                around |= joined[v]
            fresh = around & ~reached
            reached |= fresh
        found.append(list(members(reached)))
        left &= ~reached
    return sorted(found, key=len, reverse=True)


@lru_cache(maxsize=64)
def _points(nodes: tuple[str, ...], marks_bytes: bytes, seed: int, is_undirected: bool = False) -> Points:
    """Return the (p, 2) places; cached, since a page asks for them at every click."""
    p = len(nodes)
    marks = np.frombuffer(marks_bytes, np.uint8).reshape(p, p)
    points = np.zeros((p, 2))
    parts = components(marks)
    boxes = [_stretched(_component(nodes, marks, part, seed, is_undirected)) for part in parts if len(part) > 1]
    corners, width, bottom = _shelves([np.ptp(box, axis=0) for box in boxes])
    for part, box, corner in zip(parts, boxes, corners, strict=False):
        points[part] = box - box.min(axis=0) + corner
    alone = [part[0] for part in parts if len(part) == 1]
    columns = max(int(width // GAP) + 1, int(np.ceil(np.sqrt(len(alone) * CANVAS))), 1)
    for k, node in enumerate(alone):
        points[node] = (k % columns * GAP, bottom + k // columns * ROW)
    points.setflags(write=False)
    return points


def _component(nodes: tuple[str, ...], marks: Marks, part: list[int], seed: int, is_undirected: bool) -> Points:
    inner = marks[np.ix_(part, part)]
    readable = len(nodes) <= LAYERED_UP_TO and np.count_nonzero(inner) <= 2 * LAYERED_EDGES_UP_TO
    try:
        import pygraphviz
    except ImportError:
        return _by_barycentres(inner)
    program = "sfdp" if not readable else "neato" if is_undirected else "dot"
    return _by_graphviz(pygraphviz, [nodes[i] for i in part], inner, program, seed)


def _by_graphviz(pygraphviz: Any, names: list[str], marks: Marks, program: str, seed: int) -> Points:
    """Let Graphviz place one component."""
    widths = [f"{0.3 + 0.09 * min(len(name), 16):.2f}" for name in names]
    with _GRAPHVIZ:
        if program != "sfdp":
            return _places(pygraphviz, widths, _pulls(marks), program, seed)
        # sfdp draws numbers before it sets its seed: a first small map leaves the generator in a known state
        _places(pygraphviz, widths[:1] * 6, [(i, (i + 1) % 6, {}) for i in range(6)], "sfdp", seed)
        return _spread(_places(pygraphviz, widths, _pulls(marks), "sfdp", seed))


def _places(pygraphviz: Any, widths: list[str], pulls: Iterable[tuple[int, int, dict[str, str]]], program: str, seed: int) -> Points:
    """Return what Graphviz answers; nodes are given by number and width only, so no name ever reaches its parser."""
    drawing = pygraphviz.AGraph(directed=True, strict=False)
    drawing.graph_attr.update(splines="none", nodesep="0.35", ranksep="0.7", overlap="scale", start=str(seed), K="1", nslimit="1")
    if program == "neato":
        drawing.graph_attr.update(overlap="scalexy", sep="+12")
    drawing.node_attr.update(label="", shape="box", fixedsize="true", height="0.35")
    for i, width in enumerate(widths):
        drawing.add_node(i, width=width)
    for i, j, attributes in pulls:
        drawing.add_edge(i, j, **attributes)
    drawing.layout(program)
    places = [drawing.get_node(i).attr["pos"].split(",") for i in range(len(widths))]
    drawing.close()
    return np.array(places, dtype=np.float64) * (1, -1)  # Graphviz's y points upwards


def _pulls(marks: Marks) -> Iterable[tuple[int, int, dict[str, str]]]:
    """Yield each edge as it should pull: from the node drawn above to the one below, with its weight."""
    for i, j in np.argwhere(np.triu(marks != Mark.NONE)):
        at_i, at_j = marks[j, i], marks[i, j]
        above, below = (j, i) if at_i == Mark.ARROW and at_j != Mark.ARROW else (i, j)
        if at_i == at_j == Mark.ARROW:
            yield int(above), int(below), {"constraint": "false"}
        else:
            yield int(above), int(below), {"weight": "2" if {at_i, at_j} == {Mark.ARROW, Mark.TAIL} else "1"}


def _by_barycentres(marks: Marks) -> Points:
    """Place nodes in layers by the longest directed path into them, each layer ordered by the mean place of its neighbours."""
    p = len(marks)
    pulls = [(above, below) for above, below, attributes in _pulls(marks) if "weight" in attributes]
    layer = np.zeros(p, dtype=int)
    for _ in range(p):  # a cycle would go on for ever
        before = layer.copy()
        for above, below in pulls:
            layer[below] = max(layer[below], layer[above] + 1)
        if (layer == before).all() or layer.max() >= p:
            break
    joined = marks != Mark.NONE
    x = np.arange(p, dtype=np.float64)
    for _ in range(8):
        wish = np.array([x[near].mean() if near.any() else x[i] for i, near in enumerate(joined)])
        for level in np.unique(layer):
            row = np.flatnonzero(layer == level)
            x[row[np.argsort(wish[row], kind="stable")]] = np.arange(len(row)) - (len(row) - 1) / 2
    return np.column_stack([x * GAP, layer * ROW])


def _spread(points: Points) -> Points:
    """Scale a map so that all but the closest twentieth of the nodes are 45 px or more from their nearest neighbour."""
    from scipy.spatial import cKDTree

    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    return points * (45 / max(float(np.quantile(nearest, 0.05)), 1e-9))


def _stretched(points: Points) -> Points:
    """Stretch a strip to the shape of the canvas; lines of nodes stay lines."""
    width, height = np.ptp(points, axis=0)
    if not width or not height:
        return points
    ratio = width / height / CANVAS
    # a tall figure is widened with measure, or arrows would lie flat
    return points * ((1, ratio) if ratio > 1 else (min(1 / ratio, 2), 1))


def _shelves(sizes: list[Points]) -> tuple[list[tuple[float, float]], float, float]:
    """Return the corner of each box when set side by side on shelves, the width of the whole, and where the next shelf begins."""
    area = sum((w + GAP) * (h + GAP) for w, h in sizes)
    limit = max([float(w) for w, _ in sizes] + [np.sqrt(area * CANVAS)])
    corners: list[tuple[float, float]] = []
    x = y = shelf = widest = 0.0
    for w, h in sizes:
        if x and x + w > limit:
            x, y, shelf = 0.0, y + shelf + GAP, 0.0
        corners.append((x, y))
        widest = max(widest, x + w)
        x, shelf = x + w + GAP, max(shelf, float(h))
    return corners, widest, y + shelf + GAP if sizes else 0.0


def _side(a: Points, b: Points, c: Points) -> Any:
    """Return on which side of the line from a to b the point c lies, as a signed area."""
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
