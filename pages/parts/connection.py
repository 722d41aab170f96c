"""What the page says while the server is away: that runs go on, in the user's words."""

from pathlib import Path

import streamlit as st

_watch = st.components.v2.component("connection_words", js=(Path(__file__).parent / "connection.js").read_text())


def watch() -> None:
    """Replace the server's own words about a lost connection, which speak to programmers."""
    with st.container(key="connection"):
        _watch(key="connection.watch")
