"""From the edges found in a text to a graph, with every complaint naming its line."""

from collections.abc import Iterable
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.graphs.graph import Graph, Kind, Mark, Marks, plainest_kind

MOST_NODES = 5_000  # a matrix of marks of 25 MB; no picture or method here goes beyond


class Found(NamedTuple):
    """An edge as found in a text."""

    line: int
    source: str
    mark_source: Mark
    mark_target: Mark
    target: str


def assemble(nodes: Iterable[str], edges: Iterable[Found], kind: str | None = None) -> Graph:
    """Make a graph of names and edges; nodes that only edges name come last, in order of appearance."""
    edges = list(edges)
    index = {name: i for i, name in enumerate(dict.fromkeys([*nodes, *(name for e in edges for name in (e.source, e.target))]))}
    check_size(len(index))
    marks = np.zeros((len(index), len(index)), np.uint8)
    for line, source, at_source, at_target, target in edges:
        i, j = index[source], index[target]
        if i == j:
            raise problem(line, f"an edge joins '{source}' to itself.", "Remove it.")
        if marks[i, j] and (marks[j, i], marks[i, j]) != (at_source, at_target):
            raise problem(line, f"'{source}' and '{target}' are joined by a second, different edge.", "Keep one of them.")
        marks[j, i], marks[i, j] = at_source, at_target
    return of_marks(tuple(index), marks, kind)


def of_marks(nodes: tuple[str, ...], marks: Marks, kind: str | None = None) -> Graph:
    """Make a graph of the kind the text claims, or else of the plainest kind that fits."""
    if kind is None:
        return Graph(nodes, marks, plainest_kind(marks))
    if kind not in get_args(Kind):
        raise UserError(f"The text calls its graph a '{kind}'.", f"The kinds are: {', '.join(get_args(Kind))}.", kind)
    return Graph(nodes, marks, kind)  # type: ignore[arg-type]


def of_codes(nodes: tuple[str, ...], codes: NDArray[Any], marks: dict[int, Mark], first_line: int, kind: str | None = None) -> Graph:
    """Make a graph of a (p, p) matrix of a program's own codes, ``codes[i, j]`` for the mark at j."""
    unknown = ~np.isin(codes, list(marks))
    if unknown.any():
        i, j = np.argwhere(unknown)[0]
        raise problem(first_line + int(i), f"{codes[i, j]:g} is not one of the codes {', '.join(map(str, sorted(marks)))}.")
    one_ended = (codes != 0) != (codes.T != 0)
    if one_ended.any() or codes.diagonal().any():
        i = int(np.argwhere(one_ended | np.diag(codes.diagonal() != 0))[0][0])
        raise problem(
            first_line + i, f"an edge of '{nodes[i]}' has one end only, or joins it to itself.", "Both ends of an edge need a code."
        )
    found = np.zeros(codes.shape, np.uint8)
    for code, mark in marks.items():
        found[codes == code] = mark
    return of_marks(nodes, found, kind)


def check_size(p: int) -> None:
    """Refuse a text with too many nodes before any matrix is made."""
    if p > MOST_NODES:
        raise UserError(f"The text names {p:,} nodes; at most {MOST_NODES:,} can be read.", "Choose a part of the graph.")


def problem(line: int, what: str, fix: str = "") -> UserError:
    """Return the error that names a line."""
    return UserError(f"Line {line}: {what}", fix, f"line {line}")
