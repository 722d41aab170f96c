"""A model that draws the truth reaches the ceiling in every column; one that knows no molecule loses what molecules decide."""

import dataclasses
import itertools

import numpy as np
import pytest

from engine.core import Cancelled, Context, Result, UserError
from engine.molimage import correspondence, evaluate
from engine.molimage.evaluate import MODEL, NEAREST, OTHER_HALF, SHUFFLED, EvaluateParams
from tests.engine.molimage.stand_ins import Blind, Noise, Truth, facts, quick_textures
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs

HELD_OUT = [chain for k in (1, 3, 5, 7, 9) for chain in (ALCOHOLS[k], AMINES[k])]
MODELS = {"truth": Truth, "blind": Blind, "noise": Noise, "shipped": Truth}
QUICK = {"correspondence": False, "resamples": 100}


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch):
    monkeypatch.setattr(evaluate, "open_model", lambda place: MODELS[place]())
    monkeypatch.setitem(correspondence.STEPS, "profile", 120)
    quick_textures(monkeypatch)


@pytest.fixture(scope="module")
def images():
    made = blobs(ALCOHOLS + AMINES, 10)
    return dataclasses.replace(made, table=made.table.assign(split=np.where(made.table["smiles"].isin(HELD_OUT), "test", "train")))


@pytest.fixture(scope="module")
def result(images):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "open_model", lambda place: MODELS[place]())
        patch.setattr(evaluate, "FEWEST_TO_MATCH", 10)
        patch.setitem(correspondence.STEPS, "profile", 120)
        quick_textures(patch)
        return evaluate.evaluate(images, EvaluateParams(model="truth", others=("blind",), resamples=200), Context.silent())


def test_the_truth_reaches_the_ceiling(result):
    row, other = result.scores.loc[MODEL], result.scores.loc[OTHER_HALF["simulated"]]
    assert row["morphology_share_low"] < 1 < row["morphology_share_high"]
    assert row["mechanism_share"] == pytest.approx(1, abs=0.1)
    assert row["correspondence_share"] == pytest.approx(1, abs=0.2)
    assert row["swd_ratio"] < 2  # sets of 50 images differ by chance
    assert row["diversity"] == pytest.approx(1, abs=0.25)
    assert row["retrieval"] == pytest.approx(other["retrieval"], abs=0.1)
    assert row["retrieval"] > row["retrieval_chance"] + 0.05
    assert abs(row["kid"]) < 5 * row["kid_se"] + 0.02
    assert other[["morphology_share", "mechanism_share", "correspondence_share", "swd_ratio"]].tolist() == [1, 1, 1, 1]


def test_who_ignores_the_molecule_loses_what_it_decides(result):
    scores = result.scores
    for blind in (SHUFFLED, next(name for name in scores.index if name.endswith("(blind)"))):
        assert scores.loc[blind, "morphology_high"] < scores.loc[MODEL, "morphology_low"]
        assert scores.loc[blind, "mechanism"] < 0.65
        assert scores.loc[blind, "correspondence"] == pytest.approx(0.5, abs=0.13)
    assert scores.loc[SHUFFLED, "swd_ratio"] == pytest.approx(scores.loc[MODEL, "swd_ratio"], rel=0.2)  # the same images, other patches
    assert scores.loc[NEAREST, "mechanism"] > 0.9  # the neighbours of chains are chains of the same end


def test_tables_and_pictures_hang_together(result, images, tmp_path):
    assert list(result.scores.index[:1]) == [MODEL]
    assert result.molecules == len(HELD_OUT)
    assert not result.is_headline
    assert any("headline" in note for note in result.notes)
    own = result.by_feature[result.by_feature["variant"] == MODEL]
    assert own["spearman"].mean() == pytest.approx(result.scores.loc[MODEL, "morphology"])
    recall = result.by_class[result.by_class["variant"] == MODEL]
    assert recall["right"].sum() / recall["images"].sum() == pytest.approx(result.scores.loc[MODEL, "mechanism"])
    assert result.classes == ("N", "O")
    assert result.pictures.shape == (2, 2, 4, 2, 32, 32)
    test = {image.tobytes() for image in images.split("test").images}
    turned = [
        np.ascontiguousarray(np.rot90(mirrored, k, (1, 2))).tobytes() in test
        for image in result.pictures[:, 0].reshape(-1, 2, 32, 32)
        for mirrored in (image, image[:, :, ::-1])
        for k in range(4)
    ]
    assert sum(turned) == 8  # those of the set above
    told = [*result.scores.index, *result.notes, *(label for label, _ in result.summary()), *result.by_feature["variant"]]
    assert not [words for words in told if "real" in words.split(",")[0].lower().split()]
    back = Result.from_dir(result.to_dir(tmp_path / "result"))
    assert back.digest == result.digest
    assert 3 <= len(result.summary()) <= 8


