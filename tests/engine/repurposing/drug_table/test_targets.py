"""Every layout of drug-target table becomes one row per drug and gene by the published rules; nothing is lost in silence."""

import math

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, UserError
from engine.repurposing.drug_table import direction, promiscuity, read_targets

DRUG_CENTRAL = [  # DRUG_NAME, TARGET_NAME, GENE, ACT_VALUE, ACT_TYPE, ACT_SOURCE, RELATION, ACTION_TYPE, ORGANISM
    ("Vorinostat", "Histone deacetylase 1", "HDAC1", "8.89", "IC50", "CHEMBL", "=", "INHIBITOR", "Homo sapiens"),
    ("Vorinostat", "Histone deacetylase", "HDAC1|HDAC2|HDAC3", "6.96", "IC50", "WOMBAT-PK", "=", "INHIBITOR", "Homo sapiens"),
    ("vorinostat", "Histone deacetylase (HDAC1 and HDAC2)", "HDAC1|HDAC2", "8.0", "Ki", "CHEMBL", "", "INHIBITOR", "Homo sapiens"),
    ("Vorinostat", "Histone deacetylase 1", "HDAC1", "7.5", "IC50", "CHEMBL", "=", "INHIBITOR", "Mus musculus"),
    ("Ribavirin", "Adenosine kinase", "ADK", "", "", "SCIENTIFIC LITERATURE", "", "", "Homo sapiens"),
    ("Imatinib", "Weak kinase", "WEAK1", "4.9", "IC50", "CHEMBL", "=", "", "Homo sapiens"),
    ("Imatinib", "Borderline kinase", "EDGE1", "5", "IC50", "CHEMBL", ">", "", "Homo sapiens"),
    ("Heparin", "Something without a gene", "", "7.0", "Kd", "CHEMBL", "=", "", "Homo sapiens"),
]
NAMES = ["DRUG_NAME", "TARGET_NAME", "GENE", "ACT_VALUE", "ACT_TYPE", "ACT_SOURCE", "RELATION", "ACTION_TYPE", "ORGANISM"]


@pytest.fixture
def drug_central(tmp_path):
    path = tmp_path / "drug.target.interaction.tsv"
    quoted = ["\t".join(f'"{cell}"' for cell in row) for row in (NAMES, *DRUG_CENTRAL)]
    path.write_text("\n".join(quoted) + "\n")
    return path


def slow_rules(rows):
    """The published rules in plain loops, with the largest affinity of each drug and gene."""
    pairs = {}
    for drug, _, genes, value, *_, organism in rows:
        for gene in genes.split("|"):
            if organism == "Homo sapiens" and gene and not (value and float(value) < 5):
                pairs.setdefault((drug.lower(), gene), []).append(float(value) if value else math.nan)
    return {pair: max((v for v in values if not math.isnan(v)), default=math.nan) for pair, values in pairs.items()}


def test_drug_central_by_the_published_rules(drug_central):
    read = read_targets(drug_central)
    found = {(row.drug, row.gene): row.affinity for row in read.table.itertuples()}
    assert found == pytest.approx(slow_rules(DRUG_CENTRAL), nan_ok=True)
    assert read.source == "DrugCentral"
    assert read.licence == "CC BY-SA 4.0"
    text = " ".join(read.sentences)
    assert "1 row of another organism" in text
    assert "1 row without a drug or a gene" in text
    assert "1 value, taken as stated" in text
    assert "below 5" in text


def test_a_family_explodes_into_genes_that_are_aggregated_with_their_provenance(drug_central):
    """Trap 3: one drug and gene had four rows."""
    table = read_targets(drug_central).table.set_index(["drug", "gene"])
    assert table.index.is_unique
    hdac1 = table.loc[("vorinostat", "HDAC1")]
    assert (hdac1["affinity"], hdac1["kind"], hdac1["family"], hdac1["n_rows"]) == (8.89, "IC50", 0, 3)
    assert hdac1["source"] == "CHEMBL; WOMBAT-PK"
    assert "Histone deacetylase (HDAC1 and HDAC2)" in hdac1["target"]
    hdac2 = table.loc[("vorinostat", "HDAC2")]
    assert (hdac2["affinity"], hdac2["kind"], hdac2["family"]) == (8.0, "Ki", 1)


def test_a_measurement_on_the_gene_alone_wins_a_tie():
    rows = [("a", "one", "X", "8"), ("a", "family", "X|Y", "8")]
    frame = pd.DataFrame(rows, columns=["DRUG_NAME", "TARGET_NAME", "GENE", "ACT_VALUE"]).assign(ORGANISM="Homo sapiens")
    for order in ([0, 1], [1, 0]):
        table = read_targets(frame.iloc[order]).table.set_index("gene")
        assert table["family"].to_dict() == {"X": 0, "Y": 1}


def test_a_pair_without_an_affinity_stays_and_is_said(drug_central):
    """Trap 4: dropped for want of a value, the pair cost the published list its fourth drug."""
    read = read_targets(drug_central)
    row = read.table[read.table["drug"] == "ribavirin"].iloc[0]
    assert row["gene"] == "ADK"
    assert np.isnan(row["affinity"])
    assert any("1 pair without an affinity" in sentence for sentence in read.sentences)


