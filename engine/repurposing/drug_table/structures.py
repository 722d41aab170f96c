"""The skeleton of a molecule as a key: the first block of the InChIKey of its largest part, the same for every salt."""

import re

_KEY = re.compile(r"[A-Z]{14}(-[A-Z]{10}(-[A-Z])?)?")


def skeleton_of_key(inchikey: str) -> str:
    """Return the first 14 letters of an InChIKey; empty for what is none."""
    text = inchikey.strip().upper().removeprefix("INCHIKEY=")
    return text[:14] if _KEY.fullmatch(text) else ""


def skeleton_of(smiles: str) -> str:
    """Return the first block of the InChIKey of the largest part of a molecule, charges undone; empty when it cannot be read.

    Notes
    -----
    The block hashes atoms and bonds without stereochemistry, isotopes and, mostly, tautomers: enantiomers share it, and so do a base and
    its salts once the counter-ion is gone.

    Examples
    --------
    >>> skeleton_of("CC(=O)Oc1ccccc1C(=O)[O-].[Na+]") == skeleton_of("CC(=O)Oc1ccccc1C(=O)O") == "BSYNRYMUTXBXSQ"
    True
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem.MolStandardize import rdMolStandardize

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None or molecule.GetNumAtoms() == 0:
            return ""
        parent = rdMolStandardize.Uncharger().uncharge(rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose(molecule))
        return str(Chem.MolToInchiKey(parent))[:14]  # type: ignore[no-untyped-call]
