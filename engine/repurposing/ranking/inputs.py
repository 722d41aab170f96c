"""From the user's tables to what a ranking needs: which parts must be there, and how drug scores are read."""

from typing import Any

import pandas as pd

from engine.core import Dataset, Profiles, Tables, UserError
from engine.repurposing.columns import find, flags, labels, numbers, refuse_text
from engine.repurposing.parts import refuse_strange

PARTS = {
    "prizes": "terminal genes and their prizes",
    "signature": "log2 fold changes of the disease",
    "counts": "expression of the disease",
    "design": "groups of its samples",
    "second": "fold changes of a second condition",
    "network": "protein interactions and their costs",
    "partners": "proteins that bind proteins of the disease",
    "cells": "single-cell expression",
    "targets": "drugs and the genes they act on",
    "drug_scores": "drugs and their scores",
    "screen": "profiles of a drug screen",
}
NAMES = {  # our column -> what files call it, the first match counts
    "drug": ("drug", "drug_name", "compound", "pert_iname", "name"),
    "score": ("score", "corr", "correlation", "reversal", "cosine"),
    "cell": ("cell", "cell_line", "cell_id"),
    "score_raw": ("score_raw", "raw", "original"),
    "score_pca": ("score_pca", "pca"),
    "p_screen": ("p", "p_value", "pvalue"),
    "approved": ("approved", "is_approved"),
    "agreement": ("agreement", "replicate_agreement"),
}


def repurposing_for(data: Any, params: Any) -> Tables:
    """Check that the tables of a ranking are there; they are read by `engine.repurposing.repurposing`.

    Raises
    ------
    UserError
        When a table has a name that nothing needs, or one that is needed is missing; the sentence says which would do.
    """
    if not isinstance(data, Tables):
        raise UserError("A ranking needs several tables.", f"Give them by name: {_listed()}.", "repurposing")
    refuse_strange(data, PARTS)
    for choices in (("prizes", "signature", "counts"), ("network",), ("targets",), ("drug_scores", "screen")):
        if not any(data.get(part) is not None for part in choices):
            wanted = " or ".join(f"{part} ({PARTS[part]})" for part in choices)
            raise UserError(f"A table is missing: {wanted}.", "Add it under this name.", choices[0])
    if data.get("drug_scores") is None and data.get("signature") is None and data.get("counts") is None:
        raise UserError("A screen is scored by a signature, which is missing.", "Add the table signature, or drug_scores.", "signature")
    for part, table in data.tables.items():
        if isinstance(table, Profiles) != (part == "screen"):
            kind = "a screen of profiles" if part == "screen" else "a plain table"
            raise UserError(f"The part {part} must be {kind}.", "See the page for the forms that each part may have.", part)
    return data


def drug_scores_of(given: Dataset, cell: str = "") -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return one row per drug with its score, and sentences on how it was read.

    Parameters
    ----------
    given : columns ``drug`` and ``score`` (high = reverses the disease), and any further of `NAMES`; case and usual other names do.
    cell : cell line whose scores count; "" takes the mean over all.

    Returns
    -------
    Table with ``drug`` (lower case), ``score`` and the other numbers; with cell lines also ``score_sd``, over these; and the sentences.

    Raises
    ------
    UserError
        When a column is missing, no score is a number, or the cell line is not in the table.
    """
    frame, said = _named(given)
    where = given.name
    for column in ("drug", "score"):
        if column not in frame:
            fix = f"Name a column one of: {', '.join(NAMES[column])}. Columns seen: {', '.join(given.columns[:20])}."
            raise UserError(f"The table {where} has no column {column}.", fix, where)
    refuse_text(frame["score"], where)
    if "approved" in frame:
        try:
            frame["approved"] = flags(frame["approved"], where).astype(float)
        except UserError as wrong:
            said.append(f"{wrong.message} It is left out.")
            frame = frame.drop(columns="approved")
    frame["score"] = numbers(frame["score"])
    frame["drug"] = labels(frame["drug"]).str.lower()
    nameless = int((frame["drug"] == "").sum())
    if nameless:
        said.append(f"{nameless:,} rows of {where} name no drug and are left out.")
        frame = frame[frame["drug"] != ""]
    if cell:
        lines = sorted(set(frame["cell"].astype(str))) if "cell" in frame else []
        if cell not in lines:
            raise UserError(f"There is no cell line '{cell}' in {where}.", f"Cell lines: {', '.join(lines[:20]) or 'none named'}.", "cell")
        frame = frame[frame["cell"].astype(str) == cell]
    unknown = int(frame["score"].isna().sum())
    if unknown:
        said.append(f"{unknown:,} rows of {where} have no score and are left out.")
        frame = frame[frame["score"].notna()]
    if frame.empty:
        raise UserError(f"No row of {where} has a score.", "Give a table with scores.", where)
    twice = frame.duplicated([name for name in ("drug", "cell") if name in frame])
    if twice.any():
        first = ", ".join(frame.loc[twice, "drug"].drop_duplicates()[:5])
        said.append(f"{frame.loc[twice, 'drug'].nunique():,} drugs stand in {where} more than once (the first: {first}); means are taken.")
    if "cell" in frame and frame["cell"].nunique() > 1:
        said.append(f"Scores are means over {frame['cell'].nunique()} cell lines; choose one to rank by it alone.")
    numeric = [column for column in NAMES if column in frame and column not in ("drug", "cell") and frame[column].dtype.kind == "f"]
    if texts := [column for column in NAMES if column in frame and column not in ("drug", "cell", *numeric)]:
        said.append(f"Columns of {where} that hold text where numbers belong are left out: {', '.join(texts)}.")
    groups = frame.groupby("drug", sort=True)
    found = groups[numeric].mean()
    if "p_screen" in numeric:
        found["p_screen"] = groups["p_screen"].max()  # a mean of p-values is none; the largest is one that holds in every cell line
    if "cell" in frame:
        found["score_sd"] = groups["score"].std()
    return found.reset_index(), tuple(said)


def _named(given: Dataset) -> tuple[pd.DataFrame, list[str]]:
    """Rename the columns that are recognised, and say which had another name."""
    found = {name: find(given.columns, others) for name, others in NAMES.items()}
    renamed = {column: name for name, column in found.items() if column is not None}
    other = [f"{column} as {name}" for column, name in renamed.items() if column != name]
    frame = given.frame[list(renamed)].rename(columns=renamed).copy()
    return frame, [f"Columns of {given.name} were read by their usual names: {', '.join(other)}."] if other else []


def _listed() -> str:
    return ", ".join(f"{part} ({says})" for part, says in PARTS.items())
