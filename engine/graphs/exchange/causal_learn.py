"""Matrices of the Python package causal-learn as CSV: row i, column j holds the mark at i: -1 tail, 1 arrowhead, 2 circle."""

import numpy as np

from engine.graphs.exchange import matrix
from engine.graphs.exchange.assemble import of_codes
from engine.graphs.graph import Graph, Mark

_CODES = {Mark.NONE: 0, Mark.TAIL: -1, Mark.ARROW: 1, Mark.CIRCLE: 2}


def write(graph: Graph) -> str:
    """Write the matrix that ``GeneralGraph.graph`` of causal-learn would hold, with names."""
    at_row = graph.marks.transpose()
    codes = np.zeros(graph.marks.shape, np.int64)
    for mark, code in _CODES.items():
        codes[at_row == mark] = code
    return matrix.write("causal-learn", graph.nodes, codes)


def read(text: str) -> Graph:
    """Read such a matrix; its kind is the plainest that fits."""
    _, nodes, values = matrix.read(text)
    return of_codes(nodes, values.T, {code: mark for mark, code in _CODES.items()}, 2)
