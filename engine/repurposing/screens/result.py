"""What a screen says: drugs by how well they reverse a disease, and which representation can be trusted on these data."""

from dataclasses import dataclass

import pandas as pd

from engine.core import Result

CAUTION = "Scores are hypotheses for experiments: a drug with a high score has only been seen to move genes the other way in cell lines."


@dataclass(frozen=True, kw_only=True, eq=False)
class ScreenResult(Result):
    """Drug scores with their chance, and the facts that they rest on.

    Attributes
    ----------
    drugs : one row per drug and cell line, best first within a line; empty without a signature. ``drug``, ``cell``, ``score`` (high =
        reverses the disease), ``score_raw`` and ``score_pca`` (cosine of plain differences and of principal components), ``p`` (by the null
        that was asked for), ``q`` (over all rows), ``rank`` (within the line), ``rank_low``, ``rank_high`` (5 % and 95 % with half of the
        genes, widened to hold the rank; NaN where not asked for), ``p_spectrum``, ``p_genes`` (the two nulls), ``replicates``, ``plates``,
        ``doses``, ``times``, ``controls``, ``agreement`` (mean cosine of two replicates), ``is_imputed``, ``donors``, ``contexts``,
        ``residual`` (of an imputed signature, see `imputation.Recipe`; 0, 0 and NaN for a measured one).
    signatures : one row per measured drug and cell line, with or without a disease: the counts above and ``agreement_NAME``.
    retrieval : one row per representation, the best first (see `retrieval.retrieval_table`).
    agreement : one row per pair of cell lines and representation (see `agreement.line_agreement`).
    imputation : one row per measured signature that was predicted from others (see `imputation.left_out_error`), with ``drug`` and
        ``cell`` by name; empty where nothing was imputed.
    losses : one row per epoch of the autoencoder; empty where none was trained.
    representation, score : what the ranking rests on.
    genes : number of genes that were used.
    """

    drugs: pd.DataFrame
    signatures: pd.DataFrame
    retrieval: pd.DataFrame
    agreement: pd.DataFrame
    imputation: pd.DataFrame
    losses: pd.DataFrame
    representation: str
    score: str
    genes: int

    @property
    def sentence(self) -> str:
        """Which representation finds replicates best, and whether that is more than chance beside plain differences."""
        if self.retrieval.empty:
            return "No compound has two profiles in one cell line, so representations cannot be compared on this screen."
        best = self.retrieval.iloc[0]
        told = f"{best['label']} finds profiles of the same compound best (mean average precision {best['map']:.3f})"
        if best["representation"] == "difference":
            return f"{told}: no other representation does better than plain differences."
        above = best["gain_low"] > 0
        return f"{told}, {'more than chance above' if above else 'not clearly above'} plain differences ({best['map'] - best['gain']:.3f})."

    @property
    def caution(self) -> str:
        """What the scores are not."""
        return CAUTION

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: method, data, best drug, retrieval, time."""
        rows = super().summary()
        measured = f"{len(self.signatures):,} drug signatures on {self.genes:,} genes"
        found = [("Screen", measured), ("Retrieval", self.sentence)]
        if len(self.drugs):
            best = self.drugs.sort_values("score", ascending=False, kind="stable").iloc[0]
            found.insert(1, ("Highest score", f"{best['drug']} in {best['cell']}: {best['score']:.3f} (p = {best['p']:.3g})"))
        return [*rows[:2], *found, *rows[2:]]
