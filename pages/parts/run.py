"""Submit, watch, cancel, and open the result: the one place where a page meets a job."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from engine import catalogue, jobs
from engine.core import Data, Dataset, Method, Params, Result, Tables, UserError, specs
from engine.graphs import Graph
from engine.jobs.folders import KEPT
from pages.parts import frame, graph, pick, state

POLL_S = 0.4
REREAD_S = 10.0  # a run that took longer is not read again while the user waits
Early = Callable[[Mapping[str, Any], str], None]  # draws what a run has shown so far; the text is part of its widgets' keys
GONE = "Nothing of it is left; run it again whenever you like."
ASKED, ADOPTED, TAB = "run.asked", "run.adopted", "run.tab"


def adopt() -> None:
    """Take data, method and settings from the run named in the address, once, before their widgets are drawn."""
    key = state.link("job")
    if not key or state.kept(ADOPTED, "") == key:
        return
    job = jobs.shared().get(key)
    if job is None:
        frame.empty("The result in this link is no longer here.", "What follows are the settings of the link; run it again if you need it.")
        state.set_link({"job": None})
    else:
        _choose_data(job)
        pick.choose("method", job.method)
        state.keep(pick.SHOWN, job.method)
        st.session_state.update({f"set.{name}": value for name, value in job.params.items() if not state.link(name)})


def _choose_data(job: jobs.Job) -> None:
    """Choose the table of a run, or the tables where it has several."""
    method = _method(job)
    if method is None or method.needs not in catalogue.SEVERAL:
        pick.choose("data", pick.named(job.dataset, job.dataset_name))
        return
    try:
        found = jobs.shared().dataset(job.dataset)
    except UserError:  # the table was removed; what the address says stands
        return
    main, factors = (found.main, found.get("factors")) if isinstance(found, Tables) else (found, None)
    pick.choose("data", pick.named(main.digest, main.name))
    pick.choose("factors", pick.named(factors.digest, factors.name) if factors else pick.NOTHING)


def ask(tab: str = "", **settings: object) -> None:
    """Change settings and run with them, as the answer to a click on a button; the result opens at ``tab``."""
    state.keep(TAB, tab)
    st.session_state.update({f"set.{name}": value for name, value in settings.items()})
    st.session_state[ASKED] = True


def tabs(labels: Sequence[str]) -> Sequence[Any]:
    """Open the tabs of a result, first the one whose button asked for the run."""
    asked = state.kept(TAB, "")
    return st.tabs(labels, default=asked if asked in labels else None)


def offer_resamples(title: str, words: str, resamples: int, key: str) -> None:
    """Say that nothing was resampled yet, and offer to run again with so many resamples."""
    frame.empty(title, words)
    kwargs = {"tab": "Stability", "bootstrap": resamples}
    st.button("Check stability", icon=":material/repeat:", on_click=ask, kwargs=kwargs, key=key)


def graph_so_far(parts: Mapping[str, Any], key: str) -> None:
    """Draw the graph that a search has found so far."""
    if isinstance(parts.get("graph"), Graph):
        graph.show(parts["graph"], key=f"early.{key}")


def panel(method: Method, dataset: Data, params: Params, label: str, button: Any, early: Early | None = graph_so_far) -> Result | None:
    """Show the run that belongs to these settings and return its result once there is one.

    The same data, method and settings are the same run: it is joined when it is under way and opened when it is done. Where only the
    level of the tests differs from the run shown before, its p-values are read again at once.

    Parameters
    ----------
    label : what the button says.
    button : place of the button.
    early : draws what the run has shown so far, under its progress.
    """
    state.keep(ADOPTED, state.link("job"))  # only now: a drawing that was cut short before its widgets takes the settings again
    runner = jobs.shared()
    key = jobs.key_of(method, params, dataset.digest)
    job = runner.get(key)
    ended = job is None or not (job.is_live or job.state == "done")
    asked = st.session_state.pop(ASKED, False)
    why = None if ended else "These settings have run. Change one to run again."
    pressed = button.button(label, type="primary", icon=":material/play_arrow:", width="stretch", disabled=not ended, help=why)
    if pressed:
        state.keep(TAB, "")
    if pressed or (asked and ended):
        job = submit(method, dataset, params)
    if job is None:
        return _reread(method, dataset, params) or _missing(method, label)
    state.set_link({"job": job.key})
    state.keep(ADOPTED, job.key)
    if job.is_live:
        watch(job.key, early)
        return None
    if job.state == "done":
        return opened(job.key)
    ending(job)
    return None


def _reread(method: Method, dataset: Data, params: Params) -> Result | None:
    """Answer from the p-values of the run that the address names, when only the level of the tests was changed since."""
    job = jobs.shared().get(state.link("job"))
    if job is None or job.state != "done" or (job.method, job.dataset) != (method.name, dataset.digest):
        return None
    if method.area != "discovery" or not isinstance(dataset, Dataset):  # only these keep the p-values of their tests
        return None
    if method.needs == "interventional":  # the trace holds only part of what such a method asks
        return None
    changed = {name for name, value in params.to_dict().items() if value != job.params.get(name)}
    if changed != {"alpha"} or job.params.get("bootstrap") or job.params.get("sweep") or (job.seconds or 0) > REREAD_S:
        return None
    state.set_link({"alpha": str(params.to_dict()["alpha"])})
    return _reoriented(job.key, params.to_dict()["alpha"], opened(job.key), dataset, params)


@st.cache_resource(max_entries=64, show_spinner="Reading the tests again …")
def _reoriented(key: str, alpha: float, _result: Result, _dataset: Dataset, _params: Params) -> Result:
    from engine.discovery.stability import reorient
    from engine.independence import test_for

    return reorient(_result, test_for(_dataset, _params), alpha)


def settings(job: jobs.Job) -> str:
    """Return the settings of a run that differ from the method's defaults, in one line."""
    method = _method(job)
    defaults = {f.name: f.default for f in specs(method.params)} if method else {}
    asked = {name: tuple(value) if isinstance(value, list) else value for name, value in job.params.items()}
    changed = {name: value for name, value in asked.items() if value != defaults.get(name)}
    texts = [f"{name} {_told(value)}" for name, value in changed.items()]
    return ", ".join(texts) or "standard settings"


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def page(job: jobs.Job) -> str:
    """Return the file of the page that shows the results of a run's method."""
    method = _method(job)
    return f"{method.area}.py" if method else "jobs.py"


