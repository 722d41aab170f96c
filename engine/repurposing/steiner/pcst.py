"""The prize-collecting Steiner forest: trees that join prized nodes where joining them costs less than their prizes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EDGE = np.dtype([("u", np.int64), ("v", np.int64), ("cost", np.float64)])
_ARC = np.dtype([("neighbour", np.int64), ("edge", np.int64), ("cost", np.float64)])
_EVENT = np.dtype([("key", np.float64), ("number", np.int64)])
_MERGE = np.dtype([("edge", np.int64), ("time", np.float64), ("kept", np.bool_)])
_NODE = np.dtype(
    [
        ("cluster", np.int64), ("offset", np.float64), ("base", np.float64), ("rate", np.float64), ("first", np.float64),
        ("is_lone", np.bool_), ("kept", np.bool_), ("via", np.int64), ("following", np.int64), ("death", np.float64), ("size", np.int64),
        ("last", np.int64), ("gain", np.float64), ("degree", np.int64), ("link", np.int64), ("upward", np.int64), ("best", np.int64),
    ],
    align=True,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Forest:
    """A solution: which nodes and edges of a graph it holds.

    Attributes
    ----------
    nodes : (n,) mask.
    edges : numbers of the edges of its trees, ascending.
    """

    nodes: NDArray[np.bool_]
    edges: NDArray[np.int64]

    @property
    def n_trees(self) -> int:
        """Number of trees; a lone node is one."""
        return int(self.nodes.sum()) - len(self.edges)


class WeightedGraph:
    """An undirected graph with costs, laid out for many solves.

    Parameters
    ----------
    n : number of nodes.
    ends : (m, 2) node numbers, no self loops.
    costs : (m,) positive.
    """

    def __init__(self, n: int, ends: NDArray[np.integer], costs: NDArray[np.float64]):
        self.n, self.ends, self.costs = n, np.ascontiguousarray(ends, dtype=np.int64), np.asarray(costs, dtype=np.float64)
        m = len(self.ends)
        self._edges = np.empty(m, _EDGE)
        self._edges["u"], self._edges["v"], self._edges["cost"] = self.ends[:, 0], self.ends[:, 1], self.costs
        source = self.ends.T.ravel()
        order = np.argsort(source, kind="stable")
        self._arcs = np.empty(2 * m, _ARC)
        self._arcs["neighbour"] = self.ends[:, ::-1].T.ravel()[order]
        self._arcs["edge"] = order % max(m, 1)
        self._arcs["cost"] = self.costs[self._arcs["edge"]]
        self.room = m + n  # for events; doubled when that is too little
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=n))]).astype(np.int64)

    def forest(self, prizes: NDArray[np.float64], w: float) -> Forest:
        """Return a forest of low cost for the given prizes.

        Parameters
        ----------
        prizes : (n,) prizes >= 0, already scaled by b.
        w : cost of each tree.

        Notes
        -----
        The objective, to be small: sum of prizes of nodes left out + sum of costs of edges taken + w * number of trees. A root joined to
        every prized node at cost w makes it the rooted problem that Goemans and Williamson (1995) solve within 2 - 1/n of the optimum;
        strong pruning follows. O(d m log n) for d changes of activity per node.
        """
        from engine.repurposing.steiner.pcst_kernel import prune

        nodes, merges = self._grown(prizes, w)
        prune(merges, self._edges, nodes, np.empty(self.n, np.int64), w)
        return Forest(nodes["kept"].copy(), np.sort(merges["edge"][merges["kept"]]))

    def objective(self, forest: Forest, prizes: NDArray[np.float64], w: float) -> float:
        """Return the prizes left out, plus the costs of the edges, plus w for each tree."""
        return float(prizes[~forest.nodes].sum() + self.costs[forest.edges].sum() + w * forest.n_trees)

    def unions(self, terminals: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return at which cost of a tree each node enters the forest, when prizes are too large to be left out.

        Parameters
        ----------
        terminals : (n,) mask of the prized nodes.

        Returns
        -------
        enters : (n,) smallest w at which a node is in the forest; 0 for terminals, inf for nodes that never are.
        joins : ascending values of w at each of which two trees become one.

        Notes
        -----
        Without deaths the growth up to time w does not depend on w, and nothing happens after: one growth holds the forests of all w. Each
        node reached hangs on the ball that reached it; the way between two balls is taken when they meet.
        """
        merges = self._grown(np.where(terminals, np.inf, 0.0), np.inf)[1]
        above, enters = [-1] * self.n, np.where(terminals, 0.0, np.inf).tolist()
        reached, joins = terminals.tolist(), []
        for (u, v), time in zip(self.ends[merges["edge"]].tolist(), merges["time"].tolist(), strict=True):
            if reached[u] and reached[v]:
                joins.append(time)
                for x in (u, v):
                    while enters[x] == np.inf:
                        enters[x], x = time, above[x]
            else:
                new, old = (v, u) if reached[u] else (u, v)
                above[new], reached[new] = old, True
        return np.array(enters), np.array(joins)

    def _grown(self, prizes: NDArray[np.float64], w: float) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """Return the nodes and merges after growth."""
        from engine.repurposing.steiner.pcst_kernel import grow

        room, number = self.room, np.arange(self.n)
        while True:
            nodes, merges = np.zeros(self.n, _NODE), np.zeros(self.n, _MERGE)
            nodes["cluster"] = nodes["last"] = number
            nodes["via"] = nodes["following"] = nodes["upward"] = nodes["best"] = -1
            nodes["first"], nodes["size"] = np.inf, 1
            nodes["rate"], nodes["is_lone"] = prizes > 0, prizes <= 0
            nodes["death"] = nodes["gain"] = prizes
            n_merges = grow(self._starts, self._arcs, self._edges, nodes, np.empty(room, _EVENT), merges, w)
            if n_merges >= 0:
                return nodes, merges[:n_merges]
            room *= 2
