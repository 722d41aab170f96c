"""The one graph type: DAG, CPDAG, MAG, PAG and undirected graphs as a matrix of edge marks."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError

Kind = Literal["dag", "cpdag", "mag", "pag", "ug"]
Marks = NDArray[np.uint8]


class Mark(IntEnum):
    """What an edge shows at one of its ends; the codes are those of pcalg's PAG matrices."""

    NONE = 0
    CIRCLE = 1
    ARROW = 2
    TAIL = 3


class Edge(NamedTuple):
    """An edge between two nodes with the mark at each end."""

    source: str
    mark_source: Mark
    mark_target: Mark
    target: str

    @property
    def symbol(self) -> str:
        """The edge without its nodes, such as ``o->``."""
        return f"{_LEFT[self.mark_source]}-{_RIGHT[self.mark_target]}"

    def __str__(self) -> str:
        return f"{self.source} {self.symbol} {self.target}"


_LEFT = {Mark.TAIL: "-", Mark.ARROW: "<", Mark.CIRCLE: "o"}
_RIGHT = {Mark.TAIL: "-", Mark.ARROW: ">", Mark.CIRCLE: "o"}
_FROM_LEFT = {text: mark for mark, text in _LEFT.items()}
_FROM_RIGHT = {text: mark for mark, text in _RIGHT.items()}
_EDGE = re.compile(r"^\s*(?P<source>.+?)\s+(?P<left>[<o-])-(?P<right>[>o-])\s+(?P<target>.+?)\s*$")


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph over p named nodes; immutable.

    Parameters
    ----------
    nodes : p distinct names.
    marks : (p, p) codes of `Mark`; ``marks[i, j]`` is the mark **at j** on the edge between i and j.
    kind : what the graph claims to be; checked when the graph is made.
    weights : (p, p) optional, ``weights[i, j]`` belongs to i -> j.
    support : (p, p, 4) optional, share of bootstrap graphs in which ``marks[i, j]`` had each of the four codes.

    Raises
    ------
    UserError
        When a name is used twice, an edge has only one end, or the marks break the rules of ``kind``.

    Examples
    --------
    >>> graph = Graph.from_edges("ABC", ["A --> C", "B --> C"])
    >>> graph.kind, graph.parents("C")
    ('dag', ('A', 'B'))
    """

    nodes: tuple[str, ...]
    marks: Marks
    kind: Kind
    weights: NDArray[np.float64] | None = None
    support: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Freeze the arrays and check the invariants."""
        object.__setattr__(self, "nodes", tuple(str(node) for node in self.nodes))
        marks = np.array(self.marks, dtype=np.uint8)
        marks.setflags(write=False)
        object.__setattr__(self, "marks", marks)
        for name in ("weights", "support"):
            if getattr(self, name) is not None:
                array = np.array(getattr(self, name), dtype=np.float64)
                array.setflags(write=False)
                object.__setattr__(self, name, array)
        self._check()

    # -- making ------------------------------------------------------------------------------------------------

    @classmethod
    def empty(cls, nodes: Iterable[str], kind: Kind = "dag") -> "Graph":
        """Make a graph without edges."""
        names = tuple(nodes)
        return cls(names, np.zeros((len(names), len(names)), np.uint8), kind)

    @classmethod
    def from_edges(cls, nodes: Iterable[str], edges: Iterable[str], kind: Kind | None = None) -> "Graph":
        """Read edges such as ``A --> B``, ``A <-> C``, ``B o-> D``, ``C --- D``; the kind is the plainest that fits.

        An acyclic graph of arrows is a DAG; only lines make an undirected graph; lines with arrows a CPDAG; circles a PAG; else a MAG.
        """
        names = tuple(str(node) for node in nodes)
        index = {name: i for i, name in enumerate(names)}
        marks = np.zeros((len(names), len(names)), np.uint8)
        for text in edges:
            source, left, right, target = parse_edge(text)
            for name in (source, target):
                if name not in index:
                    raise UserError(
                        f"Edge '{text}' names '{name}', which is not a node.",
                        "Add the node, or correct the name.",
                        name,
                    )
            i, j = index[source], index[target]
            if i == j:
                raise UserError(f"Edge '{text}' joins a node to itself.", "Remove it.", source)
            if marks[i, j] and (marks[i, j], marks[j, i]) != (right, left):
                raise UserError(f"{source} and {target} are joined by two different edges.", "Keep one of them.", source)
            marks[i, j], marks[j, i] = right, left
        return cls(names, marks, kind or plainest_kind(marks))

    @classmethod
    def from_directed(cls, nodes: Iterable[str], arrows: NDArray[Any], kind: Kind = "dag", weights: Any = None) -> "Graph":
        """Make a graph from a (p, p) 0/1 matrix; ``arrows[i, j]`` means i -> j, set both ways it means i --- j."""
        forward = np.asarray(arrows) != 0
        marks = np.zeros(forward.shape, np.uint8)
        marks[forward] = Mark.ARROW
        marks[forward.T & ~forward] = Mark.TAIL
        marks[forward & forward.T] = Mark.TAIL
        return cls(tuple(nodes), marks, kind, weights)

    # -- looking -----------------------------------------------------------------------------------------------

    @property
    def p(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return int(np.count_nonzero(self.marks)) // 2

    @property
    def skeleton(self) -> NDArray[np.bool_]:
        """(p, p) whether two nodes are adjacent."""
        return self.marks != Mark.NONE

    @property
    def directed(self) -> NDArray[np.bool_]:
        """(p, p) whether i -> j: an arrowhead at j and a tail at i."""
        return (self.marks == Mark.ARROW) & (self.marks.T == Mark.TAIL)

    @property
    def bidirected(self) -> NDArray[np.bool_]:
        """(p, p) whether i <-> j."""
        return (self.marks == Mark.ARROW) & (self.marks.T == Mark.ARROW)

    @property
    def undirected(self) -> NDArray[np.bool_]:
        """(p, p) whether i --- j."""
        return (self.marks == Mark.TAIL) & (self.marks.T == Mark.TAIL)

    def index(self, node: str) -> int:
        """Return the row of a node; an unknown name is a `UserError`."""
        try:
            return self.nodes.index(node)
        except ValueError:
            raise UserError(f"'{node}' is not a node of this graph.", "Check the spelling.", node) from None

    def parents(self, node: str) -> tuple[str, ...]:
        """Nodes with an arrow into this one."""
        return self._named(self.directed[:, self.index(node)])

    def children(self, node: str) -> tuple[str, ...]:
        """Nodes this one has an arrow into."""
        return self._named(self.directed[self.index(node)])

    def spouses(self, node: str) -> tuple[str, ...]:
        """Nodes joined to this one by a bidirected edge."""
        return self._named(self.bidirected[self.index(node)])

    def neighbours(self, node: str) -> tuple[str, ...]:
        """Nodes joined to this one by an undirected edge."""
        return self._named(self.undirected[self.index(node)])

    def adjacent(self, node: str) -> tuple[str, ...]:
        """Nodes joined to this one by any edge."""
        return self._named(self.skeleton[self.index(node)])

    def edges(self) -> Iterator[Edge]:
        """Yield each edge once; arrows from tail to head, other edges by order of the nodes."""
        for i, j in np.argwhere(np.triu(self.skeleton)):
            at_i, at_j = Mark(self.marks[j, i]), Mark(self.marks[i, j])
            backwards = at_i == Mark.ARROW and at_j != Mark.ARROW
            if backwards:
                yield Edge(self.nodes[j], at_j, at_i, self.nodes[i])
            else:
                yield Edge(self.nodes[i], at_i, at_j, self.nodes[j])

    def edge_frame(self) -> pd.DataFrame:
        """Return the edges as a table: source, target, edge, and weight and support where known."""
        rows = []
        for edge in self.edges():
            i, j = self.index(edge.source), self.index(edge.target)
            row: dict[str, Any] = {"source": edge.source, "target": edge.target, "edge": str(edge)}
            if self.weights is not None:
                row["weight"] = self.weights[i, j]
            if self.support is not None:
                row["present"] = 1 - self.support[i, j, Mark.NONE]
                row["same marks"] = min(self.support[i, j, self.marks[i, j]], self.support[j, i, self.marks[j, i]])
            rows.append(row)
        return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["source", "target", "edge"])

    def v_structures(self) -> set[tuple[str, str, str]]:
        """Return every unshielded collider as (a, collider, b) with a before b in the order of the nodes."""
        into = self.marks == Mark.ARROW
        found = set()
        for c in range(self.p):
            heads = np.flatnonzero(into[:, c])
            for x, a in enumerate(heads):
                for b in heads[x + 1 :]:
                    if not self.marks[a, b]:
                        found.add((self.nodes[a], self.nodes[c], self.nodes[b]))
        return found

    # -- changing (always a new graph) ---------------------------------------------------------------------------

    def relabel(self, names: Mapping[str, str]) -> "Graph":
        """Return the graph with some nodes renamed."""
        return Graph(tuple(names.get(node, node) for node in self.nodes), self.marks, self.kind, self.weights, self.support)

    def subgraph(self, nodes: Sequence[str]) -> "Graph":
        """Return the induced graph on these nodes, in the order given."""
        keep = np.array([self.index(node) for node in nodes], dtype=int)
        grid = np.ix_(keep, keep)
        return Graph(
            tuple(nodes), self.marks[grid], self.kind,
            None if self.weights is None else self.weights[grid],
            None if self.support is None else self.support[grid],
        )  # fmt: skip

    def ego(self, node: str, k: int = 1) -> "Graph":
        """Return the induced graph on the nodes at most ``k`` edges away from one node."""
        reached = np.zeros(self.p, dtype=bool)
        reached[self.index(node)] = True
        for _ in range(k):
            reached |= self.skeleton[reached].any(axis=0)
        return self.subgraph(self._named(reached))

    def with_support(self, support: NDArray[Any]) -> "Graph":
        """Return the graph with the bootstrap support of its marks."""
        return Graph(self.nodes, self.marks, self.kind, self.weights, support)

    def marks_one_hot(self) -> NDArray[np.bool_]:
        """Return (p, p, 4) whether each mark has each of the four codes; the mean over several graphs is what `with_support` takes."""
        return self.marks[:, :, None] == np.arange(len(Mark))

    # -- comparing and keeping -------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return self.kind == other.kind and self.nodes == other.nodes and bool(np.array_equal(self.marks, other.marks))

    def __hash__(self) -> int:
        return hash((self.kind, self.nodes, self.marks.tobytes()))

    def __repr__(self) -> str:
        edges = ", ".join(map(str, self.edges()))
        return f"Graph({self.kind}, {self.p} nodes: {edges or 'no edges'})"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready form; edges as text, the empty graph as an empty list."""
        form: dict[str, Any] = {"kind": self.kind, "nodes": list(self.nodes)}
        pairs = np.argwhere(np.triu(self.skeleton))
        form["edges"] = [[int(i), int(j), int(self.marks[j, i]), int(self.marks[i, j])] for i, j in pairs]
        if self.weights is not None:
            form["weights"] = [[int(i), int(j), float(self.weights[i, j])] for i, j in np.argwhere(self.weights)]
        if self.support is not None:
            seen = np.argwhere(self.support[:, :, Mark.NONE] < 1)
            form["support"] = [[int(i), int(j), *map(float, self.support[i, j])] for i, j in seen]
        return form

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "Graph":
        """Read what `to_dict` wrote."""
        p = len(form["nodes"])
        marks = np.zeros((p, p), np.uint8)
        for i, j, at_i, at_j in form["edges"]:
            marks[j, i], marks[i, j] = at_i, at_j
        weights = support = None
        if "weights" in form:
            weights = np.zeros((p, p))
            for i, j, weight in form["weights"]:
                weights[i, j] = weight
        if "support" in form:
            support = np.zeros((p, p, 4))
            support[:, :, Mark.NONE] = 1.0
            for i, j, *shares in form["support"]:
                support[i, j] = shares
        return cls(tuple(form["nodes"]), marks, form["kind"], weights, support)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _named(self, chosen: NDArray[Any]) -> tuple[str, ...]:
        return tuple(self.nodes[i] for i in np.flatnonzero(chosen))

    def _check(self) -> None:
        if len(set(self.nodes)) != len(self.nodes):
            doubled = next(node for node in self.nodes if self.nodes.count(node) > 1)
            raise UserError(f"Two nodes are called '{doubled}'.", "Rename one of them.", doubled)
        if self.marks.shape != (self.p, self.p):
            raise UserError(f"{self.p} nodes need a {self.p} x {self.p} matrix of marks, not {self.marks.shape}.")
        if self.marks.max(initial=0) > Mark.TAIL or not np.array_equal(self.skeleton, self.skeleton.T) or self.marks.diagonal().any():
            raise UserError("The marks do not make a graph: an edge has one end only, joins a node to itself, or has an unknown mark.")
        problem = why_not(self.marks, self.kind)
        if problem:
            a, b = self.nodes[problem[1]], self.nodes[problem[2]]
            raise UserError(
                f"This is not a {self.kind.upper()}: {problem[0].format(a=a, b=b)}.",
                "Choose another kind, or correct the edge.",
                a,
            )


def parse_edge(text: str) -> tuple[str, Mark, Mark, str]:
    """Split ``A o-> B`` into source, mark at the source, mark at the target, target."""
    match = _EDGE.match(text)
    if not match:
        raise UserError(f"'{text}' is not an edge.", "Write edges as 'A --> B', 'A <-> B', 'A o-> B', 'A o-o B' or 'A --- B'.")
    return match["source"], _FROM_LEFT[match["left"]], _FROM_RIGHT[match["right"]], match["target"]


def plainest_kind(marks: Marks) -> Kind:
    """Return the most specific kind whose rules these marks keep."""
    if (marks == Mark.CIRCLE).any():
        return "pag"
    order: tuple[Kind, ...] = ("dag", "ug", "cpdag", "mag")
    return next((kind for kind in order if why_not(marks, kind) is None), "pag")


def ancestors(directed: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the (p, p) reflexive ancestor relation: ``[i, j]`` whether there is a directed path from i to j."""
    reach = np.asarray(directed, dtype=bool) | np.eye(len(directed), dtype=bool)
    steps = 1
    while steps < len(directed):
        reach = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
        steps *= 2
    return reach


