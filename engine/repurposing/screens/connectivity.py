"""Scores of drug signatures against a disease signature; high means that the drug reverses the disease."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Score = Callable[[Floats, Floats], Floats]


def cosine(drugs: Floats, diseases: Floats) -> Floats:
    """Return (G, m) the uncentred cosine of each drug with the reversed disease: -d.s / (|d| |s|); NaN where either is zero.

    Parameters
    ----------
    drugs : (G, k) signatures.
    diseases : (m, k) signatures.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return -_unit(drugs) @ _unit(diseases).T


def pearson(drugs: Floats, diseases: Floats) -> Floats:
    """Return (G, m) minus the Pearson correlation of each drug with the disease over the k coordinates; NaN where either is constant."""
    return cosine(_centred(drugs), _centred(diseases))


def spearman(drugs: Floats, diseases: Floats) -> Floats:
    """Return (G, m) minus the correlation of ranks over the k coordinates, ties at their mean rank; NaN where either is constant."""
    from scipy.stats import rankdata

    return pearson(rankdata(drugs, axis=1), rankdata(diseases, axis=1))


def weighted_ks(drugs: Floats, diseases: Floats, size: int) -> Floats:
    """Return (G, m) minus the weighted connectivity score with the ``size`` most raised and most lowered genes of each disease.

    Notes
    -----
    Genes are ordered by a drug's values r, highest first. For a set S of genes the enrichment score is the deviation of largest size from
    0, the positive one at a tie, of sum over S up to place i of |r| / sum over S of |r| minus (genes outside S up to i) / (d - |S|)
    (Subramanian et al. 2005). The score is (ES_up - ES_down) / 2 where the two have different signs, and 0 otherwise (Subramanian et al.
    2017). Genes alike to the last digit keep their order in the file.
    """
    size = min(size, drugs.shape[1] // 2)
    order = np.argsort(-drugs, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(drugs.shape[1])[None, :], axis=1)
    weight = np.abs(np.take_along_axis(drugs, order, axis=1))
    scores = np.empty((len(drugs), len(diseases)))
    for k, disease in enumerate(diseases):
        by_change = np.argsort(-disease, kind="stable")
        up, down = (_enrichment(place[:, genes], weight) for genes in (by_change[:size], by_change[len(disease) - size :]))
        scores[:, k] = np.where(np.sign(up) != np.sign(down), (down - up) / 2, 0.0)
    scores[~drugs.any(axis=1)] = np.nan
    scores[:, ~diseases.any(axis=1)] = np.nan
    return scores


def _enrichment(place: NDArray[np.int64], weight: Floats) -> Floats:
    """(G,) enrichment score of a set, given the places (G, k) of its genes and the weights (G, d) in order of places.

    The running sum only rises at a gene of the set: its extremes lie at such a gene or just before it.
    """
    place = np.sort(place, axis=1)
    k, d = place.shape[1], weight.shape[1]
    risen = np.cumsum(np.take_along_axis(weight, place, axis=1), axis=1)
    total = risen[:, -1:]
    risen = np.where(total > 0, risen / np.where(total > 0, total, 1.0), np.arange(1, k + 1) / k)  # without any weight all count alike
    fallen = (place - np.arange(k)) / (d - k)
    before = np.hstack([np.zeros((len(place), 1)), risen[:, :-1]]) - fallen
    highest, lowest = (risen - fallen).max(axis=1), before.min(axis=1)
    return np.where(highest >= -lowest, highest, lowest)


SCORES: Mapping[str, Score] = {"cosine": cosine, "pearson": pearson, "spearman": spearman}
LABELS: Mapping[str, str] = {
    "cosine": "Cosine", "pearson": "Pearson correlation", "spearman": "Rank correlation", "weighted_ks": "Weighted Kolmogorov-Smirnov",
}  # fmt: skip


def score_of(name: str, size: int) -> Score:
    """Return a score by name; ``size`` is the number of genes in each list of the weighted Kolmogorov-Smirnov score."""
    if name == "weighted_ks":
        return lambda drugs, diseases: weighted_ks(drugs, diseases, size)
    return SCORES[name]


def _unit(values: Floats) -> Floats:
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


def _centred(values: Floats) -> Floats:
    """Take the mean of each row away; a constant row becomes exactly zero."""
    return np.where(np.ptp(values, axis=1, keepdims=True) > 0, values - values.mean(axis=1, keepdims=True), 0.0)
