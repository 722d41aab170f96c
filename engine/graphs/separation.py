"""d-separation and m-separation: which independences a graph says there are."""

from collections.abc import Iterable

from engine.core import UserError
from engine.graphs.bitsets import members, of, rows
from engine.graphs.graph import Graph, Mark

Nodes = Iterable[str | int] | str | int


class Separation:
    """Answers separation queries in one graph by node number; made once, asked often.

    Parameters
    ----------
    graph : a DAG, a MAG, or any graph of directed, bidirected and undirected edges without directed cycle.

    Raises
    ------
    UserError
        When the graph has circles: a PAG stands for many graphs and separates nothing by itself.

    Notes
    -----
    x and y are connected given Z iff some walk between them has every collider in An(Z) and no non-collider in Z (Richardson and
    Spirtes 2002, section 3.3; for DAGs this is Bayes ball). Sets of nodes are the bits of whole numbers, see `engine.graphs.bitsets`.
    """

    def __init__(self, graph: Graph):
        if (graph.marks == Mark.CIRCLE).any():
            raise UserError(
                "A graph with circles stands for a whole class and has no separations of its own.", "Take a member with mag_in."
            )
        arrow, joined = graph.marks == Mark.ARROW, graph.skeleton
        self.p = graph.p
        self.ancestors = ancestor_sets(rows(graph.directed.T))
        # the edges of each node by the mark at the node itself and at the far end
        self._head_head, self._head_tail = rows(arrow & arrow.T), rows(arrow.T & ~arrow)
        self._tail_head, self._tail_tail = rows(arrow & ~arrow.T), rows(joined & ~arrow & ~arrow.T)

    def ancestors_of(self, nodes: int) -> int:
        """Return the set of nodes with a directed path into ``nodes``, these included."""
        found = 0
        for node in members(nodes):
            found |= self.ancestors[node]
        return found

    def separated(self, i: int, j: int, given: int | Iterable[int] = 0) -> bool:
        """Return whether node i and node j are separated by ``given``, a set or its members."""
        return not self._reach(i, given if isinstance(given, int) else of(given), 1 << j) >> j & 1

    def reachable(self, i: int, given: int | Iterable[int] = 0) -> int:
        """Return the set of nodes outside ``given`` that are connected to node i given them, i left out."""
        z = given if isinstance(given, int) else of(given)
        return self._reach(i, z, 0) & ~z & ~(1 << i)

    def _reach(self, i: int, z: int, goal: int) -> int:
        """Walk from i over the edges; stop early once a node of ``goal`` is met."""
        opened = self.ancestors_of(z)
        by_head = new_head = self._tail_head[i] | self._head_head[i]
        by_tail = new_tail = self._tail_tail[i] | self._head_tail[i]
        while new_head | new_tail:
            if (by_head | by_tail) & goal:
                break
            to_head = to_tail = 0
            for v in members(new_head & opened):
                to_head |= self._head_head[v]
                to_tail |= self._head_tail[v]
            for v in members((new_head | new_tail) & ~z):
                to_head |= self._tail_head[v]
                to_tail |= self._tail_tail[v]
            for v in members(new_tail & ~z):
                to_head |= self._head_head[v]
                to_tail |= self._head_tail[v]
            new_head, new_tail = to_head & ~by_head, to_tail & ~by_tail
            by_head |= new_head
            by_tail |= new_tail
        return by_head | by_tail


def separated(graph: Graph, x: Nodes, y: Nodes, given: Nodes = ()) -> bool:
    """Return whether every node of ``x`` is separated from every node of ``y`` by ``given``; nodes by name or number.

    For many queries in one graph make a `Separation` and ask it.

    Examples
    --------
    >>> collider = Graph.from_edges("ABC", ["A --> C", "B --> C"])
    >>> separated(collider, "A", "B"), separated(collider, "A", "B", ["C"])
    (True, False)
    """
    left, right, middle = (numbers(graph, nodes) for nodes in (x, y, given))
    if of(left) & of(right) or (of(left) | of(right)) & of(middle):
        raise UserError("The two sets and the conditioning set must have no node in common.", "Remove the node from one of them.")
    separation = Separation(graph)
    return not any(separation.reachable(i, of(middle)) & of(right) for i in left)


def ancestors_of(graph: Graph, nodes: Nodes) -> tuple[str, ...]:
    """Return the names of all nodes with a directed path into ``nodes``, these included, in the order of the graph."""
    sets = ancestor_sets(rows(graph.directed.T))
    found = 0
    for node in numbers(graph, nodes):
        found |= sets[node]
    return tuple(graph.nodes[i] for i in members(found))


def reachable(graph: Graph, x: Nodes, given: Nodes = ()) -> tuple[str, ...]:
    """Return the names of all nodes connected to a node of ``x`` given ``given``, both left out."""
    start, z = numbers(graph, x), of(numbers(graph, given))
    separation = Separation(graph)
    found = 0
    for i in start:
        found |= separation.reachable(i, z)
    return tuple(graph.nodes[i] for i in members(found & ~of(start)))


def numbers(graph: Graph, nodes: Nodes) -> list[int]:
    """Return the numbers of nodes given by name, by number, or several of these."""
    several = [nodes] if isinstance(nodes, str | int) else nodes
    return [graph.index(node) if isinstance(node, str) else int(node) for node in several]


def ancestor_sets(parents: list[int]) -> list[int]:
    """Return for each node the set of its ancestors, itself included; the arrows must not form a cycle.

    Parameters
    ----------
    parents : for each node the set of its parents.
    """
    found = [0] * len(parents)
    for start in range(len(parents)):
        stack = [start]
        while stack:
            node = stack[-1]
            waiting = [parent for parent in members(parents[node]) if not found[parent]] if not found[node] else []
            if waiting:
                stack += waiting
                continue
            stack.pop()
            found[node] = 1 << node
            for parent in members(parents[node]):
                found[node] |= found[parent]
    return found
