"""Random mixtures of DAGs that tests draw on, with and without a common order of causes."""

from collections.abc import Sequence

import numpy as np

from engine.graphs import Graph
from engine.mixtures import DagMixture


def random_mixtures(n: int, nodes: Sequence[int] = (4, 5, 6), ordered: bool | None = True, seed: int = 0) -> list[DagMixture]:
    """Draw n mixtures of two or three DAGs in which some nodes keep their parents, and some vary though they keep them.

    With ``ordered`` all components have a common order; without, about half of them need not.
    """
    rng = np.random.default_rng(seed)
    found: list[DagMixture] = []
    while len(found) < n:
        mixture = _random_mixture(nodes[len(found) % len(nodes)], ordered or rng.random() < 0.5, rng)
        if mixture is not None:
            found.append(mixture)
    return found


def _random_mixture(p: int, ordered: bool, rng: np.random.Generator) -> DagMixture | None:
    names = [f"X{i + 1}" for i in range(p)]
    order, density = rng.permutation(p), rng.choice([0.2, 0.35, 0.5, 0.7])
    kept = rng.random(p) > rng.choice([0.3, 0.6, 0.9])
    components = []
    for _ in range(rng.integers(2, 4)):
        place = order if ordered else rng.permutation(p)
        arrows = (rng.random((p, p)) < density) & (np.argsort(place)[:, None] < np.argsort(place))
        if components:
            arrows[:, kept] = components[0][:, kept]
        if np.linalg.matrix_power(arrows.astype(int) + np.eye(p, dtype=int), p).trace() != p:  # a cycle
            return None
        components.append(arrows)
    also = np.flatnonzero(rng.random(p) < rng.choice([0, 0.1, 0.3]))
    mixture = DagMixture([Graph.from_directed(names, arrows) for arrows in components], [names[i] for i in also])
    return mixture if mixture.varying else None


def mixture_of(nodes: str, *components: str, varying: str = "") -> DagMixture:
    """Read a mixture such as ``mixture_of("ABC", "AB", "BC")``: one component with A -> B, one with B -> C."""
    return DagMixture([Graph.from_edges(nodes, [f"{a} --> {b}" for a, b in edges.split()], "dag") for edges in components], varying)
