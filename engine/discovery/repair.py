"""Repair: a valid PAG close to marks that contradict each other."""

import numpy as np
from numpy.typing import NDArray

from engine.graphs import Graph, Mark, is_valid_pag, maximal_closure, pag_of
from engine.graphs.bitsets import members, rows
from engine.graphs.graph import Marks, ancestors

Ranks = NDArray[np.int_]


def nearby_pag(pag: Graph, selection: bool = False) -> Graph:
    """Return the graph itself where it is a valid PAG, otherwise the PAG of an ancestral graph close to it.

    Parameters
    ----------
    pag : marks as some rules left them.
    selection : whether the class may hold undirected edges.

    Notes
    -----
    The way is PAG -> MAG -> PAG. The MAG takes o-> for ->, and o-o away from the first node of an order without unshielded colliders
    where there is one. Arrows against an order that has few such become bidirected; a bidirected edge between a node and its ancestor
    becomes an arrow; nodes that nothing separates are joined. The last step maps a MAG to the PAG of its class, so the outcome is stable:
    going the same way again changes nothing. It is close, not closest.
    """
    if is_valid_pag(pag):
        return pag
    marks = _decided(pag.marks, selection)
    rank = _ranks(marks)
    marks = _with_free_lines(marks, rank)
    directed = (marks == Mark.ARROW) & (marks.T == Mark.TAIL)
    backwards = directed & (rank[:, None] > rank[None, :])
    marks[backwards.T] = Mark.ARROW
    above = ancestors(directed & ~backwards)
    almost = (marks == Mark.ARROW) & (marks.T == Mark.ARROW) & above
    marks[almost.T] = Mark.TAIL
    mag = maximal_closure(Graph(pag.nodes, marks, "mag"))
    return pag_of(mag, selection)


def _decided(marks: Marks, selection: bool) -> Marks:
    """Return marks without circles: o-> and --o as arrows, o-o, and lines where there can be none, by an elimination order."""
    circle, tail, arrow = marks == Mark.CIRCLE, marks == Mark.TAIL, marks == Mark.ARROW
    decided = marks.copy()
    decided[circle & arrow.T] = Mark.TAIL
    decided[circle & tail.T] = Mark.ARROW
    loose = circle & circle.T | (tail & tail.T if not selection else np.zeros_like(circle))
    rank = _search_order(rows(loose))
    forwards = loose & (rank[:, None] < rank[None, :])
    decided[forwards], decided[forwards.T] = Mark.ARROW, Mark.TAIL
    return decided


def _search_order(neighbours: list[int]) -> Ranks:
    """Return the place of each node in a maximum cardinality search; away from its start a chordal graph has no unshielded collider."""
    rank = np.zeros(len(neighbours), int)
    weight = dict.fromkeys(range(len(neighbours)), 0)
    for place in range(len(neighbours)):
        v = max(weight, key=weight.__getitem__)
        del weight[v]
        rank[v] = place
        for u in members(neighbours[v]):
            if u in weight:
                weight[u] += 1
    return rank


def _ranks(marks: Marks) -> Ranks:
    """Return the place of each node in an order that few arrows go against (Eades, Lin and Smyth 1993); none, where that is possible."""
    directed = (marks == Mark.ARROW) & (marks.T == Mark.TAIL)
    left = np.ones(len(marks), bool)
    first: list[int] = []
    last: list[int] = []
    while left.any():
        within = directed & left[:, None] & left[None, :]
        out, into = within.sum(axis=1), within.sum(axis=0)
        if (sources := np.flatnonzero(left & (into == 0))).size:
            chosen, order = int(sources[0]), first
        elif (sinks := np.flatnonzero(left & (out == 0))).size:
            chosen, order = int(sinks[0]), last
        else:
            chosen, order = int(np.where(left, out - into, -len(marks)).argmax()), first
        order.append(chosen)
        left[chosen] = False
    rank = np.empty(len(marks), int)
    rank[[*first, *reversed(last)]] = np.arange(len(marks))
    return rank


def _with_free_lines(marks: Marks, rank: Ranks) -> Marks:
    """Return the marks with lines turned into arrows of the order wherever an arrowhead meets a line."""
    marks = marks.copy()
    while True:
        lines = (marks == Mark.TAIL) & (marks.T == Mark.TAIL)
        into = (marks == Mark.ARROW).any(axis=0)
        # a backward arrow becomes bidirected later, which puts an arrowhead at its start too
        into |= ((marks == Mark.ARROW) & (rank[:, None] > rank[None, :])).any(axis=1)
        blocked = lines & (into[:, None] | into[None, :])
        if not blocked.any():
            return marks
        marks[blocked & (rank[:, None] < rank[None, :])] = Mark.ARROW
