"""A molecule as a user gives it: read, stripped of salts, neutral, and in one canonical form."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.core import UserError
from engine.molimage.gallery import close_names, find, left_out, name_of
from engine.molimage.smiles_faults import faults, is_like_smiles

if TYPE_CHECKING:
    from rdkit.Chem import Bond, Mol

MOST_HEAVY_ATOMS = 150
LONGEST_TEXT = 4000
NONMETALS = frozenset((1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53))  # H B C N O F Si P S Cl Se Br I
OXYGEN, SULFUR, SELENIUM = 8, 16, 34
LIGHT_METALS = frozenset((3, 11, 19, 37, 55, 4, 12, 20, 38, 56))  # alkali and alkaline earth: counter-ions, as in sodium valproate
# acids and bases of salts that may be larger than the drug itself, as in olanzapine pamoate
COUNTER_IONS = frozenset((
    "O=C(O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O", "O=C(O)c1ccc2ccccc2c1O", "c1ccc(CNCCNCc2ccccc2)cc1", "O=S(=O)(O)c1ccc2ccccc2c1",
    "Cc1ccc(S(=O)(=O)O)cc1", "O=S(=O)(O)c1ccccc1", "CC1(C)C2CCC1(CS(=O)(=O)O)C(=O)C2", "CNCC(O)C(O)C(O)C(O)CO", "NC(CO)(CO)CO",
    "O=C(O)CC(O)(CC(=O)O)C(=O)O", "O=C(O)C(O)C(O)C(=O)O", "O=C(O)C=CC(=O)O", "O=C(O)CCC(=O)O", "O=CC(O)C(O)C(O)C(O)C(=O)O",
    "O=C(O)C(O)C(O)C(O)C(O)C(=O)O", "O=C(O)c1cc(S(=O)(=O)O)ccc1O", "CCCCCCCCCCCCCCCCCC(=O)O", "CCCCCCCCCCCCOS(=O)(=O)O",
))  # fmt: skip


@dataclass(frozen=True)
class Molecule:
    """A molecule that the models can take.

    Parameters
    ----------
    smiles : canonical isomeric SMILES of the fragment that is kept.
    name : its name; empty when it has none.
    notes : sentences for the reader: what was left out, what was looked up.
    """

    smiles: str
    name: str = ""
    notes: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def parse(text: str) -> Molecule:
    """Read a SMILES, an InChI, or the name of a drug of the gallery.

    A SMILES may be followed by a space and a name, as in a ``.smi`` file.

    Raises
    ------
    UserError
        With the atom, ring or letter at fault and its position; or when no drug has this name; or when the molecule is one no model here
        was made for: more than 150 heavy atoms, a metal, an open end (``*``), no carbon.

    Examples
    --------
    >>> from engine.molimage.molecule import parse
    >>> parse("CC(=O)Oc1ccccc1C(=O)[O-].[Na+]").name
    'aspirin'
    """
    given = text.strip()
    if not given:
        raise UserError("There is no molecule.", "Type a SMILES or the name of a drug, or draw one.")
    if len(given) > LONGEST_TEXT:
        raise UserError(f"{len(given):,} characters are too many for one molecule.", "Give one SMILES of at most 4,000 characters.")
    smiles, _, title = given.partition(" ")
    read = _read(smiles)
    drug = None if re.search(r"[=#()\[\]@\\]", given) else find(given)
    if drug is not None:  # before the SMILES: FCCP and CCCP are both
        told = f"{given} was taken as a name, not as a SMILES." if read else f"{given} was found as {drug.name}."
        return Molecule(drug.smiles, drug.name, () if drug.name.casefold() == given.casefold() and not read else (told,))
    if read is None:
        raise _not_read(given)
    mol, notes = standard(read)
    canonical = to_smiles(mol)
    return Molecule(canonical, title.strip() or name_of(canonical), notes)


def standard(mol: "Mol") -> tuple["Mol", tuple[str, ...]]:
    """Keep the largest organic fragment of a molecule that RDKit has read, and make it neutral; a sulfoxide is written S=O.

    Returns
    -------
    The fragment, and a sentence for each thing that was changed.

    Raises
    ------
    UserError
        When the molecule is one no model here was made for.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem.MolStandardize import rdMolStandardize

    _check_elements(mol)
    notes: list[str] = []
    with rdBase.BlockLogs():
        if any(atom.GetAtomicNum() in LIGHT_METALS and atom.GetDegree() for atom in mol.GetAtoms()):
            mol = rdMolStandardize.MetalDisconnector().Disconnect(mol)
        parts = list(Chem.GetMolFrags(mol, asMols=True))
        kept = max(parts, key=_weight) if len(parts) > 1 else mol
        if len(parts) > 1:
            others = sorted({to_smiles(part) for part in parts if part is not kept}, key=len)
            notes.append(f"A salt or a mixture: the largest organic part is kept; {_listed(others)} left out.")
        kept = _double_bonded(kept)
        neutral = rdMolStandardize.Uncharger().uncharge(kept)
        if len(parts) == 1 and to_smiles(neutral) != to_smiles(kept):
            notes.append("Charges were neutralised.")
    if not any(atom.GetAtomicNum() == 6 for atom in neutral.GetAtoms()):
        raise UserError("This molecule has no carbon; the models know organic molecules.", "Give an organic molecule.", "elements")
    if neutral.GetNumHeavyAtoms() > MOST_HEAVY_ATOMS:
        raise UserError(
            f"This molecule has {neutral.GetNumHeavyAtoms()} heavy atoms; the models know small molecules, of at most {MOST_HEAVY_ATOMS}.",
            "Give a smaller molecule: proteins, polymers and the like cannot be drawn here.", "size",
        )  # fmt: skip
    return neutral, tuple(notes)


