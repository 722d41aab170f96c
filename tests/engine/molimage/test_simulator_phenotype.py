"""The phenotype of a molecule at a dose is the published formula of its mechanism and descriptors, and nothing else."""

import itertools
import math

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen, Descriptors, rdMolDescriptors

from engine.core import UserError
from engine.molimage.simulator import constants
from engine.molimage.simulator.phenotype import COLUMNS, DMSO, MECHANISMS, Phenotype, phenotype
from engine.molimage.simulator.structure import structure_of

COLCHICINE = "COc1cc2c(c(OC)c1OC)-c1ccc(OC)c(=O)cc1[C@@H](NC(C)=O)CC2"
PARACETAMOL = "CC(=O)Nc1ccc(O)cc1"
IMIPRAMINE = "CN(C)CCCN1c2ccccc2CCc2ccccc21"
NONE = "inactive"
RANGES = np.ptp([each.full.array() for each in MECHANISMS.values()], axis=0)


def by_hand(smiles, mechanism, dose):
    """Write the formula out with RDKit's other entry points."""
    m = Chem.MolFromSmiles(smiles)
    raw = {
        "log_p": Crippen.MolLogP(m), "tpsa": Descriptors.TPSA(m), "weight": Descriptors.MolWt(m), "donors": Descriptors.NumHDonors(m),
        "acceptors": Descriptors.NumHAcceptors(m), "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds(m),
        "aromatic_rings": Descriptors.NumAromaticRings(m), "fraction_sp3": Descriptors.FractionCSP3(m),
    }  # fmt: skip
    z = {name: min(3, max(-3, (raw[name] - a) / b)) for name, (a, b) in constants.DESCRIPTORS.items()}
    potency = 0.6 + 0.4 / (1 + math.exp(-1 - 0.8 * z["log_p"] + 0.7 * z["tpsa"] - 0.4 * z["weight"]))
    ec50 = 10 ** min(1, max(-1, -0.30 * z["log_p"] - 0.15 * z["weight"] + 0.20 * z["tpsa"] + 0.10 * z["donors"]))
    response = potency * dose**1.5 / (dose**1.5 + ec50**1.5)
    expected = {}
    for k, name in enumerate(COLUMNS):
        f = 0.10 * RANGES[k] * math.tanh(sum(w * z[d] for d, w in constants.DRIFT.get(name, {}).items()))
        full = constants.EFFECTS[mechanism].get(name, constants.DMSO[name])
        value = constants.DMSO[name] + response * (full - constants.DMSO[name]) + f * dose / (dose + 1)
        expected[name] = float(np.clip(value, *constants.BOUNDS[name]))
    return expected


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("smiles", [COLCHICINE, PARACETAMOL])
def test_formula(mechanism, smiles):
    for dose in (0.1, 10.0):
        found = phenotype(smiles, mechanism, dose)
        assert {name: getattr(found, name) for name in COLUMNS} == pytest.approx(by_hand(smiles, mechanism, dose), abs=1e-9)


@pytest.mark.parametrize("mechanism", ["", *MECHANISMS])
def test_no_dose_is_untreated(mechanism):
    assert phenotype(IMIPRAMINE, mechanism, 0.0) == DMSO


@pytest.mark.parametrize("mechanism", [name for name in MECHANISMS if name != NONE])
def test_more_dose_is_more_of_the_mechanism(mechanism):
    shift = MECHANISMS[mechanism].shift / np.where(RANGES > 0, RANGES, 1)
    along = [
        ((phenotype(COLCHICINE, mechanism, d).array() - DMSO.array()) / np.where(RANGES > 0, RANGES, 1)) @ shift
        for d in 10 ** np.arange(-2, 3.0)
    ]
    assert all(later > earlier for earlier, later in itertools.pairwise(along))
    assert along[-1] > 0.6 * shift @ shift


@pytest.mark.parametrize("smiles", [PARACETAMOL, "CC(=O)Oc1ccccc1C(=O)O", "CS(C)=O", COLCHICINE])
@pytest.mark.parametrize("mechanism", ["", NONE])
def test_inactive_molecules_stay_within_a_tenth(smiles, mechanism):
    moved = np.abs(phenotype(smiles, mechanism, 100.0).array() - DMSO.array())
    assert (moved <= 0.10 * RANGES + 1e-12).all()
    assert moved.any()


@pytest.mark.parametrize(
    ("smiles", "is_basic"),
    [
        (IMIPRAMINE, True), ("CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1", True), ("C1COCCN1CCCC", True), ("CCN1CCN(c2ccccc2)CC1", True),
        ("CCCN", True), ("CN(C)c1ccccc1", False), ("CC(=O)N(C)C", False), ("CCCS(=O)(=O)NC", False), ("c1ccncc1", False),
        ("C[N+](C)(C)CCCC", False), ("NCCCCCC(=O)O", False), ("CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN1CCCCC1", False), ("CN(C)N=O", False),
    ],
)  # fmt: skip
def test_basic_amines_are_told_from_other_nitrogen(smiles, is_basic):
    assert structure_of(smiles).is_basic is is_basic


def test_vacuoles_grow_with_lipophilicity_of_an_amine_whatever_its_label():
    chain = [phenotype("CN(C)" + "C" * n, "", 10.0).vacuoles for n in range(4, 17, 2)]
    assert all(later > earlier for earlier, later in itertools.pairwise(chain))
    assert chain[0] < 0.05
    assert chain[-1] > 0.4
    assert phenotype(IMIPRAMINE, NONE, 10.0).vacuoles > 0.2
    assert phenotype("CC" + "C" * 14, "", 10.0).vacuoles == 0  # as lipophilic, no amine
    assert phenotype(IMIPRAMINE, "tubulin", 10.0).vacuoles > 0.2
    assert phenotype(IMIPRAMINE, "tubulin", 10.0).multilobed > 0.5


def test_mechanisms_differ_and_lie_within_bounds():
    scaled = {name: each.full.array() / np.where(RANGES > 0, RANGES, 1) for name, each in MECHANISMS.items()}
    assert len(scaled) == 18
    for name, each in MECHANISMS.items():
        assert Phenotype.of(each.full.array()) == each.full, name
    for a, b in itertools.combinations(scaled, 2):
        assert np.linalg.norm(scaled[a] - scaled[b]) > 0.5, (a, b)


def test_errors_name_what_is_wrong():
    with pytest.raises(UserError, match="no mechanism 'magic'") as caught:
        phenotype(PARACETAMOL, "magic", 1.0)
    assert "tubulin" in caught.value.fix
    with pytest.raises(UserError, match="-1 µM"):
        phenotype(PARACETAMOL, NONE, -1.0)
    with pytest.raises(UserError, match="nan µM"):
        phenotype(PARACETAMOL, NONE, float("nan"))
    with pytest.raises(UserError, match="not a molecule that can be read"):
        phenotype("", NONE, 1.0)
