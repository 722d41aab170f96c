"""What a ranking found: pairs of drug and target with all their evidence, how calibrated it is, and what it rests on."""

from dataclasses import dataclass

import pandas as pd

from engine.core import Result
from engine.graphs import Graph
from engine.repurposing.drug_table.licences import export_sentence
from engine.repurposing.ranking.compare import Comparison, compare
from engine.repurposing.ranking.explain import Explanation, explain

HYPOTHESES = "Candidates are hypotheses for experiments; nothing here is advice on treatment."
FIRST = 10  # drugs that a reader looks at
CALIBRATED = 0.1  # q-value up to which the sentence counts a drug as more than chance


@dataclass(frozen=True, kw_only=True, eq=False)
class RepurposingResult(Result):
    """Drugs that may reverse a disease, through which targets, and how often random diseases would list them too.

    Attributes
    ----------
    ranking : one row per ``drug`` and target ``gene`` in the interactome, the best calibrated first: the columns of
        `evidence.evidence_table`, those of `nulls.of_targets` and, of the drug, those of ``drugs``.
    drugs : one row per drug with a score: ``drug``, ``score``, ``is_candidate`` (acts on the interactome and scores at least ``cut``);
        among all that act on the interactome ``rank_raw`` (by score), ``rank_calibrated`` (by ``p``, which weighs the score itself and
        needs no cut), ``rank_low`` and ``rank_high`` (5 to 95 % of the resamples, widened to hold the rank); and the columns of
        `nulls.of_drugs`.
    targets : one row per target gene, see `evidence.by_target`.
    nulls : one row per null: ``null``, ``says``, ``runs``, ``proteins_mean``, ``proteins_sd`` (of the random interactomes).
    leave_one_out : calibrated ranks without each kind of evidence, see `leave_out.without_each`.
    proteins, tree, edges : the interactome, as the method ``interactome`` gives it.
    graph : the causal graph among the interactome's genes; without single cells a graph of no gene.
    causal : its edges: ``source``, ``target``, ``kind`` (arrow, line), ``stability``.
    terminals : ``gene``, ``prize``, ``log2fc``, ``log2fc_second``.
    review : names of scored drugs that were not matched to a drug of the table of targets: ``name``, ``candidate``, ``why``.
    sources : one row per table given: ``part``, ``name``, ``source``, ``licence``.
    cut : least score of a candidate.
    """

    ranking: pd.DataFrame
    drugs: pd.DataFrame
    targets: pd.DataFrame
    nulls: pd.DataFrame
    leave_one_out: pd.DataFrame
    proteins: pd.DataFrame
    tree: pd.DataFrame
    edges: pd.DataFrame
    graph: Graph
    causal: pd.DataFrame
    terminals: pd.DataFrame
    review: pd.DataFrame
    sources: pd.DataFrame
    cut: float

    @property
    def candidates(self) -> pd.DataFrame:
        """Drugs that score at least the cut and have a target in the interactome, the best calibrated first."""
        chosen = self.drugs[self.drugs["is_candidate"]]
        return chosen.sort_values(["rank_calibrated", "rank_raw", "drug"], ignore_index=True)

    def why(self, drug: str, target: str = "") -> Explanation:
        """Explain why a drug is listed: the ways from it, through one target, to genes that the disease changes.

        Parameters
        ----------
        target : a target gene in the interactome; if not given the one that random diseases reach least often.
        """
        own = self.ranking[self.ranking["drug"] == drug]
        if not target and len(own):
            target = str(own.sort_values(["p_target", "affinity"], ascending=[True, False])["gene"].iloc[0])
        directed = self.causal[self.causal["kind"] == "arrow"] if len(self.causal) else self.causal
        terminals = frozenset(self.proteins.loc[self.proteins["is_terminal"], "protein"])
        return explain(drug, target, self.ranking, self.edges, terminals, directed)

    def beside(self, other: "RepurposingResult") -> Comparison:
        """Compare with the ranking of another disease."""
        first, second = (result.provenance.data_name if result.provenance else "" for result in (self, other))
        is_told = first and second and first != second
        return compare(self.ranking, other.ranking, (first, second) if is_told else ("the first", "the second"))

    @property
    def sentence(self) -> str:
        """How many candidates there are, and of how many chance would list as much only rarely."""
        found = self.candidates
        known = found["q"].dropna()
        said = (
            f"{len(found)} drugs score at least {self.cut:.3g} and have one of {self.ranking['gene'].nunique()} targets in the interactome."
        )
        if not len(known):
            return f"{said} Without random diseases nothing is known of chance."
        clear = int((known <= CALIBRATED).sum())
        return f"{said} {clear} of them stand out from random diseases (q of at most {CALIBRATED:g})."

    @property
    def chance(self) -> str:
        """How many of the first ten by score a random disease would list as well."""
        first = self.drugs.dropna(subset="rank_raw").nsmallest(FIRST, "rank_raw")
        if not len(first) or first["reappears_terminals"].isna().any():
            return "No random diseases were drawn: nobody knows how many of these drugs chance would list too."
        often = int((first["reappears_terminals"] > 0.5).sum())
        return f"{often} of the first {len(first)} drugs by score would be listed for most random diseases too, because of what they bind."

    @property
    def export_notes(self) -> str:
        """What must go with every table that leaves this page: licences of the sources, and what candidates are."""
        stated = self.sources[self.sources["licence"] != ""]
        said = ", ".join(f"{part} ({licence})" for part, licence in zip(stated["part"], stated["licence"], strict=True))
        given = f" As stated with the tables: {said}." if said else ""
        return f"{export_sentence([*self.sources['source'], *self.ranking['source'].fillna('')])}{given} {HYPOTHESES}"

    def summary(self) -> list[tuple[str, str]]:
        """Return the rows of the compare view."""
        found = self.candidates
        first = found["drug"].iloc[0] if len(found) else "none"
        rows = [("Candidates", f"{len(found)}"), ("Interactome", f"{len(self.proteins)} proteins, {len(self.edges)} links")]
        return [*super().summary(), *rows, ("First by calibrated rank", first)]
