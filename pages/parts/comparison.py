"""Two graphs beside each other: a run against the known truth or another run, and two runs picked from the list."""

import pandas as pd
import streamlit as st

from engine import jobs
from engine.core import Dataset, Result
from engine.discovery.compare import compare
from engine.discovery.result import GraphResult
from engine.discovery.truth import truths, visible
from engine.graphs import Graph, differences, shd, skeleton_scores
from pages.parts import frame, graph, picture, run, state

SAME = "The two graphs have the same marks everywhere."


def show(result: GraphResult, dataset: Dataset) -> None:
    """Compare a run with the truth known for its data, or with another run on the same variables."""
    others = {
        job.key: f"{run.named(job)}, {run.settings(job)} · {job.dataset_name}"
        for job in jobs.shared().all()
        if job.state == "done" and job.key != state.link("job") and set(_nodes(job.key)) == set(result.graph.nodes)
    }
    known = truths(dataset)
    options = [*known, *others]
    if not options:
        frame.empty("Run another method, or the same one with other settings, and compare the two graphs here.")
        return
    chosen = st.selectbox("Compare with", options, format_func=lambda option: others.get(option, option), key="discovery.compare")
    if chosen in known:
        _against_truth(result, visible(known[chosen], result, dataset))
    else:
        _two_runs(result, run.opened(chosen))
        st.caption("The first run is the one on this page.")


def side_by_side(a: Result, b: Result) -> None:
    """Compare two runs: their summaries, and mark by mark where both are graphs over the same variables."""
    names = [f"{n}. {result.provenance.method}" for n, result in enumerate((a, b), 1) if result.provenance]
    facts = pd.DataFrame([dict(a.summary()), dict(b.summary())], index=names).T
    frame.table(facts.fillna("–"))
    for n, (column, result) in enumerate(zip(st.columns(2), (a, b), strict=True)):
        with column:
            if isinstance(result, GraphResult):
                graph.show(result.graph, key=f"jobs.{result.digest}.{n}", height=360)
    if isinstance(a, GraphResult) and isinstance(b, GraphResult) and set(a.graph.nodes) == set(b.graph.nodes):
        _two_runs(a, b)
    else:
        frame.empty("These two are not graphs over the same variables, so they cannot be compared mark by mark.")


def _against_truth(result: GraphResult, truth: Graph) -> None:
    """Score a learned graph against as much of the truth as a graph of its kind can show."""
    _scores(result.graph, truth, "Joined pairs that are true", "True pairs that are joined")
    frame.table(_difference_table(differences(result.graph, truth), "learned", "truth"), empty=SAME)
    st.caption("Directions that data of this kind can never decide are left open in the truth.")


def _two_runs(a: GraphResult, b: GraphResult) -> None:
    """Score two runs against each other, and name the test behind each difference."""
    _scores(a.graph, b.graph, "Pairs of the first in the second", "Pairs of the second in the first")
    frame.table(_difference_table(compare(a, b), "first run", "second run"), empty=SAME)


def _scores(a: Graph, b: Graph, of_a: str, of_b: str) -> None:
    """Show in how many pairs two graphs differ, and which share of the joined pairs of each the other one joins too."""
    scores = skeleton_scores(a, b)
    left, middle, right = st.columns(3)
    left.metric("Pairs that differ", shd(a, b), help="Joined in one graph only, or with other marks: the structural Hamming distance.")
    middle.metric(of_a, f"{scores.precision:.0%}", help="Precision of the joined pairs; directions do not count here.")
    right.metric(of_b, f"{scores.recall:.0%}", help="Recall of the joined pairs; directions do not count here.")


def _difference_table(found: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Say in a reader's words what `differences` or `compare` found."""
    change = {"added": f"only in {second}", "removed": f"only in {first}", "reversed": "turned round", "marks": "ends differ"}
    shown = {
        first: [picture.arrows(edge) or "not joined" for edge in found["first"]],
        second: [picture.arrows(edge) or "not joined" for edge in found["second"]],
        "difference": found["change"].map(change),
    }
    return pd.DataFrame(shown | ({"why": found["reason"]} if "reason" in found else {}))


@st.cache_data(max_entries=1_000, show_spinner=False)
def _nodes(key: str) -> tuple[str, ...]:
    """Return the variables of a finished run's graph; none when it found something else."""
    result = run.opened(key)
    return result.graph.nodes if isinstance(result, GraphResult) else ()
