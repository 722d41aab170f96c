"""JSON: the form in which results keep their graphs, with kind, weights and support."""

import json
from typing import Any

import numpy as np

from engine.core import UserError
from engine.graphs.exchange.assemble import check_size, problem
from engine.graphs.graph import Graph


def write(graph: Graph) -> str:
    """Write a graph with everything it holds: each edge as [i, j, mark at i, mark at j] with 1 circle, 2 arrowhead, 3 tail."""
    return json.dumps(graph.to_dict(), ensure_ascii=False) + "\n"


def read(text: str) -> Graph:
    """Read what `write` wrote."""
    try:
        form = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as broken:
        raise problem(getattr(broken, "lineno", 1), "this is not JSON.", "Choose the form that the file was written in.") from None
    if not isinstance(form, dict) or not _strings(form.get("nodes")) or not isinstance(form.get("kind"), str):
        raise problem(1, "a graph needs 'kind', 'nodes' (a list of names) and 'edges'.")
    check_size(len(form["nodes"]))
    p = len(form["nodes"])
    _check_rows(form, "edges", p, whole=4, numbers=0)
    seen: set[frozenset[int]] = set()
    for n, (i, j, at_i, at_j) in enumerate(form["edges"], 1):
        if not (1 <= at_i <= 3 and 1 <= at_j <= 3) or i == j or frozenset((i, j)) in seen:
            raise UserError(
                f"Edge {n} of the JSON joins a node to itself, is there twice, or has an unknown mark.", "Correct it.", f"edge {n}"
            )
        seen.add(frozenset((i, j)))
    for part, width in (("weights", 1), ("support", 4)):
        if part in form:
            _check_rows(form, part, p, whole=2, numbers=width)
    if form["kind"] not in ("dag", "cpdag", "mag", "pag", "ug"):
        raise UserError(f"The text calls its graph a '{form['kind']}'.", "The kinds are: dag, cpdag, mag, pag, ug.", "kind")
    return Graph.from_dict(form)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _check_rows(form: dict[str, Any], part: str, p: int, whole: int, numbers: int) -> None:
    """Check that a part is a list of rows: two node numbers, then whole numbers up to ``whole`` in all, then ``numbers`` numbers."""
    rows = form.get(part)
    for n, row in enumerate(rows if isinstance(rows, list) else [None], 1):
        good = isinstance(row, list) and len(row) == whole + numbers
        good = good and all(type(value) is int for value in row[:whole]) and all(0 <= value < p for value in row[:2])
        if not (good and all(type(value) in (int, float) and np.isfinite(value) for value in row[whole:])):
            raise UserError(f"Row {n} of '{part}' in the JSON is not as expected.", f"The node numbers run from 0 to {p - 1}.", part)
