"""Molecules as one graph of atoms and directed bonds, in plain arrays for message passing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.molimage.fingerprint import read

ELEMENTS = ("C", "N", "O", "S", "F", "Cl", "P", "Br", "I", "B", "Si", "Se")
DEGREES, CHARGES, HYDROGENS = range(6), (-1, 0, 1), range(5)
HYBRIDS = ("SP", "SP2", "SP3")
HANDS = ("CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW")
BONDS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
STEREO = ("STEREONONE", "STEREOE", "STEREOZ")
# every list has one place more for "another value"
ATOM_FEATURES = sum(len(known) + 1 for known in (ELEMENTS, DEGREES, CHARGES, HYDROGENS, HYBRIDS, HANDS)) + 3
BOND_FEATURES = sum(len(known) + 1 for known in (BONDS, STEREO)) + 2


@dataclass(frozen=True)
class MolecularGraph:
    """M molecules with A atoms and B directed bonds in all; each bond is there in both directions.

    Parameters
    ----------
    atoms : (A, ATOM_FEATURES) float32: element, degree, charge, hydrogens, hybridisation, handedness, each one-hot; aromatic, in a ring,
        mass / 100.
    bonds : (B, BOND_FEATURES) float32: order and E/Z, one-hot; conjugated, in a ring.
    source, target : (B,) atoms from which and to which a bond leads.
    reverse : (B,) the same bond in the other direction.
    molecule : (A,) molecule of each atom, 0 to M - 1.
    """

    atoms: NDArray[np.float32]
    bonds: NDArray[np.float32]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    reverse: NDArray[np.int64]
    molecule: NDArray[np.int64]


def molecular_graph(smiles: Sequence[str]) -> MolecularGraph:
    """Return the graph of some molecules, atoms in the order of the SMILES; a SMILES that cannot be read is a `UserError`.

    Notes
    -----
    Handedness is that of the order in which a SMILES lists the neighbours, so it is taken from the canonical SMILES that `parse` gives:
    equal molecules have equal graphs, mirror images different ones.
    """
    parts = [_one(each) for each in smiles]
    if not parts:
        none = np.zeros(0, np.int64)
        return MolecularGraph(np.zeros((0, ATOM_FEATURES), np.float32), np.zeros((0, BOND_FEATURES), np.float32), none, none, none, none)
    first_atom = np.cumsum([0, *(len(part.atoms) for part in parts[:-1])])
    first_bond = np.cumsum([0, *(len(part.bonds) for part in parts[:-1])])
    return MolecularGraph(
        np.concatenate([part.atoms for part in parts]),
        np.concatenate([part.bonds for part in parts]),
        np.concatenate([part.source + at for part, at in zip(parts, first_atom, strict=True)]),
        np.concatenate([part.target + at for part, at in zip(parts, first_atom, strict=True)]),
        np.concatenate([part.reverse + at for part, at in zip(parts, first_bond, strict=True)]),
        np.repeat(np.arange(len(parts)), [len(part.atoms) for part in parts]),
    )


@lru_cache(maxsize=16384)
def _one(smiles: str) -> MolecularGraph:
    mol = read(smiles)
    atoms = np.array([_atom(atom) for atom in mol.GetAtoms()], np.float32)
    ends = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()], np.int64).reshape(-1, 2)
    told = np.array([_bond(bond) for bond in mol.GetBonds()], np.float32).reshape(-1, BOND_FEATURES)
    # directions 2k and 2k + 1 of bond k
    source, target = ends.ravel(), ends[:, ::-1].ravel()
    reverse = np.arange(len(source)) ^ 1
    return MolecularGraph(atoms, np.repeat(told, 2, axis=0), source, target, reverse, np.zeros(len(atoms), np.int64))


def _atom(atom: Any) -> list[float]:
    return [
        *_one_hot(atom.GetSymbol(), ELEMENTS), *_one_hot(atom.GetDegree(), DEGREES), *_one_hot(atom.GetFormalCharge(), CHARGES),
        *_one_hot(atom.GetTotalNumHs(), HYDROGENS), *_one_hot(atom.GetHybridization().name, HYBRIDS),
        *_one_hot(atom.GetChiralTag().name, HANDS),
        atom.GetIsAromatic(), atom.IsInRing(), atom.GetMass() / 100,
    ]  # fmt: skip


def _bond(bond: Any) -> list[float]:
    order, stereo = _one_hot(bond.GetBondType().name, BONDS), _one_hot(bond.GetStereo().name, STEREO)
    return [*order, *stereo, bond.GetIsConjugated(), bond.IsInRing()]


def _one_hot(value: Any, known: Sequence[Any]) -> list[float]:
    return [*(float(value == each) for each in known), float(value not in known)]
