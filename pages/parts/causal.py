"""The pieces of a learned graph on screen: the picture with its evidence, stability and diagnostics."""

import pandas as pd
import streamlit as st

from engine import jobs
from engine.core import Dataset
from engine.discovery.interventional import InterventionalResult
from engine.discovery.result import KINDS, GraphResult, p_text
from engine.graphs import Graph
from pages.parts import charts, frame, graph, run, state
from pages.parts import picture as drawn

RESAMPLES = 100
MORE_TIME = 4  # times the limit that was too short
VIEW = "discovery.graph"
WIDE_FROM = 40  # variables from which on a graph needs the whole width
HOW_TO_READ = "Each row asks: are the two still related once the variables under 'held fixed' stay the same? A small p-value says yes."
MEANING = {"directed": "drives", "bidirected": "hidden common cause", "undetermined": "direction open"}


def verdict(result: GraphResult) -> None:
    """Say in one sentence what was found, and fold away what its reader should know."""
    words, more = st.columns([4, 1], vertical_alignment="center")
    words.markdown(in_words(result.graph, result.rule))
    if not result.is_valid:
        with words:
            _invalid(result)
    if result.provenance:
        with more:
            frame.fold(result.provenance.warnings)
    if not result.is_complete and result.provenance:
        limit = result.provenance.params["time_limit"]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(f"Stopped after {limit:g} s with the best graph so far.", icon=":material/timer:")
            longer = MORE_TIME * limit
            st.button(f"Search for {longer:g} s", icon=":material/more_time:", on_click=run.ask, kwargs={"time_limit": longer})


def _invalid(result: GraphResult) -> None:
    """Mark a graph that no model can have, and offer a valid one close to it where the method knows how."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"not a valid {KINDS[result.graph.kind]}", icon=":material/error:", color="orange")
        if result.provenance and "repair" in result.provenance.params:
            help = "Learn it again and show the valid graph that is close to what the tests say."
            st.button("Repair the graph", icon=":material/build:", help=help, on_click=run.ask, kwargs={"repair": True})


@st.fragment
def picture(result: GraphResult, dataset: Dataset) -> None:
    """Draw the graph and, beside or below it, what stands behind the node or edge that was clicked."""
    if result.graph.p > WIDE_FROM:
        left, right = st.container(), st.container()
    else:
        left, right = st.columns([3, 2], gap="medium")
    job, kept = state.link("job"), kept_places()
    named = graph.Selection("node", (state.link("node"),)) if state.link("node") else None
    with left:
        selected = graph.show(result.graph, key=VIEW, positions=kept, selected=named)
        graph.downloads(result.graph, key=VIEW, positions=kept)
    moved = graph.dragged(VIEW)
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


def kept_places() -> dict[str, tuple[float, float]]:
    """Return where the user put the nodes of the graph of this run, now or earlier."""
    job = state.link("job")
    return jobs.shared().arrangement(job) if job else {}


def evidence(result: GraphResult, a: str, b: str) -> None:
    """Show the sentence and the tests for one pair of variables, and how to read them."""
    st.subheader(f"{frame.escape(a)} and {frame.escape(b)}", anchor=False)
    if tests(result, a, b):
        st.caption(HOW_TO_READ)


def tests(result: GraphResult, a: str, b: str) -> bool:
    """Show the sentence and the tests for one pair of variables; return whether there are tests."""
    sentence, asked = result.evidence(a, b)
    st.markdown(frame.escape(sentence))
    shown = {
        "held fixed": [", ".join(given) or "nothing" for given in asked["given"]],
        "p-value": [*map(p_text, asked["p_value"])],
        "the two are": asked["decision"],
        "statistic": asked["statistic"],
    }
    frame.table(pd.DataFrame(shown), empty="No test of this pair was asked.")
    return len(asked) > 0


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
    frame.table(edge_table(result.graph), empty=in_words(result.graph, result.rule))


def targets(result: InterventionalResult) -> None:
    """Show which variables each intervention acts on, off-targets by name, and the comparison behind each of them."""
    for regime, goal in result.targets.items():
        off = result.off_targets.get(regime, [])
        named = ", ".join(f"{frame.escape(v)}{' (off-target)' if v in off else ''}" for v in goal) or "no variable"
        seen = [v for v in off if v not in goal]
        more = f"; changed as well: {', '.join(map(frame.escape, seen))}" if seen else ""
        st.markdown(f"**{frame.escape(regime)}** acts on {named}{more}.")
    for regime, count in result.likely_batches.items():
        st.warning(
            f"**{frame.escape(regime)}** seems to act on {count} of {result.graph.p} variables. That looks like a batch shift (another "
            "day, machine or donor) more than like the effect of an intervention: take these targets, and arrows that rest on them, "
            "with care.",
            icon=":material/warning:",
        )
    chosen = st.toggle("Targets only", value=True, key="discovery.targets")
    table = result.target_table.rename(columns={"regime": "condition", "p_value": "p-value"})
    frame.table(table[table["target"] == "yes"].reset_index(drop=True) if chosen else table, empty="No intervention changes any variable.")
    st.caption(
        "Each row compares one variable in one condition with the observational rows, with its causes (under 'given') held fixed. A small "
        "p-value says that the intervention acts on the variable itself and not only through its causes. An off-target is a variable hit "
        "although nobody named it."
    )


def stability(result: GraphResult, dataset: Dataset, key: str = "stability") -> None:
    """Show how often each edge came back from resampled rows, or offer to find out."""
    if result.graph.support is not None:
        frame.table(edge_table(result.graph), empty=in_words(result.graph, result.rule))
        st.caption(
            "The graph was learned again from rows drawn at random from your table. 'Joined again' is how often the pair was joined, "
            "'same direction' how often its edge also pointed the same way. Above 80 % is steady; below 50 % is not worth following."
        )
    elif not result.supports_bootstrap:
        frame.empty("This method does not resample rows.", "Choose another method to see how stable each edge is.")
    else:
        words = f"Learn the graph again from {RESAMPLES} resamples of the rows, and see how often each edge comes back."
        run.offer_resamples("How sure is each edge?", words, RESAMPLES, f"{key}.ask")


def diagnostics(result: GraphResult) -> None:
    """Show how many tests were asked and how their p-values fall."""
    frame.facts(result.summary())
    st.caption("A tall first bar means that many variables are related. If nothing were related, every bar would reach the dotted line.")
    st.plotly_chart(charts.p_values(result.trace), alt="Histogram of the p-values of all tests", key="discovery.p_values")


def in_words(shown: Graph, rule: str) -> str:
    """Say in one sentence what the graph shows, also when it is empty or complete."""
    pairs = shown.p * (shown.p - 1) // 2
    if shown.n_edges == 0:
        return f"No pair is joined at {rule}: nothing here is related strongly enough. Be less strict, or use more data."
    if shown.n_edges == pairs:
        return f"All {pairs} pairs are joined at {rule}: nothing separates them. Be stricter."
    arrows, lines = int(shown.directed.sum()), int(shown.undirected.sum()) // 2
    other = shown.n_edges - arrows - lines
    words = [f"{shown.n_edges} of {pairs} pairs are joined", f"{arrows} with a direction the data decide"]
    words += [f"{lines} whose direction stays open"] if lines else []
    words += [f"{other} with a possible hidden cause"] if other else []
    return "; ".join(words) + f" ({rule})."


def edge_table(shown: Graph) -> pd.DataFrame:
    """List the edges as they are drawn, what each claims, and how often it came back where that is known."""
    found = shown.edge_frame()
    claims = [MEANING[drawn.kind_of(edge)] for edge in shown.edges()]
    table = pd.DataFrame({"edge": found["edge"].map(drawn.arrows), "meaning": claims})
    if "weight" in found:
        table["weight"] = found["weight"]
    if shown.support is not None:
        table["joined again (%)"] = 100 * found["present"]
        table["same direction (%)"] = 100 * found["same marks"]
    return table
