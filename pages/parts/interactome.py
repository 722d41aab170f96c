"""Stage 4 on screen: which proteins connect the changed genes, how sure each is, and whether random genes would need it too."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import Data
from engine.graphs import Graph
from engine.repurposing.steiner.result import InteractomeResult
from pages.parts import evidence_charts, frame, graph, stages, state

METHOD = "interactome"
TABS = ["Network", "Proteins", "Other prices", "By chance", "Links", "Export"]
VIEW = "interactome"
STEPS = {1: "1 step", 2: "2 steps", 3: "3 steps"}
MOST_DRAWN = 150  # proteins; a larger picture is a ball of wool
HUBS = 5  # offered for leaving out
BARS = 15
RANDOM = 200  # diseases drawn when the button is pressed
RARE = 0.05  # share of random networks
AFFECTED, PARTNER, BETWEEN = "changed by the disease", "binds the disease's proteins", "in between"
KINDS = {kind: kind for kind in (AFFECTED, PARTNER, BETWEEN)}  # part of every colouring, so that a kind has one colour in all pictures
MEANING = (
    "The network buys each changed gene for its prize and pays for every link by its cost: well supported links are cheap. What lies in "
    "between was bought only to connect."
)


def view() -> None:
    """Draw the whole view."""
    st.markdown("Which proteins connect the changed genes? The cheapest network that joins them, out of all known interactions.")
    data = stages.tables(("prizes", "network"), ("partners",))
    if data is None:
        return
    result = stages.panel(METHOD, data, "Find the network", so_far)
    if isinstance(result, InteractomeResult):
        show(result, data)


def so_far(parts: Mapping[str, Any], key: str) -> None:
    """Show what a run has found of the network."""
    for name in ("proteins", "surface"):
        if isinstance(parts.get(name), pd.DataFrame) and len(parts[name]):
            frame.table(parts[name], key=f"early.{name}.{key}", height=240)
            return


def show(result: InteractomeResult, data: Data) -> None:
    """Show the tabs of a result."""
    words, more = st.columns([5, 1], vertical_alignment="center")
    words.markdown(f"**{frame.escape(_lead(result))}**")
    with more:
        frame.fold(result.provenance.warnings if result.provenance else ())
    stages.handed_on(result, data, "causal", "On to the causal network")
    drawn, proteins, surface, chance, links, export = st.tabs(TABS)
    with drawn:
        picture(result)
    with proteins:
        frame.table(result.proteins, height=420)
        st.caption(f"{MEANING} Robustness: share of the networks at other prices that hold the protein too.")
    with surface:
        _surface(result)
    with chance:
        _chance(result)
    with links:
        frame.table(result.edges, height=420)
        st.caption("All known links among the proteins of the network; the tree is the part that was bought.")
    with export:
        curves = {"over_w": result.surface, "over_b": result.prize_curve, "over_g": result.hub_curve, "over_partners": result.partner_curve}
        tables = {"proteins": result.proteins, "tree": result.tree, "links": result.edges, **curves}
        stages.export(tables, result, data, "interactome")


def _lead(result: InteractomeResult) -> str:
    affected = int(result.proteins["is_terminal"].sum())
    given, trees = int(result.facts["terminals_given"]), int(result.facts["trees"])
    pieces = "one piece" if trees == 1 else f"{trees:,} pieces"
    return (
        f"{len(result.proteins):,} proteins in {pieces}: {affected:,} of {given:,} genes that the disease changes, and "
        f"{len(result.proteins) - affected:,} proteins that connect them."
    )


@st.fragment
def picture(result: InteractomeResult) -> None:
    """Draw what lies around a protein of the network."""
    around(result.proteins, result.edges, VIEW)


def around(proteins: pd.DataFrame, edges: pd.DataFrame, key: str, first: str = "") -> None:
    """Draw the neighbourhood of a protein, without hubs and costly links where the user says so.

    Parameters
    ----------
    proteins : ``protein``, ``is_terminal``, ``is_partner``.
    edges : ``protein1``, ``protein2``, ``cost``.
    first : protein in the middle at first.
    """
    names = sorted(proteins["protein"].astype(str))
    degree = pd.concat([edges["protein1"], edges["protein2"]]).value_counts()
    standard = first if first in names else str(degree.index[0]) if len(degree) else names[0]
    if state.kept(f"{key}.protein", "") not in names or (first and state.kept(f"{key}.first", "") != first):
        st.session_state[f"{key}.protein"] = state.link("node") if state.link("node") in names and not first else standard
        state.keep(f"{key}.first", first)
    left, middle, right = st.columns([2, 2, 2], vertical_alignment="bottom")
    centre = left.selectbox("Around the protein", names, key=f"{key}.protein")
    steps = middle.segmented_control("As far as", list(STEPS), format_func=STEPS.__getitem__, default=2, required=True, key=f"{key}.far")
    costs = edges["cost"].to_numpy(dtype=float)
    low, high = float(np.floor(100 * costs.min()) / 100), float(np.ceil(100 * costs.max()) / 100)
    most = right.slider("Links that cost at most", low, max(high, low + 0.01), max(high, low + 0.01), 0.01, key=f"{key}.cost")
    hubs = st.multiselect(
        "Leave out hubs", list(degree.index[: 4 * HUBS]), key=f"{key}.hubs", placeholder="Proteins with very many partners",
        format_func=lambda name: f"{name} ({degree[name]} links)", help="Some proteins, such as UBC, bind everything and hide the rest.",
    )  # fmt: skip
    kept = edges[(edges["cost"] <= most) & ~edges["protein1"].isin(hubs) & ~edges["protein2"].isin(hubs)]
    part, reached = near(kept, centre, steps or 2, [str(name) for name in proteins["protein"]])
    if not part.n_edges:
        frame.empty(f"No link of {centre} is left.", "Allow costlier links, or leave out fewer hubs.")
        return
    groups = KINDS | kinds(proteins, part.nodes)
    clicked = graph.show(part, key=f"{key}.ego.{centre}", groups=groups, joined="known to bind each other", controls=False)
    if clicked and clicked.kind == "node":
        _about(clicked.names[0], proteins, key, centre)
    if reached > part.p:
        st.caption(f"Drawn are the {part.p:,} nearest of {reached:,} proteins; take fewer steps or leave out hubs to see less at once.")
    graph.downloads(part, key=f"{key}.ego.{centre}", name=f"around-{centre}")


def _about(name: str, proteins: pd.DataFrame, key: str, centre: str) -> None:
    """Say what is known of the protein that was clicked, and offer to look around it."""
    row: Any = proteins.set_index("protein").loc[name]
    facts = [("Protein", name), ("In the network because", kinds(proteins, (name,))[name]), ("Links here", frame.number(row["degree"]))]
    if "in_null" in row:
        facts.append(("In random networks", f"{row['in_null']:.0%}"))
    with st.container(horizontal=True, vertical_alignment="center"):
        frame.facts(facts)
        if name != centre:
            st.button(
                "Look around it",
                on_click=state.keep,
                args=(f"{key}.protein", name),
                key=f"{key}.around",
                icon=":material/center_focus_strong:",
            )


def near(edges: pd.DataFrame, centre: str, steps: int, names: list[str]) -> tuple[Graph, int]:
    """Return the graph of the proteins within some steps of one, of more than `MOST_DRAWN` the nearest, and how many there are."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    place = {name: i for i, name in enumerate(names)}
    rows = edges[(edges["protein1"] != edges["protein2"])]
    a, b = rows["protein1"].map(place).to_numpy(np.int64), rows["protein2"].map(place).to_numpy(np.int64)
    cost = np.maximum(rows["cost"].to_numpy(dtype=float), 1e-6)
    table = csr_array((np.r_[cost, cost], (np.r_[a, b], np.r_[b, a])), shape=(len(names), len(names)))
    hops = dijkstra(table, directed=False, unweighted=True, indices=place[centre], limit=steps)
    length = dijkstra(table, directed=False, indices=place[centre])
    inside = np.flatnonzero(np.isfinite(hops))
    chosen = np.sort(inside[np.lexsort((length[inside], hops[inside]))][:MOST_DRAWN])
    at = np.full(len(names), -1)
    at[chosen] = np.arange(len(chosen))
    both = (at[a] >= 0) & (at[b] >= 0)
    marks, weights = np.zeros((len(chosen), len(chosen)), np.uint8), np.zeros((len(chosen), len(chosen)))
    for i, j, c in zip(at[a[both]], at[b[both]], cost[both], strict=True):
        marks[i, j] = marks[j, i] = 3
        weights[i, j] = weights[j, i] = max(1 - c, 0.05)
    return Graph(tuple(names[k] for k in chosen), marks, "ug", weights), len(inside)


