"""Square matrices as CSV, with the names in the first row and the first column."""

import csv
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.graphs.exchange.assemble import check_size, problem
from engine.graphs.exchange.names import distinct, from_cell, safe_cell


def write(corner: str, nodes: tuple[str, ...], values: NDArray[Any]) -> str:
    """Write a (p, p) matrix of whole numbers; ``corner`` goes into the first cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    cells = [safe_cell(node) for node in nodes]
    writer.writerow([corner, *cells])
    writer.writerows([cell, *map(int, row)] for cell, row in zip(cells, values, strict=True))
    return text.getvalue()


def read(text: str) -> tuple[str, tuple[str, ...], NDArray[np.int64]]:
    """Return the first cell, the names and the (p, p) numbers of a CSV text; names in the first column may be missing."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        table = [(reader.line_num, row) for row in reader if row]
    except csv.Error as broken:
        raise problem(text.count("\n") + 1, f"the table cannot be read: {broken}.", "Check the quotes.") from None
    if not table:
        raise problem(1, "the table is empty.", "Give a matrix with the names in the first row.")
    (_, header), *body = table
    named = len(header) == len(body) + 1
    if not named and len(header) != len(body):
        raise problem(1, f"{len(header)} columns and {len(body)} rows do not make a square matrix.", "Give one row and column per node.")
    check_size(len(body))
    nodes = distinct([from_cell(cell) for cell in header[named:]])
    values = np.zeros((len(body), len(body)), np.int64)
    for i, (line, row) in enumerate(body):
        if len(row) != len(header) or (named and from_cell(row[0]) != nodes[i]):
            raise problem(line, f"the row of '{nodes[i]}' is expected, with {len(header)} cells.", "Rows and columns need the same order.")
        for j, cell in enumerate(row[named:]):
            if cell.strip() not in ("-1", "0", "1", "2", "3"):
                raise problem(line, f"'{cell[:20]}' is not a code.", "Use whole numbers from -1 to 3.")
            values[i, j] = int(cell)
    return (header[0] if named else ""), nodes, values
