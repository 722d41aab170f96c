"""What the facts of a screen's file mean: which axis holds genes, which column names the drug, its dose, its control."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Profiles, UserError
from engine.core.profiles import TemporaryFolder
from engine.core.stored_matrix import StoredMatrix

ABSENT = {"", "-666", "-666.0", "-666.000000", "na", "nan", "none", "null", "n/a"}
NAMES = {  # our name -> names in files, the first that holds anything counts
    "id": ("id", "inst_id", "sig_id", "profile_id", "cid"),
    "drug": ("drug", "pert_iname", "cmap_name", "compound", "compound_name", "perturbagen", "pert_id"),
    "cell": ("cell", "cell_id", "cell_iname", "cell_line", "cell_mfc_name"),
    "plate": ("plate", "det_plate", "rna_plate", "plate_id", "batch"),
    "well": ("well", "det_well", "rna_well", "well_position"),
}
DOSES, TIMES = ("pert_dose", "dose", "pert_idose", "dose_value"), ("pert_time", "time", "pert_itime", "timepoint")
SYMBOLS = ("pr_gene_symbol", "gene_symbol", "symbol", "gene_name", "feature_name", "gene")
MICROMOLAR = {"um": 1.0, "µm": 1.0, "μm": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6, "pm": 1e-6}
HOURS = {"h": 1.0, "hr": 1.0, "hrs": 1.0, "hour": 1.0, "hours": 1.0, "d": 24.0, "day": 24.0, "days": 24.0, "min": 1 / 60, "m": 1 / 60}
CONTROLS = {"dmso", "vehicle", "untreated", "control", "mock", "untrt", "water", "pbs"}
OF_GENES = re.compile(r"^(pr_|gene|symbol$|entrez|ensembl|feature_)", re.IGNORECASE)
OF_PROFILES = re.compile(
    r"^(pert|drug|compound|cmap_name|cell|det_|rna_|plate|well|dose|time|is_control|sig_|inst_|qc_|bead_|count_)", re.IGNORECASE
)
PROBE = re.compile(r"^(\d+(\.0)?|.*_at|ENS[A-Z]*G\d+(\.\d+)?)$")
SYMBOL = re.compile(r"^[A-Za-z][A-Za-z0-9.@_-]{0,19}$")
QUANTITY = re.compile(r"^\s*([-+0-9.eE]+)\s*([^\s\d]*)\s*$")
LISTED = 5


@dataclass(frozen=True)
class Axis:
    """One side of a file's matrix: its names, and what the file says of each."""

    ids: tuple[str, ...]
    facts: pd.DataFrame


@dataclass(frozen=True)
class Contents:
    """What a file holds: the matrix of profiles × genes, both axes, and sentences on how it was read."""

    matrix: StoredMatrix
    profiles: Axis
    genes: Axis
    notes: tuple[str, ...] = ()
    holder: TemporaryFolder | None = None


def is_swapped(gene_facts: Iterable[Any], profile_facts: Iterable[Any]) -> bool:
    """Return whether the axis that should hold genes holds profiles, by the names of the facts on both."""
    genes, profiles = tuple(map(str, gene_facts)), tuple(map(str, profile_facts))
    return _named(OF_PROFILES, genes) + _named(OF_GENES, profiles) > _named(OF_GENES, genes) + _named(OF_PROFILES, profiles)


def _named(pattern: "re.Pattern[str]", names: Iterable[str]) -> int:
    return sum(bool(pattern.match(name)) for name in names)


def screen_of(contents: Contents, name: str, source: str = "", licence: str = "") -> Profiles:
    """Return the screen with genes named by symbol and profiles by drug, cell, dose (µM), time (h), plate and control.

    Raises
    ------
    UserError
        When the genes have no names.
    """
    notes = list(contents.notes)
    genes, matrix = _genes(contents, notes, name)
    rows = _rows(contents.profiles, notes, name)
    if not rows["is_control"].any():
        notes.append(
            f"No profile of {name} is a control (pert_type ctl_*, or DMSO as the drug), so drugs cannot be compared with controls."
        )
    return Profiles(rows, genes, matrix, name, source, licence, notes=tuple(dict.fromkeys(notes)), holder=contents.holder)


def present(values: "pd.Series[str]") -> "pd.Series[str]":
    """Return texts with what means missing, -666 among it, as missing."""
    text = values.astype(object).where(values.notna(), "").astype(str).str.strip()
    return text.mask(text.str.lower().isin(ABSENT))


