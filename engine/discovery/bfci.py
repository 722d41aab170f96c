"""BFCI: an order search draws the graph, and tests take away and mark what hidden causes explain better."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from engine.core import Context, field, method
from engine.discovery.boss import BossParams
from engine.discovery.boss import search as order_search
from engine.discovery.fci_plus import FciPlusParams, minimal, without_links
from engine.discovery.knowledge import Knowledge
from engine.discovery.latent import PagResult, close, pag_result
from engine.discovery.memory import Memory
from engine.discovery.possible_d_sep import unshielded_colliders
from engine.discovery.result import GraphResult
from engine.discovery.scored import ScoredResult
from engine.discovery.skeleton import Batch, Bools, Ints, Separators
from engine.discovery.stability import supported
from engine.discovery.statements import statements
from engine.graphs.bitsets import of
from engine.independence import IndependenceTest


@dataclass(frozen=True)
class BfciParams(FciPlusParams, BossParams):
    """Parameters of the order search and of the tests after it."""

    repair: bool = field(
        True, "Force a valid PAG",
        help="When test results contradict each other, return the PAG of a graph close to what was found instead of an invalid one.",
    )  # fmt: skip


@method(
    "bfci", area="discovery", label="Order search, then FCI (hybrid)", needs="independence", gives="pag",
    cite="Ogarrio, Spirtes, Ramsey 2016; Andrews, Ramsey, Sanchez Romero, Camchong, Kummerfeld 2023; Claassen, Mooij, Heskes 2013",
)  # fmt: skip
def bfci(test: IndependenceTest, params: BfciParams, context: Context) -> GraphResult:
    """Learn the PAG of variables that may have hidden common causes, from the graph of an order search and few tests.

    Parameters
    ----------
    test : stands for the data; its correlations or categories make the score, and it answers the questions about edges.

    Returns
    -------
    PagResult with ``graph`` (PAG over p nodes), ``conflicts``, ``is_valid``, ``is_repaired`` and ``trace``.

    Raises
    ------
    UserError
        When there is no score for this kind of test.

    Notes
    -----
    The DAG of the best score search has all edges of the PAG. It has others where a cause is hidden, each of them in a triangle: let the
    ends be separable; in the DAG the parents of a node are what a path of colliders among the earlier nodes leads to, and the second node
    of such a path, or the first later node whose presence lets the ends be separated, is joined to both. So only edges in triangles are
    asked, given all sets of neighbours, and those left of which tests say that neither end is a cause of the other are asked again as in
    FCI+. Two nodes that the DAG does not join are separated by the parents of the later one: this makes its unshielded triples colliders
    or none, whose edges may have fallen since; tests say so of triples that were shielded. The rules of FCI do the rest. When all tests are
    true the graph is that of FCI; on data the score draws more true edges and directions than tests alone, and the outcome is always a
    valid PAG unless ``repair`` is off.
    """
    return supported(search, test, params, context)


def search(test: IndependenceTest, params: BfciParams, context: Context) -> PagResult:
    """Search once, without resamples."""
    known = params.known(test.nodes)
    found = OrderSeparators(test, order_search(test, _without_forbidden(params, test), context.share(0, 0.6)), known)
    context = context.share(0.6, 1)
    shielded = in_triangles(found.joined)
    adjacent = without_shielded(shielded, found, params.max_given, context.share(0, 0.4))
    adjacent = without_links(adjacent, found, params, context, among=shielded)
    found.improve(adjacent, context)
    oriented = unshielded_colliders(adjacent, found)
    close(oriented, found, params, context)
    return pag_result(found, oriented, params, context)


def _without_forbidden(params: BfciParams, test: IndependenceTest) -> BfciParams:
    """Return the parameters for the order search: a hidden cause may join what no arrow can, so only the order in time counts there."""
    kept = dict.fromkeys(said.text for said in statements(params.knowledge, test.nodes) if said.kind != "forbidden")
    return dataclasses.replace(params, knowledge="\n".join(kept))


class OrderSeparators(Separators):
    """The separating sets of pairs when a DAG is known: parents for pairs that it does not join, for the others what tests found.

    Parameters
    ----------
    scored : the end of an order search.
    known : as of `Separators`.

    Attributes
    ----------
    joined : (p, p) the edges of its DAG, in the numbers of this object.
    """

    def __init__(self, test: IndependenceTest, scored: ScoredResult, known: Knowledge | None = None):
        super().__init__(test, known)
        assert scored.order is not None
        by_name = [test.nodes[k] for k in self.order]
        number = {node: k for k, node in enumerate(by_name)}
        arrows = np.zeros((test.p, test.p), dtype=bool)
        arrows[scored.gains["source"].map(number), scored.gains["target"].map(number)] = True
        self.joined: Bools = arrows | arrows.T
        self._parents = [np.flatnonzero(column) for column in arrows.T]
        place = {node: k for k, node in enumerate(scored.order)}
        self._place = [place[node] for node in by_name]
        self._memory = Memory(test, self.order)

    def given(self, i: int, j: int) -> Ints:
        """Return the set that separates two nodes."""
        if self.joined[i, j]:
            return super().given(i, j)
        return self._parents[i if self._place[i] > self._place[j] else j]

    def by_size(self, i: Ints, j: Ints) -> Iterator[Batch]:
        """Yield (i, j, given): some separated pairs (m,) with the sets that separate them, those with sets of one size together."""
        alike: dict[int, list[tuple[int, int, list[int]]]] = {}
        for a, b in zip(i.tolist(), j.tolist(), strict=True):
            given = self.given(a, b).tolist()
            alike.setdefault(len(given), []).append((a, b, given))
        for size, rows in sorted(alike.items()):
            first, second, sets = zip(*rows, strict=True)
            yield np.array(first), np.array(second), np.array(sets, int).reshape(len(rows), size)

    def separators(self, adjacent: Bools) -> Mapping[tuple[int, int], int]:
        """Return the sets that separate pairs i < j that are not adjacent, made minimal by tests when they are asked for."""
        return _MinimalSets(self, adjacent, self._memory)


class _MinimalSets(dict[tuple[int, int], int]):
    """Minimal separating sets, each worked out when ``get`` first asks for it."""

    def __init__(self, found: Separators, adjacent: Bools, memory: Memory):
        super().__init__()
        self._found, self._adjacent, self._memory = found, adjacent, memory

    def get(self, pair: tuple[int, int], default: int = 0) -> int:  # type: ignore[override]
        if pair not in self:
            i, j = pair
            if self._adjacent[i, j]:
                return default
            given = of(self._found.given(i, j).tolist())
            # what the score left out a test may call dependent
            self[pair] = minimal(i, j, given, self._memory) if self._memory.independent(i, j, given) else given
        return self[pair]


def in_triangles(joined: Bools) -> Bools:
    """Return (p, p) which edges have ends with a neighbour in common."""
    near = joined.astype(np.float32)
    shielded: Bools = joined & (near @ near > 0)
    return shielded


def without_shielded(shielded: Bools, found: OrderSeparators, max_given: int | None, context: Context) -> Bools:
    """Return the (p, p) adjacency that is left of the DAG when edges were asked given all sets of neighbours of either end.

    Parameters
    ----------
    shielded : (p, p) the edges to ask.
    found : what separates pairs; told of each further separation.
    max_given : largest conditioning set, None for no limit.
    """
    adjacent = found.joined.copy()
    with context.best_so_far():
        for size in itertools.count():
            pairs = shielded & adjacent
            degree = adjacent.sum(axis=1)[pairs.any(axis=1)]
            if degree.max(initial=0) <= size or (max_given is not None and size > max_given):
                break
            context.progress(min(size / 8, 0.9), f"sets of {size}, {int(pairs.sum()) // 2:,} edges in triangles left")
            tested = found.ask(pairs, adjacent, size, context)
            adjacent &= found.unseparated()
            if not tested:
                break
    return adjacent
