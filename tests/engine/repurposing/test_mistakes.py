"""Odd but plausible uploads: each is refused with a sentence that names the place and the way out, or used and said so."""

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import Context, Dataset, Profiles, Tables, UserError
from engine.repurposing.causal.inputs import cells_for
from engine.repurposing.prizes import prizes_in
from engine.repurposing.ranking.disease import disease_of
from engine.repurposing.ranking.inputs import drug_scores_of
from engine.repurposing.screens.design import design_of
from engine.repurposing.target_network import TargetNetworkParams
from tests.engine.repurposing.small import GENES, QUICK, part, parts_of, profiles_of

STRANGERS = [f"Q{i}" for i in range(len(GENES))]


def changed(name, **columns):
    return part(name).assign(**columns)


def numbers(name, values):
    """A part whose columns of numbers hold something else."""
    frame = part(name).set_index("gene").astype(float)
    frame.iloc[:] = values
    return frame.reset_index()


def with_text(name, column, row, text):
    frame = part(name).astype({column: object})
    frame.loc[row, column] = text
    return frame


REFUSED = [
    ("signature", {"counts": with_text("counts", "s1", 2, "12,5")}, {}, "Column s1 of counts holds '12,5' in row 3"),
    ("signature", {"counts": part("counts").set_index("gene").T.rename_axis("sample").reset_index()}, {}, "rows of counts are samples"),
    ("signature", {"counts": changed("counts", gene="")}, {}, "No row of counts names a gene"),
    ("signature", {"counts": part("counts").iloc[:0]}, {}, "No row of counts names a gene"),
    ("signature", {"counts": part("design"), "design": part("counts")}, {}, "no column sample in design; its columns are: gene, s0"),
    ("signature", {"counts": part("counts").drop(columns="gene")}, {}, "counts has no column of gene names"),
    ("signature", {"counts": numbers("counts", np.nan)}, {"recipe": "log_of_means"}, "counts holds no number"),
    ("signature", {"design": changed("design", group=[0, 0, 0, 1, 1, 1])}, {}, r"There are 0 \(3\), 1 \(3\)"),
    ("signature", {"coding": pd.DataFrame({"gene": STRANGERS})}, {"recipe": "log_of_means"}, "No gene is in the list of coding genes"),
    ("interactome", {"prizes": part("prizes").iloc[:0]}, {}, "No gene has a prize above 0"),
    ("interactome", {"network": changed("network", cost="high")}, {}, "in row 1 of the network is not a number: 'high'"),
    ("interactome", {"partners": pd.DataFrame({"gene": ["", " "]})}, {}, "There is no gene in the partners"),
    ("interactome", {"prizes": part("network"), "network": part("prizes")}, {}, "no column protein1 in the network"),
    ("target_network", {"cells": numbers("cells", 3.0)}, {}, "No gene differs between any two of the cells"),
    ("target_network", {"network": changed("network", protein2=part("network")["protein1"])}, {}, "joins a protein to itself"),
    ("target_network", {"prizes": pd.DataFrame({"gene": ["PROT1"], "prize": [-1.0]})}, {}, "prize of PROT1 in row 1 .* is negative"),
    ("screen", {"signature": with_text("signature", "log2fc", 4, "#DIV/0!")}, {}, "Column log2fc of .* holds '#DIV/0!' in row 5"),
    ("screen", {"screen": profiles_of(part("screen").assign(**dict.fromkeys(GENES, 1.0)))}, {}, "No control varies over the genes"),
    ("screen", {"screen": profiles_of(changed("screen", is_control="perhaps"))}, {}, "'perhaps', which is neither yes nor no"),
    ("repurposing", {"targets": changed("targets", gene=STRANGERS[:40])}, {}, "None of the 40 target genes .* is in the network"),
    ("repurposing", {"targets": part("targets").iloc[:0]}, {}, "Give one row per drug and gene"),
    ("repurposing", {"prizes": changed("prizes", prize="large")}, {}, "row 1 of the prizes is not a number: 'large'"),
    ("repurposing", {"drug_scores": changed("drug_scores", score=-np.inf)}, {}, "No row of .* has a score"),
    ("repurposing", {"drug_scores": changed("drug_scores", approved="Phase 3")}, {"approved_only": True}, "no column says which are"),
]


@pytest.mark.parametrize(("method", "parts", "params", "words"), REFUSED)
def test_it_is_refused_with_the_place_and_the_way_out(method, parts, params, words):
    with pytest.raises(UserError, match=words) as caught:
        engine.run(method, parts_of(method) | parts, **QUICK.get(method, {}) | params)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (part("signature").assign(log2fc=0.0), "No fold change of signature differs from 0"),
        (part("signature").assign(padj=5.0), "Column padj of signature has 5 in row 1, which is no probability"),
        (part("signature").assign(p=-1.0), "Column p of signature has -1 in row 1"),
        (with_text("signature", "log2fc", 1, "none"), "Column log2fc of signature holds 'none' in row 2"),
    ],
)
def test_ready_fold_changes_that_cannot_be(table, words):
    with pytest.raises(UserError, match=words):
        engine.run("signature", {"signature": table})


def test_conditions_without_a_gene_in_common_leave_nothing_to_rank():
    opposite = part("signature").assign(log2fc=lambda table: -table["log2fc"])
    with pytest.raises(UserError, match="No gene is selected in both conditions"):
        disease_of(Tables({"signature": Dataset.of(part("signature")), "second": Dataset.of(opposite)}), Context.silent())


