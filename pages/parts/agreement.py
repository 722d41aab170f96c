"""Where several methods agree: what most of them draw, every pair end by end, and the evidence of each method for one pair."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from engine.discovery.agreement import LEVELS, Agreement, agreement, why
from engine.discovery.result import GraphResult
from pages.parts import causal, frame, graph, picture, run, state

PAIR, FIRST, SEEN = "agreement.pair", "agreement.first", "agreement.seen"
TALLY = {
    "same marks": "{} with the same marks in all of them",
    "no contradiction": "{} without a contradiction",
    "some join": "{} not joined by all",
    "contradiction": "{} with a contradiction",
}
SIDE_BY_SIDE = 2


@st.fragment
def show(keys: Mapping[str, str]) -> None:
    """Show where the graphs of finished runs agree.

    Parameters
    ----------
    keys : name of each method -> key of its run; two or more, on the same variables.
    """
    results = _opened(keys)
    found = _agreed(tuple(keys.items()))
    if found.pairs.empty:
        frame.empty("None of these methods joins any pair of variables.", "Be less strict, or use more data.")
        return
    st.markdown(_in_words(found))
    drawn, pairs, apart = st.tabs(["Agreement", "All pairs", "How far apart"])
    with drawn:
        chosen = _picture(found, results)
    with pairs:
        _table(found, *chosen)
    with apart:
        _distances(found)
    _evidence(results, *chosen)


def _opened(keys: Mapping[str, str]) -> dict[str, GraphResult]:
    found = {name: run.opened(key) for name, key in keys.items()}
    return {name: result for name, result in found.items() if isinstance(result, GraphResult)}


@st.cache_resource(max_entries=16, show_spinner=False)
def _agreed(keys: tuple[tuple[str, str], ...]) -> Agreement:
    return agreement(_opened(dict(keys)))


@st.cache_data(max_entries=200, show_spinner=False)
def _why(keys: tuple[str, ...], a: str, b: str, _results: Mapping[str, GraphResult]) -> list[str]:
    return why(_results, a, b)


def _in_words(found: Agreement) -> str:
    """Say in one sentence how far the methods agree."""
    counts = found.pairs["level"].value_counts()
    parts = [TALLY[level].format(counts[level]) for level in reversed(LEVELS) if level in counts]
    n = len(found.pairs)
    return f"**{n} pair{'s are' if n > 1 else ' is'} joined by at least one of the {len(found.names)} methods**: {', '.join(parts)}."


def _picture(found: Agreement, results: Mapping[str, GraphResult]) -> tuple[str, str]:
    """Draw what most methods join, and say what they claim about one pair; return that pair."""
    wide = found.consensus.p > causal.WIDE_FROM
    left, right = (st.container(), st.container()) if wide else st.columns([3, 2], gap="medium")
    with left:
        if found.consensus.n_edges:
            clicked = graph.show(found.consensus, key="agreement.graph")
            st.caption(
                "Drawn is what more than half of the methods join. The number and the strength of a line say how many of them draw exactly "
                "this. A circle is an end that they leave open or, on a faint line, one that they contradict each other about."
            )
            graph.downloads(found.consensus, key="agreement.graph", name="agreement")
            _follow(clicked, found)
        else:
            frame.empty("No pair is joined by more than half of the methods.", "The table of all pairs shows what each of them joins.")
    with right:
        return _one_pair(found, results)


def _follow(clicked: graph.Selection | None, found: Agreement) -> None:
    """Turn to the pair that was clicked since the last drawing, or to the worst of the pairs of a variable that was clicked."""
    if clicked == state.kept(SEEN, None):
        return
    state.keep(SEEN, clicked)
    if clicked:
        rows = (row for row in found.pairs.itertuples() if set(clicked.names) <= {row.source, row.target})
        state.keep(PAIR, next((_label(row.source, row.target) for row in rows), state.kept(PAIR, "")))


def _one_pair(found: Agreement, results: Mapping[str, GraphResult]) -> tuple[str, str]:
    """Let the user choose a pair, and say who claims what about it and why they differ."""
    named = {_label(row.source, row.target): row for row in found.pairs.itertuples()}
    first = next(iter(named))
    if state.kept(PAIR, "") not in named or state.kept(PAIR, "") == state.kept(FIRST, ""):  # not chosen by the user
        state.keep(PAIR, first)
    state.keep(FIRST, first)
    row = named[st.selectbox("Pair of variables, the worst disagreement first", list(named), key=PAIR)]
    a, b = str(row.source), str(row.target)
    st.markdown(f"**{frame.escape(str(row.verdict))}**")
    edges = found.edges.loc[row.Index]
    frame.table(pd.DataFrame({"draws": [picture.arrows(edge) or "nothing" for edge in edges], **found.ends(a, b)}, index=list(found.names)))
    digests = tuple(f"{name} {result.digest}" for name, result in results.items())
    reasons = _why(digests, a, b, results)
    if reasons:
        st.markdown("**Why they differ**\n" + "\n".join(f"- {frame.escape(reason)}" for reason in reasons))
    return a, b


def _table(found: Agreement, a: str, b: str) -> None:
    """List all pairs and say in words what there is about the chosen one; a tick chooses another."""
    marks = {name: [_symbol(edge) for edge in found.edges[name]] for name in found.names}
    shown = {
        "pair": [_label(row.source, row.target) for row in found.pairs.itertuples()],
        "agreement": found.pairs["level"].replace("some join", "not joined by all"),
        "joined by": [f"{n} of {len(found.names)}" for n in found.pairs["joined"]],
    }

    def ticked() -> None:
        rows = st.session_state["agreement.table"].selection.rows
        if rows:
            state.keep(PAIR, shown["pair"][rows[0]])

    st.dataframe(
        pd.DataFrame(shown | marks | {"verdict": found.pairs["verdict"]}), hide_index=True, key="agreement.table",
        on_select=ticked, selection_mode="single-row", column_config={"verdict": st.column_config.TextColumn(width="large")},
    )  # fmt: skip
    st.caption("The marks stand between the first and the second variable of the pair. Tick a row to see the tests behind it below.")
    verdict = found.pairs["verdict"][found.pairs["source"].eq(a) & found.pairs["target"].eq(b)].item()
    st.markdown(f"**{frame.escape(_label(a, b))}**: {frame.escape(verdict)}")


def _distances(found: Agreement) -> None:
    """Show for every two methods how many pairs keep them apart."""
    tables = {
        "Pairs that one of the two joins and the other does not": found.skeleton,
        "Pairs about which the two contradict each other": found.contradictions,
    }
    for place, (words, table) in zip(st.columns(2, gap="medium"), tables.items(), strict=True):
        with place:
            st.markdown(f"**{words}**")
            frame.table(table)
    st.caption("A contradiction is an arrowhead against a tail at the same end of an edge. An end that is left open contradicts nothing.")


def _evidence(results: Mapping[str, GraphResult], a: str, b: str) -> None:
    """Show what stands behind one pair in each method, side by side."""
    st.subheader(f"{frame.escape(a)} and {frame.escape(b)}, method by method", anchor=False)
    st.caption(causal.HOW_TO_READ)
    names = list(results)
    for start in range(0, len(names), SIDE_BY_SIDE):
        for place, name in zip(st.columns(SIDE_BY_SIDE, gap="medium"), names[start : start + SIDE_BY_SIDE], strict=False):
            with place:
                st.markdown(f"**{frame.escape(name)}**")
                causal.tests(results[name], a, b)


def _label(a: object, b: object) -> str:
    return f"{a}, {b}"


def _symbol(edge: str) -> str:
    """Return the marks of an edge without its variables, as one draws them."""
    return next((drawn for plain, drawn in picture.ARROWS.items() if f" {plain} " in edge), "")