def kinds(proteins: pd.DataFrame, names: tuple[str, ...]) -> dict[str, str]:
    """Return what each protein is in the network, for the colours of a picture."""
    known = proteins.set_index("protein")
    found = {}
    for name in names:
        row = known.loc[name]
        found[name] = AFFECTED if row["is_terminal"] else PARTNER if row["is_partner"] else BETWEEN
    return found


def _surface(result: InteractomeResult) -> None:
    """Draw how the network changes with its prices, and say where it is stable."""
    asked = dict(result.provenance.params) if result.provenance else {}
    st.plotly_chart(
        evidence_charts.over_w(result.surface, float(asked.get("w", 0.0))), alt="Proteins and pieces over w", key="interactome.over_w"
    )
    flat = result.facts["flat_from"]
    st.caption(
        f"Every different network, with the exact price at which it changes; from w = {flat:.3g} on nothing changes any more. In a flat "
        "stretch the choice of the price does not matter."
    )
    with st.expander("The same as a table"):
        frame.table(result.surface)
    curves = {
        "Scale of the prizes (b)": (
            result.prize_curve,
            "Below a small scale, genes of low prize are left out; above, the scale has no effect.",
        ),
        "Hub penalty (g)": (result.hub_curve, "Shared: how much of this network is left (Jaccard index) when hubs cost more."),
        "Prize of partners": (result.partner_curve, "Added: proteins that bind the disease's and come in when they are worth this much."),
    }
    for words, (curve, told) in curves.items():
        if len(curve):
            with st.expander(words):
                st.caption(told)
                frame.table(curve)


