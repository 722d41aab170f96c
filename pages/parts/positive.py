"""The pieces of an estimate under total positivity on screen: signs, sectors, the lasso beside it, the matrices, the certificate."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import Dataset
from engine.discovery.result import p_text
from engine.graphs import Graph
from engine.graphs.exchange.names import safe_cell
from engine.mtp2.modularity import modularity
from engine.mtp2.result import Mtp2Result, TuningFreeResult
from pages.parts import companions, frame, graph, pick, run

STRONGEST = (1.0, 0.3, 0.1, 0.05)  # shares of the edges whose modularity is shown
RERUNS = 10
PAIRS_SHOWN = 50
LEVEL = 0.05  # of the test of fit
SQUARE = 460  # px of a matrix as a table
GAP = "The fit maximises a likelihood. A dual bound proves how far, at most, it is from the largest value that any such matrix reaches."


def about(dataset: Dataset) -> None:
    """Say how large the table is and what stops a method; the doctor's warnings on dependence in time do not matter here."""
    with st.container(horizontal=True, vertical_alignment="center"):
        pick.size(dataset)
        st.page_link("data.py", label="Upload or inspect", icon=":material/upload_file:")
    stops = [finding for finding in pick.examined(dataset) if finding.level == "stop"]
    if stops:
        pick.findings(dataset, stops)


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
        companions.picture(result, known)
    with places["Signs"]:
        signs(result)
    if known:
        with places["Sectors"]:
            by_sector(result, known)
    with places[beside]:
        stability(result) if isinstance(result, TuningFreeResult) else lasso(result, known)
    with places["Matrices"]:
        matrices(result)
    with places["Evidence"]:
        evidence(result)
    with places["Export"]:
        frame.export(result, dataset)


def signs(result: Mtp2Result) -> None:
    """Say how many pairs move against each other, and list them."""
    share, turned = result.facts["negative"], result.facts["turned"]
    clipped = "what is negative becomes zero or positive in the fit."
    st.markdown(
        ("**No pair** has a negative correlation. " if share == 0 else f"**{share:.1%} of the pairs** have a negative correlation. ")
        + "Total positivity takes every pair to move together, or not at all, once all others are held fixed"
        + ("; here nothing speaks against that at first sight." if share == 0 else f"; {clipped}")
    )
    if turned:
        st.markdown(f"Measured with the opposite sign: {frame.escape(', '.join(turned))}.")
    elif share > 0 and not isinstance(result, TuningFreeResult):
        st.button("Turn signs where that helps", icon=":material/swap_vert:", on_click=run.ask, kwargs={"tab": "Signs", "turn": True})
        st.caption("Some variables are then measured with the opposite sign, such as a loss in place of a gain; they are named here.")
    if share == 0:
        return
    frame.table(result.negative.head(PAIRS_SHOWN).rename(columns={"a": "variable", "b": "and"}))
    most = "All pairs with a negative correlation" if len(result.negative) <= PAIRS_SHOWN else (
        f"The {PAIRS_SHOWN} most negative of {len(result.negative):,} pairs"
    )  # fmt: skip
    st.caption(
        f"{most}. Observed and fitted are correlations: the larger the step from one to the other, the less this pair agrees with "
        "total positivity."
    )


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
    rows: list[dict[str, str | int | float]] = []
    for share in STRONGEST:
        rows.append({"edges kept": "all" if share == 1 else f"strongest {share:.0%}"})
        for name, one in (("total positivity", result.graph), ("graphical lasso", result.lasso)):
            if one is not None:
                kept = companions.strongest(one, max(1, round(share * one.n_edges)))
                rows[-1] |= {f"edges, {name}": kept.n_edges, f"modularity, {name}": modularity(kept.skeleton, known)}
    table = pd.DataFrame(rows)
    frame.table(table if result.lasso is not None else table.rename(columns=lambda name: name.split(", ")[0]))
    st.caption("A graph of few edges scores higher easily: compare graphs of about as many edges.")
    st.markdown("**The sectors**")
    inside = (result.graph.skeleton & (np.array(known)[:, None] == np.array(known))).sum(axis=1)
    edges = result.graph.skeleton.sum(axis=0)
    listed = pd.DataFrame({"variable": result.graph.nodes, "sector": known, "edges": edges, "of these inside its sector": inside})
    frame.table(listed.sort_values(["sector", "variable"], ignore_index=True))


