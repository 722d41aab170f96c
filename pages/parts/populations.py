"""The pieces of a learned mixture on screen: the verdict, the graphs of the populations, who differs, and which row belongs where."""

import pandas as pd
import streamlit as st

from engine.core import Dataset
from engine.data.export import csv_text
from engine.mixtures.compare import adjusted_rand, confusion, known_labels, plane
from engine.mixtures.result import MixtureResult
from pages.parts import causal, charts, frame, graph, picture, run

SIDE_BY_SIDE = 3
WAYS = {"gmm": "plain Gaussian mixture", "kmeans": "K-means", "paper": "FCI, then K-means on its bidirected variables"}
RESAMPLES = 50


def verdict(result: MixtureResult) -> None:
    """Say in one sentence whether the rows are a mixture and of what, and fold away what its reader should know."""
    words, more = st.columns([4, 1], vertical_alignment="center")
    words.markdown(frame.escape(result.sentence))
    if result.provenance:
        with more:
            frame.fold(result.provenance.warnings)


def graphs(result: MixtureResult) -> None:
    """Draw the graph of each population beside the others, with the edges that are not alike told apart."""
    if not result.verdict:
        st.markdown("One graph for all rows, since nothing says that they are several populations.")
        graph.show(result.graph, key="mixtures.single")
        return
    parts, places = result.components, graph.places(result.union, "mixtures.union", {})
    alike = result.shared_edges()
    for start in range(0, len(parts), SIDE_BY_SIDE):
        columns = st.columns(min(SIDE_BY_SIDE, len(parts) - start))
        for n, column in enumerate(columns, start):
            with column:
                st.markdown(f"**Population {n + 1}** · {result.weights[n]:.0%} of the rows")
                verdicts = {(e.source, e.target): "alike" if (e.source, e.target) in alike else "differs" for e in parts[n].edges()}
                verdicts |= dict.fromkeys(zip(result.varying["node"], result.varying["node"], strict=True), "differs")
                graph.show(parts[n], key=f"mixtures.part{n}", positions=places, height=380, verdicts=verdicts or None)
    told = [f":{stroke.color}[**{stroke.sample}**] {stroke.words}" for stroke in picture.SHARING.values()]
    st.caption(" · ".join([*told, ":orange[**▢**] what differs is at this variable", "all populations share one order of causes"]))
    graph.downloads(result.union, key="mixtures.union", name="union")


def differences(result: MixtureResult, dataset: Dataset) -> None:
    """List the variables whose conditional differs, with the evidence, and show one of them in each population."""
    shown = result.varying.rename(columns={"node": "variable", "variant": "what differs", "evidence": "evidence (log units)"})
    frame.table(shown, empty="No variable was found to differ.")
    st.caption(
        "Evidence: by how much the fit, after its penalty for more numbers, falls when all populations must share this variable's "
        "relation to its causes. A change of sign on a single arrow without other causes may belong to its other end."
    )
    if result.varying.empty:
        return
    first = list(result.varying["node"])
    rest = [column for column in dataset.columns if column not in first]
    name = st.selectbox("Look at a variable", [*first, *rest], key="mixtures.variable")
    st.markdown(frame.escape(result.why(name)))
    causes = result.union.parents(name)
    left, right = st.columns(2)
    with left:
        st.plotly_chart(charts.by_group(dataset.frame[name], result.labels), alt=f"{name} in each population", key="mixtures.by_group")
    with right:
        if causes:
            cause = st.selectbox("Against a cause", causes, key="mixtures.cause")
            st.plotly_chart(
                charts.grouped(dataset.frame[[cause, name]], result.labels), alt=f"{name} against {cause} in each population",
                key="mixtures.grouped",
            )  # fmt: skip
        else:
            st.caption(f"{frame.escape(name)} has no causes among these variables.")
    if name in first:
        _numbers(result, name)


def _numbers(result: MixtureResult, name: str) -> None:
    """List what the populations' relations of a variable to its causes are in numbers, and how near other kinds of difference come."""
    own = result.conditionals[result.conditionals["node"] == name]
    table = own.pivot(index="term", columns="population", values="value").reindex(own["term"].unique())
    table.columns = [f"population {k}" for k in table.columns]
    table["largest difference"] = table.max(axis=1) - table.min(axis=1)
    others = result.alternatives[result.alternatives["node"] == name][["variant", "behind"]].sort_values("behind")
    left, right = st.columns([3, 2])
    with left:
        frame.table(table.rename_axis("what").reset_index())
        st.caption(
            f"In the units of the table. Level: the mean of {frame.escape(name)} where its causes are at their overall means. Weight: by "
            "how much it changes with one unit of the cause. Spread: the standard deviation of what its causes leave open."
        )
    with right:
        frame.table(others.rename(columns={"variant": "what may differ", "behind": "behind the best (log units)"}).reset_index(drop=True))


