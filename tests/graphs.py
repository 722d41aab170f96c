"""Graphs that tests draw on: random DAGs with names, all DAGs and ancestral graphs on a few nodes, and what they separate."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from engine.graphs import Graph, Separation
from engine.graphs.graph import why_not


def random_dag(p: int, degree: float, rng: np.random.Generator) -> Graph:
    """Draw a DAG on p nodes with this mean degree; its order is random, so node numbers say nothing about causes."""
    order = rng.permutation(p)
    forward = np.triu(rng.random((p, p)) < degree / max(p - 1, 1), 1)
    arrows = np.zeros((p, p), dtype=bool)
    arrows[np.ix_(order, order)] = forward
    return Graph.from_directed([f"X{i + 1}" for i in range(p)], arrows)


def random_dags(n: int, nodes: Sequence[int] = range(4, 11), degree: float = 2, seed: int = 0) -> list[Graph]:
    """Draw n random DAGs whose numbers of nodes run through ``nodes``."""
    rng = np.random.default_rng(seed)
    return [random_dag(nodes[k % len(nodes)], degree, rng) for k in range(n)]


def all_dags(p: int) -> Iterator[Graph]:
    """Yield every DAG on p nodes (1, 3, 25, 543, 29,281 for p = 1 to 5)."""
    pairs = list(itertools.combinations(range(p), 2))
    for states in itertools.product((0, 1, 2), repeat=len(pairs)):
        arrows = np.zeros((p, p), dtype=bool)
        for (i, j), state in zip(pairs, states, strict=True):
            arrows[i, j], arrows[j, i] = state == 1, state == 2
        if _acyclic(arrows):
            yield Graph.from_directed([f"X{i + 1}" for i in range(p)], arrows)


def _acyclic(arrows: np.ndarray) -> bool:
    left = np.ones(len(arrows), dtype=bool)
    while left.any():
        sources = left & ~arrows[left].any(axis=0)
        if not sources.any():
            return False
        left &= ~sources
    return True


def all_ancestral_graphs(p: int, lines: bool = False) -> Iterator[Graph]:
    """Yield every ancestral graph on p nodes, maximal or not; with undirected edges if ``lines``."""
    states = [(0, 0), (2, 3), (3, 2), (2, 2)] + ([(3, 3)] if lines else [])
    pairs = list(itertools.combinations(range(p), 2))
    for chosen in itertools.product(states, repeat=len(pairs)):
        marks = np.zeros((p, p), np.uint8)
        for (i, j), (at_j, at_i) in zip(pairs, chosen, strict=True):
            marks[i, j], marks[j, i] = at_j, at_i
        if why_not(marks, "mag") is None:
            yield Graph([f"X{i + 1}" for i in range(p)], marks, "mag")


def separations(graph: Graph) -> tuple[bool, ...]:
    """Return for every pair and every conditioning set whether the graph separates them, pairs in lexicographic order."""
    separation = Separation(graph)
    return tuple(
        separation.separated(i, j, given)
        for i, j in itertools.combinations(range(graph.p), 2)
        for given in conditioning_sets(graph.p, i, j)
    )


def conditioning_sets(p: int, i: int, j: int) -> list[tuple[int, ...]]:
    """List every set of nodes without i and j."""
    others = [k for k in range(p) if k not in (i, j)]
    return [chosen for size in range(p - 1) for chosen in itertools.combinations(others, size)]