def test_the_cut_off_can_be_moved(drug_central):
    assert "WEAK1" in set(read_targets(drug_central, least_affinity=4.5).table["gene"])
    assert "EDGE1" not in set(read_targets(drug_central, least_affinity=5.1).table["gene"])
    own = pd.DataFrame({"drug": ["a"], "gene": ["X"], "affinity": [4.0]})
    with pytest.raises(UserError, match="No row of the table is left"):
        read_targets(own)


def test_what_was_read_is_read_again_the_same(drug_central):
    first = read_targets(drug_central)
    again = read_targets(first.dataset)
    pd.testing.assert_frame_equal(again.table.drop(columns=["n_rows", "target"]), first.table.drop(columns=["n_rows", "target"]))
    assert isinstance(first.dataset, Dataset)
    assert first.dataset.licence == "CC BY-SA 4.0"


CHEMBL = (
    '"Molecule ChEMBL ID";"Molecule Name";"Smiles";"Standard Type";"Standard Relation";"Standard Value";"Standard Units";"pChEMBL Value";'
    '"Target ChEMBL ID";"Target Name";"Target Organism";"Target Type"\n'
    '"CHEMBL1";"IMATINIB";"CCO";"Ki";"\'=\'";"30";"nM";"7.52";"T1";"Tyrosine-protein kinase ABL";"Homo sapiens";"SINGLE PROTEIN"\n'
    '"CHEMBL1";"IMATINIB";"CCO";"IC50";"\'=\'";"2";"uM";"";"T1";"Tyrosine-protein kinase ABL";"Homo sapiens";"SINGLE PROTEIN"\n'
    '"CHEMBL1";"IMATINIB";"CCO";"IC50";"\'>\'";"1";"nM";"";"T2";"Bounded";"Homo sapiens";"SINGLE PROTEIN"\n'
    '"CHEMBL2";"";"CCN";"Inhibition";"\'=\'";"80";"%";"";"T1";"Tyrosine-protein kinase ABL";"Homo sapiens";"SINGLE PROTEIN"\n'
    '"CHEMBL2";"";"CCN";"Kd";"\'=\'";"100";"nM";"";"T3";"Casein kinase";"Homo sapiens";"PROTEIN FAMILY"\n'
    '"CHEMBL2";"";"CCN";"Kd";"";"";"";"";"T1";"Tyrosine-protein kinase ABL";"Homo sapiens";"SINGLE PROTEIN"\n'
)


def test_chembl_activities_are_converted_row_by_row(tmp_path):
    path = tmp_path / "activities.csv"
    path.write_text(CHEMBL)
    read = read_targets(path, genes={"T1": "ABL1", "casein kinase": "CSNK1A1", "T2": "BND"})
    found = {(row.drug, row.gene): (round(row.affinity, 4), row.kind, row.family, row.n_rows) for row in read.table.itertuples()}
    assert found == {("imatinib", "ABL1"): (7.52, "Ki", 0, 2), ("chembl2", "CSNK1A1"): (7.0, "Kd", 1, 1)}
    text = " ".join(read.sentences)
    assert "no concentration (%)" in text
    assert "1 value, left out" in text
    assert "1 measurement without a value" in text
    assert read.structures["smiles"].tolist() == ["CCO", "CCN"]
    with pytest.raises(UserError, match="names proteins, not genes, such as: Tyrosine-protein kinase ABL"):
        read_targets(path)
    with pytest.raises(UserError, match="names proteins"):
        read_targets(path, genes={"T9": "EGFR"})


def test_the_repurposing_hub_has_comments_lists_and_no_affinities(tmp_path):
    for mark in "!#":
        path = tmp_path / "repurposing_drugs.txt"
        path.write_text(
            f"{mark}File: drugs\n{mark}Date: 2020\npert_iname\tclinical_phase\tmoa\ttarget\tdisease_area\n"
            "Sunitinib\tLaunched\tkinase inhibitor\tFLT3|KDR\toncology\nwater\tLaunched\t\t\t\n"
        )
        read = read_targets(path)
        assert read.table[["drug", "gene"]].to_numpy().tolist() == [["sunitinib", "FLT3"], ["sunitinib", "KDR"]]
        assert read.table["affinity"].isna().all()
        assert not read.table["family"].any()  # a list of targets is no family
        assert read.source == "Drug Repurposing Hub"
        assert read.licence == "not stated"
        assert any("no affinities" in sentence for sentence in read.sentences)