def why_not(marks: Marks, kind: Kind) -> tuple[str, int, int] | None:
    """Return why the marks break the rules of ``kind`` (a sentence with {a} and {b}, and the two nodes), or None."""
    arrow = marks == Mark.ARROW
    circle, tail = marks == Mark.CIRCLE, marks == Mark.TAIL
    directed, bidirected, undirected = arrow & tail.T, arrow & arrow.T, tail & tail.T
    if kind == "pag":
        return None
    if circle.any():
        return ("{a} and {b} are joined by an edge with a circle", *_first(circle))
    if kind == "ug":
        return ("{a} and {b} are joined by an edge with an arrowhead", *_first(arrow)) if arrow.any() else None
    if kind in ("dag", "cpdag") and bidirected.any():
        return ("{a} and {b} are joined by a bidirected edge", *_first(bidirected))
    if kind == "dag" and undirected.any():
        return ("{a} and {b} are joined by an undirected edge", *_first(undirected))
    cyclic = directed & _in_one_cycle(directed)
    if cyclic.any():
        return ("the arrow {a} -> {b} closes a directed cycle", *_first(cyclic))
    if kind == "mag":
        almost = bidirected & ancestors(directed)
        if almost.any():
            return ("{a} is an ancestor of {b} and joined to it by a bidirected edge", *_first(almost))
        into = arrow.any(axis=0)
        blocked = undirected & into[:, None]
        if blocked.any():
            return ("{a} has an undirected edge to {b} and an arrowhead at it", *_first(blocked))
    return None


def _in_one_cycle(directed: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the (p, p) relation of lying on a common directed cycle."""
    if len(directed) <= 64:  # a few small matrix products take less than making a sparse matrix
        reach = ancestors(directed)
        return reach & reach.T
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    _, component = connected_components(csr_array(directed), directed=True, connection="strong")
    same: NDArray[np.bool_] = component[:, None] == component[None, :]
    return same


def _first(where: NDArray[Any]) -> tuple[int, int]:
    i, j = np.argwhere(where)[0]
    return int(i), int(j)