def named(job: jobs.Job) -> str:
    """Return the name of a run's method as the pages call it."""
    method = _method(job)
    return method.label if method else job.method


def _method(job: jobs.Job) -> Method | None:
    """Return the method of a run; None where it is no longer installed."""
    try:
        return catalogue.find(job.method)
    except UserError:
        return None


@st.cache_resource(max_entries=16, show_spinner=False)
def opened(key: str) -> Result:
    """Read the result of a finished run once."""
    return jobs.shared().result(key)


def submit(method: Method, dataset: Data, params: Params) -> jobs.Job | None:
    """Hand in a run of this visitor; say why where it cannot be."""
    try:
        return jobs.shared().submit(method.name, dataset, params, owner=state.visitor())
    except UserError as problem:
        frame.error(problem)
        return None


def _missing(method: Method, button: str) -> None:
    """Say that there is nothing to see yet, and which button changes that."""
    frame.empty("Nothing has run with these settings yet.", f"Press {button} to run {method.label}.")
    state.set_link({"job": None})


@st.fragment(run_every=POLL_S)
def watch(key: str, early: Early | None = None) -> None:
    """Show progress, and what ``early`` draws of the parts so far, until the run ends; then redraw the page once."""
    runner = jobs.shared()
    job = runner.get(key)
    if job is None or not job.is_live:
        st.rerun()
    elapsed = time.time() - (job.started or job.created)
    waiting = "Waiting for another run to finish" if job.state == "queued" else job.note or "Starting"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(job.progress, f"{frame.escape(waiting)} · {elapsed:.0f} s")
        if st.button("Cancel", icon=":material/stop:", key=f"cancel.{key}"):
            runner.cancel(key)
            st.rerun()
    st.caption("You can close this page: the run goes on, and its address brings it back.")
    if early:
        early(runner.partials(key), key)


def ending(job: jobs.Job) -> None:
    """Say how a run without a result ended and what to do."""
    if job.state == "cancelled":
        is_kept = (jobs.shared().folders.job(job.key) / KEPT).is_dir()
        left = "What it had finished is kept; run it again and it goes on where it stopped." if is_kept else GONE
        st.info(f"This run was cancelled. {left}", icon=":material/cancel:")
        return
    if job.problem:
        frame.error(job.problem)
    with st.expander("Log"):
        st.code(jobs.shared().log_tail(job.key), language=None)
