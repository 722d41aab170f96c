"""PC: remove every edge that some small conditioning set explains away, then orient what the sets say."""

from dataclasses import dataclass

import numpy as np

from engine.core import Context, UserError, field, method
from engine.discovery.knowledge import Knowledge
from engine.discovery.params import TestedParams
from engine.discovery.result import GraphResult
from engine.discovery.skeleton import Bools, Separators, skeleton
from engine.discovery.stability import supported
from engine.graphs import Graph, Mark
from engine.graphs.cpdag import dag_of, meek
from engine.graphs.graph import Marks, ancestors
from engine.independence import IndependenceTest


@dataclass(frozen=True)
class PcParams(TestedParams):
    """Parameters of PC."""

    max_given: int | None = field(
        None, "Largest conditioning set", low=0, high=20, advanced=True,
        help="Stop after conditioning sets of this size; none means no limit.",
    )  # fmt: skip


@method(
    "pc", area="discovery", label="PC (stable)", needs="independence", gives="cpdag",
    cite="Spirtes, Glymour, Scheines 2000; Colombo, Maathuis 2014",
)  # fmt: skip
def pc(test: IndependenceTest, params: PcParams, context: Context) -> GraphResult:
    """Learn the CPDAG whose missing edges are those that some conditioning set separates.

    Parameters
    ----------
    test : answers questions about p variables; every answer is recorded in ``test.trace``.

    Returns
    -------
    GraphResult with ``graph`` (CPDAG over p nodes), ``n_conflicts`` and ``trace``.

    Notes
    -----
    Level d asks for each edge i - j all sets of d neighbours of i, and all of j, in the graph as it was when the level began; edges fall
    when the level ends, so the order of the columns plays no part (PC-stable). Every pair with a common neighbour is then asked again given
    sets of its final neighbours, no larger than those of the search, and the set with the largest p-value is kept: a set that only just
    passed would orient wrongly. i - k - j with i, j not adjacent is a collider when k is not in that set; colliders are oriented
    by falling p-value of the separation, and one that contradicts an earlier one is dropped and counted as a conflict. Meek's rules orient
    the rest. Known arrows are set before anything else. Exact under faithfulness and causal sufficiency.
    """
    return supported(search, test, params, context)


def search(test: IndependenceTest, params: PcParams, context: Context) -> GraphResult:
    """Run PC once, without resamples."""
    known = params.known(test.nodes)
    found = Separators(test, known)
    adjacent = skeleton(found, params.max_given, context, found.known.forbidden & found.known.forbidden.T)
    found.improve(adjacent, context)
    marks, n_conflicts = oriented(adjacent, found)
    graph = Graph(test.nodes, found.numbered(marks), "cpdag")
    is_valid = _is_class(graph, known)
    if n_conflicts:
        context.warn(
            f"Test results contradicted each other in {n_conflicts} place{'s' if n_conflicts > 1 else ''} where arrows were to be set; "
            "the claim with the larger p-value was kept each time. Directions near these places are doubtful."
        )
    if not is_valid:
        context.warn(
            "The graph is not a valid CPDAG: no DAG has exactly these edges and arrows, because some test results contradict each other. "
            "Try another significance level, or compare with another method."
        )
    return GraphResult(graph=graph, trace=test.trace, n_conflicts=n_conflicts, is_valid=is_valid)


def oriented(adjacent: Bools, found: Separators) -> tuple[Marks, int]:
    """Return the marks of the CPDAG with this skeleton and these separating sets, and how many claims were dropped as contradictory."""
    told = adjacent & found.known.forbidden.T
    into = told.copy()
    n_conflicts = 0
    left, right = np.nonzero(np.triu(found.with_common_neighbour(adjacent)))
    for pair in np.argsort(-found.p_value[left, right], kind="stable"):
        i, j = int(left[pair]), int(right[pair])
        colliders = adjacent[i] & adjacent[j]
        colliders[found.given(i, j)] = False
        for k in np.flatnonzero(colliders):
            if into[k, i] or into[k, j]:
                n_conflicts += not (told[k, i] or told[k, j])
            else:
                into[i, k] = into[j, k] = True
    arrows = meek(_marks(adjacent, into)) == Mark.ARROW
    # an arrow on a directed cycle is as contradictory as one claimed both ways
    cyclic = arrows & ancestors(arrows).T & ~told
    return _marks(adjacent, arrows & ~cyclic), n_conflicts + int(cyclic.sum())


def _marks(adjacent: Bools, arrows: Bools) -> Marks:
    """Return marks with these arrows, and lines on all other edges."""
    marks = np.where(adjacent, np.uint8(Mark.TAIL), np.uint8(Mark.NONE))
    marks[arrows] = Mark.ARROW
    return marks


def _is_class(graph: Graph, known: Knowledge) -> bool:
    """Return whether the graph is the CPDAG of some DAG, narrowed by what is known."""
    try:
        return known.class_of(dag_of(graph)) == graph
    except UserError:
        return False
