"""How often a random disease would give a drug as much: exact p-values of screen and network together."""

import numpy as np
from numpy.typing import NDArray

from engine.repurposing.significance import CLOSE

Floats = NDArray[np.float64]


def upper_mid_ranks(values: Floats) -> Floats:
    """Return per column the share of rows with a larger value, plus half of those as large; in (0, 1), small for large values."""
    from scipy.stats import rankdata

    rounded = np.round(values / CLOSE)
    return np.asarray((rankdata(-rounded, axis=0) - 0.5) / len(values))


def network_p(evidence: Floats) -> Floats:
    """Return (D,) plus-one p-values of row 0 of ``evidence`` (1 + n, D) among all rows; ties count against the drug."""
    return np.asarray((evidence >= evidence[0] - CLOSE).mean(axis=0))


def score_p(scores: Floats) -> Floats:
    """Return (D,) the share of drugs that score at least as high; NaN for a drug without a score.

    This is the null of signs in closed form: over all permutations of the scores among the drugs each drug gets each score equally often.
    """
    known = scores[~np.isnan(scores)]
    found = np.array([(known >= score).mean() if not np.isnan(score) else np.nan for score in scores])
    return found if len(found) else np.zeros(0)


def joint_p(evidence: Floats, scores: Floats, wanted: NDArray[np.bool_] | None = None) -> Floats:
    """Return (D,) p-values of screen and network together; NaN for a drug without a score.

    Parameters
    ----------
    evidence : (1 + n, D) evidence of the network, the observed disease first, then n random ones.
    scores : (D,) score of each drug, high = reverses the disease.
    wanted : (D,) drugs whose p-value is asked for, all if not given; the others' scores still count as what a score may be.

    Notes
    -----
    Under the null hypothesis the observed network is exchangeable with the random ones, and the score of a drug with those of the others.
    So (score, network) of drug d is a uniform draw from the product of all S scores with all 1 + n networks, each network seen through the
    targets of d alone: promiscuity is matched by construction. With u the share of networks that give d at least as much (ties by half)
    and v that of drugs that score as high, the statistic is Fisher's T = -log u - log v, and

        p(d) = share of the (1 + n) S combinations with T >= T(d).

    The observed combination is among all of them, so P(p <= a) <= a exactly, for any n. Nothing is randomised: the score makes T nearly
    continuous, and what ties are left (the same drug, networks that give it the same) count against it, at most 1 / S. The smallest p is
    1 / ((1 + n) S). A network knows no direction: a drug with strong evidence there can have a small p in spite of a low score; the cut on
    the score keeps it from the candidates.
    """
    found = np.full(len(scores), np.nan)
    known = ~np.isnan(scores)
    asked = np.flatnonzero(known if wanted is None else known & wanted)
    if not len(asked):
        return found
    u = np.log(upper_mid_ranks(evidence[:, asked]))
    v = np.full(len(scores), np.nan)
    v[known] = np.log(upper_mid_ranks(scores[known][:, None])[:, 0])
    ordered = np.sort(v[known])
    for at, drug in enumerate(asked):
        reached = np.searchsorted(ordered, u[0, at] + v[drug] - u[:, at] + CLOSE, side="right")
        found[drug] = reached.sum() / (len(u) * len(ordered))
    return found
