"""One disease ready to be calibrated: its drugs, its interactome and causal graph, and the tables that follow from random diseases."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.repurposing.ranking.evidence import by_target, evidence_table
from engine.repurposing.ranking.leave_out import EVIDENCE, rank_intervals, without_each
from engine.repurposing.ranking.nulls import NULLS, PRIMARY, Tally, of_drugs, of_targets
from engine.repurposing.ranking.statistic import Hits, Worth, network_evidence, reach_of
from engine.repurposing.significance import CLOSE, shared_ranks

OF_DRUG = (
    "is_candidate", "rank_raw", "rank_calibrated", "rank_low", "rank_high", "p", "p_largest", "q", "p_labels", "p_sign", "p_terminals",
    "p_rewired", "reappears_labels", "reappears_sign", "reappears_terminals", "reappears_rewired",
)  # fmt: skip
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Case:
    """What is known of one disease and its drugs.

    Parameters
    ----------
    pairs : one row per ``drug`` and ``gene`` with ``affinity`` and more, see `evidence.evidence_table`; genes as the network spells them.
    drugs : one row per drug with a ``score``, and what else is known of it.
    network : (P,) proteins of the whole network; degree : (P,) numbers of their neighbours.
    proteins : the interactome: ``protein``, ``prize``, ``is_terminal``, ``is_partner``, ``degree``, ``robustness``.
    signature : ``gene``, ``log2fc`` and ``log2fc_second``, as far as known.
    causal : one row per gene of the causal graph, see `evidence.CAUSAL_COLUMNS`; without rows where there is none.
    cells : gene -> share of cells that express it.
    cut : least score of a candidate.
    approved_only : whether only approved drugs are candidates.
    """

    pairs: pd.DataFrame
    drugs: pd.DataFrame
    network: tuple[str, ...]
    degree: NDArray[np.int64]
    proteins: pd.DataFrame
    signature: pd.DataFrame
    causal: pd.DataFrame
    cells: "pd.Series[float]"
    cut: float
    approved_only: bool = False

    @cached_property
    def hits(self) -> Hits:
        """Which proteins of the network each drug acts on."""
        return Hits.of(self.pairs, [str(drug) for drug in self.drugs["drug"]], self.network)

    @cached_property
    def scores(self) -> Floats:
        """(D,) scores in the order of the drugs."""
        return self.drugs["score"].to_numpy(dtype=float)

    @cached_property
    def member(self) -> Bools:
        """(1, P) whether a protein of the network is in the interactome."""
        return np.isin(np.array(self.network, dtype=object), self.proteins["protein"].to_numpy(dtype=object))[None]

    @cached_property
    def worth(self) -> Worth:
        """What is known of the interactome's proteins."""
        inside = np.flatnonzero(self.member[0])
        names = [self.network[at] for at in inside]
        is_partner = self.proteins.set_index("protein")["is_partner"].reindex(names).to_numpy(dtype=bool)
        known = self.causal.set_index("gene").reindex(names)
        reach = reach_of(known["terminal_descendants"].to_numpy(dtype=float), known["path_stability"].to_numpy(dtype=float))
        return Worth(inside, reach, is_partner, self.degree)

    @cached_property
    def own(self) -> tuple[Floats, Floats]:
        """Reach and partnership of every protein of the network, each (1, P)."""
        return self.worth.own(self.member)

    @cached_property
    def observed(self) -> Floats:
        """(V, D) evidence of the interactome for each drug, see `statistic.network_evidence`."""
        return network_evidence(self.hits, self.member, *self.own)[:, 0]

    @cached_property
    def ranked(self) -> Bools:
        """(D,) drugs that have a score, act on the interactome and, where asked for, are approved."""
        chosen = (self.observed[0] > CLOSE) & ~np.isnan(self.scores)
        if self.approved_only:
            chosen &= self.drugs["approved"].to_numpy(dtype=float) > 0
        return np.asarray(chosen)

    @cached_property
    def candidates(self) -> Bools:
        """(D,) ranked drugs that score at least the cut."""
        return np.asarray(self.ranked & (self.scores >= self.cut))

    @cached_property
    def table(self) -> pd.DataFrame:
        """The evidence, one row per drug and target in the interactome, before any random disease."""
        drugs = self.drugs.copy()
        drugs["n_targets"] = drugs["drug"].map(self.pairs.groupby("drug")["gene"].nunique()).fillna(0.0)
        drugs["score_rank"] = shared_ranks(-self.scores, ~np.isnan(self.scores))
        pairs = self.pairs[self.pairs["drug"].isin(set(drugs["drug"]))]
        return evidence_table(pairs, drugs, self.proteins, self.signature, self.causal, self.cells)

    def evidence_in(self, member: Bools) -> Floats:
        """Return (n, D) evidence in other interactomes (n, P) of the same disease."""
        return np.asarray(network_evidence(self.hits, member, *self.worth.own(member))[0])


