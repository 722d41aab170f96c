"""Choose data, a method and its settings; every choice is written into the address, so a link brings it back."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from engine import catalogue, jobs
from engine.core import Dataset, Method, Params, Spec, Tables, UserError, specs
from engine.data import Finding, Repair, apply, examine, sample, samples
from pages.parts import frame, state

ONE_ROW = 3  # settings in sight; more would not leave room for their names
SLIDER_STEPS = 40  # a whole-number range up to this long is a slider, a longer one a box
LOG_STEPS = (1, 2, 5)
SHOWN = "pick.shown"  # the method whose settings the session holds
NOTHING = "none"  # in place of a second table


def dataset(*kinds: str, default: str, own: Sequence[str] = ()) -> Dataset:
    """Let the user choose a bundled sample or one of their own tables of these kinds, or one of their own of the kinds ``own``."""
    return load(drop_down("data", "Data", _tables(kinds, own), default))


def companion(name: state.Name, label: str, *kinds: str, own: Sequence[str] = (), help: str = "") -> Dataset | None:
    """Let the user choose a second table to go with the first, or none; ``name`` is its place in the address."""
    labels = {NOTHING: "none"} | _tables(kinds, own)
    chosen = drop_down(name, label, labels, NOTHING, help)
    return None if chosen == NOTHING else load(chosen)


def _tables(kinds: Sequence[str], own: Sequence[str]) -> dict[str, str]:
    """Return what is on offer: name of a sample or digest of a user's table -> what the list says."""
    labels = {s.name: s.label for s in samples() if s.kind in kinds}
    rows = [row for row in jobs.shared().datasets() if row.kind in (*kinds, *own) and not _is_sample(row.digest, row.name)]
    return labels | {row.digest: f"{row.name} · {row.rows:,} × {row.columns:,}" for row in rows}


@st.cache_resource(max_entries=32, show_spinner=False)
def load(name: str) -> Dataset:
    """Return a bundled sample by its name or one of the user's tables by its digest."""
    if any(name == s.name for s in samples()):
        return sample(name)
    found = jobs.shared().dataset(name)
    return found.main if isinstance(found, Tables) else found


def about(data: Dataset) -> None:
    """Say how large the chosen table is, fold away what the doctor warns about, and show what stops a method."""
    found = [finding for finding in examined(data) if finding.level != "note"]
    stops = [finding for finding in found if finding.level == "stop"]
    with st.container(horizontal=True, vertical_alignment="center"):
        size(data)
        st.page_link("data.py", label="Upload or inspect", icon=":material/upload_file:")
        if found and not stops:
            worth_knowing(data, found)
    if stops:
        findings(data, found)


def worth_knowing(data: Dataset, found: Sequence[Finding]) -> None:
    """Fold away what the doctor warns about behind a button that says how much there is."""
    words = "One thing" if len(found) == 1 else f"{len(found)} things"
    with st.popover(f"{words} to know about this table", icon=":material/warning:"):
        findings(data, found)


def size(data: Dataset) -> None:
    """Say in one line how large a table is; its source and licence are the line's tooltip."""
    regimes = f" · {len(data.regimes)} conditions" if data.regimes else ""
    rows = "samples behind the correlations of" if data.kind == "correlation" else "rows ×"
    st.caption(f"{data.n_samples:,} {rows} {data.p:,} variables{regimes}", help=origin(data), width="content")


def origin(data: Dataset) -> str | None:
    """Return what a table is, its source and its licence, for a tooltip; None where nothing is known."""
    about = next((s.about for s in samples() if data.steps == (("engine.sample", {"name": s.name}),)), "")
    return frame.escape(" · ".join(part for part in (about, data.source, data.licence) if part)) or None


def findings(data: Dataset, found: Sequence[Finding]) -> None:
    """Show sentences about a dataset, each with its one-click repairs."""
    icons = {"stop": ":material/block:", "warn": ":material/warning:", "note": ":material/info:"}
    for n, finding in enumerate(found):
        st.markdown(f"{icons[finding.level]} {frame.escape(finding.message)}")
        if finding.repairs:
            with st.container(horizontal=True):
                for k, repair in enumerate(finding.repairs):
                    offer(repair, f"repair.{data.digest}.{n}.{k}", lambda chosen: _repair(data, chosen))


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


def method(area: str, advice: str = "") -> Method:
    """Let the user choose one of an area's methods, with a word of advice on which one."""
    known = {found.name: found for found in catalogue.in_area(area)}
    return known[drop_down("method", "Method", {n: m.label for n, m in known.items()}, next(iter(known)), advice)]


def prepare(method: Method) -> None:
    """Give the settings of a method that was not shown before their first values; a page may then draw some under ``set.`` and name."""
    if state.kept(SHOWN, "") != method.name:
        st.session_state.update({f"set.{f.name}": _from_address(f) for f in specs(method.params)})
        state.keep(SHOWN, method.name)


def prepare_own(method: Method) -> None:
    """Give the settings of a method on a page with several their first values, under its name and theirs."""
    for f in specs(method.params):
        st.session_state.setdefault(f"{method.name}.{f.name}", _from_address(f))


def own_settings(method: Method, given: Mapping[str, Any] | None = None, in_sight: int = ONE_ROW) -> Params:
    """Build the form of a method on a page with several; each keeps its own values while another is shown.

    The address names what the user has changed in the method that is shown.

    Parameters
    ----------
    given : values of settings that the page draws elsewhere, under the method's name and theirs.
    """
    prepare_own(method)
    made = form(method.params, f"{method.name}.", given, in_sight)
    _into_address(made)
    return made