def _genes(contents: Contents, notes: list[str], name: str) -> tuple[tuple[str, ...], StoredMatrix]:
    """Return one symbol for each column, upper case, and the matrix without further columns of the same gene."""
    axis = contents.genes
    if not axis.ids:
        raise UserError(f"{name} does not name its genes.", "Save it again with the ids or symbols of its genes.", name)
    known = {str(column).lower(): column for column in axis.facts}
    given = next((known[column] for column in SYMBOLS if column in known), None)
    ids = pd.Series(axis.ids, dtype="str")
    if given is None and "description" in known and ids.str.match(PROBE).mean() > 0.5:  # GCT 1.2 has no better place
        described = axis.facts[known["description"]].astype("str")
        given = known["description"] if described.str.match(SYMBOL).fillna(False).mean() > 0.9 else None
    symbols = ids if given is None else present(axis.facts[given].reset_index(drop=True)).fillna(ids)
    upper = symbols.str.upper().str.strip()
    doubled = upper.duplicated()
    if doubled.any():
        listed = ", ".join(upper[doubled].drop_duplicates()[:LISTED])
        notes.append(
            f"{int(doubled.sum()):,} columns of {name} measure a gene that an earlier one measures ({listed}); the first of each was kept."
        )
        return tuple(upper[~doubled]), contents.matrix.select(columns=np.flatnonzero(~doubled))
    return tuple(upper), contents.matrix


def _rows(axis: Axis, notes: list[str], name: str) -> pd.DataFrame:
    """Return the facts of the profiles by our names first, all others behind."""
    texts = {str(column).lower(): present(axis.facts[column].reset_index(drop=True)) for column in axis.facts}
    rows: dict[str, pd.Series[Any]] = {"id": pd.Series(axis.ids, dtype="str")}
    for ours in ("drug", "cell"):
        found = _first(texts, NAMES[ours])
        if found is not None:
            rows[ours] = found
        else:
            notes.append(f"{name} does not say which {ours}{' line' if ours == 'cell' else ''} a profile is of.")
    rows["dose_um"] = _quantity(texts, "dose_um", DOSES, MICROMOLAR, "µM", notes)
    rows["time_h"] = _quantity(texts, "time_h", TIMES, HOURS, "hours", notes)
    for ours in ("plate", "well"):
        found = _first(texts, NAMES[ours])
        if found is not None:
            rows[ours] = found
    rows = {column: values for column, values in rows.items() if values.notna().any() or column == "id"}
    rows["is_control"] = pd.Series(_is_control(texts, rows.get("drug"), len(axis.ids)))
    used = {"drug", "cell", "plate", "well", "is_control", "dose_um", "time_h", "id"}
    others = {column: _number_or_text(axis.facts[column]) for column in axis.facts if str(column).lower() not in used}
    return pd.DataFrame(rows | {column: values for column, values in others.items() if values.notna().any()})


def _first(texts: dict[str, "pd.Series[str]"], names: Sequence[str]) -> "pd.Series[str] | None":
    """Return the first column that is there; where it has nothing, the next ones speak."""
    there = [texts[column] for column in names if column in texts and texts[column].notna().any()]
    if not there:
        return None
    found = there[0]
    for other in there[1:]:
        found = found.fillna(other)
    return found


def _quantity(
    texts: dict[str, "pd.Series[str]"], ours: str, names: Sequence[str], units: dict[str, float], unit: str, notes: list[str]
) -> "pd.Series[float]":
    """Return a dose or time in our unit, by the column of units beside it or the unit behind the number; NaN for other units."""
    if ours in texts:
        return pd.to_numeric(texts[ours], errors="coerce")
    column = next((column for column in names if column in texts and texts[column].notna().any()), None)
    n = len(next(iter(texts.values()))) if texts else 0
    if column is None:
        return pd.Series(np.full(n, np.nan))
    parts = texts[column].str.extract(QUANTITY)
    number = pd.to_numeric(parts[0], errors="coerce")
    beside = texts.get(f"{column}_unit", texts.get(f"{column}_units"))
    said = parts[1].replace("", np.nan)
    said = said if beside is None else said.fillna(beside)
    if said.notna().any():
        said = said.str.lower()
        strange = sorted(set(said[number.notna()].dropna()) - set(units))
        if strange:
            listed = ", ".join(strange[:LISTED])
            notes.append(f"{column} is given in {listed} too, which cannot be turned into {unit}; it counts as unknown there.")
        number = number * said.map(units)
    elif number.notna().any():
        notes.append(f"{column} has no unit; it was taken as {unit}.")
    return number.mask(number < 0)


def _is_control(texts: dict[str, "pd.Series[str]"], drug: "pd.Series[str] | None", n: int) -> NDArray[np.bool_]:
    if "is_control" in texts:
        return texts["is_control"].str.lower().isin({"true", "1", "1.0", "yes"}).to_numpy()
    found = np.zeros(n, dtype=bool)
    for column in ("pert_type", "pert_iname_type"):
        if column in texts:
            found |= texts[column].str.lower().str.startswith("ctl").fillna(False).to_numpy(dtype=bool)
    if drug is not None:
        found |= drug.str.lower().isin(CONTROLS).to_numpy()
    return found


def _number_or_text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a fact as numbers where all of it is numbers."""
    values = values.reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        return values.astype(np.float64).replace(-666.0, np.nan)
    text = present(values)
    number = pd.to_numeric(text, errors="coerce")
    return number.astype(np.float64) if number.notna().sum() == text.notna().sum() else text
