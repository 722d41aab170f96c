"""The oracle: exact separation in a known graph in place of data."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError, digest_of
from engine.graphs import Graph, Mark
from engine.graphs.graph import ancestors
from engine.independence.base import IndependenceTest
from engine.independence.trace import Floats


class Oracle(IndependenceTest):
    """Answers by m-separation in a DAG or MAG of which some nodes may be hidden.

    Parameters
    ----------
    graph : the truth, of kind ``dag`` or ``mag``.
    latent : nodes that a method does not see.

    Notes
    -----
    The p-value is 1 where i and j are separated and 0 where they are not, so the level plays no part.
    """

    name = "oracle"
    statistic = "separation"

    def __init__(self, graph: Graph, latent: Sequence[str] = ()):
        if graph.kind not in ("dag", "mag"):
            raise UserError(f"Separation is asked in a DAG or a MAG, not in a {graph.kind.upper()}.", "Give the true graph.")
        hidden = {graph.index(node) for node in latent}
        seen = [k for k in range(graph.p) if k not in hidden]
        super().__init__([graph.nodes[k] for k in seen], 0, 0.5, digest_of(["oracle", graph.to_dict(), sorted(latent)]))
        self.graph, self._seen = graph, np.array(seen, dtype=int)
        self._ancestors = ancestors(graph.directed)
        self._reached: dict[tuple[int, frozenset[int]], NDArray[np.bool_]] = {}

    def at(self, alpha: float) -> "Oracle":
        """Return the oracle with an empty trace; it has no level."""
        return super().at(0.5)

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute 0 (connected) or 1 (separated) for each question, twice."""
        separated = np.array(
            [not self._connected(a)[b] for a, b in zip(self._keys(i, given), self._seen[j], strict=True)],
            dtype=np.float64,
        )
        return separated, separated

    def _keys(self, i: NDArray[np.int32], given: NDArray[np.int32]) -> list[tuple[int, frozenset[int]]]:
        return [(a, frozenset(s)) for a, s in zip(self._seen[i].tolist(), self._seen[given].tolist(), strict=True)]

    def _connected(self, key: tuple[int, frozenset[int]]) -> NDArray[np.bool_]:
        """Return the (P,) nodes m-connected to one node given a set, hidden nodes included."""
        if key not in self._reached:
            self._reached[key] = m_connected(self.graph, self._ancestors, *key)
        return self._reached[key]


def m_connected(graph: Graph, above: NDArray[np.bool_], start: int, given: frozenset[int]) -> NDArray[np.bool_]:
    """Return the (p,) nodes joined to ``start`` by an open walk given a set of nodes; ``above`` is the ancestor relation.

    Notes
    -----
    A walk is open when each collider on it has a descendant in the set, and each other inner node is outside the set. States are
    (node, whether the walk came in by an arrowhead).
    """
    inside = np.zeros(graph.p, bool)
    inside[list(given)] = True
    opened = above[:, inside].any(axis=1)
    arrow = graph.marks == Mark.ARROW
    tail = graph.skeleton & ~arrow
    came_by: dict[bool, NDArray[np.bool_]] = {True: np.zeros(graph.p, bool), False: np.zeros(graph.p, bool)}
    front: list[tuple[int, bool | None]] = [(start, None)]
    while front:
        node, by_arrow = front.pop()
        for leaves_by_arrow, out in ((True, arrow[:, node]), (False, tail[:, node])):
            collider = by_arrow is True and leaves_by_arrow
            passes = by_arrow is None or (opened[node] if collider else not inside[node])
            if not passes:
                continue
            for head, edges in ((True, arrow[node]), (False, tail[node])):
                fresh: NDArray[np.bool_] = out & edges & ~came_by[head]
                came_by[head] = came_by[head] | fresh
                front += [(int(k), head) for k in np.flatnonzero(fresh)]
    return came_by[True] | came_by[False]
