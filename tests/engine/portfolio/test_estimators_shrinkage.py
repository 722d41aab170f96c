"""Linear shrinkage is what its formulas say, summed row by row and pair by pair."""

import numpy as np
import pytest

from engine.portfolio.estimators import estimate
from tests.engine.portfolio.drawn import one_factor

CASES = [(6, 40), (9, 7), (3, 300)]


def constant_correlation_by_loops(returns):
    """Ledoit and Wolf's pi, rho and gamma, each a sum over pairs of means over rows."""
    n_rows, n = returns.shape
    y = returns - returns.mean(axis=0)
    s = sum(np.outer(row, row) for row in y) / n_rows
    mean = sum(s[i, j] / np.sqrt(s[i, i] * s[j, j]) for i in range(n) for j in range(i)) / (n * (n - 1) / 2)
    target, pi, rho, gamma = s.copy(), 0.0, 0.0, 0.0
    for i in range(n):
        for j in range(n):
            spread = np.mean([(y[t, i] * y[t, j] - s[i, j]) ** 2 for t in range(n_rows)])
            pi += spread
            if i == j:
                rho += spread
                continue
            target[i, j] = mean * np.sqrt(s[i, i] * s[j, j])
            joint_i = np.mean([(y[t, i] ** 2 - s[i, i]) * (y[t, i] * y[t, j] - s[i, j]) for t in range(n_rows)])
            joint_j = np.mean([(y[t, j] ** 2 - s[j, j]) * (y[t, i] * y[t, j] - s[i, j]) for t in range(n_rows)])
            rho += mean / 2 * (np.sqrt(s[j, j] / s[i, i]) * joint_i + np.sqrt(s[i, i] / s[j, j]) * joint_j)
            gamma += (target[i, j] - s[i, j]) ** 2
    share = max(0.0, min(1.0, (pi - rho) / gamma / n_rows))
    return share, share * target + (1 - share) * s


@pytest.mark.parametrize(("n_assets", "n_rows"), CASES)
def test_constant_correlation(n_assets, n_rows):
    returns, _ = one_factor(n_assets, n_rows, seed=2)
    share, covariance = constant_correlation_by_loops(returns)
    found = estimate("lw_constant_correlation", returns)
    assert found.facts["shrinkage"] == pytest.approx(share, rel=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-10)


def test_share_is_between_the_ends_where_it_should_be():
    returns, _ = one_factor(9, 60)
    assert 0 < estimate("lw_constant_correlation", returns).facts["shrinkage"] < 1


def test_two_assets_are_their_own_target():
    returns, _ = one_factor(2, 50)
    np.testing.assert_allclose(estimate("lw_constant_correlation", returns).covariance, np.cov(returns.T, ddof=0), rtol=1e-12)


@pytest.mark.parametrize(("n_assets", "n_rows"), CASES)
def test_identity(n_assets, n_rows):
    returns, _ = one_factor(n_assets, n_rows, seed=3)
    y = returns - returns.mean(axis=0)
    s = y.T @ y / n_rows
    target = np.trace(s) / n_assets * np.eye(n_assets)
    noise = sum(np.sum((np.outer(row, row) - s) ** 2) for row in y) / n_rows**2
    share = min(noise / np.sum((s - target) ** 2), 1.0)
    found = estimate("lw_identity", returns)
    assert found.facts["shrinkage"] == pytest.approx(share, rel=1e-9)
    np.testing.assert_allclose(found.covariance, share * target + (1 - share) * s, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("n_assets", "n_rows"), CASES)
def test_oracle_approximating(n_assets, n_rows):
    """The fixed point of its iteration rho <- [tr(F S) + tr(F)^2] / [(n + 1) tr(F S) + (1 - n / N) tr(F)^2], terms 2/N left out."""
    returns, _ = one_factor(n_assets, n_rows, seed=4)
    s = np.cov(returns.T, ddof=0)
    target = np.trace(s) / n_assets * np.eye(n_assets)
    share = 0.5
    for _ in range(10_000):
        f = (1 - share) * s + share * target
        product, square = np.trace(f @ s), np.trace(f) ** 2
        share = (product + square) / ((n_rows + 1) * product + (1 - n_rows / n_assets) * square)
        share = min(share, 1.0)
    found = estimate("oas", returns)
    np.testing.assert_allclose(found.covariance, found.facts["shrinkage"] * target + (1 - found.facts["shrinkage"]) * s, rtol=1e-10)
    assert found.facts["shrinkage"] == pytest.approx(share, rel=1e-6)
