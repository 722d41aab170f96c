"""A gene is found under its older or newer name, in any case and past spreadsheet dates; a table of another kind is named and refused."""

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.repurposing.expression.aliases import ALIASES
from engine.repurposing.expression.identifiers import current, findings, kind_of, match, one_row_per_gene, symbols

HUMAN = ["EGFR", "RIPK1", "HDAC1", "C1orf112", "HIST1H1D", "IL6", "TP53"]


def test_symbols_are_upper_case_without_blanks():
    assert symbols([" Egfr", "tp53 ", None, np.nan, pd.NA, 1]) == ("EGFR", "TP53", "", "", "", "1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("HIST1H1D", "H1-3"), ("c19orf66", "SHFL"), ("SEPT2", "SEPTIN2"), ("MARCH1", "MARCHF1"), ("MARC1", "MTARC1"),
        ("HIST1H2BO", "H2BC17"), ("HIST1H4L", "H4C13"), ("HIST1H3J", "H3C12"), ("HIST1H2AM", "H2AC17"),
        ("SARS", "SARS1"), ("EPRS", "EPRS1"), ("EGFR", "EGFR"),
        ("ENSG00000146648.18", "ENSG00000146648"), ("AC004.5", "AC004.5"),
    ],
)  # fmt: skip
def test_renamed_genes(old, new):
    assert current(old) == new
    assert current(new) == new


def test_the_alias_table_is_one_step_deep():
    assert not set(ALIASES) & set(ALIASES.values())
    assert all(text == text.upper() for pair in ALIASES.items() for text in pair)


@pytest.mark.parametrize(
    ("date", "gene"),
    [
        ("2-Sep", "SEPTIN2"), ("02-Sep", "SEPTIN2"), ("Sep-02", "SEPTIN2"), ("1-Mar", "MARCHF1"), ("1-Dec", "DELEC1"),
        ("15-Sep", "SELENOF"), ("10-Mar-21", "MARCHF10"), ("2021-09-07", "SEPTIN7"), ("2006/3/9 00:00:00", "MARCHF9"),
    ],
)  # fmt: skip
def test_dates_become_genes_again(date, gene):
    assert current(date) == gene
    assert f"{date.upper()} as {gene}" in findings([*HUMAN, date], "the counts")[0]


def test_many_dates_ask_for_another_import():
    dates = [f"{day}-Sep" for day in range(1, 13)]
    said = findings([*HUMAN, *dates], "the counts")[0]
    assert "12 gene names" in said
    assert "as text" in said
    assert "MARC1" not in said
    assert "MARC1 and MARC2" in findings(["1-Mar"], "the counts")[0]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["ENSG00000146648.18", "ENSG00000137275", "ENSMUSG00000020122.9"], "Ensembl"),
        ([1956, 8737.0, "3065"], "Entrez"),
        (["1007_s_at", "AFFX-BioB-5_at", "1552263_at", "121_at"], "Affymetrix"),
        (["Egfr", "Ripk1", "Hdac1", "0610007P14Rik", "Cd8a"], "mouse symbols"),
        (HUMAN, "symbols"),
        ([], "symbols"),
    ],
)
def test_kinds_are_told_apart(names, kind):
    assert kind_of(names) == kind
    assert any("human symbols" in sentence for sentence in findings(names, "the counts")) == (kind != "symbols")


def test_duplicates_and_blanks_are_said():
    blank, twice = findings(["EGFR", "egfr ", "TP53", None], "the counts")
    assert blank == "1 rows of the counts have no gene name and are left out."
    assert twice == "1 genes stand in the counts more than once (the first: EGFR)."


def test_old_and_new_names_find_each_other_both_ways():
    forth = match(["H1-3", "SHFL", "Egfr", "TP53"], ["HIST1H1D", "C19ORF66", "egfr", "MYC"], "the terminals", "the network")
    back = match(["HIST1H1D", "C19ORF66"], ["H1-3", "SHFL"], "the terminals", "the network")
    assert forth.matched == {"H1-3": "HIST1H1D", "SHFL": "C19ORF66", "EGFR": "EGFR"}
    assert (forth.unmatched, forth.rate) == (("TP53",), 0.75)
    assert back.matched == {"HIST1H1D": "H1-3", "C19ORF66": "SHFL"}
    assert forth.sentences[0] == "3 of 4 genes of the terminals were found in the network; not found: TP53."
    assert "2 of them have another name there (H1-3 as HIST1H1D, SHFL as C19ORF66" in forth.sentences[1]


def test_a_name_that_stands_there_is_never_translated():
    assert match(["MARC1", "MTARC1"], ["MARC1", "MTARC1"], "a", "b").matched == {"MARC1": "MARC1", "MTARC1": "MTARC1"}


def test_half_is_enough_and_less_is_refused_with_the_first_twenty():
    assert match(["A", "B"], ["A"], "a", "b").rate == 0.5
    names = ["A", *(f"X{i}" for i in range(30))]
    with pytest.raises(UserError) as caught:
        match(names, ["A"], "the terminals", "the network")
    assert "Only 1 of 31 genes of the terminals were found in the network" in caught.value.message
    assert "X19 …" in caught.value.message
    assert "X20" not in caught.value.message
    assert "human" in caught.value.fix


@pytest.mark.parametrize(
    ("names", "word"),
    [(["ENSG00000146648.18"], "Ensembl"), ([1956], "Entrez"), (["1007_s_at"], "chip"), (["Zfp36", "Egr1", "Fos"], "mouse")],
)
def test_the_refusal_names_the_kind(names, word):
    with pytest.raises(UserError, match=word):
        match(names, HUMAN, "the counts", "the network")


def test_mouse_genes_that_match_are_said():
    assert "mouse" in match(["Egfr", "Ripk1"], HUMAN, "the counts", "the network").sentences[-1]


def test_one_row_per_gene():
    table = pd.DataFrame({"a": [1.0, 5.0, 2.0, 9.0, 7.0], "b": [1.0, 1.0, 2.0, 9.0, 7.0]}, index=["EGFR", "TP53", "EGFR", "", "MYC"])
    assert one_row_per_gene(table).to_dict("list") == {"a": [2.0, 5.0, 7.0], "b": [2.0, 1.0, 7.0]}
    assert one_row_per_gene(table, "sum").to_dict("list") == {"a": [3.0, 5.0, 7.0], "b": [3.0, 1.0, 7.0]}
    assert list(one_row_per_gene(table).index) == list(one_row_per_gene(table, "sum").index) == ["EGFR", "TP53", "MYC"]
