"""The method finds the drug that undoes a disease, by gene names, the same for the same seed, and says what its scores rest on."""

import numpy as np
import pandas as pd
import pytest

from engine.api import execute
from engine.core import Cancelled, Context, Dataset, Profiles, Result, Tables, UserError
from engine.core.method import REGISTRY
from engine.repurposing import screen as module
from engine.repurposing.screens.inputs import change_of
from tests.engine.repurposing.screens.screened import small_screen

D = 60
QUICK = {"cell": "A", "draws": 39, "resamples": 4, "components": 5}


def signature(values, genes, **columns):
    return Dataset(pd.DataFrame({"gene": list(genes), "log2fc": values} | columns), "disease")


@pytest.fixture(scope="module")
def world():
    """A screen of 24 drugs of which drug 3 undoes the disease and drug 5 causes it."""
    rng = np.random.default_rng(7)
    effects, disease = rng.normal(size=(24, D)), rng.normal(size=D)
    effects[3], effects[5] = -disease, disease
    screen, _ = small_screen(seed=1, drugs=24, d=D, effects=effects, replicates=2)
    return screen, signature(disease, screen.genes)


def asked(screen, disease=None, context=None, **params):
    method = REGISTRY["screen"]
    data = screen if disease is None else Tables({"screen": screen, "signature": disease})
    return execute(method, data, method.params.from_dict(QUICK | params), context)


@pytest.mark.parametrize("score", ["cosine", "pearson", "spearman", "weighted_ks"])
def test_the_drug_that_undoes_the_disease_comes_first_in_every_line(world, score):
    result = asked(*world, score=score, list_size=15, cell="")
    assert result.drugs["drug"][result.drugs["rank"] == 1].tolist() == ["drug3", "drug3"]
    assert result.drugs["drug"][result.drugs["rank"] == 24].tolist() == ["drug5", "drug5"]
    first = result.drugs[result.drugs["drug"] == "drug3"]
    assert (first["p"] <= 0.05).all()
    assert (first["p_genes"] == 1 / 40).all()
    assert (first["rank_low"] == 1).all() and (first["rank_high"] == 1).all()
    assert list(result.drugs.columns[:8]) == ["drug", "cell", "score", "score_raw", "score_pca", "p", "q", "rank"]


@pytest.mark.parametrize("representation", ["difference", "pca", "embedding", "embedding_post", "untrained"])
def test_so_it_does_in_every_representation(world, representation):
    result = asked(*world, representation=representation, width=64, epochs=3)
    assert result.drugs["drug"][0] == "drug3"
    assert ("embedding" in set(result.retrieval["representation"])) == representation.startswith("embedding")
    assert len(result.losses) == (3 if representation.startswith("embedding") else 0)
    warned = " ".join(result.provenance.warnings)
    assert ("W'W" in warned) == (representation == "embedding")
    assert result.drugs["rank_low"].isna().all() == (representation == "embedding_post")


def test_a_switch_turns_the_sign(world):
    reverse, mimic = asked(*world), asked(*world, aim="mimic")
    both = reverse.drugs.merge(mimic.drugs, on=["drug", "cell"])
    assert both["score_x"].to_numpy() == pytest.approx(-both["score_y"].to_numpy())
    assert mimic.drugs["drug"][0] == "drug5"


def test_genes_are_found_by_name_never_by_position(world):
    screen, disease = world
    order = np.random.default_rng(0).permutation(D)
    shuffled = disease.with_frame(disease.frame.iloc[order].reset_index(drop=True))
    lower = disease.with_frame(disease.frame.assign(gene=[gene.lower() for gene in disease.frame["gene"].astype(str)]))
    columns = Profiles.of(screen.block()[:, order], screen.rows, [screen.genes[k] for k in order])
    plain = asked(screen, disease).drugs.set_index(["drug", "cell"])["score"]
    for other in (asked(screen, shuffled), asked(screen, lower), asked(columns, disease)):
        assert other.drugs.set_index(["drug", "cell"])["score"].reindex(plain.index).to_numpy() == pytest.approx(plain.to_numpy())


def test_the_same_seed_gives_the_same_result_and_it_comes_back_from_disk(world, tmp_path):
    one, two = asked(*world, learn=True, width=16, epochs=2), asked(*world, learn=True, width=16, epochs=2)
    assert one.digest == two.digest
    assert asked(*world, seed=1).digest != asked(*world).digest
    assert Result.from_dir(one.to_dir(tmp_path / "screen")).digest == one.digest
    assert dict(one.summary())["Highest score"].startswith("drug3")


def test_a_screen_alone_gives_counts_retrieval_and_agreement(world):
    result = asked(world[0], cell="")
    assert result.drugs.empty
    assert len(result.signatures) == 48
    assert result.signatures["replicates"].tolist() == [4] * 48
    assert result.retrieval["map"].max() > 0.9
    assert set(result.agreement["representation"]) == {"difference", "pca", "z_score"}
    assert result.agreement["mean"].min() > 0.5
    assert "finds profiles of the same compound best" in result.sentence


