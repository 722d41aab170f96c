"""Background knowledge: what comes before what, which arrows must be there and which cannot be."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.core import Context, UserError
from engine.discovery.members import BestMember
from engine.discovery.statements import Statement, statements
from engine.graphs import Graph, Mark, cpdag_of, meek
from engine.graphs.bitsets import members, rows
from engine.graphs.graph import ancestors
from engine.graphs.orientation import Orientation

Bools = NDArray[np.bool_]
NAMED = 5
TOLD = "knowledge"  # the rule that stands for what was said before


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What is known about p variables before any test.

    Parameters
    ----------
    nodes : names of the variables.
    required : (p, p) whether the arrow i -> j must be there.
    forbidden : (p, p) whether there can be no arrow i -> j; holds wherever j comes before i or an arrow j -> i is required.
    earlier : (p, p) whether i comes before j: said of tiers, or since required arrows lead from i to j.

    Notes
    -----
    With hidden causes an arrow of a graph means "is a cause of, perhaps through others", so there ``forbidden`` is read as "i is no cause
    of j" for all pairs that are joined. What comes later in time than both ends of a pair never separates it, so it is not conditioned on.
    """

    nodes: tuple[str, ...]
    required: Bools
    forbidden: Bools
    earlier: Bools

    @classmethod
    def none(cls, nodes: Sequence[str]) -> "Knowledge":
        """Return what is known when nothing was said; it takes no memory."""
        nothing = np.broadcast_to(False, (len(nodes), len(nodes)))
        return cls(tuple(nodes), nothing, nothing, nothing)

    @classmethod
    def of(cls, text: str, nodes: Sequence[str]) -> "Knowledge":
        """Read statements about variables, see `engine.discovery.statements.statements`.

        Raises
        ------
        UserError
            When a statement cannot be read, or two of them contradict each other, in the words of both.
        """
        said = statements(text, nodes)
        if not said:
            return cls.none(nodes)
        place = {node: n for n, node in enumerate(nodes)}
        why: dict[str, dict[tuple[int, int], Statement]] = {"before": {}, "required": {}, "forbidden": {}}
        for statement in said:
            for a, b in statement.pairs:
                why[statement.kind].setdefault((place[a], place[b]), statement)
        _require_no_clash(why["required"], why["forbidden"])
        ordered = why["required"] | why["before"]
        _require_no_circle(ordered, nodes)
        required, earlier, forbidden = (np.zeros((len(nodes), len(nodes)), dtype=bool) for _ in range(3))
        for table, pairs in ((required, why["required"]), (earlier, ordered), (forbidden, why["forbidden"])):
            table[tuple(np.array(list(pairs), dtype=int).reshape(-1, 2).T)] = True
        earlier = _closed(earlier)
        return cls(tuple(nodes), required, forbidden | earlier.T, earlier)

    def __bool__(self) -> bool:
        return self._says_something

    @cached_property
    def _says_something(self) -> bool:
        return bool(self.forbidden.any())

    def numbered(self, order: NDArray[np.int_]) -> "Knowledge":
        """Return the same knowledge with the nodes in another order: ``order`` (p,) says which comes at each place."""
        if not self:
            return self
        cells = np.ix_(order, order)
        return Knowledge(tuple(self.nodes[k] for k in order), self.required[cells], self.forbidden[cells], self.earlier[cells])

    # -- sets in bits ------------------------------------------------------------------------------------------------

    @cached_property
    def barred(self) -> list[int]:
        """For each node those that cannot be its parents."""
        return rows(self.forbidden.T) if self else [0] * len(self.nodes)

    @cached_property
    def must(self) -> list[int]:
        """For each node the parents it must have."""
        return rows(self.required.T) if self else [0] * len(self.nodes)

    @cached_property
    def after(self) -> list[int]:
        """For each node those that come after it."""
        return rows(self.earlier) if self else [0] * len(self.nodes)

    @property
    def ways(self) -> list[list[int] | None]:
        """What a walk over DAGs takes as `after`: what is known, then nothing, as the way to a graph that fits may lead over others."""
        return [self.after, None] if self else [None]

    @cached_property
    def causes(self) -> list[list[int]]:
        """For each node those from which required arrows lead to it."""
        return [list(members(above)) for above in rows(_closed(self.required).T)] if self else [[] for _ in self.nodes]

    @cached_property
    def effects(self) -> list[list[int]]:
        """For each node those to which required arrows lead from it."""
        return [list(members(below)) for below in rows(_closed(self.required))] if self else [[] for _ in self.nodes]

    def in_order(self, order: Sequence[int]) -> list[int]:
        """Return an order of the nodes as close to the given one as what comes before what allows.

        Notes
        -----
        A node waits until all that come before it are placed; of those that can be placed the one that stood first is taken. One-way
        forbidden arrows make their target wait less strictly: they decide only where nothing else does.
        """
        if not self:
            return list(order)
        place = np.argsort(order)
        waiting = self.earlier.sum(axis=0)
        wishes = self.forbidden & ~self.forbidden.T & ~self.earlier.T
        wished = wishes.sum(axis=1)
        left, found = np.ones(len(self.nodes), dtype=bool), []
        while left.any():
            free = np.flatnonzero(left & (waiting == 0))
            chosen = int(free[np.lexsort((place[free], wished[free] > 0))[0]])
            found.append(chosen)
            left[chosen] = False
            waiting -= self.earlier[chosen]
            wished -= wishes[:, chosen]
        return found

    # -- graphs ------------------------------------------------------------------------------------------------------

    def class_of(self, dag: Graph) -> Graph:
        """Return the CPDAG of a DAG narrowed to the DAGs of its class that fit: arrows where these agree, lines elsewhere.

        Parameters
        ----------
        dag : a DAG without a forbidden arrow.
        """
        return self.narrowed(cpdag_of(dag), dag)

    def narrowed(self, cpdag: Graph, dag: Graph) -> Graph:
        """Return a class, by its CPDAG and one of its DAGs that fits, narrowed to those of its DAGs that fit.

        Notes
        -----
        A line whose one direction is ruled out takes the other one; Meek's four rules tell what follows (Meek 1995).
        """
        told = dag.directed & self.forbidden.T
        if not told.any():
            return cpdag
        marks = cpdag.marks.copy()
        marks[told], marks[told.T] = Mark.ARROW, Mark.TAIL
        return Graph(cpdag.nodes, meek(marks), "cpdag")

    def member(self, lines: list[int], above: list[int]) -> tuple[list[int], int]:
        """Return of a class the DAG with the fewest forbidden arrows by the parents of each node, and how many it has.

        Parameters
        ----------
        lines, above : for each node its line-neighbours in the CPDAG and the nodes with an arrow into it, see `BestMember`.
        """
        n_forbidden, parents = BestMember(lines, above, lambda node, parents: (parents & self.barred[node]).bit_count()).find()
        return parents, n_forbidden

    def honoured(self, dag: Graph, context: Context) -> Graph:
        """Return a DAG without its forbidden arrows; a warning names those that the data ask for all the same."""
        wrong = dag.directed & self.forbidden
        if not wrong.any():
            return dag
        listed = [f"{dag.nodes[i]} --> {dag.nodes[j]}" for i, j in np.argwhere(wrong).tolist()]
        context.warn(
            f"The data ask for {len(listed)} arrow{'s' if len(listed) > 1 else ''} that you ruled out: {', '.join(listed[:NAMED])}"
            f"{' …' if len(listed) > NAMED else ''}. They were left out; look again at what you said of these variables."
        )
        return Graph.from_directed(dag.nodes, dag.directed & ~wrong)

    def put_marks(self, graph: Orientation) -> None:
        """Set what is known on the edges of a graph with hidden causes: arrowheads at what is no cause, tails at known causes."""
        for j, barred in enumerate(self.barred):
            for i in members(barred & graph.joined[j]):
                graph.put(j, i, Mark.ARROW, TOLD, (j, i))
            for i in members(self.must[j] & graph.joined[j]):
                graph.put(j, i, Mark.TAIL, TOLD, (i, j))

    def said_of(self, a: str, b: str) -> str:
        """Return what is known of two variables as a sentence; empty where nothing is."""
        i, j = self.nodes.index(a), self.nodes.index(b)
        for x, y, first, second in ((i, j, a, b), (j, i, b, a)):
            if self.required[x, y]:
                return f"You said that {first} drives {second}."
            if self.earlier[x, y]:
                return f"You said that {first} comes before {second}."
        barred = [f"{first} -/-> {second}" for x, y, first, second in ((i, j, a, b), (j, i, b, a)) if self.forbidden[x, y]]
        return f"You ruled out {' and '.join(barred)}." if barred else ""


