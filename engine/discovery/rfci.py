"""RFCI: what FCI finds, as far as tests given sets of neighbours can tell."""

import itertools
from collections.abc import Iterable

import numpy as np

from engine.core import Context, method
from engine.discovery.latent import LatentParams, PagResult, pag_result
from engine.discovery.memory import Memory
from engine.discovery.result import GraphResult
from engine.discovery.skeleton import Bools, Separators, skeleton
from engine.discovery.stability import supported
from engine.graphs import Mark
from engine.graphs.bitsets import members, of
from engine.graphs.orientation import Orientation
from engine.independence import IndependenceTest

Triple = tuple[int, int, int]


@method(
    "rfci", area="discovery", label="RFCI (quick)", needs="independence", gives="pag", cite="Colombo, Maathuis, Kalisch, Richardson 2012"
)
def rfci(test: IndependenceTest, params: LatentParams, context: Context) -> GraphResult:
    """Learn a graph whose every mark holds with hidden causes, without tests beyond the neighbours.

    Parameters
    ----------
    test : answers questions about p variables; every answer is recorded in ``test.trace``.

    Returns
    -------
    PagResult with ``graph`` (over p nodes), ``conflicts``, ``is_valid`` and ``trace``.

    Notes
    -----
    The skeleton is that of PC, so that an edge may be left that FCI takes away. Before an unshielded triple i, k, j counts as a collider or
    as none, i, k and k, j are asked again given what separates i and j without k, and an edge found independent falls; so do the edges of
    a discriminating path before rule R4 uses it, given all subsets of what separates its ends. Then every arrowhead and every tail is true,
    but some that FCI sets may be circles. Quick in sparse graphs. Exact in this sense under faithfulness.
    """
    return supported(search, test, params, context)


def search(test: IndependenceTest, params: LatentParams, context: Context) -> PagResult:
    """Run RFCI once, without resamples."""
    found = Separators(test, params.known(test.nodes))
    adjacent = skeleton(found, params.max_given, context)
    found.improve(adjacent, context)
    checked = CheckedEdges(adjacent, found, context)
    with context.best_so_far():
        checked.orient_triples(checked.unshielded())
        checked.graph.close(checked.is_noncollider, params.selection)
    return pag_result(found, checked.graph, params, context, "an edge may be left that only tests beyond the neighbours take away, or")


class CheckedEdges:
    """A graph on its way to a PAG whose edges are asked again wherever a rule stands on them.

    Parameters
    ----------
    adjacent : (p, p) the skeleton.
    found : what separates the other pairs; told of each further separation.
    """

    def __init__(self, adjacent: Bools, found: Separators, context: Context):
        self.graph = Orientation(np.where(adjacent, np.uint8(Mark.CIRCLE), np.uint8(Mark.NONE)))
        found.known.put_marks(self.graph)
        self.found, self.context = found, context
        self.memory = Memory(found.test, found.order)

    def unshielded(self) -> list[Triple]:
        """Return all triples i, k, j with i < j not adjacent and k a neighbour of both."""
        joined = self.graph.joined
        return [
            (i, k, j)
            for k in range(self.graph.p)
            for i in members(joined[k])
            for j in members(joined[k] & ~joined[i] & ~((2 << i) - 1))
        ]  # fmt: skip

    def orient_triples(self, triples: Iterable[Triple]) -> None:
        """Ask the legs of unshielded triples again, and put arrowheads where both hold and the triple is a collider."""
        waiting = list(triples)
        self.memory.ask(question for triple in waiting for question in self._legs(*triple))
        confirmed = []
        for i, k, j in waiting:
            self.context.check()
            joined = self.graph.joined
            if not (joined[i] & joined[j]) >> k & 1:
                continue
            legs = self._legs(i, k, j)
            loose = [leg for leg in legs if not self._required(*leg[:2]) and self.memory.independent(*leg)]
            if not loose:
                confirmed.append((i, k, j))
            for a, b, given in loose:
                waiting += self._cut(a, b, given)
        for i, k, j in confirmed:
            if (self.graph.joined[i] & self.graph.joined[j]) >> k & 1 and k not in self.found.given(i, j):
                self.graph.put(i, k, Mark.ARROW, "R0", (i, k, j))
                self.graph.put(j, k, Mark.ARROW, "R0", (i, k, j))

    def is_noncollider(self, path: tuple[int, ...]) -> bool | None:
        """Say for rule R4 what the last but one node of a discriminating path is; None when one of the path's edges falls."""
        given = self._separator(path[0], path[-1])
        for a, b in itertools.pairwise(path):
            if self._required(a, b):
                continue
            inside = list(members(given & ~(1 << a) & ~(1 << b)))
            for size in range(len(inside) + 1):
                for chosen in itertools.combinations(inside, size):
                    if self.memory.independent(a, b, of(chosen)):
                        self.orient_triples(self._cut(a, b, of(chosen)))
                        return None
        return bool(given >> path[-2] & 1)

    def _required(self, i: int, j: int) -> bool:
        return bool(self.found.known.required[i, j] or self.found.known.required[j, i])

    def _separator(self, i: int, j: int) -> int:
        return of(self.found.given(i, j).tolist())

    def _legs(self, i: int, k: int, j: int) -> list[tuple[int, int, int]]:
        given = self._separator(i, j) & ~(1 << k)
        return [(min(end, k), max(end, k), given) for end in (i, j)]

    def _cut(self, a: int, b: int, given: int) -> list[Triple]:
        """Take an edge away, keep a smallest part of ``given`` that separates its ends, and return the triples that it shielded."""
        for size in range(given.bit_count() + 1):
            smallest = next((s for s in itertools.combinations(members(given), size) if self.memory.independent(a, b, of(s))), None)
            if smallest is not None:
                break
        assert smallest is not None
        self.found.ask_all([(np.array([a]), np.array([b]), np.array([smallest], int).reshape(1, -1))], self.context)
        self.graph.remove(a, b)
        low, high = min(a, b), max(a, b)
        return [(low, k, high) for k in members(self.graph.joined[a] & self.graph.joined[b])]
