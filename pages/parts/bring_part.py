"""Bring one's own: a table for one of the parts of a stage, or a drug screen, uploaded or read where it lies."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from engine.core import Dataset, Profiles, UserError
from engine.data import inspect_file
from pages.parts import bench, frame, pick, state
from pages.parts.bring_images import is_local

if TYPE_CHECKING:
    from engine.repurposing.drug_table import DrugTargets

TABLES = ["csv", "tsv", "txt", "gz", "xlsx", "parquet"]
SCREENS = ["gct", "gctx", "gz", "h5ad", "parquet"]
HARMLESS = ("row-names", "one-column")  # a table with names in its first column is what the parts here look like
NAMELESS = "column 1"  # what a first column without a name is called by the reader of files
PREVIEW_ROWS = 5
UNITS = ("detect", "-log10 M", "nM", "uM", "M", "mixed")


def popover(parts: Sequence[state.Name]) -> None:
    """Draw the button that takes files for these parts."""
    with st.popover("Use your own", icon=":material/upload_file:"):
        tables = [part for part in parts if part not in ("screen", "targets")]
        if tables:
            _table(tables)
        if "targets" in parts:
            _targets()
        if "screen" in parts:
            _screen()


def _table(parts: Sequence[state.Name]) -> None:
    """Take a file as a table, guess which part it plays, and let the user say."""
    # the key counts the tables taken: an empty box waits for the next one
    upload = st.file_uploader("A table", TABLES, key=f"bring_part.table.{_turn()}", help="CSV, TSV, Excel or Parquet; gz is unpacked.")
    if upload is None:
        st.caption(" ".join(f"**{bench.PARTS[part].label}**: {bench.PARTS[part].about}" for part in parts))
        return
    try:
        data = _read(upload.file_id, upload.name, upload)
    except UserError as problem:
        frame.error(problem)
        return
    if data is None:
        return
    likely = bench.guess(data)
    part = st.selectbox(
        "This is the table of", parts, parts.index(likely) if likely in parts else 0, format_func=lambda name: bench.PARTS[name].label,
        key=f"bring_part.part.{upload.file_id}",
    )  # fmt: skip
    st.caption(bench.PARTS[part].about)
    frame.table(data.frame.head(PREVIEW_ROWS))
    st.button("Use it", type="primary", icon=":material/check:", on_click=_use, args=(part, data), key="bring_part.use")


def _turn() -> int:
    return state.kept("bring_part.turn", 0)


def _use(part: state.Name, data: Dataset | Profiles) -> None:
    bench.use(part, data)
    state.keep("bring_part.turn", _turn() + 1)
    st.toast(f"{data.name} is now {bench.PARTS[part].label.lower()}.", icon=":material/check_circle:")


def _read(key: str, name: str, upload: Any) -> Dataset | None:
    """Read a table with the repairs chosen so far, show what is wrong with it, and offer more."""
    options: dict[str, Any] = st.session_state.setdefault(f"bring_part.options.{key}", {})
    report = inspect_file(upload.getvalue(), name, **options)
    for n, finding in enumerate(report.findings):
        if finding.code in HARMLESS:
            continue
        {"stop": st.error, "warn": st.warning, "note": st.info}[finding.level](frame.escape(finding.message))
        for k, repair in enumerate(finding.repairs):
            pick.offer(repair, f"bring_part.{key}.{n}.{k}", lambda chosen: options.update(chosen.arguments))
    return None if report.dataset is None else with_genes(report.dataset)


def with_genes(data: Dataset) -> Dataset:
    """Return a table whose first column, where the file gave it no name and it holds names, is called ``gene``."""
    first = data.columns[0]
    if first != NAMELESS or not isinstance(data.frame[first].dtype, pd.CategoricalDtype) or "gene" in data.columns:
        return data
    return dataclasses.replace(data, frame=data.frame.rename(columns={first: "gene"}))


def _targets() -> None:
    """Take a drug-target table in one of the forms that public sources have, or one's own."""
    upload = st.file_uploader(
        "Drug targets", ["tsv", "csv", "txt", "gz", "xlsx"], key=f"bring_part.targets.{_turn()}",
        help="DrugCentral (drug.target.interaction.tsv), a ChEMBL activity export, the Drug Repurposing Hub, or drug, gene and affinity.",
    )  # fmt: skip
    if upload is None:
        return
    unit = st.selectbox("Unit of the affinities", UNITS, key=f"bring_part.unit.{upload.file_id}")
    try:
        found = _read_targets(upload.file_id, unit, upload.name, upload)
    except UserError as problem:
        frame.error(problem)
        return
    for sentence in found.sentences:
        st.caption(frame.escape(sentence))
    frame.table(found.table.head(PREVIEW_ROWS))
    data = dataclasses.replace(found.dataset, name=upload.name)
    st.button(
        "Use these targets", type="primary", icon=":material/check:", on_click=_use, args=("targets", data), key="bring_part.use_targets"
    )


