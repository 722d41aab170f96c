"""A molecule as numbers: substructures counted into a fixed vector, descriptors, and the similarity of two molecules."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.molimage.scaffolds import scaffold

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["DESCRIPTORS", "FEATURES", "features", "nearest", "read", "scaffold", "similarity"]

RADIUS = 2
MORGAN, PHARMACOPHORE, MACCS = 1024, 512, 166  # widths of the parts of the vector
SIMILARITY_BITS = 2048
BASIC_AMINE = "[NX3;H2,H1,H0;!$(N-C=[O,N,S]);!$(N-[a]);!$(N-C=C);!$(N-[S,P,N,O]);!$(N-C#N);$(N-[CX4])]"
ACID = "[$([CX3](=O)[OX2H1]),$(S(=O)(=O)[OX2H1]),$(P(=O)[OX2H1]),$(c1nnn[nH]1)]"
# mean and standard deviation over the gallery of named drugs
DESCRIPTORS = {
    "log_p": (2.69, 2.27), "tpsa": (86.7, 58.1), "log_weight": (2.54, 0.188), "donors": (2.03, 1.97), "acceptors": (5.05, 3.2),
    "rotatable_bonds": (5.34, 4.35), "rings": (3.03, 1.72), "aromatic_rings": (1.67, 1.26), "fraction_sp3": (0.448, 0.253),
    "basic_amines": (0.428, 0.663), "acids": (0.223, 0.527), "halogens": (0.641, 1.31), "stereocentres": (2.23, 3.39),
    "amphiphilicity": (0.696, 1.38),
}  # fmt: skip
FEATURES = MORGAN + PHARMACOPHORE + MACCS + len(DESCRIPTORS)


def features(smiles: Sequence[str]) -> NDArray[np.float32]:
    """Return one vector for each molecule.

    Parameters
    ----------
    smiles : (M,) SMILES that `parse` has read; the form in which a molecule is written does not matter.

    Returns
    -------
    (M, FEATURES) : log(1 + count) of Morgan environments up to radius 2 with chirality, folded to 1,024; the same over pharmacophore
    classes of atoms, folded to 512; MACCS keys; and the descriptors of `DESCRIPTORS`, standardised and held within ±4.

    References
    ----------
    Rogers, Hahn 2010, J. Chem. Inf. Model. 50:742; Durant et al. 2002, J. Chem. Inf. Comput. Sci. 42:1273.
    """
    return np.stack([_features(each) for each in smiles]) if len(smiles) else np.zeros((0, FEATURES), np.float32)


def similarity(a: Sequence[str], b: Sequence[str]) -> NDArray[np.float64]:
    """Return the Tanimoto similarity (A, B) of Morgan bits of radius 2 with chirality: bits in common over bits in either."""
    left, right = _bits(a), _bits(b)
    common = left @ right.T
    either = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :] - common
    return np.divide(common, either, out=np.ones_like(common), where=either > 0)


def nearest(smiles: str, among: Sequence[str], n: int = 5) -> pd.DataFrame:
    """Return the ``n`` molecules most similar to one: ``row`` in ``among``, ``smiles``, ``similarity`` (Tanimoto), best first."""
    alike = similarity([smiles], among)[0]
    order = np.argsort(-alike, kind="stable")[:n]
    return pd.DataFrame({"row": order, "smiles": [among[row] for row in order], "similarity": alike[order]})


def descriptors(smiles: str) -> dict[str, float]:
    """Return the descriptors of one molecule by name, in their own units.

    Crippen log P; topological polar surface (Å²); log10 of the molecular weight (g/mol); hydrogen-bond donors and acceptors; rotatable
    bonds; rings, aromatic rings; share of sp3 carbons; basic amines; acids; halogens; stereocentres; and amphiphilicity: log P above 1 of
    a base without an acid, zero of all others, the rule of thumb for molecules that gather in lysosomes.

    Notes
    -----
    On the gallery (935 labelled molecules, 18 classes, 5 folds of whole scaffolds) a linear SVM finds the mechanism of unseen scaffolds
    with a balanced accuracy of 0.72 from all four parts of `features`, 0.68 from Morgan counts alone, 0.44 from descriptors alone; taking
    the mechanism of the most similar molecule reaches 0.65. Atom pairs, torsions, paths, a third radius and drug-likeness added nothing.
    """
    from rdkit.Chem import rdMolDescriptors

    mol = read(smiles)
    log_p = rdMolDescriptors.CalcCrippenDescriptors(mol)[0]
    basic, acid = (len(mol.GetSubstructMatches(pattern)) for pattern in _patterns())
    return {
        "log_p": log_p, "tpsa": rdMolDescriptors.CalcTPSA(mol), "log_weight": float(np.log10(rdMolDescriptors._CalcMolWt(mol))),
        "donors": rdMolDescriptors.CalcNumHBD(mol), "acceptors": rdMolDescriptors.CalcNumHBA(mol),
        "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds(mol), "rings": rdMolDescriptors.CalcNumRings(mol),
        "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings(mol), "fraction_sp3": rdMolDescriptors.CalcFractionCSP3(mol),
        "basic_amines": basic, "acids": acid, "halogens": sum(atom.GetAtomicNum() in (9, 17, 35, 53) for atom in mol.GetAtoms()),
        "stereocentres": rdMolDescriptors.CalcNumAtomStereoCenters(mol),
        "amphiphilicity": max(0.0, log_p - 1.0) if basic and not acid else 0.0,
    }  # fmt: skip


@lru_cache(maxsize=16384)
def _features(smiles: str) -> NDArray[np.float32]:
    from rdkit.Chem import rdMolDescriptors

    mol = read(smiles)
    exact, classes = _generators()[:2]
    keys = np.array(rdMolDescriptors.GetMACCSKeysFingerprint(mol), np.float32)[1:]
    told = descriptors(smiles)
    standard = np.array([(told[name] - centre) / scale for name, (centre, scale) in DESCRIPTORS.items()])
    counts = [np.log1p(make.GetCountFingerprintAsNumPy(mol).astype(np.float32)) for make in (exact, classes)]
    row = np.concatenate([*counts, keys, standard.clip(-4, 4)]).astype(np.float32)
    row.flags.writeable = False
    return row


def _bits(smiles: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([_bit_row(each) for each in smiles]) if len(smiles) else np.zeros((0, SIMILARITY_BITS), np.float32)


@lru_cache(maxsize=16384)
def _bit_row(smiles: str) -> NDArray[np.float32]:
    row: NDArray[np.float32] = _generators()[2].GetFingerprintAsNumPy(read(smiles)).astype(np.float32)
    row.flags.writeable = False
    return row


@lru_cache(maxsize=1)
def _generators() -> tuple[Any, Any, Any]:
    """Make counts of exact environments, counts over pharmacophore classes, and bits for the similarity."""
    from rdkit.Chem.rdFingerprintGenerator import GetMorganFeatureAtomInvGen, GetMorganGenerator

    return (
        GetMorganGenerator(radius=RADIUS, fpSize=MORGAN, includeChirality=True),
        GetMorganGenerator(radius=RADIUS, fpSize=PHARMACOPHORE, atomInvariantsGenerator=GetMorganFeatureAtomInvGen()),
        GetMorganGenerator(radius=RADIUS, fpSize=SIMILARITY_BITS, includeChirality=True),
    )


@lru_cache(maxsize=1)
def _patterns() -> tuple["Mol", "Mol"]:
    from rdkit import Chem

    return Chem.MolFromSmarts(BASIC_AMINE), Chem.MolFromSmarts(ACID)


def read(smiles: str) -> "Mol":
    """Read a SMILES that must be valid; otherwise a `UserError`."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or not mol.GetNumAtoms():
        raise UserError(f"'{smiles[:60]}' is not a molecule that can be read.", "Give a valid SMILES.", "smiles")
    return mol
