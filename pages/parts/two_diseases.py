"""Two diseases side by side: which drugs and targets two finished rankings share, and which move."""

import streamlit as st

from engine import jobs
from engine.repurposing.ranking.result import RepurposingResult
from pages.parts import frame, run, state

METHOD = "repurposing"


def view(result: RepurposingResult) -> None:
    """Let the user choose another ranking and compare it with the one on the page."""
    here = state.link("job")
    others = {
        job.key: f"{job.dataset_name}, {run.settings(job)}"
        for job in jobs.shared().all()
        if job.state == "done" and job.method == METHOD and job.key != here
    }
    if not others:
        frame.empty(
            "There is no other ranking yet.",
            "Rank the drugs for another disease, or for this one with other settings, and compare them here.",
        )
        return
    chosen = st.selectbox("Compare with", list(others), format_func=others.__getitem__, key="two_diseases.other")
    other = run.opened(chosen)
    assert isinstance(other, RepurposingResult)
    found = result.beside(other)
    st.markdown(f"**{frame.escape(found.sentence)}**")
    drugs, targets = st.tabs(["Drugs", "Targets"])
    words = {
        "in_first": "in this one", "in_second": "in the other", "rank_calibrated_first": "rank here",
        "rank_calibrated_second": "rank there",
        "rank_raw_first": "raw rank here", "rank_raw_second": "raw rank there", "move": "places won there",
    }  # fmt: skip
    with drugs:
        frame.table(found.drugs.rename(columns=words), empty="Neither has a candidate.", height=420)
    with targets:
        frame.table(found.targets.rename(columns=words), empty="Neither has a target.", height=420)
    st.caption("A drug that comes first for both may be good for both, or be one that comes first for anything: look at its p in both.")
