"""The table of evidence holds every pair once, keeps what has no affinity, and warns where a reader would be misled."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Context, Dataset
from engine.repurposing.drug_table.targets import read_targets
from engine.repurposing.ranking.case import Case, cut_of, tables_of
from engine.repurposing.ranking.evidence import by_target, told
from engine.repurposing.ranking.inputs import drug_scores_of
from engine.repurposing.ranking.nulls import run_nulls

NETWORK = tuple("ABCDEFGH")


def small(**changes):
    """Four drugs, four proteins in the interactome: A a terminal upstream of B, C a partner, D nothing."""
    parts = {
        "pairs": pd.DataFrame(
            {
                "drug": ["one", "one", "two", "two", "three", "four", "unscored"],
                "gene": ["A", "H", "C", "D", "G", "B", "A"],
                "affinity": [8.0, 6.0, 7.0, np.nan, 9.0, 6.5, 9.0],
                "family": [0.0, 0, 0, 1, 0, 0, 0],
            }
        ),
        "drugs": pd.DataFrame({"drug": ["one", "two", "three", "four"], "score": [0.9, 0.8, 0.95, 0.1], "approved": [1.0, 0, 1, 1]}),
        "network": NETWORK,
        "degree": np.arange(1, 9),
        "proteins": pd.DataFrame(
            {
                "protein": ["A", "B", "C", "D"], "prize": [2.0, 1.0, 0, 0], "is_terminal": [True, True, False, False],
                "is_partner": [False, False, True, False], "degree": [3, 1, 1, 1], "robustness": [1.0, 1.0, 0.5, 0.2],
            }
        ),
        "signature": pd.DataFrame({"gene": ["A", "B"], "log2fc": [2.0, -1.0], "log2fc_second": [1.0, 0.5]}),
        "causal": pd.DataFrame(
            {
                "gene": ["A", "B"], "children": [1, 0], "parents": [0, 1], "descendants": [1, 0], "possible_descendants": [1, 0],
                "terminal_descendants": [1, 0], "path_stability": [0.8, np.nan],
            }
        ),
        "cells": pd.Series({"A": 0.9, "B": 0.5}),
        "cut": 0.5,
    }  # fmt: skip
    return Case(**(parts | changes))


def test_one_row_per_drug_and_target_in_the_interactome():
    table = small().table
    assert set(zip(table["drug"], table["gene"], strict=True)) == {("one", "A"), ("two", "C"), ("two", "D"), ("four", "B")}
    row = table.set_index("gene").loc["A"]
    assert row[["n_targets", "score_rank", "same_sign", "children", "terminal_descendants"]].tolist() == [2, 2, 1, 1, 1]
    assert row["degree_centrality"] == pytest.approx(1.0)
    assert row["cell_share"] == 0.9


def test_a_pair_without_affinity_is_kept_with_a_flag():
    table = small().table.set_index("gene")
    assert not table.loc["D", "has_affinity"]
    assert "No affinity is known" in table.loc["D", "warnings"]
    assert table["has_affinity"].sum() == 3


def test_warnings_say_what_misleads():
    table = small().table.set_index("gene")
    assert "gene family" in table.loc["D", "warnings"]
    assert "by construction" in table.loc["A", "warnings"]
    assert "opposite directions" in table.loc["B", "warnings"]
    assert "Too few cells" in table.loc["C", "warnings"]
    row = table.loc["A"].to_dict() | {"n_targets": 120.0, "direction": "contradicts", "score": -0.2}
    said = " ".join(told(row, has_graph=True))
    assert "120 genes" in said
    assert "direction of the disease" in said
    assert "acts as the disease does" in said


def test_candidates_score_and_hit():
    assert small().candidates.tolist() == [True, True, False, False]
    assert small(approved_only=True).candidates.tolist() == [True, False, False, False]
    assert small(cut=0.0).candidates.tolist() == [True, True, False, True]


def test_worth_adds_reach_and_partnership():
    case = small()
    a = 8 / 9 * (1 + 0.5 * 0.8)
    assert case.observed[0] == pytest.approx([a, 7 / 9 * 2 + 5 / 9, 0, 6.5 / 9])
    assert case.observed[1, 0] == pytest.approx(8 / 9)
    assert case.observed[2, 1] == pytest.approx(7 / 9 + 5 / 9)


def test_a_cut_by_score_or_by_share():
    scores = np.array([0.1, 0.4, np.nan, 0.3, 0.2])
    assert cut_of(scores, None, 0.5) == 0.3
    assert cut_of(scores, None, 0.01) == 0.4
    assert cut_of(scores, 0.86, 0.5) == 0.86


def drawn(n, seed, context):
    return np.random.default_rng(seed).random((n, len(NETWORK))) < 0.5


def test_tables_before_and_after_random_diseases():
    case = small()
    first = tables_of(case, {})
    assert first["drugs"]["p"].isna().all()
    assert first["drugs"].set_index("drug")["rank_raw"].dropna().to_dict() == {"one": 1, "two": 2, "four": 3}
    assert set(first["nulls"]["runs"]) == {0}
    *_, tallies = run_nulls({"terminals": drawn}, case.hits, case.worth, 40, 0, Context.silent())
    found = tables_of(case, tallies, resampled=drawn(20, 1, None))
    drugs = found["drugs"]
    assert dict(zip(drugs["drug"], drugs["is_candidate"], strict=True)) == {"one": True, "two": True, "four": False, "three": False}
    assert drugs["drug"].iloc[3] == "three"  # acts on nothing that matters
    assert drugs["rank_calibrated"].tolist()[:3] == sorted(drugs["rank_calibrated"][:3])
    assert (drugs["rank_low"][:3] <= drugs["rank_high"][:3]).all()
    assert found["ranking"].merge(drugs, on="drug")["p_x"].equals(found["ranking"].merge(drugs, on="drug")["p_y"])
    assert set(found["leave_one_out"]["drug"]) == {"one", "two", "four"}
    assert found["nulls"].set_index("null").loc["terminals", "runs"] == 40
    assert found["targets"]["gene"].tolist()[0] == "A"


def graph_of_stage_6():
    """A causal graph with the degrees that the specification lists for the fifteen targets; everything else about it is made up."""
    rows = {
        "EGFR": (7, 1, 13, 126, 7), "HDAC1": (7, 0, 12, 126, 7), "HSP90AA1": (5, 0, 12, 126, 3), "RIPK1": (2, 0, 3, 127, 2),
        "IRAK1": (1, 4, 2, 126, 1), "PAK1": (1, 0, 1, 126, 1), "STK3": (1, 0, 1, 1, 1), "RIPK2": (1, 3, 1, 126, 0),
        "FGFR3": (0, 0, 0, 1, 0), "FGFR1": (0, 3, 0, 0, 0), "ACVR2A": (0, 1, 0, 0, 0), "BRSK1": (0, 1, 0, 0, 0), "CDK17": (0, 0, 0, 0, 0),
        "PDE4B": (0, 0, 0, 0, 0),
    }  # fmt: skip
    names = ["children", "parents", "descendants", "possible_descendants", "terminal_descendants"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("gene").reset_index().assign(path_stability=0.5)


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "pairs"), [("final_drug_target_table.tsv", 57), ("drug_targets_in_network.tsv", 58)])
def test_the_published_table_of_stage_6(shared_data, name, pairs):
    folder = shared_data / "covid19"
    given = pd.read_csv(folder / name, sep="\t")
    assert len(given) == pairs + 3  # HDAC1 and vorinostat stand there four times
    nodes = pd.read_csv(folder / "interactome_reference_nodes.tsv", sep="\t")
    proteins = nodes.rename(columns={"terminal": "is_terminal", "interacts_with_virus": "is_partner"}).astype({"is_terminal": bool})
    scores, _ = drug_scores_of(Dataset(given[["drug", "corr"]], "scores"))
    case = small(
        pairs=read_targets(given).table, drugs=scores.assign(approved=1.0), network=tuple(nodes["protein"]), cut=0.86,
        degree=np.ones(len(nodes), dtype=np.int64), proteins=proteins.assign(degree=1, robustness=1.0), cells=pd.Series(dtype=float),
        signature=pd.DataFrame(columns=["gene", "log2fc", "log2fc_second"], dtype=float), causal=graph_of_stage_6(),
    )  # fmt: skip
    table = case.table
    assert (len(table), table["has_affinity"].sum()) == (pairs, 57)
    measured = table[table["has_affinity"]]
    assert (measured["gene"].nunique(), measured["drug"].nunique()) == (15, 18)
    assert case.candidates.sum() == table["drug"].nunique()
    targets = by_target(table).set_index("gene")
    drugs = {"EGFR": 8, "HDAC1": 2, "HSP90AA1": 2, "RIPK1": 3, "IRAK1": 7, "PAK1": 1, "STK3": 4, "RIPK2": 7, "FGFR3": 5, "FGFR1": 6}
    assert targets["drugs_with_affinity"][list(drugs)].to_dict() == drugs
    assert (targets.loc[list(drugs), "descendants"] > 0).sum() == 8
    assert targets.loc["RIPK1", ["is_partner", "children", "terminal_descendants"]].tolist() == [1, 2, 2]
    assert not table.loc[table["gene"] == "AURKC", "in_graph"].any()
    assert table.loc[(table["gene"] == "HDAC1") & (table["drug"] == "vorinostat"), "affinity"].tolist() == [8.89]
    assert table.loc[table["gene"] == "PDE4B", "family"].eq(1).all()
    assert measured.drop_duplicates("drug")["drug"].tolist()[:4] == ["dasatinib", "axitinib", "tofacitinib", "ruxolitinib"]
    if pairs == 58:
        flagged = table[~table["has_affinity"]]
        assert flagged[["drug", "gene"]].values.tolist() == [["ribavirin", "ADK"]]
