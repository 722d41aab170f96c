"""The pieces of a learned graph on screen: the picture with its evidence, diagnostics, and comparisons."""

import pandas as pd
import streamlit as st

from engine import jobs
from engine.core import Dataset, Result
from engine.discovery.compare import compare
from engine.discovery.interventional import InterventionalResult
from engine.discovery.result import GraphResult, p_text
from engine.graphs import Graph, differences, shd, skeleton_scores
from pages.parts import charts, frame, graph, run, state

RESAMPLES = 100
WIDE_FROM = 40  # variables from which on a graph needs the whole width
SAME = "The two graphs have the same marks everywhere."


def verdict(result: GraphResult) -> None:
    """Say in one sentence what was found, and fold away what its reader should know."""
    words, more = st.columns([4, 1], vertical_alignment="center")
    words.markdown(in_words(result.graph, result.alpha))
    if result.provenance:
        with more:
            frame.fold(result.provenance.warnings)


@st.fragment
def picture(result: GraphResult, dataset: Dataset) -> None:
    """Draw the graph and, beside or below it, what stands behind the node or edge that was clicked."""
    if result.graph.p > WIDE_FROM:
        left, right = st.container(), st.container()
    else:
        left, right = st.columns([3, 2], gap="medium")
    job = state.link("job")
    kept = jobs.shared().arrangement(job) if job else {}
    named = graph.Selection("node", (state.link("node"),)) if state.link("node") else None
    with left:
        selected = graph.show(result.graph, key="discovery.graph", positions=kept, selected=named)
        graph.downloads(result.graph, key="discovery.graph", positions=kept)
    moved = graph.dragged("discovery.graph")
    if job and moved and moved != kept:
        jobs.shared().arrange(job, moved)
    state.set_link({"node": selected.names[0] if selected and selected.kind == "node" else None})
    with right:
        if selected is None:
            frame.empty("Click an edge to see the tests behind it, or a variable to see its values and neighbours.")
        elif selected.kind == "edge":
            evidence(result, *selected.names)
        else:
            node(result.graph, dataset, selected.names[0])


def evidence(result: GraphResult, a: str, b: str) -> None:
    """Show the sentence and the tests for one pair of variables."""
    sentence, tests = result.evidence(a, b)
    st.subheader(f"{frame.escape(a)} and {frame.escape(b)}", anchor=False)
    st.markdown(frame.escape(sentence))
    shown = {"given": [", ".join(given) or "nothing" for given in tests["given"]], "p_value": [*map(p_text, tests["p_value"])]}
    columns = ["decision", "p_value", "given", "statistic"]
    frame.table(tests.assign(**shown)[columns], empty="No test of this pair was asked.")
    st.caption("Each row asks: are the two still related once the variables under 'given' are held fixed? A small p-value says yes.")


def node(shown: Graph, dataset: Dataset, name: str) -> None:
    """Show one variable: its neighbours by the kind of their edge, and its distribution."""
    st.subheader(frame.escape(name), anchor=False)
    groups = {
        "Arrows in from": shown.parents(name), "Arrows out to": shown.children(name),
        "Direction open": shown.neighbours(name), "Hidden common cause with": shown.spouses(name),
    }  # fmt: skip
    named = {label: ", ".join(map(frame.escape, nodes)) for label, nodes in groups.items() if nodes}
    rest = set(shown.adjacent(name)).difference(*groups.values())
    if rest:
        named["Undetermined with"] = ", ".join(sorted(map(frame.escape, rest)))
    st.markdown("  \n".join(f"**{label}** {nodes}" for label, nodes in named.items()) or "No edges.")
    if dataset.kind != "correlation":
        st.plotly_chart(charts.distribution(dataset.frame[name]), alt=f"Distribution of {name}", key="discovery.distribution")


def edges(result: GraphResult) -> None:
    """Show the graph as a table."""
    frame.table(result.graph.edge_frame(), empty=in_words(result.graph, result.alpha))


def targets(result: InterventionalResult) -> None:
    """Show which variables each intervention acts on, off-targets by name, and the comparison behind each of them."""
    for regime, goal in result.targets.items():
        off = result.off_targets.get(regime, [])
        named = ", ".join(f"{frame.escape(v)}{' (off-target)' if v in off else ''}" for v in goal) or "no variable"
        seen = [v for v in off if v not in goal]
        more = f"; changed as well: {', '.join(map(frame.escape, seen))}" if seen else ""
        st.markdown(f"**{frame.escape(regime)}** acts on {named}{more}.")
    chosen = st.toggle("Targets only", value=True, key="discovery.targets")
    table = result.target_table
    frame.table(table[table["target"] == "yes"].reset_index(drop=True) if chosen else table, empty="No intervention changes any variable.")
    st.caption(
        "Each row compares one variable in one condition with the observational rows, with its causes (under 'given') held fixed. A small "
        "p-value says that the intervention acts on the variable itself and not only through its causes. An off-target is a variable hit "
        "although nobody named it."
    )


