"""One row per drug and target, with every piece of evidence beside it and a sentence where the reader must beware."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

MANY_TARGETS = 50  # from so many on a drug hits nearly every interactome: kinase inhibitors of the paper re-appear by chance
PROTEIN_COLUMNS = ("prize", "is_terminal", "is_partner", "degree", "robustness")
SIGNATURE_COLUMNS = ("log2fc", "log2fc_second")
CAUSAL_COLUMNS = ("children", "parents", "descendants", "possible_descendants", "terminal_descendants", "path_stability")
DRUG_COLUMNS = ("score", "score_raw", "score_pca", "score_sd", "score_rank", "p_screen", "agreement", "approved", "n_targets")


def evidence_table(
    pairs: pd.DataFrame,
    drugs: pd.DataFrame,
    proteins: pd.DataFrame,
    signature: pd.DataFrame,
    causal: pd.DataFrame,
    cells: "pd.Series[float]",
) -> pd.DataFrame:
    """Return one row per drug and target in the interactome, the best score first.

    Parameters
    ----------
    pairs : one row per ``drug`` and ``gene`` with ``affinity`` (-log10 M, NaN = unknown) and what is known of it (kind, source, ...).
    drugs : one row per ``drug`` with the columns of `DRUG_COLUMNS` that are known.
    proteins : one row per ``protein`` of the interactome with those of `PROTEIN_COLUMNS`.
    signature : ``gene`` and those of `SIGNATURE_COLUMNS`, for as many genes as are known.
    causal : ``gene`` and those of `CAUSAL_COLUMNS`, one row per gene of the causal graph; without rows where there is no graph.
    cells : gene -> share of single cells that express it; empty where there are none.

    Returns
    -------
    DataFrame in which what is not known is NaN. ``has_affinity`` marks pairs whose affinity is known: the others are kept, since a missing
    measurement is no missing target. ``in_graph`` says whether the gene is in the causal graph, ``warnings`` what to beware of.
    """
    table = pairs.merge(proteins.rename(columns={"protein": "gene"})[["gene", *PROTEIN_COLUMNS]], on="gene")
    table = table.merge(drugs, on="drug", how="left", suffixes=("", "_of_drug"))
    table = table.merge(signature.drop_duplicates("gene"), on="gene", how="left")
    table = table.merge(causal, on="gene", how="left")
    for name in (*DRUG_COLUMNS, *SIGNATURE_COLUMNS, *CAUSAL_COLUMNS):
        if name not in table:
            table[name] = np.nan
    table["has_affinity"] = table["affinity"].notna()
    table["in_graph"] = table["gene"].isin(set(causal["gene"]))
    table["cell_share"] = table["gene"].map(cells).astype(float) if len(cells) else np.nan
    product = table["log2fc"] * table["log2fc_second"]
    table["same_sign"] = (product >= 0).astype(float).where(product.notna())
    table["degree_centrality"] = table["degree"] / max(len(proteins) - 1, 1)
    table["warnings"] = [" ".join(told(row, len(causal) > 0)) for row in table.to_dict("records")]
    return table.sort_values(["score", "drug", "gene"], ascending=[False, True, True], ignore_index=True)


def told(row: dict[Hashable, Any], has_graph: bool) -> list[str]:
    """Return the sentences that go with one pair."""
    said = []
    if row["score"] < 0:
        said.append("The score is negative: in the screen the drug acts as the disease does, not against it.")
    if not row["has_affinity"]:
        said.append("No affinity is known for this target; the pair is kept and counts as the weakest.")
    if row.get("family") == 1:
        said.append("The target was stated for a gene family, not for this gene.")
    if row["n_targets"] >= MANY_TARGETS:
        said.append(f"The drug acts on {row['n_targets']:.0f} genes: it hits networks of random diseases as well.")
    if row["is_terminal"]:
        said.append("The gene is a terminal: it is in the interactome by construction.")
    if has_graph and not row["in_graph"]:
        said.append("Too few cells express the gene: it is not in the causal network.")
    if row.get("direction") == "contradicts":
        said.append("What the drug does to the target has the direction of the disease.")
    if row["same_sign"] == 0:
        said.append("The two conditions change the gene in opposite directions.")
    return said


def by_target(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per target gene: its drugs, the best score and p among them, and what is known of the gene itself."""
    own = ["is_terminal", "is_partner", "degree", "robustness", *CAUSAL_COLUMNS, *table.filter(like="in_null_").columns]
    groups = table.groupby("gene", sort=False)
    found = groups[own].first()
    found.insert(0, "drugs", groups["drug"].nunique())
    found.insert(
        1, "drugs_with_affinity", table[table["has_affinity"]].groupby("gene")["drug"].nunique().reindex(found.index, fill_value=0)
    )
    found.insert(2, "names", groups["drug"].agg(", ".join))
    found["best_score"] = groups["score"].max()
    if "p" in table:
        found["best_p"] = groups["p"].min()
    order = ["descendants", "terminal_descendants", "drugs"]
    return found.reset_index().sort_values(order, ascending=False, na_position="last", ignore_index=True, kind="stable")
