"""Greedy sparsest permutation with interventions whose targets are known."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

from engine.core import Context, UserError, method
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
from engine.discovery.plateau import essential
from engine.discovery.reversals import Dag, RemovalTests, Reversal
from engine.discovery.stability import supported
from engine.graphs import Graph
from engine.graphs.bitsets import members, of
from engine.independence.interventional import InterventionalTests

MOST_SETS = 1024  # sets of neighbours asked for one variable
CUT = "Of the sets of neighbours of {} only those of at most {} members were used to judge directions, since there are too many."
CUT_CLASS = "A class of graphs was too large to weigh all its members; another may agree better with the interventions."


@dataclass(frozen=True)
class IgspParams(InterventionalParams):
    """Parameters of IGSP."""


@method(
    "igsp", area="discovery", label="Interventions, known targets (IGSP)", needs="interventional", gives="cpdag",
    cite="Wang, Solus, Yang, Uhler 2017; Yang, Katcoff, Uhler 2018",
)  # fmt: skip
def igsp(tests: InterventionalTests, params: IgspParams, context: Context) -> InterventionalResult:
    """Learn the graph with the help of interventions whose targets are all known.

    Parameters
    ----------
    tests : of independence in the observational regime, and of invariance between it and K other regimes, for p variables.

    Returns
    -------
    InterventionalResult with ``graph`` (interventional CPDAG), ``dag``, ``targets`` (the known ones), ``target_table`` and ``trace``; its
    ``n_conflicts`` counts arrows of ``dag`` that the interventions contradict.

    Raises
    ------
    UserError
        When no regime has known targets, or no test can be made given all other variables.

    Notes
    -----
    Write f^I(j | S) for the distribution of j given S under intervention I. An arrow i -> j is contradicted when (1) there are
    interventions that act on i and not on j, and for some set S of neighbours of j without i, f^I(j | S) = f(j | S) in all of them; or
    (2) some intervention acts on j and not on i, and f^I(i | S) differs from f(i | S) for every set S of neighbours of i without j. When
    every intervention has one target, S is empty. The sparsest DAGs are sought as by the greedy sparsest permutation, and of these the
    one with the fewest contradicted arrows is taken: with ``depth=None`` of the whole Markov class; with a number by the walk of the
    authors' code, which reverses i -> j only if it is covered and, where an intervention acts on i alone, does not change j.
    """
    return supported(search, tests, params, context)


def search(tests: InterventionalTests, params: IgspParams, context: Context) -> InterventionalResult:
    """Search from each start and return the best DAG, without bootstrap."""
    unknown = [regime for regime, goal in tests.known.items() if goal is None]
    if len(unknown) == len(tests.known):
        raise UserError("No regime has known targets.", "Name the targets on the data page, or use UT-IGSP, which finds them.", unknown[0])
    if unknown:
        context.warn(f"The targets of these regimes are unknown, so they were not used: {', '.join(unknown)}. UT-IGSP finds targets.")
    knowledge = params.known(tests.nodes)
    removals, directions = RemovalTests(tests.observational, knowledge.must), _Directions(tests, knowledge, context)
    best: Candidate | None = None
    seen: set[Hashable] = set()
    with context.best_so_far():
        for start, order in starts(tests, params, context):
            if params.depth is None:
                if not sum(1 for _ in halts(start, removals, seen, context)):
                    continue
                value, parents = directions.best_member(start)
            else:
                moves, depth = directions.icovered, params.depth
                start = walk_icovered(start, moves, directions.of_dag, lambda value: value[:2], removals, depth, context)
                value, parents = directions.of_dag(start), start.parents
            if best is None or value < best.value:
                best = Candidate(value, parents, order)
                context.partial("graph", Graph.from_directed(tests.nodes, best.arrows))
    best = best or first_start(tests, params, context)
    return finished(best, tests, removals, tests.known, knowledge, context, closed=True, n_conflicts=best.value[2])


class _Directions:
    """What the interventions say about the direction of edges."""

    def __init__(self, tests: InterventionalTests, knowledge: Knowledge, context: Context):
        self.invariance, self.nodes, self.context = tests.invariance, tests.nodes, context
        self.barred = knowledge.barred
        self.acting = known_targets(tests)
        self.alone = [of(k for k, goal in enumerate(tests.known.values()) if goal == (node,)) for node in tests.nodes]
        self.single = all(goal is None or len(goal) <= 1 for goal in tests.known.values())
        self._contradicted: dict[tuple[int, int, int, int], bool] = {}

    def contradicted(self, i: int, j: int, around_i: int, around_j: int) -> bool:
        """Return whether i -> j contradicts some intervention, where the two have these neighbours (sets in bits)."""
        question = (i, j, around_i & ~(1 << j), around_j & ~(1 << i))
        if question not in self._contradicted:
            self._contradicted[question] = self._no_effect(i, j, question[3]) or self._effect_upwards(i, j, question[2])
        return self._contradicted[question]

    def _no_effect(self, i: int, j: int, around_j: int) -> bool:
        """Return whether some set of neighbours makes j the same in all regimes that act on i and not on j."""
        acting = self.acting[i] & ~self.acting[j]
        return acting != 0 and any(not acting & ~self.invariance.unchanged(j, s) for s in self._asked(j, around_j))

    def _effect_upwards(self, i: int, j: int, around_i: int) -> bool:
        """Return whether a regime that acts on j and not on i changes i whatever the set of neighbours."""
        changed = self.acting[j] & ~self.acting[i]
        for s in self._asked(i, around_i) if changed else ():
            changed &= self.invariance.changed(i, s)
        return changed != 0

    def _asked(self, v: int, around: int) -> list[int]:
        """Return the sets of neighbours to look at, all asked at once."""
        sets = [0] if self.single else self._subsets(v, around)
        self.invariance.ask((v, s) for s in sets)
        return sets

    def _subsets(self, v: int, around: int) -> list[int]:
        """Return all sets of neighbours, or the small ones where there are too many."""
        nodes = list(members(around))
        size, total = len(nodes), 2 ** len(nodes)
        while total > MOST_SETS and size > 1:
            total -= comb(len(nodes), size)
            size -= 1
        if size < len(nodes):
            self.context.warn(CUT.format(self.nodes[v], size))
        return [of(chosen) for n in range(size + 1) for chosen in combinations(nodes, n)]

    def best_member(self, walk: Dag) -> tuple[Value, list[int]]:
        """Return the DAG of a class that fewest interventions contradict."""
        lines, above = essential(walk)
        around = [walk.parents[v] | walk.children[v] for v in range(walk.p)]

        def cost(j: int, parents: int) -> int:
            contradicted = sum(self.contradicted(i, j, around[i], around[j]) for i in members(parents & lines[j]))
            return contradicted + FORBIDDEN * (parents & self.barred[j]).bit_count()

        found = BestMember(lines, above, cost)
        total, parents = found.find()
        if not found.is_exact:
            self.context.warn(CUT_CLASS)
        n_forbidden, n_contradicted = divmod(total, FORBIDDEN)
        return (n_forbidden, walk.n_edges, n_contradicted), parents

    def of_dag(self, dag: Dag) -> Value:
        """Return the number of forbidden arrows of a DAG, of its edges and of its contradicted arrows."""
        around = [dag.parents[v] | dag.children[v] for v in range(dag.p)]
        arrows = ((i, j) for j in range(dag.p) for i in members(dag.parents[j]))
        n_forbidden = sum((parents & barred).bit_count() for parents, barred in zip(dag.parents, self.barred, strict=True))
        return n_forbidden, dag.n_edges, sum(self.contradicted(i, j, around[i], around[j]) for i, j in arrows)

    def icovered(self, dag: Dag) -> Iterator[Reversal]:
        """Yield the covered edges i -> j such that no intervention on i alone changes j."""
        return (move for move in dag.covered() if not self.alone[move.i] & self.invariance.changed(move.j, 0))
