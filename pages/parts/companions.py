"""Who moves with whom on screen: the graph of total positivity, its heat map, and each pair in numbers."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.graphs import Graph
from engine.mtp2.result import Mtp2Result, TuningFreeResult
from pages.parts import causal, charts, frame, graph, state

READABLE = 40  # edges that a picture bears, or as many as variables
TINY = 1e-12  # an edge of weight zero is an edge too
NEAREST = 5  # neighbours named
VIEW = "mtp2"


def readable(shown: Graph) -> int:
    """Return how many edges a picture of a graph bears."""
    return max(READABLE, shown.p)


def strongest(shown: Graph, count: int) -> Graph:
    """Return the graph with only so many edges, those of the largest weight."""
    if shown.weights is None or count >= shown.n_edges:
        return shown
    size = np.abs(np.triu(shown.weights, 1)) + np.triu(shown.skeleton, 1) * TINY
    least = np.sort(size[size > 0])[-count]
    kept = (size >= least) & (size > 0)
    kept |= kept.T
    return Graph(shown.nodes, np.where(kept, shown.marks, 0), shown.kind, np.where(kept, shown.weights, 0.0), shown.support)


def backbone(shown: Graph) -> Graph:
    """Return the strongest edges and those that tie each variable to the others: a map of these stays readable and has no one alone."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    if shown.weights is None or shown.n_edges <= readable(shown):
        return shown
    size = np.where(shown.skeleton, np.abs(shown.weights) + TINY, 0.0)
    tree = minimum_spanning_tree(np.where(size > 0, 1.0 / np.maximum(size, TINY), 0.0)).toarray() > 0
    kept = strongest(shown, readable(shown)).skeleton | tree | tree.T
    return Graph(shown.nodes, np.where(kept, shown.marks, 0), shown.kind)


@st.fragment
def picture(result: Mtp2Result, known: list[str]) -> None:
    """Draw the graph beside the heat map, and what is known of the pair that was clicked or chosen."""
    full = result.graph
    left, right = st.columns([3, 2], gap="medium") if full.p <= graph.SQUARE_UP_TO else (st.container(), st.container())
    groups = dict(zip(full.nodes, known, strict=True)) if known else None
    places = graph.places(backbone(full), VIEW)
    with left:
        count = full.n_edges
        if full.n_edges > readable(full):
            label = "Show the strongest edges"
            help = "Only the picture is thinned; the tables, the files and the estimate keep all edges."
            count = st.slider(label, 5, full.n_edges, readable(full), help=help, key="mtp2.count")
        drawn = strongest(full, count)
        selected = graph.show(drawn, key=VIEW, positions=places, groups=groups)
        if drawn is not full:
            st.caption(f"The picture shows the {drawn.n_edges:,} strongest of {full.n_edges:,} edges; the result keeps all of them.")
        graph.downloads(full, key=VIEW, name="mtp2", positions=places, groups=groups)
    with right:
        _pair(result, selected)
        _heat_map(result, known)
    with st.expander("All edges as a table", icon=":material/table_rows:"):
        table = causal.edge_table(full).drop(columns=["meaning", "same direction (%)"], errors="ignore")
        table = table.rename(columns={"weight": "partial correlation", "joined again (%)": "found again (%)"})
        frame.table(table.sort_values("partial correlation", ascending=False, ignore_index=True), empty="There is no edge.")


def _heat_map(result: Mtp2Result, known: list[str]) -> None:
    """Draw one of the matrices of correlations, the variables of a sector beside each other."""
    shown = tables(result)
    options = ["partial correlations", "fitted correlations", "observed correlations"]
    choice = st.selectbox("Heat map of", options, key="mtp2.heat")
    names = list(result.graph.nodes)
    if known:
        names = [name for _, name in sorted(zip(known, names, strict=True))]
    figure = charts.heat_map(shown[choice].loc[names, names], choice)
    st.plotly_chart(figure, alt=f"Heat map of the {choice}; the tab Matrices has them as a table", key="mtp2.heatmap")
    told = ["Variables of one sector stand together."] if known else []
    if choice == "partial correlations":
        told.insert(0, "What two variables share once all others are held fixed.")
    st.caption(" ".join([*told, "The numbers are in the tab Matrices."]))


def _pair(result: Mtp2Result, selected: graph.Selection | None) -> None:
    """Say what is known of one pair: that of the edge clicked last, or one that is chosen."""
    names = list(result.graph.nodes)
    clicked = selected.names if selected else ()
    if clicked != state.kept("mtp2.clicked", ()):
        state.keep("mtp2.clicked", clicked)
        near = neighbours(result.graph, clicked[0]) if clicked else []
        for key, name in zip(("mtp2.a", "mtp2.b"), [*clicked, *(name for name, _ in near)], strict=False):
            state.keep(key, name)
    for key, name in (("mtp2.a", names[0]), ("mtp2.b", names[1])):
        if state.kept(key, "") not in names:
            state.keep(key, name)
    first, second = st.columns(2)
    a = first.selectbox("Look at", names, key="mtp2.a")
    b = second.selectbox("and", names, key="mtp2.b", help="Click an edge or a variable in the picture, or choose any pair here.")
    if a == b:
        st.caption("Choose two different variables.")
        return
    i, j = result.graph.index(a), result.graph.index(b)
    weight = 0.0 if result.graph.weights is None else float(result.graph.weights[i, j])
    frame.facts(
        [
            ("Partial correlation", frame.number(weight)), ("Fitted correlation", frame.number(result.correlation.to_numpy()[i, j])),
            ("Observed correlation", frame.number(result.observed.to_numpy()[i, j])),
        ]
    )  # fmt: skip
    st.markdown(frame.escape(in_words(result, a, b, weight)))
    joined = [f"{name} ({frame.number(size)})" for name, size in neighbours(result.graph, a)]
    if joined:
        rest = f" and {len(joined) - NEAREST} more" if len(joined) > NEAREST else ""
        st.caption(frame.escape(f"{a} is joined, strongest first, with {', '.join(joined[:NEAREST])}{rest}."))


def neighbours(shown: Graph, name: str) -> list[tuple[str, float]]:
    """Return the neighbours of a variable with their partial correlations, the strongest first."""
    if shown.weights is None:
        return []
    row = shown.weights[shown.index(name)]
    return sorted(((other, float(row[shown.index(other)])) for other in shown.adjacent(name)), key=lambda pair: -abs(pair[1]))


def in_words(result: Mtp2Result, a: str, b: str, weight: float) -> str:
    """Say whether a pair is joined, and for the tuning-free graph which test decided it."""
    if isinstance(result, TuningFreeResult):
        joined = bool(result.graph.skeleton[result.graph.index(a), result.graph.index(b)])
        rest = " The fit puts its strength at zero all the same." if joined and weight == 0 else ""
        return result.why(a, b) + rest
    if weight == 0:
        return f"Given all others, {a} and {b} do not move together: there is no edge."
    return f"Given all others, {a} and {b} still move {'together' if weight > 0 else 'against each other'}: there is an edge."


def tables(result: Mtp2Result) -> dict[str, pd.DataFrame]:
    """Return every matrix of a result under the name it has on screen."""
    names = list(result.graph.nodes)
    partial = np.zeros((len(names), len(names))) if result.graph.weights is None else np.array(result.graph.weights)
    np.fill_diagonal(partial, 1.0)
    return {
        "covariance": result.covariance, "precision (inverse covariance)": result.precision,
        "partial correlations": pd.DataFrame(partial, names, names), "fitted correlations": result.correlation,
        "observed correlations": result.observed,
    }  # fmt: skip
