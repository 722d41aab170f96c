"""Drug repurposing: from a disease signature to a ranking of drugs whose evidence is held against chance, in six stages."""

import streamlit as st

from engine import catalogue
from pages.parts import (
    bench,
    drug_targets,
    frame,
    interactome,
    overview,
    ranking,
    screened,
    signature,
    stages,
    state,
    target_network,
)  # fmt: skip

QUESTION = "Which approved drug could turn your disease's genes back, and would it also come up for random genes?"

# To add a stage: write its part and name it here, with the method it runs.
VIEWS = {
    "overview": ("Overview", overview.view, ""),
    "signature": ("1 Signature", signature.view, signature.METHOD),
    "screen": ("2 Screen", screened.view, screened.METHOD),
    "targets": ("3 Drug targets", drug_targets.view, ""),
    "interactome": ("4 Interactome", interactome.view, interactome.METHOD),
    "causal": ("5 Causal network", target_network.view, target_network.METHOD),
    "ranking": ("6 Ranking", ranking.view, ranking.METHOD),
}

frame.header("Drug repurposing", QUESTION)
bench.take_up()
stages.adopt({method: name for name, (_, _, method) in VIEWS.items() if method})
linked = state.link("view")
st.session_state[stages.OPEN] = next(name for name in (st.session_state.get(stages.OPEN), linked, "overview") if name in VIEWS)
view = str(
    st.segmented_control(
        "Stage", list(VIEWS), format_func=lambda name: VIEWS[name][0], required=True, key=stages.OPEN, on_change=stages.leave,
        label_visibility="collapsed",
    )
)  # fmt: skip
state.set_link({"view": view if view != "overview" else None})
_, draw, method = VIEWS[view]
draw()
if method:
    frame.about(catalogue.find(method))
st.caption(stages.HYPOTHESES)
