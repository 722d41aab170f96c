"""How the order changes when one kind of evidence is left out, and how sure a rank is when the disease's genes are drawn again."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.repurposing.ranking.calibration import joint_p, score_p, upper_mid_ranks
from engine.repurposing.ranking.statistic import VARIANTS
from engine.repurposing.significance import shared_ranks

EVIDENCE = ("screen", "interactome", "causal", "partners", "affinity")
KEPT_SHARE = 0.8  # of the terminals, drawn without replacement for one resample
TAIL = 0.05  # on each side of an interval of ranks
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def without_each(drugs: tuple[str, ...], runs: Floats, scores: Floats, ranked: Bools) -> pd.DataFrame:
    """Return calibrated ranks of some drugs with all evidence and without each kind of it.

    Parameters
    ----------
    runs : (V, 1 + n, D) evidence in the observed and n random diseases, see `nulls.Tally.beside`.
    scores : (D,) of the screen.
    ranked : (D,) drugs that take part.

    Returns
    -------
    DataFrame with ``drug``, ``all`` and ``without_*`` for each of `EVIDENCE`, in the order of ``all``. Without the screen the network alone
    speaks; without the interactome the screen alone does, since causal network and partners live on the interactome.
    """
    joint = {name: joint_p(runs[at], scores, ranked) for at, name in enumerate(VARIANTS)}
    p = {
        "all": joint["all"], "without_screen": upper_mid_ranks(runs[0])[0], "without_interactome": score_p(scores),
        **{f"without_{name}": joint[name] for name in VARIANTS[1:]},
    }  # fmt: skip
    frame = pd.DataFrame({"drug": drugs} | {name: shared_ranks(values, ranked) for name, values in p.items()})
    return frame[ranked].sort_values(["all", "drug"], ignore_index=True)


def resampled_terminals(prizes: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Return (n, P) prizes of which each row keeps `KEPT_SHARE` of the terminals, drawn without replacement."""
    terminals = np.flatnonzero(prizes > 0)
    rows = np.zeros((n, len(prizes)))
    for row in rows:
        kept = rng.choice(terminals, max(1, round(KEPT_SHARE * len(terminals))), replace=False)
        row[kept] = prizes[kept]
    return rows


def rank_intervals(resampled: Floats, null: Floats, scores: Floats, ranked: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return (D,) lower and upper limits of the calibrated rank, from 5 % to 95 % of the resamples; NaN for drugs that are not ranked.

    Parameters
    ----------
    resampled : (B, D) evidence in interactomes of `resampled_terminals`.
    null : (n, D) evidence in random diseases, of which each resample takes n with replacement.

    Notes
    -----
    Terminals are drawn without replacement since a terminal that counts twice changes nothing in a Steiner forest. What the interval
    holds is the choice of the disease's genes and the chance of the nulls; the scores of the screen are taken as they are.
    """
    ranks = np.full((len(resampled), len(scores)), np.nan)
    for at, evidence in enumerate(resampled):
        drawn = null[rng.integers(len(null), size=len(null))]
        p = joint_p(np.concatenate([evidence[None], drawn]), scores, ranked)
        ranks[at] = shared_ranks(p, ranked)
    limits = np.full((2, len(scores)), np.nan)
    limits[:, ranked] = np.quantile(ranks[:, ranked], [TAIL, 1 - TAIL], axis=0, method="closest_observation")
    return limits[0], limits[1]
