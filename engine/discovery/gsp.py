"""Greedy sparsest permutation: walk over variable orders towards the sparsest graph."""

from dataclasses import dataclass

import numpy as np

from engine.core import Context, field, method
from engine.discovery.knowledge import Knowledge
from engine.discovery.orders import Ints, all_but, critical_values, imaps, minimum_degree_orders, order_correlations
from engine.discovery.params import TestedParams
from engine.discovery.plateau import essential, look_ahead, search_class
from engine.discovery.result import GraphResult
from engine.discovery.reversals import Dag, Loss, RemovalTests, Reversal, steepest
from engine.discovery.stability import supported
from engine.graphs import Graph, cpdag_of
from engine.graphs.graph import ancestors
from engine.independence import IndependenceTest

CANDIDATES = 4  # orders drawn for each that is walked from; twice those of the authors' code, since a sparse start saves much of the walk
ALL_PAIRS = 200  # up to so many variables the trace holds the tests of the starting order for all pairs: p^3 / 6 numbers


@dataclass(frozen=True)
class GspParams(TestedParams):
    """Parameters of the greedy sparsest permutation search."""

    starts: int = field(
        5, "Starting orders", low=1, high=100, paper=5, help="The walk starts from so many orders; the sparsest end is kept."
    )
    depth: int | None = field(
        None, "Look-ahead", low=0, high=20, paper=4,
        help="How many moves that drop no edge to look ahead; none means as many as it takes, which is also faster.",
    )  # fmt: skip


@method("gsp", area="discovery", label="Greedy sparsest permutation", needs="independence", gives="cpdag", cite="Solus, Wang, Uhler 2021")
def gsp(test: IndependenceTest, params: GspParams, context: Context) -> GraphResult:
    """Learn the CPDAG of the sparsest minimal I-map reached from several starting orders.

    Parameters
    ----------
    test : answers about p variables.

    Returns
    -------
    GraphResult with ``graph`` (CPDAG over p nodes), ``order`` (length p, one in which the arrows of the sparsest graph point forwards) and
    ``trace``: the removal tests of all walks and the tests that made the starting graphs. Where these follow from a correlation
    matrix, only those of the start that led to the result are kept, and beyond 200 variables only those of its dependent pairs.

    Raises
    ------
    UserError
        When no test can be made given all other variables.

    Notes
    -----
    A minimal I-map of an order has i -> j iff i and j are dependent given j's other predecessors. A covered edge i -> j is one with
    pa(j) = pa(i) + i; reversing it gives the minimal I-map of a neighbouring order, which may have fewer edges. Consistent under
    faithfulness for ``depth=None``, where the whole Markov equivalence class is searched for a move that drops an edge; with a number
    the search among equally sparse graphs goes so many moves deep, as in the authors' code.
    """
    return supported(search, test, params, context)


def search(test: IndependenceTest, params: GspParams, context: Context) -> GraphResult:
    """Walk from each start and return the sparsest graph found, without bootstrap."""
    known = params.known(test.nodes)
    removals = RemovalTests(test, known.must)
    orders = minimum_degree_orders(test, CANDIDATES * params.starts, context.rng, known)
    starts = sorted(zip(imaps(orders, test, known), orders, strict=True), key=lambda start: np.count_nonzero(start[0]))
    best: tuple[int, int] | None = None
    walks = [(Dag(arrows, after), order) for arrows, order in starts[: params.starts] for after in known.ways]
    for n, (dag, order) in enumerate(walks):
        with context.best_so_far():
            context.progress(n / len(walks), f"start {n + 1} of {len(walks)}")
            walk_down(dag, removals, params.depth, context)
        dag, n_forbidden = fitting(dag, known)
        if best is None or (n_forbidden, dag.n_edges) < best:
            best, led_here = (n_forbidden, dag.n_edges), order
            graph = Graph.from_directed(test.nodes, dag.arrows)
            context.partial("graph", cpdag_of(graph))
        if context.stopped:
            break
    removals.record()
    if test.correlations is not None:
        record_order(led_here, test)
    graph = known.honoured(graph, context)
    return GraphResult(graph=known.class_of(graph), order=causal_order(graph), trace=test.trace)


def fitting(walk: Dag, known: Knowledge) -> tuple[Dag, int]:
    """Return of the class of a DAG one with the fewest forbidden arrows, and their number."""
    if not known:
        return walk, 0
    parents, n_forbidden = known.member(*essential(walk))
    return Dag.with_parents(parents, walk.after), n_forbidden


def descend(
    dag: Graph, test: IndependenceTest, depth: int | None = None, context: Context | None = None, known: Knowledge | None = None
) -> Graph:
    """Walk from a minimal I-map by reversals of covered edges until no sparser graph is within reach.

    Parameters
    ----------
    dag : where to start, see `minimal_imap`.
    depth : how many moves that drop nothing to look ahead; None searches the whole Markov equivalence class.
    context : draws among equal moves, and may stop the walk; silent if not given.
    known : required arrows stay, and what is known to come after is never put before.
    """
    walk, removals = Dag(dag.directed, known.after if known else None), RemovalTests(test, known.must if known else None)
    walk_down(walk, removals, depth, context or Context.silent())
    removals.record()
    return Graph.from_directed(dag.nodes, walk.arrows)


def walk_down(walk: Dag, removals: RemovalTests, depth: int | None, context: Context) -> None:
    """Drop edges; where no move drops any, look for one among equally sparse graphs; end where there is none."""
    drop_edges(walk, removals, context)
    while search_class(walk, removals, context) if depth is None else look_ahead(walk, depth, removals, context):
        drop_edges(walk, removals, context)


def drop_edges(walk: Dag, removals: RemovalTests, context: Context) -> None:
    """Make the move that drops most edges, until none drops any."""
    losses: dict[Reversal, Loss] = removals.losses(walk.covered())
    while losses:
        context.check()
        (i, j, _), lost = steepest(losses, context.rng)
        walk.reverse(i, j, lost)
        # a move stays as it was unless one of its ends has new parents
        losses = {move: loss for move, loss in losses.items() if not {i, j} & {move.i, move.j}}
        losses |= removals.losses(walk.covered((i, j)))


def causal_order(dag: Graph) -> tuple[str, ...]:
    """Return an order in which all arrows point forwards: by the number of ancestors."""
    by_ancestors = np.argsort(ancestors(dag.directed).sum(axis=0), kind="stable")
    return tuple(dag.nodes[k] for k in by_ancestors)


def record_order(places: Ints, test: IndependenceTest) -> None:
    """Write the tests that made the minimal I-map of an order into the trace."""
    r, critical = order_correlations(places[None], test)[0], critical_values(test)
    for k in range(1, test.p):
        i = np.arange(k) if test.p <= ALL_PAIRS else np.flatnonzero(np.abs(r[:k, k]) > critical[k - 1])
        test.record(places[i], np.full(len(i), places[k]), all_but(places[:k], i), r[i, k])
