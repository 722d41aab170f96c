"""How good a learned graph is where the truth is known: the two in one picture, the curve over all levels, and what support is worth."""

from typing import Any

import pandas as pd
import streamlit as st

from engine import catalogue, jobs
from engine.core import Dataset, Params, UserError
from engine.data.simulation import can_resimulate, resimulated
from engine.discovery.accuracy import Calibration, area, calibration, overlay, roc
from engine.discovery.result import GraphResult
from engine.discovery.sweep import Sweep, strictness
from engine.discovery.truth import truths, visible
from engine.graphs import Graph
from pages.parts import bring, causal, charts, frame, graph, pick, picture, run

LEVEL = {"alpha": "significance level", "penalty": "penalty per edge"}
MORE_TABLES = 3  # as many runs as one visitor may have at a time
FEW_PAIRS = 10  # a point of the calibration with fewer pairs says little


def show(result: GraphResult, dataset: Dataset) -> None:
    """Compare a run with what is known to be true, or offer to bring that."""
    known = truths(dataset)
    if not known:
        frame.empty(
            "Nothing is known to be true of these data.", "Bring the true graph, or the accepted one, and see how much of it was found."
        )
        bring.ask(dataset)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("The truth", list(known), key="discovery.truth", width=430)
        with st.popover("Bring the true graph", icon=":material/upload_file:"):
            bring.ask(dataset)
    truth = visible(known[name], result, dataset)
    _picture(result, truth)
    left, right = st.columns(2, gap="large")
    with left:
        _curve(result, dataset, truth)
    with right:
        _support(result, dataset, truth)


def _picture(result: GraphResult, truth: Graph) -> None:
    """Draw the learned graph and the truth as one."""
    both, verdicts = overlay(result.graph, truth)
    said = [*verdicts.values()]
    if both.p > causal.WIDE_FROM:
        left, right = st.container(), st.container()
    else:
        left, right = st.columns([3, 2], gap="medium")
    with left:
        where = graph.places(result.graph, causal.VIEW, causal.kept_places())
        graph.show(both, key="discovery.overlay", positions=where, verdicts=verdicts)
    with right:
        for verdict, stroke in picture.STROKES.items():
            if verdict in said:
                st.markdown(f":{stroke.color}[**{stroke.sample}**]&emsp;**{said.count(verdict)}** {stroke.words}")
        st.caption(
            "The truth is what a run without mistakes would find. Directions that data of this kind can never decide are open in it, and "
            "an arrow there counts as a wrong direction."
        )
        rows = [(picture.arrows(str(edge)), picture.STROKES[verdicts[edge.source, edge.target]].words) for edge in both.edges()]
        frame.table(pd.DataFrame(rows, columns=["edge", "beside the truth"]), empty=causal.in_words(both, result.rule), height=260)


def _curve(result: GraphResult, dataset: Dataset, truth: Graph) -> None:
    """Draw the curve over all levels, or offer to compute it."""
    st.subheader("At every level", anchor=False)
    sweep = _sweep(result, dataset)
    if sweep is None:
        return
    points, present = roc(sweep, truth), roc(Sweep(sweep.parameter, (float("nan"),), (result.graph,)), truth).iloc[0]
    level, covered = LEVEL[sweep.parameter], area(points)
    st.plotly_chart(charts.roc(points, level, present), alt="ROC curve of joined pairs and directions", key="discovery.roc")
    low, high = points["false"].min(), points["false"].max()
    measured = (
        f" The area under the curve of the joined pairs is **{covered:.2f}** (1 is perfect, 0.5 is guessing); it was measured for "
        f"false alarms from {low:.0%} to {high:.0%}, with straight lines beyond."
        if covered is not None
        else ""
    )
    st.caption(
        f"Each point is the graph at one {level}, from strict (left) to loose. Up: which share of the true pairs, or directions, "
        f"was found. To the right: which share of all others was claimed wrongly. The higher on the left, the better.{measured}"
    )
    with st.expander("Numbers behind the curve"):
        shares = points.columns[3:]
        table = points.assign(**{name: 100 * points[name] for name in shares})
        frame.table(table.rename(columns={"level": level} | {name: f"{name} (%)" for name in shares}))


def _sweep(result: GraphResult, dataset: Dataset) -> Sweep | None:
    """Return the graphs at all levels once they are there; until then show their progress, or the button that asks for them."""
    if result.sweep is not None:
        return result.sweep
    asked = _sweep_of(result)
    if asked is None:
        return None
    method, params = asked
    runner = jobs.shared()
    job = runner.get(jobs.key_of(method, params, dataset.digest))
    if job and job.state == "done":
        found = run.opened(job.key)
        return found.sweep if isinstance(found, GraphResult) else None
    if job and job.is_live:
        run.watch(job.key)
        return None
    if job:
        run.ending(job)
    frame.empty(
        "Was the level well chosen?",
        f"Learn the graph again from strict to loose ({LEVEL[strictness(params)]}), and see how much is found at which price.",
    )
    if st.button("Draw the ROC curve", icon=":material/show_chart:") and run.submit(method, dataset, params):
        st.rerun()
    return None


