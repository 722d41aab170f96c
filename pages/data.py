"""Data: upload, look, mend, simulate; what is kept here is offered on every other page."""

import pandas as pd
import streamlit as st

from engine.core import Dataset
from engine.core.recipe import data_recipe
from engine.data.export import csv_text
from pages.parts import charts, frame, pick, upload

PREVIEW_ROWS = 200

frame.header("Data", "Bring a table, see what is in it, and mend what would mislead a method. Nothing leaves this machine.")


def variables(dataset: Dataset) -> pd.DataFrame:
    """Describe each column: what it holds, how much is missing, how it spreads."""
    rows = []
    for name, column in dataset.frame.replace([float("inf"), float("-inf")], float("nan")).items():
        row = {"variable": name, "missing": int(column.isna().sum()), "distinct": column.nunique()}
        if isinstance(column.dtype, pd.CategoricalDtype):
            row |= {"holds": "categories"}
        else:
            row |= {
                "holds": "numbers", "mean": column.mean(), "sd": column.std(), "min": column.min(), "median": column.median(),
                "max": column.max(), "skewness": column.skew(),
            }  # fmt: skip
        rows.append(row)
    first = ["variable", "holds", "missing", "distinct"]
    table = pd.DataFrame(rows)
    return table[first + [column for column in table if column not in first]]


@st.fragment
def distributions(dataset: Dataset) -> None:
    """Show one variable, or two against each other."""
    left, right = st.columns(2)
    first = left.selectbox("Variable", dataset.columns, key="data.x")
    second = right.selectbox("Against", ["nothing", *dataset.columns], key="data.y")
    if second in ("nothing", first):
        st.plotly_chart(charts.distribution(dataset.frame[first]), alt=f"Distribution of {first}", key="data.distribution")
        if dataset.kind != "correlation" and not isinstance(dataset.frame[first].dtype, pd.CategoricalDtype):
            st.plotly_chart(charts.quantiles(dataset.frame[first]), alt=f"{first} against a normal distribution", key="data.quantiles")
            st.caption(
                "Each dot is a value, beside what a normal distribution would have in its place. On the dotted line the Gaussian test "
                "fits; a flat stretch at 0 means many zeros, a bend at an end means a long tail: take logarithms or a rank test."
            )
    else:
        st.plotly_chart(charts.scatter(dataset.frame, first, second), alt=f"{second} against {first}", key="data.scatter")


def regimes(dataset: Dataset) -> pd.DataFrame:
    """Count the rows of each condition and say what is known of its targets."""
    counts = pd.Series(dataset.regime).value_counts()
    known = [dataset.targets.get(regime) for regime in dataset.regimes]
    words = ["unknown" if goal is None else ", ".join(goal) or "none (observational)" for goal in known]
    return pd.DataFrame({"condition": dataset.regimes, "rows": [int(counts[r]) for r in dataset.regimes], "targets": words})


def export(dataset: Dataset) -> None:
    """Offer the table as files, and the Python that makes it."""
    name = dataset.name.replace("/", "_")
    with st.container(horizontal=True):
        parquet, csv = (lambda: dataset.frame.to_parquet()), (lambda: csv_text(dataset))
        st.download_button("Table (Parquet)", parquet, f"{name}.parquet", "application/vnd.apache.parquet", on_click="ignore")
        st.download_button("Table (CSV)", csv, f"{name}.csv", "text/csv", on_click="ignore")
        if dataset.steps:
            with st.popover("Show me the Python", icon=":material/code:"):
                st.code("\n".join(["import engine", "", *data_recipe(dataset)]), language="python")
    st.caption(f"Data digest `{dataset.digest}`: the same table has the same digest on every machine.")


bring, make = st.tabs(["Upload", "Simulate"])
with bring:
    upload.files()
with make:
    upload.simulator()

st.subheader("Look at a table and mend it", anchor=False)
dataset = pick.dataset("samples", "interventional", "correlation", "counts", "returns", default="sachs")

pick.size(dataset)
names = ["Health", "Table", "Variables", "Distributions", *(["Conditions"] if dataset.regimes else []), "Export"]
tabs = dict(zip(names, st.tabs(names), strict=True))
with tabs["Health"]:
    found = pick.examined(dataset)
    pick.findings(dataset, found)
    if not found:
        st.markdown(":material/check_circle: Nothing in this table stands in the way of a method.")
with tabs["Table"]:
    frame.table(dataset.frame.head(PREVIEW_ROWS))
    st.caption(f"The first {min(PREVIEW_ROWS, len(dataset.frame)):,} of {len(dataset.frame):,} rows.")
with tabs["Variables"]:
    frame.table(variables(dataset))
with tabs["Distributions"]:
    distributions(dataset)
if dataset.regimes:
    with tabs["Conditions"]:
        frame.table(regimes(dataset))
with tabs["Export"]:
    export(dataset)
