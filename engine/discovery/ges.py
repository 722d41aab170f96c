"""Greedy equivalence search: walk over Markov equivalence classes by single edges, first adding, then removing."""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.core import Context, method
from engine.discovery.knowledge import Knowledge
from engine.discovery.scored import ScoredParams, ScoredResult, scored_result
from engine.discovery.scores import LocalScore, by_size, score_of
from engine.discovery.stability import supported
from engine.graphs import Graph
from engine.graphs.bitsets import members, of, relation
from engine.graphs.cpdag import close_arrows, extended
from engine.independence import IndependenceTest


@method("ges", area="discovery", label="Greedy equivalence search", needs="independence", gives="cpdag", cite="Chickering 2002")
def ges(test: IndependenceTest, params: ScoredParams, context: Context) -> ScoredResult:
    r"""Learn the CPDAG that no single insertion and then no single deletion of an edge improves.

    Parameters
    ----------
    test : stands for the data; its correlations or categories make the score, and it explains the edges found.

    Returns
    -------
    ScoredResult with ``graph`` (CPDAG over p nodes), ``score``, ``gains`` and ``trace``.

    Notes
    -----
    A state is a CPDAG. Insert(x, y, T) adds x -> y, and t -> y for t in T, a subset of the line-neighbours of y that are not adjacent
    to x. With N the line-neighbours of y adjacent to x it is possible iff N + T is a clique and meets every semi-directed path from y to
    x, and it is worth ``s(y | N + T + pa(y) + x) - s(y | N + T + pa(y))``. Delete(x, y, H) removes the edge and directs y -> h and x -> h
    for h in H, a subset of N. It is possible iff N \ H is a clique, and worth ``s(y | N \ H + pa(y) \ x) - s(y | N \ H + pa(y) + x)``.
    The best insertion is made until none improves, then the best deletion (Chickering 2002, theorems 15 to 18). Finds the true class as
    the number of samples grows. The worth of all x comes from one row of residual covariances per y and clique of its line-neighbours.
    With knowledge the states are the classes narrowed to the DAGs that fit, and required edges are there from the beginning and stay; that
    search is made only where the plain one ends in a class without a DAG that fits.
    """
    return supported(search, test, params, context)  # type: ignore[return-value]


def search(test: IndependenceTest, params: ScoredParams, context: Context) -> ScoredResult:
    """Search once, without resamples."""
    score, known = score_of(test, params.penalty), params.known(test.nodes)
    start = EquivalenceClass.of([0] * test.p)
    parents = _both_ways(start, score, context, test.nodes).member()
    if known:
        start = EquivalenceClass.of(parents)
        parents, n_forbidden = known.member(start.lines, start.parents)
        if n_forbidden or any(must & ~above for must, above in zip(known.must, parents, strict=True)):
            parents = _both_ways(EquivalenceClass.of(known.must, known), score, context, test.nodes).member()
    return scored_result(parents, score, test, known)


def _both_ways(start: "EquivalenceClass", score: LocalScore, context: Context, nodes: Sequence[str]) -> "EquivalenceClass":
    """Add edges, then remove edges."""
    grown = forward(start, score, context, tell=True)
    context.partial("graph", grown.graph(nodes))
    with context.best_so_far():
        context.progress(0.95, "removing edges")
    return backward(grown, score, context)


