"""Several molecules at once: MOL and SDF files, and tables with a column of SMILES."""

from typing import TYPE_CHECKING

import pandas as pd

from engine.core import Dataset, UserError
from engine.molimage.gallery import name_of
from engine.molimage.molecule import Molecule, parse, standard, to_smiles
from engine.molimage.smiles_faults import chemistry_faults

if TYPE_CHECKING:
    from rdkit.Chem import Mol

MOST_MOLECULES = 2_000
LARGEST_FILE_MB = 20
END_OF_RECORD = "$$$$"
NAME_FIELDS = ("name", "compound_name", "common_name", "title", "id", "compound_id")  # of an SDF, in the order in which they are tried
MOST_TOLD = 5  # rows or records at fault that a message lists


def from_file(name: str, content: bytes) -> list[Molecule]:
    """Read a MOL or SDF file, version 2000 or 3000.

    Parameters
    ----------
    name : name of the file, which tells its kind.
    content : its bytes.

    Returns
    -------
    One molecule for each record, named by its title line, else by a field such as ``NAME``, else by the gallery.

    Raises
    ------
    UserError
        With the record at fault, and the atom where chemistry is impossible.
    """
    kind = name.lower().rpartition(".")[2]
    if kind not in ("mol", "sdf", "sd"):
        raise UserError(f"{name} is neither a MOL nor an SDF file.", "Save the molecule as .mol or .sdf, or paste its SMILES.", name)
    if len(content) > LARGEST_FILE_MB * 2**20:
        raise UserError(f"{name} is larger than {LARGEST_FILE_MB} MB.", "Give fewer molecules.", name)
    records = _records(content.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n"))
    if not records:
        raise UserError(f"{name} holds no molecule.", "Save it again from your drawing program.", name)
    if len(records) > MOST_MOLECULES:
        raise UserError(f"{name} holds {len(records):,} molecules; at most {MOST_MOLECULES:,} are read.", "Give fewer molecules.", name)
    return [_from_record(record, name, number) for number, record in enumerate(records, 1)]


def molecules_for(data: Dataset, dose_um: float) -> pd.DataFrame:
    """Return the molecules of a dataset with a column ``smiles``, as `parse_table` does."""
    return parse_table(data.frame, dose_um, data.name)


def parse_table(table: pd.DataFrame, dose_um: float, name: str = "the table") -> pd.DataFrame:
    """Read the molecules of a table.

    Parameters
    ----------
    table : (M, k) with a column ``smiles`` (a SMILES or the name of a drug); optional ``name`` and ``dose_um`` (µM).
    dose_um : dose of the rows without one, in µM.
    name : what the table is called in messages.

    Returns
    -------
    (M, 4) ``smiles`` (canonical, salts stripped), ``name``, ``dose_um``, ``notes`` (sentences, joined). A row without a SMILES is looked up
    by its name.

    Raises
    ------
    UserError
        With the rows at fault, counted from 1, and what is wrong in the first.
    """
    columns = {str(column).strip().casefold(): column for column in table}
    if "smiles" not in columns:
        raise UserError(f"{name} has no column smiles.", "Name the column that holds the molecules smiles.", "smiles")
    smiles = _texts(table[columns["smiles"]])
    names = _texts(table[columns["name"]]) if "name" in columns else [""] * len(table)
    doses = _doses(table[columns["dose_um"]], dose_um, name) if "dose_um" in columns else [dose_um] * len(table)
    rows: list[tuple[str, str, float, str]] = []
    wrong: list[tuple[int, UserError]] = []
    for number, (text, own, dose) in enumerate(zip(smiles, names, doses, strict=True), 1):
        try:
            read = parse(text or own)
        except UserError as problem:
            wrong.append((number, problem))
        else:
            rows.append((read.smiles, own or read.name, dose, " ".join(read.notes)))
    if wrong:
        number, first = wrong[0]
        others = f" {len(wrong) - 1} more rows cannot be read: {_numbers(wrong[1:])}." if len(wrong) > 1 else ""
        raise UserError(f"Row {number} of {name}: {first.message}{others}", first.fix, f"row {number}, {first.where or 'smiles'}")
    return pd.DataFrame(rows, columns=["smiles", "name", "dose_um", "notes"])


def _texts(column: pd.Series) -> list[str]:
    return [str(value).strip() if pd.notna(value) else "" for value in column]


def _doses(column: pd.Series, dose_um: float, name: str) -> list[float]:
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    strange = column.notna().to_numpy() & ~(numbers >= 0).to_numpy()
    if strange.any():
        row = int(strange.argmax())
        raise UserError(
            f"Row {row + 1} of {name}: the dose {column.iloc[row]!r} is no number of µM.",
            "Give doses in µM, zero or more.",
            f"row {row + 1}, dose_um",
        )
    return [float(value) for value in numbers.fillna(dose_um)]


def _numbers(wrong: list[tuple[int, UserError]]) -> str:
    return ", ".join(str(number) for number, _ in wrong[:MOST_TOLD]) + (" ..." if len(wrong) > MOST_TOLD else "")


def _records(text: str) -> list[str]:
    """Split a file at the lines that end a record; a MOL file is one record without such a line."""
    records: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip() == END_OF_RECORD:
            records.append([])
        else:
            records[-1].append(line)
    return ["\n".join(lines) for lines in records if any(line.strip() for line in lines)]


def _from_record(record: str, file: str, number: int) -> Molecule:
    place = f"{file}, molecule {number}"
    mol, fields = _read(record)
    if mol is None or not mol.GetNumAtoms():
        raise UserError(f"Molecule {number} of {file} cannot be read.", "Save it again from your drawing program.", place)
    try:
        fault = next(chemistry_faults(mol), None)
        if fault is not None:
            raise UserError(fault.sentence, "Correct it in your drawing program.", place)
        kept, notes = standard(_checked(mol))
    except UserError as problem:
        raise UserError(f"Molecule {number} of {file}: {problem.message}", problem.fix, place) from None
    smiles = to_smiles(kept)
    title = record.split("\n", 1)[0].strip()
    named = [fields[field] for field in NAME_FIELDS if fields.get(field)]
    return Molecule(smiles, title or (named[0] if named else name_of(smiles)), notes)


def _read(record: str) -> "tuple[Mol | None, dict[str, str]]":
    """Read one record without a check of its chemistry, and its fields by small name."""
    from rdkit import Chem, rdBase

    supplier = Chem.SDMolSupplier()
    with rdBase.BlockLogs():
        supplier.SetData(record + f"\n{END_OF_RECORD}\n", sanitize=False, removeHs=False, strictParsing=False)
        mol = supplier[0] if len(supplier) else None
    fields = {} if mol is None else {key.strip().casefold(): str(value).strip() for key, value in mol.GetPropsAsDict().items()}
    return mol, fields


def _checked(mol: "Mol") -> "Mol":
    from rdkit import Chem

    Chem.SanitizeMol(mol)
    if mol.GetNumConformers() and mol.GetConformer().Is3D():
        Chem.AssignStereochemistryFrom3D(mol)
    else:
        Chem.AssignChiralTypesFromBondDirs(mol)
        Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol
