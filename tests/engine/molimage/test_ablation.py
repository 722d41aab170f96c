"""The ablation trains every variant once, goes on where it was, and its table and verdict say what the numbers say."""

import dataclasses
import json

import numpy as np
import pytest

from engine.core import Context, UserError
from engine.molimage import encoder, evaluate
from engine.molimage.ablation import LABELS, MEASURES, contrast_sentence, over_seeds, run, shipped, table
from engine.molimage.evaluate import EvaluateParams
from engine.molimage.train import TrainParams
from tests.engine.molimage.stand_ins import quick_textures
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs

pytest.importorskip("torch")


def rows_of(**values):
    """Rows of a record from a__mechanism=[...]."""
    split = [(*name.split("__"), each) for name, each in values.items()]
    return [{"variant": letter, "measure": measure, "values": each} for letter, measure, each in split]


def test_the_verdict_on_the_contrastive_term_follows_paired_differences():
    steady, wild = [0.9, 0.8, 0.7], [0.2, 0.9, 0.5]
    better = [value + 0.05 + 0.001 * k for k, value in enumerate(steady)]
    assert "helps:" in contrast_sentence(rows_of(a__mechanism=better, b__mechanism=steady))
    assert "hurts:" in contrast_sentence(rows_of(a__mechanism=steady, b__mechanism=better))
    assert "no difference that 3 seeds can show" in contrast_sentence(rows_of(a__mechanism=wild, b__mechanism=steady))
    both = rows_of(a__mechanism=better, b__mechanism=steady, a__morphology=steady, b__morphology=better)
    assert "helps in one measure and hurts in another" in contrast_sentence(both)
    assert contrast_sentence([]) == "The contrastive term was not compared."


def test_intervals_over_seeds_cover_as_they_claim():
    rng = np.random.default_rng(0)
    drawn = [over_seeds(rng.normal(3, 1, 3).tolist()) for _ in range(2000)]
    assert np.mean([each.low <= 3 <= each.high for each in drawn]) == pytest.approx(0.95, abs=0.02)
    assert np.isnan(over_seeds([1.0]).low)


def test_a_run_on_a_tiny_budget_and_what_is_made_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "EPOCHS", 2)
    quick_textures(monkeypatch)
    monkeypatch.setattr(evaluate, "typical_diameter_px", lambda images, channels: 8.0)
    made = blobs(ALCOHOLS[:3] + AMINES[:3], 8)
    images = dataclasses.replace(made, table=made.table.assign(split=np.where(np.arange(len(made)) % 8 < 4, "train", "test")))
    budget, asked = TrainParams(size=32, steps=10, batch=2), EvaluateParams(correspondence=False, resamples=100)
    record = run(images, [0, 1], budget, asked, tmp_path, Context.silent(), ["a", "d"])
    trained = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}
    assert len(trained) == 2 * 2

    again = run(images, [0, 1], budget, asked, tmp_path, Context.silent(), ["a", "d"])
    assert again == record
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")} == trained

    place = tmp_path / "ablation.json"
    place.write_text(json.dumps(record))
    shown = table(shipped(place))
    assert list(shown.index) == [LABELS[letter] for letter in ("a", "d", "e", "f", "real")]
    assert shown.loc[LABELS["d"], MEASURES["bits_per_dim"]] == ""  # a rival without likelihood
    assert shown.loc[LABELS["a"], MEASURES["bits_per_dim"]] != ""
    by = {(row["variant"], row["measure"]): row for row in record["rows"]}
    assert by["real", "swd_ratio"]["values"] == [1, 1]
    assert by["a", "swd_ratio"]["values"] == pytest.approx(by["e", "swd_ratio"]["values"], rel=0.3)  # the same images
    assert record["parameters"]["d"] == pytest.approx(record["parameters"]["a"], rel=0.1)
    with pytest.raises(UserError, match="another version"):
        place.write_text(json.dumps(record | {"format": 0}))
        shipped(place)
    with pytest.raises(UserError, match="No ablation comes"):
        shipped(tmp_path / "nowhere.json")