@dataclass(frozen=True)
class EquivalenceClass:
    """A CPDAG by the neighbourhoods of its nodes, each a set in bits; narrowed to the DAGs that fit where something is known."""

    parents: list[int]
    children: list[int]
    lines: list[int]
    joined: list[int]
    known: Knowledge | None = None

    @classmethod
    def of(cls, parents: Sequence[int], known: Knowledge | None = None) -> "EquivalenceClass":
        """Return the class of a DAG, given by the parents of each node."""
        p = len(parents)
        joined = list(parents)
        for c in range(p):
            for a in members(parents[c]):
                joined[a] |= 1 << c
        found = cls([0] * p, [0] * p, [0] * p, joined, known or None)
        found._orient(parents, range(p))
        return found

    def _orient(self, parents: Sequence[int], within: Sequence[int]) -> None:
        """Set the arrows and lines of the class of a DAG at the nodes of some connected components, where there are none yet."""
        above, below, lines, joined = self.parents, self.children, self.lines, self.joined
        for c in within:
            for a in members(parents[c]):
                told = self.known is not None and self.known.barred[a] >> c & 1
                if told or parents[c] & ~joined[a] & ~(1 << a):  # a meets at c a parent that it is not adjacent to
                    above[c] |= 1 << a
                    below[a] |= 1 << c
                else:
                    lines[a] |= 1 << c
                    lines[c] |= 1 << a
        close_arrows(above, below, lines, joined, within)

    def member(self) -> list[int]:
        """Return the parents of each node in one DAG of the class."""
        return extended(self.parents, self.children, self.lines, self.joined)[0]

    def graph(self, nodes: Sequence[str]) -> Graph:
        """Return the CPDAG over named nodes."""
        into = [above | beside for above, beside in zip(self.parents, self.lines, strict=True)]
        return Graph.from_directed(nodes, relation(into).T, "cpdag")

    def cliques(self, nodes: int) -> Iterator[int]:
        """Yield every clique among some nodes, the empty one first."""
        yield 0
        for v in members(nodes):
            nodes ^= 1 << v
            for rest in self.cliques(nodes & self.joined[v]):
                yield rest | 1 << v

    def blocked(self, y: int, x: int, by: int) -> bool:
        """Return whether every semi-directed path from y to x meets a set."""
        reached = new = 1 << y
        while new:
            ahead = 0
            for v in members(new):
                ahead |= self.children[v] | self.lines[v]
            new = ahead & ~by & ~reached
            reached |= new
            if reached >> x & 1:
                return False
        return True

    def inserted(self, x: int, y: int, clique: int) -> "EquivalenceClass | None":
        """Return the class after x -> y was added with the lines between y and ``clique`` directed into y; None where it is empty."""
        parents, children, lines, joined = self._copies()
        parents[y] |= 1 << x | clique
        lines[y] &= ~clique
        children[x] |= 1 << y
        for k in members(clique):
            lines[k] &= ~(1 << y)
            children[k] |= 1 << y
        joined[x] |= 1 << y
        joined[y] |= 1 << x
        return self._completed(parents, children, lines, joined, (x,))

    def deleted(self, x: int, y: int, directed: int) -> "EquivalenceClass | None":
        """Return the class after the edge of x and y was removed and the lines of both to ``directed`` were directed into these."""
        parents, children, lines, joined = self._copies()
        for a, b in ((x, y), (y, x)):
            for neighbourhood in (parents, children, lines, joined):
                neighbourhood[a] &= ~(1 << b)
        for h in members(directed):
            for a in (x, y):
                if lines[a] >> h & 1:
                    lines[a] &= ~(1 << h)
                    lines[h] &= ~(1 << a)
                    parents[h] |= 1 << a
                    children[a] |= 1 << h
        return self._completed(parents, children, lines, joined, (x, y))

    def _copies(self) -> tuple[list[int], list[int], list[int], list[int]]:
        return list(self.parents), list(self.children), list(self.lines), list(self.joined)

    def _completed(
        self, parents: list[int], children: list[int], lines: list[int], joined: list[int], changed: Sequence[int]
    ) -> "EquivalenceClass | None":
        """Return the class of the DAGs with these arrows and v-structures, worked out in the connected components of what has changed.

        None where no DAG has them, which happens only where something is known.
        """
        component = new = of(changed)
        while new:
            around = 0
            for v in members(new):
                around |= joined[v]
            new = around & ~component
            component |= new
        dag, left = extended(parents, children, lines, joined, component)
        if left:
            return None
        within = list(members(component))
        for v in within:
            parents[v] = children[v] = lines[v] = 0
        found = EquivalenceClass(parents, children, lines, joined, self.known)
        found._orient(dag, within)
        return found


