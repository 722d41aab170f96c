"""A directed ancestral graph to walk about in, by changes of single marks that keep its Markov class."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np

from engine.graphs import Graph, Mark
from engine.graphs.bitsets import members, rows
from engine.graphs.mag import inducing_pairs
from engine.graphs.separation import ancestor_sets


class MarkChange(NamedTuple):
    """The mark at i on the edge i, j changes: i -> j becomes i <-> j, or the other way round."""

    i: int
    j: int


class Ancestral:
    """A graph of directed and bidirected edges; all sets of nodes are the bits of whole numbers.

    Parameters
    ----------
    parents, spouses : for each node the nodes with an arrow into it, and those joined to it by a bidirected edge.

    Attributes
    ----------
    children, joined, above, below : the children and all neighbours of each node, its ancestors and its descendants, both with itself.
    key : two numbers that tell this graph from all others.
    """

    def __init__(self, parents: Sequence[int], spouses: Sequence[int]):
        self.p = len(parents)
        self.parents, self.spouses = list(parents), list(spouses)
        self.key = (0, 0)
        self._complete()

    @classmethod
    def of(cls, graph: Graph) -> Self:
        """Make it of a DAG or a MAG without undirected edges."""
        return cls(rows(graph.directed.T), rows(graph.bidirected))

    def copy(self) -> "Ancestral":
        """Return a graph of its own."""
        return Ancestral(self.parents, self.spouses)

    def graph(self, nodes: Iterable[str]) -> Graph:
        """Return the graph with names, of kind ``mag``."""
        marks = np.zeros((self.p, self.p), np.uint8)
        for j in range(self.p):
            above, beside = list(members(self.parents[j])), list(members(self.spouses[j]))
            marks[above, j], marks[j, above], marks[beside, j] = Mark.ARROW, Mark.TAIL, Mark.ARROW
        return Graph(tuple(nodes), marks, "mag")

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return sum(around.bit_count() for around in self.joined) // 2

    # -- mark changes --------------------------------------------------------------------------------------------------

    def mark_changes(self, strict: bool = True) -> Iterator[MarkChange]:
        """Yield the legitimate mark changes.

        Parameters
        ----------
        strict : whether a change needs that no path discriminates for it; without, the Markov class may change.

        Notes
        -----
        The mark at i on an edge i -> j or i <-> j may change iff no other directed path leads from i to j, every parent of i is a parent of
        j and every other spouse of i a parent or spouse of j, and no discriminating path for i ends in j (Zhang and Spirtes 2005, lemma 1).
        """
        parents, spouses = self.parents, self.spouses
        for j in range(self.p):
            into = parents[j] | spouses[j]
            for i in members(parents[j]):
                if not (parents[i] & ~parents[j] or spouses[i] & ~into or self.children[i] & self.above[j] & ~(1 << j)) and not (
                    strict and self._discriminated(i, j)
                ):
                    yield MarkChange(i, j)
            for i in members(spouses[j]):
                if not (parents[i] & ~parents[j] or spouses[i] & ~into & ~(1 << j)) and not (strict and self._discriminated(i, j)):
                    yield MarkChange(i, j)

    def affected(self, change: MarkChange) -> int:
        """Return the nodes of which i becomes, or is no longer, an ancestor."""
        i, j = change
        if not self.parents[j] >> i & 1:
            return self.below[j] & ~self.below[i]
        others = 0
        for child in members(self.children[i] & ~(1 << j)):
            others |= self.below[child]
        return self.below[j] & ~others

    def make(self, change: MarkChange) -> int:
        """Make a legitimate change and return what `affected` returns; making it again undoes it.

        Since the parents of i are parents of j, only i itself enters or leaves sets of ancestors.
        """
        i, j = change
        nodes = self.affected(change)
        self.parents[j] ^= 1 << i
        self.children[i] ^= 1 << j
        self.spouses[i] ^= 1 << j
        self.spouses[j] ^= 1 << i
        for v in members(nodes):
            self.above[v] ^= 1 << i
        self.below[i] ^= nodes
        self.key = (self.key[0], self.key[1] ^ 1 << (i * self.p + j))
        return nodes

    def drop(self, edges: Iterable[tuple[int, int]]) -> None:
        """Take edges away."""
        for i, j in edges:
            for a, b in ((i, j), (j, i)):
                self.parents[b] &= ~(1 << a)
                self.spouses[b] &= ~(1 << a)
        self._complete()

    def close(self) -> None:
        """Join by bidirected edges what nothing separates, so that the graph is maximal."""
        out = [children | spouses for children, spouses in zip(self.children, self.spouses, strict=True)]
        missing = list(inducing_pairs(self.spouses, out, self.joined, self.above))
        for i, j in missing:
            self.spouses[i] |= 1 << j
            self.spouses[j] |= 1 << i
        if missing:
            self._complete()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _complete(self) -> None:
        self.children = _turned(self.parents)
        self.joined = [a | b | c for a, b, c in zip(self.parents, self.children, self.spouses, strict=True)]
        self.above = ancestor_sets(self.parents)
        self.below = _turned(self.above)
        edges = directed = 0
        for j in range(self.p):
            edges |= self.joined[j] << (j * self.p)
            directed |= self.children[j] << (j * self.p)
        self.key = (edges, directed)

    def _discriminated(self, i: int, j: int) -> bool:
        """Return whether some path discriminates for i and ends in j next to i; breadth-first over colliders that are parents of j."""
        ends = ~self.joined[j] & ~(1 << j)
        reached = fresh = self.spouses[i] & self.parents[j]
        while fresh:
            beside = 0
            for v in members(fresh):
                if (self.parents[v] | self.spouses[v]) & ends:
                    return True
                beside |= self.spouses[v]
            fresh = beside & self.parents[j] & ~reached
            reached |= fresh
        return False


def _turned(sets: Sequence[int]) -> list[int]:
    """Return the sets of the opposite relation."""
    found = [0] * len(sets)
    for j, nodes in enumerate(sets):
        for i in members(nodes):
            found[i] |= 1 << j
    return found
