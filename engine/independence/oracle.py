"""The oracle: exact separation in a known graph in place of data."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError, digest_of
from engine.graphs import Graph
from engine.graphs.bitsets import of
from engine.graphs.separation import Separation
from engine.independence.base import IndependenceTest
from engine.independence.trace import Floats


class Oracle(IndependenceTest):
    """Answers by m-separation in a DAG or MAG of which some nodes may be hidden.

    Parameters
    ----------
    graph : the truth, of kind ``dag`` or ``mag``.
    latent : nodes that a method does not see.

    Raises
    ------
    UserError
        When the graph is of another kind, or a latent node is not in it.

    Attributes
    ----------
    seen : numbers in ``graph`` of the p nodes that a method sees.

    Notes
    -----
    The p-value is 1 where i and j are separated and 0 where they are not, so the level plays no part.

    Examples
    --------
    >>> oracle = Oracle(Graph.from_edges("ABC", ["A --> C", "B --> C"]))
    >>> oracle.independent(0, 1), oracle.independent(0, 1, [2])
    (True, False)
    """

    name = "oracle"
    statistic = "separation"

    def __init__(self, graph: Graph, latent: Sequence[str] = ()):
        if graph.kind not in ("dag", "mag"):
            raise UserError(f"Separation is asked in a DAG or a MAG, not in a {graph.kind.upper()}.", "Give the true graph.")
        hidden = {graph.index(node) for node in latent}
        seen = [k for k in range(graph.p) if k not in hidden]
        digest = digest_of(["oracle", graph.to_dict(), sorted(map(str, latent))])
        super().__init__([graph.nodes[k] for k in seen], 0, 0.5, digest)
        self.graph, self.seen = graph, seen
        self._separation = Separation(graph)
        self._reached: dict[tuple[int, int], int] = {}

    def at(self, alpha: float) -> "Oracle":
        """Return the oracle with an empty trace; it has no level."""
        return super().at(self.alpha)

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute 1 (separated) or 0 (connected) for each question, twice."""
        questions = zip(i.tolist(), j.tolist(), given.tolist(), strict=True)
        separated = np.array([not self._connected(a, b, s) for a, b, s in questions], dtype=np.float64)
        return separated, separated

    def _connected(self, i: int, j: int, given: list[int]) -> int:
        """Return 1 when i and j are connected; what one node reaches given a set is worked out once."""
        start, inside = self.seen[i], of(self.seen[k] for k in given)
        if (start, inside) not in self._reached:
            self._reached[start, inside] = self._separation.reachable(start, inside)
        return self._reached[start, inside] >> self.seen[j] & 1
