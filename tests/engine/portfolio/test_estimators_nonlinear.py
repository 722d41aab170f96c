"""Analytical non-linear shrinkage is its formula with the integrals done by quadrature, and it beats the sample where it should."""

import numpy as np
import pytest
from scipy.integrate import quad

from engine.portfolio.estimators import estimate
from tests.engine.portfolio.drawn import one_factor

ROOT5 = np.sqrt(5)


def kernel(u):
    return 3 / 4 / ROOT5 * max(1 - u * u / 5, 0.0)


def hilbert_of_kernel(x):
    """(1 / pi) times the principal value of the integral of k(u) / (u - x)."""
    if abs(x) < ROOT5:
        return quad(kernel, -ROOT5, ROOT5, weight="cauchy", wvar=x)[0] / np.pi
    return quad(lambda u: kernel(u) / (u - x), -ROOT5, ROOT5)[0] / np.pi


def by_quadrature(returns):
    n_rows, n_assets = returns.shape
    n, y = n_rows - 1, returns - returns.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(y.T, ddof=0))
    count, ratio, width = min(n_assets, n), n_assets / n, n ** (-1 / 3)
    positive = values[n_assets - count :]

    def smoothed(at):
        density = np.mean([kernel((at - v) / (width * v)) / (width * v) for v in positive])
        hilbert = np.mean([hilbert_of_kernel((at - v) / (width * v)) / (width * v) for v in positive])
        return density, hilbert

    moved = np.empty(n_assets)
    for k, value in enumerate(values):
        if n_assets > n and k < n_assets - n:
            moved[k] = 1 / (np.pi * (n_assets - n) / n * smoothed(0.0)[1])
        else:
            density, hilbert = smoothed(value)
            if n_assets > n:
                moved[k] = 1 / (np.pi**2 * value * (density**2 + hilbert**2))
            else:
                moved[k] = value / ((np.pi * ratio * value * density) ** 2 + (1 - ratio - np.pi * ratio * value * hilbert) ** 2)
    return vectors @ np.diag(moved) @ vectors.T


@pytest.mark.parametrize(("n_assets", "n_rows"), [(7, 40), (12, 13), (14, 14), (25, 16), (2, 100)])
def test_formula(n_assets, n_rows):
    returns, _ = one_factor(n_assets, n_rows, seed=n_assets)
    np.testing.assert_allclose(estimate("nonlinear", returns).covariance, by_quadrature(returns), rtol=1e-6, atol=1e-9)


def loss(covariance, truth):
    """True variance of the minimum variance portfolio of an estimate, over random directions of the constraint (Ledoit and Wolf's loss)."""
    precision, n = np.linalg.inv(covariance), len(truth)
    return np.trace(precision @ truth @ precision) / n / (np.trace(precision) / n) ** 2


def study(names, n_assets, n_rows):
    """Losses and distances to the oracle, summed over draws: a fifth of the true eigenvalues are 1, two fifths 3 and two fifths 10."""
    spectrum = np.repeat([1.0, 3.0, 10.0], [n_assets // 5, 2 * n_assets // 5, 2 * n_assets // 5])
    risk, distance = dict.fromkeys([*names, "oracle"], 0.0), dict.fromkeys([*names, "oracle"], 0.0)
    for seed in range(8):
        returns = np.random.default_rng(seed).standard_normal((n_rows, n_assets)) * np.sqrt(spectrum)
        found = {name: estimate(name, returns).covariance for name in names}
        vectors = np.linalg.eigh(np.cov(returns.T))[1]  # the oracle keeps these too, and knows the best eigenvalue of each
        found["oracle"] = (vectors * np.einsum("ij,i,ij->j", vectors, spectrum, vectors)) @ vectors.T
        for name, covariance in found.items():
            risk[name] += loss(covariance, np.diag(spectrum))
            distance[name] += np.sum((covariance - found["oracle"]) ** 2)
    return risk, distance


@pytest.mark.parametrize(("n_assets", "n_rows"), [(60, 120), (40, 300)])
def test_beats_sample_and_linear_shrinkage(n_assets, n_rows):
    risk, distance = study(["sample", "lw_identity", "nonlinear"], n_assets, n_rows)
    assert risk["oracle"] < risk["nonlinear"] < min(risk["lw_identity"], risk["sample"])
    assert distance["nonlinear"] < 0.5 * min(distance["lw_identity"], distance["sample"])


def test_comes_near_the_oracle_with_fewer_rows_than_assets():
    risk, _ = study(["equal", "nonlinear"], 60, 40)
    assert risk["oracle"] < risk["nonlinear"] < min(1.1 * risk["oracle"], risk["equal"])


@pytest.mark.parametrize(("n_assets", "warned"), [(80, False), (91, True), (109, True), (111, False)])
def test_note_where_assets_and_rows_are_about_as_many(n_assets, warned):
    returns, factors = one_factor(n_assets, 100)
    for name in ("nonlinear", "afm1_nls", "afm5_nls"):
        assert any("unreliable" in note for note in estimate(name, returns, factors).notes) == warned