def stability(result: GraphResult, dataset: Dataset) -> None:
    """Show how often each edge came back from resampled rows, or offer to find out."""
    if result.graph.support is not None:
        frame.table(result.graph.edge_frame(), empty=in_words(result.graph, result.alpha))
        st.caption("'present': share of the resamples in which the pair is joined. 'same marks': and points the same way.")
    elif not result.supports_bootstrap:
        frame.empty("This method does not resample rows.", "Choose another method to see how stable each edge is.")
    else:
        frame.empty(
            "How sure is each edge?",
            f"Learn the graph again from {RESAMPLES} resamples of the rows, and see how often each edge comes back.",
        )
        st.button("Check stability", icon=":material/repeat:", on_click=run.ask, kwargs={"bootstrap": RESAMPLES})


def side_by_side(a: Result, b: Result) -> None:
    """Compare two results: their summaries, and mark by mark where both are graphs over the same variables."""
    names = [f"{n}. {result.provenance.method}" for n, result in enumerate((a, b), 1) if result.provenance]
    facts = pd.DataFrame([dict(a.summary()), dict(b.summary())], index=names).T
    frame.table(facts.fillna("–"))
    for column, result in zip(st.columns(2), (a, b), strict=True):
        with column:
            if isinstance(result, GraphResult):
                graph.show(result.graph, key=f"jobs.{result.digest}", height=360)
    if isinstance(a, GraphResult) and isinstance(b, GraphResult) and set(a.graph.nodes) == set(b.graph.nodes):
        _scores(a.graph, b.graph)
        frame.table(compare(a, b), empty=SAME)
    else:
        frame.empty("These two are not graphs over the same variables, so they cannot be compared mark by mark.")


def diagnostics(result: GraphResult) -> None:
    """Show how many tests were asked and how their p-values fall."""
    frame.facts(result.summary())
    st.plotly_chart(charts.p_values(result.trace), alt="Histogram of the p-values of all tests", key="discovery.p_values")


def comparison(result: GraphResult, dataset: Dataset) -> None:
    """Compare the graph with another run on the same variables, mark by mark, or with the known truth."""
    runner = jobs.shared()
    others = {
        job.key: f"{job.method}, {run.settings(job)} · {job.dataset_name}"
        for job in runner.all()
        if job.state == "done" and result.provenance and job.key != st.query_params.get("job")
    }
    others = {key: label for key, label in others.items() if _same_nodes(key, result.graph)}
    options = (["truth"] if "graph" in dataset.truth else []) + list(others)
    if not options:
        frame.empty("Run another method, or the same one with other settings, and compare the two graphs here.")
        return
    names = others | {"truth": dataset.truth.get("name", "The truth known for these data")}
    chosen = st.selectbox("Compare with", options, format_func=names.__getitem__, key="discovery.compare")
    if chosen == "truth":
        _against(result, dataset)
    else:
        other = run.opened(chosen)
        _scores(result.graph, other.graph)
        frame.table(compare(result, other), empty=SAME)


def in_words(shown: Graph, alpha: float) -> str:
    """Say in one sentence what the graph shows, also when it is empty or complete."""
    pairs = shown.p * (shown.p - 1) // 2
    if shown.n_edges == 0:
        return f"No edge passed α = {alpha:g}: nothing here is related strongly enough. Try a larger α, or more data."
    if shown.n_edges == pairs:
        return f"All {pairs} pairs are joined at α = {alpha:g}: the tests separate nothing. Try a smaller α."
    arrows, lines = int(shown.directed.sum()), int(shown.undirected.sum()) // 2
    other = shown.n_edges - arrows - lines
    words = [f"{shown.n_edges} of {pairs} pairs are joined", f"{arrows} with a direction the data decide"]
    words += [f"{lines} whose direction stays open"] if lines else []
    words += [f"{other} with a possible hidden cause"] if other else []
    return "; ".join(words) + f" (α = {alpha:g})."


def _against(result: GraphResult, dataset: Dataset) -> None:
    """Score a learned graph against the truth of the same equivalence class."""
    from engine.graphs import cpdag_of, interventional_cpdag_of

    learned, truth = result.graph, Graph.from_dict(dataset.truth["graph"])
    if truth.kind == "dag" and isinstance(result, InterventionalResult):
        truth = interventional_cpdag_of(truth, dataset.truth.get("targets", {}))
    elif truth.kind == "dag":
        truth = cpdag_of(truth)
    _scores(learned, truth)
    frame.table(differences(learned, truth), empty=SAME)


def _scores(a: Graph, b: Graph) -> None:
    scores = skeleton_scores(a, b)
    columns = st.columns(4)
    columns[0].metric("Pairs that differ (SHD)", shd(a, b))
    for column, (label, value) in zip(columns[1:], scores._asdict().items(), strict=True):
        column.metric(f"Skeleton {label}", f"{value:.3g}")


def _same_nodes(key: str, shown: Graph) -> bool:
    other = run.opened(key)
    return isinstance(other, GraphResult) and set(other.graph.nodes) == set(shown.nodes)
