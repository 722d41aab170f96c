"""The table that says what each image shows: names of columns as people write them, doses in µM, molecules checked row by row."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.data import text
from engine.data.findings import Finding, named, refuse
from engine.data.safety import check_start, checked_file
from engine.molimage.bring.stack import again

IMAGE = "image"
FACTS = ("smiles", "compound", "moa", "dose_um", "plate", "well", "site", "split", "replicate")
ALIASES = {
    "smiles": ("smiles", "canonical_smiles", "isomeric_smiles", "metadata_smiles", "molecule"),
    "compound": ("compound", "compound_name", "drug", "treatment", "pert_iname", "metadata_pert_iname", "name", "cpd_name"),
    "moa": ("moa", "mechanism", "mechanism_of_action", "metadata_moa"),
    "plate": ("plate", "plate_id", "metadata_plate", "barcode", "assay_plate_barcode"),
    "well": ("well", "well_position", "metadata_well", "well_id"),
    "site": ("site", "field", "metadata_site", "fov"),
    "split": ("split", "set", "fold"),
    "replicate": ("replicate", "metadata_replicate"),
    IMAGE: ("image", "file", "path", "filename", "file_name", "image_path", "sample_key"),
}  # fmt: skip
DOSES = {"um": 1.0, "nm": 1e-3, "mm": 1e3, "pm": 1e-6, "m": 1e6}  # µM in one unit
_DOSE = re.compile(r"(dose|concentration|conc|mmoles_per_liter)(?:_(um|nm|mm|pm|m|umol_l|nmol_l|mmol_l))?$")
SPLITS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val", "test": "test",
    "testing": "test",
}  # fmt: skip
CONTROLS = {"dmso", "vehicle", "negcon", "negative control", "control", "untreated"}
DMSO = "CS(C)=O"
FEW = 10  # rows or files listed in a message
HEADER = 2  # row number, in the file, of the first row below the names


@dataclass(frozen=True)
class ImageTable:
    """A table read: what each row shows and where its pixels lie.

    Attributes
    ----------
    facts : one row per image, columns of `ImageSet.table`; smiles canonical, doses in µM.
    files : one row per image; column ``image``, or one column per channel.
    rows : (N,) number of each row in the file, the header being row 1.
    findings : what there is to say about the table.
    wrong : rows, by their place in ``facts``, that cannot be used, with the reason.
    """

    facts: pd.DataFrame
    files: pd.DataFrame
    rows: NDArray[np.int64]
    findings: tuple[Finding, ...] = ()
    wrong: dict[int, str] = field(default_factory=dict)

    def without(self, places: list[int]) -> "ImageTable":
        """Return the table less some rows."""
        kept = np.delete(np.arange(len(self.facts)), places)
        facts, files = (frame.iloc[kept].reset_index(drop=True) for frame in (self.facts, self.files))
        return ImageTable(facts, files, self.rows[kept], self.findings)


def read_table(source: str | Path | bytes | pd.DataFrame, label: str = "", encoding: str | None = None) -> ImageTable:
    """Read the table of a set of images.

    Parameters
    ----------
    source : path or bytes of a text table of any separator, or a table.
    label : name for messages.
    encoding : of the text; found out by default.

    Returns
    -------
    ImageTable, whose ``wrong`` names the rows with a molecule or a dose that cannot be read.

    Raises
    ------
    UserError
        When there is no column ``image`` or ``image_<channel>``, or the text is no table.
    """
    label = label or (Path(source).name if isinstance(source, str | Path) else "the table")
    frame = source if isinstance(source, pd.DataFrame) else open_text(source, label, encoding)
    findings: list[Finding] = []
    frame = _known_names(frame, findings)
    image_columns = [name for name in frame.columns if name == IMAGE or name.startswith(f"{IMAGE}_")]
    several = [name for name in image_columns if name != IMAGE]
    if not image_columns:
        seen = named(list(frame.columns))
        raise refuse("no-images", f"{label} has no column image or image_<channel>, such as image_dna; it has {seen}.", where=label)
    files = frame[several or [IMAGE]].map(_text).rename(columns=lambda name: name.removeprefix(f"{IMAGE}_"))
    facts = frame.drop(columns=image_columns)
    for name in facts.columns:
        if name in ("smiles", "compound", "moa", "plate", "well", "site", "replicate", "split"):
            facts[name] = facts[name].map(_text)
    wrong: dict[int, str] = {}
    _check_splits(facts, label)
    _check_doses(facts, wrong)
    _check_molecules(facts, findings, wrong)
    return ImageTable(facts.reset_index(drop=True), files.reset_index(drop=True), np.arange(len(facts)) + HEADER, tuple(findings), wrong)


def open_text(source: str | Path | bytes, label: str, encoding: str | None = None) -> pd.DataFrame:
    """Read a text table of any separator as it stands."""
    content = source if isinstance(source, bytes) else checked_file(source)
    check_start(content, label, "text")
    texts, _ = text.decode(content, encoding, label)
    if not texts.strip():
        raise refuse("file-empty", "The file is empty.", where=label)
    text.check_quotes(texts, label)
    names, body = text.parse(texts, text.layout_of(texts), True, label)
    body.columns = pd.Index(names)
    return body.loc[:, [bool(name) for name in names]]


def is_control(facts: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether each row is a solvent control: by the name of its compound or mechanism, or because its molecule is DMSO."""
    found = np.zeros(len(facts), bool)
    for column in ("compound", "moa"):
        if column in facts:
            found |= facts[column].fillna("").astype(str).str.strip().str.lower().isin(CONTROLS).to_numpy()
    if "smiles" in facts:
        found |= (facts["smiles"] == DMSO).to_numpy()
    return found


