"""Squares are means of whole blocks, cut to sides that halve evenly, and the pixels left out are counted."""

import numpy as np
import pytest

from engine.core import UserError
from engine.molimage.bring import inspect_images
from engine.molimage.bring.crops import Cutting
from engine.molimage.bring.intensity import Ceiling, fit_scale
from tests.engine.molimage.brought import field, per_channel, table

RNG = np.random.default_rng(0)


def mean_of_blocks(pixels, factor):
    """The average, pixel by pixel."""
    channels, height, width = pixels.shape
    out = np.empty((channels, height // factor, width // factor))
    for i in range(height // factor):
        for j in range(width // factor):
            out[:, i, j] = pixels[:, i * factor : (i + 1) * factor, j * factor : (j + 1) * factor].mean(axis=(1, 2))
    return out


def test_the_reference_crop_of_a_cell_painting_field():
    """520 × 696 px: a 512 crop averaged by 8 for 64 px, as in the published models."""
    pixels = RNG.integers(0, 4096, (1, 520, 696), dtype=np.uint16)
    cutting = Cutting(size=64)
    (image,) = cutting.cut(pixels)
    assert np.allclose(image, mean_of_blocks(pixels[:, 4:516, 92:604], 8))
    assert cutting.lost(520, 696) == 520 * 696 - 512 * 512


def test_tiles_cover_the_middle_without_overlap():
    pixels = np.arange(3 * 50 * 70, dtype=np.float32).reshape(3, 50, 70)
    cutting = Cutting(size=8, crop="tiles", shrink=2)
    tiles = cutting.cut(pixels)
    whole = mean_of_blocks(pixels[:, 1:49, 3:67], 2)
    expected = [whole[:, i : i + 8, j : j + 8] for i in range(0, 24, 8) for j in range(0, 32, 8)]
    assert np.allclose(tiles, expected) and cutting.lost(50, 70) == 50 * 70 - 48 * 64


def test_a_side_that_does_not_halve_is_cut_to_one_that_does():
    assert Cutting(levels=4).cut(np.zeros((1, 79, 90))).shape == (1, 1, 64, 64)
    assert Cutting(levels=4).lost(64, 64) == 0
    with pytest.raises(UserError, match="Take 96 or 104"):
        Cutting(size=100)
    with pytest.raises(UserError, match="never enlarged"):
        Cutting(size=64).cut(np.zeros((1, 63, 90)))
    with pytest.raises(UserError, match="never enlarged"):
        Cutting(levels=5).cut(np.zeros((1, 31, 90)))


def test_lost_pixels_are_reported_and_tiles_numbered(tmp_path):
    per_channel(tmp_path, table(), [field(i) for i in range(12)])
    report = inspect_images(None, tmp_path, size=32, crop="tiles")
    cropped = next(finding for finding in report.findings if finding.code == "cropped")
    assert f"{72 * 80 - 4 * 1024:,} px of each (29%)" in cropped.message
    assert len(report.images) == 48 and report.images.table["tile"].tolist() == [0, 1, 2, 3] * 12
    assert not [finding for finding in inspect_images(None, tmp_path, size=8, crop="tiles").findings if finding.code == "cropped"]


def test_scale_is_the_percentile_of_all_fields_together():
    fields = [RNG.gamma(2, 300, (2, 3, 40, 40)) for _ in range(5)]
    scale = fit_scale(fields, 1, 99)
    together = np.concatenate([np.moveaxis(each, 1, 0).reshape(3, -1) for each in fields], axis=1).astype(np.float32)
    assert np.allclose([scale.low, scale.high], np.percentile(together, [1, 99], axis=1))
    made = scale.bytes(fields[0])
    assert made.dtype == np.uint8 and (made[fields[0] >= scale.high[:, None, None]] == 255).all() and made.min() == 0


def test_a_channel_that_is_dark_but_for_a_few_pixels_still_has_a_range():
    pixels = np.zeros((2, 100, 100))
    pixels[0] = RNG.random((100, 100))
    pixels[1, 5, 5] = 9
    assert fit_scale([pixels]).high[1] == 9
    with pytest.raises(UserError, match="one value only"):
        fit_scale([np.ones((1, 9, 9))])


def test_a_background_cut_off_at_zero_is_said():
    ceiling = Ceiling(2)
    pixels = RNG.integers(1, 200, (2, 50, 50)).astype(np.uint8)
    pixels[1, :, :20] = 0
    ceiling.see(pixels)
    (finding,) = [each for each in ceiling.findings(("DNA", "ER")) if each.code == "background-zero"]
    assert finding.columns == ("ER",) and "40%" in finding.message
