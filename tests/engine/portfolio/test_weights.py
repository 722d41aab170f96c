"""Closed-form weights are the optimum that a solver finds, meet the target, and are not minimum variance in disguise."""

import cvxpy as cp
import numpy as np
import pytest

from engine.core import UserError
from engine.portfolio.weights import equal_weights, gross_leverage, leverage_notes, markowitz, minimum_variance


def market(n, seed):
    """Draw a covariance of daily returns and expected returns."""
    rng = np.random.default_rng(seed)
    returns = 0.01 * rng.standard_normal((3 * n, 1)) * rng.uniform(0.5, 1.5, n) + rng.uniform(0.01, 0.03, n) * rng.standard_normal(
        (3 * n, n)
    )
    return np.cov(returns.T), rng.normal(5e-4, 5e-4, n)


def brute_force(covariance, *equations):
    w = cp.Variable(len(covariance))
    problem = cp.Problem(
        cp.Minimize(cp.quad_form(w, cp.psd_wrap(covariance * 1e4))), [cp.sum(w) == 1, *(row @ w == b for row, b in equations)]
    )
    problem.solve(solver=cp.CLARABEL, tol_gap_rel=1e-12, tol_gap_abs=1e-12, tol_feas=1e-12)
    return w.value


@pytest.mark.parametrize("n", [1, 2, 5, 30])
def test_minimum_variance_is_the_optimum(n):
    covariance, _ = market(n, n)
    covariance = np.atleast_2d(covariance)
    weights = minimum_variance(np.linalg.inv(covariance))
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    assert np.ptp(covariance @ weights) <= 1e-12 * weights @ covariance @ weights, "all marginal variances are the same"
    assert weights == pytest.approx(brute_force(covariance), abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_markowitz_meets_the_target_and_is_the_optimum(seed):
    covariance, expected = market(12, seed)
    precision, target = np.linalg.inv(covariance), np.sort(expected)[-3:].mean()
    weights = markowitz(precision, expected, target)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights @ expected == pytest.approx(target, abs=1e-13)
    assert weights == pytest.approx(brute_force(covariance, (expected * 1e3, target * 1e3)), abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_markowitz_is_the_formula_of_the_book_and_not_that_of_the_reference(seed):
    covariance, m = market(12, seed)
    k, b, one = np.linalg.inv(covariance), np.sort(m)[-3:].mean(), np.ones(12)
    weights, lowest = markowitz(k, m, b), minimum_variance(k)

    def book(a, ab, q):
        return ((q - b * ab) * k @ one + (b * a - ab) * k @ m) / (a * q - ab**2)

    a, ab, q = one @ k @ one, one @ k @ m, m @ k @ m
    assert weights == pytest.approx(book(a, ab, q), abs=1e-10)
    reference = book(a, b * a, q)  # takes b times A for 1'Km
    assert reference / reference.sum() == pytest.approx(lowest, abs=1e-12)
    assert np.abs(weights - lowest).max() > 1e-3


def test_a_target_that_minimum_variance_has_anyway_gives_minimum_variance():
    covariance, expected = market(10, 0)
    precision = np.linalg.inv(covariance)
    lowest = minimum_variance(precision)
    assert markowitz(precision, expected, lowest @ expected) == pytest.approx(lowest, abs=1e-14)


def test_a_far_target_is_met_and_nearly_equal_returns_keep_their_sum():
    covariance, expected = market(10, 1)
    precision = np.linalg.inv(covariance)
    assert markowitz(precision, expected, 10.0) @ expected == pytest.approx(10.0, rel=1e-10)
    weights = markowitz(precision, 1e-3 + 1e-9 * expected / np.abs(expected).max(), 2e-3)
    assert weights.sum() == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("n", [1, 6])
def test_one_expected_return_for_all_leaves_minimum_variance_or_no_weights(n):
    precision = np.linalg.inv(np.atleast_2d(market(n, 3)[0]))
    assert markowitz(precision, np.full(n, 4e-4), 4e-4) == pytest.approx(minimum_variance(precision))
    with pytest.raises(UserError, match="same expected return"):
        markowitz(precision, np.full(n, 4e-4), 5e-4)
    with pytest.raises(UserError, match="same expected return"):
        markowitz(precision, np.zeros(n), 5e-4)


def test_equal_weights_sum_to_one():
    assert equal_weights(8).tolist() == [0.125] * 8


NAMES = [f"A{i}" for i in range(10)]


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([0.5, 0.5], []),
        ([1.0, 0.0], []),
        ([2.0, -1.0], ["one position: A0 (200%)"]),
        ([1.0, 1.0, -1.0, 0.0], []),  # at 3 and at 1, not above
        ([0.9, 0.9, 0.9, -0.9, -0.8], ["leverage is 4.4: each 1 of capital carries 2.7 of long and 1.7 of short"]),
        ([1.5, 1.5, -2.0], ["leverage is 5.0", "A2 (-200%), A0 (150%), A1 (150%)"]),
        ([3.0, -3.0, 3.0, -3.0, 3.0, -3.0, 1.0], ["leverage is 19.0", "A4 (300%) and 1 more"]),
    ],
)
def test_much_leverage_is_told_with_the_way_out(weights, said):
    notes = leverage_notes(np.array(weights), NAMES)
    assert len(notes) == len(said)
    for note, words in zip(notes, said, strict=True):
        assert words in note
        assert "Long-only" in note
    assert gross_leverage(np.array(weights)) == pytest.approx(sum(map(abs, weights)))
