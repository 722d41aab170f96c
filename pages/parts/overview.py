"""The way through repurposing: what each of the six stages asks and answers, and one click that walks them all on a simulated disease."""

from typing import NamedTuple

import streamlit as st

from engine import catalogue, jobs
from pages.parts import bench, frame, run, stages

METHOD = "repurposing"
IN_A_ROW = 3
HONEST = (
    "Drugs with very many targets turn up for almost any list of genes. So every ranking here is repeated with random genes, shuffled drug "
    "scores and rewired networks, and a drug is listed by how rarely chance does as well."
)


class Stage(NamedTuple):
    """A stage in a reader's words: what it asks, what it needs, what it answers."""

    view: str
    title: str
    question: str
    needs: str
    icon: str


STAGES = (
    Stage(
        "signature",
        "1 Signature",
        "Which genes does the disease change?",
        "Counts and groups of samples, or a ready signature",
        "show_chart",
    ),
    Stage("screen", "2 Screen", "Which drugs push these genes back?", "The signature and a drug screen", "science"),
    Stage("targets", "3 Drug targets", "Which proteins does each drug bind, and how many?", "A table of drugs and targets", "target"),
    Stage("interactome", "4 Interactome", "Which proteins connect the changed genes?", "The changed genes and a protein network", "hub"),
    Stage("causal", "5 Causal network", "Which of them drive the others?", "Single cells, best with the network", "account_tree"),
    Stage(
        "ranking",
        "6 Ranking",
        "Which drugs remain when chance has been asked?",
        "What the stages before have found",
        "format_list_numbered",
    ),
)


def view() -> None:
    """Draw the whole view."""
    with st.container(border=True):
        _one_click()
    for first in range(0, len(STAGES), IN_A_ROW):
        for place, stage in zip(st.columns(IN_A_ROW), STAGES[first : first + IN_A_ROW], strict=True):
            with place, st.container(border=True, height="stretch"):
                st.markdown(f"**:material/{stage.icon}: {stage.title}**  \n{stage.question}")
                st.caption(f"Needs: {stage.needs.lower()}.")
                st.button("Open", key=f"overview.{stage.view}", on_click=stages.go, args=(stage.view,), icon=":material/arrow_forward:")
    _last()


def _one_click() -> None:
    words, button = st.columns([5, 2], gap="large", vertical_alignment="center")
    words.markdown("**See all six stages on a disease whose answer is known** :orange-badge[:material/science: simulated]")
    words.markdown(
        ":gray[A program makes the disease, the network, the cells and the screen, and plants which targets and drugs turn it back. "
        "The ranking is then held against this truth.]"
    )
    words.caption(HONEST)
    button.button(
        "Run all six stages", type="primary", icon=":material/play_arrow:", on_click=_run_everything, key="overview.run",
        width="stretch",
    )  # fmt: skip
    button.button("Use my own tables", icon=":material/upload_file:", on_click=stages.go, args=("signature",), width="stretch")


def _run_everything() -> None:
    """Choose the simulated disease everywhere and run the last stage, which walks all others."""
    stages.go("ranking")
    bench.sample_everywhere()
    st.session_state[run.ASKED] = True


def _last() -> None:
    """List what has been found on this machine, by stage."""
    names = {"signature": "signature", "screen": "screen", "interactome": "interactome", "target_network": "causal", METHOD: "ranking"}
    done = [job for job in jobs.shared().all() if job.state == "done" and job.method in names][:5]
    if not done:
        return
    st.subheader("Last results", anchor=False)
    for job in done:
        with st.container(horizontal=True, vertical_alignment="center"):
            label = f"{catalogue.find(job.method).label}: {frame.escape(job.dataset_name)}"
            st.page_link("repurposing.py", label=label, query_params={"job": job.key}, icon=f":material/{_icon(names[job.method])}:")


def _icon(view: str) -> str:
    return next(stage.icon for stage in STAGES if stage.view == view)
