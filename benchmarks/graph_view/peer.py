"""The same pages without the product's content policy, which forbids the inline scripts of pyvis's page."""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[2]))

app = st.App("main.py")
