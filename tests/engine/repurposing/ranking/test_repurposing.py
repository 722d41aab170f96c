"""One call ranks drugs from tables: reproducibly, live, and better than by score alone where promiscuous drugs look like a cure."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Cancelled, Context, Dataset, Result, Tables, UserError
from engine.repurposing.ranking.inputs import repurposing_for
from engine.repurposing.ranking.result import HYPOTHESES
from engine.repurposing.ranking.stages import pairs_of
from engine.repurposing.repurposing import RepurposingParams, repurposing
from engine.repurposing.sample import planted, precision_at

QUICK = {"nulls": 20, "resamples": 5, "subsamples": 2}


def ranked(tables, context=None, **params):
    asked = RepurposingParams(**(QUICK | params))
    return repurposing(repurposing_for(tables, asked), asked, context or Context.silent(asked.seed))


@pytest.fixture(scope="module")
def small():
    """A network of 120 proteins, 15 terminals, 30 drugs of which one has 40 targets, and cells of the whole network."""
    rng = np.random.default_rng(0)
    genes = np.array([f"SIM{k}" for k in range(120)], dtype=object)
    pairs = {tuple(sorted(rng.choice(120, 2, replace=False, p=(p := 1 / np.arange(1, 121)) / p.sum()))) for _ in range(500)}
    pairs |= {(k, k + 1) for k in range(119)}
    ends = np.array(sorted(pairs))
    network = pd.DataFrame({"protein1": genes[ends[:, 0]], "protein2": genes[ends[:, 1]], "cost": rng.uniform(0.1, 0.8, len(ends))})
    chosen = rng.choice(120, 15, replace=False)
    prizes = pd.DataFrame({"gene": genes[chosen], "prize": rng.uniform(1, 3, 15), "log2fc": rng.normal(size=15)})
    rows = [(f"drug{k}", genes[g]) for k in range(30) for g in rng.choice(120, 40 if k == 0 else rng.integers(1, 4), replace=False)]
    targets = pd.DataFrame(rows, columns=["drug", "gene"]).assign(affinity=rng.uniform(5, 9, len(rows)), source="ChEMBL")
    scores = pd.DataFrame({"drug": [f"Drug{k}" for k in range(30)], "score": np.append(1.0, rng.uniform(-1, 0.9, 29))})
    cells = pd.DataFrame(np.abs(rng.normal(2, 1, (120, 30))), columns=[f"c{k}" for k in range(30)])
    cells.insert(0, "gene", genes)
    partners = pd.DataFrame({"gene": genes[:10]})
    frames = {"prizes": prizes, "network": network, "targets": targets, "drug_scores": scores, "cells": cells, "partners": partners}
    licences = {"network": "CC0"}
    return Tables({part: Dataset(frame, part, source="made up", licence=licences.get(part, "")) for part, frame in frames.items()})


@pytest.fixture(scope="module")
def result(small):
    return ranked(small)


def test_every_pair_stands_there_once_with_all_its_columns(small, result):
    ranking = result.ranking
    assert not ranking.duplicated(["drug", "gene"]).any()
    inside = set(result.proteins["protein"])
    targets = small["targets"].frame.astype({"drug": str, "gene": str})
    pairs = {(drug, gene) for drug, gene in zip(targets["drug"], targets["gene"], strict=True) if gene in inside}
    assert set(zip(ranking["drug"], ranking["gene"], strict=True)) == pairs
    known = [
        "score", "affinity", "n_targets", "robustness", "degree", "in_null_labels", "in_null_terminals", "in_null_rewired", "p_target", "p",
        "q", "p_largest", "rank_raw", "rank_calibrated", "reappears_sign",
    ]  # fmt: skip
    assert ranking[known].notna().all(axis=None)
    others = {"children", "terminal_descendants", "path_stability", "cell_share", "same_sign", "warnings", "approved", "score_pca"}
    assert others <= set(ranking)
    assert result.nulls.set_index("null")["runs"].to_dict() == {"labels": 20, "sign": 0, "terminals": 20, "rewired": 20}


def test_the_promiscuous_drug_is_first_by_score_and_not_by_calibration(result):
    drug = result.drugs.set_index("drug").loc["drug0"]
    assert drug["rank_raw"] == 1
    assert drug["reappears_terminals"] == 1
    assert drug["p_terminals"] > 0.05


def test_ranks_intervals_and_evidence_left_out_agree(result):
    drugs = result.drugs.dropna(subset="rank_calibrated").set_index("drug")
    left = result.leave_one_out.set_index("drug")
    assert drugs["rank_calibrated"].is_monotonic_increasing
    assert result.ranking["rank_calibrated"].dropna().is_monotonic_increasing
    assert left["all"].to_dict() == drugs["rank_calibrated"].to_dict()
    assert (drugs["rank_low"] <= drugs["rank_calibrated"]).all()
    assert (drugs["rank_calibrated"] <= drugs["rank_high"]).all()
    assert left["without_interactome"].rank().to_dict() == drugs["rank_raw"].rank().to_dict()


def test_why_names_the_way_and_its_weakest_link(result):
    first = result.candidates["drug"].iloc[0]
    found = result.why(first)
    assert found.steps["from"].iloc[0] == first
    assert "The weakest link is" in found.sentence
    terminals = set(result.proteins.loc[result.proteins["is_terminal"], "protein"])
    assert set(found.steps.groupby("way")["to"].last()) <= terminals


def test_what_goes_with_an_export(result):
    assert HYPOTHESES in result.export_notes
    assert "ChEMBL (CC BY-SA 3.0)" in result.export_notes
    assert "network (CC0)" in result.export_notes


def test_a_result_beside_itself_moves_nothing(result):
    found = result.beside(result)
    assert (found.drugs["move"] == 0).all()
    assert found.drugs["in_first"].all()


def test_same_seed_same_digest_whatever_the_threads(small, result, tmp_path):
    again = ranked(small, Context.silent(threads=2))
    assert again.digest == result.digest
    assert ranked(small, seed=1).digest != result.digest
    result.to_dir(tmp_path / "result")
    assert Result.from_dir(tmp_path / "result").digest == result.digest


def test_the_table_comes_first_and_random_diseases_refine_it(small):
    seen, told = [], []
    context = Context(
        on_partial=lambda name, value: seen.append((name, value)), on_progress=lambda fraction, note: told.append(fraction), threads=1
    )
    ranked(small, context)
    tables = [value for name, value in seen if name == "ranking"]
    assert tables[0]["p"].isna().all()
    assert len(tables[0]) == len(tables[-1])
    assert tables[-1]["p"].notna().all()
    assert told == sorted(told)
    with pytest.raises(Cancelled):
        ranked(small, Context(is_cancelled=lambda: True))


def test_only_what_is_given_is_needed(small):
    few = Tables({part: small[part] for part in ("prizes", "network", "targets", "drug_scores")})
    found = ranked(few, nulls=0, resamples=0)
    assert found.drugs["p"].isna().all()
    assert found.graph.p == 0
    assert "nobody knows" in found.chance
    assert found.ranking["children"].isna().all()


def test_tables_that_mislead_are_told(small, result):
    context = Context.silent()
    parts = {part: table for part, table in small.tables.items() if part != "cells"}
    parts["targets"] = Dataset(result.ranking[["drug", "gene", "affinity"]], "cut")
    ranked(Tables(parts), context, nulls=0, resamples=0)
    said = " ".join(context.warnings)
    assert "the table was cut to it" in said
    assert "Only 30 drugs have scores" in said
    strange = Dataset(pd.DataFrame({"drug": ["other"], "gene": ["SIM1"]}), "targets")
    with pytest.raises(UserError, match="None of the 30 scored drugs"):
        ranked(Tables(dict(small.tables) | {"targets": strange}))
    with pytest.raises(UserError, match="no column says which are"):
        ranked(small, approved_only=True)


def test_a_salt_has_the_targets_of_its_drug(small):
    drugs = pd.DataFrame({"drug": ["drug0 mesylate", "drug7", "unheard-of"]})
    signature = pd.DataFrame({"gene": ["SIM1"], "log2fc": [1.0]})
    pairs, review = pairs_of(small, signature, drugs, ("SIM1",), Context.silent())
    assert pairs["drug"].value_counts()["drug0 mesylate"] == 40
    assert set(pairs["drug"]) == {"drug0 mesylate", "drug7"}
    assert review["name"].tolist() == ["unheard-of"]


def test_planted_drugs_come_sooner_by_calibration_than_by_score():
    by_score, calibrated = [], []
    for seed in range(2):
        world = planted(seed)
        rng = np.random.default_rng(seed)
        genes, drugs = world.true_genes, world.true_drugs
        agree = genes[genes["log2fc"] * genes["log2fc_second"] >= 0]
        prizes = agree.assign(prize=agree["log2fc"].abs()).nlargest(80, "prize")[["gene", "prize"]]
        scores = pd.DataFrame({"drug": drugs["drug"], "score": drugs["true_reversal"] + rng.normal(0, 0.1, len(drugs))})
        parts = world.tables("network", "targets", "partners").tables
        tables = Tables(dict(parts) | {"prizes": Dataset(prizes), "drug_scores": Dataset(scores)})
        found = ranked(tables, nulls=30, resamples=0, seed=seed).drugs
        by_score.append(precision_at(found.sort_values("rank_raw")["drug"], world))
        calibrated.append(precision_at(found["drug"], world))
    assert np.mean(calibrated) >= np.mean(by_score)
    assert np.mean(calibrated) > 0.15  # twice what ten of 120 drugs drawn at random would hold
