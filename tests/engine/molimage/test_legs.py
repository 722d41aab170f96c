"""A model trained in legs, level by level from a folder, is the one that is trained at once."""

import dataclasses

import numpy as np
import pytest

from engine.core import Context
from engine.molimage import encoder, legs, shipped_build
from engine.molimage.level_training import averaged
from engine.molimage.model import CellModel
from engine.molimage.plan import NETWORKS, LevelPlan, Plan
from engine.molimage.train import TrainParams, prepare, train_levels
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs

pytest.importorskip("torch")
SHORT = TrainParams(size=32, steps=10, batch=4)
SMALL = {size: LevelPlan(2, 8, 6, 0 if size == 2 else 1, min(size, 32), 1.0) for size in (2, 4, 8, 16, 32, 64)}


@pytest.fixture(scope="module", autouse=True)
def _small_and_short():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "standard", SMALL)
        patch.setattr(encoder, "EPOCHS", 2)
        yield


@pytest.fixture(scope="module")
def material():
    made, told = prepare(blobs(ALCOHOLS + AMINES), SHORT, Context.silent())
    plan = Plan.standard(2, told.length, 32)
    return plan, dataclasses.replace(made, small=averaged(plan, made.images, made.tone))


def test_levels_of_a_folder_become_what_they_become_at_once(material, tmp_path):
    plan, whole = material
    at_once, _ = train_levels(plan, whole, SHORT, Context.silent())
    legs.write(tmp_path, plan, SHORT, whole)
    assert legs.leg(tmp_path, [4], seconds=0.0) == {}
    assert not legs.weights(tmp_path / "kept")
    for sizes in (["16", "2", "8"], ["4", "32"]):
        assert legs.main([str(tmp_path), "--sizes", *sizes]) == 0
    found = legs.weights(tmp_path / "kept")
    assert set(found) == set(at_once)
    for name, value in at_once.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_variant_lies_beside_and_is_trained_otherwise(material, tmp_path):
    plan, whole = material
    legs.write(tmp_path, plan, SHORT, whole)
    legs.main([str(tmp_path), "--sizes", "2"])
    legs.main([str(tmp_path), "--sizes", "2", "--name", "without", "--no-molecule"])
    one, other = (legs.weights(tmp_path / name)["levels.2.prior_film.linear.weight"] for name in ("kept", "without"))
    assert np.abs(one).max() > 0
    assert not np.abs(other).any()  # a condition that is always zero moves nothing


def test_the_bundled_model_is_made_from_a_screen_in_three_steps(tmp_path, monkeypatch):
    """The same script on few molecules, small images and few steps; its levels above are drawn too."""
    some = shipped_build.molecules()
    assert len(some) == 738
    assert not some["smiles"].duplicated().any()
    monkeypatch.setattr(shipped_build, "molecules", lambda: some.iloc[::25].reset_index(drop=True))
    monkeypatch.setattr(shipped_build, "PARAMS", TrainParams(size=32, steps=10, batch=4, offset=16.0))
    monkeypatch.setattr(shipped_build, "DOSES_UM", (10.0,))
    monkeypatch.setattr(shipped_build, "TOP", {64: 10})
    monkeypatch.setattr(shipped_build, "TOP_DRUGS", 4)
    shipped_build.begin(tmp_path, 4, Context.silent())
    legs.main([str(tmp_path / "32"), "--sizes", "2", "4", "8", "16", "32"])
    place = tmp_path / "made.safetensors"
    made = shipped_build.end(tmp_path, Context.silent(), place)
    found = CellModel.load(place)
    assert found.id == made.id
    assert found.tone.offset == 16
    assert found.sizes == (16, 32, 64)
    assert not set(found.conditions.known["smiles"]) & set(some["smiles"]) - set(some.iloc[::25]["smiles"])
    assert found.sample([("CCO", 10.0)], 2).shape == (1, 2, 5, 64, 64)
