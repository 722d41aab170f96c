"""An export says whose data it holds and what may be done with them; terms that are not known are never made up (pitfall 17)."""

import pytest

from engine.repurposing.drug_table import export_sentence, licence_of


@pytest.mark.parametrize(
    ("source", "terms", "is_commercial", "is_share_alike"),
    [
        ("DrugCentral", "CC BY-SA 4.0", True, True),
        ("DrugCentral, as selected by Belyaeva et al. 2021", "CC BY-SA 4.0", True, True),
        ("CHEMBL", "CC BY-SA 3.0", True, True),
        ("DRUGBANK", "CC BY-NC 4.0", False, False),
        ("drug2cell", "non-commercial", False, False),
        ("Drug Repurposing Hub", "not stated", None, False),
        ("geology of the Alps", "not stated", None, False),
        ("a substring", "not stated", None, False),
        ("IUPHAR", "ODbL, contents CC BY-SA 4.0", True, True),
    ],
)  # fmt: skip
def test_terms_of_a_source(source, terms, is_commercial, is_share_alike):
    found = licence_of(source)
    assert (found.terms, found.is_commercial, found.is_share_alike) == (terms, is_commercial, is_share_alike)


def test_the_strictest_terms_are_told():
    told = export_sentence(["CHEMBL; DRUGBANK", "my lab", "CHEMBL"])
    assert told.count("ChEMBL (CC BY-SA 3.0)") == 1
    assert "Not for commercial use, because of DrugBank." in told
    assert "share-alike terms of ChEMBL" in told
    assert "Find out the terms of my lab" in told


def test_free_terms_need_no_warning_and_no_source_needs_one():
    assert export_sentence(["simulated"]) == "Sources and terms: simulated (CC0)."
    assert "not stated" in export_sentence([""])
