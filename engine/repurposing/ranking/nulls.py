"""Random diseases, a few at a time, so that whoever watches sees the calibration grow sharper."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context
from engine.repurposing.ranking.calibration import joint_p, network_p, score_p
from engine.repurposing.ranking.statistic import Hits, Worth, network_evidence
from engine.repurposing.significance import CLOSE, q_values

ROUND = 25  # random diseases of each kind between two pictures
PRIMARY = "terminals"  # the null whose p-value is the calibrated one, stated before any data are seen
NETWORK_NULLS = ("labels", "terminals", "rewired")
NULLS = {
    "labels": "random names for the disease's genes, selected again with the second condition; without a signature from the network",
    "sign": "scores permuted among the drugs, the interactome as it is (in closed form)",
    "terminals": "as many random terminals with the same prizes, each of like degree",
    "rewired": "the same terminals in a network whose links are shuffled, every degree kept",
}
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Sampler = Callable[[int, int, Context], Bools]  # (number, seed, context) -> (number, P) members of interactomes of random diseases


@dataclass(eq=False)
class Tally:
    """What interactomes of random diseases of one kind gave so far.

    Attributes
    ----------
    evidence : chunks (V, k, D), see `statistic.network_evidence`.
    worth : chunks (k, T): 1 + reach + partner of every target gene that was in the interactome, else 0.
    sizes : number of proteins of each interactome.
    """

    evidence: list[Floats] = field(default_factory=list)
    worth: list[Floats] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, hits: Hits, worth: Worth, member: Bools, rng: np.random.Generator) -> None:
        """Count k more interactomes, (k, P)."""
        reach, partner = worth.carried(member, rng)
        self.evidence.append(network_evidence(hits, member, reach, partner))
        self.worth.append((member + reach + partner)[:, hits.columns])
        self.sizes.extend(int(size) for size in member.sum(axis=1))

    @property
    def n(self) -> int:
        """Number of random diseases."""
        return len(self.sizes)

    def beside(self, observed: Floats) -> Floats:
        """Return (V, 1 + n, D): the observed evidence (V, D) and below it that of the random diseases."""
        return np.concatenate([observed[:, None], *self.evidence], axis=1)


def run_nulls(samplers: Mapping[str, Sampler], hits: Hits, worth: Worth, n: int, seed: int, context: Context) -> Iterator[dict[str, Tally]]:
    """Yield the tallies of all kinds after every round, until each has seen n random diseases.

    Parameters
    ----------
    samplers : kind -> function that draws interactomes; each call gets a seed of its own, the same whatever the number of threads.
    """
    tallies = {name: Tally() for name in samplers}
    starts = range(0, n, ROUND)
    for at, start in enumerate(starts):
        for kind, (name, sampler) in enumerate(samplers.items()):
            rng = np.random.default_rng([seed, kind, at])
            low = (at + kind / len(samplers)) / len(starts)
            part = context.share(low, low + 1 / (len(samplers) * len(starts)))
            part.progress(0.0, f"random diseases ({name}): {start} of {n}")
            member = sampler(min(ROUND, n - start), int(rng.integers(2**32)), part)
            tallies[name].add(hits, worth, member, rng)
        yield tallies


def of_drugs(observed: Floats, hits: Hits, tallies: Mapping[str, Tally], scores: Floats, cut: float) -> pd.DataFrame:
    """Return one row per drug: how often it re-appears in random diseases, and its p-values.

    Parameters
    ----------
    observed : (V, D) evidence in the interactome of the disease.
    scores : (D,) high = reverses the disease; NaN where unknown.
    cut : least score of a candidate.

    Returns
    -------
    DataFrame with ``drug``, ``network_evidence``, per null ``reappears_*`` (share of random diseases that would list the drug by what the
    null makes random: a target in the interactome, or a score above the cut), ``p_*`` (at least its evidence, plus-one), then ``p``
    (screen and network together against the null `PRIMARY`, see `calibration.joint_p`), ``p_largest`` (the largest of the same over all
    network nulls: conservative) and ``q`` (Benjamini-Hochberg of ``p`` over the drugs that have a score and a target in the network).
    """
    frame = pd.DataFrame({"drug": hits.drugs, "network_evidence": observed[0]})
    known = ~np.isnan(scores)
    is_hit = observed[0] > CLOSE
    frame["reappears_sign"] = np.where(is_hit, (scores[known] >= cut).mean() if known.any() else np.nan, 0.0)
    frame["p_sign"] = score_p(scores)
    joint = {}
    for name in NETWORK_NULLS:
        tally = tallies.get(name)
        if tally is None or not tally.n:
            frame[f"reappears_{name}"] = frame[f"p_{name}"] = np.nan
            continue
        runs = tally.beside(observed)[0]
        frame[f"reappears_{name}"] = (runs[1:] > CLOSE).mean(axis=0)
        frame[f"p_{name}"] = network_p(runs)
        joint[name] = joint_p(runs, scores)
    nothing = np.full(len(frame), np.nan)
    frame["p"] = joint.get(PRIMARY, nothing)
    frame["p_largest"] = np.max(list(joint.values()), axis=0) if joint else nothing
    in_network = np.zeros(len(frame), dtype=bool)
    in_network[np.unique(hits.affinity.nonzero()[0])] = True
    frame["q"] = q_values(np.where(in_network, frame["p"], np.nan))
    return frame


def of_targets(hits: Hits, own: Floats, tallies: Mapping[str, Tally]) -> pd.DataFrame:
    """Return one row per target gene: ``in_null_*``, the share of random interactomes that hold it, and ``p_target``.

    Parameters
    ----------
    own : (T,) 1 + reach + partner of each target gene in the interactome of the disease, 0 outside.

    Returns
    -------
    DataFrame with ``gene``, ``in_null_*`` and ``specificity_*`` (1 less it) per network null, and ``p_target``: the plus-one share of
    random diseases of the null `PRIMARY` in which the gene is in the interactome with at least its worth.
    """
    frame = pd.DataFrame({"gene": [hits.proteins[at] for at in hits.columns]})
    frame["p_target"] = np.nan
    for name in NETWORK_NULLS:
        tally = tallies.get(name)
        runs = np.concatenate(tally.worth) if tally is not None and tally.n else np.full((1, len(own)), np.nan)
        frame[f"in_null_{name}"] = np.where(np.isnan(runs), np.nan, runs > 0).mean(axis=0)
        frame[f"specificity_{name}"] = 1 - frame[f"in_null_{name}"]
        if name == PRIMARY and not np.isnan(runs).any():
            frame["p_target"] = network_p(np.concatenate([own[None], runs]))
    return frame
