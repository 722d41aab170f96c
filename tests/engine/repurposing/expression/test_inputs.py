"""Uploads are read as what they are: columns under usual names, samples in any spelling, groups and scale guessed aloud or asked for."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, Tables, UserError
from engine.repurposing.expression.findings import findings
from engine.repurposing.expression.inputs import Measured, expression_for
from engine.repurposing.expression.samples import design_matrix, samples_in, two_groups
from engine.repurposing.expression.scale import per_million, refuse_other_than_counts, scale_of

GENES = ["EGFR", "RIPK1", "HDAC1", "TP53"]
DESIGN = pd.DataFrame({"sample": ["m1", "m2", "i1", "i2"], "group": ["mock", "mock", "infected", "infected"]})


def counts(**columns):
    base = {"m1": [1, 2, 3, 4], "m2": [2, 2, 3, 5], "i1": [9, 2, 1, 4], "i2": [8, 3, 1, 5]}
    return pd.DataFrame({"gene": GENES, **base, **columns})


def tables(**parts):
    return Tables({part: Dataset(frame) for part, frame in parts.items()})


def codes(data, **groups):
    return {finding.code: finding for finding in findings(data, **groups)}


def test_counts_and_design():
    read = expression_for(tables(counts=counts(), design=DESIGN), None)
    assert isinstance(read.disease, Measured)
    assert read.disease.values.index.tolist() == GENES
    assert read.disease.design["group"].tolist() == ["mock", "mock", "infected", "infected"]
    assert read.second is None
    assert read.sentences == ()


def test_samples_are_found_past_what_r_makes_of_names():
    design = pd.DataFrame({"SampleId": ["X3.mock.1", "a.CoV2.2", "gone"], "Treatment": ["mock", "CoV2", "CoV2"]})
    frame, said = samples_in(design, ["a-CoV2-2", "3_mock_1", "other"], "design")
    assert frame["group"].to_dict() == {"a-CoV2-2": "CoV2", "3_mock_1": "mock"}
    assert "1 samples without a group" in said[0]
    assert "gone" in said[1]


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (pd.DataFrame({"who": ["m1"], "group": ["a"]}), "no column sample in design; its columns are: who, group"),
        (pd.DataFrame({"sample": ["m1"], "dose": [1.0]}), "no column group"),
        (pd.DataFrame({"sample": ["m1", "m1"], "group": ["a", "b"]}), "m1 stands in design twice"),
        (pd.DataFrame({"sample": ["zz"], "group": ["a"]}), "No sample of design is a column"),
    ],
)
def test_designs_that_do_not_fit(design, message):
    with pytest.raises(UserError, match=message):
        expression_for(tables(counts=counts(), design=design), None)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"counts": counts()}, "has no design"),
        ({"weights": counts()}, "no use for a table named 'weights'"),
        ({"second": counts()[["gene", "m1"]]}, "no expression of the disease"),
        ({"counts": counts(), "design": DESIGN, "signature": counts()}, "Both counts and signature"),
        ({"signature": counts()}, "no column with log2 fold changes; its columns are: gene, m1, m2"),
        ({"signature": pd.DataFrame({"x": [1.0], "log2fc": [1.0]})}, "no column of gene names; its columns are: x, log2fc"),
    ],
)
def test_parts_that_are_missing_or_strange(parts, message):
    with pytest.raises(UserError, match=message):
        expression_for(tables(**parts), None)


@pytest.mark.parametrize(
    ("gene", "change", "p", "q"),
    [("gene", "log2fc", "p", "q"), ("Symbol", "log2FoldChange", "pvalue", "padj"), ("Unnamed: 0", "logFC", "P.Value", "adj.P.Val")],
)
def test_ready_signatures_under_the_names_of_common_tools(gene, change, p, q):
    frame = pd.DataFrame({"mean": [5.0, 6.0], p: [0.01, 0.5], q: [0.02, 0.6], change: [2.0, -1.0], gene: ["Egfr ", "tp53"]})
    read = expression_for(Dataset(frame), None).disease
    assert read.to_dict("list") == {"gene": ["EGFR", "TP53"], "log2fc": [2.0, -1.0], "p": [0.01, 0.5], "q": [0.02, 0.6]}


def test_the_authors_file_with_its_header_of_zero_and_mixed_case():
    read = expression_for(Dataset(pd.DataFrame({"Unnamed: 0": ["C1orf112", "AMBN"], "0": [-1.7, 0.0]})), None)
    assert read.disease["gene"].tolist() == ["C1ORF112", "AMBN"]
    assert read.disease["log2fc"].tolist() == [-1.7, 0.0]
    assert "Column 0 of signature is read as log2 fold change" in read.sentences[0]


def test_repeated_and_missing_genes_of_a_ready_signature():
    frame = pd.DataFrame({"gene": ["EGFR", "egfr", "TP53", None, "MYC"], "log2fc": [1.0, -3.0, np.nan, 2.0, 0.5]})
    read = expression_for(Dataset(frame), None)
    assert read.disease[["gene", "log2fc"]].to_numpy().tolist() == [["EGFR", -3.0], ["MYC", 0.5]]
    assert any("1 genes of signature have no fold change" in sentence for sentence in read.sentences)


@pytest.mark.parametrize(
    ("groups", "asked", "found"),
    [
        (["mock", "CoV2"], ("", ""), ("CoV2", "mock")),
        (["a_DMSO_24h", "a_drug_24h"], ("", ""), ("a_drug_24h", "a_DMSO_24h")),
        (["old", "Young"], ("", ""), ("old", "Young")),
        (["70-79", "20-29"], ("", ""), ("70-79", "20-29")),
        (["a", "b"], ("B", ""), ("b", "a")),
        (["a", "b"], ("", "b"), ("a", "b")),
        (["mock", "x", "y"], ("y", ""), ("y", "mock")),
    ],
)
def test_groups_are_guessed_where_names_leave_no_doubt(groups, asked, found):
    assert two_groups(pd.Series(groups), *asked, "design") == found


@pytest.mark.parametrize(
    ("groups", "asked", "message"),
    [
        (["a", "b"], ("", ""), r"Which group of design is treated and which is control\? There are a \(1\), b \(1\)"),
        (["mock", "x", "y"], ("", ""), "Which group"),
        (["mock", "DMSO", "x"], ("x", ""), "Which group"),
        (["mock"], ("", ""), "Which group"),
        (["mock", "x"], ("z", ""), "There is no group z"),
        (["mock", "x"], ("x", "x"), "Which group"),
    ],
)
def test_groups_in_doubt_are_asked_for(groups, asked, message):
    with pytest.raises(UserError, match=message):
        two_groups(pd.Series(groups), *asked, "design")


def test_the_design_matrix():
    design = DESIGN.set_index("sample").assign(Batch=["1", "2", "1", "2"], plate="a")
    matrix, used = design_matrix(design, "infected", ("batch", "plate"), "design")
    assert matrix.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]]
    assert used == ("batch",)
    assert design_matrix(DESIGN, "infected", ("batch",), "design")[0].shape == (4, 2)
    with pytest.raises(UserError, match="no column sex"):
        design_matrix(design, "infected", ("sex",), "design")


LOGS = np.log2(1 + np.random.default_rng(0).lognormal(2, 3, (500, 4)))


@pytest.mark.parametrize(
    ("values", "kind", "word", "is_suspicious"),
    [
        (np.array([[0.0, 5], [1000, 3]]), "counts", "raw counts", False),
        (LOGS, "log2", r"log2\(1 \+ expression\)", False),
        (np.log2(1 + LOGS), "log2", "twice", True),
        (2**LOGS - 1, "plain", "plain expression", False),
        (per_million(pd.DataFrame(2**LOGS - 1)).to_numpy(), "plain", "TPM", False),
        (LOGS - 3, "signed", "negative values", True),
        (np.where(LOGS < 1, -np.inf, LOGS), "signed", "minus infinity", True),
        (np.full((2, 2), np.nan), "plain", "no number", True),
    ],
)
def test_the_scale_is_guessed_aloud(values, kind, word, is_suspicious):
    scale = scale_of(values, "counts")
    assert (scale.kind, scale.is_suspicious) == (kind, is_suspicious)
    with pytest.raises(UserError, match=word):
        raise UserError(scale.sentence)


@pytest.mark.parametrize(("wrong", "shown"), [(12.37, "12.37"), (-2.0, "-2"), (np.nan, "no number")])
def test_what_is_no_count_is_named_by_column_and_row(wrong, shown):
    values = pd.DataFrame(np.ones((20, 3)), index=[f"G{i}" for i in range(20)], columns=["S1", "S2", "S3"])
    values.iloc[13, 2] = wrong
    with pytest.raises(UserError) as caught:
        refuse_other_than_counts(values, np.arange(1, 21), "counts")
    assert f"Counts expected; column S3 has {shown} in row 14 (gene G13)" in caught.value.message
    assert "log of means" in caught.value.fix


def test_findings_of_a_good_upload_are_notes():
    assert {finding.level for finding in findings(tables(counts=counts(), design=DESIGN))} == {"note"}
    assert "higher in infected than in mock" in codes(tables(counts=counts(), design=DESIGN))["groups"].message


def test_findings_name_everything_that_misleads():
    single = DESIGN.iloc[[0, 2]]
    assert "one sample per group" in codes(tables(counts=counts(), design=single))["replicates"].message
    assert "mock of counts has a single sample" in codes(tables(counts=counts(), design=DESIGN.iloc[1:]))["replicates"].message
    zero = codes(tables(counts=counts(i1=[0, 0, 0, 0]), design=DESIGN))["all-zero"]
    assert zero.columns == ("i1",)
    batched = DESIGN.assign(batch=["1", "1", "2", "2"])
    assert "cannot be told apart" in codes(tables(counts=counts(), design=batched))["confounded"].message
    assert "confounded" not in codes(tables(counts=counts(), design=DESIGN.assign(batch=["1", "2", "1", "2"])))
    assert "i1 has 9.5 in row 1" in codes(tables(counts=counts(i1=[9.5, 2, 1, 4]), design=DESIGN))["no-counts"].message
    assert codes(tables(counts=counts(), design=DESIGN.replace({"mock": "a"})))["groups"].level == "warn"
    assert codes(tables(counts=counts()))["unreadable"].level == "stop"
    mouse = counts().assign(gene=["Egfr", "Ripk1", "Hdac1", "Trp53"])
    assert "mouse" in codes(tables(counts=mouse, design=DESIGN))["names"].message


@pytest.mark.parametrize(("change", "code"), [([60.0, -2, 1, 0.5], "no-logs"), ([1.5, 0.5, 2, 1], "one-sign"), ([1.5, -0.5, 2, -1], None)])
def test_ready_signatures_that_hold_something_else(change, code):
    found = codes(Dataset(pd.DataFrame({"gene": GENES, "log2fc": change})))
    assert (set(found) == {code}) if code else not found
