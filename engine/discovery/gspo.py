"""Greedy sparsest poset: walk over ancestral graphs towards the sparsest one, hidden common causes allowed for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.core import Context, field, method
from engine.discovery.ancestral import Ancestral, MarkChange
from engine.discovery.best_places import improved_order
from engine.discovery.gsp import descend
from engine.discovery.knowledge import Knowledge, breaches
from engine.discovery.latent import with_knowledge
from engine.discovery.memory import Memory, Question, memory_of
from engine.discovery.order_starts import default_starts
from engine.discovery.orders import imap_arrows, minimum_degree_orders
from engine.discovery.params import TestedParams
from engine.discovery.posets import order_graph, poset_imap
from engine.discovery.result import GraphResult
from engine.discovery.stability import supported
from engine.graphs import Graph, pag_of
from engine.graphs.bitsets import members, rows
from engine.graphs.graph import ancestors
from engine.independence import IndependenceTest

Edges = list[tuple[int, int]]

MANY_RUNS = 5  # of the authors


@dataclass(frozen=True)
class GspoParams(TestedParams):
    """Parameters of the greedy sparsest poset search."""

    start: str = field(
        "order", "Start from", choices=("order", "permutation", "empty", "gsp"), paper="permutation",
        help="order: a DAG by minimum degrees, each variable moved to its best place (Gaussian and rank tests); permutation: a DAG by "
        "minimum degrees; empty: <-> wherever two variables depend on each other; gsp: what that method finds.",
    )  # fmt: skip
    runs: int | None = field(
        None, "Runs", low=1, high=100, paper=5, absent="as many as pay",
        help="The walk is made so many times; the sparsest graph of all is kept. None takes one where a Gaussian or rank test starts from "
        "an order of more than 20 variables, five otherwise.",
    )  # fmt: skip
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
    cite="Bernstein, Saeed, Squires, Uhler 2020", version=2,
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
    memory, known = memory_of(test), params.known(test.nodes)
    walk = Walk(memory, params, known, context)
    runs = params.runs or _default_runs(test, params)
    best: Ancestral | None = None
    ends = []
    for run, graph in enumerate(_starts(runs, test, memory, params, known, context)):
        with context.best_so_far():
            context.progress(run / runs, f"run {run + 1} of {runs}, from {graph.n_edges} edges")
            graph = walk.down(graph)
        graph.close()
        ends.append(graph.n_edges)
        if best is None or graph.n_edges < best.n_edges:
            best = graph
            mag = best.graph(test.nodes)
            context.partial("graph", mag)
        if context.stopped is not None:
            break
    memory.record()
    narrowed = with_knowledge(pag_of(mag), known)
    if wrong := breaches(narrowed, known):
        context.warn(f"What was found goes against what you said: {', '.join(wrong)}. Look again at what you said of these variables.")
    return MagResult(graph=narrowed, mag=mag, ends=tuple(ends), trace=test.trace)


def _default_runs(test: IndependenceTest, params: GspoParams) -> int:
    """Return how many runs pay: the walk from a good order of many variables ends where others would."""
    return default_starts(test.p) if params.start == "order" and test.correlation is not None else MANY_RUNS


def _starts(
    runs: int, test: IndependenceTest, memory: Memory, params: GspoParams, known: Knowledge, context: Context
) -> Iterator[Ancestral]:
    """Yield a minimal I-map for each run."""
    if params.start == "empty":
        for _ in range(runs):
            yield poset_imap([1 << i | above for i, above in enumerate(rows(ancestors(known.required).T))], memory, known.must)
        return
    for order in minimum_degree_orders(test, runs, context.rng, known):
        if params.start == "order" and test.correlation is not None:
            with context.best_so_far():
                order = improved_order(order, test, known, context)
        dag = Graph.from_directed(test.nodes, imap_arrows(order, test, known))
        if params.start == "gsp":
            with context.best_so_far():
                dag = descend(dag, test, params.depth, context, known)
            yield poset_imap(Ancestral.of(dag).above, memory, known.must)
            continue
        # the DAG is A(order) already, see `poset_imap`
        imap = order_graph(Ancestral.of(dag).above, memory, known.must)
        imap.close()
        yield imap


class Walk:
    """Walks over ancestral graphs towards sparser ones; what one run has seen, a later one does not look at again.

    Parameters
    ----------
    memory : answers the questions.
    params : depth, rule, strictness and limits.
    known : no move sets an arrow that is forbidden, or takes one away that is required.
    """

    def __init__(self, memory: Memory, params: GspoParams, known: Knowledge, context: Context):
        self.memory, self.params, self.known, self.context = memory, params, known, context
        self.seen: set[tuple[int, int]] = set()

    def down(self, graph: Ancestral) -> Ancestral:
        """Walk from a graph to a local optimum and return it; cut short, the walk has changed the graph it began with."""
        step = self._drop_by_rebuilding if self.params.rule == "construction" else self._drop_edges
        while (sparser := step(graph)) is not None:
            graph = sparser
        return graph

    def _moves(self, graph: Ancestral) -> Iterator[MarkChange]:
        """Yield the legitimate mark changes that what is known allows."""
        changes = graph.mark_changes(self.params.strict)
        if not self.known:
            return changes
        must, barred = self.known.must, self.known.barred
        return (move for move in changes if not (must[move.j] if graph.parents[move.j] >> move.i & 1 else barred[move.j]) >> move.i & 1)

    # -- rule "deletion" -----------------------------------------------------------------------------------------------

    def _drop_edges(self, graph: Ancestral) -> Ancestral | None:
        """Return the graph after the move that drops most edges, or after moves that lead to one; None when there is none in reach."""
        losses = self._losses(graph, self._moves(graph))
        if losses:
            return self._made(graph, losses)
        return self._look_ahead(graph)

    def _look_ahead(self, graph: Ancestral) -> Ancestral | None:
        """Search depth-first through equally sparse graphs for one with a move that drops an edge."""
        looked_at = 0
        path: list[MarkChange] = []
        legitimate = set(self._moves(graph))
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
            there = set(self._moves(graph))
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
        answer = self.memory.known
        lost: dict[MarkChange, Edges] = {}
        unknown: list[tuple[MarkChange, Question]] = []
        for change in changes:
            edges = []
            for question in _questions(graph, change):
                independent = answer.get(question)
                if independent:
                    edges.append(question[:2])
                elif independent is None:
                    unknown.append((change, question))
            if edges:
                lost[change] = edges
        if unknown:
            self.memory.ask([question for _, question in unknown])
            for change, question in unknown:
                if self.memory.independent(*question):
                    lost.setdefault(change, []).append(question[:2])
        if not self.known:
            return lost
        must = self.known.must
        free = {change: [(i, j) for i, j in edges if not (must[i] >> j | must[j] >> i) & 1] for change, edges in lost.items()}
        return {change: edges for change, edges in free.items() if edges}

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
        for change in self._shuffled(self._moves(graph)):
            graph.make(change)
            found.append(poset_imap(graph.above, self.memory, self.known.must))
            graph.make(change)
        return found


def _questions(graph: Ancestral, change: MarkChange) -> list[Question]:
    """Return a question for each edge whose ends have other ancestors after a change: whether they are independent given these."""
    i, j = change
    nodes, bit = graph.affected(change), 1 << i
    leaves = graph.parents[j] & bit
    above, joined = graph.above, graph.joined
    # an edge to any other node has i among the ancestors of its ends before and after
    elsewhere = ~bit & ~(graph.below[i] & ~nodes)
    found = []
    waiting = nodes
    while waiting:
        one = waiting & -waiting
        waiting ^= one
        k = one.bit_length() - 1
        # of two nodes that both change, the edge is met at the smaller
        ends = joined[k] & elsewhere & (waiting | ~nodes)
        while ends:
            other = ends & -ends
            ends ^= other
            v = other.bit_length() - 1
            given = above[k] | above[v] | bit
            if leaves:
                given ^= bit
            given &= ~(one | other)
            found.append((k, v, given) if k < v else (v, k, given))
    return found
