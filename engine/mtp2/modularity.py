"""How much more the edges of a graph stay inside given groups than chance would have it."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError


def modularity(adjacency: NDArray[np.bool_], groups: Sequence[Hashable]) -> float:
    """Return the modularity of a division of the nodes of an undirected graph into groups, such as stocks into sectors.

    Parameters
    ----------
    adjacency : (p, p) symmetric, nonzero where there is an edge; the diagonal is not read, weights are not used.
    groups : (p,) the group of each node.

    Returns
    -------
    float
        In [-1/2, 1): the share of edges inside groups less the share expected with the same degrees. Zero for a single group; NaN where
        there is no edge.

    Raises
    ------
    UserError
        When there is not one group for each node.

    Notes
    -----
    Q = sum over groups c of e_c / E - (d_c / 2E)^2, with E edges in all, e_c of them inside c, and d_c the sum of the degrees in c
    (Newman, Girvan 2004).
    """
    if len(groups) != len(adjacency):
        raise UserError(f"{len(groups)} groups are given for {len(adjacency)} nodes.", "Give one for each node.", "groups")
    edges = (np.asarray(adjacency) != 0) & ~np.eye(len(adjacency), dtype=bool)
    ends = int(edges.sum())
    if not ends:
        return float("nan")
    number = {group: c for c, group in enumerate(dict.fromkeys(groups))}
    belongs = np.zeros((len(groups), len(number)))
    belongs[np.arange(len(groups)), [number[group] for group in groups]] = 1.0
    between = belongs.T @ edges @ belongs / ends
    return float(np.trace(between) - (between.sum(axis=0) ** 2).sum())