def _sweep_of(result: GraphResult) -> tuple[Any, Any] | None:
    """Return method and settings of the run that learns the graph at all levels; one run serves every level of the page."""
    if result.provenance is None:
        return None
    method = catalogue.find(result.provenance.method)
    values = dict(result.provenance.params)
    name = strictness(method.params.from_dict(values))
    usual: Params = method.params()
    return method, method.params.from_dict(values | {name: getattr(usual, name), "bootstrap": 0, "sweep": True})


def _support(result: GraphResult, dataset: Dataset, truth: Graph) -> None:
    """Draw whether support means what it says, or offer to compute it."""
    st.subheader("Can the support be trusted?", anchor=False)
    if result.graph.support is None:
        causal.stability(result, dataset, key="accuracy")
        return
    others = _like(result, dataset)
    what = st.segmented_control(
        "Count as true", ["joined pairs", "edges and their direction"], default="joined pairs", required=True, key="discovery.calibrated"
    )
    pooled = bool(others) and st.toggle(
        f"Together with {len(others)} other run{'s' if len(others) > 1 else ''} on data with a known truth", key="discovery.pooled",
        help="Finished runs of the same method with resamples. More tables give a steadier picture.",
    )  # fmt: skip
    graphs = [(result.graph, truth), *(others if pooled else [])]
    found = calibration(graphs, ends=what != "joined pairs")
    if not found.pairs:
        frame.empty("No edge, so no support.", "Be less strict, or use more data.")
        return
    st.plotly_chart(charts.calibration(found.bins), alt="Share of true pairs by their support", key="discovery.calibration")
    st.caption(_in_words(found))
    _more(result, dataset, len(others))


def _more(result: GraphResult, dataset: Dataset, n_others: int) -> None:
    """Offer to run on more tables of the same simulated kind, or watch the first of those runs that is under way."""
    made = result.provenance
    if not made or not can_resimulate(dataset):
        return
    runner = jobs.shared()
    live = [job for job in runner.all() if job.is_live and job.method == made.method and job.params.get("bootstrap")]
    if live:
        run.watch(live[-1].key)
    elif st.button(f"Simulate {MORE_TABLES} more tables like this one", icon=":material/casino:"):
        method = catalogue.find(made.method)
        params = method.params.from_dict(dict(made.params))
        if all(run.submit(method, resimulated(dataset, n_others + k), params) for k in range(1, MORE_TABLES + 1)):
            st.rerun()


def _in_words(found: Calibration) -> str:
    thin = found.bins["pairs"].min() < FEW_PAIRS
    return (
        "Each point gathers pairs with about the same support (to the right: how often they came back) and shows how many of them are true "
        f"(up). Below the dotted line the support promises too much, above it too little. Over all {frame.number(found.pairs)} pairs it "
        f"is off by {100 * found.error:.0f} percentage points on average (calibration error); the Brier score is {found.brier:.2g} "
        "(0 is perfect)." + (" Points of few pairs say little." if thin else "")
    )


def _like(result: GraphResult, dataset: Dataset) -> list[tuple[Graph, Graph]]:
    """Return graph and truth of other finished runs of the same method with resamples, one for each table with a known truth."""
    made = result.provenance
    found: dict[str, tuple[Graph, Graph]] = {}
    for job in jobs.shared().all():
        is_like = made is not None and job.state == "done" and job.method == made.method and bool(job.params.get("bootstrap"))
        if not is_like or job.dataset == dataset.digest or job.dataset in found:
            continue
        try:
            other = pick.load(pick.named(job.dataset, job.dataset_name))
            pair = _pair(job.key, other) if "graph" in other.truth else None
        except UserError:  # tidied away
            continue
        if pair:
            found[job.dataset] = pair
    return list(found.values())


@st.cache_resource(max_entries=200, show_spinner=False)
def _pair(key: str, _dataset: Dataset) -> tuple[Graph, Graph] | None:
    """Return graph and first truth of a finished run; None when they are not about the same variables."""
    result, known = run.opened(key), truths(_dataset)
    if not known or not isinstance(result, GraphResult) or set(result.graph.nodes) != set(_dataset.columns):
        return None
    return result.graph, visible(next(iter(known.values())), result, _dataset)
