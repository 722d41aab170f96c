"""The rival of the ablation has the flow's number of parameters, learns what molecules do, repeats itself by seed and survives its file."""

import dataclasses

import numpy as np
import pytest

from engine.core import Context, UserError
from engine.molimage.gan import CellGan, greys, is_gan, train_gan, values, width_for
from engine.molimage.train import TrainParams
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs

torch = pytest.importorskip("torch")

PARAMS = TrainParams(size=32, batch=16, steps=10)
ASKED = [("CCCCO", 10.0), ("CCCCN", 10.0)]


@pytest.fixture(scope="module")
def images():
    return blobs(ALCOHOLS[2:6] + AMINES[2:6], 12)


@pytest.fixture(scope="module")
def gan(images):
    return train_gan(images, PARAMS, 150, 30_000, Context.silent())


def test_alcohols_and_amines_look_as_they_should(gan):
    """In the data the blobs of alcohols cover 1.7 times as much."""
    alcohol, amine = gan.sample(ASKED, 32, seed=1).astype(float)
    assert (alcohol[:, 1] > 60).mean() > 1.2 * (amine[:, 1] > 60).mean()
    assert alcohol[:, 1].std(axis=0).mean() > 3  # it does not draw one image for all noise


def test_the_number_of_parameters_is_that_of_the_flow(gan):
    assert gan.parameters == pytest.approx(30_000, rel=0.1)
    widths = [width_for(5, 17, 64, n) for n in (100_000, 1_000_000, 5_000_000)]
    assert widths == sorted(set(widths))


def test_same_seed_same_weights(images):
    short = [train_gan(images, dataclasses.replace(PARAMS, seed=seed), 3, 20_000, Context.silent()) for seed in (1, 1, 2)]
    first, same, other = (np.concatenate([value.ravel() for value in made.weights.values()]) for made in short)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_it_comes_back_from_its_file_the_same(gan, tmp_path):
    place = gan.save(tmp_path / "gan.safetensors")
    back = CellGan.load(place)
    assert is_gan(place)
    np.testing.assert_array_equal(back.sample(ASKED, 2), gan.sample(ASKED, 2))
    (tmp_path / "other").write_bytes(b"no model")
    assert not is_gan(tmp_path / "other")
    assert not is_gan("shipped")
    with pytest.raises(UserError, match="does not draw 64 px"):
        gan.sample(ASKED, 1, size=64)


def test_grey_levels_survive_the_scale():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    scaled = values(levels, 0.5)
    assert np.array_equal(greys(scaled), levels)
    assert -1 <= scaled.min() < scaled.max() <= 1