def test_a_stopped_run_goes_on_with_what_it_had(images, tmp_path):
    few = images.take(np.flatnonzero(np.arange(len(images)) % 2 == 0))
    params = EvaluateParams(model="noise", **QUICK)
    whole = evaluate.evaluate(few, params, Context.silent())
    model = Noise()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "open_model", lambda place: model)
        counter = itertools.count()
        with pytest.raises(Cancelled):
            evaluate.evaluate(few, params, Context(threads=1, kept=tmp_path, is_cancelled=lambda: next(counter) > 14))
        drawn = model.drawn
        resumed = evaluate.evaluate(few, params, Context(threads=1, kept=tmp_path))
    assert drawn > 0
    assert model.drawn == drawn
    assert resumed.digest == whole.digest


def test_few_images_of_a_molecule_disable_morphology_with_the_reason(images):
    rows = np.concatenate([np.flatnonzero(images.column("smiles") == each)[:6] for each in dict.fromkeys(images.column("smiles"))])
    found = evaluate.evaluate(images.take(rows), EvaluateParams(**QUICK), Context.silent())
    assert np.isnan(found.scores.loc[MODEL, "morphology"])
    assert any("4 images or more" in note for note in found.notes)
    assert found.scores.loc[MODEL, "mechanism"] > 0.8


def test_simulated_and_real_are_never_in_one_table(images):
    with pytest.raises(UserError, match="learnt from simulated images, and those of blobs are real"):
        evaluate.evaluate(dataclasses.replace(images, origin="real"), EvaluateParams(**QUICK), Context.silent())
    with pytest.raises(UserError, match="The model draws stain 0, stain 1, and the images show DNA, ER"):
        evaluate.evaluate(dataclasses.replace(images, channels=("DNA", "ER")), EvaluateParams(**QUICK), Context.silent())
    with pytest.raises(UserError, match="split test"):
        evaluate.evaluate(images.split("train"), EvaluateParams(**QUICK), Context.silent())


def test_untreated_cells_are_no_test_molecule_and_are_counted(images, result):
    test, train = (np.flatnonzero(images.column("split") == label) for label in ("test", "train"))
    rows = np.concatenate([test, train[::5], test[:8]])
    table = images.table.iloc[rows].reset_index(drop=True)
    table.loc[np.arange(len(rows)) >= len(rows) - 8, ["smiles", "compound", "dose_um"]] = ["CS(C)=O", "DMSO", 0.0]
    found = evaluate.evaluate(
        dataclasses.replace(images, images=images.images[rows], table=table), EvaluateParams(**QUICK), Context.silent()
    )
    assert found.molecules == len(HELD_OUT)
    assert set(found.scores["images"]) == {len(test) / 2}
    assert any("untreated cells" in note and note.endswith(": 8.") for note in found.notes)
    assert not any("untreated" in note for note in result.notes)


def test_what_a_model_may_have_seen_is_said(images, monkeypatch):
    class Knowing(Truth):
        def __init__(self):
            super().__init__(facts=facts(data="another screen"))
            self.conditions = self

        def rows_of(self, what):
            return [0] if what == HELD_OUT[0] else []

    monkeypatch.setattr(evaluate, "open_model", lambda place: Knowing())
    few = images.take(np.flatnonzero(np.arange(len(images)) % 3 == 0))
    notes = evaluate.evaluate(few, EvaluateParams(**QUICK), Context.silent()).notes
    assert any("trained on 1 of the 10 test molecules" in note for note in notes)
    assert any("another screen" in note for note in notes)
