"""Bring tables in: files with their findings, several files as regimes, simulated data."""

import inspect
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from engine import jobs
from engine.core import Dataset, UserError
from engine.data import SIMULATORS, apply, combine, inspect_file, inspect_targets, read_targets, simulate, with_targets
from pages.parts import frame, pick, targets

EXTENSIONS = ["csv", "tsv", "txt", "xlsx", "parquet", "h5ad", "gz", "zip"]


def files() -> None:
    """Take one file as a table, or several with the same columns as regimes."""
    uploads = st.file_uploader(
        "One table, or one table per experimental condition", EXTENSIONS, accept_multiple_files=True, key="data.files",
        help="Columns are variables, rows are samples. CSV, TSV, Excel, Parquet, H5AD, or a correlation matrix; gz and zip are unpacked.",
    )  # fmt: skip
    tables = {upload.name: _inspect(upload) for upload in uploads}
    ready = {name: found for name, found in tables.items() if found is not None}
    if not uploads or len(ready) < len(tables):
        return
    if len(ready) == 1:
        _keep_button("Use this table", next(iter(ready.values())))
    else:
        _as_regimes(ready)


def simulator() -> None:
    """Make data whose true graph is known."""
    names = list(SIMULATORS)
    name = st.selectbox("Kind of data", names, format_func=lambda n: SIMULATORS[n].label, key="data.simulator")
    st.caption((inspect.getdoc(SIMULATORS[name].function) or "").partition("\n")[0])
    settings = pick.form(SIMULATORS[name].params, f"simulate.{name}.")
    if st.button("Simulate", type="primary", icon=":material/casino:"):
        try:
            _keep(simulate(name, **settings.to_dict()))
        except UserError as problem:
            frame.error(problem)


def _inspect(upload: Any) -> Dataset | None:
    """Show what one file holds and what is wrong with it; return its table when it can be used."""
    key = f"data.options.{upload.file_id}"
    options: dict[str, Any] = st.session_state.setdefault(key, {})
    report = inspect_file(upload.getvalue(), upload.name, **options)
    with st.expander(f"{frame.escape(upload.name)}", expanded=report.dataset is None or bool(report.findings), icon=":material/table:"):
        for n, finding in enumerate(report.findings):
            show = {"stop": st.error, "warn": st.warning, "note": st.info}[finding.level]
            show(frame.escape(finding.message))
            with st.container(horizontal=True):
                for k, repair in enumerate(finding.repairs):
                    pick.offer(repair, f"{key}.{n}.{k}", lambda chosen: options.update(chosen.arguments))
        if len(report.preview):
            frame.table(report.preview)
        if options:
            st.button("Read the file as it came", key=f"{key}.reset", on_click=options.clear)
    return report.dataset


def _as_regimes(tables: Mapping[str, Dataset]) -> None:
    """Name each file's condition and say what is known of its interventions."""
    st.markdown("**Each file is one experimental condition.** Say what was changed in it; the first observational one is the reference.")
    start = pd.DataFrame(
        {
            "file": list(tables),
            "condition": [name.rsplit(".", 1)[0] for name in tables],
            "intervention": [targets.KNOWLEDGE[0 if n == 0 else 2] for n in range(len(tables))],
            "targets": [""] * len(tables),
        }
    )
    edited = targets.edit(start, next(iter(tables.values())).columns, "data.regimes")
    table = st.file_uploader("Or a target table (CSV: environment, target)", ["csv", "tsv", "txt"], key="data.targets")
    if st.button("Use as conditions", type="primary", icon=":material/join:"):
        try:
            stacked = combine({row.condition: tables[row.file] for row in edited.itertuples()})
            report = inspect_targets(read_targets(table.getvalue(), filename=table.name) if table else targets.read(edited), stacked)
            if not report.findings:
                _keep(with_targets(stacked, report.targets))
            for n, finding in enumerate(report.findings):
                st.error(frame.escape(finding.message))
                for k, repair in enumerate(finding.repairs if n == 0 else ()):
                    pick.offer(repair, f"data.targets.{k}", lambda chosen: _keep(apply(stacked, chosen)))
        except UserError as problem:
            frame.error(problem)


def _keep_button(label: str, dataset: Dataset) -> None:
    # as a callback, so that a click is not lost to a visitor who leaves the page at once
    st.button(label, type="primary", icon=":material/check:", on_click=_keep, args=(dataset,))


def _keep(dataset: Dataset) -> None:
    """Store a table, choose it on every page, and say so."""
    digest = jobs.shared().keep(dataset)
    pick.choose("data", digest)
    st.toast(f"{dataset.name} is ready on every page.", icon=":material/check_circle:")
