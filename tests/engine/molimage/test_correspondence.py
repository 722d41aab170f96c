"""The classifier learns which image belongs to which molecule, guesses when molecules are shuffled, and is the same for the same seed."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.core import Cancelled, Context, UserError
from engine.molimage.correspondence import Pairs, correspondence, drawn, learn_match

MOLECULES = 16


def screen(each, plate, seed, size=32, molecules=MOLECULES):
    """Images whose grain follows the first feature of their molecule and whose second channel follows the next; the others say nothing."""
    features = np.random.default_rng(99).uniform(-1, 1, (molecules, 6)).astype(np.float32)
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(molecules), each)
    images = np.empty((len(of), 2, size, size), np.uint8)
    for k, m in enumerate(of):
        noise = gaussian_filter(rng.standard_normal((2, size, size)), (0, *2 * [1.4 + 0.9 * features[m, 0]]))
        levels = 90 + 30 * noise / noise.std() * np.array([1, 1 + 0.7 * features[m, 1]])[:, None, None]
        images[k] = np.clip(levels, 0, 255)
    return Pairs(images, of, features, np.full(len(of), plate, dtype=object))


@pytest.fixture(scope="module")
def plates():
    return screen(12, "a", 0), screen(8, "b", 1), screen(8, "c", 2)


def test_good_images_reach_the_ceiling_shuffled_ones_are_guesses_and_noise_too(plates):
    train, held_out, fresh = plates
    matcher = learn_match(train, "profile", steps=220)
    ceiling = matcher.accuracy(held_out)
    assert ceiling.low > 0.7
    assert matcher.accuracy(fresh).value > 0.9 * ceiling.value
    guesses = [matcher.accuracy(fresh.shuffled(seed), seed) for seed in range(6)]
    assert np.mean([g.value for g in guesses]) == pytest.approx(0.5, abs=0.05)
    noise = Pairs(np.random.default_rng(3).integers(0, 256, fresh.images.shape).astype(np.uint8), fresh.molecule, fresh.features)
    assert np.mean([matcher.accuracy(noise, seed).value for seed in range(6)]) == pytest.approx(0.5, abs=0.06)


def test_the_network_learns_from_pixels_and_repeats_itself():
    train, held_out = screen(40, "a", 0, molecules=2), screen(20, "b", 1, molecules=2)
    first, again = (learn_match(train, "network", width=4, seed=5, steps=40) for _ in range(2))
    shown = held_out.features[held_out.molecule]
    assert np.array_equal(first.log_odds(held_out.images, shown), again.log_odds(held_out.images, shown))
    assert first.accuracy(held_out).value > 0.8
    other = learn_match(train, "network", width=4, seed=6, steps=2)
    assert not np.array_equal(first.log_odds(held_out.images, shown), other.log_odds(held_out.images, shown))


def test_the_whole_comparison_in_one_call(plates, monkeypatch):
    train, held_out, fresh = plates
    monkeypatch.setitem(correspondence.__globals__["STEPS"], "profile", 40)
    seen = []
    found = correspondence(
        train, held_out, Pairs(fresh.images, fresh.molecule, fresh.features), context=Context(on_progress=lambda *a: seen.append(a[0]))
    )
    assert found.share == pytest.approx(found.generated.value / found.held_out.value)
    assert found.shuffled.low < 0.55
    assert found.side == "profile"
    assert seen == sorted(seen)
    assert len(seen) == 40


def test_half_of_the_pairs_are_wrong_and_every_other_molecule_is_as_likely():
    molecule = np.repeat(np.array([2, 5, 9, 11]), 3000)
    shown, is_match = drawn(molecule, np.random.default_rng(0))
    assert is_match.sum() == 6000
    assert (shown[is_match] == molecule[is_match]).all()
    assert (shown[~is_match] != molecule[~is_match]).all()
    wrong = shown[~is_match & (molecule == 5)]
    assert all(np.mean(wrong == other) == pytest.approx(1 / 3, abs=0.04) for other in (2, 9, 11))


def test_shuffling_keeps_images_and_how_often_each_molecule_occurs(plates):
    _, held_out, _ = plates
    mixed = held_out.shuffled(1)
    assert mixed.images is held_out.images
    assert (np.bincount(mixed.molecule) == np.bincount(held_out.molecule)).all()
    assert (mixed.molecule != held_out.molecule).mean() > 0.8


def test_bad_pairs_are_named(plates):
    train, _, fresh = plates
    with pytest.raises(UserError, match="Plate a is among"):
        correspondence(train, train, fresh)
    few = Pairs(train.images[:9], train.molecule[:9], train.features)
    with pytest.raises(UserError, match="Too few pairs"):
        learn_match(few)
    with pytest.raises(UserError, match="cannot be mismatched"):
        drawn(np.zeros(4, np.int64), np.random.default_rng(0))
    with pytest.raises(Cancelled):
        learn_match(train, context=Context(is_cancelled=lambda: True))
