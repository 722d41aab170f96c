"""Stage 5 on screen: which genes of the interactome drive the others, how stable that is, and what the cells cannot tell."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import Data
from engine.graphs import Graph
from engine.repurposing.causal.result import TargetNetworkResult
from engine.repurposing.target_network import LEVELS
from pages.parts import evidence_charts, frame, graph, interactome, run, stages, state

METHOD = "target_network"
TABS = ["Network", "Who drives most", "Edges", "How stable", "Cells", "Export"]
VIEW = "causal"
STEPS = {1: "1 step", 2: "2 steps", 3: "3 steps"}
LEVEL_WORDS = {LEVELS: "the paper's, 0.0001 to 0.3", LEVELS[:3]: "strict, 0.0001 to 0.01", LEVELS[3:]: "loose, 0.1 to 0.3"}
NODE_WORDS = {
    "descendants": "surely drives", "possible_descendants": "possibly drives", "terminal_descendants": "affected genes it drives",
    "possible_terminal_descendants": "… possibly", "path_stability": "stability of the best way", "path": "best way to an affected gene",
    "zero_share": "zero in (share of cells)", "is_terminal": "affected", "upstream_share": "upstream of affected (share of runs)",
}  # fmt: skip
MEANING = (
    "An arrow was found in more than the asked share of random subsamples of the cells. Surely: along arrows. Possibly: also along lines, "
    "whose direction the data leave open. Stability is no probability that an arrow is true."
)


def view() -> None:
    """Draw the whole view."""
    st.markdown("Which proteins drive the others? Learned from single cells; only proteins that bind each other may be joined.")
    data = stages.tables(("cells",), ("interactome", "prizes"))
    if data is None:
        return
    result = stages.panel(METHOD, data, "Learn the network", run.graph_so_far, {"levels": LEVEL_WORDS})
    if isinstance(result, TargetNetworkResult):
        show(result, data)


def show(result: TargetNetworkResult, data: Data) -> None:
    """Show the tabs of a result."""
    words, more = st.columns([5, 1], vertical_alignment="center")
    words.markdown(f"**{frame.escape(_lead(result))}**")
    with more:
        frame.fold(result.provenance.warnings if result.provenance else ())
    drawn, drivers, edges, stable, cells, export = st.tabs(TABS)
    with drawn:
        picture(result)
    with drivers:
        table = result.nodes.sort_values(["terminal_descendants", "descendants", "gene"], ascending=[False, False, True], ignore_index=True)
        first = [
            "gene",
            "is_terminal",
            "children",
            "parents",
            "descendants",
            "possible_descendants",
            "terminal_descendants",
            "path_stability",
            "path",
        ]
        frame.table(table[[*first, *(name for name in table if name not in first)]].rename(columns=NODE_WORDS), height=420)
        st.caption(MEANING)
    with edges:
        frame.table(result.edges, empty="No edge is stable enough.", height=420)
        st.caption("Opposite: how often the edge came out the other way round or as a line. Level: where it was most stable.")
    with stable:
        _stability(result)
    with cells:
        _cells(result)
    with export:
        tables = {"nodes": result.nodes, "edges": result.edges, "levels": result.levels, "curve": result.curve, "left_out": result.dropped}
        stages.export(tables, result, data, "causal-network")


def _lead(result: TargetNetworkResult) -> str:
    arrows, lines = int(result.graph.directed.sum()), int(result.graph.undirected.sum()) // 2
    best = result.nodes.sort_values(["terminal_descendants", "descendants"], ascending=False)
    most = f" {best['gene'].iloc[0]} surely drives most: {int(best['descendants'].iloc[0])} genes." if arrows else ""
    return f"{arrows:,} arrows and {lines:,} lines among {result.graph.p:,} genes are stable in {result.n_cells:,} cells.{most}"


@st.fragment
def picture(result: TargetNetworkResult, key: str = VIEW) -> None:
    """Draw what lies around a gene, its edges labelled by their stability, and say what the gene drives."""
    linked = [gene for gene in result.graph.nodes if result.graph.adjacent(gene)]
    if not linked:
        frame.empty("No edge is stable enough.", "Lower the stability asked for, or bring more cells.")
        return
    order = result.nodes.sort_values(["descendants", "children", "gene"], ascending=[False, False, True])["gene"]
    affected = set(result.nodes.loc[result.nodes["is_terminal"].astype(bool), "gene"])
    around(result.graph, result.edges, [gene for gene in order if gene in set(linked)], result.nodes, affected, key)


def around(whole: Graph, edges: pd.DataFrame, genes: list[str], nodes: pd.DataFrame, affected: set[str], key: str) -> None:
    """Draw the neighbourhood of one of these genes in a causal network.

    Parameters
    ----------
    edges : ``source``, ``target``, ``stability``.
    nodes : ``gene`` and what it drives, for as many genes as are known.
    affected : genes that the disease changes, which are coloured.
    """
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    if state.kept(f"{key}.gene", "") not in genes:
        st.session_state[f"{key}.gene"] = state.link("node") if state.link("node") in genes else genes[0]
    gene = left.selectbox("Around the gene", genes, key=f"{key}.gene", help="The gene that drives most comes first.")
    steps = right.segmented_control("As far as", list(STEPS), format_func=STEPS.__getitem__, default=2, required=True, key=f"{key}.far")
    part = with_stability(whole.ego(gene, steps or 2), edges)
    kinds = {name: interactome.AFFECTED if name in affected else interactome.BETWEEN for name in part.nodes}
    groups = interactome.KINDS | kinds if affected else None
    drawn, told = st.columns([3, 2], gap="medium")
    with drawn:
        graph.show(part, key=f"{key}.ego", groups=groups, controls=False)
        graph.downloads(whole, key=f"{key}.ego", name="causal-network")
    with told:
        _about(gene, nodes)
        own = edges[(edges["source"] == gene) | (edges["target"] == gene)]
        frame.table(own[["source", "target", "kind", "stability"]].reset_index(drop=True), empty="No edge ends here.")
        st.caption(MEANING)


def with_stability(part: Graph, edges: pd.DataFrame) -> Graph:
    """Return a graph whose edges carry their stability as support."""
    support = np.zeros((part.p, part.p, 4))
    place = {name: i for i, name in enumerate(part.nodes)}
    for source, target, share in zip(edges["source"], edges["target"], edges["stability"], strict=True):
        if source in place and target in place:
            i, j = place[source], place[target]
            for a, b in ((i, j), (j, i)):
                support[a, b, part.marks[a, b]] = share
                support[a, b, 0] = 1 - share
    return Graph(part.nodes, part.marks, part.kind, part.weights, support)


def _about(gene: str, nodes: pd.DataFrame) -> None:
    row = nodes[nodes["gene"] == gene]
    if row.empty:
        return
    facts: Any = row.iloc[0]
    frame.facts(
        [
            ("Surely drives", frame.number(facts["descendants"])), ("Possibly", frame.number(facts["possible_descendants"])),
            ("Affected genes", frame.number(facts["terminal_descendants"])), ("Driven by", frame.number(facts["parents"])),
        ]
    )  # fmt: skip
    if isinstance(facts.get("path"), str) and facts["path"]:
        st.markdown(f"Best way to an affected gene: **{frame.escape(facts['path'])}**, weakest arrow {facts['path_stability']:.0%}.")


def _stability(result: TargetNetworkResult) -> None:
    st.plotly_chart(evidence_charts.thresholds(result.curve, result.threshold), alt="Edges at each threshold", key="causal.curve")
    st.caption("The network shrinks as more stability is asked for. Where the lines fall steeply, the choice of the threshold decides.")
    with st.expander("The same as a table"):
        frame.table(result.curve)
    st.markdown("**What each significance level adds**")
    frame.table(result.levels)
    st.caption(
        "Decisive: edges of the network that are most stable at this level. Where nearly all come from the loosest level, the network is "
        "in effect that of the loosest level. Too few cells: tests that so few cells cannot answer; they count as no edge."
    )


def _cells(result: TargetNetworkResult) -> None:
    for sentence in result.sentences:
        st.markdown(f":material/info: {frame.escape(sentence)}")
    zero = result.nodes[["gene", "zero_share", "mean"]].sort_values("zero_share", ascending=False, ignore_index=True)
    frame.table(zero.rename(columns={"zero_share": "zero in (share of cells)", "mean": "mean expression (log2)"}), height=320)
    if len(result.dropped):
        st.markdown(f"**{len(result.dropped):,} genes were seen in too few cells** and are left out.")
        frame.table(result.dropped, height=240)
