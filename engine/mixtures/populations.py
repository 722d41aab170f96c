"""The three single populations that a mixture must beat: a normal DAG, a DAG with noise of any shape, and a multivariate t."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from engine.graphs.bitsets import members
from engine.graphs.separation import ancestor_sets
from engine.mixtures.climb import climb
from engine.mixtures.em import Check, unwatched
from engine.mixtures.moments import Floats, Moments, Rows, predictors, regression
from engine.mixtures.noise import best_noise
from engine.mixtures.scores import LocalScores

FREEDOM = (2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0, 30.0, 50.0)  # degrees of freedom of the multivariate t
REWEIGHTINGS = 15
LOOK_AHEAD = 3  # equal reversals
NORMAL, FREE, STUDENT = "one normal population", "one population with noise of any shape", "one multivariate t"


@dataclass(frozen=True)
class Single:
    """One population: its DAG as parents in bits, and its BIC on the scale of `Fit.bic`."""

    name: str
    parents: tuple[int, ...]
    bic: float


def normal_population(rows: Rows, check: Check = unwatched) -> Single:
    """Return the DAG of linear normal conditionals."""
    scores = LocalScores(Moments(rows.total[None]))
    parents = climb(scores, depth=LOOK_AHEAD, check=check)
    bic = sum(scores.best(node, list(members(chosen)))[0] for node, chosen in enumerate(parents))
    return Single(NORMAL, parents, float(bic))


def free_population(rows: Rows, parents: Sequence[int], check: Check = unwatched) -> Single:
    """Return the DAG in which the noise of each node is normal, t, or a normal mixture of one peak.

    Parameters
    ----------
    parents : where the search starts; arrows are reversed as long as that raises the BIC, since noise that is not normal tells directions
        which normal noise leaves open.
    """
    penalty, known = np.log(rows.n) / 2, dict[tuple[int, int], float]()

    def score(node: int, chosen: int) -> float:
        if (node, chosen) not in known:
            check()
            known[node, chosen] = (
                best_noise(rows.columns[:, predictors(chosen)], rows.columns[:, node + 1]).bic - penalty * chosen.bit_count()
            )
        return known[node, chosen]

    now = list(parents)
    while True:
        best, gain = None, 1.0
        for j, chosen in enumerate(now):
            for i in members(chosen):
                turned = list(now)
                turned[j] ^= 1 << i
                if ancestor_sets(turned)[j] >> i & 1:
                    continue
                turned[i] |= 1 << j
                better = score(i, turned[i]) + score(j, turned[j]) - score(i, now[i]) - score(j, now[j])
                if better > gain:
                    best, gain = turned, better
        if best is None:
            return Single(FREE, tuple(now), float(sum(score(node, chosen) for node, chosen in enumerate(now))))
        now = best


def student_population(rows: Rows, parents: Sequence[int], check: Check = unwatched) -> Single:
    """Return the multivariate t whose scatter is that of a linear DAG.

    Notes
    -----
    EM: rows are weighted by ``(nu + p) / (nu + delta)`` with ``delta`` the squared Mahalanobis distance; the coefficients are those of
    weighted least squares, ``v_i = sum w r_i^2 / n``. The DAG is searched again under the weights of the best nu.
    """
    first = max((_student(rows, parents, freedom, check) for freedom in FREEDOM), key=lambda found: found[0])
    weight = first[1]
    raw = (rows.columns * (weight * rows.n / weight.sum())[:, None]).T @ rows.columns
    again = climb(LocalScores(Moments(raw[None])), parents, check=check)
    tried = [(first[0], tuple(parents)), *((_student(rows, again, freedom, check)[0], again) for freedom in FREEDOM)]
    penalty = np.log(rows.n) / 2
    found = [(bic - penalty * (sum(chosen.bit_count() + 2 for chosen in graph) + 1), graph) for bic, graph in tried]
    best = max(found, key=lambda pair: pair[0])
    return Single(STUDENT, best[1], float(best[0]))


def _student(rows: Rows, parents: Sequence[int], freedom: float, check: Check) -> tuple[float, Floats]:
    """Return the log likelihood for some degrees of freedom, and the weights (n,) of the rows."""
    n, p = rows.n, rows.p
    weight = np.ones(n)
    for _ in range(REWEIGHTINGS):
        check()
        raw = (rows.columns * weight[:, None]).T @ rows.columns
        solution, variance = np.zeros((p + 1, p)), np.empty(p)
        for node, chosen in enumerate(parents):
            used = predictors(chosen)
            coefficients = regression(raw, node, used)
            solution[used, node], solution[node + 1, node] = -coefficients, 1
            variance[node] = max((raw[node + 1, node + 1] - coefficients @ raw[used, node + 1]) / n, 1e-9)
        distance = ((rows.columns @ solution) ** 2 / variance).sum(axis=1)
        weight = (freedom + p) / (freedom + distance)
    constant = gammaln((freedom + p) / 2) - gammaln(freedom / 2) - p / 2 * np.log(freedom * np.pi) - 0.5 * np.log(variance).sum()
    return float(n * constant - (freedom + p) / 2 * np.log1p(distance / freedom).sum()), weight
