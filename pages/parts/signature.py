"""Stage 1 on screen: which genes the disease changes, how surely, and which of them the second condition changes the same way."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import Data, Dataset, Tables
from engine.repurposing.expression.result import SignatureResult
from pages.parts import evidence_charts, frame, stages

METHOD = "signature"
TABS = ["Volcano", "Mean and change", "Genes", "Both conditions", "Export"]
FROM = {"counts": "From counts", "signature": "From a ready signature"}
OTHERS = ("other_treated", "other_control")
GUESS = "guess from the names"


def view() -> None:
    """Draw the whole view."""
    st.markdown("Which genes does the disease change? Compare counts of diseased and healthy samples, or bring a ready list of changes.")
    way = st.segmented_control(
        "Start",
        list(FROM),
        format_func=FROM.__getitem__,
        default="counts",
        required=True,
        key="signature.from",
        label_visibility="collapsed",
    )
    data = stages.tables(("counts", "design") if way == "counts" else ("signature",), ("second",))
    if data is None:
        return
    groups = {group: group for group in _groups(data)}
    choices = {name: {"": GUESS} | groups for name in ("treated", "control")} if groups else {}
    fixed = {name: "" for name in ("treated", "control", "second_treated", "second_control", *OTHERS) if name not in choices}
    if groups and st.session_state.get("signature.recipe") == "log_of_means":
        choices |= {name: {"": "none"} | groups for name in OTHERS}
    result = stages.panel(METHOD, data, "Find the changed genes", so_far, choices, {k: v for k, v in fixed.items() if k not in choices})
    if isinstance(result, SignatureResult):
        show(result, data)


def _groups(data: Tables) -> list[str]:
    """Return the groups that the table of samples names."""
    design = data.get("design")
    if not isinstance(design, Dataset):
        return []
    column = next((name for name in design.frame if str(name).lower().startswith(("group", "cond"))), None)
    return [] if column is None else sorted(design.frame[column].astype(str).unique())


def so_far(parts: Mapping[str, Any], key: str) -> None:
    """List the genes as far as a run knows them."""
    if isinstance(parts.get("table"), pd.DataFrame) and len(parts["table"]):
        frame.table(parts["table"], key=f"early.{key}", height=240)


def show(result: SignatureResult, data: Data) -> None:
    """Show the tabs of a result."""
    words, more = st.columns([5, 1], vertical_alignment="center")
    words.markdown(f"**{frame.escape(_lead(result))}**")
    with more:
        frame.fold(result.provenance.warnings if result.provenance else ())
    _sign(result)
    stages.handed_on(result, data, "screen", "On to the drug screen")
    volcano, mean, genes, both, export = st.tabs(TABS)
    level = float(result.provenance.params["q"]) if result.provenance else 0.05
    with volcano:
        _volcano(result.table, level)
    with mean:
        _mean(result.table, level)
    with genes:
        frame.table(result.table, height=420)
        st.caption("log2fc: 1 is twice as much as in the healthy samples, -1 half. q: share of false ones among genes with as small a p.")
    with both:
        _both(result)
    with export:
        stages.export({"signature": result.table, "affected_genes": result.terminals}, result, data, "signature")


def _lead(result: SignatureResult) -> str:
    """Say in one sentence how many genes change, and how many go on."""
    told = f"The disease changes {int(result.table['is_selected'].sum()):,} of {len(result.table):,} genes."
    if not result.overlap:
        return f"{told} All of them go on as affected genes."
    both, expected = result.overlap["both"], result.overlap["expected"]
    return (
        f"{told} {both:,.0f} of them change in the second condition too, where chance would give {expected:,.0f}; the "
        f"{len(result.terminals):,} that change in the same direction go on as affected genes."
    )


def _volcano(table: pd.DataFrame, level: float) -> None:
    if "p" not in table or table["p"].isna().all():
        frame.empty("There are no p-values.", "This recipe or table has changes only. Counts of replicates allow a test.")
        return
    shown = table.assign(height=evidence_charts.minus_log10(table["p"]))
    figure = evidence_charts.changes(shown, "log2fc", "height", "log2 change, disease over healthy", "-log10 p", level)
    st.plotly_chart(figure, alt="Volcano: change and p-value of each gene", key="signature.volcano")
    st.caption(f"Up: more in the disease; down: less; clear where q is at most {level:g}. The tab Genes has the numbers.")


def _mean(table: pd.DataFrame, level: float) -> None:
    if "mean" in table:
        shown, words = table.assign(size=np.log10(1 + table["mean"].astype(float))), "mean expression, log10 (1 + counts)"
    elif "log2_control" in table:
        shown, words = table.assign(size=table[["log2_control", "log2_treated"]].mean(axis=1)), "mean expression, log2 (1 + x)"
    else:
        frame.empty("The mean expression is not known.", "Start from counts to see it.")
        return
    figure = evidence_charts.changes(shown, "size", "log2fc", words, "log2 change", level)
    st.plotly_chart(figure, alt="Change of each gene over its mean expression", key="signature.mean")
    st.caption("Large changes at the left are of genes with few reads: look at their q before believing them.")


def _sign(result: SignatureResult) -> None:
    """Show a few genes by which a reader sees whether the sign is right, and a button that turns it."""
    if result.known.empty:
        return
    shown = ", ".join(f"{row.gene} {row.log2fc:+.2f}" for row in result.known.itertuples())
    flipped = bool(result.provenance and result.provenance.params["is_flipped"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Is the direction right? Up in the disease is +: **{frame.escape(shown)}** (log2).", width="content")
        st.button(
            "No, turn it round", icon=":material/swap_vert:", on_click=stages.again, args=(METHOD,), kwargs={"is_flipped": not flipped},
            key="signature.flip",
        )  # fmt: skip


def _both(result: SignatureResult) -> None:
    """Show the two lists of selected genes, how far they overlap, and whether that is more than chance."""
    if not result.overlap:
        frame.empty("There is one condition.", "Choose a second one above, such as ageing, to keep the genes that both change.")
        return
    known = result.overlap
    frame.facts(
        [
            ("Selected, disease", frame.number(known["disease"])), ("Selected, second condition", frame.number(known["second"])),
            ("In both", frame.number(known["both"])), ("By chance", frame.number(known["expected"])),
            ("p (Fisher)", frame.number(known["p"])),
            ("Same direction", frame.number(known["same_sign"])),
        ]
    )  # fmt: skip
    left, right = st.columns(2, gap="large")
    for place, words, table in ((left, "Disease", result.table), (right, "Second condition", result.second)):
        with place:
            st.markdown(f"**{words}: selected genes**")
            own = table[table["is_selected"].astype(bool)][["gene", "log2fc", "q"]]
            frame.table(own.sort_values("log2fc", key=abs, ascending=False, ignore_index=True), height=280, empty="No gene is selected.")
    st.markdown("**Affected genes**: selected in both, handed on with their prize")
    frame.table(result.terminals, height=280, empty="No gene is selected in both.")
