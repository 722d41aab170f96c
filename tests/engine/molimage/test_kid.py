"""The kernel distance is the mean over pairs, unbiased; the Fréchet distance has the closed form of normal distributions."""

import itertools

import numpy as np
import pytest
from scipy.linalg import sqrtm

from engine.core import UserError
from engine.molimage.kid import feature_distance, frechet_distance, kernel_distance


def test_kernel_distance_is_the_loop_over_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((12, 5)), rng.standard_normal((9, 5)) + 0.3

    def k(x, y):
        return (x @ y / 5 + 1) ** 3

    def within(values):
        return np.mean([k(x, y) for x, y in itertools.permutations(values, 2)])

    between = np.mean([k(x, y) for x in a for y in b])
    assert kernel_distance(a, b) == pytest.approx(within(a) + within(b) - 2 * between, rel=1e-10)


def test_kernel_distance_of_one_distribution_is_0_on_average():
    rng = np.random.default_rng(1)
    draws = [kernel_distance(rng.standard_normal((20, 4)), rng.standard_normal((20, 4))) for _ in range(400)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / np.sqrt(400)
    assert min(draws) < 0  # a biased estimate never is


def points_with(mean, covariance, n, rng):
    """Points whose sample mean and covariance are exactly these."""
    raw = rng.standard_normal((n, len(mean)))
    raw -= raw.mean(axis=0)
    raw = raw @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(raw.T)))).T
    return raw @ np.linalg.cholesky(covariance).T + mean


def test_frechet_distance_is_that_of_normal_distributions():
    rng = np.random.default_rng(2)
    s, t = (m @ m.T + np.eye(4) for m in rng.standard_normal((2, 4, 4)))
    mean = np.array([1.0, -2, 0, 0.5])
    found = frechet_distance(points_with(np.zeros(4), s, 30, rng), points_with(mean, t, 50, rng))
    assert found == pytest.approx(mean @ mean + np.trace(s + t - 2 * sqrtm(s @ t).real), rel=1e-9)
    one = frechet_distance(points_with(np.zeros(1), np.eye(1), 9, rng), points_with(np.ones(1), 9 * np.eye(1), 9, rng))
    assert one == pytest.approx(1 + (3 - 1) ** 2)


def test_fewer_images_than_features_are_no_trouble():
    a = np.random.default_rng(3).standard_normal((5, 40))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(a, a + 1) == pytest.approx(40)


def test_the_units_of_a_feature_do_not_count():
    rng = np.random.default_rng(4)
    real, generated, units = rng.standard_normal((300, 6)), rng.standard_normal((250, 6)) + 0.5, np.array([1, 10, 1e3, 1e-3, 1, 1])
    plain, scaled = feature_distance(real, generated), feature_distance(real * units, generated * units)
    assert plain.kernel == pytest.approx(scaled.kernel)
    assert plain.frechet == pytest.approx(scaled.frechet)
    assert plain.images == 250
    assert plain.kernel > 5 * plain.kernel_se > 0
    near = feature_distance(real, rng.standard_normal((300, 6)))
    assert abs(near.kernel) < 4 * near.kernel_se
    with pytest.raises(UserError, match="too few"):
        feature_distance(real[:3], generated)
