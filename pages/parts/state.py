"""What the URL and the session remember: the URL says what is shown, the session holds unsaved settings."""

import re
import secrets
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import streamlit as st

Name = Literal[
    "data", "method", "together", "job", "node", "factors",
    "counts", "design", "signature", "second", "prizes", "network", "partners", "interactome", "cells", "screen", "drug_scores", "targets",
]  # fmt: skip
_SLOT = re.compile(r"^[a-z_0-9]+\.[\w.\-]+$")
T = TypeVar("T")


def link(name: str, default: str = "") -> str:
    """Read one value of the page's URL."""
    return str(st.query_params.get(name, default))


def set_link(values: Mapping[str, str | None]) -> None:
    """Write values into the page's URL; None or an empty text removes one, the others stay."""
    for name, value in values.items():
        if not value:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def slot(page: str, field: str) -> str:
    """Return the session key of a field, ``<page>.<field>``; also the key of its widget."""
    key = f"{page}.{field}"
    if not _SLOT.match(key):
        raise ValueError(f"'{key}' is not a session key of the form page.field")
    return key


def kept(key: str, default: T) -> T:
    """Read a session value; one of another type than the default counts as absent."""
    value = st.session_state.get(key, default)
    return value if default is None or isinstance(value, type(default)) else default


def keep(key: str, value: Any) -> None:
    """Write a session value."""
    st.session_state[key] = value


def visitor() -> str:
    """Return a random name for this browser session, by which its live runs are counted."""
    return st.session_state.setdefault("state.visitor", secrets.token_hex(8))
