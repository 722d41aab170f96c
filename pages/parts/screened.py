"""Stage 2 on screen: which drugs push the disease's genes back, how surely, and which way of writing a profile can be trusted."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from engine.core import Data, Profiles, Tables
from engine.repurposing.screens.result import ScreenResult
from pages.parts import charts, evidence_charts, frame, stages

METHOD = "screen"
TABS = ["Drugs", "Which representation", "Cell lines", "Filled in", "Profiles", "Export"]
CLEAR = 0.05  # largest q called clear
SHOWN = (
    "drug",
    "cell",
    "rank",
    "score",
    "p",
    "q",
    "rank_low",
    "rank_high",
    "score_raw",
    "score_pca",
    "replicates",
    "agreement",
    "measured",
)
WORDS = {
    "cell": "cell line", "rank_low": "rank from", "rank_high": "rank to", "score_raw": "score (plain)", "score_pca": "score (PCA)",
    "agreement": "replicates agree",
}  # fmt: skip
MEANING = (
    "A high score: the drug moves the genes the other way than the disease. p: how often a random signature scores as high. "
    "Rank from and to: where the drug lands when only half of the genes are looked at."
)


def view() -> None:
    """Draw the whole view."""
    st.markdown("Which drugs push the changed genes back? Each drug's profile is held against its controls and then against the disease.")
    data = stages.tables(("screen",), ("signature",))
    if data is None:
        return
    if data.get("signature") is None:
        st.caption(":material/info: Without a signature the screen is only looked at: what replicates well, and in which representation.")
    result = stages.panel(METHOD, data, "Score the drugs", so_far, {"cell": _cell_lines(data)})
    if isinstance(result, ScreenResult):
        show(result, data)


def _cell_lines(data: Tables) -> dict[str, str]:
    """Return the cell lines of a screen as choices, all of them first."""
    screen = data["screen"]
    known = screen.rows["cell"].dropna().astype(str) if isinstance(screen, Profiles) and "cell" in screen.rows else pd.Series(dtype=str)
    return {"": "all"} | {line: line for line in sorted(set(known))}


def so_far(parts: Mapping[str, Any], key: str) -> None:
    """Draw which representation finds replicates best, once a run knows it."""
    if isinstance(parts.get("retrieval"), pd.DataFrame) and len(parts["retrieval"]):
        _retrieval_chart(parts["retrieval"], f"early.{key}")


def show(result: ScreenResult, data: Data) -> None:
    """Show the tabs of a result."""
    words, more = st.columns([5, 1], vertical_alignment="center")
    words.markdown(f"**{frame.escape(_lead(result))}**")
    with more:
        frame.fold(result.provenance.warnings if result.provenance else ())
    if len(result.drugs):
        stages.handed_on(result, data, "ranking", "On to the ranking")
    drugs, representation, lines, filled, profiles, export = st.tabs(TABS)
    with drugs:
        _drugs(result)
    with representation:
        _representation(result)
    with lines:
        _lines(result)
    with filled:
        _filled(result)
    with profiles:
        frame.table(result.signatures, empty="No drug has a signature.")
        st.caption("Profiles, plates, doses and controls behind each drug's signature. Fewer than three replicates say little.")
    with export:
        stages.export({"drugs": result.drugs, "retrieval": result.retrieval, "cell_lines": result.agreement}, result, data, "screen")


def _lead(result: ScreenResult) -> str:
    """Say what was found in one sentence."""
    if result.drugs.empty:
        return result.sentence
    clear = int((result.drugs["q"] <= CLEAR).sum())
    lines = result.drugs["cell"].nunique()
    return (
        f"{clear:,} of {len(result.drugs):,} signatures of {result.drugs['drug'].nunique():,} drugs in {lines} cell line"
        f"{'s' * (lines > 1)} reverse the disease more than random signatures do (q of at most {CLEAR:g})."
    )


@st.fragment
def _drugs(result: ScreenResult) -> None:
    """Draw the scores of a cell line and list its drugs, what was filled in marked."""
    if result.drugs.empty:
        frame.empty("No drug is scored, for there is no signature.", "Choose a disease signature above.")
        return
    lines = list(dict.fromkeys(result.drugs["cell"]))
    line = st.segmented_control("Cell line", lines, default=lines[0], required=True, key="screened.line") if len(lines) > 1 else lines[0]
    own = result.drugs[result.drugs["cell"] == line].sort_values("rank", kind="stable")
    marks = {}
    if (own["q"] <= CLEAR).any():
        marks[f"q = {CLEAR:g}"] = float(own.loc[own["q"] <= CLEAR, "score"].min())
    st.plotly_chart(
        evidence_charts.spread(own["score"], f"score in {line} (high reverses the disease)", marks), alt=f"Scores of all drugs in {line}",
        key="screened.spread",
    )  # fmt: skip
    st.caption(MEANING)
    measured = own.assign(measured=["filled in" if imputed else "measured" for imputed in own["is_imputed"]])
    shown = measured[[name for name in SHOWN if name in measured]].rename(columns=WORDS).reset_index(drop=True)
    frame.table(shown, height=420, decimals={"rank from": 0, "rank to": 0})
    st.caption(frame.escape(result.caution))


def _representation(result: ScreenResult) -> None:
    st.markdown(frame.escape(result.sentence))
    if result.retrieval.empty:
        return
    _retrieval_chart(result.retrieval, "screened.retrieval")
    st.caption(
        "Take one profile of a compound: how near to the top of the list of all profiles are the others of the same compound? 1 is "
        "perfect; the bar's line is a 95 % interval over compounds. Measured on your own screen, so no representation is taken on trust."
    )
    words = {
        "label": "representation",
        "map": "score",
        "low": "from",
        "high": "to",
        "chance": "by chance",
        "gain": "above plain differences",
    }
    kept = ["label", "map", "low", "high", "chance", "p", "gain", "gain_low", "gain_high", "queries", "compounds", "dimensions"]
    with st.expander("The same as a table"):
        frame.table(result.retrieval[kept].rename(columns=words))
    if len(result.losses):
        with st.expander("How the autoencoder learnt"):
            frame.table(result.losses)


def _retrieval_chart(table: pd.DataFrame, key: str) -> None:
    figure = evidence_charts.intervals(
        table["label"], table["map"], table["low"], table["high"], "same compound found again (mean average precision)"
    )
    st.plotly_chart(figure, alt="How well each representation finds profiles of the same compound", key=key)


def _lines(result: ScreenResult) -> None:
    """Show whether drugs act alike in different cell lines."""
    if result.agreement.empty:
        frame.empty("There is one cell line, so nothing can be compared.", "A screen of several cell lines shows where drugs act alike.")
        return
    words = {
        "cell1": "first line", "cell2": "second line", "mean": "mean correlation", "mean_abs": "mean size of it",
        "gain_abs": "… above plain differences", "sign_agreement": "same sign as in plain differences",
    }  # fmt: skip
    frame.table(result.agreement.rename(columns=words))
    st.caption(
        "How alike a drug's signatures are in two cell lines. A representation that pushes them towards -1 or +1 and keeps their sign "
        "agrees more between lines; that alone does not make it right."
    )


def _filled(result: ScreenResult) -> None:
    """Show how well missing drugs in a cell line are predicted from other drugs and lines."""
    if result.imputation.empty:
        frame.empty(
            "Nothing was filled in.",
            "Drugs that were not measured in a cell line can be predicted from others: see Fill in missing cell lines under More.",
        )
        return
    guessed = int(result.drugs["is_imputed"].sum()) if len(result.drugs) else 0
    st.markdown(f"**{guessed:,} signatures are predicted, not measured**, and marked so in every list.")
    errors = result.imputation
    figure = charts.distribution(errors["cosine"].rename("likeness of predicted and measured signature (cosine)"))
    st.plotly_chart(figure, alt="Likeness of predicted and measured signatures", key="screened.filled")
    st.caption(
        "Each measured signature was hidden once and predicted from the others. Near 1 the prediction can be used, near 0 it cannot."
    )
    with st.expander("The same as a table"):
        frame.table(errors)
