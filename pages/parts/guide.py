"""Three questions that lead to a method."""

import streamlit as st

from engine import catalogue
from engine.core import Dataset
from engine.discovery.advice import Advice, advise
from pages.parts import frame, pick, state

HIDDEN = {"no": "No, all that matters is in the table", "maybe": "I am not sure", "yes": "Yes"}
CHANGED = {
    "no": "No, or I do not want to use it",
    "known": "Yes, and I know everything that was acted on",
    "partly": "Yes, but it may have hit other things too, or I do not know what it hit",
}
CURVED = {False: "Straight lines are good enough", True: "They may be curved"}


def control(dataset: Dataset) -> None:
    """Draw the button that opens the questions."""
    if st.button("Help me choose", icon=":material/help:"):
        dialog(dataset)


@st.dialog("Which method suits my question?", width="medium")
def dialog(dataset: Dataset) -> None:
    """Ask three questions and offer the method that suits the answers."""
    hidden = st.radio("Could something you did not measure drive several of your variables?", HIDDEN, 1, HIDDEN.__getitem__)
    changed = "no"
    if dataset.regimes:
        words = f"Your table has {len(dataset.regimes)} conditions. Was something changed on purpose in them?"
        changed = st.radio(words, CHANGED, 2, CHANGED.__getitem__)
    curved = st.radio("How are your variables related?", CURVED, 0, CURVED.__getitem__)
    advice = advise(dataset, hidden, changed, curved)
    with st.container(border=True):
        st.markdown(f"**{frame.escape(catalogue.find(advice.method).label)}**")
        st.markdown("\n".join(f"- {frame.escape(reason)}" for reason in advice.because))
        st.caption(f"For a second opinion: {frame.escape(catalogue.find(advice.second).label)}.")
    if st.button("Use this method", type="primary", icon=":material/check:", on_click=_use, args=(advice,)):
        st.rerun()


def _use(advice: Advice) -> None:
    """Choose the method with the settings that go with it."""
    pick.choose("method", advice.method)
    state.keep(pick.SHOWN, "")  # so that the form starts from what the address and the method say
    state.set_link({name: str(value) for name, value in advice.settings.items()})
