"""One random PAG, drawn either by the product (`?with=product`) or as pyvis's own page in a frame (`?with=pyvis`)."""

import numpy as np
import streamlit as st

from engine.graphs import Graph, Mark
from pages.parts import graph

DEGREE = 2.5


def random_pag(p: int, seed: int = 0) -> Graph:
    """Draw a sparse graph with arrows, circles and bidirected edges."""
    rng = np.random.default_rng(seed)
    marks = np.zeros((p, p), np.uint8)
    for i, j in np.argwhere(np.triu(rng.random((p, p)) < DEGREE / (p - 1), 1)):
        ends = [(Mark.TAIL, Mark.ARROW), (Mark.CIRCLE, Mark.ARROW), (Mark.CIRCLE, Mark.CIRCLE), (Mark.ARROW, Mark.ARROW)]
        marks[j, i], marks[i, j] = ends[rng.integers(4)]
    return Graph(tuple(f"V{i:03d}" for i in range(p)), marks, "pag")


def details(selection: graph.Selection | None) -> None:
    """Say what was clicked; the end of the time from click to answer."""
    st.markdown(f"Selected: {' and '.join(selection.names)}" if selection else "Nothing selected")


st.title("Graph view")
pag = random_pag(int(st.query_params.get("p", "500")))
if st.query_params.get("with", "product") == "product":
    if st.query_params.get("view") == "whole":
        st.session_state.setdefault("bench.steps", "Whole graph")
    graph.panel(pag, "bench", details)
