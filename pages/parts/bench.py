"""The bench: which table plays which part in a stage, be it the simulated disease, one's own, or what an earlier stage has found."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from engine import jobs
from engine.core import Data, Dataset, Profiles, Result, Tables, UserError
from pages.parts import frame, pick, state

if TYPE_CHECKING:
    from engine.repurposing.sample import SimulatedDisease

SAMPLE, SAMPLE_LABEL = "simulated", "Simulated disease"
SIMULATED = "simulated"  # how the source of a simulated table begins
PENDING = "bench.pending"  # choices that take effect before the next drawing, when no widget has been drawn yet
HANDED = "bench.handed"  # results whose tables have been handed on
SAID = "bench.said"  # which part the user said that a table plays
IN_A_ROW = 3
MANY_COLUMNS = 4  # of numbers: samples or cells
Columns = tuple[tuple[str, bool], ...]  # name of each column in small letters, and whether it holds text


@dataclass(frozen=True)
class Part:
    """What a part is called, what its table must hold, and whether a table with these columns can play it."""

    label: str
    about: str
    fits: Callable[[Columns], bool]


def _named(*wanted: tuple[str, ...]) -> Callable[[Columns], bool]:
    """Return a test whether a table has a column of each group of names, and few beside them."""

    def fits(columns: Columns) -> bool:
        return all(any(name.startswith(group) for name, _ in columns) for group in wanted)

    return fits


def _wide(columns: Columns) -> bool:
    """Return whether a table has at most one column of names and many of numbers."""
    texts = sum(is_text for _, is_text in columns)
    return texts <= 1 and len(columns) - texts >= MANY_COLUMNS


_GENE, _CHANGE = ("gene", "name", "symbol", "protein"), ("log2fc", "log2_fc", "log2fold", "logfc", "l2fc")
PARTS: dict[state.Name, Part] = {
    "counts": Part("Counts", "One row per gene: its name, then one column per sample with the number of reads.", _wide),
    "design": Part(
        "Groups of the samples", "One row per sample: sample and group, such as infected and mock.", _named(("sample",), ("group", "cond"))
    ),
    "signature": Part("Disease signature", "One row per gene: gene and log2fc, disease over healthy.", _named(_GENE, _CHANGE)),
    "second": Part(
        "Second condition", "One row per gene: gene and log2fc, such as old over young. Genes that change the same way in both are kept.",
        _named(_GENE, _CHANGE),
    ),
    "prizes": Part("Affected genes", "One row per gene: gene and prize, how strongly it changes.", _named(_GENE, ("prize",))),
    "network": Part(
        "Protein network", "One row per pair: protein1, protein2 and cost; a well supported interaction has a low cost.",
        _named(("protein1", "source", "node1"), ("protein2", "target", "node2"), ("cost", "weight", "score", "confidence")),
    ),
    "interactome": Part(
        "Interactome", "The network of stage 4, or pairs that may be joined: protein1, protein2 and cost.",
        _named(("protein1", "source", "node1"), ("protein2", "target", "node2")),
    ),
    "partners": Part(
        "Partner proteins", "One column gene: proteins that bind a protein of the disease, such as one of a virus.",
        lambda columns: len(columns) == 1 or _named(("partner",))(columns),
    ),
    "cells": Part("Single cells", "Expression: one row per gene and one column per cell, or the other way round.", _wide),
    "screen": Part("Drug screen", "Expression profiles of cells under drugs: GCT, GCTX, H5AD or Parquet.", lambda columns: False),
    "drug_scores": Part(
        "Drug scores", "One row per drug: drug and score; a high score reverses the disease.", _named(("drug",), ("score", "corr"))
    ),
    "targets": Part(
        "Drug targets", "One row per pair: drug, gene and affinity (-log10 M).",
        _named(("drug", "name"), ("gene", "target", "protein"), ("affinity", "act_value", "p_affinity", "pchembl", "kind", "action")),
    ),
}  # fmt: skip
FOUND = {"prizes": "signature", "signature": "signature", "interactome": "interactome"}  # part -> the method that finds it
PLAYED = {"interactome": "network"}  # the name of a part where the method knows it by another one
IN_SAMPLE: tuple[state.Name, ...] = (
    "counts", "design", "signature", "second", "prizes", "network", "interactome", "partners", "cells", "screen", "targets",
)  # fmt: skip


@st.cache_resource(show_spinner="Simulating a disease …")
def world() -> "SimulatedDisease":
    """Return the simulated disease with its truth; a table of it is drawn when it is first asked for."""
    from engine.repurposing.sample import planted

    return planted(0)


@st.cache_resource(show_spinner="Simulating …")
def simulated(part: str) -> Data:
    """Return a table of the simulated disease by the part it plays; signature and affected genes are what stage 1 finds."""
    if part not in FOUND:
        return world()[part]
    return _table(part, found_in(_found(FOUND[part]))[part], "the simulated disease", world()["counts"])


@st.cache_resource(show_spinner="Walking the stages before on the simulated disease …")
def _found(method: str) -> Result:
    """Return what an earlier stage finds for the simulated disease."""
    import engine

    given = ("counts", "design", "second") if method == "signature" else ("prizes", "network")
    result: Result = engine.run(method, Tables({part: simulated(part) for part in given}))  # type: ignore[arg-type]
    return result


def found_in(result: Result) -> dict[str, pd.DataFrame]:
    """Return the tables of a result that later stages take up, by the part that they play there."""
    parts = result.parts()
    taken = {"prizes": "terminals", "signature": "table", "drug_scores": "drugs", "interactome": "edges"}
    if "graph" in parts:  # edges of a causal network are no interactome
        return {}
    return {part: parts[name] for part, name in taken.items() if isinstance(parts.get(name), pd.DataFrame) and len(parts[name])}


def choose(required: Sequence[state.Name], optional: Sequence[state.Name] = (), folded: Sequence[state.Name] = ()) -> dict[str, Data]:
    """Let the user choose a table for each part; those without one are missing from what is returned.

    Parameters
    ----------
    folded : further optional parts, behind a line that says how many of them are chosen.
    """
    rows = {row.digest: row for row in jobs.shared().datasets() if row.kind != "images"}
    chosen = _row(required, optional, rows)
    if folded:
        with st.expander("More tables", icon=":material/table_rows:"):
            chosen |= _row((), folded, rows)
    return {part: load(part, digest) for part, digest in chosen.items() if digest != pick.NOTHING}


def _row(required: Sequence[state.Name], optional: Sequence[state.Name], rows: Mapping[str, jobs.DatasetRow]) -> dict[str, str]:
    """Draw the choices of some parts beside each other and return them."""
    parts, chosen = [*required, *optional], {}
    wide = len(parts) if len(parts) == IN_A_ROW + 1 else IN_A_ROW
    for first in range(0, len(parts), wide):
        for place, part in zip(st.columns(wide), parts[first : first + wide], strict=False):
            with place:
                chosen[part] = _drop_down(part, rows, part in optional)
    return chosen


def _drop_down(part: state.Name, rows: Mapping[str, jobs.DatasetRow], is_optional: bool) -> str:
    """Draw the choice of one part: the simulated disease, tables that fit, and none where that is allowed."""
    labels = {SAMPLE: SAMPLE_LABEL} if part in IN_SAMPLE else {}
    said = st.session_state.setdefault(SAID, set())
    asked = {state.link(part), state.kept(f"pick.{part}", "")}
    for digest, row in rows.items():
        if digest in asked or (part, digest) in said or _fits(part, digest, row.kind):
            labels[digest] = f"{row.name} · {row.rows:,} × {row.columns:,}"
    labels[pick.NOTHING] = "none" if is_optional else "none yet"
    standard = SAMPLE if SAMPLE in labels else pick.NOTHING
    return pick.drop_down(part, PARTS[part].label, labels, standard, PARTS[part].about)


def _fits(part: state.Name, digest: str, kind: str) -> bool:
    """Return whether a stored table can play a part, by its columns."""
    if part == "screen" or kind == "profiles":
        return part == "screen" and kind == "profiles"
    return PARTS[part].fits(_columns(digest))


@st.cache_data(max_entries=500, show_spinner=False)
def _columns(digest: str) -> Columns:
    """Return the columns of a stored table; none where it is no longer there."""
    try:
        found = jobs.shared().dataset(digest)
    except UserError:
        return ()
    return columns_of(found) if isinstance(found, Dataset) else ()


def columns_of(data: Dataset) -> Columns:
    """Return the columns of a table in small letters, and whether each holds text."""
    return tuple((str(name).lower(), isinstance(column.dtype, pd.CategoricalDtype)) for name, column in data.frame.items())


def guess(data: Dataset) -> state.Name | None:
    """Return the part that a table most likely plays, by its columns and numbers."""
    columns = columns_of(data)
    order: tuple[state.Name, ...] = ("design", "network", "targets", "drug_scores", "prizes", "partners", "signature", "counts")
    found = next((part for part in order if PARTS[part].fits(columns)), None)
    if found != "counts":
        return found
    numbers = data.frame.select_dtypes("number").to_numpy()
    return "counts" if (numbers == numbers.round()).all() and (numbers >= 0).all() else "cells"


@st.cache_resource(max_entries=32, show_spinner="Reading the table …")
def _stored(digest: str) -> Data:
    return jobs.shared().dataset(digest)


def load(part: str, digest: str) -> Data:
    """Return the table that plays a part: of the simulated disease, or one that was kept."""
    return simulated(part) if digest == SAMPLE else _stored(digest)


def is_simulated(data: Data) -> bool:
    """Return whether data were made by the simulator, or from such tables only."""
    return all(table.source.startswith(SIMULATED) for table in (data.tables.values() if isinstance(data, Tables) else [data]))


def mixed(chosen: Mapping[str, Data]) -> bool:
    """Warn where simulated tables stand beside real ones, offer to take them out, and return whether they do."""
    made_up = [part for part, table in chosen.items() if is_simulated(table)]
    if not made_up or len(made_up) == len(chosen):
        return False
    names = ", ".join(PARTS[part].label for part in made_up)  # type: ignore[index]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":orange[:material/warning:] **Simulated tables beside yours**: {names}. What comes out would mean nothing.")
        st.button("Leave out what is simulated", on_click=_leave_out, args=(made_up,), key="bench.leave_out")
    return True


def _leave_out(parts: Sequence[state.Name]) -> None:
    for part in parts:
        pick.choose(part, pick.NOTHING)


def sample_everywhere() -> None:
    """Choose the simulated disease for every part that it has, and nothing for the others."""
    for part in PARTS:
        pick.choose(part, SAMPLE if part in IN_SAMPLE else pick.NOTHING)


def missing(chosen: Mapping[str, Data], required: Sequence[state.Name]) -> bool:
    """Say which parts a stage still needs, and return whether there are any."""
    lacking = [part for part in required if part not in chosen]
    if lacking:
        names = " and ".join(PARTS[part].label.lower() for part in lacking)
        told = " ".join(f"{PARTS[part].label}: {PARTS[part].about}" for part in lacking)
        frame.empty(f"This stage still needs {names}.", f"{told} Bring a table above, or choose the simulated disease.")
    return bool(lacking)


def use(part: state.Name, data: Dataset | Profiles) -> None:
    """Store a table and let it play a part in every stage."""
    digest = jobs.shared().keep(data)
    st.session_state.setdefault(SAID, set()).add((part, digest))
    for name, choice in (_without_sample(data) | {part: digest}).items():
        pick.choose(name, choice)


def _without_sample(data: Data) -> dict[state.Name, str]:
    """Return the choices that leave out the simulated disease wherever it stands beside real data."""
    if is_simulated(data):
        return {}
    return {part: pick.NOTHING for part in IN_SAMPLE if st.session_state.get(f"pick.{part}", SAMPLE) == SAMPLE}


def hand_on(result: Result, data: Data) -> list[str]:
    """Give what a stage has found to the stages that need it, once; return the names of the parts it plays there."""
    found = found_in(result)
    if found and result.digest not in st.session_state.setdefault(HANDED, set()):
        st.session_state[HANDED].add(result.digest)
        label = result.provenance.data_name.split(" + ")[0] if result.provenance else "an earlier stage"
        tables = {part: _table(part, rows, label, data, result) for part, rows in found.items()}
        st.session_state[PENDING] = _without_sample(data) | {part: jobs.shared().keep(table) for part, table in tables.items()}
    return [PARTS[part].label.lower() for part in found]  # type: ignore[index]


def take_up() -> None:
    """Let what a stage has handed on take effect; called before anything is drawn."""
    for part, digest in st.session_state.pop(PENDING, {}).items():
        if digest != pick.NOTHING:
            st.session_state.setdefault(SAID, set()).add((part, digest))
        pick.choose(part, digest)


def adopt(job: jobs.Job) -> None:
    """Choose the tables of a run for the parts that they play in it."""
    try:
        found = jobs.shared().dataset(job.dataset)
    except UserError:  # removed; what the address says stands
        return
    tables = dict(found.tables) if isinstance(found, Tables) else {}
    if job.method == "target_network" and "network" in tables:
        tables["interactome"] = tables.pop("network")
    for part in PARTS:
        pick.choose(part, tables[part].digest if part in tables else pick.NOTHING)
        if part in tables:
            st.session_state.setdefault(SAID, set()).add((part, tables[part].digest))


def _table(part: str, rows: pd.DataFrame, origin: str, data: Data, result: Result | None = None) -> Dataset:
    """Return a found table as one that a later stage can be given, with the licences of what it was made from."""
    made = rows.reset_index(drop=True)
    for name in made.columns:
        if made[name].dtype == bool:
            made[name] = made[name].astype(float)
    label: str = PARTS[part].label  # type: ignore[index]
    digest = f", result {result.digest[:8]}" if result is not None else ""
    source = f"{SIMULATED + ': ' if is_simulated(data) else ''}{label.lower()} of {origin}{digest}"
    given = data.tables.values() if isinstance(data, Tables) else [data]
    licence = "; ".join(dict.fromkeys(table.licence or "licence not stated" for table in given))
    return dataclasses.replace(Dataset.of(made), name=f"{label} of {origin}", source=source, licence=licence)
