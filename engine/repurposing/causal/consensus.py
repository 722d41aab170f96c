"""From the shares of arrows and lines over the subsamples to one network, its edges, and how it shrinks as more stability is asked."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.graphs import Graph

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
THRESHOLDS = tuple(k / 20 for k in range(2, 20))


def stability_of(shares: Floats) -> Floats:
    """Return the stability of each entry: the largest of its shares over the levels, the first axis."""
    found: Floats = shares.max(axis=0)
    return found


def consensus(genes: Sequence[str], stability: Floats, threshold: float) -> tuple[Graph, tuple[str, ...]]:
    """Return the network of all entries more stable than a threshold, and the genes on directed cycles.

    Parameters
    ----------
    stability : (p, p), ``[i, j]`` the stability of i -> j or i --- j.
    threshold : entry [i, j] is kept if its stability is larger; with [j, i] it makes a line, alone an arrow.

    Notes
    -----
    Such a network need not be the CPDAG of anything, nor acyclic. The arrows of a directed cycle contradict each other, so they become
    lines: what they lead to counts as possible, not as certain.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    entries = stability > threshold
    np.fill_diagonal(entries, False)
    arrows = entries & ~entries.T
    _, component = connected_components(csr_array(arrows), directed=True, connection="strong")
    cyclic = arrows & (component[:, None] == component[None, :])
    on_cycle = tuple(genes[k] for k in np.flatnonzero(cyclic.any(axis=1)).tolist())
    return Graph.from_directed(genes, entries | cyclic.T, "cpdag"), on_cycle


def edge_table(graph: Graph, shares: Floats, levels: Sequence[float]) -> pd.DataFrame:
    """Return the edges of a network, the most stable first.

    Parameters
    ----------
    shares : (L, p, p) by level.

    Returns
    -------
    Table with ``source``, ``target``, ``kind`` (arrow, line), ``stability`` (of a line that of its less stable entry), ``opposite`` (the
    stability of the other entry; that of an arrow tells how often the two came out as a line or turned round), ``level`` at which the
    stability is reached, and ``share at ...`` for each level.
    """
    stability = stability_of(shares)
    rows = []
    for edge in graph.edges():
        i, j = graph.index(edge.source), graph.index(edge.target)
        if bool(graph.undirected[i, j]) and stability[j, i] < stability[i, j]:
            i, j = j, i
        at = int(shares[:, i, j].argmax())
        kind = "line" if graph.undirected[i, j] else "arrow"
        row = {
            "source": graph.nodes[i], "target": graph.nodes[j], "kind": kind, "stability": stability[i, j], "opposite": stability[j, i],
            "level": levels[at],
        }  # fmt: skip
        rows.append(row | {f"share at {level:g}": shares[k, i, j] for k, level in enumerate(levels)})
    columns = ["source", "target", "kind", "stability", "opposite", "level", *(f"share at {level:g}" for level in levels)]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["stability", "source", "target"], ascending=[False, True, True], ignore_index=True
    )


def threshold_curve(stability: Floats) -> pd.DataFrame:
    """Return for each threshold how many arrows (``directed``) and lines (``undirected``) are more stable, and genes with an edge."""
    rows = []
    for threshold in THRESHOLDS:
        entries = stability > threshold
        rows.append(
            (threshold, int((entries & ~entries.T).sum()), int((entries & entries.T).sum()) // 2, int((entries | entries.T).any(1).sum()))
        )
    return pd.DataFrame(rows, columns=["threshold", "directed", "undirected", "genes"])


def largest_component(graph: Graph) -> int:
    """Return how many genes the largest connected part of a network has."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    return int(np.bincount(connected_components(csr_array(graph.skeleton), directed=False)[1]).max())
