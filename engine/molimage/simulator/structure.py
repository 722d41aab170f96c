"""From the structure of a molecule to how strongly it acts: published functions of RDKit descriptors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from engine.core import UserError
from engine.molimage.simulator import constants

BASIC_AMINE = "[NX3;H2,H1,H0;!$(N[!#6;!#1]);!$(N-C=[O,N,S]);!$(N-[a,$(C=C),$(C#N)]);!$(N[CX3]);$(N[CX4])]"
ACID = "[$([CX3](=O)[OX2H1,OX1-]),$(S(=O)(=O)[OH,O-]),$(P(=O)[OH,O-]),$(c1nnn[nH]1)]"


@dataclass(frozen=True)
class Structure:
    """What the simulator reads off a molecule.

    Parameters
    ----------
    smiles : canonical isomeric SMILES.
    values : descriptors by name: Crippen log P, TPSA (Å²), molecular weight (g/mol), donors, acceptors, rotatable bonds, aromatic rings,
        share of sp3 carbons.
    is_basic : whether there is a basic aliphatic amine and no acid.
    """

    smiles: str
    values: Mapping[str, float]
    is_basic: bool

    @cached_property
    def z(self) -> dict[str, float]:
        """Descriptors standardised by `constants.DESCRIPTORS`, held within ±3."""
        return {n: max(-3.0, min(3.0, (self.values[n] - centre) / scale)) for n, (centre, scale) in constants.DESCRIPTORS.items()}

    @property
    def potency(self) -> float:
        """Largest share of the mechanism's effect that the molecule reaches."""
        return constants.POTENCY_LOW + (1 - constants.POTENCY_LOW) * _logistic(1.0 + self._weighted(constants.POTENCY))

    @property
    def ec50_um(self) -> float:
        """Dose of half its effect in µM."""
        low, high = constants.LOG10_EC50_RANGE
        return 10.0 ** max(low, min(high, self._weighted(constants.LOG10_EC50_UM)))

    @property
    def amphiphilicity(self) -> float:
        """Graded 0 to 1: how much the molecule gathers in lysosomes because it is a lipophilic base."""
        centre, scale = constants.AMPHIPHILE_LOG_P
        return _logistic((self.values["log_p"] - centre) / scale) if self.is_basic else 0.0

    def _weighted(self, weights: Mapping[str, float]) -> float:
        return sum(weight * self.z[name] for name, weight in weights.items())


@lru_cache(maxsize=20_000)
def structure_of(smiles: str) -> Structure:
    """Return the descriptors of a molecule; a SMILES that RDKit cannot read is a `UserError`."""
    from rdkit import Chem
    from rdkit.Chem import rdMolDescriptors

    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        raise UserError(f"'{smiles}' is not a molecule that can be read.", "Give a valid SMILES.", "smiles")
    values = {
        "log_p": rdMolDescriptors.CalcCrippenDescriptors(molecule)[0], "tpsa": rdMolDescriptors.CalcTPSA(molecule),
        "weight": rdMolDescriptors._CalcMolWt(molecule), "donors": rdMolDescriptors.CalcNumHBD(molecule),
        "acceptors": rdMolDescriptors.CalcNumHBA(molecule), "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds(molecule),
        "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings(molecule), "fraction_sp3": rdMolDescriptors.CalcFractionCSP3(molecule),
    }  # fmt: skip
    basic, acid = (molecule.HasSubstructMatch(Chem.MolFromSmarts(smarts)) for smarts in (BASIC_AMINE, ACID))
    return Structure(Chem.MolToSmiles(molecule), {name: float(value) for name, value in values.items()}, basic and not acid)


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
