"""Greedy sparsest poset: walk over ancestral graphs towards the sparsest one, hidden common causes allowed for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.core import Context, field, method
from engine.discovery.ancestral import Ancestral, MarkChange
from engine.discovery.gsp import descend
from engine.discovery.memory import Memory, Question, memory_of
from engine.discovery.orders import imap_arrows, minimum_degree_orders
from engine.discovery.params import TestedParams
from engine.discovery.posets import poset_imap
from engine.discovery.result import GraphResult
from engine.discovery.stability import supported
from engine.graphs import Graph, pag_of
from engine.graphs.bitsets import members
from engine.independence import IndependenceTest

Edges = list[tuple[int, int]]


@dataclass(frozen=True)
class GspoParams(TestedParams):
    """Parameters of the greedy sparsest poset search."""

    start: str = field(
        "permutation", "Start from", choices=("permutation", "empty", "gsp"),
        help="permutation: a DAG by minimum degrees; empty: <-> wherever two variables depend on each other; gsp: what that method finds.",
    )  # fmt: skip
    runs: int = field(5, "Runs", low=1, high=100, paper=5, help="The walk is made so many times; the sparsest graph of all is kept.")
    depth: int = field(4, "Look-ahead", low=0, high=20, paper=4, help="How many moves that drop no edge to look ahead.")
    rule: str = field(
        "deletion", "Update rule", choices=("deletion", "construction"), advanced=True, paper="construction",
        help="deletion: a move drops edges only; construction: the graph is built anew from the order of ancestry after the move. Slower.",
    )  # fmt: skip
    strict: bool = field(
        True, "Strict moves", advanced=True, paper=True,
        help="Only moves that surely keep the independences; without, paths that forbid a move are not looked for.",
    )  # fmt: skip
    max_graphs: int = field(
        50, "Graphs looked at", low=1, high=1_000_000, log=True, advanced=True, paper=1000,
        help="Where no move drops an edge, at most so many equally sparse graphs are looked at before the run ends.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class MagResult(GraphResult):
    """A learned PAG with the member of its class that the walk ended in.

    Attributes
    ----------
    mag : the sparsest maximal ancestral graph over all runs; ``graph`` is its PAG.
    ends : number of edges in which each run ended.
    """

    mag: Graph
    ends: tuple[int, ...]

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows; beside those of a graph how the runs ended."""
        rows = super().summary()
        place = next((n for n, (label, _) in enumerate(rows) if label == "Tests"), len(rows))
        rows.insert(place, ("Runs", f"{len(self.ends)}, ending in {', '.join(map(str, sorted(self.ends)))} edges; heuristic search"))
        return rows


@method(
    "gspo", area="discovery", label="Greedy sparsest poset (heuristic search)", needs="independence", gives="pag",
    cite="Bernstein, Saeed, Squires, Uhler 2020",
)  # fmt: skip
def gspo(test: IndependenceTest, params: GspoParams, context: Context) -> GraphResult:
    """Look for the sparsest ancestral graph that explains the independences; a heuristic search, always ending in a valid MAG.

    Parameters
    ----------
    test : answers about p variables.

    Returns
    -------
    MagResult with ``graph`` (PAG over p nodes), ``mag`` (one member of its class), ``ends`` and ``trace``.

    Raises
    ------
    UserError
        When the start needs tests given all other variables and these cannot be made.

    Notes
    -----
    A partial order allows one minimal I-map: see `engine.discovery.posets.poset_imap`. A sparsest one of all orders is in the true Markov
    class; whether a walk that never turns to denser graphs reaches it is an open conjecture, so this is a heuristic search. A move is a
    legitimate change of one mark, which keeps the Markov class; after it edges are dropped whose ends are independent given their other
    ancestors. Where no move drops an edge, equally sparse graphs are searched depth-first. The sparsest graph over all runs is returned,
    made maximal.
    """
    return supported(search, test, params, context)


def search(test: IndependenceTest, params: GspoParams, context: Context) -> MagResult:
    """Walk from each start and return the sparsest graph found, without bootstrap."""
    memory = memory_of(test)
    walk = Walk(memory, params, context)
    best: Ancestral | None = None
    ends = []
    for run, graph in enumerate(_starts(test, memory, params, context)):
        context.progress(run / params.runs, f"run {run + 1} of {params.runs}, from {graph.n_edges} edges")
        end = walk.down(graph)
        ends.append(end.n_edges)
        if best is None or end.n_edges < best.n_edges:
            best = end
            mag = best.graph(test.nodes)
            context.partial("graph", mag)
    memory.record()
    return MagResult(graph=pag_of(mag), mag=mag, ends=tuple(ends), trace=test.trace)


def _starts(test: IndependenceTest, memory: Memory, params: GspoParams, context: Context) -> Iterator[Ancestral]:
    """Yield a minimal I-map for each run."""
    if params.start == "empty":
        for _ in range(params.runs):
            yield poset_imap([1 << i for i in range(test.p)], memory)
        return
    for order in minimum_degree_orders(test, params.runs, context.rng):
        dag = Graph.from_directed(test.nodes, imap_arrows(order, test))
        if params.start == "gsp":
            dag = descend(dag, test, params.depth, context)
        yield poset_imap(Ancestral.of(dag).above, memory)


