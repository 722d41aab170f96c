"""The DAG of each cluster, with weights in the units of the columns."""

import numpy as np

from engine.graphs import Graph
from engine.graphs.bitsets import members, relation
from engine.mixtures.em import Fit
from engine.mixtures.moments import Floats, Rows, regression
from engine.mixtures.variants import Variant, fit_variant, profile


def component_dags(rows: Rows, fit: Fit, nodes: tuple[str, ...], scale: Floats) -> list[Graph]:
    """Return one weighted DAG per cluster; an arrow of the union is left out where a cluster with slopes of its own does without it.

    Parameters
    ----------
    scale : (p,) standard deviations of the columns.
    """
    moments, p = rows.moments(fit.responsibility), rows.p
    weights = np.zeros((fit.k, p, p))
    for node, chosen in enumerate(fit.parents):
        parents = list(members(chosen))
        variant = fit.variants[node]
        if variant is Variant.ALL:
            for k in range(fit.k):
                kept = needed(moments.raw[k], node, parents)
                weights[k, kept, node] = _slopes(moments.raw[k], node, kept)
        elif variant:
            weights[:, parents, node] = fit.conditionals[node].coefficients[:, 1:]
        else:
            weights[:, parents, node] = _slopes(rows.total, node, parents)
    weights *= scale[None, None, :] / scale[None, :, None]
    return [Graph.from_directed(nodes, each != 0, "dag", each) for each in weights]


def conditionals_in_units(fit: Fit, nodes: tuple[str, ...], mean: Floats, scale: Floats) -> list[tuple[str, int, str, float]]:
    """Return the numbers of each varying node in each cluster, in the units of the columns.

    Parameters
    ----------
    mean, scale : (p,) means and standard deviations of the columns.

    Returns
    -------
    One (node, cluster from 1, term, value) for each ``term``: ``level``, the node's mean where all causes are at their means over
    all rows; ``weight of`` a cause; ``spread``, the standard deviation of the noise.
    """
    found: list[tuple[str, int, str, float]] = []
    for node in fit.varying:
        causes, own = list(members(fit.parents[node])), fit.conditionals[node]
        for k in range(fit.k):
            level, *slopes = own.coefficients[k]
            found.append((nodes[node], k + 1, "level", mean[node] + scale[node] * level))
            found += [
                (nodes[node], k + 1, f"weight of {nodes[i]}", slope * scale[node] / scale[i])
                for i, slope in zip(causes, slopes, strict=True)
            ]
            found.append((nodes[node], k + 1, "spread", scale[node] * np.sqrt(own.variance[k])))
    return found


def union_dag(fit_parents: tuple[int, ...], nodes: tuple[str, ...]) -> Graph:
    """Return the DAG with these parents, given as bits."""
    return Graph.from_directed(nodes, relation(fit_parents).T, "dag")


def needed(raw: Floats, node: int, parents: list[int]) -> list[int]:
    """Drop parents one by one as long as that raises the BIC within one cluster; ``raw`` (p + 1, p + 1) are its moments."""
    mass = float(raw[0, 0])
    kept = list(parents)
    while kept:
        without = [[k for k in kept if k != left] for left in kept]
        worth = [_likelihood(raw, node, chosen, mass) for chosen in without]
        best = int(np.argmax(worth))
        if worth[best] + np.log(mass) / 2 < _likelihood(raw, node, kept, mass):
            break
        kept = without[best]
    return kept


def _likelihood(raw: Floats, node: int, parents: list[int], mass: float) -> float:
    chosen = [0, *(k + 1 for k in parents)]
    return float(profile(raw[node + 1, node + 1] - regression(raw, node, chosen) @ raw[chosen, node + 1], mass))


def _slopes(raw: Floats, node: int, parents: list[int]) -> Floats:
    chosen = np.array([0, *(k + 1 for k in parents), node + 1])
    return fit_variant(raw[None, chosen[:, None], chosen], Variant.SHARED).coefficients[0, 1:]
