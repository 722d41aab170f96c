"""One random PAG, drawn by the product or (`?with=pyvis`) as pyvis's own page in a frame, at the same places."""

import numpy as np
import streamlit as st

from engine.graphs import Graph, Mark
from engine.graphs.layout import layout
from pages.parts import graph

DEGREE = 2.5
HEIGHT = 520


def random_pag(p: int, seed: int = 0) -> Graph:
    """Draw a sparse graph with arrows, circles and bidirected edges."""
    rng = np.random.default_rng(seed)
    marks = np.zeros((p, p), np.uint8)
    ends = [(Mark.TAIL, Mark.ARROW), (Mark.CIRCLE, Mark.ARROW), (Mark.CIRCLE, Mark.CIRCLE), (Mark.ARROW, Mark.ARROW)]
    for i, j in np.argwhere(np.triu(rng.random((p, p)) < DEGREE / (p - 1), 1)):
        marks[j, i], marks[i, j] = ends[rng.integers(4)]
    return Graph(tuple(f"V{i:03d}" for i in range(p)), marks, "pag")


def pyvis_page(shown: Graph) -> str:
    """Return the page that pyvis makes of the same nodes and edges, without physics, all of it inline."""
    from pyvis.network import Network

    places = layout(shown)
    net = Network(height=f"{HEIGHT}px", directed=True, cdn_resources="in_line")
    for name in shown.nodes:
        net.add_node(name, label=name, x=places[name][0], y=places[name][1])
    for edge in shown.edges():
        net.add_edge(edge.source, edge.target, title=str(edge), smooth=False)
    net.toggle_physics(False)
    return net.generate_html()


@st.fragment
def panel(pag: Graph) -> None:
    """Show a graph, and below it what was clicked, which ends the time from click to answer; a click reruns this part only."""
    selection = graph.show(pag, "bench")
    st.markdown(f"Selected: {' and '.join(selection.names)}" if selection else "Nothing selected")


st.title("Graph view")
pag = random_pag(int(st.query_params.get("p", "500")))
if st.query_params.get("with") == "pyvis":
    st.iframe(pyvis_page(pag), height=HEIGHT)
else:
    if st.query_params.get("view") == "whole":
        st.session_state.setdefault(graph.state.slot("bench", "steps"), graph.WHOLE)
    panel(pag)
