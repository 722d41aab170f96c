"""Best order score search: move one variable at a time to its best place in an order, then tuck where no move helps."""

from dataclasses import dataclass

from engine.core import Context, field, method
from engine.discovery.ges import EquivalenceClass, backward
from engine.discovery.grow_shrink import GrowShrinkTrees
from engine.discovery.order_starts import OrderParams, default_starts, starting_order
from engine.discovery.order_walk import OrderWalk
from engine.discovery.scored import ScoredResult, scored_result
from engine.discovery.scores import score_of
from engine.discovery.stability import supported
from engine.graphs import Graph, cpdag_of
from engine.independence import IndependenceTest


@dataclass(frozen=True)
class BossParams(OrderParams):
    """Parameters of the best order score search."""

    tucks: bool = field(
        True, "Tuck", advanced=True,
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
    score, known = score_of(test, params.penalty), params.known(test.nodes)
    trees = GrowShrinkTrees(score, known)
    n_starts = params.starts or default_starts(test.p)
    best: OrderWalk | None = None
    with context.best_so_far():
        for n in range(n_starts):
            walk = OrderWalk(trees, starting_order(n, score, known, context))
            best = best or walk
            context.progress(n / n_starts, f"start {n + 1} of {n_starts}")
            walk.improve(context.rng, context)
            if params.tucks:
                walk.improve_by_tucks(context.rng, context)
            if walk is best or walk.score > best.score + score.tolerance:
                best = walk
                context.partial("graph", cpdag_of(Graph.from_directed(test.nodes, walk.arrows)))
    assert best is not None
    context.progress(1.0, "removing edges that the score does not need")
    found = backward(EquivalenceClass.of([end.parents for end in best.ends], known), score, context)
    return scored_result(found.member(), score, test, known)
