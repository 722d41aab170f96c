"""Which table is this? The layouts of public drug-target tables, and the names that people give to columns of their own."""

import ast
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from engine.core import Dataset, UserError
from engine.data import read
from engine.data.safety import TEXT, check_start, checked_file, opened
from engine.data.text import decode
from engine.repurposing.columns import label

COMMENTS = ("#", "!")  # in front of the header of Repurposing Hub files
LISTED = 20


@dataclass(frozen=True)
class Layout:
    """How one kind of table names what is needed.

    Attributes
    ----------
    name : as in sentences and licences.
    needs : columns, in small letters, by which it is known.
    columns : our name -> their column, in small letters; some may be missing in a given file.
    splits : signs between the genes of one row.
    unit : of its affinities when the layout fixes it; "" when a column or the user says it.
    note : a sentence that its reader must see.
    """

    name: str
    needs: frozenset[str]
    columns: Mapping[str, str]
    splits: str = "|"
    unit: str = ""
    note: str = ""


LAYOUTS = (
    Layout(
        "DrugCentral", frozenset({"drug_name", "gene", "act_value", "organism"}),
        {
            "drug": "drug_name", "gene": "gene", "affinity": "act_value", "kind": "act_type", "source": "act_source",
            "action": "action_type", "organism": "organism", "target": "target_name", "relation": "relation",
        },
        unit="-log10 M",
    ),
    Layout(
        "ChEMBL", frozenset({"molecule chembl id", "standard type", "standard value"}),
        {
            "drug": "molecule name", "drug_id": "molecule chembl id", "affinity": "standard value", "unit": "standard units",
            "negative_log": "pchembl value", "kind": "standard type", "relation": "standard relation", "organism": "target organism",
            "target": "target name", "target_id": "target chembl id", "target_type": "target type", "action": "action type",
            "smiles": "smiles", "gene": "gene",
        },
    ),
    Layout(
        "Drug Repurposing Hub", frozenset({"pert_iname", "target"}),
        {"drug": "pert_iname", "gene": "target", "smiles": "smiles", "inchikey": "inchikey"},
    ),
    Layout(
        "DrugCentral, as selected by Belyaeva et al. 2021", frozenset({"name", "protein_target", "drug", "affinity"}),
        {"drug": "drug", "gene": "name", "affinity": "affinity", "target": "protein_target"}, unit="-log10 M",
        note="It lists the genes of one interactome only: the number of targets of a drug is a lower bound.",
    ),
)  # fmt: skip