def to_smiles(mol: "Mol") -> str:
    """Canonical isomeric SMILES, without hydrogens that need not be written."""
    from rdkit import Chem

    return str(Chem.MolToSmiles(Chem.RemoveHs(mol)))


def _read(text: str) -> "Mol | None":
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromInchi(text) if text.startswith("InChI=") else Chem.MolFromSmiles(text)
    return mol if mol is not None and mol.GetNumAtoms() else None


def _double_bonded(mol: "Mol") -> "Mol":
    """Write S=O and Se=O where charges were written instead of the second bond, as in C[S+](C)[O-]."""
    from rdkit import Chem

    if not any(_is_split(bond) for bond in mol.GetBonds()):
        return mol
    made = Chem.RWMol(mol)
    Chem.Kekulize(made, clearAromaticFlags=True)
    for bond in made.GetBonds():
        if _is_split(bond):
            bond.SetBondType(Chem.BondType.DOUBLE)
            for atom in (bond.GetBeginAtom(), bond.GetEndAtom()):
                atom.SetFormalCharge(atom.GetFormalCharge() + (1 if atom.GetAtomicNum() == OXYGEN else -1))
    Chem.SanitizeMol(made)
    return made.GetMol()


def _is_split(bond: "Bond") -> bool:
    """Whether a bond joins a positive sulphur or selenium and an oxygen with one negative charge and no other neighbour."""
    centre, oxygen = sorted((bond.GetBeginAtom(), bond.GetEndAtom()), key=lambda atom: atom.GetAtomicNum() == OXYGEN)
    is_charged = centre.GetFormalCharge() > 0 and oxygen.GetFormalCharge() == -1 and oxygen.GetDegree() == 1
    return bool(is_charged and centre.GetAtomicNum() in (SULFUR, SELENIUM) and oxygen.GetAtomicNum() == OXYGEN)


def _weight(mol: "Mol") -> tuple[bool, bool, int, float]:
    """Rank the parts of a salt: organic before others, counter-ions last, then by heavy atoms and mass."""
    from rdkit import Chem
    from rdkit.Chem.MolStandardize import rdMolStandardize
    from rdkit.Chem.rdMolDescriptors import CalcExactMolWt

    flat = Chem.MolToSmiles(rdMolStandardize.Uncharger().uncharge(mol), isomericSmiles=False)
    is_organic = any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms())
    return is_organic, flat not in COUNTER_IONS, mol.GetNumHeavyAtoms(), CalcExactMolWt(mol)


def _check_elements(mol: "Mol") -> None:
    for atom in mol.GetAtoms():
        number, place = atom.GetAtomicNum(), f"atom {atom.GetIdx() + 1}"
        if number == 0:
            raise UserError("An atom is left open (*): polymers and patterns are no molecules.", "Close it with an atom.", place)
        if number not in NONMETALS | LIGHT_METALS:
            raise UserError(
                f"This molecule holds {atom.GetSymbol()}; the models know organic molecules without such elements.",
                "Give a molecule made of H, B, C, N, O, F, Si, P, S, Cl, Se, Br and I.", place,
            )  # fmt: skip


def _listed(smiles: list[str]) -> str:
    shown = ", ".join(smiles[:3]) + (f" and {len(smiles) - 3} more" if len(smiles) > 3 else "")
    return f"{shown} {'is' if len(smiles) == 1 else 'are'}"


def _not_read(text: str) -> UserError:
    """Say what is wrong with a text that is neither a molecule nor a name."""
    reason = left_out(text)
    if reason:
        return UserError(f"{text} is known, but not to the models: {reason}.", "Choose another drug.", "name")
    if not is_like_smiles(text):
        near = close_names(text)
        fix = f"Did you mean {' or '.join(near)}?" if near else "Type its SMILES, or draw it."
        return UserError(f"There is no drug called {text[:60]} here; names are looked up offline, in a bundled list.", fix, "name")
    if text.startswith("InChI="):
        return UserError("This InChI cannot be read.", "Copy it again from its source, or give a SMILES.", "InChI")
    found = faults(re.split(r"\s", text)[0])
    if not found:
        return UserError("This SMILES cannot be read.", "Copy it again from its source, or draw the molecule.", "SMILES")
    return UserError(found[0].sentence, found[0].fix, found[0].where)
