"""A CSV table of edges: source, target and the mark at each; a row without target is a node without edges."""

import csv
import io

from engine.graphs.exchange.assemble import Found, assemble, problem
from engine.graphs.exchange.names import from_cell, safe_cell
from engine.graphs.graph import Graph, Mark

_COLUMNS = ["source", "target", "source_mark", "target_mark"]
_ENDS = (_COLUMNS[:2], ["cause", "effect"], ["from", "to"])  # what others call the two
_MARKS = {mark.name.lower(): mark for mark in (Mark.CIRCLE, Mark.ARROW, Mark.TAIL)}


def write(graph: Graph) -> str:
    """Write one row per edge, then one per isolated node; a column of weights where the graph has them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, "weight"] if graph.weights is not None else _COLUMNS)
    for edge in graph.edges():
        ends = [safe_cell(edge.source), safe_cell(edge.target), edge.mark_source.name.lower(), edge.mark_target.name.lower()]
        weight = [] if graph.weights is None else [repr(float(graph.weights[graph.index(edge.source), graph.index(edge.target)]))]
        writer.writerow(ends + weight)
    for node in graph.nodes:
        if not graph.adjacent(node):
            writer.writerow([safe_cell(node), "", "", ""] + ([""] if graph.weights is not None else []))
    return text.getvalue()


def read(text: str) -> Graph:
    """Read a table of edges; without columns of marks each edge is an arrow. Nodes are in order of appearance.

    The columns may also be called cause and effect, or from and to.
    """
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        table = [(reader.line_num, row) for row in reader]
    except csv.Error as broken:
        raise problem(text.count("\n") + 1, f"the table cannot be read: {broken}.", "Check the quotes.") from None
    header = [cell.strip().lower() for cell in table[0][1]] if table else []
    if header[:2] not in _ENDS:
        raise problem(1, "the first row must name the columns source and target.", f"The columns are: {', '.join(_COLUMNS)}.")
    has_marks = header[2:4] == _COLUMNS[2:]
    nodes: list[str] = []
    edges: list[Found] = []
    for line, row in table[1:]:
        if not row:
            continue
        if len(row) != len(header):
            raise problem(line, f"{len(header)} cells are expected, not {len(row)}.")
        source, target = from_cell(row[0]), from_cell(row[1])
        nodes.append(source)
        if not (row[2] or row[3] if has_marks else target):
            continue
        nodes.append(target)
        ends = row[2:4] if has_marks else ["tail", "arrow"]
        if not set(ends) <= set(_MARKS):
            raise problem(line, f"'{' '.join(ends)[:40]}' are not marks.", f"Use {', '.join(_MARKS)}.")
        edges.append(Found(line, source, _MARKS[ends[0]], _MARKS[ends[1]], target))
    return assemble(nodes, edges)
