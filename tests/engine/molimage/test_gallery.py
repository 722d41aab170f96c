"""The gallery is what the wheel, the hand-written labels and the tool compounds say: formulae, labels, names, one row a substance."""

import json

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from engine.core import UserError
from engine.molimage import gallery
from engine.molimage.gallery import FEW_SHOT, MOLECULES, close_names, drugs, find, left_out, mechanism_counts, mechanism_labels
from engine.molimage.gallery_build import build
from engine.molimage.molecule import parse
from engine.molimage.scaffolds import inchikey14

MECHANISMS = {
    "tubulin", "actin", "dna_damage", "dna_synthesis", "proteasome", "mitochondrial", "protein_synthesis", "hdac", "hsp90", "pi3k_mtor",
    "cdk", "aurora_plk", "atpase", "hmgcr", "rock", "glucocorticoid", "lysosomotropic", "inactive",
}  # fmt: skip
TOOLS = [tool for listed in json.loads((MOLECULES / "tools.json").read_text()).values() for tool in listed]


def test_tool_compounds_have_the_formulae_they_are_known_by():
    found = {tool["name"]: CalcMolFormula(Chem.MolFromSmiles(tool["smiles"])) for tool in TOOLS}
    assert found == {tool["name"]: tool["formula"] for tool in TOOLS}


def test_table_holds_every_label_written_by_hand_and_no_other():
    table = drugs()
    told = {row.name: (row.mechanism, row.note) for row in table.itertuples(index=False) if row.mechanism}
    assert told == mechanism_labels()
    assert set(table["mechanism"]) == MECHANISMS | {""}


def test_no_drug_has_two_labels():
    names = [tool["name"] for tool in TOOLS]
    for listed in json.loads((MOLECULES / "mechanisms.json").read_text()).values():
        for part in listed.values() if isinstance(listed, dict) else [listed]:
            names += part
    assert len(names) == len(set(names))


def test_every_molecule_is_in_the_form_that_parse_gives():
    table = drugs()
    some = table[(np.arange(len(table)) % 10 == 0) | table["smiles"].str.contains("+", regex=False)]
    assert [parse(smiles).smiles for smiles in some["smiles"]] == list(some["smiles"])
    assert table["name"].is_unique and table["smiles"].is_unique


def test_a_trained_model_knows_a_drug_by_the_smiles_of_the_gallery():
    from engine.molimage.simulator.structure import structure_of

    assert [structure_of(smiles).smiles for smiles in drugs()["smiles"].iloc[::5]] == list(drugs()["smiles"].iloc[::5])


def test_stereoisomers_are_there_twice_only_when_both_have_a_label():
    table = drugs()
    blocks = table["smiles"].map(inchikey14)
    twice = table[blocks.duplicated(keep=False)]
    assert (twice["mechanism"] != "").all()
    assert {"doxorubicin", "epirubicin"} <= set(twice["name"])


def test_few_shot_mechanisms_are_the_rare_ones():
    counts = mechanism_counts()
    assert counts["inactive"] >= 200 and counts["lysosomotropic"] >= 60 and counts["glucocorticoid"] >= 35
    assert counts.index[counts < FEW_SHOT].tolist() == ["actin"]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Taxol", "paclitaxel"), ("ADRIAMYCIN", "doxorubicin"), ("acetylsalicylic acid", "aspirin"), ("mg132", "MG-132"),
        ("17 aag", "tanespimycin"), ("Doxorubicin HCl", "doxorubicin"), ("fluoxetine hydrochloride", "fluoxetine"), ("Y27632", "Y-27632"),
        ("penicillin-g", "benzylpenicillin"),
    ],
)  # fmt: skip
def test_drugs_are_found_by_the_names_people_type(asked, name):
    assert find(asked).name == name


def test_every_name_and_synonym_finds_its_drug():
    assert all(find(name).name == name for name in drugs()["name"])
    synonyms = json.loads((MOLECULES / "synonyms.json").read_text())
    assert all(find(synonym).name == name for synonym, name in synonyms.items())


def test_unknown_names_find_nothing_but_their_neighbours():
    assert find("aspirn") is None and close_names("aspirn") == ["aspirin"]
    assert "Pt" in left_out("Cisplatin") and left_out("aspirin") == ""


def test_caller_cannot_spoil_the_gallery():
    table = drugs()
    table["name"] = "spoilt"
    assert drugs()["name"].nunique() == len(table)


def test_building_strips_salts_joins_forms_and_says_what_it_leaves_out(monkeypatch):
    monkeypatch.setattr("engine.molimage.gallery_build.mechanism_labels", lambda: {"quinine": ("inactive", "")})
    given = [
        ("QUININE SULFATE", "C=C[C@H]1CN2CC[C@H]1C[C@H]2[C@H](O)c1ccnc2ccc(OC)cc12.OS(=O)(=O)O"),
        ("QUININE", "C=C[C@H]1CN2CC[C@H]1C[C@H]2[C@H](O)c1ccnc2ccc(OC)cc12"),
        ("QUINIDINE", "C=C[C@H]1CN2CC[C@H]1C[C@@H]2[C@@H](O)c1ccnc2ccc(OC)cc12"),
        ("SODIUM ACETATE", "CC(=O)[O-].[Na+]"),
        ("AMPHOTERICIN B", "CCO"), ("WATER", "O"), ("UREA C 13", "N[13C](N)=O"),
        ("ZINC SALT", "[Zn+2].CC(=O)[O-]"),
    ]  # fmt: skip
    table, reasons = build(pd.DataFrame(given, columns=["pref_name", "smiles"]))
    own = table[~table["name"].isin([tool["name"] for tool in TOOLS])]
    assert list(own["name"]) == ["amphotericin B", "quinine", "sodium acetate"]
    assert own.set_index("name").loc["quinine", "mechanism"] == "inactive"
    assert {"quinidine", "water", "ureac13", "zincsalt", "cisplatin"} == set(reasons) - {"carboplatin", "oxaliplatin"}
    assert "stereoisomer of quinine" in reasons["quinidine"] and "isotope" in reasons["ureac13"] and "Zn" in reasons["zincsalt"]


def test_a_label_without_a_drug_is_an_error(monkeypatch):
    monkeypatch.setattr("engine.molimage.gallery_build.mechanism_labels", lambda: {"nosuchdrug": ("actin", "")})
    with pytest.raises(UserError, match="nosuchdrug"):
        build(pd.DataFrame({"pref_name": ["A"], "smiles": ["CC"]}))


def test_only_two_names_are_also_smiles():
    names = [*drugs()["name"], *json.loads((MOLECULES / "synonyms.json").read_text())]
    also = [name for name in names if Chem.MolFromSmiles(name.split()[0]) is not None]
    assert {gallery.find(name).name for name in also} == {"FCCP", "CCCP", "BI 2536", "volasertib"}
