"""A server for timing the graph view: the product's drawing and pyvis's own page, of the same graph, on two pages."""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[2]))

from starlette.middleware import Middleware

from app import SecurityHeaders, routes

app = st.App("main.py", routes=routes, middleware=[Middleware(SecurityHeaders)])
