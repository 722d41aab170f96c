"""The pieces of an estimate under total positivity on screen: graph and heat map, signs, sectors, the lasso beside it, the certificate."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import Dataset
from engine.graphs import Graph
from engine.mtp2.modularity import modularity
from engine.mtp2.result import Mtp2Result, TuningFreeResult
from pages.parts import charts, frame, graph, pick, run

READABLE = 40  # edges that a picture bears
STRONGEST = (1.0, 0.3, 0.1, 0.05)  # shares of the edges whose modularity is shown
RERUNS = 10
PAIRS_SHOWN = 50
VIEW = "mtp2"
GAP = "The fit maximises a likelihood. A dual bound proves how far, at most, it is from the largest value that any such matrix reaches."


def about(dataset: Dataset) -> None:
    """Say how large the table is; the doctor's warnings on dependence in time do not matter here."""
    with st.container(horizontal=True, vertical_alignment="center"):
        pick.size(dataset)
        st.page_link("data.py", label="Upload or inspect", icon=":material/upload_file:")


def show(result: Mtp2Result, dataset: Dataset) -> None:
    """Show the headline and all tabs of a result."""
    words, more = st.columns([4, 1], vertical_alignment="center")
    pairs = result.graph.p * (result.graph.p - 1) // 2
    words.markdown(f"{result.graph.n_edges:,} of {pairs:,} pairs move together, all others held fixed. {result.certificate}", help=GAP)
    if result.provenance:
        with more:
            frame.fold(result.provenance.warnings)
    is_free = isinstance(result, TuningFreeResult)
    known = sectors(result.graph, dataset)
    beside = "Stability" if is_free else "Graphical lasso"
    labels = ["Graph", "Signs", *(["Sectors"] if known else []), beside, "Matrices", "Evidence", "Export"]
    places = dict(zip(labels, run.tabs(labels), strict=True))
    with places["Graph"]:
        picture(result)
    with places["Signs"]:
        signs(result)
    if known:
        with places["Sectors"]:
            by_sector(result, known)
    with places[beside]:
        stability(result) if isinstance(result, TuningFreeResult) else lasso(result)
    with places["Matrices"]:
        matrices(result)
    with places["Evidence"]:
        evidence(result)
    with places["Export"]:
        frame.export(result, dataset)


def strongest(shown: Graph, count: int) -> Graph:
    """Return the graph with only so many edges, those of the largest weight."""
    if shown.weights is None or count >= shown.n_edges:
        return shown
    size = np.abs(np.triu(shown.weights, 1)) + np.triu(shown.skeleton, 1) * 1e-12  # an edge of weight zero is an edge too
    least = np.sort(size[size > 0])[-count]
    kept = (size >= least) & (size > 0)
    kept |= kept.T
    return Graph(shown.nodes, np.where(kept, shown.marks, 0), shown.kind, np.where(kept, shown.weights, 0.0))


@st.fragment
def picture(result: Mtp2Result) -> None:
    """Draw the graph beside the heat map, and what is known of the pair that was clicked or chosen."""
    left, right = st.columns([3, 2], gap="medium")
    full = result.graph
    with left:
        count = full.n_edges
        if full.n_edges > READABLE:
            label = "Strongest edges in the picture"
            count = st.slider(label, 5, full.n_edges, READABLE, help="The result keeps all edges.", key="mtp2.count")
        drawn = strongest(full, count)
        selected = graph.show(drawn, key=VIEW)
        graph.downloads(full, key=VIEW, name="mtp2")
    with right:
        choice = st.segmented_control(
            "Heat map of", ["partial correlations", "correlations"], default="partial correlations", key="mtp2.heat", required=True
        )
        values = full.weights if choice == "partial correlations" else result.correlation.to_numpy()
        assert values is not None
        st.plotly_chart(charts.heat_map(pd.DataFrame(values, list(full.nodes), list(full.nodes)), choice or ""), key="mtp2.heatmap")
    _pair(result, selected)


def _pair(result: Mtp2Result, selected: graph.Selection | None) -> None:
    """Say what is known of one pair: that of the clicked edge, or one that is chosen."""
    names = list(result.graph.nodes)
    clicked = selected.names if selected and selected.kind == "edge" else None
    first, second = st.columns(2)
    a = clicked[0] if clicked else first.selectbox("Look at the pair of", names, key="mtp2.a")
    b = clicked[1] if clicked else second.selectbox("and", [name for name in names if name != a], key="mtp2.b")
    i, j = result.graph.index(a), result.graph.index(b)
    weight = result.graph.weights[i, j] if result.graph.weights is not None else 0.0
    frame.facts(
        [
            ("Pair", f"{a} and {b}"), ("Partial correlation", frame.number(weight)),
            ("Fitted correlation", frame.number(result.correlation.iloc[i, j])),
            ("Observed correlation", frame.number(result.observed.iloc[i, j])),
        ]
    )  # fmt: skip
    if isinstance(result, TuningFreeResult):
        st.markdown(frame.escape(result.why(a, b)))
    elif weight == 0:
        st.markdown(f"Given all others, {frame.escape(a)} and {frame.escape(b)} do not move together: there is no edge.")


def signs(result: Mtp2Result) -> None:
    """Say how many pairs move against each other, and list them."""
    share, turned = result.facts["negative"], result.facts["turned"]
    st.markdown(
        f"**{share:.1%}** of the pairs have a negative correlation. Total positivity takes every pair to move together, or not at all, "
        "given all others; what is negative becomes zero or positive in the fit."
    )
    if turned:
        st.markdown(f"Measured with the opposite sign: {frame.escape(', '.join(turned))}.")
    elif share > 0 and not isinstance(result, TuningFreeResult):
        st.button("Turn signs where that helps", icon=":material/swap_vert:", on_click=run.ask, kwargs={"tab": "Signs", "turn": True})
    frame.table(result.negative.head(PAIRS_SHOWN), empty="No pair moves against each other.")
    if len(result.negative) > PAIRS_SHOWN:
        st.caption(f"The {PAIRS_SHOWN} most negative of {len(result.negative):,} pairs.")


