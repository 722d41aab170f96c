"""Bring the true graph of a table: a file in any exchange form, and which variable each of its names is."""

import streamlit as st

from engine import jobs
from engine.core import Dataset, UserError
from engine.discovery.truth import FILES, matches, read_truth, with_truth
from engine.graphs import FORMS, Graph
from pages.parts import frame, pick, state

BY_CONTENT = "by its content"
UNMEASURED = "none of them: not measured"
MOST_NAMES = 30  # that are asked for one by one


def ask(dataset: Dataset) -> None:
    """Take a graph from a file as the truth for these data."""
    if pick.named(dataset.digest, dataset.name) != dataset.digest:
        st.caption("A sample keeps the truth it came with. Upload your own table on the data page to bring a truth for it.")
        return
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    upload = left.file_uploader(
        "The true graph", [ending[1:] for ending in FILES], key="discovery.bring",
        help="The simplest file has two columns, source and target, and one arrow in each row.",
    )  # fmt: skip
    form = right.selectbox(
        "Form of the file", [BY_CONTENT, *FORMS], format_func=lambda f: FORMS[f].label if f in FORMS else f, key="discovery.bring_form"
    )
    if upload is None:
        return
    try:
        brought = read_truth(upload.getvalue(), upload.name, None if form == BY_CONTENT else form)
        means = _named(brought, dataset, upload.file_id)
        ready = with_truth(dataset, brought, upload.name, means)
    except UserError as problem:
        frame.error(problem)
        return
    st.button("Use as the truth", type="primary", icon=":material/check:", on_click=_keep, args=(ready, upload.name))


def _named(brought: Graph, dataset: Dataset, key: str) -> dict[str, str | None]:
    """Ask which variable each name is that the table does not have, with a guess."""
    means = matches(brought.nodes, dataset.columns)
    strange = [name for name in brought.nodes if name not in dataset.columns]
    known = f"{brought.p - len(strange)} of which are variables of {frame.escape(dataset.name)}"
    st.caption(f"{brought.n_edges} edges among {brought.p} names, {known}.")
    if not strange:
        return means
    if len(strange) > MOST_NAMES:
        st.caption(
            f"{len(strange)} names differ from those of the table and were matched by likeness; rename them in the file if that is wrong."
        )
        return means
    st.markdown("Which variables are these?")
    places = st.columns(3)
    for n, name in enumerate(strange):
        options = [UNMEASURED, *dataset.columns]
        chosen = places[n % 3].selectbox(
            frame.escape(name), options, options.index(means[name] or UNMEASURED), key=f"discovery.bring.{key}.{n}"
        )
        means[name] = None if chosen == UNMEASURED else chosen
    return means


def _keep(ready: Dataset, name: str) -> None:
    """Store the truth with the table and show it."""
    jobs.shared().keep(ready)
    pick.load.clear()
    state.keep("discovery.truth", name)
