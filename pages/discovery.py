"""Causal discovery: pick data, pick a method, look at the graph and at the tests behind it."""

import streamlit as st

from pages.parts import causal, frame, pick, run

frame.header("Causal discovery", "Which variable drives which? Learn a graph from measurements, and see the tests behind every edge.")

run.adopt()
dataset = pick.dataset("samples", "interventional", "correlation", default="sachs")
pick.findings(dataset, levels=("stop", "warn"))
method, params = pick.method("discovery")
result = run.panel(method, dataset, params, label="Learn the graph")

if result:
    shown = causal.reread(result, dataset, params)
    picture, table, tests, compare, keep = st.tabs(["Graph", "Edges", "Diagnostics", "Compare", "Export"])
    with picture:
        causal.picture(shown, dataset)
    with table:
        causal.edges(shown)
    with tests:
        causal.diagnostics(shown)
    with compare:
        causal.comparison(shown, dataset)
    with keep:
        frame.export(shown, dataset)

frame.about(method)
