"""Mixtures: do the rows come from several populations, which row belongs where, and what differs between them."""

import streamlit as st

from pages.parts import frame, pick, populations, run

QUESTION = "Do your samples come from several populations? See which sample belongs where, and which relation differs between them."

frame.header("Mixtures", QUESTION)

run.adopt()
data_place, method_place, button_place = st.columns([3, 3, 2], vertical_alignment="bottom")
with data_place:
    dataset = pick.dataset("samples", "interventional", default="mixture")
with method_place:
    method = pick.method("mixtures")
pick.about(dataset)
params = pick.settings(method)
result = run.panel(method, dataset, params, "Look for populations", button_place)

if result:
    populations.verdict(result)
    graphs, differ, rows, steady, beside, pooled, keep = run.tabs(
        ["Graphs", "What differs", "Samples", "Stability", "Evidence", "All rows together", "Export"]
    )
    with graphs:
        populations.graphs(result)
    with differ:
        populations.differences(result, dataset)
    with rows:
        populations.rows(result, dataset)
    with steady:
        populations.stability(result)
    with beside:
        populations.beside(result, dataset)
    with pooled:
        populations.pooled(result)
    with keep:
        frame.export(result, dataset)

frame.about(method)
