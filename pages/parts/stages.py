"""What every stage of the repurposing page has around its own picture: tables, settings, run, and what it hands on."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from engine import catalogue, jobs
from engine.core import Data, Result, Tables, specs
from pages.parts import bench, bring_part, frame, pick, run, state, takeaway

HYPOTHESES = "Candidates are hypotheses for experiments. Nothing here is medical advice, and nothing here says that a drug helps a patient."
OPEN = "repurposing.view"
IN_A_ROW = 3


def tables(required: Sequence[state.Name], optional: Sequence[state.Name] = (), folded: Sequence[state.Name] = ()) -> Tables | None:
    """Let the user choose the tables of a stage; None while one is missing or simulated ones stand beside real ones."""
    chosen = bench.choose(required, optional, folded)
    with st.container(horizontal=True, vertical_alignment="center"):
        bring_part.popover([*required, *optional, *folded])
        if chosen and all(map(bench.is_simulated, chosen.values())):
            st.markdown(":orange-badge[:material/science: simulated]", width="content")
            st.caption("A disease made by a program, with planted drugs and targets: the right answer is known.", width="content")
    if bench.mixed(chosen) or bench.missing(chosen, required):
        return None
    return Tables({bench.PLAYED.get(part, part): table for part, table in chosen.items()})  # type: ignore[misc]


def panel(
    name: str,
    data: Data,
    label: str,
    early: run.Early | None = None,
    choices: Mapping[str, Mapping[Any, str]] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Result | None:
    """Draw the settings of a stage and its run, and return what it has found.

    Parameters
    ----------
    choices : setting -> value -> what it is called, for settings whose values depend on the tables.
    fixed : setting -> value, for settings that these tables have no use for.
    """
    method = catalogue.find(name)
    pick.prepare_own(method)
    given = dict(fixed or {})
    fields = {f.name: f for f in specs(method.params)}
    asked = choices or {}
    for first in range(0, len(asked), IN_A_ROW):
        row = list(asked.items())[first : first + IN_A_ROW]
        for place, (field, words) in zip(st.columns(IN_A_ROW), row, strict=False):
            key = f"{name}.{field}"
            if st.session_state[key] not in words:
                st.session_state[key] = next(iter(words))
            given[field] = place.selectbox(
                fields[field].label, list(words), format_func=words.__getitem__, key=key, help=fields[field].help or None,
                persist_state="session",
            )  # fmt: skip
    params = pick.own_settings(method, given)
    button, _ = st.columns([1, 2])
    return run.panel(method, data, params, label, button, early)


def again(name: str, **settings: object) -> None:
    """Change settings of a stage and run it with them, as the answer to a click on a button."""
    st.session_state.update({f"{name}.{field}": value for field, value in settings.items()})
    st.session_state[run.ASKED] = True


def handed_on(result: Result, data: Data, stage: str, onward: str) -> None:
    """Hand on what was found, say so, and offer the way to the stage that takes it up."""
    parts = bench.hand_on(result, data)
    if parts:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/check_circle: Handed on to the later stages: {' and '.join(parts)}.", width="content")
            st.button(onward, icon=":material/arrow_forward:", on_click=go, args=(stage,), key=f"stages.on.{stage}")


def go(stage: str) -> None:
    """Open another stage at the next drawing; the address forgets the run and the settings of this one."""
    st.session_state[OPEN] = stage
    leave()


def leave() -> None:
    """Forget what the address says of the stage that is left."""
    st.query_params.clear()


def adopt(methods: Mapping[str, str]) -> None:
    """Open the stage, the tables and the settings of the run in the address, once.

    Parameters
    ----------
    methods : name of a method -> the stage that runs it.
    """
    key = state.link("job")
    if not key or state.kept(run.ADOPTED, "") == key:
        return
    job = jobs.shared().get(key)
    if job is None:
        frame.empty("The result in this link is no longer here.", "What follows are the settings of the link; run it again if you need it.")
        state.set_link({"job": None})
    elif job.method in methods:
        st.session_state[OPEN] = methods[job.method]
        bench.adopt(job)
        st.session_state.update({f"{job.method}.{name}": _value(value) for name, value in job.params.items()})


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def export(tables: Mapping[str, pd.DataFrame], result: Result, data: Data, name: str, notes: str = "") -> None:
    """Offer the tables of a stage with the licences of what they were made from, and what makes the result again."""
    take_away(tables, f"{name}-{result.digest[:8]}", notes or licences(data))
    frame.export(result, data)


def take_away(tables: Mapping[str, pd.DataFrame], name: str, notes: str) -> None:
    """Offer tables as a workbook and as CSV files, each with a sheet that says what may be done with them."""
    kept = {part: takeaway.safe(table) for part, table in tables.items() if len(table)}
    read_me = {"read_me": pd.DataFrame({"read me": [notes, HYPOTHESES]})}
    with st.container(horizontal=True):
        for label, make, ending, mime in (
            ("Tables (Excel)", takeaway.workbook, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            ("Tables (CSV in a ZIP)", takeaway.csv_zip, "zip", "application/zip"),
        ):
            st.download_button(
                label, partial(make, read_me | kept), f"{name}-tables.{ending}", mime, on_click="ignore", icon=":material/download:",
                key=f"stages.take_away.{name}.{ending}",
            )  # fmt: skip
    st.caption(frame.escape(notes))


def licences(data: Data) -> str:
    """Say where each table comes from and under which licence."""
    tables = data.tables if isinstance(data, Tables) else {"data": data}
    said = [f"{part}: {table.source or table.name}, {table.licence or 'licence not stated'}" for part, table in tables.items()]
    return f"Made from {'; '.join(said)}. Keep to these licences when you pass the tables on."


def with_notes(table: pd.DataFrame, notes: str) -> bytes:
    """Return a table as a CSV file whose first line says what may be done with it."""
    return b"# " + notes.encode() + b"\n" + takeaway.csv(table)
