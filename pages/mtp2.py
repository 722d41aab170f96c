"""Total positivity: a covariance and a graph without tuning, with the proof that they are the best fit."""

import streamlit as st

from pages.parts import frame, pick, positive, run

QUESTION = "Do your variables move together? Learn who moves with whom, all others held fixed, without choosing a tuning parameter."

frame.header("Total positivity", QUESTION)

run.adopt()
data_place, method_place, button_place = st.columns([3, 3, 2], vertical_alignment="bottom")
with data_place:
    dataset = pick.dataset("samples", "returns", "prices", "correlation", "interventional", default="stocks")
with method_place:
    method = pick.method("mtp2", "Total positivity fits the whole covariance; the tuning-free graph is sparser, by many random tests.")
positive.about(dataset)
params = pick.settings(method)
result = run.panel(method, dataset, params, "Learn the graph", button_place)

if result:
    positive.show(result, dataset)

frame.about(method)
