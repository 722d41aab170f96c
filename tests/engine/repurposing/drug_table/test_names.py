"""Names of one drug meet whatever their salt, case or code; names that may be two drugs never meet without a person (pitfall 15)."""

import pandas as pd
import pytest

from engine.core import UserError
from engine.repurposing.drug_table import match_drugs
from engine.repurposing.drug_table.names import SYNONYMS, normal_name, without_salt
from engine.repurposing.drug_table.structures import skeleton_of, skeleton_of_key

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"


@pytest.mark.parametrize(
    ("name", "match", "how"),
    [
        ("imatinib", "Imatinib", "same name"),
        ("IMATINIB", "Imatinib", "same name"),
        ("imatinib mesylate", "Imatinib", "salt"),
        ("Imatinib (mesylate)", "Imatinib", "salt"),
        ("lapatinib ditosylate monohydrate", "lapatinib", "salt"),
        ("sunitinib", "sunitinib malate", "salt"),
        ("sunitinib hydrochloride", "sunitinib malate", "salt"),
        ("SAHA", "vorinostat", "synonym"),
        ("PS-341", "bortezomib", "synonym"),
        ("Taxol", "paclitaxel", "synonym"),
        ("β-lapachone", "beta-lapachone", "same name"),
    ],
)
def test_what_is_the_same_drug(name, match, how):
    reference = ["Imatinib", "lapatinib", "sunitinib malate", "vorinostat", "bortezomib", "paclitaxel", "beta-lapachone"]
    matches = match_drugs([name], reference)
    assert matches.matches.to_numpy().tolist() == [[name, match, how]]
    assert matches.review.empty


def test_a_salt_alone_is_no_salt_of_anything():
    assert without_salt("potassium iodide") == "potassium iodide"
    assert match_drugs(["potassium iodide"], ["potassium chloride"]).matches.empty


def test_combination_products_are_matched_part_by_part_and_reviewed():
    found = match_drugs(["Ezetimibe / Simvastatin", "trimethoprim and sulfamethoxazole"], ["simvastatin", "ezetimibe", "trimethoprim"])
    assert found.matches.to_numpy().tolist() == [
        ["Ezetimibe / Simvastatin", "ezetimibe", "part of a combination"],
        ["Ezetimibe / Simvastatin", "simvastatin", "part of a combination"],
        ["trimethoprim and sulfamethoxazole", "trimethoprim", "part of a combination"],
    ]
    assert found.review["why"].str.startswith("combination product").all()
    assert len(found.review) == 2


def test_names_written_alike_are_offered_never_taken():
    found = match_drugs(["prednisolon", "xyzzy"], ["prednisolone", "prednisone"])
    assert found.matches.empty
    assert found.review[found.review["name"] == "prednisolon"]["candidate"].tolist()[0] == "prednisolone"
    assert found.review[found.review["name"] == "xyzzy"][["candidate", "why"]].to_numpy().tolist() == [["", "not found"]]
    assert found.sentences == ("0 of 2 drug names were found; 2 are to be reviewed.",)


def test_two_entries_for_one_name_are_reviewed_unless_one_is_the_base():
    assert match_drugs(["imatinib phosphate"], ["imatinib", "imatinib mesylate"]).matches["match"].tolist() == ["imatinib"]
    doubt = match_drugs(["imatinib"], ["imatinib mesylate", "imatinib phosphate"])
    assert doubt.matches.empty
    assert doubt.review["candidate"].tolist() == ["imatinib mesylate", "imatinib phosphate"]


def test_structures_meet_across_names_and_salts():
    names = pd.DataFrame({"drug": ["STI-571 (lab code)"], "smiles": [f"{IMATINIB}.CS(=O)(=O)O"]})
    reference = pd.DataFrame({"drug": ["gleevec", "ethanol"], "smiles": [IMATINIB, "CCO"]})
    assert match_drugs(names, reference).matches.to_numpy().tolist() == [["STI-571 (lab code)", "gleevec", "structure"]]


def test_a_name_with_another_structure_is_reviewed():
    names = pd.DataFrame({"drug": ["imatinib"], "smiles": ["CCO"]})
    reference = pd.DataFrame({"drug": ["imatinib"], "smiles": [IMATINIB]})
    found = match_drugs(names, reference)
    assert found.matches.empty
    assert found.review["why"].tolist() == ["same name, but another structure"]


def test_skeletons_of_salts_enantiomers_and_keys_agree():
    # aspirin's key is well known: BSYNRYMUTXBXSQ-UHFFFAOYSA-N
    assert skeleton_of("CC(=O)Oc1ccccc1C(=O)O") == skeleton_of_key("BSYNRYMUTXBXSQ-UHFFFAOYSA-N") == "BSYNRYMUTXBXSQ"
    assert skeleton_of("C[C@H](N)C(=O)O") == skeleton_of("C[C@@H](N)C(=O)O")
    assert skeleton_of("CCO") != skeleton_of("CCN")
    assert skeleton_of("no molecule") == skeleton_of_key("too short") == ""
    keyed = pd.DataFrame({"drug": ["ASS-100"], "inchikey": ["BSYNRYMUTXBXSQ-UHFFFAOYSA-N"]})
    reference = pd.DataFrame({"drug": ["acetylsalicylate"], "smiles": ["CC(=O)Oc1ccccc1C(=O)[O-].[Na+]"]})
    assert match_drugs(keyed, reference).matches["how"].tolist() == ["structure"]


def test_no_drug_matches_another_of_a_list_of_approved_ones():
    """On 1,850 real names, matching a list with itself gives each name itself, up to entries that are the same drug twice."""
    names = pd.read_parquet(SYNONYMS.parent / "drugs.parquet")["name"].tolist()
    found = match_drugs(names, names)
    assert len(found.matches) > 0.99 * len(names)
    assert (found.matches["name"].map(normal_name) == found.matches["match"].map(normal_name)).all()
    salted = match_drugs([f"{name} hydrochloride" for name in names], names)
    right = salted.matches["name"].str.removesuffix(" hydrochloride") == salted.matches["match"]
    assert right.mean() > 0.99
    assert len(salted.matches) > 0.97 * len(names)


def test_a_table_without_names_is_refused():
    with pytest.raises(UserError, match="no column drug"):
        match_drugs(pd.DataFrame({"compound": ["a"]}), ["a"])
