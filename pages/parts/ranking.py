"""Stage 6 on screen: drugs and their targets with all evidence, filtered and sorted, and beside each rank how often chance does as well."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from engine.core import Data, Profiles, Tables
from engine.repurposing.ranking.result import RepurposingResult
from pages.parts import bench, evidence_card, evidence_charts, frame, interactome, stages, state, target_network, two_diseases

METHOD = "repurposing"
TABS = ["Ranking", "Raw and calibrated", "By chance", "Without each evidence", "Interactome", "Causal network", "Two diseases", "Export"]
TOP = 10  # drugs that the sentence about chance looks at
OFTEN = 0.5  # of random diseases: as likely as not
MOVED = 20
VIEW = "ranking"
WORDS = {
    "rank_calibrated": "rank", "rank_raw": "raw rank", "rank_low": "rank from", "rank_high": "rank to", "n_targets": "targets",
    "is_terminal": "changed gene", "is_partner": "partner", "log2fc": "log2 change", "log2fc_second": "log2 change (second)",
    "same_sign": "same direction", "cell_share": "cells with it", "path_stability": "stability of its way", "descendants": "drives",
    "possible_descendants": "possibly drives", "terminal_descendants": "drives changed genes", "p_screen": "p of the score",
    "score_raw": "score (plain)", "score_pca": "score (PCA)", "score_rank": "rank by score",
    "in_null_terminals": "target in random networks",
    "reappears_terminals": "drug in random diseases", "p_target": "p of the target", "has_affinity": "affinity known",
}  # fmt: skip
FIRST = (
    "drug", "gene", "rank_calibrated", "rank_raw", "moved", "p", "q", "score", "affinity", "kind", "n_targets", "is_terminal", "is_partner",
    "in_null_terminals", "reappears_terminals", "rank_low", "rank_high", "descendants", "possible_descendants", "terminal_descendants",
    "path_stability", "log2fc", "log2fc_second", "same_sign", "robustness", "degree", "cell_share", "approved", "source", "warnings",
)  # fmt: skip
NULLS = {"terminals": "matched genes", "labels": "random names", "rewired": "rewired network", "sign": "shuffled scores"}
SHARES = ("robustness", "cell_share", "in_null_terminals", "reappears_terminals", "path_stability")
TICKS = ("is_terminal", "is_partner", "is_candidate", "same_sign", "family", "approved", "has_affinity", "in_graph")


def view() -> None:
    """Draw the whole view."""
    st.markdown("Which drugs remain when chance has been asked? Screen, targets, interactome and causal network on one table.")
    data = _tables()
    if data is None:
        return
    result = stages.panel(METHOD, data, "Rank the drugs", so_far, {"cell": cell_lines(data)})
    if isinstance(result, RepurposingResult):
        show(result, data)


def _tables() -> Tables | None:
    """Choose the tables; the affected genes may stand for the signature, and drug scores for the screen."""
    data = stages.tables(("network", "targets"), ("signature", "screen"), ("prizes", "second", "drug_scores", "cells", "partners"))
    if data is None:
        return None
    if data.get("signature") is None and data.get("prizes") is None:
        frame.empty("The ranking needs a disease.", "Choose a disease signature or affected genes above; stage 1 makes both from counts.")
        return None
    if data.get("screen") is None and data.get("drug_scores") is None:
        frame.empty("The ranking needs drugs.", "Choose a drug screen or drug scores above; stage 2 makes scores from a screen.")
        return None
    return data


def cell_lines(data: Tables) -> dict[str, str]:
    """Return the cell lines of screen or scores as choices, all of them first."""
    screen, scores = data.get("screen"), data.get("drug_scores")
    rows = screen.rows if isinstance(screen, Profiles) else pd.DataFrame()
    if scores is not None and not isinstance(scores, Profiles):
        rows = scores.frame
    known = rows["cell"].dropna().astype(str) if "cell" in rows else []
    return {"": "all"} | {line: line for line in sorted(set(known))}


def so_far(parts: Mapping[str, Any], key: str) -> None:
    """List the candidates as far as a run knows them; random diseases make the ranks surer while one watches."""
    table = parts.get("ranking")
    if not isinstance(table, pd.DataFrame) or table.empty:
        return
    shown = table[table["is_candidate"].astype(bool)] if table["is_candidate"].any() else table
    calibrated = shown["p"].notna().any()
    st.caption("Ranks move while random diseases are drawn." if calibrated else "Before any random disease: ranked by score alone.")
    frame.table(
        _columns(shown, ("drug", "gene", "rank_calibrated", "rank_raw", "p", "score", "affinity", "n_targets")),
        key=f"early.{key}",
        height=300,
    )


def show(result: RepurposingResult, data: Data) -> None:
    """Show the tabs of a result; only the open one is drawn."""
    words, more = st.columns([5, 1], vertical_alignment="center")
    words.markdown(f"**{frame.escape(by_chance(result))}**")
    with more:
        frame.fold(result.provenance.warnings if result.provenance else ())
    st.caption(frame.escape(result.sentence))
    if bench.is_simulated(data):
        _truth(result)
    views = [
        table, _moved, _nulls, _leave_out, _interactome, _causal, two_diseases.view, lambda found: _export(found, data),
    ]  # fmt: skip
    for tab, draw in zip(st.tabs(TABS, key="ranking.tab", on_change="rerun"), views, strict=True):
        if tab.open:
            with tab:
                draw(result)


def by_chance(result: RepurposingResult) -> str:
    """Say how many of the first drugs of the raw ranking random genes would bring up too."""
    first = result.drugs.dropna(subset="rank_raw").nsmallest(TOP, "rank_raw")
    known = first["reappears_terminals"].dropna()
    if first.empty:
        return "No drug with a score has a target in the interactome."
    if known.empty:
        return f"{len(first)} drugs lead the list; without random diseases nobody knows which of them any genes would bring up."
    often = int((known > OFTEN).sum())
    return f"{often} of your top {len(first)} drugs by score would appear with random genes too, more often than not."


def _truth(result: RepurposingResult) -> None:
    """Say for the simulated disease how many of the first drugs were planted."""
    roles = bench.world().true_drugs.set_index("drug")["role"]
    told = []
    for name, order in (("calibrated rank", "rank_calibrated"), ("raw rank", "rank_raw")):
        first = result.drugs.dropna(subset=order).sort_values([order, "drug"], kind="stable")["drug"].head(TOP)
        told.append(f"{int((first.map(roles) == 'planted').sum())} of the first {len(first)} by {name}")
    st.markdown(
        f":orange-badge[:material/science: simulated] The truth is known here: {int((roles == 'planted').sum())} drugs were planted; "
        f"among them are **{told[0]}** and **{told[1]}**."
    )


@st.fragment
def table(result: RepurposingResult) -> None:
    """Draw the filters, the table of pairs, drugs or targets, and the card of the row that is ticked."""
    way = st.segmented_control(
        "One row for each", ["Pair", "Drug", "Target"], default="Pair", required=True, key="ranking.by", label_visibility="collapsed"
    )
    kept = _filters(result)
    if kept.empty:
        frame.empty("No pair passes these filters.", "Loosen one of them.")
        return
    shown = {"Drug": by_drug, "Target": by_target}.get(str(way), lambda rows: rows)(kept)
    columns = FIRST if way == "Pair" else tuple(shown.columns)
    chosen = st.dataframe(
        _columns(shown, columns), hide_index=True, key=f"ranking.table.{way}", on_select="rerun", selection_mode="single-row", height=420,
        column_config=_formats(columns), placeholder="–",
    )  # fmt: skip
    st.caption(
        "Rank: by how rarely a random disease gives the same drug as much (p). Raw rank: by score alone. Empty cells: not known. Click a "
        "heading to sort; tick a row to see why the drug is here."
    )
    st.download_button(
        "These rows (CSV)", lambda: stages.with_notes(kept, result.export_notes), f"ranking-{result.digest[:8]}.csv", "text/csv",
        on_click="ignore", icon=":material/download:", key="ranking.csv",
    )  # fmt: skip
    rows = chosen["selection"]["rows"]
    row = shown.iloc[rows[0]] if rows and rows[0] < len(shown) else shown.iloc[0]
    st.caption(":material/arrow_downward: " + ("The ticked row:" if rows else "No row is ticked, so here is the first:"))
    drug, gene = _pair_of(result, row)
    evidence_card.show(result, drug, gene)


def _pair_of(result: RepurposingResult, row: "pd.Series[Any]") -> tuple[str, str]:
    """Return the drug and target that a row of any grouping stands for: the best of its drugs, the rarest of its targets."""
    own = result.ranking
    if "drug" in row:
        own = own[own["drug"] == row["drug"]]
    if "gene" in row:
        own = own[own["gene"] == row["gene"]]
    best = own.sort_values(["rank_calibrated", "p_target", "affinity"], ascending=[True, True, False], kind="stable").iloc[0]
    return str(best["drug"]), str(best["gene"])


def _filters(result: RepurposingResult) -> pd.DataFrame:
    """Draw the filters and return the rows that pass."""
    rows = result.ranking.assign(moved=result.ranking["rank_raw"] - result.ranking["rank_calibrated"])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        candidates = st.toggle(
            "High scores only", key="ranking.candidates", help=f"Candidates: drugs that score at least {result.cut:.3g}."
        )
        with st.popover("Filters", icon=":material/filter_alt:"):
            affinity = st.slider(
                "Least affinity (-log10 M)", 0.0, 12.0, 0.0, 0.5, key="ranking.affinity", help="0 keeps those never measured."
            )
            most = st.number_input("Most targets of a drug", 1, None, None, key="ranking.most", placeholder="no limit")
            q = st.slider("Largest q", 0.0, 1.0, 1.0, 0.01, key="ranking.q", help="Share of false drugs to be expected up to here.")
            terminal = st.segmented_control(
                "Target is a changed gene", ["yes", "no"], key="ranking.terminal", help="Such a target is in the network by construction."
            )
            partner = st.toggle("Only targets that bind the disease's proteins", key="ranking.partner")
        name = (
            st.text_input("Find", placeholder="drug or gene", key="ranking.find", label_visibility="collapsed", width=220).strip().lower()
        )
    kept = pd.Series(True, index=rows.index)
    if candidates:
        kept &= rows["is_candidate"].astype(bool)
    if affinity > 0:
        kept &= rows["affinity"] >= affinity
    if most:
        kept &= rows["n_targets"] <= most
    if q < 1:
        kept &= rows["q"] <= q
    if terminal:
        kept &= rows["is_terminal"].astype(bool) == (terminal == "yes")
    if partner:
        kept &= rows["is_partner"].astype(bool)
    if name:
        kept &= rows["drug"].str.lower().str.contains(name, regex=False) | rows["gene"].str.lower().str.contains(name, regex=False)
    return rows[kept].reset_index(drop=True)


def by_drug(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each drug: its targets, and what is known of the drug itself."""
    own = [
        "rank_calibrated", "rank_raw", "moved", "p", "q", "score", "n_targets", "reappears_terminals", "rank_low", "rank_high", "approved",
    ]  # fmt: skip
    groups = rows.groupby("drug", sort=False)
    found = groups[own].first()
    found.insert(0, "genes", groups["gene"].agg(", ".join))
    found.insert(1, "affinity", groups["affinity"].max())
    return found.reset_index()