class Walk:
    """Walks over ancestral graphs towards sparser ones; what one run has seen, a later one does not look at again.

    Parameters
    ----------
    memory : answers the questions.
    params : depth, rule, strictness and limits.
    """

    def __init__(self, memory: Memory, params: GspoParams, context: Context):
        self.memory, self.params, self.context = memory, params, context
        self.seen: set[tuple[int, int]] = set()

    def down(self, graph: Ancestral) -> Ancestral:
        """Walk from a graph to a local optimum, make it maximal and return it."""
        step = self._drop_by_rebuilding if self.params.rule == "construction" else self._drop_edges
        while (sparser := step(graph)) is not None:
            graph = sparser
        graph.close()
        return graph

    # -- rule "deletion" -----------------------------------------------------------------------------------------------

    def _drop_edges(self, graph: Ancestral) -> Ancestral | None:
        """Return the graph after the move that drops most edges, or after moves that lead to one; None when there is none in reach."""
        losses = self._losses(graph, graph.mark_changes(self.params.strict))
        if losses:
            return self._made(graph, losses)
        return self._look_ahead(graph)

    def _look_ahead(self, graph: Ancestral) -> Ancestral | None:
        """Search depth-first through equally sparse graphs for one with a move that drops an edge."""
        looked_at = 0
        path: list[MarkChange] = []
        legitimate = set(graph.mark_changes(self.params.strict))
        fronts = [(self._shuffled(legitimate), legitimate)]
        self.seen.add(graph.key)
        while fronts:
            self.context.check()
            waiting, here = fronts[-1]
            if not waiting or len(path) == self.params.depth or looked_at == self.params.max_graphs:
                fronts.pop()
                if path:
                    graph.make(path.pop())
                continue
            change = waiting.pop()
            nodes = graph.make(change)
            if graph.key in self.seen:
                graph.make(change)
                continue
            self.seen.add(graph.key)
            looked_at += 1
            path.append(change)
            there = set(graph.mark_changes(self.params.strict))
            # elsewhere the questions are those of the graph before, where no move dropped an edge
            nodes |= 1 << change.i
            losses = self._losses(graph, (move for move in there if move not in here or self._touches(graph, move, nodes)))
            if losses:
                return self._made(graph, losses)
            fronts.append((self._shuffled(there), there))
        return None

    def _touches(self, graph: Ancestral, change: MarkChange, nodes: int) -> bool:
        """Return whether the questions of a change can be others since the marks or ancestors of some nodes are."""
        if nodes >> change.i & 1 or nodes >> change.j & 1:
            return True
        below = graph.below[change.j]
        return bool(below & nodes) or any(graph.joined[v] & nodes for v in members(below))

    def _losses(self, graph: Ancestral, changes: Iterable[MarkChange]) -> dict[MarkChange, Edges]:
        """Return those of the changes that drop edges, each with the edges."""
        asked = {change: list(_questions(graph, change)) for change in changes}
        self.memory.ask(question for questions in asked.values() for question in questions)
        lost = {
            change: [(k, j) for k, j, given in questions if self.memory.independent(k, j, given)] for change, questions in asked.items()
        }
        return {change: edges for change, edges in lost.items() if edges}

    def _made(self, graph: Ancestral, losses: dict[MarkChange, Edges]) -> Ancestral:
        """Make the change that drops most edges, one of these at random, and drop them."""
        most = max(map(len, losses.values()))
        best = sorted(change for change, edges in losses.items() if len(edges) == most)
        change = best[int(self.context.rng.integers(len(best)))]
        graph.make(change)
        graph.drop(losses[change])
        return graph

    def _shuffled(self, changes: Iterable[MarkChange]) -> list[MarkChange]:
        found = sorted(changes)
        return [found[n] for n in self.context.rng.permutation(len(found))]

    # -- rule "construction" -------------------------------------------------------------------------------------------

    def _drop_by_rebuilding(self, graph: Ancestral) -> Ancestral | None:
        """Return the sparsest minimal I-map of the order after any move, or after several moves among equally sparse graphs."""
        fronts = [self._rebuilt(graph)]
        looked_at = 0
        self.seen.add(graph.key)
        while fronts:
            self.context.check()
            sparsest = min(fronts[-1], key=lambda found: found.n_edges, default=graph)
            if sparsest.n_edges < graph.n_edges:
                return sparsest
            if not fronts[-1] or len(fronts) > self.params.depth or looked_at == self.params.max_graphs:
                fronts.pop()
                continue
            found = fronts[-1].pop()
            if found.key not in self.seen and found.n_edges == graph.n_edges:
                self.seen.add(found.key)
                looked_at += 1
                fronts.append(self._rebuilt(found))
        return None

    def _rebuilt(self, graph: Ancestral) -> list[Ancestral]:
        found = []
        for change in self._shuffled(graph.mark_changes(self.params.strict)):
            graph.make(change)
            found.append(poset_imap(graph.above, self.memory))
            graph.make(change)
        return found


def _questions(graph: Ancestral, change: MarkChange) -> Iterator[Question]:
    """Yield a question for each edge whose ends have other ancestors after a change: whether they are independent given these."""
    nodes, bit = graph.affected(change), 1 << change.i
    leaves = graph.parents[change.j] & bit
    above = graph.above
    for k in members(nodes):
        for v in members(graph.joined[k] & ~bit):
            if nodes >> v & 1 and v < k:
                continue
            given = above[k] | above[v]
            if leaves:
                if not nodes >> v & 1 and above[v] & bit:
                    continue
                given &= ~bit
            elif given & bit:
                continue
            else:
                given |= bit
            given &= ~(1 << k) & ~(1 << v)
            yield (k, v, given) if k < v else (v, k, given)