def sectors(shown: Graph, dataset: Dataset) -> list[str]:
    """Return the sector of each node where the data say it, else nothing."""
    known = dataset.truth.get("sectors")
    if not isinstance(known, Mapping) or any(name not in known for name in shown.nodes):
        return []
    return [str(known[name]) for name in shown.nodes]


def by_sector(result: Mtp2Result, known: list[str]) -> None:
    """Show how much the edges keep to the sectors."""
    st.markdown(
        "**Modularity** says how much more the edges stay inside sectors than chance would have it: 0 is chance, and the higher, the more "
        "the graph has found the sectors, which it was not told."
    )
    rows = []
    for share in STRONGEST:
        kept = strongest(result.graph, max(1, round(share * result.graph.n_edges)))
        name = "all edges" if share == 1 else f"strongest {share:.0%} of the edges"
        rows.append((name, kept.n_edges, modularity(kept.skeleton, known)))
    if result.lasso is not None:
        rows.append(("graphical lasso", result.lasso.n_edges, modularity(result.lasso.skeleton, known)))
    frame.table(pd.DataFrame(rows, columns=["graph", "edges", "modularity"]))
    st.caption("A graph of few edges scores higher easily; compare graphs of about as many edges.")
    frame.table(pd.DataFrame({"variable": result.graph.nodes, "sector": known, "edges": result.graph.skeleton.sum(axis=0)}))


def lasso(result: Mtp2Result) -> None:
    """Show the graph of the graphical lasso beside this one."""
    if result.lasso is None:
        frame.empty("The graphical lasso has not run beside this graph.", "It needs a penalty, which is chosen by cross-validation.")
        kwargs = {"tab": "Graphical lasso", "compare": True}
        st.button("Compare with the graphical lasso", icon=":material/compare:", on_click=run.ask, kwargs=kwargs)
        return
    ours, theirs = result.graph.skeleton, result.lasso.skeleton
    frame.facts(
        [
            ("In both", f"{int((ours & theirs).sum()) // 2:,}"), ("Only under total positivity", f"{int((ours & ~theirs).sum()) // 2:,}"),
            ("Only in the lasso", f"{int((~ours & theirs).sum()) // 2:,}"),
        ]
    )  # fmt: skip
    places = graph.places(strongest(result.graph, READABLE), VIEW, {})
    for place, name, one in zip(st.columns(2), ("Total positivity", "Graphical lasso"), (result.graph, result.lasso), strict=True):
        with place:
            drawn = strongest(one, READABLE)
            st.markdown(f"**{name}** · {one.n_edges:,} edges" + (f", the strongest {drawn.n_edges} drawn" if drawn is not one else ""))
            graph.show(drawn, key=f"mtp2.{'ours' if one is result.graph else 'lasso'}", positions=places, height=400)


def stability(result: TuningFreeResult) -> None:
    """Show how often further searches keep each edge."""
    if result.kept.empty:
        frame.empty("The search draws rows at random; it has run once.", "Run it again to see which edges always stay.")
        kwargs = {"tab": "Stability", "reruns": RERUNS}
        st.button(f"Search {RERUNS} more times", icon=":material/repeat:", on_click=run.ask, kwargs=kwargs)
        return
    rows, columns = np.nonzero(np.triu(np.ones(result.kept.shape), 1))
    names = np.array(result.graph.nodes)
    shares = result.kept.to_numpy()[rows, columns]
    table = pd.DataFrame({"a": names[rows], "b": names[columns], "kept": shares, "in the graph": result.graph.skeleton[rows, columns]})
    table = table[table["kept"] > 0].sort_values("kept", ascending=False, ignore_index=True)
    steady = int(((table["kept"] == 1) & table["in the graph"]).sum())
    st.markdown(f"**{steady} of {result.graph.n_edges} edges** stay in every further search.")
    frame.table(table.assign(kept=table["kept"].map("{:.0%}".format)))


def matrices(result: Mtp2Result) -> None:
    """Show both matrices and offer them as files."""
    st.caption("In the units of the data. The two are inverses of each other; the precision matrix is exactly zero where there is no edge.")
    for label, matrix in (("Precision", result.precision), ("Covariance", result.covariance)):
        st.markdown(f"**{label}**")
        frame.table(matrix.rename_axis("variable").reset_index())
        file = f"{label.lower()}.csv"
        st.download_button(f"{label} (CSV)", matrix.to_csv, file, "text/csv", on_click="ignore", key=f"mtp2.{label}")


def evidence(result: Mtp2Result) -> None:
    """Show the test against the free Gaussian and how the solver got there."""
    if result.test:
        fits = result.test["p"] > 0.05
        st.markdown(
            f"**Does total positivity fit?** The data {'do not speak' if fits else 'speak'} against it (likelihood ratio "
            f"{frame.number(result.test['statistic'])} on {int(result.test['zeros']):,} zeros, reference p = {result.test['p']:.2g}). "
            "The reference law is a rough one: near the boundary a small p is weaker evidence than it looks, and with very many rows "
            "even a small misfit shows."
        )
    else:
        st.markdown("With no more rows than variables nothing can tell whether total positivity fits; the estimate exists all the same.")
    steps = f"{result.facts['sweeps']} sweeps, {result.facts['steps']} Newton steps"
    rows = [("Duality gap", f"{max(result.gap, 0.0):.1e}"), ("Solver", steps), ("Condition number", frame.number(result.condition))]
    frame.facts(rows)
