"""Best order score search: move one variable at a time to its best place in an order, then tuck where no move helps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core import Context, field, method
from engine.discovery.ges import EquivalenceClass, backward, forward
from engine.discovery.grow_shrink import GrowShrinkTrees
from engine.discovery.order_walk import OrderWalk
from engine.discovery.orders import eliminated
from engine.discovery.scored import ScoredParams, ScoredResult, scored_result
from engine.discovery.scores import GaussianScore, LocalScore, score_of
from engine.discovery.stability import supported
from engine.graphs import Graph, cpdag_of
from engine.graphs.bitsets import rows
from engine.graphs.separation import ancestor_sets
from engine.independence import IndependenceTest

FEW = 20  # up to so many variables several starts cost next to nothing
MANY = 200  # beyond so many variables a greedy start takes longer than the search


@dataclass(frozen=True)
class BossParams(ScoredParams):
    """Parameters of the best order score search."""

    starts: int | None = field(
        None, "Starting orders", low=1, high=100, paper=1,
        help="The search starts from so many orders; the best end is kept. None takes five for up to 20 variables, one for more.",
    )  # fmt: skip
    tucks: bool = field(
        True, "Tuck", paper=False, advanced=True,
        help="Where no move of one variable helps, also move a variable together with its causes. It costs little and finds better graphs.",
    )  # fmt: skip


@method(
    "boss", area="discovery", label="Best order score search", needs="independence", gives="cpdag",
    cite="Andrews, Ramsey, Sanchez Romero, Camchong, Kummerfeld 2023; Lam, Andrews, Ramsey 2022",
)  # fmt: skip
def boss(test: IndependenceTest, params: BossParams, context: Context) -> ScoredResult:
    """Learn the CPDAG of the best-scoring order that moves of single variables, and tucks, lead to.

    Parameters
    ----------
    test : stands for the data; its correlations or categories make the score, and it explains the edges found.

    Returns
    -------
    ScoredResult with ``graph`` (CPDAG over p nodes), ``order``, ``score``, ``gains`` and ``trace``.

    Notes
    -----
    An order is worth the sum of the scores of its variables, each given those parents among the variables before it that growing and
    shrinking picks. Each variable in turn is moved to the best of its p places, until no move improves; then arrows i -> j are tucked
    (j and its ancestors behind i are put in front of i) where that improves, with moves again after each. The backward phase of greedy
    equivalence search removes edges that the score does not need. Finds the true class as the number of samples grows. Without ``tucks``
    and with one start this is the published search, but for its first order, which comes from greedy equivalence search or from
    minimum-degree elimination, not from chance.
    """
    return supported(search, test, params, context)  # type: ignore[return-value]


def search(test: IndependenceTest, params: BossParams, context: Context) -> ScoredResult:
    """Search once, without resamples."""
    score = score_of(test, params.penalty)
    trees = GrowShrinkTrees(score)
    n_starts = params.starts or default_starts(test.p)
    best: OrderWalk | None = None
    for n in range(n_starts):
        context.progress(n / n_starts, f"start {n + 1} of {n_starts}")
        walk = OrderWalk(trees, starting_order(n, score, test.nodes, context))
        walk.improve(context.rng, context)
        if params.tucks:
            walk.improve_by_tucks(context.rng, context)
        if best is None or walk.score > best.score + score.tolerance:
            best = walk
            context.partial("graph", cpdag_of(Graph.from_directed(test.nodes, walk.arrows)))
    assert best is not None
    context.progress(1.0, "removing edges that the score does not need")
    found = backward(EquivalenceClass.of([end.parents for end in best.ends]), score, context)
    return scored_result(found.member(), score, test)


def default_starts(p: int) -> int:
    """Return how many orders to start from for p variables: many where a start costs little."""
    return 5 if p <= FEW else 1


def starting_order(n: int, score: LocalScore, nodes: Sequence[str], context: Context) -> list[int]:
    """Return the n-th order to start from: a greedy one first, then one by minimum-degree elimination, then random ones.

    Notes
    -----
    The greedy order is that of the DAG of greedy equivalence search. With more than 200 variables minimum-degree elimination comes
    first, which takes one matrix inverse. Orders are drawn over the sorted names, so that the order of the columns plays no part.
    """
    by_name = sorted(range(score.p), key=nodes.__getitem__)
    drawn = [by_name[k] for k in context.rng.permutation(score.p)]
    can_eliminate = isinstance(score, GaussianScore) and score.n_samples > score.p
    if n == 0 and (score.p <= MANY or not can_eliminate):
        start = EquivalenceClass.of([0] * score.p)
        return forward_order(backward(forward(start, score, context), score, context).member())
    if n <= 1 and isinstance(score, GaussianScore) and can_eliminate:
        rank = np.empty(score.p, dtype=np.int64)
        rank[drawn] = np.arange(score.p)
        found: list[int] = eliminated(rows(score.dependent_given_all_others()), rank).tolist()
        return found
    return drawn


def forward_order(parents: Sequence[int]) -> list[int]:
    """Return an order in which the arrows of a DAG, given by the parents of each node, point forwards."""
    above = ancestor_sets(list(parents))
    return sorted(range(len(above)), key=lambda node: above[node].bit_count())
