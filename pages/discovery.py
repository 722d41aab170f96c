"""Causal discovery: pick data, pick a method, look at the graph and at the tests behind it."""

import streamlit as st

from engine.discovery.interventional import InterventionalResult
from pages.parts import accuracy, causal, comparison, frame, guide, knowledge, pick, run, targets, together

ADVICE = (
    "Start with the first one; PC is a second opinion that shows the tests of each edge. Take FCI when something unmeasured may drive "
    "several variables, and a method for interventions when your table has experimental conditions."
)

frame.header("Causal discovery", "Which variable drives which? Learn a graph from measurements, and see the tests behind every edge.")

run.adopt()
data_place, method_place, button_place = st.columns([3, 3, 2], vertical_alignment="bottom")
with data_place:
    dataset = pick.dataset("samples", "interventional", "correlation", default="sachs")
with method_place:
    method = pick.method("discovery", ADVICE)
pick.about(dataset)
tools = st.container(horizontal=True)
with tools:
    guide.control(dataset)
    known = knowledge.control(dataset)
    targets.control(dataset)
params = pick.settings(method, {"knowledge": known})
result = None
if knowledge.fits(known, dataset) and not together.panel(method, dataset, tools, button_place):
    result = run.panel(method, dataset, params, "Learn the graph", button_place)

if result:
    causal.verdict(result)
    found = ["Targets"] if isinstance(result, InterventionalResult) else []
    picture, table, *goals, stability, truth, tests, compare, keep = run.tabs(
        ["Graph", "Edges", *found, "Stability", "Accuracy", "Diagnostics", "Compare", "Export"]
    )
    with picture:
        causal.picture(result, dataset)
    with table:
        causal.edges(result)
    for place in goals:
        with place:
            causal.targets(result)
    with stability:
        causal.stability(result, dataset)
    with truth:
        accuracy.show(result, dataset)
    with tests:
        causal.diagnostics(result)
    with compare:
        comparison.show(result, dataset)
    with keep:
        frame.export(result, dataset)

frame.about(method)