def lasso(result: Mtp2Result, known: list[str]) -> None:
    """Show the graph of the graphical lasso beside this one."""
    if result.lasso is None:
        frame.empty(
            "The graphical lasso has not run beside this graph.",
            "It is the usual way to a sparse graph. It needs a penalty, which is chosen by cross-validation, and allows negative edges.",
        )
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
    places = graph.places(companions.backbone(result.graph), companions.VIEW)
    groups = dict(zip(result.graph.nodes, known, strict=True)) if known else None
    for place, name, one in zip(st.columns(2), ("Total positivity", "Graphical lasso"), (result.graph, result.lasso), strict=True):
        with place:
            drawn = companions.strongest(one, companions.readable(one))
            st.markdown(f"**{name}** · {one.n_edges:,} edges" + (f", the strongest {drawn.n_edges} drawn" if drawn is not one else ""))
            graph.show(drawn, key=f"mtp2.{'ours' if one is result.graph else 'lasso'}", positions=places, height=400, groups=groups)
    rows, columns = np.nonzero(np.triu(ours ^ theirs))
    if len(rows) and result.graph.weights is not None and result.lasso.weights is not None:
        names = np.array(result.graph.nodes, dtype=object)
        table = pd.DataFrame(
            {
                "variable": names[rows], "and": names[columns],
                "total positivity": result.graph.weights[rows, columns], "graphical lasso": result.lasso.weights[rows, columns],
            }
        )  # fmt: skip
        with st.expander("Edges in only one of them, with their partial correlations", icon=":material/table_rows:"):
            frame.table(table)


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
    found = np.where(result.graph.skeleton[rows, columns], "yes", "no")
    table = pd.DataFrame({"variable": names[rows], "and": names[columns], "kept (%)": 100 * shares, "in the graph": found})
    table = table[table["kept (%)"] > 0].sort_values("kept (%)", ascending=False, ignore_index=True, kind="stable")
    steady = int(((table["kept (%)"] == 100) & (table["in the graph"] == "yes")).sum())
    st.markdown(f"**{steady} of {result.graph.n_edges} edges** stay in every further search.")
    frame.table(table)
    st.caption(
        "Each search draws other rows for its tests. An edge that rarely comes back depends on which rows were drawn: do not follow it."
    )


def csv(matrix: pd.DataFrame) -> str:
    """Return a matrix as CSV whose names no spreadsheet runs."""
    return matrix.rename(index=safe_cell, columns=safe_cell).to_csv()


@st.fragment
def matrices(result: Mtp2Result) -> None:
    """Show one matrix at a time and offer it as a file."""
    shown = companions.tables(result)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    choice = left.selectbox("Matrix", list(shown), format_func=str.capitalize, key="mtp2.matrix")
    file = f"{choice.split(' (')[0].replace(' ', '_')}.csv"
    right.download_button("Download (CSV)", partial(csv, shown[choice]), file, "text/csv", on_click="ignore", key=f"mtp2.csv.{file}")
    frame.table(shown[choice].rename_axis("variable").reset_index(), height=SQUARE)
    st.caption(
        "Covariance and precision are in the units of the data and inverses of each other; the precision matrix is exactly zero where "
        "there is no edge."
    )


def evidence(result: Mtp2Result) -> None:
    """Show the test against the free Gaussian and how the solver got there."""
    is_free = isinstance(result, TuningFreeResult)
    claim = "Total positivity with this graph" if is_free else "Total positivity"
    if result.test:
        fits = result.test["p"] > LEVEL
        st.markdown(
            f"**Does it fit?** {claim} was tested against a model that allows any correlations: the data "
            f"{'do not speak' if fits else 'speak'} against it (likelihood ratio {frame.number(result.test['statistic'])} for "
            f"{int(result.test['zeros']):,} missing edges, p-value {p_text(result.test['p'])})."
        )
        st.caption(
            "The p-value is a rough one: a small p is weaker evidence than it looks, since the estimate lies on the border of what total "
            "positivity allows; and with many rows even a misfit too small to matter shows."
        )
    else:
        st.markdown("With no more rows than variables nothing can tell whether total positivity fits; the estimate exists all the same.")
    steps = f"{result.facts['sweeps']} sweeps, {result.facts['steps']} Newton steps"
    rows = [("Duality gap", f"{max(result.gap, 0.0):.1e}"), ("Solver", steps), ("Condition number", frame.number(result.condition))]
    if isinstance(result, TuningFreeResult):
        rows.append(("Tests", f"{frame.number(result.tests)} on {frame.number(result.rows_per_test)} rows each"))
    frame.facts(rows)
    st.caption(
        "Duality gap: how far, at most, the fit is from the best there is; zero is exact. Condition number: the larger, the more small "
        "errors grow when the covariance is inverted."
    )
