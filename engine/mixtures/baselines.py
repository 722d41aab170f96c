"""What is shown beside every mixture: a plain Gaussian mixture, K-means, and the pipeline of FCI, its bidirected nodes and K-means."""

from typing import NamedTuple

import numpy as np

from engine.core import Context
from engine.graphs import Graph
from engine.independence.gaussian import FisherZ
from engine.mixtures.moments import Rows
from engine.mixtures.starts import Labels, quietly

WAYS = ("gmm", "kmeans", "paper")
TRIES = 3  # of the Gaussian mixture
MEANS_TRIES = 4


class Baseline(NamedTuple):
    """Labels (n,) of the rows, the columns they were made from (none: nothing was found to cluster by), and the graph that named them."""

    labels: Labels
    columns: tuple[str, ...]
    graph: Graph | None = None


def gaussian_mixture(rows: Rows, nodes: tuple[str, ...], k: int, seed: int) -> Baseline:
    """Cluster all columns by a mixture of K normal populations with full covariances."""
    from sklearn.mixture import GaussianMixture

    return Baseline(quietly(GaussianMixture(k, n_init=TRIES, random_state=seed, reg_covar=1e-5), rows.values), nodes)


def k_means(rows: Rows, nodes: tuple[str, ...], k: int, seed: int) -> Baseline:
    """Cluster all columns, scaled, by K-means."""
    from sklearn.cluster import KMeans

    return Baseline(quietly(KMeans(k, n_init=MEANS_TRIES, random_state=seed), rows.values), nodes)


def way(name: str, rows: Rows, nodes: tuple[str, ...], k: int, seed: int, alpha: float, limit: float | None = None) -> Baseline:
    """Cluster by one of the `WAYS`; ``alpha`` and ``limit`` are those of `pipeline`."""
    if name == "paper":
        return pipeline(rows, nodes, k, seed, alpha, limit)
    return (gaussian_mixture if name == "gmm" else k_means)(rows, nodes, k, seed)


def pipeline(rows: Rows, nodes: tuple[str, ...], k: int, seed: int, alpha: float, limit: float | None = None) -> Baseline:
    """Cluster by K-means the columns at the ends of bidirected edges that FCI draws on the pooled rows.

    Parameters
    ----------
    alpha : level of the tests of FCI.
    limit : seconds that FCI may take.

    Notes
    -----
    The published way: variables whose conditional varies become neighbours by <-> in the graph of the pooled rows. One such variable alone
    leaves no trace in linear tests.
    """
    from sklearn.cluster import KMeans

    from engine.discovery.fci import FciParams, fci

    test = FisherZ.of(nodes, rows.values, alpha)
    graph = fci(test, FciParams(alpha=alpha, test="gaussian", time_limit=limit), Context.silent(seed)).graph
    chosen = np.flatnonzero(graph.bidirected.any(axis=0))
    if not len(chosen):
        return Baseline(np.zeros(rows.n, np.int64), (), graph)
    labels = quietly(KMeans(k, n_init=MEANS_TRIES, random_state=seed), rows.values[:, chosen])
    return Baseline(labels, tuple(nodes[i] for i in chosen), graph)
