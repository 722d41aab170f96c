"""Choose data, a method and its settings; every choice is written into the address, so a link brings it back."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engine import catalogue, jobs
from engine.core import Dataset, Method, Params, Spec, UserError, specs
from engine.data import Repair, apply, examine, sample, samples
from pages.parts import frame, state

SLIDER_STEPS = 40  # a whole-number range up to this long is a slider, a longer one a box
LOG_STEPS = (1, 2, 5)


def dataset(*kinds: str, default: str) -> Dataset:
    """Let the user choose a bundled sample or one of their own tables of these kinds."""
    labels = {s.name: f"{s.label} (sample)" for s in samples() if s.kind in kinds}
    labels |= {row.digest: f"{row.name} · {row.rows:,} × {row.columns:,}" for row in jobs.shared().datasets() if row.kind in kinds}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = _chosen("data", "Data", labels, default)
        st.page_link("pages/data.py", label="Upload or inspect", icon=":material/upload_file:")
    found = load(name)
    st.caption(_about(found))
    return found


@st.cache_resource(max_entries=32, show_spinner=False)
def load(name: str) -> Dataset:
    """Return a bundled sample by its name or one of the user's tables by its digest."""
    if any(name == s.name for s in samples()):
        return sample(name)
    return jobs.shared().dataset(name)


def findings(data: Dataset, levels: tuple[str, ...] = ("stop", "warn", "note")) -> None:
    """Show what the doctor has to say about a dataset, each sentence with its one-click repairs."""
    icons = {"stop": ":material/block:", "warn": ":material/warning:", "note": ":material/info:"}
    shown = [finding for finding in _examined(data.digest, data) if finding.level in levels]
    for n, finding in enumerate(shown):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{icons[finding.level]} {frame.escape(finding.message)}", width="stretch")
            for k, repair in enumerate(finding.repairs):
                offer(repair, f"repair.{data.digest}.{n}.{k}", lambda chosen: _repair(data, chosen))
    if not shown and "note" in levels:
        st.caption(":material/check_circle: Nothing in this table stands in the way of a method.")


def offer(repair: Repair, key: str, take: Callable[[Repair], None]) -> None:
    """Draw the button of a repair; one that needs a value only the user knows asks for it first."""
    if not repair.asks:
        st.button(repair.label, key=key, on_click=take, args=(repair,))
        return
    with st.popover(repair.label):
        text = st.text_input(repair.asks.replace("_", " ").capitalize(), key=f"{key}.asks")
        value = int(text) if text.isdigit() else text
        filled = dataclasses.replace(repair, arguments={**repair.arguments, repair.asks: value})
        st.button("Apply", key=f"{key}.apply", disabled=not text, on_click=take, args=(filled,), type="primary")


def method(area: str) -> tuple[Method, Params]:
    """Let the user choose one of an area's methods and its settings."""
    known = {found.name: found for found in catalogue.in_area(area)}
    name = _chosen("method", "Method", {n: m.label for n, m in known.items()}, next(iter(known)))
    st.caption(known[name].summary)
    return known[name], form(known[name].params)


def form(params: type[Params], prefix: str = "") -> Params:
    """Build a form from a method's parameters: usual settings first, advanced ones in a fold.

    Without a prefix the settings are part of the address; with one they belong to this page alone.
    """
    fields = specs(params)
    usual, advanced = [f for f in fields if not f.advanced], [f for f in fields if f.advanced]
    columns = st.columns(max(len(usual), 1))
    values = {f.name: _widget(f, column, prefix) for f, column in zip(usual, columns, strict=False)}
    with st.expander("Advanced settings"):
        if any(f.paper is not None for f in fields):
            st.button("Use the paper's values", on_click=_paper_values, args=(fields,))
        for f in advanced:
            values[f.name] = _widget(f, st.container(), prefix)
    try:
        return params.from_dict(values)
    except UserError as problem:
        frame.error(problem)
        st.stop()


def choose(name: state.Name, value: str) -> None:
    """Make a choice for the user: the widget of that name shows it at its next drawing."""
    st.session_state[f"pick.{name}"] = value


def log_grid(low: float, high: float, *extra: float) -> list[float]:
    """Return 1-2-5 steps from ``low`` to ``high`` with some extra values among them, in order."""
    grid = {float(f"{step}e{power}") for power in range(-15, 16) for step in LOG_STEPS}
    return sorted({value for value in grid if low <= value <= high} | {value for value in extra if value})


def _chosen(name: state.Name, label: str, labels: Mapping[str, str], default: str) -> str:
    """Draw a drop-down whose first value comes from the address, else from the session, and write the choice back."""
    key, options = f"pick.{name}", list(labels)
    asked = state.kept(key, "") or state.link(name)
    if asked and asked not in options:
        st.warning(f"The {name} in this link are not on this machine. Upload the same file, or choose below.", icon=":material/link_off:")
        st.session_state.pop(key, None)
    first = asked if asked in options else default
    st.session_state[key] = first
    value = st.selectbox(label, options, format_func=labels.__getitem__, key=key, persist_state="session")
    state.set_link({name: value if value != default else None})
    return value


def _widget(f: Spec, place: Any, prefix: str) -> Any:
    label = f"{f.label} ({f.unit})" if f.unit else f.label
    paper = "" if f.paper is None else f" The authors use {f.paper}."
    common = {"key": prefix + f.name, "help": (f.help + paper).strip() or None, "bind": None if prefix else "query-params"}
    if f.choices:
        return place.selectbox(label, f.choices, f.choices.index(f.default), **common)
    if f.type is bool:
        return place.toggle(label, f.default, **common)
    if f.type is float and f.log and f.low is not None and f.high is not None:
        return place.select_slider(label, log_grid(f.low, f.high, f.default), f.default, format_func=lambda v: f"{v:g}", **common)
    if f.optional:
        common["placeholder"] = "no limit"
    elif f.type is int and f.low is not None and f.high is not None and f.high - f.low <= SLIDER_STEPS:
        return place.slider(label, int(f.low), int(f.high), f.default, **common)
    low, high = (None if limit is None else f.type(limit) for limit in (f.low, f.high))
    return place.number_input(label, low, high, f.default, **common)


def _paper_values(fields: list[Spec]) -> None:
    for f in fields:
        if f.paper is not None:
            st.session_state[f.name] = f.paper


def named(digest: str) -> str:
    """Return the name of the bundled sample with this digest, else the digest itself."""
    return next((s.name for s in samples() if load(s.name).digest == digest), digest)


def _repair(data: Dataset, repair: Repair) -> None:
    """Apply a repair, keep the new table beside the old one, and choose it."""
    try:
        choose("data", jobs.shared().keep(apply(data, repair)))
    except UserError as problem:
        st.toast(str(problem), icon=":material/block:")


@st.cache_data(max_entries=64, show_spinner=False)
def _examined(digest: str, _data: Dataset) -> Any:
    """Examine each table once; the digest is the key, the table itself is not hashed."""
    return examine(_data)


def _about(data: Dataset) -> str:
    size = f"{data.n_samples:,} {'samples behind' if data.kind == 'correlation' else 'rows ×'} {data.p:,} variables"
    regimes = f"{len(data.regimes)} regimes" if data.regimes else ""
    return " · ".join(part for part in (size, regimes, frame.escape(data.source), frame.escape(data.licence)) if part)