def forward(start: EquivalenceClass, score: LocalScore, context: Context, tell: bool = False) -> EquivalenceClass:
    """Make the best insertion until none improves the score; ``tell`` says whether to report progress."""
    now, p = start, score.p
    versions = [0] * p  # of the neighbourhood of each node; an insertion asked for an older one has lapsed
    heap: list[tuple[float, int, int, int, int]] = []
    known: dict[tuple[int, int], list[tuple[float, int]]] = {}
    fresh = list(range(p))
    with context.best_so_far():
        for n_edges in itertools.count():
            context.check()
            if tell:
                context.progress(0.9 * n_edges / (n_edges + p), f"{n_edges:,} edges")
            for minus_gain, x, y, clique in _insertions(now, fresh, score, known):
                heapq.heappush(heap, (minus_gain, x, y, clique, versions[y]))
            waiting = []
            while heap:
                minus_gain, x, y, clique, version = heapq.heappop(heap)
                if version != versions[y] or now.joined[x] >> y & 1:
                    continue
                if now.lines[y] & now.joined[x] & ~clique or not now.blocked(y, x, clique):
                    waiting.append((minus_gain, x, y, clique, version))  # not possible now; another insertion may make it so
                    continue
                after = now.inserted(x, y, clique & now.lines[y])
                if after is not None:
                    break
                waiting.append((minus_gain, x, y, clique, version))
            else:
                break
            fresh = [v for v in range(p) if (after.parents[v], after.lines[v]) != (now.parents[v], now.lines[v])]
            both = 1 << x | 1 << y
            fresh += [v for v in range(p) if v not in fresh and after.lines[v] & both == both]  # these have new cliques of line-neighbours
            for v in fresh:
                versions[v] += 1
            for put_off in waiting:
                heapq.heappush(heap, put_off)
            now = after
    return now


def _insertions(
    now: EquivalenceClass, targets: Sequence[int], score: LocalScore, known: dict[tuple[int, int], list[tuple[float, int]]]
) -> Iterator[tuple[float, int, int, int]]:
    """Yield (minus gain, x, y, clique) of all improving insertions into some targets, possible or not."""
    wanted = [(y, clique) for y in targets for clique in now.cliques(now.lines[y])]
    new = [(y, now.parents[y] | clique) for y, clique in wanted if (y, now.parents[y] | clique) not in known]
    by_set = {(y, tuple(members(given))): given for y, given in new}
    for nodes, sets in by_size(list(by_set)):
        for y, chosen in zip(nodes.tolist(), sets.tolist(), strict=True):
            known[y, by_set[y, tuple(chosen)]] = []
        rows, candidates, gains = score.improving(nodes, sets)
        keys = [(y, by_set[y, tuple(chosen)]) for y, chosen in zip(nodes.tolist(), sets.tolist(), strict=True)]
        for row, x, gain in zip(rows.tolist(), candidates.tolist(), gains.tolist(), strict=True):
            known[keys[row]].append((gain, x))
    for y, clique in wanted:
        for gain, x in known[y, now.parents[y] | clique]:
            if gain > score.tolerance and not now.joined[y] >> x & 1 and not (now.known and now.known.barred[y] >> x & 1):
                yield -gain, x, y, clique


def backward(start: EquivalenceClass, score: LocalScore, context: Context) -> EquivalenceClass:
    """Make the best deletion until none improves the score."""
    now, known = start, dict[tuple[int, int, int], float]()
    with context.best_so_far():
        while True:
            context.check()
            wanted = []
            for y in range(score.p):
                for x in members((now.parents[y] | now.lines[y]) & ~(now.known.must[y] if now.known else 0)):
                    for kept in now.cliques(now.lines[y] & now.joined[x]):
                        wanted.append((x, y, kept, (now.parents[y] | kept) & ~(1 << x)))
            new = {(y, (*members(given), x)): (x, y, given) for x, y, _, given in wanted if (x, y, given) not in known}
            for nodes, sets in by_size(list(new)):
                changes = score.fit(nodes, sets).dropped[:, -1]
                for y, chosen, change in zip(nodes.tolist(), sets.tolist(), changes.tolist(), strict=True):
                    known[new[y, tuple(chosen)]] = change
            better = [(-known[x, y, given], n) for n, (x, y, _, given) in enumerate(wanted) if known[x, y, given] > score.tolerance]
            for _, n in sorted(better):
                x, y, kept, _ = wanted[n]
                after = now.deleted(x, y, now.lines[y] & now.joined[x] & ~kept)
                if after is not None:
                    now = after
                    break
            else:
                break  # of the search
    return now