def rows_listed(rows: list[int]) -> str:
    """Spell row numbers: ``row 3``, or ``rows 3, 5, 9 and 4 more``."""
    if len(rows) == 1:
        return f"row {rows[0]:,}"
    more = f" and {len(rows) - FEW:,} more" if len(rows) > FEW else ""
    return "rows " + ", ".join(f"{row:,}" for row in rows[:FEW]) + more


def plain(name: str) -> str:
    """Return a column name in small letters, with µ as u and anything else as an underscore."""
    return re.sub(r"[^a-z0-9]+", "_", str(name).lower().replace("µ", "u").replace("μ", "u")).strip("_")


def _known_names(frame: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    """Give the columns the house's names; the first that fits a name gets it, doses are brought to µM."""
    frame = frame.copy()
    taken: dict[str, str] = {}
    for column in frame.columns:
        name = plain(column)
        fact = next((fact for fact, aliases in ALIASES.items() if name in aliases), name)
        dose = _DOSE.match(name)
        if dose and "dose_um" not in taken.values():
            fact = "dose_um"
            frame[column] = _in_um(frame[column], dose, str(column), findings)
        taken[str(column)] = fact if fact not in taken.values() else str(column)
    return frame.rename(columns=taken)


def _in_um(values: pd.Series, dose: re.Match[str], column: str, findings: list[Finding]) -> pd.Series:
    unit = (dose.group(2) or ("mm" if dose.group(1) == "mmoles_per_liter" else "")).replace("mol_l", "m")
    if not unit:
        message = f"Column {column} does not say its unit; it was taken as µM. Call it dose_um, dose_nm or dose_mm."
        findings.append(Finding("dose-unit", "warn", message, column, (column,)))
    numbers = pd.to_numeric(values, errors="coerce") * DOSES[unit or "um"]
    return numbers.astype(object).where(numbers.notna() | values.isna(), values)  # what is no number stays, to be named with its row


def _text(value: Any) -> str:
    """Return a cell as text: no value as empty text, whole numbers without a point."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _check_splits(facts: pd.DataFrame, label: str) -> None:
    if "split" not in facts:
        return
    known = facts["split"].str.lower().map(SPLITS)
    odd = sorted(set(facts["split"][known.isna() & (facts["split"] != "")]))
    if odd:
        message = f"Column split of {label} holds {named(odd)}. Write train, val or test."
        raise refuse("split", message, where=f"{label}, column split", columns=("split",))
    facts["split"] = known.fillna("")


def _check_doses(facts: pd.DataFrame, wrong: dict[int, str]) -> None:
    if "dose_um" not in facts:
        return
    numbers = pd.to_numeric(facts["dose_um"], errors="coerce").astype(float)
    for place in np.flatnonzero((numbers.isna() & facts["dose_um"].notna()) | (numbers < 0) | np.isinf(numbers)):
        wrong[int(place)] = f"'{facts['dose_um'].iloc[place]}' is no dose"
    facts["dose_um"] = numbers


def _check_molecules(facts: pd.DataFrame, findings: list[Finding], wrong: dict[int, str]) -> None:
    """Make every molecule canonical; look up by name those that have none, and remember the rows that fail."""
    if "smiles" not in facts:
        facts["smiles"] = ""
    names = facts["compound"] if "compound" in facts else pd.Series("", index=facts.index)
    facts.loc[(facts["smiles"] == "") & names.str.strip().str.lower().isin({"dmso"}), "smiles"] = DMSO
    written, called, smiles = facts["smiles"].tolist(), names.tolist(), []
    said: set[str] = set()
    outside: dict[str, str] = {}
    for place, given in enumerate(written):
        found = _molecule(given) if given else _Read()
        smiles.append(found.smiles)
        said |= {f"{given[:60]}: {note}" for note in found.notes}
        if found.problem and not found.is_outside:
            wrong[place] = f"'{given[:60]}': {found.problem}"
        elif found.problem:
            called[place] = called[place] or given  # it counts by its name; without one by what was written
            outside[called[place]] = found.problem
    facts["smiles"] = smiles
    if outside:
        facts["compound"] = called
        names = facts["compound"]
    if said:
        message = f"Molecules were simplified: {'; '.join(sorted(said)[:3]).rstrip('.')}{_more(len(said) - 3)}"
        findings.append(Finding("molecules", "note", message, "smiles"))
    if outside:
        listed = "; ".join(f"{name}: {why}" for name, why in list(outside.items())[:3]).rstrip(".")
        message = f"Structures outside of what the models know count by name only. {listed}{_more(len(outside) - 3)}"
        findings.append(Finding("outside", "warn", message, "smiles", ("smiles",)))
    nameless = sorted(set(names[(facts["smiles"] == "") & (names != "")]) - outside.keys())
    looked_up = {name: found.smiles for name in nameless if (found := _molecule(name)).smiles}
    if looked_up:
        empty = facts["smiles"] == ""
        facts.loc[empty, "smiles"] = names[empty].map(looked_up).fillna("")
        message = f"The structure of {named(looked_up)} was looked up by name. Check it."
        findings.append(Finding("looked-up", "note", message, "smiles", ("smiles",)))
    if not (facts["smiles"] != "").any():
        message = "No image has a molecule: the images can be looked at and scored, but no model of molecules can be trained on them."
        findings.append(Finding("no-molecules", "warn", message, "smiles", ("smiles",)))


def _more(count: int) -> str:
    return f"; and {count:,} more." if count > 0 else "."


class _Read(NamedTuple):
    """A molecule as read: canonical SMILES, what was changed, what is wrong, and whether it is a molecule that the models do not take."""

    smiles: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""
    is_outside: bool = False


@lru_cache(maxsize=50_000)
def _molecule(written: str) -> _Read:
    """Read a SMILES or the name of a drug."""
    from rdkit import Chem, rdBase

    from engine.molimage.molecule import parse

    try:
        found = parse(written)
    except UserError as problem:
        with rdBase.BlockLogs():
            return _Read(problem=problem.message, is_outside=Chem.MolFromSmiles(written) is not None)
    return _Read(found.smiles, found.notes)


def wrong_rows(table: ImageTable, label: str) -> Finding:
    """Say which rows cannot be used and why, the first ten reasons by name."""
    reasons: dict[str, list[int]] = {}
    for place, why in table.wrong.items():
        reasons.setdefault(why, []).append(int(table.rows[place]))
    rows = sorted(row for listed in reasons.values() for row in listed)
    told = "; ".join(f"{rows_listed(listed)}: {why}" for why, listed in list(reasons.items())[:FEW]).rstrip(".")
    message = f"{label} has {len(rows):,} {'row' if len(rows) == 1 else 'rows'} that cannot be used: {told}{_more(len(reasons) - FEW)}"
    return Finding("wrong-rows", "stop", message, f"{label}, {rows_listed(rows)}", (), (again("Leave these rows out", leave_out=True),))
