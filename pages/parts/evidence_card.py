"""Why a drug is here: its way to the changed genes with the weakest link, what chance would do, and what its rank rests on."""

from typing import Any

import pandas as pd
import streamlit as st

from engine.core import UserError
from engine.repurposing.ranking.result import RepurposingResult
from pages.parts import evidence_charts, frame, state

NULLS = {
    "p": "score and network together", "p_terminals": "random genes, matched", "p_labels": "random names of genes",
    "p_rewired": "rewired network", "p_sign": "shuffled scores", "p_screen": "random signatures (screen)", "p_target": "the target alone",
}  # fmt: skip
EVIDENCE = {
    "without_screen": "the screen", "without_interactome": "the interactome", "without_causal": "the causal network",
    "without_partners": "partner proteins", "without_affinity": "affinities",
}  # fmt: skip


def show(result: RepurposingResult, drug: str, gene: str) -> None:
    """Draw the card of a drug, through one of its targets."""
    state.keep("evidence.gene", gene)
    rows = result.ranking[result.ranking["drug"] == drug]
    with st.container(border=True):
        title, target = st.columns([3, 2], vertical_alignment="bottom")
        title.subheader(f"Why is {frame.escape(drug)} here?", anchor=False)
        genes = list(rows["gene"])
        key = f"evidence.through.{drug}"
        if state.kept(key, "") not in genes or state.kept("evidence.asked", ("", "")) != (drug, gene):
            st.session_state[key] = gene
            state.keep("evidence.asked", (drug, gene))
        gene = str(target.selectbox("Through the target", genes, key=key))
        row: Any = rows[rows["gene"] == gene].iloc[0]
        _facts(row)
        _way(result, drug, gene)
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**What would chance do?**")
            known = {words: float(row[name]) for name, words in NULLS.items() if name in row and pd.notna(row[name])}
            if known:
                figure = evidence_charts.chances(list(known), list(known.values()))
                st.plotly_chart(figure, alt=f"p-values of {drug} under each null", key=f"evidence.p.{drug}")
                st.caption(
                    "How often chance does as well: short bars are good, the dotted line is 5 %. The first is what ranks, the "
                    "others stand beside it."
                )
                with st.expander("The same as a table"):
                    frame.table(pd.DataFrame({"against": list(known), "p": list(known.values())}))
            else:
                frame.empty("No random disease was drawn.", "Set their number in the settings.")
        with right:
            st.markdown("**What does its rank rest on?**")
            _without(result, drug, row)
        if row["warnings"]:
            st.markdown(f":orange[:material/warning:] {frame.escape(str(row['warnings']))}")


def _facts(row: Any) -> None:
    calibrated = _rank(row["rank_calibrated"])
    if pd.notna(row["rank_low"]):
        calibrated += f" ({row['rank_low']:.0f} to {row['rank_high']:.0f})"
    affinity = (
        "never measured"
        if pd.isna(row["affinity"])
        else f"{row['affinity']:.2f} {row['kind'] if isinstance(row['kind'], str) else ''}".strip()
    )
    listed = row["reappears_terminals"]
    frame.facts(
        [
            ("Calibrated rank", calibrated), ("Raw rank", _rank(row["rank_raw"])), ("Score", f"{row['score']:.3f}"),
            ("q", frame.number(row["q"])),
            ("Affinity (-log10 M)", affinity), ("Targets of the drug", frame.number(row["n_targets"])),
            ("Listed for random diseases", "–" if pd.isna(listed) else f"{listed:.0%}"),
        ]
    )  # fmt: skip


def _rank(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.0f}"


def _way(result: RepurposingResult, drug: str, gene: str) -> None:
    """Say how the drug may reach the changed genes, the weakest link marked."""
    try:
        why = result.why(drug, gene)
    except UserError as problem:
        frame.error(problem)
        return
    for way, steps in why.steps.groupby("way", sort=False):
        links = [f"**{frame.escape(str(steps['from'].iloc[0]))}**"]
        for step in steps.to_dict("records"):
            value = "not measured" if pd.isna(step["value"]) else f"{step['unit']} {step['value']:.3g}"
            weakest = ":orange[:material/link_off: weakest link, " if step["is_weakest"] else ":gray["
            links.append(f"{step['kind']} {weakest}{frame.escape(value)}] → **{frame.escape(str(step['to']))}**")
        name = "Through known interactions" if way == "interactome" else "Through the causal network"
        st.markdown(f"{name}: {' '.join(links)}")
    st.markdown(f":gray[{frame.escape(why.sentence)}]")
    with st.expander("Link by link"):
        frame.table(why.steps, empty="There is no way from this target.")


def _without(result: RepurposingResult, drug: str, row: Any) -> None:
    """Show the rank of the drug without each kind of evidence."""
    own = result.leave_one_out[result.leave_one_out["drug"] == drug]
    if own.empty:
        frame.empty("No rank to compare.", "No random disease was drawn, or the drug has no target in the interactome.")
        return
    known: Any = own.iloc[0]
    ranks = pd.DataFrame(
        {
            "without": ["nothing left out", *EVIDENCE.values()],
            "rank": [known["all"], *(known[name] for name in EVIDENCE)],
            "change": [0.0, *(known["all"] - known[name] for name in EVIDENCE)],
        }
    )
    frame.table(ranks, decimals={"rank": 0, "change": 0})
    falls = ranks.iloc[1:].loc[ranks["change"].iloc[1:].idxmin()]
    if falls["change"] < 0:
        st.caption(frame.escape(f"It would fall most without {falls['without']}: to rank {falls['rank']:.0f}."))
