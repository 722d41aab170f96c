"""FCI+: the PAG of FCI, with far fewer tests where the graph is sparse."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from engine.core import Context, field, method
from engine.discovery.latent import LatentParams, PagResult, close, pag_result
from engine.discovery.memory import Memory, Question
from engine.discovery.possible_d_sep import no_causes, possible_links, unshielded_colliders
from engine.discovery.result import GraphResult
from engine.discovery.skeleton import Bools, Separators, skeleton
from engine.discovery.stability import supported
from engine.graphs.bitsets import members, of, rows
from engine.independence import IndependenceTest


@dataclass(frozen=True)
class FciPlusParams(LatentParams):
    """Parameters of FCI+."""

    max_base: int | None = field(
        None, "Largest base", low=0, high=20, advanced=True,
        help="How many neighbours of either end of an edge the search for a separating set starts from; none means all.",
    )  # fmt: skip


@method("fci_plus", area="discovery", label="FCI+", needs="independence", gives="pag", cite="Claassen, Mooij, Heskes 2013")
def fci_plus(test: IndependenceTest, params: FciPlusParams, context: Context) -> GraphResult:
    """Learn the PAG of variables that may have hidden common causes, in polynomial time where degrees are bounded.

    Parameters
    ----------
    test : answers questions about p variables; every answer is recorded in ``test.trace``.

    Returns
    -------
    PagResult with ``graph`` (PAG over p nodes), ``conflicts``, ``is_valid`` and ``trace``.

    Notes
    -----
    The skeleton is that of PC. Each end of an edge x - y of it that is none of the true graph can be seen to be no cause of the other: some
    node u is separated from y, and no longer when x is given too; and the same with x and y exchanged. For each such edge the sets asked
    are hierarchies: the ends and some neighbours of each, and again and again all that separates two members found so far, without the
    ends themselves. When one separates, a minimal part of it is kept, and the search begins anew with what is known now. Orientation is
    that of FCI, and so is the graph when all tests are true.
    """
    return supported(search, test, params, context)


def search(test: IndependenceTest, params: FciPlusParams, context: Context) -> PagResult:
    """Run FCI+ once, without resamples."""
    found = Separators(test, params.known(test.nodes))
    adjacent = skeleton(found, params.max_given, context)
    adjacent = without_links(adjacent, found, params, context)
    found.improve(adjacent, context)
    oriented = unshielded_colliders(adjacent, found)
    close(oriented, found, params, context)
    return pag_result(found, oriented, params, context)


def without_links(adjacent: Bools, found: Separators, params: FciPlusParams, context: Context, among: Bools | None = None) -> Bools:
    """Return the (p, p) adjacency without the edges that some hierarchy separates; fills ``found``.

    Parameters
    ----------
    among : (p, p) the edges that may fall, None for all.
    """
    memory = Memory(found.test, found.order)
    with context.best_so_far():
        while fallen := _separated_links(adjacent, found, memory, params, context, among):
            for i, j, given in fallen:
                found.ask_all([(np.array([i]), np.array([j]), np.array([list(members(given))], int).reshape(1, -1))], context)
            adjacent = adjacent & found.unseparated()
    return adjacent


def _separated_links(
    adjacent: Bools, found: Separators, memory: Memory, params: FciPlusParams, context: Context, among: Bools | None
) -> list[Question]:
    """Return the edges that the smallest bases separate, each with a minimal separating set."""
    joined, separator = rows(adjacent), found.separators(adjacent)
    links = possible_links(no_causes(adjacent, found, params.max_given, context, among))
    degree = max((joined[i].bit_count() - 1 for link in links for i in link), default=0)
    largest = degree if params.max_base is None else min(degree, params.max_base)
    most = len(joined) if params.max_given is None else params.max_given
    for size in range(2 * largest + 1):
        context.progress(0.8, f"{len(links):,} edges in question, bases of {size}")
        asked = {
            link: [given for given in dict.fromkeys(_hierarchies(link, joined, separator, size, largest)) if given.bit_count() <= most]
            for link in links
        }  # fmt: skip
        memory.ask((*link, given) for link, sets in asked.items() for given in sets)
        hits = [(link, next((s for s in sets if memory.independent(*link, s)), None)) for link, sets in asked.items()]
        fallen = [(*link, minimal(*link, given, memory)) for link, given in hits if given is not None]
        if fallen:
            return fallen
    return []


def _hierarchies(
    link: tuple[int, int], joined: list[int], separator: Mapping[tuple[int, int], int], size: int, largest: int
) -> Iterator[int]:
    """Yield the candidate sets whose bases hold ``size`` neighbours of the two ends in all, at most ``largest`` of either."""
    i, j = link
    ends = 1 << i | 1 << j
    near_i, near_j = list(members(joined[i] & ~ends)), list(members(joined[j] & ~ends))
    for of_i in range(max(0, size - largest), min(size, largest) + 1):
        for left in itertools.combinations(near_i, of_i):
            for right in itertools.combinations(near_j, size - of_i):
                yield hierarchy(ends | of(left) | of(right), separator) & ~ends


def hierarchy(nodes: int, separator: Mapping[tuple[int, int], int]) -> int:
    """Return the closure of a set under: what separates two members belongs to it."""
    seen, waiting = 0, nodes
    while waiting:
        v = waiting.bit_length() - 1
        for u in members(seen):
            waiting |= separator.get((u, v) if u < v else (v, u), 0)
        seen |= 1 << v
        waiting &= ~seen
    return seen


def minimal(i: int, j: int, given: int, memory: Memory) -> int:
    """Return a part of a separating set from which no single node can be left out."""
    while True:
        spare = next((k for k in members(given) if memory.independent(i, j, given & ~(1 << k))), None)
        if spare is None:
            return given
        given &= ~(1 << spare)
