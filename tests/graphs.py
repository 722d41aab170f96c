"""Graphs that tests draw on: random DAGs with names, all DAGs and ancestral graphs on a few nodes, and what they separate."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from engine.graphs import Graph, Separation, maximal_closure
from engine.graphs.graph import ancestors, why_not


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


def all_dags(p: int, every: int = 1) -> Iterator[Graph]:
    """Yield every DAG on p nodes (1, 3, 25, 543, 29,281 for p = 1 to 5), or ``every`` so many."""
    pairs = list(itertools.combinations(range(p), 2))
    states = np.array(list(itertools.product((0, 1, 2), repeat=len(pairs))), np.uint8).reshape(3 ** len(pairs), len(pairs))
    arrows = np.zeros((len(states), p, p), dtype=bool)
    for (i, j), state in zip(pairs, states.T, strict=True):
        arrows[:, i, j], arrows[:, j, i] = state == 1, state == 2
    for chosen in arrows[_acyclic(arrows)][::every]:
        yield Graph.from_directed([f"X{i + 1}" for i in range(p)], chosen)


def _acyclic(arrows: np.ndarray) -> np.ndarray:
    """Return for each of the (n, p, p) matrices whether taking away nodes without parents, again and again, leaves none."""
    left = np.ones(arrows.shape[:2], dtype=bool)
    for _ in range(arrows.shape[1]):
        left &= (arrows & left[:, :, None]).any(axis=1)
    return ~left.any(axis=1)


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


def latent_dags(n: int, observed: Sequence[int] = range(4, 11), degree: float = 2.5, seed: int = 0) -> list[tuple[Graph, tuple[str, ...]]]:
    """Draw n random DAGs with the names of 1 to 3 of their nodes that are hidden; the numbers of the others run through ``observed``."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n):
        hidden = 1 + k % 3
        dag = random_dag(observed[k % len(observed)] + hidden, degree, rng)
        found.append((dag, tuple(str(node) for node in rng.choice(dag.nodes, hidden, replace=False))))
    return found


def random_mags(n: int, nodes: Sequence[int] = range(5, 9), density: float = 0.35, lines: bool = False, seed: int = 0) -> list[Graph]:
    """Draw n random MAGs in which about half of the edges are bidirected; with some undirected edges if ``lines``."""
    rng = np.random.default_rng(seed)
    return [_random_mag(nodes[k % len(nodes)], density, lines, rng) for k in range(n)]


def linked_mags(n: int, others: Sequence[int] = range(4), density: float = 0.2, seed: int = 0) -> list[Graph]:
    """Draw n random MAGs whose nodes X and Y are not adjacent, yet no set of their neighbours separates them; mostly, see the tests.

    X <-> Z --> Y and Y <-> W --> X, with V pointing at Z and W: conditioning on Z and W opens the way over V, a neighbour of neither.
    Between these and ``others`` further nodes, edges are drawn at random.
    """
    rng = np.random.default_rng(seed)
    names = ["V", "Z", "W", "X", "Y"]
    found: list[Graph] = []
    while len(found) < n:
        p = 5 + others[len(found) % len(others)]
        marks = np.zeros((p, p), np.uint8)
        order = rng.permutation(p)
        for i, j in itertools.combinations(order, 2):
            if max(i, j) >= 5 and rng.random() < density:
                marks[i, j], marks[j, i] = (2, 2) if rng.random() < 0.4 else (2, 3)
        for i, j, at_i in ((0, 1, 3), (0, 2, 3), (1, 4, 3), (2, 3, 3), (3, 1, 2), (4, 2, 2)):
            marks[i, j], marks[j, i] = 2, 2 if at_i == 3 and i == 0 and rng.random() < 0.3 else at_i
        nodes = names + [f"U{k}" for k in range(p - 5)]
        if why_not(marks, "mag") is None:
            chosen = [nodes[k] for k in rng.permutation(p)]
            found.append(maximal_closure(Graph(nodes, marks, "mag")).subgraph(chosen))
    return found


def _random_mag(p: int, density: float, lines: bool, rng: np.random.Generator) -> Graph:
    order, marks = rng.permutation(p), np.zeros((p, p), np.uint8)
    n_lined = p // 2 if lines else 0
    for a, b in itertools.combinations(range(p), 2):
        if rng.random() < density:
            i, j = order[a], order[b]
            at_i, at_j = (3, 3) if b < n_lined else (3, 2) if a < n_lined or rng.random() < 0.5 else (2, 2)
            marks[j, i], marks[i, j] = at_i, at_j
    almost = (marks == 2) & (marks.T == 2) & ancestors((marks == 2) & (marks.T == 3))
    marks[almost.T] = 3
    return maximal_closure(Graph([f"X{i + 1}" for i in range(p)], marks, "mag"))
