"""A single population is described by the right one of the three, and a dip between two peaks is no single population."""

import numpy as np
import pytest
from scipy.stats import multivariate_t, norm

from engine.mixtures.moments import Rows
from engine.mixtures.noise import best_noise, density, has_one_peak
from engine.mixtures.populations import free_population, normal_population, student_population

N = 1500
GRID = np.linspace(-6, 8, 400)


def chain(noise):
    x = noise[:, 0]
    y = x + noise[:, 1]
    return Rows(np.column_stack([x, y, y + noise[:, 2]]))


def three(rows):
    normal = normal_population(rows)
    return normal, free_population(rows, normal.parents), student_population(rows, normal.parents)


def test_normal_noise_needs_no_more_than_a_normal_dag():
    normal, free, student = three(chain(np.random.default_rng(0).standard_normal((N, 3))))
    assert free.bic == pytest.approx(normal.bic, abs=1e-3)
    assert student.bic < normal.bic


def test_skewed_noise_has_a_shape_of_its_own_and_a_direction():
    normal, free, student = three(chain(np.random.default_rng(0).exponential(size=(N, 3))))
    assert free.bic > max(normal.bic, student.bic) + 100
    assert free.parents == (0, 0b1, 0b10)


def test_a_multivariate_t_is_told_from_independent_t_noise():
    rng = np.random.default_rng(1)
    shared = rng.standard_normal((N, 3)) / np.sqrt(rng.chisquare(5, (N, 1)) / 5)
    normal, free, student = three(chain(shared))
    assert student.bic > max(normal.bic, free.bic) + 30
    normal, free, student = three(chain(rng.standard_t(5, (N, 3))))
    assert free.bic > max(normal.bic, student.bic) + 10


def test_likelihood_of_a_multivariate_t_without_arrows_is_that_of_scipy():
    rng = np.random.default_rng(2)
    rows = Rows(rng.standard_normal((N, 2)) / np.sqrt(rng.chisquare(4, (N, 1)) / 4))
    found = student_population(rows, (0, 0)).bic + np.log(N) / 2 * 5
    scale = np.diag(rows.values.T @ rows.values / N)  # 1 by construction; scanned below
    best = max(
        multivariate_t(np.zeros(2), np.diag(scale * s), df).logpdf(rows.values).sum() for df in (3, 4, 5) for s in np.linspace(0.3, 0.8, 26)
    )
    assert best - 0.5 < found < best + 8  # the fit has two scales and two means of its own


def test_noise_of_two_far_peaks_is_not_taken():
    rng = np.random.default_rng(3)
    two = np.concatenate([rng.normal(-3, 1, N), rng.normal(3, 1, N)])
    one = np.concatenate([rng.normal(0, 1, N), rng.normal(0, 3, N)])
    design = np.ones((2 * N, 1))
    truth = np.log(0.5 * norm.pdf(two, -3) + 0.5 * norm.pdf(two, 3)).sum() - 2.5 * np.log(2 * N)
    assert best_noise(design, two).bic < truth - 100
    truth = np.log(0.5 * norm.pdf(one) + 0.5 * norm.pdf(one, scale=3)).sum() - 2 * np.log(2 * N)
    assert best_noise(design, one).bic > truth - 10


@pytest.mark.parametrize(("apart", "expected"), [(0.0, True), (1.9, True), (2.2, True), (3.0, False), (6.0, False)])
def test_a_deep_dip_makes_two_peaks(apart, expected):
    halves = np.array([0.5, 0.5]), np.array([0.0, apart]), np.ones(2)
    assert has_one_peak(density(GRID, *halves)) is expected