OWN = {  # for any other table: the first name that is there counts
    "drug": ("drug", "drug_name", "drug name", "compound", "compound_name", "pert_iname", "molecule", "molecule name"),
    "gene": ("gene", "gene_symbol", "gene symbol", "symbol", "target_gene", "target gene", "gene_name", "target", "targets", "protein"),
    "affinity": (
        "affinity", "act_value", "pchembl value", "pchembl", "pki", "pkd", "pic50", "pec50", "ki", "kd", "ic50", "ec50", "value",
        "affinity (nm)", "affinity_nm", "ki (nm)", "ki_nm", "kd (nm)", "kd_nm", "ic50 (nm)", "ic50_nm", "affinity (um)", "affinity_um",
        "ki (um)", "ki_um", "ic50 (um)", "ic50_um",
    ),
    "unit": ("unit", "units", "affinity_unit", "act_unit"),
    "kind": ("kind", "act_type", "type", "assay", "affinity_type"),
    "source": ("source", "act_source", "reference", "database"),
    "action": ("action", "action_type", "action type", "mode", "effect"),
    "family": ("family", "is_family"),
    "organism": ("organism", "species", "target organism"),
    "target": ("target_name", "target name", "protein_target"),
    "relation": ("relation",),
    "smiles": ("smiles",),
    "inchikey": ("inchikey", "inchi_key", "inchi key"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table under our names, all text.

    Attributes
    ----------
    frame : text, NaN where missing; index 0, 1, ...
    layout : what the table is.
    headers : our name -> name in the table.
    where, first_row : label, and number of the first row of data, for messages.
    sentences : how columns were recognised.
    """

    frame: pd.DataFrame
    layout: Layout
    headers: Mapping[str, str]
    where: str
    first_row: int
    sentences: tuple[str, ...]


def rows_of(table: Dataset | pd.DataFrame | str | Path) -> Rows:
    """Read a table and recognise its columns.

    Raises
    ------
    UserError
        When no column names the drug or the gene; the columns seen are listed.
    """
    raw, where, first_row = _raw(table)
    lower = {str(column).strip().lower(): str(column) for column in reversed(raw.columns)}
    layout = next((known for known in LAYOUTS if known.needs <= lower.keys()), None)
    if layout:
        headers = {ours: lower[theirs] for ours, theirs in layout.columns.items() if theirs in lower}
        said = [f"{where} was read as a table of {layout.name}.", *([layout.note] if layout.note else [])]
    else:
        layout = Layout("your own table", frozenset(), {}, splits="|;,")
        headers = {ours: lower[found] for ours, names in OWN.items() if (found := next((name for name in names if name in lower), None))}
        missing = [ours for ours in ("drug", "gene") if ours not in headers]
        if len(missing) == 1 and "name" in lower:
            headers[missing.pop()] = lower["name"]
        if missing:
            seen = ", ".join(map(str, raw.columns[:LISTED]))
            fix = f"Name one column {missing[0]}, or one of: {', '.join(OWN[missing[0]])}. Columns seen: {seen}."
            raise UserError(f"No column of {where} names the {missing[0]}.", fix, where)
        other = [f"{theirs} as {ours}" for ours, theirs in headers.items() if ours != theirs]
        said = [f"Columns of {where} were read by their usual names: {', '.join(other)}."] if other else []
    frame = _as_text(pd.DataFrame({ours: raw[theirs] for ours, theirs in headers.items()}).reset_index(drop=True))
    return Rows(frame, layout, headers, where, first_row, tuple(said))


def names_in(text: str) -> list[str]:
    """Return the target names of a cell: a Python set written out, as the authors' table has it, or the text itself."""
    if text.startswith("{"):
        try:
            return sorted(map(str, ast.literal_eval(text)))
        except (ValueError, SyntaxError):
            return [text]
    return [text]


def is_family(names: list[str], gene: str) -> bool:
    """Say whether target names mean more proteins than the gene: several names, or the number of a family without the member's letter.

    Examples
    --------
    >>> is_family(["Phosphodiesterase 4"], "PDE4B"), is_family(["Activin receptor type-2A"], "ACVR2A")
    (True, False)
    """
    member = re.fullmatch(r"[A-Z]+(\d+)[A-Z]\d?", gene)
    return len(names) > 1 or bool(member and any(name.endswith(f" {member[1]}") for name in names))


def _raw(table: Dataset | pd.DataFrame | str | Path) -> tuple[pd.DataFrame, str, int]:
    """Return the table as it is, a label and the number of its first row of data."""
    if isinstance(table, pd.DataFrame):
        return table, "the table", 1
    if isinstance(table, Dataset):
        return table.frame, table.name, 1
    content, inner = opened(checked_file(table), Path(table).name)
    if Path(inner).suffix.lower() not in TEXT:
        return read(table).frame, inner, 2
    check_start(content, inner, "text")
    lines = decode(content, None, inner)[0].splitlines()
    start = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith(COMMENTS)), None)
    if start is None:
        raise UserError(f"{inner} holds no table.", "Check that the download is complete.", inner)
    separator = max("\t;,", key=lines[start].count)
    try:
        frame = pd.read_csv(io.StringIO("\n".join(lines[start:])), sep=separator, dtype=str, skipinitialspace=True)
    except pd.errors.ParserError as problem:
        raise UserError(f"{inner} is not a table: {str(problem).rstrip('.')}.", "Check that the download is complete.", inner) from None
    return frame, inner, start + 2


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return every cell as text without blanks around it; empty cells are NaN."""
    text = frame.astype(object).map(label, na_action="ignore")
    return text.where(~text.isin(["", "nan", "NaN", "None", "<NA>"]))
