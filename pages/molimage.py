"""Cell images: name or draw a molecule, and see the cells that a model draws for it, with how far to believe them."""

import streamlit as st

from engine import catalogue, jobs
from pages.parts import believe, drawn, frame, run, state, training

QUESTION = "What would cells look like under this molecule? Name it, paste it or draw it, and look."
OPEN = "molimage.view"

# To add a view: write its part and name it here, with the method it is about.
VIEWS = {
    "Draw": (drawn.view, "molimage_sample"),
    "Train your own": (training.view, training.METHOD),
    "Check a model": (believe.view, believe.METHOD),
}


def linked() -> str:
    """Return the view that the run in the address belongs to; empty when there is none, or it was opened already."""
    key = state.link("job")
    job = jobs.shared().get(key) if key and state.kept(run.ADOPTED, "") != key else None
    return next((name for name, (_, method) in VIEWS.items() if job and job.method == method), "")


frame.header("Cell images", QUESTION)
st.session_state[OPEN] = linked() or st.session_state.get(OPEN) or "Draw"
view = str(st.segmented_control("View", list(VIEWS), required=True, key=OPEN, label_visibility="collapsed"))
if view == "Draw":
    state.set_link({"job": None, "data": None})
VIEWS[view][0]()
frame.about(catalogue.find(VIEWS[view][1]))