def settings(method: Method, given: Mapping[str, Any] | None = None, in_sight: int = ONE_ROW) -> Params:
    """Build the form of a method; its values are part of the address.

    Another method starts from its own defaults and takes over only what the address names, which is what the user has changed.

    Parameters
    ----------
    given : values of settings that the page draws elsewhere.
    in_sight : most settings that are not behind the button.
    """
    params = method.params
    prepare(method)
    made = form(params, "set.", given or {}, in_sight)
    _into_address(made)
    return made


def _into_address(made: Params) -> None:
    """Write the settings that differ from their defaults into the address."""
    state.set_link({f.name: _text(getattr(made, f.name)) if getattr(made, f.name) != f.default else None for f in specs(type(made))})


def from_address(params: type[Params], *standard: str) -> Params:
    """Return the parameters as the address changes them, those named in ``standard`` at their defaults."""
    return params.from_dict({f.name: _from_address(f) for f in specs(params) if f.name not in standard})


def form(params: type[Params], prefix: str, given: Mapping[str, Any] | None = None, in_sight: int = ONE_ROW) -> Params:
    """Build a form from declared parameters, usual ones first, advanced ones behind a button.

    The first value of a field comes from the session (``prefix`` and name), else from the address, else from its declaration.

    Parameters
    ----------
    given : values of fields that are not part of the form.
    """
    values = dict(given or {})
    fields = [f for f in specs(params) if f.name not in values]
    usual = [f for f in fields if not f.advanced][:in_sight]
    advanced = [f for f in fields if f not in usual]
    *columns, last = st.columns([3] * len(usual) + [2], vertical_alignment="bottom")
    values |= {f.name: _widget(f, column, prefix) for f, column in zip(usual, columns, strict=True)}
    with last.popover("More", icon=":material/tune:"):
        for f in advanced:
            values[f.name] = _widget(f, st, prefix)
        if any(f.paper is not None for f in fields):
            st.button("Use the paper's values", key=f"{prefix}paper", on_click=_paper_values, args=(fields, prefix))
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


def drop_down(name: state.Name, label: str, labels: Mapping[str, str], default: str, advice: str = "") -> str:
    """Draw a drop-down whose first value comes from the address, else from the session, and write the choice back."""
    key, options = f"pick.{name}", list(labels)
    linked, chosen = state.link(name), state.kept(key, "")
    if linked and linked not in options:
        st.warning(
            f"What this link names under {label} is not on this machine. Upload the same file, or choose below.", icon=":material/link_off:"
        )
    # what was chosen on a page for other data or other methods counts for nothing here
    first = next((asked for asked in (chosen, linked) if asked in options), default)
    st.session_state[key] = first
    value = st.selectbox(label, options, format_func=labels.__getitem__, key=key, help=advice or None, persist_state="session")
    state.set_link({name: value if value != default else None})
    return value


def _widget(f: Spec, place: Any, prefix: str) -> Any:
    """Draw the control that fits one parameter and return its value."""
    label = f"{f.label} ({f.unit})" if f.unit else f.label
    paper = "" if f.paper is None else f" The authors use {f.paper}."
    key = prefix + f.name
    if key not in st.session_state:
        st.session_state[key] = _from_address(f)
    common = {"key": key, "help": (f.help + paper).strip() or None, "persist_state": "session"}
    if f.choices:
        return place.selectbox(label, f.choices, format_func=_words, **common)
    if f.type is bool:
        return place.toggle(label, **common)
    if f.type is str:
        return place.text_area(label, **common)
    if f.type is tuple:
        st.session_state[key] = [str(value) for value in st.session_state[key]]
        options = list(dict.fromkeys([*map(str, f.default), *st.session_state[key]]))
        return place.multiselect(label, options, accept_new_options=True, placeholder="Type and press Enter", **common)
    low, high = (None if limit is None else f.type(limit) for limit in (f.low, f.high))
    if f.type is float and f.log and low is not None and high is not None:
        grid = log_grid(low, high, f.default, st.session_state[key])
        return place.select_slider(label, grid, format_func=lambda v: f"{v:g}", **common)
    if f.type is int and not f.optional and low is not None and high is not None and high - low <= SLIDER_STEPS:
        return place.slider(label, low, high, **common)
    if f.optional:
        common |= {"value": None, "placeholder": f.absent}
    return place.number_input(label, low, high, step=f.step and f.type(f.step), **common)


def _from_address(f: Spec) -> Any:
    """Return the value that the address gives a parameter, or its default when there is none or it makes no sense."""
    text = state.link(f.name)
    try:
        return f.parse(text) if text else f.default
    except UserError:
        return f.default


def _text(value: Any) -> str:
    """Write a value so that `Spec.parse` reads it back."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _words(choice: Any) -> str:
    """Return a choice as it is said."""
    return str(choice).replace("_", " ")


def _paper_values(fields: list[Spec], prefix: str) -> None:
    for f in fields:
        if f.paper is not None:
            st.session_state[prefix + f.name] = f.paper


def named(digest: str, name: str) -> str:
    """Return the name of a dataset when it is a bundled sample, else its digest."""
    return name if _is_sample(digest, name) else digest


def _is_sample(digest: str, name: str) -> bool:
    return any(name == s.name for s in samples()) and load(name).digest == digest


def _repair(data: Dataset, repair: Repair) -> None:
    """Apply a repair, keep the new table beside the old one, and choose it."""
    try:
        choose("data", jobs.shared().keep(apply(data, repair)))
    except UserError as problem:
        st.toast(str(problem), icon=":material/block:")


def examined(data: Dataset) -> tuple[Finding, ...]:
    """Return what the doctor has to say about a table; each is examined once."""
    return _examined(data.digest, data)


@st.cache_resource(max_entries=64, show_spinner=False)
def _examined(digest: str, _data: Dataset) -> tuple[Finding, ...]:
    return examine(_data)
