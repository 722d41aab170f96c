"""Long-only minimum variance is exact: it is the best of all sets of held assets, and meets the optimality conditions to rounding."""

import itertools

import cvxpy as cp
import numpy as np
import pytest

from engine.core import UserError
from engine.portfolio import long_only
from engine.portfolio.long_only import long_only_minimum_variance, variance_gap


def drawn(kind, n, seed):
    """Draw a covariance: factor model, samples with many and few rows, singular, with duplicates, or nothing shared."""
    rng = np.random.default_rng(seed)
    rows = {"many rows": 3 * n, "few rows": n + 3, "singular": n // 2 + 1, "duplicates": 2 * n}.get(kind, 0)
    beta, sd = rng.uniform(0.5, 1.5, n), rng.uniform(0.01, 0.03, n)
    if kind == "factor":
        return 1e-4 * np.outer(beta, beta) + np.diag(sd**2)
    if kind == "diagonal":
        return np.diag(sd**2)
    shared = 0.0 if kind == "few rows" else 0.01
    returns = shared * rng.standard_normal((rows, 1)) * beta + sd * rng.standard_normal((rows, n))
    if kind == "duplicates":
        returns[:, n // 2 : 2 * (n // 2)] = returns[:, : n // 2]
    return np.cov(returns.T)


KINDS = ("factor", "diagonal", "many rows", "few rows", "singular", "duplicates")


def best_of_all_sets(covariance):
    """Return the least variance over all sets of assets whose own minimum variance is long."""
    found = []
    for size in range(1, len(covariance) + 1):
        for held in itertools.combinations(range(len(covariance)), size):
            amounts = np.linalg.solve(covariance[np.ix_(held, held)], np.ones(size))
            if (amounts >= 0).all():
                found.append(1 / amounts.sum())
    return min(found)


@pytest.mark.parametrize("kind", ["factor", "diagonal", "many rows", "few rows"])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_best_of_all_sets_of_assets(kind, seed):
    covariance = drawn(kind, 8, seed)
    weights = long_only_minimum_variance(covariance)
    assert weights @ covariance @ weights == pytest.approx(best_of_all_sets(covariance), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 3, 7, 20, 60, 150])
def test_optimality_conditions_hold_to_rounding(kind, n):
    for seed in range(5):
        covariance = drawn(kind, n, seed)
        weights = long_only_minimum_variance(covariance)
        marginal, variance = covariance @ weights, weights @ covariance @ weights
        slack = 1e-9 * variance + 1e-13 * covariance.max()
        assert weights.sum() == pytest.approx(1, abs=1e-13)
        assert (weights >= 0).all()
        assert np.abs(marginal[weights > 0] - variance).max() <= slack
        assert marginal.min() >= variance - slack
        assert variance_gap(covariance, weights) <= 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_one_asset_at_a_time_reaches_the_same_variance(kind, monkeypatch):
    covariances = [drawn(kind, n, seed) for n in (5, 20, 60) for seed in range(5)]
    quick = [long_only_minimum_variance(covariance) for covariance in covariances]
    monkeypatch.setattr(long_only, "_trimmed", lambda matrix, held: None)
    for covariance, weights in zip(covariances, quick, strict=True):
        slow = long_only_minimum_variance(covariance)
        assert slow @ covariance @ slow == pytest.approx(weights @ covariance @ weights, rel=1e-9, abs=1e-13 * covariance.max())


@pytest.mark.parametrize("kind", KINDS)
def test_a_solver_finds_no_less(kind):
    covariance = drawn(kind, 30, 7)
    w = cp.Variable(30, nonneg=True)
    problem = cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(covariance / covariance.max()))), [cp.sum(w) == 1])
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11)
    weights = long_only_minimum_variance(covariance)
    assert weights @ covariance @ weights / covariance.max() == pytest.approx(problem.value, abs=1e-8)


def test_a_hedge_without_variance_is_found():
    covariance = np.array([[4.0, -2.0, 0.5], [-2.0, 1.0, -0.25], [0.5, -0.25, 1.0]])  # assets 1 and 2 are opposite
    assert long_only_minimum_variance(covariance) == pytest.approx([1 / 3, 2 / 3, 0], abs=1e-12)


def test_three_assets_that_cancel_are_found():
    loads = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8], [1.0, 1.0], [2.0, -1.0]])
    covariance = loads @ loads.T
    weights = long_only_minimum_variance(covariance)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    assert weights @ covariance @ weights <= 1e-14
    assert variance_gap(covariance, weights) == 0


def test_the_certificate_bounds_what_is_missed():
    covariance = drawn("factor", 20, 0)
    best = long_only_minimum_variance(covariance)
    for weights in np.random.default_rng(0).dirichlet(np.ones(20), 50):
        variance = weights @ covariance @ weights
        assert variance * (1 - variance_gap(covariance, weights)) <= best @ covariance @ best <= variance


def test_order_and_units_do_not_matter():
    covariance = drawn("many rows", 40, 3)
    weights, order = long_only_minimum_variance(covariance), np.random.default_rng(0).permutation(40)
    assert long_only_minimum_variance(covariance[np.ix_(order, order)]) == pytest.approx(weights[order], abs=1e-10)
    for scale in (1e-12, 1e4, 1e12):
        assert long_only_minimum_variance(covariance * scale) == pytest.approx(weights, abs=1e-12)


def test_one_asset_takes_all():
    assert long_only_minimum_variance(np.array([[2e-4]])).tolist() == [1.0]


def test_what_is_no_covariance_is_refused():
    with pytest.raises(UserError, match="not finite"):
        long_only_minimum_variance(np.array([[1.0, np.nan], [np.nan, 1.0]]))
    with pytest.raises(UserError, match="no variance"):
        long_only_minimum_variance(np.zeros((3, 3)))
    with pytest.raises(UserError, match="negative variance"):
        long_only_minimum_variance(np.array([[1.0, -2.0], [-2.0, 1.0]]))