def by_target(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each target: its drugs, and what is known of the gene itself."""
    own = [
        "is_terminal", "is_partner", "in_null_terminals", "p_target", "robustness", "descendants", "possible_descendants",
        "terminal_descendants",
    ]  # fmt: skip
    groups = rows.groupby("gene", sort=False)
    found = groups[[*own, "path_stability", "log2fc"]].first()
    found.insert(0, "drugs", groups["drug"].agg(", ".join))
    found.insert(1, "rank_calibrated", groups["rank_calibrated"].min())
    return found.reset_index()


def _columns(rows: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Return columns for the screen: those that hold anything, under the names that a reader knows."""
    kept = [name for name in names if name in rows and rows[name].notna().any() and not (rows[name].astype(str) == "").all()]
    shown = rows[kept].copy()
    for name in kept:
        if name in TICKS:
            shown[name] = shown[name].astype(float) == 1
        if name in SHARES:
            shown[name] = 100 * shown[name].astype(float)
    return shown.rename(columns=WORDS).reset_index(drop=True)


def _formats(names: tuple[str, ...]) -> dict[str, Any]:
    """Return how each column is written."""
    number = st.column_config.NumberColumn
    found: dict[str, Any] = {WORDS.get(name, name): number(format="%.0f%%") for name in SHARES}
    whole = (
        "rank_calibrated",
        "rank_raw",
        "rank_low",
        "rank_high",
        "n_targets",
        "descendants",
        "possible_descendants",
        "terminal_descendants",
        "degree",
        "score_rank",
    )
    found |= {WORDS.get(name, name): number(format="%.0f") for name in whole}
    found |= {
        WORDS.get(name, name): number(format="%.3g") for name in ("p", "q", "score", "affinity", "log2fc", "log2fc_second", "p_target")
    }
    found["moved"] = number(format="%+.0f", help="Places won by the calibration; negative: lost.")
    found["drug"] = st.column_config.TextColumn(pinned=True)
    found["warnings"] = st.column_config.TextColumn(width="large")
    return {name: made for name, made in found.items() if name in {WORDS.get(n, n) for n in names}}


def _moved(result: RepurposingResult) -> None:
    """Draw how the first drugs of either order move between them."""
    found = result.drugs.dropna(subset=["rank_raw", "rank_calibrated"])
    first = found[(found["rank_raw"] <= MOVED) | (found["rank_calibrated"] <= MOVED)]
    if first.empty:
        frame.empty("There is no calibrated rank.", "Draw random diseases: set their number in the settings.")
        return
    figure = evidence_charts.moved(first["drug"], first["rank_raw"], first["rank_calibrated"], ("raw rank", "calibrated rank"))
    st.plotly_chart(figure, alt="Rank of each drug by score and after calibration", key="ranking.moved")
    st.caption("Orange rises when chance is asked, blue falls. Drugs with very many targets tend to fall.")
    kept = ("drug", "rank_raw", "rank_calibrated", "rank_low", "rank_high", "p", "q", "score", "n_targets", "reappears_terminals")
    with st.expander("The same as a table"):
        st.dataframe(_columns(found, kept), hide_index=True, column_config=_formats(kept))


def _nulls(result: RepurposingResult) -> None:
    """Show what each kind of random disease is, and how often it brings up each drug."""
    words = {"null": "chance", "says": "how it is made", "proteins_mean": "proteins (mean)", "proteins_sd": "proteins (SD)"}
    frame.table(result.nulls.assign(null=result.nulls["null"].map(NULLS)).rename(columns=words))
    columns = [name for name in NULLS if f"reappears_{name}" in result.drugs]
    names = {f"reappears_{name}": f"listed, {NULLS[name]} (%)" for name in columns} | {f"p_{name}": f"p, {NULLS[name]}" for name in columns}
    found = result.drugs.dropna(subset="rank_raw")[["drug", *names, "p", "p_largest", "q"]].rename(
        columns=names | {"p_largest": "largest p"}
    )
    listed = [name for name in found if name.startswith("listed")]
    frame.table(found.assign(**{name: 100 * found[name] for name in listed}), decimals=dict.fromkeys(listed, 0), height=420)
    st.caption(
        "Listed: share of random diseases that would list the drug at all. Shuffled signs give nearly every drug the same share, and a "
        "network shuffled around the same genes keeps every drug that binds one of them, both by construction. The p-value that ranks is "
        "that of random genes with the same prizes and like degrees, together with the score."
    )


def _leave_out(result: RepurposingResult) -> None:
    """Show how the order changes without each kind of evidence."""
    if result.leave_one_out.empty:
        frame.empty("There is no calibrated rank to compare with.", "Draw random diseases: set their number in the settings.")
        return
    shown = result.leave_one_out.rename(columns=lambda name: str(name).replace("_", " ")).rename(columns={"all": "with all"})
    frame.table(shown, decimals={name: 0 for name in shown.columns if name != "drug"}, height=420)
    st.caption(
        "Rank of each drug when one kind of evidence is left out. A drug that falls far without one of them rests on that one alone."
    )


def _interactome(result: RepurposingResult) -> None:
    st.caption(interactome.MEANING)
    interactome.around(result.proteins, result.edges, f"{VIEW}.interactome", state.kept("evidence.gene", ""))


def _causal(result: RepurposingResult) -> None:
    linked = [gene for gene in result.graph.nodes if result.graph.adjacent(gene)]
    if not linked:
        frame.empty("There is no causal network.", "Choose single cells above; it is then learned along with the ranking.")
        return
    known = result.ranking.drop_duplicates("gene")
    asked = state.kept("evidence.gene", "")
    order = [asked, *known.sort_values("descendants", ascending=False)["gene"], *linked]
    genes = [gene for gene in dict.fromkeys(order) if gene in set(linked)]
    target_network.around(result.graph, result.causal, genes, known, set(result.terminals["gene"]), f"{VIEW}.causal.{asked}")


def _export(result: RepurposingResult, data: Data) -> None:
    tables = {
        "ranking": result.ranking, "drugs": result.drugs, "targets": result.targets, "nulls": result.nulls,
        "without_each_evidence": result.leave_one_out, "interactome": result.edges, "causal": result.causal,
        "names_to_review": result.review, "sources": result.sources,
    }  # fmt: skip
    stages.export(tables, result, data, "ranking", result.export_notes)