def _closed(relation: Bools) -> Bools:
    """Return which nodes a relation without circles leads to, through others too."""
    return ancestors(relation) & ~np.eye(len(relation), dtype=bool)


def breaches(graph: Graph, known: Knowledge) -> list[str]:
    """List what a graph has against the knowledge: forbidden arrows that it draws, and required ones that it lacks."""
    marks, directed = graph.marks, graph.directed
    wrong = [f"{graph.nodes[i]} --> {graph.nodes[j]}" for i, j in np.argwhere(directed & known.forbidden).tolist()]
    lacking = known.required & ~((marks == Mark.ARROW) & (marks.T == Mark.TAIL))
    return wrong + [f"no {graph.nodes[i]} --> {graph.nodes[j]}" for i, j in np.argwhere(lacking).tolist()]


def _require_no_clash(required: Mapping[tuple[int, int], Statement], forbidden: Mapping[tuple[int, int], Statement]) -> None:
    """Stop when an arrow is both required and forbidden."""
    for pair, statement in required.items():
        if pair in forbidden:
            raise UserError(
                f"'{statement.text}' and '{forbidden[pair].text}' contradict each other.", "Take one of the two back.", statement.text
            )


def _require_no_circle(ordered: Mapping[tuple[int, int], Statement], nodes: Sequence[str]) -> None:
    """Stop when variables come before each other in a circle, naming the statements along a shortest one."""
    following: dict[int, list[int]] = {}
    for i, j in ordered:
        following.setdefault(i, []).append(j)
    for start in following:
        came_from: dict[int, int] = {}
        queue = [start]
        for v in queue:
            for w in following.get(v, ()):
                if w not in came_from:
                    came_from[w] = v
                    queue.append(w)
            if start in came_from:
                break
        if start in came_from:
            path = [start]
            while len(path) == 1 or path[-1] != start:
                path.append(came_from[path[-1]])
            path.reverse()
            told = list(dict.fromkeys(ordered[step].text for step in itertools.pairwise(path)))
            circle = " before ".join(nodes[k] for k in path)
            quoted = " and ".join(f"'{text}'" for text in told)
            verb = "contradicts itself" if len(told) == 1 else "contradict each other"
            raise UserError(f"{quoted} {verb}: {circle}.", "Take one of them back." if len(told) > 1 else "Correct it.", told[0])
