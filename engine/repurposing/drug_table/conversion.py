"""The affinities of a table, row by row, in -log10 M; rows that hold no concentration are left out, and said."""

import numpy as np
import pandas as pd

from engine.core import UserError
from engine.repurposing.drug_table.affinity import MOST, NEGATIVE_LOG, as_negative_log, unit_named, units_without_a_column
from engine.repurposing.drug_table.layouts import Rows

BOUNDS = (">", ">=", ">>")  # of a concentration: binding is weaker than stated
SHOWN = 5


def with_affinity(frame: pd.DataFrame, rows: Rows, unit: str, said: list[str]) -> pd.DataFrame:
    """Return the rows with ``affinity`` in -log10 M, NaN where the table states none.

    Parameters
    ----------
    frame : rows under our names, text; a part of ``rows.frame``.
    unit : what the user says, or ``detect``.
    said : sentences, to which those about units are added.

    Raises
    ------
    UserError
        When a cell holds no number, a concentration is not positive, an affinity is tighter than any, or its unit cannot be told.

    Notes
    -----
    In an export of activities (ChEMBL) a row is one measurement, also one that failed: without a concentration, or with a mere bound, it
    is no evidence of binding and goes. In a table of targets (DrugCentral, one's own) a row without a value still names a target and stays.
    """
    if "affinity" not in frame:
        said.append(f"{rows.where} has no affinities: every pair is kept, its affinity unknown.")
        return frame.assign(affinity=np.nan)
    value = _numbers(frame["affinity"], rows.headers["affinity"], rows)
    if "unit" in frame and unit == "detect":
        units, keep = _row_by_row(frame["unit"], value, rows, said)
    else:
        units, told = units_without_a_column(value, rows.headers["affinity"], _asked(rows, unit), rows.where, rows.first_row)
        keep = pd.Series(True, index=frame.index)
        said += [told] if unit != "detect" or not rows.layout.unit else []
    _check_positive(value, units, rows)
    affinity = as_negative_log(value, units)
    if "negative_log" in frame:
        affinity = _numbers(frame["negative_log"], rows.headers["negative_log"], rows).fillna(affinity)
    _check_range(affinity, rows)
    is_measurement = rows.layout.name == "ChEMBL"
    bounded = frame["relation"].str.strip("' ").isin(BOUNDS) if "relation" in frame else pd.Series(False, index=frame.index)
    if bounded.any():
        done = "left out" if is_measurement else "taken as stated"
        said.append(f"Only a bound, binding is weaker than stated: {counted(bounded, 'value')}, {done}.")
    if is_measurement:
        empty = affinity.isna() & keep
        if empty.any():
            said.append(f"Left out: {counted(empty, 'measurement')} without a value.")
        keep &= ~bounded & ~empty
    return frame.assign(affinity=affinity)[keep]


def counted(marked: "pd.Series[bool]", thing: str) -> str:
    """Write how many things are marked, such as "2 rows"."""
    count = int(marked.sum())
    return f"{count:,} {thing}{'s' * (count != 1)}"


def _asked(rows: Rows, unit: str) -> str:
    """Return the unit that the user or else the layout states."""
    return rows.layout.unit if unit == "detect" and rows.layout.unit else unit


def _row_by_row(
    column: "pd.Series[str]", value: "pd.Series[float]", rows: Rows, said: list[str]
) -> tuple["pd.Series[str]", "pd.Series[bool]"]:
    """Return the unit of each row by the column of units, and which rows are kept: not those in units that are no concentration."""
    units = column.map(unit_named, na_action="ignore").astype(object)
    strange = units.isna() & column.notna() & value.notna()
    if strange.any():
        named = ", ".join(column[strange].unique()[:SHOWN])
        said.append(f"Left out: {counted(strange, 'row')} in units that are no concentration ({named}).")
    bare = column.isna() & value.notna()
    if bare.any():
        units[bare], told = units_without_a_column(value[bare], rows.headers["affinity"], "detect", rows.where, rows.first_row)
        said.append(f"Without a unit: {counted(bare, 'row')}. {told}")
    said.append("Affinities were converted row by row by the column of units.")
    return units, ~strange


def _numbers(texts: "pd.Series[str]", header: str, rows: Rows) -> "pd.Series[float]":
    """Read numbers; a text that is none is an error with its place."""
    value = pd.to_numeric(texts, errors="coerce").astype(float)
    bad = value.isna() & texts.notna()
    if bad.any():
        place = _row(bad, rows)
        raise UserError(
            f"Column {header} of {rows.where} holds '{texts[bad].iloc[0]}' in row {place}.", "Affinities must be numbers.", header
        )
    return value


def _check_positive(value: "pd.Series[float]", units: "pd.Series[str]", rows: Rows) -> None:
    """Refuse a concentration that is zero or less."""
    wrong = (value <= 0) & units.notna() & (units != NEGATIVE_LOG)
    if wrong.any():
        header = rows.headers["affinity"]
        fix = "A concentration is above zero: correct it, or leave the cell empty where it is unknown."
        raise UserError(f"Column {header} of {rows.where} holds {value[wrong].iloc[0]:g} in row {_row(wrong, rows)}.", fix, header)


def _check_range(affinity: "pd.Series[float]", rows: Rows) -> None:
    """Refuse an affinity tighter than any."""
    wrong = affinity > MOST
    if wrong.any():
        message = (
            f"{int(wrong.sum()):,} affinities of {rows.where} are above {MOST:g} ({NEGATIVE_LOG}), the first in row {_row(wrong, rows)}: "
            f"{affinity[wrong].iloc[0]:.4g}."
        )
        fix = "Nothing binds so tightly: check the unit, or name it (nM, uM; mixed takes what is above 15 as nM)."
        raise UserError(message, fix, rows.headers["affinity"])


def _row(wrong: "pd.Series[bool]", rows: Rows) -> int:
    """Return the number in the file of the first row that is wrong."""
    return int(wrong.index[wrong.to_numpy()][0]) + rows.first_row
