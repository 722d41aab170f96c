"""Stage 3 on screen: which proteins each drug binds and how tightly, how many there are, and whether its name is known elsewhere."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import Data, Dataset, Profiles, UserError
from engine.repurposing.drug_table import DrugTargets, export_sentence, match_drugs, promiscuity, read_targets
from pages.parts import charts, evidence_charts, frame, stages

TABS = ["Pairs", "How many targets", "Affinities", "Names", "Export"]
MANY = 50  # targets: a drug with more hits nearly every network
BARS = 25
MEANING = (
    "Affinity: -log10 of molar; 9 is nanomolar, 6 micromolar, and weaker than 5 is left out. Empty: never measured, and kept, since a "
    "missing measurement is no missing target. Family: measured on a family or complex of proteins, not on the gene alone."
)


def view() -> None:
    """Draw the whole view."""
    st.markdown("Which proteins does each drug bind? A drug that binds a hundred of them turns up for almost any disease.")
    data = stages.tables(("targets",), ("drug_scores", "screen"))
    if data is None:
        return
    try:
        found = _read(data["targets"].digest, data["targets"])
    except UserError as problem:
        frame.error(problem)
        return
    show(found, data)


@st.cache_resource(max_entries=16, show_spinner="Reading the drug targets …")
def _read(digest: str, _table: Dataset) -> DrugTargets:
    return read_targets(_table)


def show(found: DrugTargets, data: Data) -> None:
    """Show what the table holds."""
    table = found.table
    counted = promiscuity(table)
    frame.facts(
        [
            ("Pairs", frame.number(len(table))), ("Drugs", frame.number(table["drug"].nunique())),
            ("Genes", frame.number(table["gene"].nunique())),
            ("Targets of a drug (median)", frame.number(counted.median())),
            (f"Drugs with {MANY} or more", frame.number(int((counted >= MANY).sum()))),
            ("Without an affinity", frame.number(int(table["affinity"].isna().sum()))),
        ]
    )  # fmt: skip
    frame.fold(found.sentences)
    pairs, many, affinities, names, export = st.tabs(TABS)
    with pairs:
        _pairs(table)
    with many:
        _many(counted)
    with affinities:
        figure = charts.distribution(table["affinity"].rename("affinity (-log10 M)"))
        st.plotly_chart(figure, alt="Distribution of affinities", key="targets.affinities")
        kinds = table["kind"].astype(str).replace("", "not stated").value_counts().rename_axis("kind").rename("pairs").reset_index()
        frame.table(kinds)
        st.caption("Ki, Kd and IC50 are not the same thing; a table that mixes them compares drugs only roughly.")
    with names:
        _names(table, data)
    with export:
        notes = export_sentence(table["source"].astype(str).unique())
        stages.take_away({"pairs": table, "targets_per_drug": counted.reset_index()}, f"drug-targets-{data.digest[:8]}", notes)


@st.fragment
def _pairs(table: pd.DataFrame) -> None:
    """List the pairs of one drug or gene, or all of them."""
    left, right = st.columns(2)
    drug = left.selectbox("Drug", sorted(table["drug"].astype(str).unique()), index=None, placeholder="All drugs", key="targets.drug")
    gene = right.selectbox("Gene", sorted(table["gene"].astype(str).unique()), index=None, placeholder="All genes", key="targets.gene")
    own = table[(table["drug"] == drug if drug else True) & (table["gene"] == gene if gene else np.ones(len(table), dtype=bool))]
    shown = own.sort_values("affinity", ascending=False).reset_index(drop=True)
    shown["family"] = shown["family"].fillna(0).astype(bool)
    told = [name for name in shown if not shown[name].isin(["", None]).all()]  # a column without a word in it says nothing
    frame.table(shown[told].rename(columns={"n_rows": "measurements"}), height=420, empty="No such pair is in the table.")
    st.caption(MEANING)


def _many(counted: "pd.Series[int]") -> None:
    """Draw the drugs with most targets, and how many targets drugs have."""
    most = counted.head(BARS)
    figure = evidence_charts.counts(list(most.index.astype(str)), list(most), "target genes")
    st.plotly_chart(figure, alt="Drugs with most targets", key="targets.many")
    st.caption(
        "The more targets, the more often a drug turns up by chance. The ranking holds each drug against chance with its own targets."
    )
    with st.expander("All drugs as a table"):
        frame.table(counted.reset_index().rename(columns={"n_targets": "target genes"}))


def _names(table: pd.DataFrame, data: Data) -> None:
    """Match the drugs of a screen or of scores with those of the table, and list what a person should look at."""
    asked = drugs_of(data)
    if not asked:
        frame.empty("There are no drug names to match.", "Choose drug scores or a screen above to see which of its drugs this table knows.")
        return
    found = match_drugs(asked, sorted(table["drug"].astype(str).unique()))
    for sentence in found.sentences:
        st.markdown(f"**{frame.escape(sentence)}**")
    frame.table(found.review, empty="Nothing needs a look.", height=320)
    st.caption("To be looked at: names that were not matched. Rename a drug in your file where a candidate is the same substance.")
    with st.expander("What was matched"):
        frame.table(found.matches)


def drugs_of(data: Data) -> list[str]:
    """Return the names of the drugs of scores or of a screen, without controls."""
    tables = getattr(data, "tables", {})
    scores, screen = tables.get("drug_scores"), tables.get("screen")
    if isinstance(scores, Dataset) and "drug" in scores.frame:
        return sorted(scores.frame["drug"].astype(str).unique())
    if isinstance(screen, Profiles) and "drug" in screen.rows:
        rows = screen.rows
        treated = rows[~rows["is_control"].fillna(False).astype(bool)] if "is_control" in rows else rows
        return sorted(treated["drug"].dropna().astype(str).unique())
    return []