def test_imputed_signatures_are_marked_and_their_error_told(world):
    screen, disease = world
    keep = ~((screen.rows["drug"] == "drug3") & (screen.rows["cell"] == "B")).to_numpy()
    result = asked(screen.take(keep), disease, impute=True, cell="")
    imputed = result.drugs[result.drugs["is_imputed"]]
    assert imputed[["drug", "cell"]].to_numpy().tolist() == [["drug3", "B"]]
    assert imputed["replicates"].item() == 0
    assert imputed["donors"].item() == 23
    assert result.drugs["is_imputed"].sum() == 1
    assert len(result.imputation) == 46
    assert any("1 signatures are imputed, not measured" in warning for warning in result.provenance.warnings)
    assert len(result.signatures) == 47  # only what was measured


def test_it_is_cancelled_and_reports_progress(world):
    told, shown = [], []
    context = Context(on_progress=lambda fraction, note: told.append(fraction), on_partial=lambda name, value: shown.append(name))
    asked(*world, context=context, cell="")
    assert told == sorted(told)
    assert told[-1] <= 1
    assert {"retrieval", "drugs"} <= set(shown)
    with pytest.raises(Cancelled):
        asked(*world, context=Context(is_cancelled=lambda: len(told) > 0))


def test_few_shared_genes_are_told_and_hardly_any_refused(world):
    screen, disease = world
    warned = " ".join(asked(screen, disease.with_frame(disease.frame.head(30))).provenance.warnings)
    assert "30 of 60 genes of the screen are in the signature (30 genes)" in warned
    assert "Only 30 genes are shared" in warned
    with pytest.raises(UserError, match="Only 4 of 60 genes of the screen"):
        asked(screen, disease.with_frame(disease.frame.head(4)))
    with pytest.raises(UserError, match="share 6 genes"):
        asked(screen.select(screen.genes[:6]), disease)
    with pytest.raises(UserError, match="Only 0 of 60 genes"):
        asked(screen, signature(disease.frame["log2fc"].to_numpy(), [f"ENSG{k:011d}" for k in range(D)]))


def test_a_screen_of_differences_needs_no_controls(world):
    screen, disease = world
    x = screen.block().astype(float)
    differences = x - x[screen.rows["is_control"].to_numpy() & (screen.rows["cell"] == "A").to_numpy()].mean(axis=0)
    treated = np.flatnonzero(~screen.rows["is_control"] & (screen.rows["cell"] == "A"))
    rows = screen.rows.iloc[treated].drop(columns="is_control").reset_index(drop=True)
    result = asked(Profiles.of(differences[treated], rows, screen.genes), disease)
    assert result.drugs["drug"][0] == "drug3"
    assert any("taken as a difference from controls already" in warning for warning in result.provenance.warnings)
    with pytest.raises(UserError, match="no controls"):
        asked(Profiles.of(x[treated], rows, screen.genes), disease)


def test_a_drug_without_a_direction_has_no_score(world):
    screen, disease = world
    x, rows = np.round(screen.block().astype(float) * 64) / 64, screen.rows  # sums of four have no rounding
    for plate in rows["plate"].unique():
        here, controls = (rows["plate"] == plate).to_numpy(), rows["is_control"].to_numpy()
        x[here & (rows["drug"] == "drug0").to_numpy()] = x[here & controls].mean(axis=0)
    result = asked(Profiles.of(x, rows, screen.genes), disease)
    still = result.drugs[result.drugs["drug"] == "drug0"]
    assert still[["score", "p", "rank"]].isna().all(axis=None)
    assert result.drugs["rank"].max() == 23
    assert any("1 drug signatures have no direction" in warning for warning in result.provenance.warnings)


def test_what_cannot_be_done_is_said(world):
    screen, disease = world
    with pytest.raises(UserError, match="needs genes"):
        asked(screen, disease, score="weighted_ks", representation="pca")
    with pytest.raises(UserError, match="no use for a table named 'network'"):
        execute(REGISTRY["screen"], Tables({"screen": screen, "network": disease}), module.ScreenParams())
    with pytest.raises(UserError, match="no screen"):
        execute(REGISTRY["screen"], Tables({"signature": disease}), module.ScreenParams())


def test_columns_of_a_signature_are_recognised_and_missing_ones_listed():
    table = pd.DataFrame({"Symbol": ["a", "B", "b", "", "C"], "logFC": [1.0, 2.0, 4.0, 5.0, np.nan]})
    change, told = change_of(table, "lung")
    assert change.to_dict() == {"A": 1.0, "B": 3.0}
    assert "Column logFC of lung is taken as log2fc." in told
    assert any("2 rows of lung have no gene or no fold change" in sentence for sentence in told)
    with pytest.raises(UserError, match="no column log2fc") as caught:
        change_of(table.rename(columns={"logFC": "effect"}), "lung")
    assert "Symbol, effect" in caught.value.message
    with pytest.raises(UserError, match="holds 'x' in row 1"):
        change_of(table.assign(logFC="x"), "lung")
    with pytest.raises(UserError, match="differs from 0"):
        change_of(table.assign(logFC=0.0), "lung")