def tables_of(case: Case, tallies: Mapping[str, Tally], resampled: Bools | None = None, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Return the tables ``ranking``, ``drugs``, ``targets``, ``nulls`` and ``leave_one_out`` as far as random diseases have been seen.

    Parameters
    ----------
    resampled : (B, P) interactomes of resampled terminals; None where there are none, and no interval of ranks is known.
    """
    drugs = case.drugs.merge(of_drugs(case.observed, case.hits, tallies, case.scores, case.cut), on="drug")
    drugs.insert(1, "is_candidate", case.candidates)
    drugs["rank_raw"] = shared_ranks(-case.scores, case.ranked)
    drugs["rank_calibrated"] = shared_ranks(drugs["p"].to_numpy(), case.ranked)
    drugs["rank_low"] = drugs["rank_high"] = np.nan
    tally = tallies.get(PRIMARY)
    leave_one_out = pd.DataFrame(columns=["drug", "all", *(f"without_{name}" for name in EVIDENCE)])
    if tally is not None and tally.n and case.ranked.any():
        runs = tally.beside(case.observed)
        leave_one_out = without_each(case.hits.drugs, runs, case.scores, case.ranked)
        if resampled is not None and len(resampled):
            rng = np.random.default_rng([seed, len(resampled)])
            low, high = rank_intervals(case.evidence_in(resampled), runs[0, 1:], case.scores, case.ranked, rng)
            # fewer terminals may favour other drugs throughout: the interval is widened to hold the rank itself
            drugs["rank_low"], drugs["rank_high"] = np.fmin(low, drugs["rank_calibrated"]), np.fmax(high, drugs["rank_calibrated"])
    own = (case.member + case.own[0] + case.own[1])[0, case.hits.columns]
    ranking = case.table.merge(of_targets(case.hits, own, tallies), on="gene", how="left").merge(drugs[["drug", *OF_DRUG]], on="drug")
    order = ["rank_calibrated", "rank_raw", "drug"]
    ranking = ranking.sort_values([*order, "gene"], ignore_index=True)
    drugs = drugs.sort_values(order, ignore_index=True)
    return {
        "ranking": ranking, "drugs": drugs, "targets": by_target(ranking), "nulls": _nulls(tallies), "leave_one_out": leave_one_out,
    }  # fmt: skip


def cut_of(scores: Floats, least_score: float | None, top_share: float) -> float:
    """Return the least score of a candidate: the one that is given, else that of the last of the best ``top_share`` of the drugs."""
    if least_score is not None:
        return least_score
    ordered = np.sort(scores[~np.isnan(scores)])[::-1]
    return float(ordered[max(1, round(top_share * len(ordered))) - 1])


def _nulls(tallies: Mapping[str, Tally]) -> pd.DataFrame:
    """Say how many random diseases of each kind were seen, and how large their interactomes are."""
    rows = []
    for name, says in NULLS.items():
        sizes = tallies[name].sizes if name in tallies else []
        mean, sd = (float(np.mean(sizes)), float(np.std(sizes))) if sizes else (np.nan, np.nan)
        rows.append((name, says, len(sizes), mean, sd))
    return pd.DataFrame(rows, columns=["null", "says", "runs", "proteins_mean", "proteins_sd"])
