"""The union graph: every arrow that some component of a mixture has, and an order that suits all components."""

import itertools

import numpy as np

from engine.core import UserError
from engine.graphs import Graph
from engine.graphs.bitsets import members, of
from engine.mixtures.mother import DagMixture


def union_graph(mixture: DagMixture) -> Graph:
    """Return the DAG with an arrow i -> j wherever a component has one.

    Raises
    ------
    UserError
        When the arrows of different components close a cycle; it names them.
    """
    common_order(mixture)
    arrows = np.any([graph.directed for graph in mixture.components], axis=0)
    return Graph.from_directed(mixture.nodes, arrows)


def common_order(mixture: DagMixture) -> tuple[str, ...]:
    """Return an order of the nodes in which all arrows of all components point forward.

    Raises
    ------
    UserError
        When there is none: the arrows of different components close a cycle; it names them.
    """
    above = [0] * mixture.p
    for parents in mixture.parents:
        above = [before | here for before, here in zip(above, parents, strict=True)]
    order: list[int] = []
    left = (1 << mixture.p) - 1
    while left:
        free = of(i for i in members(left) if not above[i] & left)
        if not free:
            raise UserError(
                f"The components have no common order of causes: {_cycle(mixture, above, left)}.",
                "Turn or remove one of these arrows.", mixture.nodes[next(members(left))],
            )  # fmt: skip
        order += members(free)
        left &= ~free
    return tuple(mixture.nodes[i] for i in order)


def _cycle(mixture: DagMixture, above: list[int], left: int) -> str:
    """Name the arrows of a cycle among nodes that all have a parent among them."""
    path = [next(members(left))]
    while path[-1] not in path[:-1]:
        path.append(next(members(above[path[-1]] & left)))
    backwards = path[path.index(path[-1]) :][::-1]
    steps = []
    for i, j in itertools.pairwise(backwards):
        holder = next(k for k, parents in enumerate(mixture.parents, start=1) if parents[j] >> i & 1)
        steps.append(f"{mixture.nodes[i]} -> {mixture.nodes[j]} in component {holder}")
    return ", ".join(steps)
