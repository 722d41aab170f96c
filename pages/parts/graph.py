"""The graph view: draw a graph, let the user find, narrow and drag, and return what was clicked."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from engine.core import digest_of
from engine.graphs import Graph
from engine.graphs.layout import layout
from pages.parts import frame, picture, state, svg

WHOLE = "All"
STEPS = {WHOLE: None, "1": 1, "2": 2, "3": 3}
FORMS = ("edges", "dot", "graphml", "tetrad")
FEW = 20
SQUARE_UP_TO = 40  # nodes; such a picture stands in a column, a larger one has the whole width
COMPLETE_FROM = 4  # a triangle is no surprise

_component = st.components.v2.component("causal_graph", html=picture.MARKUP, css=picture.STYLE, js=picture.SCRIPT)


@dataclass(frozen=True)
class Selection:
    """What the user clicked: a node, or an edge by its two ends."""

    kind: Literal["node", "edge"]
    names: tuple[str, ...]


def show(
    graph: Graph,
    key: str,
    *,
    positions: picture.Places | None = None,
    height: int = 520,
    selected: Selection | None = None,
    verdicts: picture.Verdicts | None = None,
    groups: picture.Groups | None = None,
    joined: str = "dependent given the rest",
    controls: bool = True,
) -> Selection | None:
    """Draw a graph and return what is selected.

    Parameters
    ----------
    key : name of the page, or page and place; several views on a page need several keys.
    positions : node -> (x, y) kept from an earlier picture; used for the nodes that are still there.
    height : of the picture in pixels.
    selected : what is selected before the user clicks anything, such as the node named by the URL.
    verdicts : edge -> how it compares with the truth, when that is what the picture is to show; the caller adds the legend.
    groups : variable -> what it belongs to, such as a sector; the variables are coloured by it, with a legend.
    joined : what an edge of an undirected graph means.
    controls : whether to offer to find a node and to narrow the picture; a page may do so itself.

    Returns
    -------
    Selection, or None when nothing is selected or the graph has no edge.
    """
    if graph.n_edges == 0:
        frame.empty(
            f"No edge: none of the {graph.p:,} variables was found to depend on another.",
            "A higher significance level or more samples would let weaker dependences through.",
        )
        return None
    if graph.p >= COMPLETE_FROM and graph.n_edges == graph.p * (graph.p - 1) // 2:
        frame.empty(
            f"Every pair of the {graph.p:,} variables is joined: no independence was found, so the picture says little.",
            "A lower significance level would ask for stronger evidence before keeping an edge.",
        )
    _remember(graph, key, selected)
    steps, threshold = _controls(graph, key) if controls else (None, 0.0)
    centre = _centre(graph, key)
    part = graph.ego(centre, steps) if steps else graph
    _draw(graph, part, key, f"{centre}, {steps}" if steps else "whole", threshold, positions or {}, height, verdicts, groups)
    if not verdicts:
        _legend(part, steps, centre, graph, joined)
    return chosen(graph, key)


def chosen(graph: Graph, key: str) -> Selection | None:
    """Return the selection of a view if the graph still has it."""
    selection = state.kept(state.slot(key, "selected"), None)
    if not isinstance(selection, Selection) or any(name not in graph.nodes for name in selection.names):
        return None
    if selection.kind == "edge" and not graph.marks[graph.index(selection.names[0]), graph.index(selection.names[1])]:
        return None
    return selection


def dragged(key: str) -> dict[str, tuple[float, float]]:
    """Return where the user dragged nodes of the whole graph, for keeping with a result."""
    return dict(state.kept(state.slot(key, "moved"), {}).get("whole", {}))


def places(graph: Graph, key: str, positions: picture.Places | None = None) -> dict[str, tuple[float, float]]:
    """Return where the view of that name shows each node of the whole graph, for another picture of the same variables."""
    return _places(graph, graph, {**(positions or {}), **dragged(key)})


def downloads(
    graph: Graph,
    key: str = "graph.view",
    *,
    name: str = "graph",
    positions: picture.Places | None = None,
    groups: picture.Groups | None = None,
) -> None:
    """Offer the graph as a picture, a page and in the exchange formats; nothing is made before it is asked for."""
    from engine.graphs import exchange

    placed = functools.partial(places, graph, key, positions)
    offers: list[tuple[str, str, str, Callable[[], str]]] = [
        ("Picture (SVG)", "svg", "image/svg+xml", lambda: svg.svg(graph, placed())),
        ("Interactive page (HTML)", "html", "text/html", lambda: picture.page(graph, placed(), name, groups)),
    ]
    for form in (exchange.FORMS[known] for known in FORMS):
        offers.append((form.label, form.extension, form.media_type, functools.partial(form.write, graph)))
    with st.popover("Download", icon=":material/download:"):
        for label, ending, mime, make in offers:
            st.download_button(
                label, make, f"{name}.{ending}", mime, on_click="ignore", key=state.slot(key, f"download_{ending}"), width="stretch"
            )


def _remember(graph: Graph, key: str, selected: Selection | None) -> None:
    """Give the controls their first values, and drop names that a new graph no longer has."""
    steps, find = state.slot(key, "steps"), state.slot(key, "find")
    if steps not in st.session_state:
        state.keep(steps, "2" if graph.p > picture.MANY else WHOLE)
    if state.kept(find, None) not in graph.nodes:
        state.keep(find, None)
    if state.slot(key, "selected") not in st.session_state:
        state.keep(state.slot(key, "selected"), selected)
        if selected and selected.kind == "node" and selected.names[0] in graph.nodes:
            _aim(key, selected.names[0])


def _controls(graph: Graph, key: str) -> tuple[int | None, float]:
    """Draw the row of controls and return the number of steps (None for the whole graph) and the least support.

    A graph that fits the eye at once needs none.
    """
    if graph.p > FEW or graph.support is not None:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            steps = _search(graph, key) if graph.p > FEW else WHOLE
            percent = 0
            if graph.support is not None:
                percent = st.slider("Support at least", 0, 100, 0, 5, format="%d%%", key=state.slot(key, "support"), width=200)
        return STEPS[steps], percent / 100
    return None, 0.0


def _search(graph: Graph, key: str) -> str:
    """Draw the name search and the choice of a neighbourhood, and return that choice."""

    def found() -> None:
        name = state.kept(state.slot(key, "find"), None)
        state.keep(state.slot(key, "selected"), Selection("node", (name,)) if name else None)
        _aim(key, name)

    def narrowed() -> None:
        selection = chosen(graph, key)
        if selection:
            _aim(key, selection.names[0])

    st.selectbox(
        "Find a variable", graph.nodes, index=None, placeholder="Type a name", format_func=picture.shorten,
        key=state.slot(key, "find"), on_change=found, width=190,
    )  # fmt: skip
    steps = st.segmented_control("Steps around it", list(STEPS), key=state.slot(key, "steps"), on_change=narrowed, required=True)
    return steps or WHOLE


def _aim(key: str, name: str | None) -> None:
    """Make a node the middle of narrowed views and bring it into sight."""
    turn = state.kept(state.slot(key, "aim"), (None, 0))[1] + 1
    state.keep(state.slot(key, "aim"), (name, turn))


def _centre(graph: Graph, key: str) -> str:
    """Return the middle of a narrowed view: the node last looked for, else the one with most edges."""
    name = state.kept(state.slot(key, "aim"), (None, 0))[0]
    return name if name in graph.nodes else graph.nodes[int(np.argmax(graph.skeleton.sum(axis=0)))]


def _draw(
    graph: Graph,
    part: Graph,
    key: str,
    view: str,
    threshold: float,
    positions: picture.Places,
    height: int,
    verdicts: picture.Verdicts | None,
    groups: picture.Groups | None,
) -> None:
    """Mount the component; its ``id`` tells it whether the picture must be built anew."""
    moved = state.kept(state.slot(key, "moved"), {}).get(view, {})
    places = _places(graph, part, {**positions, **moved} if part is graph else moved)
    name, turn = state.kept(state.slot(key, "aim"), (None, 0))
    drawn = _drawing(part, places, verdicts, groups)
    data = drawn | {
        "id": digest_of([drawn["digest"], view])[:12],
        "threshold": threshold,
        "height": height,
        "alt": picture.words(part, verdicts),
        "file": "graph.png",
        "focus": {"node": part.nodes.index(name) if name in part.nodes else None, "turn": turn},
    }
    slot = state.slot(key, "picture")

    def clicked() -> None:
        state.keep(state.slot(key, "selected"), _selection(part, st.session_state[slot].get("selected")))

    def centred() -> None:
        selection = _selection(part, st.session_state[slot].get("centre"))
        if selection:
            _aim(key, selection.names[0])

    def dropped() -> None:
        told = st.session_state[slot].get("moved") or {}
        here = {part.nodes[int(i)]: (float(x), float(y)) for i, (x, y) in told.get("places", {}).items() if int(i) < part.p}
        state.keep(state.slot(key, "moved"), {**state.kept(state.slot(key, "moved"), {}), view: {**moved, **here}})

    _component(key=slot, data=data, on_selected_change=clicked, on_centre_change=centred, on_moved_change=dropped)


def _selection(part: Graph, told: Mapping[str, Any] | None) -> Selection | None:
    """Turn what the browser says into names; what does not fit the graph counts as nothing."""
    if not told:
        return None
    ids = [int(text) for text in str(told.get("edge", told.get("node", ""))).split("-") if text.isdigit()]
    if not ids or any(i >= part.p for i in ids):
        return None
    return Selection("edge" if "edge" in told else "node", tuple(part.nodes[i] for i in ids))


def _places(graph: Graph, part: Graph, kept: picture.Places) -> dict[str, tuple[float, float]]:
    """Return where each node goes: where the user left it, else where the layout puts it, in a square when the picture is one."""
    found = layout(part)
    if part.p <= SQUARE_UP_TO and found:
        width, height = np.ptp(np.array(list(found.values())), axis=0)
        stretch = max(1.0, width / height) if height else 1.0
        found = {name: (x, y * stretch) for name, (x, y) in found.items()}
    return {name: kept.get(name, place) for name, place in found.items()}


def _digest(graph: Graph) -> str:
    support = [] if graph.support is None else [graph.support]
    weights = [] if graph.kind != "ug" or graph.weights is None else [graph.weights]  # those of an undirected graph are drawn
    return digest_of([graph.kind, list(graph.nodes), graph.marks, *support, *weights])


@st.cache_data(hash_funcs={Graph: _digest}, max_entries=30, show_spinner=False)
def _drawing(
    graph: Graph,
    places: dict[str, tuple[float, float]],
    verdicts: picture.Verdicts | None = None,
    groups: picture.Groups | None = None,
) -> dict[str, Any]:
    drawn = picture.drawing(graph, places, verdicts, groups)
    said = [] if verdicts is None else [[*ends, verdict] for ends, verdict in verdicts.items()]
    said += [list(pair) for pair in (groups or {}).items()]
    return drawn | {"digest": digest_of([_digest(graph), json.dumps(layout(graph)), *said])}


def _legend(part: Graph, steps: int | None, centre: str, graph: Graph, joined: str) -> None:
    """Say in one line what the marks in this picture mean and how to use it."""
    kinds = {picture.kind_of(edge) for edge in part.edges()}
    meaning = {
        "directed": ":blue[**A → B**] A drives B",
        "bidirected": ":orange[**A ↔ B**] a hidden common cause",
        "undetermined": f":gray[**A ― B**] {'direction not determined' if graph.kind != 'ug' else joined}",
    }
    shown = [text for kind, text in meaning.items() if kind in kinds]
    if graph.kind == "ug" and graph.weights is not None and graph.support is None:
        shown.append("thicker: stronger")
        if (graph.weights < 0).any():
            shown.append("dashed: move against each other")
    if graph.kind == "pag":
        shown.append(":gray[**○**] this end may be a tail or an arrowhead")
    around = (
        f"{part.p:,} of {graph.p:,} variables, around {frame.escape(picture.shorten(centre))}; double-click another to move there"
        if steps
        else ""
    )
    st.caption(" · ".join([*shown, around or "click a variable or an edge for its evidence; drag to arrange"]))
