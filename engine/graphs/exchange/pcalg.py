"""Matrices of the R package pcalg as CSV; the first cell says which of its two codings is used.

``amat.cpdag`` (DAGs and CPDAGs): 1 in row j, column i and 0 in row i, column j means i -> j; 1 in both means a line.
``amat.pag`` (MAGs and PAGs): row i, column j holds the mark at j: 0 none, 1 circle, 2 arrowhead, 3 tail.
"""

import numpy as np

from engine.graphs.exchange import matrix
from engine.graphs.exchange.assemble import of_codes, of_marks, problem
from engine.graphs.graph import Graph, Mark


def write(graph: Graph) -> str:
    """Write a graph as ``amat.cpdag`` where its kind has arrows and lines only, else as ``amat.pag``."""
    if graph.kind in ("dag", "cpdag", "ug"):
        return matrix.write("amat.cpdag", graph.nodes, (graph.directed | graph.undirected).T)
    return matrix.write("amat.pag", graph.nodes, graph.marks)


def read(text: str) -> Graph:
    """Read either coding; without its name in the first cell it is told by the codes, where they can tell."""
    coding, nodes, values = matrix.read(text)
    if coding not in ("amat.cpdag", "amat.pag"):
        only_ones = bool(np.isin(values, (0, 1)).all())
        if only_ones and values.any() and np.array_equal(values, values.T):
            raise problem(
                1, "a symmetric matrix of 0 and 1 is either lines or circles.", "Write amat.cpdag or amat.pag into the first cell."
            )
        coding = "amat.cpdag" if only_ones else "amat.pag"
    if coding == "amat.pag":
        return of_codes(nodes, values, {mark.value: mark for mark in Mark}, 2)
    wrong = np.argwhere(~np.isin(values, (0, 1)))
    if len(wrong) or values.diagonal().any():
        row = int(wrong[0][0]) if len(wrong) else int(np.flatnonzero(values.diagonal())[0])
        raise problem(
            row + 2, f"the row of '{nodes[row]}' is not of 0 and 1 with 0 on the diagonal.", "For circles use the coding amat.pag."
        )
    arrows = Graph.from_directed(nodes, values.T, "pag").marks
    return of_marks(nodes, arrows)
