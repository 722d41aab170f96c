"""Cell images: name or draw a molecule, and see the cells that a model draws for it, with how far to believe them."""

import streamlit as st

from engine import catalogue
from pages.parts import drawn, frame

QUESTION = "What would cells look like under this molecule? Name it, paste it or draw it, and look."

# To add a view: write its part and name it here.
VIEWS = {"Draw": drawn.view}

frame.header("Cell images", QUESTION)
names = list(VIEWS)
view = st.segmented_control("View", names, default=names[0], required=True, key="molimage.view") if len(names) > 1 else names[0]
VIEWS[view]()
frame.about(catalogue.find("molimage_sample"))
