"""What the user knows before any test: tiers in time, arrows that must or cannot be, or the same as text."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from engine.core import Dataset, UserError, digest_of
from engine.discovery.knowledge import Knowledge
from engine.discovery.statements import from_tetrad, split, statements, write
from pages.parts import frame, state

KEY = "set.knowledge"
DRAFT = "knowledge.draft"
SAYS = {"required": "drives", "forbidden": "does not drive"}
FORM = (
    "One statement a line: `A, B < C` (A and B come before C), `A --> C` (must be there), `C -/-> A` (cannot be), "
    "`* -/-> A` (nothing drives A)."
)
HELP = "Say what comes before what, and which arrows must or cannot be."


def control(dataset: Dataset) -> str:
    """Draw the button that opens the editor, and return the statements as they stand."""
    text = str(st.session_state.setdefault(KEY, state.link("knowledge")))
    count = len(split(text))
    if st.button(f"What you know ({count})" if count else "What you know", icon=":material/lightbulb:", help=HELP):
        state.keep(DRAFT, text)
        editor(dataset)
    return text


def fits(text: str, dataset: Dataset) -> bool:
    """Say what is wrong with statements before anything runs; return whether they can be used with a table."""
    try:
        Knowledge.of(text, dataset.columns)
    except UserError as problem:
        frame.error(problem)
        st.button("Forget what was said", icon=":material/delete:", on_click=state.keep, args=(KEY, ""))
        return False
    return True


@st.dialog("What is known before", width="large")
def editor(dataset: Dataset) -> None:
    """Edit tiers and arrows in tables, or the statements as text."""
    st.markdown("Methods keep to what you say here. Leave out what you are not sure of: a wrong statement makes a wrong graph.")
    draft = state.kept(DRAFT, "")
    try:
        tiers, arrows = _tables(draft, dataset)
    except UserError as problem:
        frame.error(problem)
        tiers, arrows = _tables("", dataset)
    turn = digest_of([draft, dataset.digest])[:8]  # what was edited before belongs to another draft
    time, drawn, text = st.tabs(["Order in time", "Arrows", "As text"])
    with time:
        st.caption("Give a number to each variable whose time is known: 1 for the first. Nothing later drives anything earlier.")
        tiers = st.data_editor(
            tiers, hide_index=True, disabled=["variable"], width="stretch", key=f"knowledge.tiers.{turn}",
            column_config={"tier": st.column_config.NumberColumn("time", min_value=1, max_value=99, step=1)},
        )  # fmt: skip
    with drawn:
        choices = list(dataset.columns)
        arrows = st.data_editor(
            arrows, hide_index=True, num_rows="dynamic", width="stretch", key=f"knowledge.arrows.{turn}",
            column_config={
                "source": st.column_config.SelectboxColumn("this variable", options=choices, required=True),
                "says": st.column_config.SelectboxColumn("says", options=list(SAYS.values()), required=True, default=SAYS["forbidden"]),
                "target": st.column_config.SelectboxColumn("this one", options=choices, required=True),
            },
        )  # fmt: skip
        st.caption("Click into the empty row to add one. 'Drives' keeps the arrow whatever the tests say; 'does not drive' rules it out.")
    with text:
        st.markdown(FORM)
        told = _text(tiers, arrows)
        written = st.text_area("Statements", told, height=180, key=f"knowledge.text.{digest_of([turn, told])[:8]}")
        upload = st.file_uploader("Or a knowledge file of Tetrad", ["txt", "kno", "knowledge"], key=f"knowledge.file.{turn}")
    try:
        made = from_tetrad(upload.getvalue().decode("utf-8", "replace")) if upload else written
        Knowledge.of(made, dataset.columns)
    except UserError as problem:
        frame.error(problem)
        return
    with st.container(horizontal=True):
        used = st.button("Use this", type="primary", icon=":material/check:", on_click=state.keep, args=(KEY, made))
        if used or (made and st.button("Forget all", icon=":material/delete:", on_click=state.keep, args=(KEY, ""))):
            st.rerun()


def _tables(text: str, dataset: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return statements as a table of tiers and one of arrows."""
    said = statements(text, dataset.columns)
    tier: Mapping[str, int] = _tiers([(s.left, s.right) for s in said if s.kind == "before"])
    places = pd.array([tier.get(name) for name in dataset.columns], dtype="Int64")
    pairs = [(a, SAYS[s.kind], b) for s in said if s.kind != "before" for a, b in s.pairs]
    arrows = pd.DataFrame(pairs, columns=["source", "says", "target"], dtype=object)
    return pd.DataFrame({"variable": dataset.columns, "tier": places}), arrows


def _tiers(before: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> dict[str, int]:
    """Return for each variable the length of the longest chain of what comes before them."""
    tier = {name: 1 for left, right in before for name in (*left, *right)}
    for _ in tier:
        for left, right in before:
            for name in right:
                tier[name] = max(tier[name], 1 + max(tier[a] for a in left))
    return tier


def _text(tiers: pd.DataFrame, arrows: pd.DataFrame) -> str:
    """Return both tables as statements."""
    placed = tiers.dropna(subset="tier")
    groups = [list(placed.loc[placed["tier"] == n, "variable"]) for n in sorted(placed["tier"].unique())]
    whole = arrows.dropna()
    pairs = whole[["source", "target"]].itertuples(index=False, name=None)
    said = list(zip(whole["says"], pairs, strict=True))
    found = {kind: [pair for says, pair in said if says == word] for kind, word in SAYS.items()}
    return write(groups, found["required"], found["forbidden"])