@st.cache_resource(max_entries=2, show_spinner="Reading the drug targets …")
def _read_targets(key: str, unit: str, name: str, _upload: Any) -> "DrugTargets":
    import tempfile

    from engine.repurposing.drug_table import read_targets

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(_upload.getvalue())
        return read_targets(path, unit=unit)


def _screen() -> None:
    """Take a screen by upload, or by its path where only this machine can open the page."""
    upload = st.file_uploader(
        "A drug screen", SCREENS, key=f"bring_part.screen.{_turn()}", help="GCT, GCTX, H5AD or Parquet; gz is unpacked."
    )
    place = ""
    if is_local():
        place = st.text_input(
            "… or its path on this machine", key="bring_part.path", placeholder="/data/screen.gctx",
            help="For screens of many gigabytes: the file stays where it is and is read piece by piece.",
        ).strip()  # fmt: skip
    if upload is None and not place:
        return
    try:
        screen = _uploaded(upload.file_id, upload.name, upload) if upload is not None else _opened(place, _stamp(place))
    except UserError as problem:
        frame.error(problem)
        return
    about_screen(screen)
    st.button(
        "Use this screen", type="primary", icon=":material/check:", on_click=_use, args=("screen", screen), key="bring_part.use_screen"
    )


def _stamp(place: str) -> tuple[int, int]:
    """Return size and time of a file, by which a changed one is read again."""
    path = Path(place).expanduser()
    if not path.is_file():
        raise UserError(f"There is no file {place}.", "Give the whole path of a GCT, GCTX, H5AD or Parquet file on this machine.", place)
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


@st.cache_resource(max_entries=2, show_spinner="Reading the screen …")
def _uploaded(key: str, name: str, _upload: Any) -> Profiles:
    """Read an uploaded screen; its bytes lie in the folder of the runs, where a reader finds them piece by piece."""
    from engine import jobs
    from engine.repurposing.screens.files import read_screen

    content = _upload.getvalue()
    folder = jobs.shared().folders.base / "uploads" / hashlib.blake2b(content, digest_size=8).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(name).name
    if not path.is_file():
        path.write_bytes(content)
    return read_screen(path)


@st.cache_resource(max_entries=2, show_spinner="Reading the screen …")
def _opened(place: str, stamp: tuple[int, int]) -> Profiles:
    from engine.repurposing.screens.files import read_screen

    return read_screen(Path(place).expanduser())


def about_screen(screen: Profiles) -> None:
    """Say how large a screen is and what is known of its profiles."""
    rows = screen.rows
    known = [(label, name) for label, name in (("drugs", "drug"), ("cell lines", "cell"), ("plates", "plate")) if name in rows]
    facts = [("Profiles", frame.number(screen.n_samples)), ("Genes", frame.number(screen.p))]
    facts += [(label.capitalize(), frame.number(rows[name].nunique())) for label, name in known]
    if "is_control" in rows:
        facts.append(("Controls", frame.number(int(rows["is_control"].fillna(False).astype(bool).sum()))))
    frame.facts(facts)