def stability(result: MixtureResult) -> None:
    """Show how often each variable differed and each arrow came back in resampled rows, or offer to find out."""
    if result.stability.empty:
        words = f"Fit the mixture again to {RESAMPLES} resamples of the rows, and see what comes back each time."
        run.offer_resamples("How sure is it?", words, RESAMPLES, "mixtures.ask")
        return
    agreement = result.resamples["agreement"]
    if len(agreement):
        st.markdown(
            f"Over {len(agreement)} resamples the rows fell into the same populations with an adjusted Rand index of "
            f"**{agreement.median():.2f}** (median; the lowest was {agreement.min():.2f}; 1 is the same grouping)."
        )
    found = set(result.varying["node"])
    table = result.stability.sort_values("varies", ascending=False, kind="stable")
    varies = pd.DataFrame(
        {
            "variable": table["node"], "differed (%)": 100 * table["varies"],
            "found to differ": ["yes" if name in found else "no" for name in table["node"]],
        }
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        frame.table(varies.reset_index(drop=True))
    with right:
        frame.table(causal.edge_table(result.union).drop(columns="meaning"), empty="No arrow was found.")
    st.caption(
        "Each resample is fitted from the populations found here: it tells how much depends on single rows, not whether another start of "
        "the search would lead elsewhere. Resampled rows repeat, which favours differences: take shares below half as nothing."
    )


def pooled(result: MixtureResult) -> None:
    """Draw what FCI finds on all rows together, and say what that can and cannot tell about a mixture."""
    st.markdown(
        "The published way learns one graph from all rows together. Where two variables differ between hidden populations, the population "
        "is a cause that both share, and they are joined by **↔**; the rows are then grouped by K-means on the variables with such edges."
    )
    if result.pooled is None or not result.pooled.n_edges:
        frame.empty("No two variables are related in all rows together.", "There is no edge to read.")
        return
    graph.show(result.pooled, key="mixtures.pooled")
    marked = result.other_nodes["paper"]
    st.markdown(
        f"Variables with ↔ here: {frame.escape(', '.join(marked)) if marked else 'none'}. "
        f"Found to differ by the mixture: {frame.escape(', '.join(sorted(result.varying['node']))) or 'none'}."
    )
    st.caption(
        "Why the two may disagree: tests on all rows see only linear relations. A variable that differs alone leaves none behind, nor do "
        "differences in spread only; and ↔ also appears where something unmeasured that is no population drives two variables."
    )


def rows(result: MixtureResult, dataset: Dataset) -> None:
    """Show which row belongs where, and how sure that is; compare with what is known of the rows."""
    labels = result.shown_labels
    places, share = plane(dataset.numeric)
    sure = result.posterior.max(axis=1)
    left, right = st.columns([3, 2], gap="large")
    with left:
        table = pd.DataFrame(places, columns=[f"first axis ({share[0]:.0%} of the spread)", f"second axis ({share[1]:.0%})"])
        st.plotly_chart(charts.grouped(table, labels), alt="Map of the rows, coloured by population", key="mixtures.map")
    with right:
        if result.verdict:
            st.plotly_chart(charts.distribution(pd.Series(sure, name="probability of its population")),
                            alt="How sure each row is", key="mixtures.sure")  # fmt: skip
            st.caption(f"{(sure > 0.9).mean():.0%} of the rows belong to their population with more than 90 % probability.")
        else:
            st.caption("There is no evidence for a mixture: the colours are those of a plain Gaussian mixture, shown for a look only.")
    found = pd.DataFrame({"row": range(1, len(labels) + 1), "population": labels + 1}).join(
        pd.DataFrame(result.posterior, columns=[f"probability of {k + 1}" for k in range(result.k)])
    )
    st.download_button("Populations of all rows (CSV)", lambda: csv_text(Dataset(found)), "populations.csv", "text/csv", on_click="ignore")
    _known(result, dataset)


def beside(result: MixtureResult, dataset: Dataset) -> None:
    """Show what single populations explain, how many populations were tried, and what other ways find."""
    st.markdown("**Is it a mixture at all?** By how much the mixture beats each single population (log units, after all penalties).")
    table = pd.DataFrame({"single population": list(result.evidence), "beaten by (log units)": list(result.evidence.values())})
    frame.table(table)
    st.markdown("**How many populations?**")
    frame.table(result.clusters.rename(columns={"k": "populations", "bic": "BIC", "gain": "gain over one fewer"}))
    st.caption(
        "Noise that is not normal inside the populations can look like more of them: in simulations with heavy tails four were found where "
        "two were. If you know how many there are, say so above."
    )
    st.markdown("**What other ways find**")
    others = {WAYS[name]: result.others[name].to_numpy() for name in result.others}
    ours = adjusted_rand(others, {"agreement with this result (ARI)": result.labels})
    ours.insert(0, "clusters by", [", ".join(result.other_nodes[name]) or "nothing found to cluster by" for name in result.others])
    frame.table(ours.rename_axis("way").reset_index())
    st.caption(
        "ARI: 1 is the same grouping, 0 no better than chance. Tests on the pooled rows see a mixture only where two variables change "
        "together; when one varies alone they are blind, and the way by FCI finds nothing."
    )


def _known(result: MixtureResult, dataset: Dataset) -> None:
    """Compare the groups with what is known of the rows, where anything is."""
    known = known_labels(dataset)
    if not known:
        return
    st.markdown("**Beside what is known of the rows**")
    ways = {"this result": result.shown_labels} | {WAYS[name]: result.others[name].to_numpy() for name in result.others}
    frame.table(adjusted_rand(ways, known).rename_axis("groups found by").reset_index())
    name = next(iter(known))
    frame.table(confusion(result.shown_labels, known[name]).rename_axis(name).reset_index())
    st.caption("Adjusted Rand index: 1 is the same grouping, 0 what chance would give. Below, the counts of rows.")