def test_genes_with_missing_values_are_counted():
    counts = part("counts").astype({"s2": float})
    counts.loc[[3, 5], "s2"] = np.nan
    found = engine.run("signature", {"counts": counts, "design": part("design")}, recipe="log_of_means")
    assert len(found.table) == len(GENES) - 2
    assert any("2 genes of counts have a missing or infinite value" in told for told in found.sentences)


def test_numbers_as_names_keep_their_form():
    frame = part("counts").assign(gene=np.arange(len(GENES)) + 1000)
    found = engine.run("signature", {"counts": frame, "design": part("design")}, recipe="log_of_means")
    assert set(found.table["gene"]) <= {str(number) for number in range(1000, 1048)}
    assert any("look like Entrez numbers" in told for told in found.sentences)
    scores, _ = drug_scores_of(Dataset.of(pd.DataFrame({"drug": [2244, 5281], "score": [1.0, 2.0]})))
    assert scores["drug"].tolist() == ["2244", "5281"]


def test_further_columns_of_prizes_do_not_get_in_the_way():
    frame = pd.DataFrame({"gene": ["a"], "protein": ["b"], "Prize": [1.0], "log2FC_ageing": [3.0], "log2fc": [2.0], "log2FC": [4.0]})
    table = prizes_in(frame)
    assert table.columns.is_unique
    assert table.iloc[0].to_dict() == {"gene": "A", "prize": 1.0, "log2fc": 2.0, "log2fc_second": 3.0, "log2FC": 4.0}


def cells(**parts):
    tables = {"cells": part("cells"), "network": part("network")} | parts
    return cells_for(Tables({name: Dataset.of(table) for name, table in tables.items()}), TargetNetworkParams())


def test_cells_are_found_under_a_newer_name_and_blank_names_are_left_out():
    found = cells(
        cells=part("cells").assign(gene=["H1-3", None, *GENES[2:]]), network=part("network").replace({"PROT0": "HIST1H1D", "PROT9": None})
    )
    assert "HIST1H1D" in found.genes
    assert not {"", "NAN", "NONE", "PROT1", "PROT9"} & set(found.genes)
    notes = " ".join(found.notes)
    assert "H1-3 as HIST1H1D" in notes
    assert "1 rows of the cells have no gene name" in notes
    assert "rows of the network lack a protein" in notes


def test_what_cells_cannot_show_is_told():
    still = part("cells")
    still.loc[0, still.columns[1:]] = 2.0
    assert any("1 genes are the same in all cells" in note for note in cells(cells=still).notes)
    signed = part("cells").set_index("gene").mul(100.0).sub(3.0).reset_index()
    assert any("counts are never negative" in note for note in cells(cells=signed).notes)
    strangers = pd.DataFrame({"gene": ["A"], "prize": [1.0]})
    assert any("no terminals are known" in note for note in cells(prizes=strangers).notes)


def test_controls_and_doses_in_words():
    rows = part("screen").drop(columns=list(GENES))
    words = rows.assign(is_control=rows["is_control"].map({True: "Yes", False: "no"}), dose_um="10 uM")
    found, plain = design_of(words, doses="highest"), design_of(rows, doses="all")
    assert (found.is_control == plain.is_control).all()
    assert (found.group == plain.group).all()
    assert any("No dose is known" in told for told in found.sentences)


def test_scores_that_are_none_and_drugs_in_several_rows_are_told():
    frame = pd.DataFrame(
        {"drug": ["a", "a", "b", None], "score": [1.0, 3.0, np.inf, 1.0], "score_raw": "x", "approved": ["yes", "no", "no", ""]}
    )
    found, said = drug_scores_of(Dataset.of(frame))
    assert found[["drug", "score", "approved"]].to_numpy().tolist() == [["a", 2.0, 0.5]]
    for words in ("1 rows of data name no drug", "1 rows of data have no score", "1 drugs stand in data more than once", "score_raw"):
        assert any(words in told for told in said), words


def test_fold_changes_beside_prizes_tell_directions():
    both = Tables({"prizes": Dataset.of(part("prizes")), "signature": Dataset.of(part("signature"))})
    told = disease_of(both, Context.silent()).signature
    expected = part("signature").set_index("gene")["log2fc"]
    assert told.set_index("gene")["log2fc"].to_dict() == pytest.approx(expected.to_dict())


def test_one_terminal_and_scores_that_tell_nothing_are_no_errors():
    odd = {"prizes": part("prizes").iloc[:1], "drug_scores": changed("drug_scores", score=1.0)}
    found = engine.run("repurposing", parts_of("repurposing") | odd, least_score=99.0, nulls=2, resamples=0)
    told = " ".join(found.provenance.warnings)
    assert "so there is no causal network" in told
    assert "Every drug has the same score" in told
    assert "No drug scores 99 or more; the highest score is 1." in told
    assert not found.drugs["is_candidate"].any()


def test_a_screen_of_a_single_pair_of_profiles_is_scored_and_doubted():
    frame = part("screen").iloc[[0, -1]]
    screen = Profiles.of(frame[list(GENES)].to_numpy(), frame.drop(columns=list(GENES)), GENES)
    found = engine.run("screen", {"screen": screen, "signature": part("signature")}, **QUICK["screen"])
    assert len(found.drugs) == 1
    assert any("fewer than 3 profiles" in told for told in found.provenance.warnings)
