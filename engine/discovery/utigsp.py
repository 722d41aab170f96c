"""Greedy sparsest permutation with interventions whose targets are unknown, or known only in part."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from engine.core import Context, field, method
from engine.discovery.icovered import Value, walk_icovered
from engine.discovery.interventional import (
    FORBIDDEN,
    Candidate,
    InterventionalParams,
    InterventionalResult,
    finished,
    first_start,
    halts,
    known_targets,
    starts,
)
from engine.discovery.knowledge import Knowledge
from engine.discovery.members import BestMember
from engine.discovery.orders import Ints
from engine.discovery.plateau import essential
from engine.discovery.reversals import Dag, RemovalTests, Reversal
from engine.discovery.stability import supported
from engine.graphs import Graph
from engine.graphs.bitsets import members
from engine.independence.interventional import InterventionalTests

CUT = "A class of graphs was too large to weigh all its members; another may explain the regimes with fewer targets."


@dataclass(frozen=True)
class UtIgspParams(InterventionalParams):
    """Parameters of UT-IGSP."""

    named: str = field(
        "incomplete", "Known targets", choices=("incomplete", "complete", "ignore"),
        help="incomplete: other variables may be hit as well, find these off-targets. complete: the known ones are all. "
        "ignore: find all targets from the data.",
    )  # fmt: skip
    score: str = field(
        "graph first", "Best graph", choices=("graph first", "sum"), paper="graph first", advanced=True,
        help="graph first: fewest edges, then fewest targets. sum: fewest edges and targets together.",
    )  # fmt: skip


@method(
    "utigsp", area="discovery", label="Interventions, unknown targets (UT-IGSP)", needs="interventional", gives="cpdag",
    cite="Squires, Wang, Uhler 2020",
)  # fmt: skip
def utigsp(tests: InterventionalTests, params: UtIgspParams, context: Context) -> InterventionalResult:
    """Learn the graph and the targets of each intervention together, off-targets included.

    Parameters
    ----------
    tests : of independence in the observational regime, and of invariance between it and K other regimes, for p variables.

    Returns
    -------
    InterventionalResult with ``graph`` (interventional CPDAG), ``dag``, ``targets``, ``target_table`` and ``trace``.

    Raises
    ------
    UserError
        When no test can be made given all other variables.

    Notes
    -----
    In the DAG G of an order, variable i is a target of regime k when its distribution given its parents is not that of the observational
    regime. The score is the number of edges and the number of targets, compared in this order or added; known targets count as targets
    anyway. With ``depth=None`` the walk is that of the greedy sparsest permutation through whole Markov classes, and of each class
    reached the DAG with the fewest targets is taken; with ``sum``, of the classes at which the walks halt, the one with the smallest sum.
    With a number the walk is that of the authors' code: reversals of covered edges i -> j such that j given its parents changes in all
    regimes that are known to act on i. Both are exact in the limit when all that the graph implies to differ differs.
    """
    return supported(search, tests, params, context)


def search(tests: InterventionalTests, params: UtIgspParams, context: Context) -> InterventionalResult:
    """Search from each start and return the best DAG, without bootstrap."""
    known, knowledge = dict.fromkeys(tests.known) if params.named == "ignore" else tests.known, params.known(tests.nodes)
    told = known_targets(InterventionalTests(tests.observational, tests.invariance, known, tests.digest))
    removals, scorer = RemovalTests(tests.observational, knowledge.must), _Scorer(tests, told, knowledge, params.score == "sum")
    best: Candidate | None = None
    seen: set[Hashable] = set()
    with context.best_so_far():
        for start, order in starts(tests, params, context):
            for candidate in _candidates(start, order, scorer, removals, seen, best, params, context):
                if best is None or candidate.value < best.value:
                    best = candidate
                    context.partial("graph", Graph.from_directed(tests.nodes, best.arrows))
    best = best or first_start(tests, params, context)
    return finished(best, tests, removals, known, knowledge, context, closed=params.named == "complete")


class _Scorer:
    """Counts forbidden arrows, edges and targets."""

    def __init__(self, tests: InterventionalTests, told: list[int], knowledge: Knowledge, summed: bool):
        self.invariance, self.told, self.barred, self.summed = tests.invariance, told, knowledge.barred, summed

    def value(self, n_edges: int, cost: int) -> Value:
        """Return what a DAG with these edges and this sum over `of_node` is worth."""
        n_forbidden, n_targets = divmod(cost, FORBIDDEN)
        return (n_forbidden, n_edges + n_targets) if self.summed else (n_forbidden, n_edges, n_targets)

    def of_node(self, i: int, parents: int) -> int:
        """Return in how many regimes a variable changes given these parents without being a known target; much more if one is forbidden."""
        n_targets = (self.invariance.changed(i, parents) & ~self.told[i]).bit_count()
        return n_targets + FORBIDDEN * (parents & self.barred[i]).bit_count()

    def of_dag(self, dag: Dag) -> Value:
        self.invariance.ask(enumerate(dag.parents))
        return self.value(dag.n_edges, sum(map(self.of_node, range(dag.p), dag.parents)))

    def best_member(self, walk: Dag, order: Ints, context: Context) -> Candidate:
        """Return the member of a class with the fewest targets."""
        lines, above = essential(walk)
        self.invariance.ask((i, above[i] | extra) for i in range(walk.p) for extra in (0, *(1 << j for j in members(lines[i]))))
        chosen = BestMember(lines, above, self.of_node)
        n_targets, parents = chosen.find()
        if not chosen.is_exact:
            context.warn(CUT)
        return Candidate(self.value(walk.n_edges, n_targets), parents, order)

    def icovered(self, dag: Dag) -> Iterator[Reversal]:
        """Yield the covered edges i -> j such that j given its parents changes in all regimes that are known to act on i."""
        for move in dag.covered():
            acting = self.told[move.i]
            if not acting & ~self.invariance.changed(move.j, move.parents | 1 << move.i):
                yield move


def _candidates(
    start: Dag,
    order: Ints,
    scorer: _Scorer,
    removals: RemovalTests,
    seen: set[Hashable],
    best: Candidate | None,
    params: UtIgspParams,
    context: Context,
) -> Iterator[Candidate]:
    """Yield the DAGs that one start leads to, which are worth comparing."""
    if params.depth is not None:
        end = walk_icovered(start, scorer.icovered, scorer.of_dag, lambda value: value, removals, params.depth, context)
        yield Candidate(scorer.of_dag(end), end.parents, order)
        return
    halted = 0
    for walk in halts(start, removals, seen, context):
        halted += 1
        if scorer.summed:
            yield scorer.best_member(walk, order, context)
    if halted and not scorer.summed and (best is None or start.n_edges <= best.value[1] or best.value[0]):
        yield scorer.best_member(start, order, context)
