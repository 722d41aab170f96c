"""The mother graph: what a mixture of DAGs separates, read from one copy of every component and a node for the hidden label."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.core import UserError
from engine.graphs import Graph, Mark, Separation
from engine.graphs.bitsets import members, of, rows


@dataclass(frozen=True)
class DagMixture:
    """A mixture of K DAGs: each sample follows one of them, and which one is hidden.

    Parameters
    ----------
    components : K >= 2 DAGs on the same p nodes; they are put into the order of the first.
    varying : nodes whose distribution given their parents is not the same in all components, though their parents may be. Nodes whose
        parents differ vary in any case and need not be named.

    Raises
    ------
    UserError
        When there are fewer than two components, one is not a DAG, they do not have the same nodes, or a varying node is unknown.

    Examples
    --------
    >>> mixture = DagMixture([Graph.from_edges("ABC", ["A --> B"]), Graph.from_edges("ABC", ["B --> C"])])
    >>> mixture.varying
    ('B', 'C')
    """

    components: tuple[Graph, ...]
    varying: tuple[str, ...] = ()

    def __init__(self, components: Iterable[Graph], varying: Iterable[str] = ()):
        graphs = tuple(components)
        if len(graphs) < 2:
            raise UserError("A mixture needs at least two components.", "Add another graph.")
        for k, graph in enumerate(graphs, start=1):
            if graph.kind != "dag":
                raise UserError(f"Component {k} is not a DAG but a {graph.kind.upper()}.", "Give graphs of arrows without cycles.")
            other = sorted(set(graph.nodes) ^ set(graphs[0].nodes))
            if other:
                raise UserError(f"'{other[0]}' is not a node of both component 1 and component {k}.", "Give all the same nodes.", other[0])
        graphs = tuple(graph.subgraph(graphs[0].nodes) for graph in graphs)
        arrows = np.stack([graph.directed for graph in graphs])
        vary = (arrows != arrows[0]).any(axis=(0, 1))
        vary[[graphs[0].index(node) for node in varying]] = True
        object.__setattr__(self, "components", graphs)
        object.__setattr__(self, "varying", tuple(graphs[0].nodes[i] for i in np.flatnonzero(vary)))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the p nodes."""
        return self.components[0].nodes

    @property
    def p(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @property
    def label(self) -> str:
        """Name of the hidden label: y, or y with as many dashes as no node bears."""
        name = "y"
        while name in self.nodes:
            name += "'"
        return name

    @property
    def varies(self) -> int:
        """The varying nodes as a set, see `engine.graphs.bitsets`."""
        return of(map(self.nodes.index, self.varying))

    @cached_property
    def parents(self) -> list[list[int]]:
        """For each component the set of parents of each node."""
        return [rows(graph.directed.T) for graph in self.components]

    @cached_property
    def separation(self) -> "MixtureSeparation":
        """Answers what the mixture separates."""
        return MixtureSeparation(self)


def mother_graph(mixture: DagMixture) -> Graph:
    """Return the mother graph: a DAG with a copy ``A (k)`` of each node A for each component k, and the label y.

    The copies of component k have its arrows among them, and y points at all copies of every varying node.

    Notes
    -----
    Component by component the copies stand in the order of the nodes; y is the last node (Saeed, Panigrahi and Uhler 2020).
    """
    p, k = mixture.p, len(mixture.components)
    marks = np.zeros((k * p + 1, k * p + 1), np.uint8)
    for n, graph in enumerate(mixture.components):
        marks[n * p : (n + 1) * p, n * p : (n + 1) * p] = graph.marks
    copies = [n * p + i for n in range(k) for i in members(mixture.varies)]
    marks[-1, copies], marks[copies, -1] = Mark.ARROW, Mark.TAIL
    names = [f"{node} ({n + 1})" for n in range(k) for node in mixture.nodes]
    return Graph((*names, mixture.label), marks, "dag")


class MixtureSeparation:
    """Answers separation queries in a mixture by node number.

    Notes
    -----
    A and B are separated given C iff in the mother graph all copies of A and all copies of B are d-separated by all copies of C. Since
    nothing points at the label, they are connected iff they are so in one component, or each of them is connected to the label in some.
    The separations are a compositional graphoid, as those of any DAG are, so those of pairs say all. For distributions of the components
    in general position these are exactly the conditional independences of the mixture (tested on tables of probabilities).
    """

    def __init__(self, mixture: DagMixture):
        self.p, self._all = mixture.p, (1 << mixture.p) - 1
        self._shifts = [mixture.p * n for n in range(len(mixture.components))]
        self._mother = Separation(mother_graph(mixture))

    def reachable(self, i: int, given: int | Iterable[int] = 0) -> int:
        """Return the set of nodes outside ``given`` that are connected to node i given them, i left out."""
        z = given if isinstance(given, int) else of(given)
        copies = of(node + shift for node in members(z) for shift in self._shifts)
        found = 0
        for start in self._shifts:
            reached = self._mother.reachable(i + start, copies)
            for shift in self._shifts:
                found |= reached >> shift & self._all
        return found & ~(1 << i)

    def separated(self, i: int, j: int, given: int | Iterable[int] = 0) -> bool:
        """Return whether node i and node j are separated by ``given``, a set or its members."""
        return not self.reachable(i, given) >> j & 1
