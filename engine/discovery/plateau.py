"""Where no move drops an edge: look through equally sparse graphs, a few moves far or through the whole Markov equivalence class.

A reversal of a covered edge that drops nothing leads to a Markov-equivalent DAG, and every equivalent DAG is reached by such reversals
(Chickering 1995). So the equally sparse graphs within reach are the DAGs of one class.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from engine.core import Context
from engine.discovery.reversals import Dag, RemovalTests, Reversal, steepest
from engine.graphs.bitsets import members
from engine.graphs.cpdag import close_arrows

LIMIT = 20_000  # graphs, or moves of one size, looked at before the search is cut short; about a second and 100 MB
CUT = "A search among equally sparse graphs was cut short after {:,}; a sparser graph may exist."


def look_ahead(walk: Dag, depth: int, removals: RemovalTests, context: Context) -> bool:
    """Walk depth-first over at most ``depth`` reversals that drop nothing to one that drops an edge, and make that too.

    Returns
    -------
    Whether the walk is now on a sparser graph; if not, it is where it was.

    Notes
    -----
    No graph is visited twice. A graph is known by the set of edges that are turned round, one bit each.
    """
    bit_of: dict[frozenset[int], int] = {}
    turned, seen = 0, {0}
    path: list[tuple[int, int, int]] = []
    fronts = [_shuffled(walk.covered(), context.rng)]
    while fronts:
        context.check()
        if len(seen) > LIMIT:
            context.warn(CUT.format(LIMIT))
            fronts[-1].clear()
        if not fronts[-1] or len(path) == depth:
            fronts.pop()
            if path:
                i, j, bit = path.pop()
                walk.reverse(j, i)
                turned ^= bit
            continue
        i, j, _ = fronts[-1].pop()
        bit = bit_of.setdefault(frozenset((i, j)), 1 << len(bit_of))
        if turned ^ bit in seen:
            continue
        turned ^= bit
        seen.add(turned)
        path.append((i, j, bit))
        walk.reverse(i, j)
        losses = removals.losses(walk.covered((i, j)))  # only these moves are new here
        if losses:
            step, lost = steepest(losses, context.rng)
            walk.reverse(step.i, step.j, lost)
            return True
        fronts.append(_shuffled(walk.covered(), context.rng))
    return False


def search_class(walk: Dag, removals: RemovalTests, context: Context) -> bool:
    """Find a move that drops an edge in any DAG of the class, walk there and make it.

    Returns
    -------
    Whether the walk is now on a sparser graph; if not, no graph of the class has such a move, and the walk is where it was.

    Notes
    -----
    What a reversal of i -> j drops depends only on i, j and P = pa(i). Some DAG of the class has i -> j covered with pa(i) = P iff i - j
    is a line of the CPDAG and P is the nodes with an arrow into i together with a clique of nodes joined to both i and j by lines: a
    chordal component can be ordered from any of its cliques, in any order within the clique. So the moves of all DAGs of the class
    are listed without listing the DAGs, small cliques first. Arrows that are known narrow the class; then a listed move may be one that
    no DAG of the class has, and is passed over.
    """
    lines, above = essential(walk, narrowed=True)
    for size in itertools.count():
        context.check()
        moves = list(itertools.islice(_moves(lines, above, size), LIMIT))
        losses = removals.losses(moves)
        while losses:
            goal, _ = steepest(losses, context.rng)
            if _walk_to(goal, walk, lines, removals):
                return True
            del losses[goal]
        if len(moves) == LIMIT:
            context.warn(CUT.format(LIMIT))
            return False
        if not moves:
            return False
    raise AssertionError("unreachable: no clique is larger than the graph")


def essential(walk: Dag, narrowed: bool = False) -> tuple[list[int], list[int]]:
    """Return the lines at each node of the CPDAG, and the nodes with an arrow into it.

    Parameters
    ----------
    narrowed : whether an arrow to a node that is known to come after is one of the class.
    """
    joined, above = skeleton_and_colliding(walk)
    if narrowed and any(walk.after):
        for a, later in enumerate(walk.after):
            for c in members(walk.children[a] & later):
                above[c] |= 1 << a
    below = [0] * walk.p
    for c, colliding in enumerate(above):
        for a in members(colliding):
            below[a] |= 1 << c
    lines = [around & ~(into | out) for around, into, out in zip(joined, above, below, strict=True)]
    close_arrows(above, below, lines, joined)
    return lines, above


def skeleton_and_colliding(walk: Dag) -> tuple[list[int], list[int]]:
    """Return the neighbours of each node and those of its parents that another parent of it is not joined to.

    These name the Markov equivalence class of a DAG: its skeleton and its v-structures (Verma and Pearl 1990).
    """
    joined = [above | below for above, below in zip(walk.parents, walk.children, strict=True)]
    colliding = []
    for above in walk.parents:
        found = 0
        if above & (above - 1):  # at least two
            for a in members(above):
                if above & ~joined[a] & ~(1 << a):
                    found |= 1 << a
        colliding.append(found)
    return joined, colliding


def _moves(lines: list[int], above: list[int], size: int) -> Iterator[Reversal]:
    """Yield the moves of all DAGs of the class whose clique has this many members."""
    for i in range(len(lines)):
        for j in members(lines[i]):
            for clique in _cliques(lines[i] & lines[j], lines, size):
                yield Reversal(i, j, above[i] | clique)


def _cliques(nodes: int, lines: list[int], size: int) -> Iterator[int]:
    """Yield the cliques with this many members among a set of nodes."""
    if size == 0:
        yield 0
        return
    for v in members(nodes):
        nodes ^= 1 << v
        for rest in _cliques(nodes & lines[v], lines, size - 1):
            yield rest | 1 << v


def _walk_to(goal: Reversal, walk: Dag, lines: list[int], removals: RemovalTests) -> bool:
    """Reverse covered edges until one drops an edge, ``goal`` at the latest; return whether one did.

    Jumping to the DAG with that move would skip moves on the way that drop edges, and end in a graph that is no minimal I-map.
    """
    first = [*members(goal.parents & lines[goal.i] & lines[goal.j]), goal.i, goal.j]
    rank = {v: n for n, v in enumerate(_clique_first(first, lines))}
    while True:
        forwards = (move for move in walk.covered(rank) if (lines[move.i] >> move.j & 1 and rank[move.i] > rank[move.j]) or move == goal)
        step = next(forwards, None)
        if step is None:
            return False
        lost = removals.losses([step]).get(step)
        if lost:
            walk.reverse(step.i, step.j, lost)
            return True
        walk.reverse(step.i, step.j)


def _clique_first(clique: list[int], lines: list[int]) -> list[int]:
    """Order a chordal component so that the clique comes first and earlier neighbours are joined: maximum cardinality search."""
    order: list[int] = []
    counts = dict.fromkeys(clique, 0)
    while counts:
        v = clique[len(order)] if len(order) < len(clique) else max(counts, key=counts.__getitem__)
        del counts[v]
        order.append(v)
        for u in members(lines[v]):
            if u not in order:
                counts[u] = counts.get(u, 0) + 1
    return order


def _shuffled(reversals: Iterable[Reversal], rng: np.random.Generator) -> list[Reversal]:
    found = list(reversals)
    return [found[n] for n in rng.permutation(len(found))]
