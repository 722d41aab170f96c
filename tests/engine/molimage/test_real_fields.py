"""Images drawn from the truth score like real ones; images of one molecule for all, or of none, lose exactly what they lack."""

import dataclasses

import numpy as np
import pytest

from engine.core import UserError
from engine.molimage.haar import halve
from engine.molimage.like_for_like import averaged, drawn_like, largest_size, piece_px, pieces_like
from engine.molimage.real_fields import GENERATED, OTHER, REAL, partners, score_real_fields
from engine.molimage.tone import Tone
from engine.molimage.train import asked
from tests.engine.molimage.stand_ins import Blind, Noise, Truth, facts
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs


@pytest.fixture(scope="module")
def images():
    made = blobs(ALCOHOLS[2:6] + AMINES[2:6], n_each=16, size=32)
    made.table["split"] = np.where(np.arange(len(made)) % 16 < 8, "train", "test")
    return made


def test_what_is_drawn_from_the_truth_scores_like_real(images):
    found = score_real_fields(Truth(), images)
    table = found.table
    assert table.loc[REAL, "accuracy"] > 0.9
    assert table.loc[GENERATED, "share"] == pytest.approx(1, abs=0.1)
    assert table.loc[GENERATED, "told_apart"] == pytest.approx(0.5, abs=0.2)
    assert 0.5 < table.loc[GENERATED, "swd_ratio"] < 1.6
    assert table.loc[OTHER, "share"] == pytest.approx(1, abs=0.1)
    assert found.images.shape == (64, 2, 32, 32)
    test = images.split("test").images
    assert table.loc[REAL, "bits_per_dim"] == pytest.approx(test.mean(axis=(1, 2, 3)).mean() / 64, rel=1e-6)  # turns keep the mean


def test_one_molecule_for_all_is_right_half_of_the_time_and_has_one_recall_of_0(images):
    blind = score_real_fields(Blind(), images)
    assert blind.table.loc[GENERATED, "accuracy"] == pytest.approx(0.5, abs=0.05)
    assert blind.table.loc[GENERATED, "worst_recall"] < 0.1
    noise = score_real_fields(Noise(), images)
    assert noise.table.loc[GENERATED, "swd_ratio"] > 3
    assert noise.table.loc[GENERATED, "told_apart"] > 0.95


def test_every_image_has_noise_of_its_own_and_stands_at_its_row():
    wanted = [("CCO", 1.0), ("CCN", 1.0), ("CCO", 1.0), ("CCO", 3.0)] * 40
    drawn = drawn_like(Truth(), wanted, 32)
    assert len(np.unique(drawn.reshape(160, -1), axis=0)) == 160
    area = (drawn[:, 0] > 40).mean(axis=(1, 2))
    is_alcohol = np.array([what[0] == "CCO" for what in wanted])
    assert area[is_alcohol].min() > area[~is_alcohol].max()
    assert np.array_equal(drawn, drawn_like(Truth(), wanted, 32))


def test_partners_show_the_same_treatment_and_come_back_only_when_all_were_used(images):
    test, train = images.split("test"), images.split("train")
    rows = partners(test, train)
    assert [asked(train)[row] for row in rows] == asked(test)
    assert np.bincount(rows, minlength=len(train)).max() == 1
    few = partners(test, train.take(np.arange(0, len(train), 4)))
    assert set(np.bincount(few)[np.bincount(few) > 0]) == {4}
    with pytest.raises(UserError, match="No training image shows CCCN at 10 µM"):
        partners(test, train.take(train.column("smiles") != "CCCN"))


def test_pieces_are_averaged_as_the_pyramid_does(images):
    half, source = pieces_like(images, Truth(), 16)
    assert half.shape == (len(images), 2, 16, 16)
    assert np.array_equal(source, np.arange(len(images)))
    piece = images.images[:3]
    tone = Tone.fit(piece)
    by_hand = tone.levels(halve(halve(tone.values(piece, 0.5))[0])[0])
    assert np.abs(averaged(piece, 8).astype(int) - by_hand).max() <= 1  # the order of the sums may round to the next level
    assert (averaged(piece, 8) == by_hand).mean() > 0.99
    whole, _ = pieces_like(images, Truth(facts=facts() | {"params": {"size": 32, "whole": True}}), 16)
    assert np.array_equal(whole, averaged(images.images, 16))
    with pytest.raises(UserError, match="smaller than what the model draws, 64 px"):
        pieces_like(images, Truth(facts=facts(size=64)), 32)


def test_pieces_are_averaged_on_the_scale_of_the_model(images):
    """A model with an offset of 16 grey levels is compared with images averaged with that offset; it makes the bright half count more."""
    far = Truth(facts=facts() | {"params": {"size": 32, "whole": True, "offset": 16.0}})
    shrunk, _ = pieces_like(images, far, 16)
    tone = Tone.fit(images.images, 16.0)
    by_hand = tone.levels(halve(tone.values(images.images, 0.5))[0])
    assert np.abs(shrunk.astype(int) - by_hand).max() <= 1
    assert (shrunk == by_hand).mean() > 0.99
    assert shrunk.mean() > averaged(images.images, 16).mean()


def test_a_model_that_draws_finer_is_compared_at_the_pixels_of_the_images(images):
    """A model of 128 px of 0.25 µm shows 32 µm, that is 32 px of images of 1 µm, and 16 of those of 2 µm."""
    fine, scaled = Truth(facts=facts(size=128, pixel_um=0.25)), dataclasses.replace(images, pixel_um=1.0)
    assert (piece_px(scaled, fine), largest_size(scaled, fine)) == (32, 32)
    coarse = dataclasses.replace(images, pixel_um=2.0)
    assert (piece_px(coarse, fine), largest_size(coarse, fine)) == (16, 16)
    assert pieces_like(coarse, fine, 16)[0].shape[2:] == (16, 16)
    assert np.array_equal(pieces_like(coarse, fine, 8)[0], averaged(pieces_like(coarse, fine, 16)[0], 8))
    with pytest.raises(UserError, match="show 16 px where the model draws 32 px"):
        pieces_like(coarse, fine, 32)


def test_missing_splits_are_named(images):
    with pytest.raises(UserError, match="split test"):
        score_real_fields(Truth(), images.split("train"))
