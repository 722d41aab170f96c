"""Markov equivalence of MAGs: PAGs, the MAGs in them, and the question whether two graphs say the same."""

import numpy as np

from engine.core import UserError
from engine.graphs.bitsets import rows
from engine.graphs.cpdag import dag_of
from engine.graphs.graph import Graph, Mark
from engine.graphs.mag import is_maximal
from engine.graphs.orientation import IsNonCollider, orient


def pag_of(mag: Graph, selection: bool = False) -> Graph:
    """Return the PAG of a MAG: a mark where all Markov-equivalent MAGs agree, a circle elsewhere.

    Parameters
    ----------
    mag : a MAG (or a DAG) over p nodes.
    selection : whether the class holds MAGs with undirected edges (selection bias); it must when ``mag`` has such edges.

    Raises
    ------
    UserError
        When the graph has circles, or undirected edges without ``selection``.

    Notes
    -----
    Rules R0 to R4 and R8 to R10, with ``selection`` R5 to R7 too, asking the MAG itself which nodes are colliders (Zhang 2008).
    """
    if (mag.marks == Mark.CIRCLE).any() or mag.kind not in ("dag", "mag", "ug"):
        raise UserError(f"A PAG is made of a MAG, not of a {mag.kind.upper()}.", "Take a member with mag_in or dag_of first.")
    if mag.undirected.any() and not selection:
        raise UserError("This MAG has undirected edges, which only selection bias can explain.", "Allow for selection bias.")
    into = rows((mag.marks == Mark.ARROW).T)
    circles = np.where(mag.skeleton, np.uint8(Mark.CIRCLE), np.uint8(Mark.NONE))
    oriented = orient(
        circles,
        is_collider=lambda i, k, j: bool(into[k] >> i & into[k] >> j & 1),
        is_noncollider=noncolliders_of(mag),
        selection=selection,
    )
    return Graph(mag.nodes, oriented.marks, "pag")


def noncolliders_of(mag: Graph) -> IsNonCollider:
    """Return the function that rule R4 asks whether the last but one node of a path is no collider on it, answered by a MAG."""
    into = rows((mag.marks == Mark.ARROW).T)
    return lambda path: not into[path[-2]] >> path[-3] & into[path[-2]] >> path[-1] & 1


def mag_in(pag: Graph) -> Graph:
    """Return one MAG of the class that a PAG stands for.

    Raises
    ------
    UserError
        When the marks contradict each other, so that there is none of this shape.

    Notes
    -----
    o-> becomes ->, --o becomes a directed edge away from the tail, and the o-o part, which is chordal, a DAG without unshielded collider
    (Zhang 2008, theorem 2). Together with the arrows it is free of cycles too, which matters where knowledge has set some of them.
    """
    marks = pag.marks.copy()
    circle = marks == Mark.CIRCLE
    loose = circle & circle.T
    marks[circle.T & (pag.marks == Mark.ARROW)] = Mark.ARROW  # the far end stays
    marks[circle & (pag.marks.T == Mark.ARROW)] = Mark.TAIL
    marks[circle & (pag.marks.T == Mark.TAIL)] = Mark.ARROW
    lines = loose.any(axis=0)
    inner = (marks == Mark.ARROW) & (marks.T == Mark.TAIL) & lines[:, None] & lines[None, :]
    partly = np.where(loose | inner.T, np.uint8(Mark.TAIL), np.where(inner, np.uint8(Mark.ARROW), np.uint8(Mark.NONE)))
    marks[loose] = dag_of(Graph(pag.nodes, partly, "cpdag")).marks[loose]
    return Graph(pag.nodes, marks, "mag")


def is_valid_pag(pag: Graph) -> bool:
    """Return whether the marks are exactly those of some Markov class of MAGs.

    Notes
    -----
    Takes a MAG of the supposed class and compares its PAG mark by mark.
    """
    try:
        mag = mag_in(pag)
    except UserError:
        return False
    at_tail = (pag.marks == Mark.TAIL) & (pag.marks.T != Mark.ARROW)
    return is_maximal(mag) and bool(np.array_equal(pag_of(mag, selection=bool(at_tail.any())).marks, pag.marks))


def markov_equivalent(a: Graph, b: Graph) -> bool:
    """Return whether two DAGs or MAGs on the same variables have the same separations.

    Raises
    ------
    UserError
        When the graphs have other variables, or circles.

    Notes
    -----
    DAGs: same skeleton and v-structures (Verma and Pearl 1990). MAGs: same PAG, which is complete (Zhang 2008).
    """
    if set(a.nodes) != set(b.nodes):
        other = sorted(set(a.nodes) ^ set(b.nodes))
        raise UserError(
            f"The graphs do not have the same variables: {', '.join(other[:5])}.", "Compare graphs on the same variables.", other[0]
        )
    b = b.subgraph(a.nodes)
    if not np.array_equal(a.skeleton, b.skeleton):
        return False
    if a.kind == b.kind == "dag":
        return a.v_structures() == b.v_structures()
    selection = bool(a.undirected.any() or b.undirected.any())
    return bool(np.array_equal(pag_of(a, selection).marks, pag_of(b, selection).marks))
