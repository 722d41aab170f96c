"""Factor models are regressions asset by asset, and the covariance is put together from their parts."""

import numpy as np
import pytest

from engine.portfolio.estimators import estimate
from engine.portfolio.estimators.eigenvalues import shrunk
from tests.engine.portfolio.drawn import one_factor

RETURNS, FACTORS = one_factor(10, 60)


def regressed(factors):
    """Loadings and residuals of least squares with an intercept, one asset after another."""
    design = np.column_stack([np.ones(len(factors)), factors])
    fits = [np.linalg.solve(design.T @ design, design.T @ asset) for asset in RETURNS.T]
    residuals = RETURNS - design @ np.array(fits).T
    return np.array(fits)[:, 1:].T, residuals


@pytest.mark.parametrize("k", [1, 5])
def test_parts(k):
    factors = FACTORS[:, :k]
    loadings, residuals = regressed(factors)
    common = loadings.T @ np.atleast_2d(np.cov(factors.T, ddof=0)) @ loadings
    own = residuals.T @ residuals / len(residuals)
    exact = estimate(f"efm{k}", RETURNS, FACTORS)
    np.testing.assert_allclose(exact.covariance, common + np.diag(np.diag(own)), rtol=1e-10)
    linear = estimate(f"afm{k}_lw", RETURNS, FACTORS)
    share = linear.facts["shrinkage"]
    target = np.trace(own) / 10 * np.eye(10)
    np.testing.assert_allclose(linear.covariance, common + share * target + (1 - share) * own, rtol=1e-8, atol=1e-12)
    assert 0 < share <= 1
    nonlinear = estimate(f"afm{k}_nls", RETURNS, FACTORS)
    np.testing.assert_allclose(nonlinear.covariance, common + shrunk(residuals, 60 - 1 - k), rtol=1e-8, atol=1e-12)
    explained = np.mean(1 - residuals.var(axis=0) / RETURNS.var(axis=0))
    assert exact.facts["explained"] == linear.facts["explained"] == pytest.approx(explained)


def test_without_shrinkage_the_parts_would_be_the_sample():
    loadings, residuals = regressed(FACTORS)
    common = loadings.T @ np.cov(FACTORS.T, ddof=0) @ loadings
    np.testing.assert_allclose(common + residuals.T @ residuals / 60, estimate("sample", RETURNS).covariance, atol=1e-15)


def test_the_true_model_gives_less_risk_than_the_sample():
    rng = np.random.default_rng(0)
    loadings, noise = rng.uniform(0.5, 1.5, 50), rng.uniform(0.01, 0.03, 50)  # as `one_factor` draws them
    truth = 1e-4 * np.outer(loadings, loadings) + np.diag(noise**2)
    returns, factors = one_factor(50, 100)

    def risk(name):
        weights = estimate(name, returns, factors).precision.sum(axis=0)
        return weights @ truth @ weights / weights.sum() ** 2

    assert risk("efm1") < risk("afm1_lw") < risk("sample")
