"""Markov equivalence of DAGs: CPDAGs, interventional CPDAGs, and the DAGs in them."""

from collections.abc import Iterable, Mapping

import numpy as np

from engine.core import UserError
from engine.graphs.bitsets import members, of, relation, rows
from engine.graphs.graph import Graph, Mark, Marks


def cpdag_of(dag: Graph, knowledge: Iterable[tuple[str, str]] | None = None) -> Graph:
    """Return the CPDAG of a DAG: an arrow where all Markov-equivalent DAGs agree, a line elsewhere.

    Parameters
    ----------
    dag : the DAG over p nodes.
    knowledge : arrows (source, target) that are known; the class is narrowed to the DAGs that have them.

    Raises
    ------
    UserError
        When the graph is not a DAG, or a known arrow contradicts it.

    Notes
    -----
    Arrows of v-structures, closed under Meek's rules R1 to R3, and R4 when there is knowledge (Meek 1995).

    Examples
    --------
    >>> cpdag_of(Graph.from_edges("ABC", ["A --> B", "B --> C"]))
    Graph(cpdag, 3 nodes: A --- B, B --- C)
    """
    marks = _essential(dag)
    for source, target in knowledge or ():
        i, j = dag.index(source), dag.index(target)
        if dag.directed[j, i]:
            raise UserError(
                f"{source} --> {target} is said to be known, but the graph has {target} --> {source}.", "Correct one of them.", source
            )
        if dag.directed[i, j]:
            marks[i, j], marks[j, i] = Mark.ARROW, Mark.TAIL
    return Graph(dag.nodes, meek(marks), "cpdag")


def interventional_cpdag_of(dag: Graph, targets: Mapping[str, Iterable[str] | None]) -> Graph:
    """Return the interventional CPDAG: what observational data and these interventions together can orient.

    Parameters
    ----------
    dag : the DAG over p nodes.
    targets : regime -> variables intervened on; regimes without known targets (None) orient nothing.

    Notes
    -----
    An arrow i -> j with exactly one of i, j among the targets of some regime is oriented too, then Meek's rules are applied (Hauser and
    Bühlmann 2012; Yang, Katcoff and Uhler 2018). Observational data are taken to be there.
    """
    marks = _essential(dag)
    for goal in targets.values():
        chosen = np.zeros(dag.p, dtype=bool)
        chosen[[dag.index(name) for name in goal or ()]] = True
        cut = dag.directed & (chosen[:, None] != chosen[None, :])
        marks[cut], marks[cut.T] = Mark.ARROW, Mark.TAIL
    return Graph(dag.nodes, meek(marks), "cpdag")


def meek(marks: Marks) -> Marks:
    """Return the closure of a partly directed graph under Meek's four orientation rules.

    Parameters
    ----------
    marks : (p, p) marks with arrows and lines only.

    Notes
    -----
    A line a - b becomes a -> b when (R1) c -> a with c, b not adjacent; (R2) a -> c -> b; (R3) a - c -> b and a - d -> b with c, d not
    adjacent; (R4) a - c -> d -> b with a, d adjacent and c, b not. Each new arrow is looked at once in every role it can play, so the
    work is proportional to the arrows, not to p^3 (Meek 1995, figure 1).
    """
    arrow, tail = marks == Mark.ARROW, marks == Mark.TAIL
    parents, children = rows((arrow & tail.T).T), rows(arrow & tail.T)
    closed = marks.copy()
    for a, b in close_arrows(parents, children, rows(tail & tail.T), rows(marks != Mark.NONE)):
        closed[a, b], closed[b, a] = Mark.ARROW, Mark.TAIL
    return closed