def _chance(result: InteractomeResult) -> None:
    """Draw how often networks of random genes hold the same proteins, or offer to draw such networks."""
    if "in_null" not in result.proteins:
        frame.empty("Chance was not asked yet.", "Networks of random genes show which proteins any disease of this size would need.")
        st.button(
            f"Draw {RANDOM} random diseases", icon=":material/casino:", on_click=stages.again, args=(METHOD,), kwargs={"nulls": RANDOM},
            key="interactome.ask",
        )  # fmt: skip
        return
    own = result.proteins[~result.proteins["is_terminal"].astype(bool)].sort_values("in_null", ascending=False, ignore_index=True)
    rare = int((own["p"] <= RARE).sum())
    st.markdown(
        f"**{rare:,} of {len(own):,} connecting proteins are in at most {RARE:.0%} of {len(result.null_sizes):,} random networks**; the "
        "others any disease of this size might need."
    )
    shown = pd.concat([own.head(BARS), own.iloc[BARS:].tail(BARS)])
    labels = list(kinds(result.proteins, tuple(shown["protein"])).values())
    figure = evidence_charts.shares(list(shown["protein"]), list(shown["in_null"]), labels, "share of random networks that hold it")
    st.plotly_chart(figure, alt="Share of random networks that hold each protein", key="interactome.chance")
    st.caption(
        f"The {BARS} most common and the {BARS} rarest. Networks of as many random genes with the same prizes and like degrees. That a "
        "protein with a long bar is in this network too says little about this disease."
    )
    with st.expander("The same as a table"):
        frame.table(own[["protein", "in_null", "in_null_low", "in_null_high", "p", "is_partner", "degree", "degree_network"]])
