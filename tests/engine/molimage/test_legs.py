"""A model trained in legs, level by level from a folder, is the one that is trained at once."""

import dataclasses

import numpy as np
import pytest

from engine.core import Context
from engine.molimage import encoder, legs
from engine.molimage.level_training import averaged
from engine.molimage.plan import Plan
from engine.molimage.train import TrainParams, prepare, train_levels
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs

pytest.importorskip("torch")
SHORT = TrainParams(size=32, steps=12, batch=4)


@pytest.fixture(scope="module")
def material():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "EPOCHS", 3)
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
