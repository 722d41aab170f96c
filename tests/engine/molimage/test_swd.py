"""The sliced Wasserstein distance is 0 for a set against itself and has its closed form for shifted points; the pyramid loses nothing."""

import numpy as np
import pytest

from engine.core import UserError
from engine.molimage.swd import laplacian_pyramid, projected_distance, sliced_wasserstein, swd_table


def grains(n, sigma, seed, size=32, channels=2):
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((n, channels, size, size)), (0, 0, sigma, sigma))
    return np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)


def test_a_set_has_distance_0_to_itself():
    images = grains(6, 1.0, 0)
    found = sliced_wasserstein(images, images)
    assert list(found) == [32, 16]
    assert all(value == 0 for value in found.values())


def test_shifted_points_on_a_line_have_the_distance_of_the_shift():
    a = np.random.default_rng(1).standard_normal((500, 1))
    assert projected_distance(a, a[::-1] + 0.75, np.random.default_rng(0)) == pytest.approx(0.75, rel=1e-12)


def test_normal_points_of_other_spread_have_the_closed_form():
    """W1 of N(0, 1) and N(0, s²) is |s - 1| sqrt(2/π); shifted by d in D dimensions the mean over directions is |d| E|u_1|."""
    rng = np.random.default_rng(2)
    a = rng.standard_normal((200_000, 1))
    assert projected_distance(a, 1.5 * rng.standard_normal((200_000, 1)), rng, 2) == pytest.approx(0.5 * np.sqrt(2 / np.pi), abs=0.01)
    points = rng.standard_normal((300, 3))
    assert projected_distance(points, points + np.array([2.0, 0, 0]), rng, 40_000) == pytest.approx(
        2 * 0.5, rel=0.01
    )  # E|u_1| = 1/2 on the sphere


def test_the_pyramid_adds_up_to_the_image():
    images = grains(2, 2.0, 3, size=64)
    levels = list(laplacian_pyramid(images))
    assert [level.shape[-1] for level in levels] == [64, 32, 16]
    flat = list(laplacian_pyramid(np.full((1, 1, 64, 64), 51, np.uint8)))
    assert np.allclose(flat[2], 0.2, atol=1e-6)
    assert np.allclose(flat[0], 0, atol=1e-6)
    from scipy.ndimage import correlate1d

    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    whole = levels[-1]
    for detail in levels[-2::-1]:
        spread = np.zeros_like(detail)
        spread[:, :, ::2, ::2] = 4 * whole
        row = kernel.sum(axis=0)
        whole = detail + correlate1d(correlate1d(spread, row, axis=2, mode="mirror"), row, axis=3, mode="mirror")
    assert np.allclose(whole, images / 255, atol=1e-5)


def test_the_floor_is_met_by_the_same_texture_and_not_by_another():
    real, same, other = grains(80, 1.0, 0), grains(40, 1.0, 9), grains(40, 1.6, 9)
    good, bad = swd_table(real, same), swd_table(real, other)
    assert list(good["level_px"]) == [32, 16]
    assert (good["images"] == 40).all()
    assert (good["ratio"] < 1.5).all()
    assert bad["ratio"].iloc[0] > 5
    assert good.equals(swd_table(real, same))
    brighter = np.clip(same.astype(int) + 30, 0, 255).astype(np.uint8)
    levels = swd_table(real, brighter)["ratio"]
    assert levels.iloc[1] > 3 > levels.iloc[0]  # a shift of the level shows where the levels are


def test_sizes_without_a_pyramid_are_named():
    with pytest.raises(UserError, match="48 × 48"):
        sliced_wasserstein(np.zeros((2, 1, 48, 48), np.uint8), np.zeros((2, 1, 48, 48), np.uint8))
    with pytest.raises(UserError, match="cannot be compared"):
        sliced_wasserstein(np.zeros((2, 1, 32, 32), np.uint8), np.zeros((3, 1, 32, 32), np.uint8))
