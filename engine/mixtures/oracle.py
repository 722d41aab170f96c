"""The oracle of a mixture: what tests on pooled samples of all components say with endless data."""

import numpy as np
from numpy.typing import NDArray

from engine.core import digest_of
from engine.graphs.bitsets import of
from engine.independence import IndependenceTest
from engine.independence.trace import Floats
from engine.mixtures.mother import DagMixture


class MixtureOracle(IndependenceTest):
    """Answers by separation in the mother graph of a mixture of DAGs, so that a method such as FCI can run on the mixture.

    Notes
    -----
    The p-value is 1 where i and j are separated and 0 where they are not, so the level plays no part.

    Examples
    --------
    >>> from engine.graphs import Graph
    >>> mixture = DagMixture([Graph.from_edges("ABC", ["A --> B"]), Graph.from_edges("ABC", ["B --> C"])])
    >>> oracle = MixtureOracle(mixture)
    >>> oracle.independent(0, 2), oracle.independent(0, 2, [1])
    (True, False)
    """

    name = "oracle"
    statistic = "separation"

    def __init__(self, mixture: DagMixture):
        digest = digest_of(["mixture oracle", [graph.to_dict() for graph in mixture.components], list(mixture.varying)])
        super().__init__(mixture.nodes, 0, 0.5, digest)
        self.mixture = mixture
        self._reached: dict[tuple[int, int], int] = {}

    def at(self, alpha: float) -> "MixtureOracle":
        """Return the oracle with an empty trace; it has no level."""
        return super().at(self.alpha)

    def answers(self, i: NDArray[np.int32], j: NDArray[np.int32], given: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Compute 1 (separated) or 0 (connected) for each question, twice."""
        questions = zip(i.tolist(), j.tolist(), map(of, given.tolist()), strict=True)
        separated = np.array([not self._reach(a, s) >> b & 1 for a, b, s in questions], dtype=np.float64)
        return separated, separated

    def _reach(self, i: int, given: int) -> int:
        """Return what node i is connected to; worked out once for each set."""
        if (i, given) not in self._reached:
            self._reached[i, given] = self.mixture.separation.reachable(i, given)
        return self._reached[i, given]
