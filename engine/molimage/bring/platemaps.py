"""Which molecule was in which well: plate maps of the Cell Painting Gallery, and tables that users bring."""

import re
from pathlib import PurePosixPath

import pandas as pd

from engine.data.findings import Finding, refuse
from engine.molimage.bring.places import Place
from engine.molimage.bring.table import DMSO, open_text, plain

KEYS = (["plate", "well"], ["well"], ["broad_sample"], ["compound"])  # ways to join, the most exact first
TOLD = ("smiles", "compound", "moa", "dose_um", "broad_sample")


def molecules_of_wells(table: pd.DataFrame, compounds: pd.DataFrame) -> tuple[pd.DataFrame, Finding]:
    """Join the molecules to the fields.

    Parameters
    ----------
    table : one row per field.
    compounds : one row per well, compound or sample, with ``smiles``.

    Returns
    -------
    The table with the facts of the compounds, and a finding that counts the fields without one.

    Raises
    ------
    UserError
        When the two have no column in common to join by.
    """
    keys = next((keys for keys in KEYS if set(keys) <= set(table.columns) and set(keys) <= set(compounds.columns)), None)
    if keys is None:
        message = (
            f"The table of compounds has {', '.join(map(str, compounds.columns))}. It needs well (and plate), or compound, and smiles."
        )
        raise refuse("no-key", message, where="compounds")
    left, right = (frame.assign(**{key: _as_key(frame[key], key) for key in keys}) for frame in (table, compounds))
    facts = [name for name in TOLD if name in right.columns and name not in keys]
    several = right.drop_duplicates([*keys, *facts]).duplicated(keys, keep=False)
    if several.any():
        first = right.drop_duplicates([*keys, *facts])[several].iloc[0]
        where = ", ".join(f"{key} {first[key]}" for key in keys)
        raise refuse("compounds-several", f"The table of compounds says two things of {where}. Give it plate and well.", where="compounds")
    joined = left.drop(columns=[name for name in facts if name in left]).merge(
        right[[*keys, *facts]].drop_duplicates(keys), on=keys, how="left"
    )
    known = joined["smiles"].notna() if "smiles" in joined else pd.Series(False, index=joined.index)
    message = f"Molecules were joined by {' and '.join(keys)}: {int(known.sum()):,} of {len(joined):,} fields have one."
    return joined, Finding("joined", "note" if known.all() else "warn", message, "compounds")


def platemaps_in(place: Place) -> pd.DataFrame | None:
    """Return the molecules by plate and well from ``barcode_platemap.csv``, the maps it names and the sample tables; None without them."""
    barcodes = [name for name in place.names if PurePosixPath(name).name.lower() == "barcode_platemap.csv"]
    if not barcodes:
        return None
    listed = pd.concat([_opened(place, name) for name in barcodes], ignore_index=True)
    maps = {PurePosixPath(name).stem: name for name in place.names if "platemap" in PurePosixPath(name).parent.as_posix().lower()}
    wells = []
    for plate, plate_map in zip(listed["assay_plate_barcode"], listed["plate_map_name"], strict=True):
        if str(plate_map) in maps:
            wells.append(_opened(place, maps[str(plate_map)]).assign(plate=str(plate)))
    if not wells:
        return None
    found = pd.concat(wells, ignore_index=True).rename(columns={"well_position": "well"})
    if "mmoles_per_liter" in found:
        found["dose_um"] = pd.to_numeric(found["mmoles_per_liter"], errors="coerce") * 1000
    for name in place.names:
        if re.search(r"external_metadata|repurposing_samples", name, re.I) and name.lower().endswith((".tsv", ".txt", ".csv")):
            samples = _opened(place, name).rename(columns={"pert_iname": "compound"})
            new = [column for column in ("smiles", "compound", "moa") if column in samples and column not in found]
            if "broad_sample" in samples and "broad_sample" in found and new:
                found = found.merge(samples[["broad_sample", *new]].drop_duplicates("broad_sample"), on="broad_sample", how="left")
    if "broad_sample" in found:
        is_solvent = found["broad_sample"].isna() | found["broad_sample"].astype(str).str.upper().isin(["", "DMSO"])
        found["smiles"] = found.get("smiles", pd.Series(index=found.index, dtype=object)).astype(object).where(~is_solvent, DMSO)
        found["compound"] = found.get("compound", found["broad_sample"]).astype(object).where(~is_solvent, "DMSO")
    return found


def _opened(place: Place, name: str) -> pd.DataFrame:
    frame = open_text(place.read(name), name)
    return frame.rename(columns={column: plain(column) for column in frame.columns})


def _as_key(values: pd.Series, key: str) -> pd.Series:
    """Return values as they can be compared: text, wells as A01 whether written A1, a01 or A01."""
    text = values.fillna("").map(lambda cell: str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip())
    if key != "well":
        return text
    return text.str.upper().str.replace(r"^([A-Z]{1,2})(\d)$", r"\g<1>0\g<2>", regex=True)
