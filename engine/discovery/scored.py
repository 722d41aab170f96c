"""What the methods that score graphs share: their parameters, and a result that says what each edge is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import field
from engine.discovery.knowledge import Knowledge
from engine.discovery.params import TestedParams
from engine.discovery.result import Evidence, GraphResult
from engine.discovery.scores import LocalScore, by_size
from engine.graphs import Graph
from engine.graphs.bitsets import members, relation
from engine.graphs.separation import ancestor_sets
from engine.independence import IndependenceTest

ALL_PAIRS = 200  # up to so many variables every pair that is not joined gets a test; beyond, those with a common neighbour


@dataclass(frozen=True)
class ScoredParams(TestedParams):
    """Parameters of methods that score graphs."""

    penalty: float | None = field(
        None, "Penalty per edge", low=0.5, high=50, step=0.5, absent="the usual one",
        help="How much better an edge must explain the data to be drawn, in units of the Bayesian information criterion; a larger penalty "
        "draws fewer edges. None takes 2 for numbers and 1 for categories.",
    )  # fmt: skip
    alpha: float = field(
        1e-3, "Significance level", low=1e-12, high=0.5, log=True, advanced=True,
        help="The score draws the edges, not this level. It only says which of the tests shown beside each edge are called significant.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredResult(GraphResult):
    """A graph found by its score.

    Attributes
    ----------
    trace : for each edge of the DAG behind the graph, the test of its ends given the other parents of the target; for pairs that are not
        joined, the test given the parents of the later one.
    score : score of the graph minus that of the graph without edges.
    gains : one row per edge of that DAG: ``source``, ``target`` and ``gain``, by how much the score falls without it.
    """

    score: float
    gains: pd.DataFrame

    @property
    def rule(self) -> str:
        """What decides whether two variables are joined, in a few words."""
        penalty = self.provenance.params["penalty"] if self.provenance else None
        return "the usual penalty per edge" if penalty is None else f"penalty {penalty:g} per edge"

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows, with the score."""
        rows = super().summary()
        return [*rows[:-1], ("Score", f"{self.score:,.1f}"), rows[-1]]

    def gain(self, a: str, b: str) -> float | None:
        """Return by how much the score falls without the edge between two variables; None when there is none."""
        rows = self.gains[self.gains["source"].isin((a, b)) & self.gains["target"].isin((a, b))]
        return None if rows.empty else float(rows["gain"].iloc[0])

    def evidence(self, a: str, b: str) -> Evidence:
        """Return the tests of a pair and what they, the score and the graph say, in words."""
        found, gain = super().evidence(a, b), self.gain(a, b)
        if gain is None:
            return Evidence(f"{found.sentence} The score decides, not the test: an edge must be worth its penalty.", found.tests)
        return Evidence(f"{found.sentence} Without this edge the score would fall by {gain:,.3g}.", found.tests)


def scored_result(parents: Sequence[int], score: LocalScore, test: IndependenceTest, known: Knowledge) -> ScoredResult:
    """Make the result of a search that ended in a DAG, and record the tests that explain it.

    Parameters
    ----------
    parents : for each variable its parents as bits.
    score : of the search.
    known : narrows the class of the DAG.
    """
    arrows = relation(parents).T
    order = forward_order(parents)
    record_tests(arrows, order, test)
    total, sources, targets, gains = 0.0, [], [], []
    for nodes, chosen in by_size([(j, tuple(members(above))) for j, above in enumerate(parents)]):
        fit = score.fit(nodes, chosen)
        total += float(fit.score.sum())
        sources += chosen.ravel().tolist()
        targets += np.repeat(nodes, chosen.shape[1]).tolist()
        gains += (-fit.dropped).ravel().tolist()
    table = pd.DataFrame({"source": [test.nodes[k] for k in sources], "target": [test.nodes[k] for k in targets], "gain": gains})
    dag = Graph.from_directed(test.nodes, arrows)
    return ScoredResult(graph=known.class_of(dag), trace=test.trace, order=tuple(test.nodes[k] for k in order), score=total, gains=table)


def record_tests(arrows: NDArray[np.bool_], order: Sequence[int], test: IndependenceTest) -> None:
    """Ask the tests that explain a DAG with an order of its nodes: each pair given the parents of the later one, without the earlier."""
    from scipy.sparse import csr_array

    if test.p <= ALL_PAIRS:
        asked = np.nonzero(~np.eye(test.p, dtype=bool))
    else:
        near = csr_array((arrows | arrows.T).astype(np.int32))
        asked = (near + near @ near).nonzero()
    place = np.argsort(order)
    earlier = place[asked[0]] < place[asked[1]]
    parents = [tuple(np.flatnonzero(column).tolist()) for column in np.ascontiguousarray(arrows.T)]
    questions: dict[int, list[tuple[int, int, tuple[int, ...]]]] = {}
    for a, b in zip(asked[0][earlier].tolist(), asked[1][earlier].tolist(), strict=True):
        given = tuple(k for k in parents[b] if k != a)
        questions.setdefault(len(given), []).append((a, b, given))
    for size, rows in sorted(questions.items()):
        sets = np.array([row[2] for row in rows], np.int32).reshape(len(rows), size)
        test.p_values(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), sets)


def forward_order(parents: Sequence[int]) -> list[int]:
    """Return an order in which the arrows of a DAG, given by the parents of each node, point forwards."""
    above = ancestor_sets(list(parents))
    return sorted(range(len(above)), key=lambda node: above[node].bit_count())
