"""Home: what can be asked here, and what was found last."""

import time
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from engine import jobs
from engine.jobs import Job
from pages.parts import frame, run

ASSETS = Path(__file__).parents[1] / "assets"
LAST_RUNS = 5
CARDS_IN_A_ROW = 3


class Task(NamedTuple):
    """A question in a user's words, and the page that answers it."""

    question: str
    answer: str
    page: str
    action: str
    icon: str


# To add a card: one line, once its page exists.
TASKS = (
    Task(
        "Which variable drives which?",
        "Learn a causal graph, and see the tests behind every edge.",
        "discovery.py",
        "Find causes",
        "account_tree",
    ),
    Task(
        "Are my samples one population?",
        "Sort them into hidden groups, and see which relation differs between these.",
        "mixtures.py",
        "Find groups",
        "groups",
    ),
    Task(
        "Who moves with whom?",
        "Learn a graph and a covariance without tuning, proven to be the best fit.",
        "mtp2.py",
        "Find companions",
        "hub",
    ),
    Task(
        "Which portfolio would have held?",
        "Test ways to estimate risk on the past, with costs, and see whether their differences are more than luck.",
        "portfolio.py",
        "Run a backtest",
        "monitoring",
    ),
    Task(
        "What would this molecule do to cells?",
        "Name it or draw it, see images of its cells, and how far to believe them.",
        "molimage.py",
        "Draw cells",
        "biotech",
    ),
    Task(
        "Which drug might undo this disease?",
        "Rank drugs and their targets, and see which a random disease would list too.",
        "repurposing.py",
        "Rank drugs",
        "medication",
    ),
    Task(
        "Can I trust my table?",
        "Upload it, see what would mislead a method, and mend it with one click.",
        "data.py",
        "Check my data",
        "rule",
    ),
    Task(
        "Is my earlier run done?", "Runs go on when the page is closed. Open, repeat or compare them.", "jobs.py", "See my runs", "history"
    ),
)


def tour() -> None:
    """Offer the shortest way to a first causal graph."""
    words, picture = st.columns([3, 2], gap="large", vertical_alignment="center")
    with words:
        st.subheader("See it on real cells, in three clicks", anchor=False)
        st.markdown(
            "Eleven proteins were measured in 7,466 single cells while some of them were switched on or off. "
            "Which protein drives which? Start from this sample, or bring your own table."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Start with the sample", type="primary", icon=":material/play_arrow:"):
                st.switch_page("discovery.py", query_params={"data": "sachs"})
            st.page_link("data.py", label="Use my own table", icon=":material/upload_file:")
    shade = "dark" if st.context.theme.type == "dark" else "light"
    picture.image(ASSETS / f"tour-{shade}.svg", alt="A causal graph of five variables", width="stretch")


def card(task: Task) -> None:
    """Show one question and the way to its answer."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"**:material/{task.icon}: {task.question}**")
        st.markdown(f":gray[{task.answer}]")
        st.page_link(task.page, label=f"{task.action} →")


def last(job: Job) -> None:
    """Show one finished run as a line with its link."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            run.page(job),
            label=f"{run.named(job)} on {frame.escape(job.dataset_name)}",
            icon=":material/account_tree:",
            query_params={"job": job.key},
        )
        st.caption(ago(time.time() - (job.finished or job.created)))


def ago(seconds: float) -> str:
    """Say how long ago something was."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


frame.header("Causeway", "From your own table to causal graphs that you can question edge by edge. Nothing leaves this machine.")
with st.container(border=True):
    tour()
for first in range(0, len(TASKS), CARDS_IN_A_ROW):
    for place, task in zip(st.columns(CARDS_IN_A_ROW), TASKS[first : first + CARDS_IN_A_ROW], strict=False):
        with place:
            card(task)
done = [job for job in jobs.shared().all() if job.state == "done"][:LAST_RUNS]
if done:
    st.subheader("Last results", anchor=False)
    for job in done:
        last(job)
