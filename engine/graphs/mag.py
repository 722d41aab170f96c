"""Maximal ancestral graphs: what is left of a DAG when some of its variables are not measured."""

from collections.abc import Iterable, Iterator

import numpy as np

from engine.core import UserError
from engine.graphs.bitsets import members, of, rows
from engine.graphs.graph import Graph, Mark
from engine.graphs.separation import Separation


def mag_of(dag: Graph, latent: Iterable[str] = (), selected: Iterable[str] = ()) -> Graph:
    """Return the MAG on the observed variables of a DAG (or of a MAG): its latent projection.

    Parameters
    ----------
    dag : a DAG or MAG over p nodes.
    latent : names of the variables that are not measured.
    selected : names of the variables whose value decided which samples were taken (selection bias).

    Returns
    -------
    Graph
        Kind ``mag`` over the other nodes, in the order of ``dag``.

    Notes
    -----
    i and j are adjacent iff they are not separated by the observed members of An({i, j} u S), S the selected variables. The mark at i is
    a tail iff i is an ancestor of j or of S (Richardson and Spirtes 2002, section 4.2).
    """
    hidden, chosen = of(map(dag.index, latent)), of(map(dag.index, selected))
    if hidden & chosen:
        raise UserError("A variable cannot be latent and selected at once.", "Name it once.", dag.nodes[next(members(hidden & chosen))])
    separation = Separation(dag)
    behind = separation.ancestors_of(chosen)
    seen = [i for i in range(dag.p) if not (hidden | chosen) >> i & 1]
    marks = np.zeros((dag.p, dag.p), np.uint8)
    near = _perhaps_adjacent(dag, hidden)
    for i in seen:
        for j in members(near[i] & ~hidden & ~chosen & ~((2 << i) - 1)):
            above = separation.ancestors[i] | separation.ancestors[j] | behind
            if separation.separated(i, j, (above & ~hidden | chosen) & ~(1 << i) & ~(1 << j)):
                continue
            marks[j, i] = Mark.TAIL if (separation.ancestors[j] | behind) >> i & 1 else Mark.ARROW
            marks[i, j] = Mark.TAIL if (separation.ancestors[i] | behind) >> j & 1 else Mark.ARROW
    return Graph(tuple(dag.nodes[i] for i in seen), marks[np.ix_(seen, seen)], "mag")


def is_maximal(mag: Graph) -> bool:
    """Return whether every two nodes that are not adjacent can be separated.

    Notes
    -----
    They cannot iff an inducing path joins them: every node between is a collider on it and an ancestor of one of the ends
    (Richardson and Spirtes 2002, corollary 4.3). Between its ends such a path has bidirected edges only.
    """
    return next(inducing_pairs(*_sets(mag)), None) is None


def maximal_closure(mag: Graph) -> Graph:
    """Return the maximal ancestral graph with the same separations: nodes that nothing separates are joined by a bidirected edge.

    Notes
    -----
    Exactly the ends of inducing paths get an edge, and none of them is an ancestor of the other (Richardson and Spirtes 2002, theorem 5.1).
    """
    marks = mag.marks.copy()
    for i, j in inducing_pairs(*_sets(mag)):
        marks[i, j] = marks[j, i] = Mark.ARROW
    return Graph(mag.nodes, marks, "mag")


def inducing_pairs(spouses: list[int], out: list[int], joined: list[int], ancestors: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs i < j that are not adjacent, and yet joined by an inducing path.

    Parameters
    ----------
    spouses, out, joined, ancestors : for each node the nodes with a bidirected edge to it, with an arrowhead at the far end, with any
        edge, and its ancestors with itself.
    """
    for i, around in enumerate(joined):
        for j in members(~around & ((1 << len(joined)) - 1) & ~((2 << i) - 1)):
            inside = (ancestors[i] | ancestors[j]) & ~(1 << i) & ~(1 << j)
            reached = fresh = out[i] & inside
            while fresh:
                beside = 0
                for v in members(fresh):
                    beside |= spouses[v]
                fresh = beside & inside & ~reached
                reached |= fresh
            if reached & out[j]:
                yield i, j


def _sets(mag: Graph) -> tuple[list[int], list[int], list[int], list[int]]:
    arrow = mag.marks == Mark.ARROW
    return rows(arrow & arrow.T), rows(arrow), rows(mag.skeleton), Separation(mag).ancestors


def _perhaps_adjacent(dag: Graph, hidden: int) -> list[int]:
    """Return for each node those that a path reaches whose every non-collider is hidden; a superset of the adjacent ones."""
    arrow, joined = dag.marks == Mark.ARROW, dag.skeleton
    # edges of v by the mark at v, then by the mark at the far end
    at_head = rows(arrow & arrow.T), rows(arrow.T & ~arrow)
    at_tail = rows(arrow & ~arrow.T), rows(joined & ~arrow & ~arrow.T)
    found = []
    for i in range(dag.p):
        by_head = new_head = at_head[0][i] | at_tail[0][i]
        by_tail = new_tail = at_head[1][i] | at_tail[1][i]
        while new_head | new_tail:
            to_head = to_tail = 0
            for v in members(new_head | new_tail & hidden):
                to_head |= at_head[0][v]
                to_tail |= at_head[1][v]
            for v in members((new_head | new_tail) & hidden):
                to_head |= at_tail[0][v]
                to_tail |= at_tail[1][v]
            new_head, new_tail = to_head & ~by_head, to_tail & ~by_tail
            by_head |= new_head
            by_tail |= new_tail
        found.append((by_head | by_tail) & ~(1 << i))
    return found