def close_arrows(
    parents: list[int], children: list[int], lines: list[int], joined: list[int], within: Iterable[int] | None = None
) -> list[tuple[int, int]]:
    """Apply Meek's rules to the neighbourhoods of a graph, sets in bits that are changed in place; return the new arrows.

    Parameters
    ----------
    within : nodes of some connected components, the others being closed already; all nodes if not given.
    """
    # an arrow without a line at its ends directs none
    fresh = [(a, b) for a in (range(len(children)) if within is None else within) for b in members(children[a]) if lines[a] | lines[b]]
    found = []

    def orient(sources: Iterable[int], targets: Iterable[int]) -> None:
        for a in sources:
            for b in targets:
                if lines[a] >> b & 1:
                    lines[a] ^= 1 << b
                    lines[b] ^= 1 << a
                    parents[b] |= 1 << a
                    children[a] |= 1 << b
                    found.append((a, b))
                    fresh.append((a, b))

    while fresh:
        a, b = fresh.pop()
        far_from_a, far_from_b = ~joined[a], ~joined[b]
        if lines[b]:
            orient((b,), members(lines[b] & far_from_a))  # R1
            orient(members(parents[a] & lines[b]), (b,))  # R2, a -> b second
            for d in members(parents[b] & far_from_a & ~(1 << a)):  # R3
                orient(members(lines[a] & lines[d] & lines[b]), (b,))
            for c in members(parents[a] & far_from_b):  # R4, a -> b second
                orient(members(lines[b] & lines[c] & joined[a]), (b,))
        if lines[a]:
            orient((a,), members(lines[a] & children[b]))  # R2, a -> b first
            for c in members(children[b] & far_from_a):  # R4, a -> b first
                orient(members(lines[c] & lines[a] & joined[b]), (c,))
    return found


def dag_of(cpdag: Graph) -> Graph:
    """Return a DAG with the arrows of a partly directed graph, its skeleton and no further v-structure.

    Raises
    ------
    UserError
        When there is no such DAG, or the graph has bidirected edges or circles.

    Notes
    -----
    Dor and Tarsi 1992: repeatedly remove a node that has no children and whose line-neighbours are adjacent to all its neighbours.
    """
    if not (cpdag.directed | cpdag.directed.T | cpdag.undirected)[cpdag.skeleton].all():
        raise UserError("Only a graph of arrows and lines can be completed to a DAG.", "Take a member of a PAG with mag_in.")
    parents, left = extended(rows(cpdag.directed.T), rows(cpdag.directed), rows(cpdag.undirected), rows(cpdag.skeleton))
    if left:
        stuck = cpdag.nodes[next(members(left))]
        raise UserError(
            f"No DAG has this skeleton and exactly these v-structures (stuck at {stuck}).",
            "The lines form a cycle without chord, or an arrow forces another v-structure. Reconsider these edges.", stuck,
        )  # fmt: skip
    return Graph.from_directed(cpdag.nodes, relation(parents).T, "dag")


def extended(
    parents: list[int], children: list[int], lines: list[int], joined: list[int], within: int | None = None
) -> tuple[list[int], int]:
    """Direct all lines of a graph given by its neighbourhoods (sets in bits) without a new v-structure or cycle, see `dag_of`.

    Parameters
    ----------
    within : nodes of some connected components whose lines are directed; all nodes if not given.

    Returns
    -------
    The parents of each node, and the set of nodes that could not be placed: empty when such a DAG exists.
    """
    done = list(parents)
    left = (1 << len(parents)) - 1 if within is None else within
    waiting = set(members(left))
    while waiting:
        sink = waiting.pop()
        around = joined[sink] & left
        is_sink = not children[sink] & left and all(not around & ~joined[v] & ~(1 << v) for v in members(lines[sink] & left))
        if not left >> sink & 1 or not is_sink:
            continue
        done[sink] |= lines[sink] & left
        left ^= 1 << sink
        waiting.update(members(around))  # only these can have become sinks
    return done, left


def _essential(dag: Graph) -> Marks:
    """Return the skeleton with the arrows of its v-structures only."""
    if dag.kind != "dag":
        raise UserError(f"A CPDAG is made of a DAG, not of a {dag.kind.upper()}.", "Take a member with dag_of first.")
    marks = np.where(dag.skeleton, np.uint8(Mark.TAIL), np.uint8(Mark.NONE))
    joined, parents = rows(dag.skeleton), rows(dag.directed.T)
    for c in range(dag.p):
        apart = of(a for a in members(parents[c]) if parents[c] & ~joined[a] & ~(1 << a))
        marks[list(members(apart)), c] = Mark.ARROW
    return marks
