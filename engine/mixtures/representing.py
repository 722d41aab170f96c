"""The ancestral graph that represents a mixture of DAGs: the same separations, over the nodes alone."""

import numpy as np

from engine.core import Context, UserError
from engine.discovery.fci import FciParams, search
from engine.graphs import Graph, Separation, is_maximal, mag_in, mag_of
from engine.graphs.bitsets import members
from engine.graphs.separation import ancestor_sets
from engine.mixtures.mother import DagMixture
from engine.mixtures.oracle import MixtureOracle

MOST_NODES = 10  # up to here a graph and a mixture are compared given every one of the 2^p sets


def representing_graph(mixture: DagMixture) -> Graph:
    """Return a maximal ancestral graph over the p nodes that separates exactly what the mixture separates.

    Raises
    ------
    UserError
        When no graph of arrows and bidirected edges does, or when the mixture is not steady and has more than 10 nodes.

    Notes
    -----
    A mixture that `is_steady` is represented by the MAG of its `composite_dag`, whether or not the components have a common order. This
    was found by comparing all separations of many thousand random mixtures of up to six nodes, and is not proved. Any other mixture is
    compared with that MAG set by set; where they differ, with a member of the PAG that FCI finds under the oracle. FCI is complete, so
    if that differs too, no such graph exists. Up to four nodes one always does (all that were drawn); the smallest mixtures without one
    have five, even with a common order: A -> B, B -> C <- D and B -> C <- D, C -> E with B and E varying. B -> C <- D and D -> C -> E
    ask for B being a cause of E, yet A, which only B links to E, is independent of E.
    """
    if is_steady(mixture):
        return _projected(mixture)
    if mixture.p > MOST_NODES:
        raise UserError(
            f"Whether a graph represents this mixture can be told for {MOST_NODES} nodes at most, not {mixture.p}.",
            "Take fewer nodes, or learn the graph of its separations with FCI.",
        )
    for candidate in (_projected, _learned):
        try:
            graph = candidate(mixture)
        except UserError:  # the arrows close a cycle, or the marks contradict each other
            continue
        if represents(graph, mixture):
            return graph
    raise UserError(
        "No ancestral graph has the separations of this mixture: its components disagree too much about what acts on what.",
        "Look at the mother graph, or remove an arrow that only some components have.",
    )


def composite_dag(mixture: DagMixture) -> Graph:
    """Return a DAG on the nodes and the label y whose separations, with y hidden, are those of a steady mixture.

    Raises
    ------
    UserError
        When its arrows close a cycle, which those of a steady mixture never do.

    Notes
    -----
    An unvarying node keeps its parents, the same in all components. At a varying node b point y; each varying a that is an ancestor of b
    in *all* components; and each unvarying a from which b is reached, in *some* component, by an arrow or through varying nodes only. It
    is not the union graph with y: in the mixture of A -> B and B -> C, A is independent of C, so no arrow B -> C may carry it on.
    """
    p, varies = mixture.p, mixture.varies
    always = _always_ancestors(mixture)
    arrows = np.zeros((p + 1, p + 1), dtype=bool)
    for b in range(p):
        above = mixture.parents[0][b]
        if varies >> b & 1:
            above = always[b] & varies & ~(1 << b) | 1 << p
            for parents in mixture.parents:
                above |= _through_varying(parents, b, varies)
        arrows[list(members(above)), b] = True
    return Graph.from_directed((*mixture.nodes, mixture.label), arrows)


def is_steady(mixture: DagMixture) -> bool:
    """Return whether varying nodes act through unvarying ones on varying ones either always or never.

    In full: where a varying a reaches a varying b in one component on a path whose next node does not vary, a is an ancestor of b in
    all components. So it is when no unvarying node stands between varying ones.
    """
    varies, always = mixture.varies, _always_ancestors(mixture)
    behind = _varying_behind(mixture)
    for parents in mixture.parents:
        above = ancestor_sets(parents)
        if any(behind[i] & ~always[b] for b in members(varies) for i in members(above[b] & ~varies)):
            return False
    return True


def represents(graph: Graph, mixture: DagMixture) -> bool:
    """Return whether a DAG or MAG on the nodes of a mixture separates exactly what the mixture separates; looks at all 2^p sets."""
    one, other = Separation(graph.subgraph(mixture.nodes)), mixture.separation
    everything = (1 << mixture.p) - 1
    return all(one.reachable(i, given) == other.reachable(i, given) for given in range(everything) for i in members(everything & ~given))


def _projected(mixture: DagMixture) -> Graph:
    return mag_of(composite_dag(mixture), [mixture.label])


def _learned(mixture: DagMixture) -> Graph:
    """Return a member of the class that FCI finds; its separations need not be the mixture's."""
    mag = mag_in(search(MixtureOracle(mixture), FciParams(), Context.silent()).graph)
    if not is_maximal(mag):
        raise UserError("The marks that FCI finds are those of no maximal ancestral graph.")
    return mag


def _always_ancestors(mixture: DagMixture) -> list[int]:
    """Return for each node its ancestors in all components, itself included."""
    found = [(1 << mixture.p) - 1] * mixture.p
    for parents in mixture.parents:
        found = [before & here for before, here in zip(found, ancestor_sets(parents), strict=True)]
    return found


def _varying_behind(mixture: DagMixture) -> list[int]:
    """Return for each unvarying node the varying ones that reach it through unvarying ones; the same in all components."""
    return [_stopping(mixture.parents[0], i, ~mixture.varies) & mixture.varies for i in range(mixture.p)]


def _through_varying(parents: list[int], b: int, varies: int) -> int:
    """Return the unvarying nodes from which b is reached by an arrow or through varying nodes only."""
    return _stopping(parents, b, varies) & ~varies


def _stopping(parents: list[int], start: int, passing: int) -> int:
    """Return the nodes met when walking from ``start`` against the arrows, going on only at nodes of ``passing``."""
    found, fresh = 0, 1 << start
    while fresh:
        above = 0
        for node in members(fresh):
            above |= parents[node]
        fresh = above & ~found & passing
        found |= above
    return found