@pytest.mark.shared_data
def test_the_published_table_has_57_pairs_15_targets_18_drugs(shared_data):
    table = read_targets(shared_data / "covid19" / "final_drug_target_table.tsv").table
    assert (len(table), table["gene"].nunique(), table["drug"].nunique()) == (57, 15, 18)
    assert table["n_rows"].sum() == 60
    pairs = table.set_index(["drug", "gene"])
    assert pairs.loc[("vorinostat", "HDAC1"), ["affinity", "n_rows", "family"]].tolist() == [8.89, 4, 1]
    assert pairs.loc[[("milrinone", "PDE4B"), ("vardenafil", "PDE4B")], "family"].tolist() == [1, 1]
    assert pairs.loc[[("sunitinib", "RIPK1"), ("pazopanib", "RIPK1"), ("axitinib", "RIPK1")], "affinity"].tolist() == [6.43, 6.59, 5.60]
    assert table.groupby("family")["gene"].unique().loc[1].tolist() == ["HDAC1", "PDE4B"]


@pytest.mark.shared_data
def test_the_drug_that_the_published_table_lost_is_kept(shared_data):
    read = read_targets(shared_data / "covid19" / "drug_targets_in_network.tsv")
    lost = read.table[read.table["affinity"].isna()]
    assert lost[["drug", "gene"]].to_numpy().tolist() == [["ribavirin", "ADK"]]
    assert len(read.table) == 58
    assert any("lower bound" in sentence for sentence in read.sentences)


def test_own_tables_by_usual_names_in_any_case():
    own = pd.DataFrame({"Compound": [" Aspirin "], "Gene_Symbol": ["ptgs1; PTGS2"], "Ki (nM)": [100.0], "Reference": ["my lab"]})
    read = read_targets(own)
    assert read.table[["drug", "gene", "affinity", "source"]].to_numpy().tolist() == [
        ["aspirin", "PTGS1", 7.0, "my lab"], ["aspirin", "PTGS2", 7.0, "my lab"],
    ]  # fmt: skip
    assert read.source == "my lab"
    assert any("Compound as drug" in sentence and "Ki (nM) as affinity" in sentence for sentence in read.sentences)
    assert read_targets(pd.DataFrame({"name": ["x"], "gene": ["A"]})).table["drug"].tolist() == ["x"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"compound": ["a"], "pathway": ["b"]}, "names the gene.*Columns seen: compound, pathway"),
        ({"gene": ["a"], "score": [1.0]}, "names the drug"),
        ({"drug": ["a", "b"], "gene": ["X", "Y"], "affinity": ["7", "high"]}, "holds 'high' in row 2"),
        ({"drug": ["a"], "gene": ["X"], "affinity": [0.0], "unit": ["nM"]}, "holds 0 in row 1.*above zero"),
        ({"drug": ["a"], "gene": ["X"], "affinity": [250.0], "unit": ["pKi"]}, "above 15"),
        ({"drug": ["a"], "gene": [None]}, "names a drug and a human gene"),
    ],
)  # fmt: skip
def test_bad_tables_say_where_and_what_to_do(frame, message):
    with pytest.raises(UserError, match=message):
        read_targets(pd.DataFrame(frame))


def test_rows_of_a_file_are_counted_as_an_editor_does(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("# a comment\n\ndrug,gene,affinity\na,X,7\nb,Y,tight\n")
    with pytest.raises(UserError, match="'tight' in row 5"):
        read_targets(path)
    path.write_text("# only a comment\n")
    with pytest.raises(UserError, match="holds no table"):
        read_targets(path)


def test_a_pickle_under_another_name_is_never_opened(tmp_path):
    """Pitfall 18: the bytes decide, not the ending."""
    for name in ("targets.pkl", "targets.tsv"):
        path = tmp_path / name
        path.write_bytes(b"\x80\x04\x95drug\tgene\n")
        with pytest.raises(UserError, match=r"pickle|'\.pkl' are not read"):
            read_targets(path)


def test_promiscuity_counts_genes_once():
    rows = [("a", "X"), ("a", "X"), ("a", "Y"), ("b", "X"), ("c", "X"), ("c", "Y"), ("c", "Z")]
    counted = promiscuity(pd.DataFrame(rows, columns=["drug", "gene"]))
    assert counted.to_dict() == {"c": 3, "a": 2, "b": 1}
    assert counted.index.tolist() == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("action", "effect"),
    [
        ("INHIBITOR", -1), ("antagonist", -1), ("Inverse agonist", -1), ("NEGATIVE ALLOSTERIC MODULATOR", -1), ("blocker", -1),
        ("AGONIST", 1), ("activator", 1), ("POSITIVE ALLOSTERIC MODULATOR", 1), ("partial agonist", 1), ("opener", 1),
        ("", 0), ("binder", 0), ("agonist; antagonist", 0),
    ],
)  # fmt: skip
def test_direction_against_the_disease(action, effect):
    """Pitfall 16: an agonist of a gene that the disease raises pushes the same way."""
    targets = pd.DataFrame({"gene": ["up", "DOWN", "STILL", "ABSENT"], "action": action})
    signature = pd.DataFrame({"gene": ["UP", "DOWN", "STILL"], "log2fc": [2.0, -2.0, 0.0]})
    words = {-1: "reverses", 1: "contradicts", 0: "unknown"}
    assert direction(targets, signature).tolist() == [words[effect], words[-effect], "unknown", "unknown"]
