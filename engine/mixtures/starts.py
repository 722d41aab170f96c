"""Starts of the structural EM: clusterings of the columns, and splits of the residuals of a single DAG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.graphs.bitsets import members
from engine.mixtures.em import Fit, em
from engine.mixtures.moments import Floats, Rows, one_hot, predictors, regression
from engine.mixtures.scores import LocalScores
from engine.mixtures.variants import Variant

SHORT = 15  # steps that tell which splits are worth a search
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Start:
    """Labels to start from, the DAG, and the nodes that a split takes to vary; none for a clustering of all columns."""

    kind: str
    labels: Labels
    parents: tuple[int, ...]
    varying: tuple[int, ...] = ()


def clusterings(rows: Rows, raw: Floats, parents: Sequence[int], k: int, seed: int) -> Iterator[Start]:
    """Yield labels of Gaussian mixtures and K-means on raw and on scaled columns, and of a diagonal mixture of residuals.

    Parameters
    ----------
    raw : (n, p) columns as they came: their scale may hold a signal.
    parents : the DAG of one cluster.
    """
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    residual = residuals(rows, parents, range(rows.p))
    models = [
        (GaussianMixture(k, random_state=seed, reg_covar=1e-4), rows.values),
        (KMeans(k, n_init=4, random_state=seed), rows.values),
        (GaussianMixture(k, covariance_type="tied", random_state=seed, reg_covar=1e-4), rows.values),
        (GaussianMixture(k, covariance_type="diag", random_state=seed, reg_covar=1e-4), residual / residual.std(axis=0)),
        (KMeans(k, n_init=4, random_state=seed), raw),
        (GaussianMixture(k, random_state=seed, reg_covar=1e-6), raw),
    ]
    for model, columns in models:
        yield Start("clustering", quietly(model, columns), tuple(parents))


def quietly(model: object, columns: Floats) -> Labels:
    """Return the labels of a scikit-learn model; where it stopped before it converged they will do."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Labels = model.fit_predict(columns).astype(np.int64)  # type: ignore[attr-defined]
    return found


def splits(rows: Rows, parents: Sequence[int], k: int) -> Iterator[Start]:
    """Yield splits of the residuals at one node, at the ends of one arrow, and at one node and its neighbours.

    Notes
    -----
    One node i: split by r_i, by |r_i| and by r_i x for each parent x. An arrow is dropped, as the label may be what joins its ends, and the
    split is by r_i + r_j and by r_i - r_j. A star loses all arrows inside: split by the first principal component of its residuals.
    """
    p = rows.p
    residual = residuals(rows, parents, range(p))
    for node in range(p):
        own = residual[:, node]
        by = [own, np.abs(own), *(own * rows.values[:, parent] for parent in members(parents[node]))]
        for values in by:
            yield Start("single", quantiles(values, k), tuple(parents), (node,))
    arrows = [(i, j) for j in range(p) for i in members(parents[j])]
    for i, j in arrows:
        without = list(parents)
        without[j] ^= 1 << i
        a = residual[:, i] / residual[:, i].std()
        b = residuals(rows, without, [j])[:, 0]
        for values in (a + b / b.std(), a - b / b.std()):
            yield Start("pair", quantiles(values, k), tuple(without), (i, j))
    for node in range(p):
        star = [node, *(i for i, j in arrows if j == node), *(j for i, j in arrows if i == node)]
        if len(star) > 2:
            inside = sum(1 << member for member in star)
            without = [chosen & ~inside if j in star else chosen for j, chosen in enumerate(parents)]
            left = residuals(rows, without, star)
            axis = np.linalg.svd(np.corrcoef(left.T))[0][:, 0]
            yield Start("star", quantiles(left / left.std(axis=0) @ axis, k), tuple(without), tuple(star))


def halves(rows: Rows, raw: Floats, fewer: Fit, seed: int) -> Iterator[Start]:
    """Yield the clusters of a fit with each of them split in two, by a Gaussian mixture, K-means and the residuals of each varying node."""
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    residual = residuals(rows, fewer.parents, fewer.varying)
    for cluster in range(fewer.k):
        inside = np.flatnonzero(fewer.labels == cluster)
        if len(inside) < 4 * rows.p:
            continue
        for columns in (rows.values[inside], residual[inside]):
            for model in (
                GaussianMixture(2, covariance_type="diag", random_state=seed, reg_covar=1e-4),
                KMeans(2, n_init=4, random_state=seed),
            ):
                yield _with_split(fewer, inside, quietly(model, columns))
        for own in residual[inside].T:
            yield _with_split(fewer, inside, quantiles(own, 2))


def _with_split(fewer: Fit, inside: Labels, halves: Labels) -> Start:
    labels = fewer.labels.copy()
    labels[inside[halves == 1]] = fewer.k
    return Start("half", labels, fewer.parents)


def fit_split(rows: Rows, start: Start, k: int, steps: int = SHORT) -> Fit | None:
    """Fit a split with only its own nodes varying, in the variants that suit its labels best."""
    responsibility = one_hot(start.labels, k)
    scores = LocalScores(rows.moments(responsibility))
    variants = [Variant.SHARED] * rows.p
    for node in start.varying:
        variants[node] = scores.best(node, list(members(start.parents[node])))[1].variant or Variant.INTERCEPT
    return em(rows, start.parents, variants, responsibility, steps)


def residuals(rows: Rows, parents: Sequence[int], nodes: Sequence[int]) -> Floats:
    """Return the residuals (n, m) of m nodes given their parents by least squares."""
    found = np.empty((rows.n, len(nodes)))
    for column, node in enumerate(nodes):
        chosen = predictors(parents[node])
        found[:, column] = rows.columns[:, node + 1] - rows.columns[:, chosen] @ regression(rows.total, node, chosen)
    return found


def quantiles(values: Floats, k: int) -> Labels:
    """Return labels that split values (n,) into k parts of equal size."""
    found: Labels = (np.argsort(np.argsort(values)) * k // len(values)).astype(np.int64)
    return found
