"""Every estimator gives a covariance matrix and its inverse, blind to order and units, and says what keeps it from doing so."""

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.portfolio.estimators import ESTIMATORS, estimate
from tests.engine.portfolio.drawn import one_factor

QUICK = [name for name, estimator in ESTIMATORS.items() if not estimator.is_tuned]
RETURNS, FACTORS = one_factor(n_assets=15, n_rows=90)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(("n_assets", "n_rows"), [(12, 90), (30, 25)])
def test_covariance_and_precision_are_inverses(name, n_assets, n_rows):
    if n_rows < ESTIMATORS[name].rows_at_least(n_assets):
        pytest.skip("needs more rows than assets")
    returns, factors = one_factor(n_assets, n_rows)
    scales = np.logspace(-2, 1, n_assets)  # cash beside crypto: variances six orders apart
    found = estimate(name, returns * scales, factors)
    for matrix in (found.covariance, found.precision):
        np.testing.assert_array_equal(matrix, matrix.T)
    scale = np.sqrt(np.diag(found.covariance))
    unit, inverse = found.covariance / scale[:, None] / scale, found.precision * scale[:, None] * scale
    assert np.linalg.eigvalsh(unit)[0] > 0
    assert np.abs(unit @ inverse - np.eye(n_assets)).max() < 1e-10
    assert np.linalg.norm(inverse - np.linalg.inv(unit)) < 1e-10 * np.linalg.norm(inverse)
    assert found.facts["condition"] >= 1


@pytest.mark.parametrize("name", QUICK)
def test_order_of_the_assets_does_not_matter(name):
    order = np.random.default_rng(1).permutation(RETURNS.shape[1])
    plain, moved = estimate(name, RETURNS, FACTORS), estimate(name, RETURNS[:, order], FACTORS)
    np.testing.assert_allclose(
        moved.covariance, plain.covariance[np.ix_(order, order)], rtol=1e-8, atol=1e-8 * np.abs(plain.covariance).max()
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_returns_in_percent_give_the_same_matrix(name):
    if name in ("glasso", "clime"):
        returns, factors, rtol = RETURNS[:, :6], FACTORS, 1e-6  # iterations stop by their own tolerance
    else:
        returns, factors, rtol = RETURNS, FACTORS, 1e-10
    plain, scaled = estimate(name, returns, factors), estimate(name, 100 * returns, 100 * factors)
    np.testing.assert_allclose(scaled.covariance, 1e4 * plain.covariance, rtol=rtol, atol=1e4 * rtol * np.abs(plain.covariance).max())


@pytest.mark.parametrize("name", QUICK)
def test_means_do_not_matter_and_the_input_stays_as_it_is(name):
    shifted = RETURNS + np.linspace(-0.01, 0.02, RETURNS.shape[1])
    before = shifted.copy()
    np.testing.assert_allclose(
        estimate(name, shifted, FACTORS).covariance, estimate(name, RETURNS, FACTORS).covariance, rtol=1e-8, atol=1e-12
    )
    np.testing.assert_array_equal(shifted, before)


@pytest.mark.parametrize("name", ["sample", "lw_constant_correlation", "efm1", "efm5", "poet3", "mtp2", "mtp2_kendall", "mtp2_lwcc"])
def test_variances_are_those_of_the_sample_with_divisor_t(name):
    np.testing.assert_allclose(np.diag(estimate(name, RETURNS, FACTORS).covariance), RETURNS.var(axis=0), rtol=1e-7)


def test_equal_weights_are_minimum_variance_under_equal():
    weights = estimate("equal", RETURNS).precision.sum(axis=0)
    np.testing.assert_allclose(weights / weights.sum(), 1 / RETURNS.shape[1])


def test_sample_needs_more_rows_than_assets():
    assert ESTIMATORS["sample"].rows_at_least(15) == 16
    estimate("sample", RETURNS[:16])
    with pytest.raises(UserError, match="16 rows"):
        estimate("sample", RETURNS[:15])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_fewest_rows_are_enough_and_one_less_is_refused(name):
    least = ESTIMATORS[name].rows_at_least(8)
    few = max(least, 5)  # two rows make every correlation one, which total positivity refuses, and CLIME's penalty more than one
    returns, factors = one_factor(8, few, seed=5)
    assert np.isfinite(estimate(name, returns, factors).precision).all()
    with pytest.raises(UserError, match=f"{least} rows"):
        estimate(name, returns[: least - 1], factors[: least - 1])


def test_duplicates_are_named_or_refused():
    table = pd.DataFrame(RETURNS[:, :3], columns=["GOOG", "GOOGL", "XOM"])
    table["GOOGL"] = table["GOOG"]
    with pytest.raises(UserError, match="GOOG and GOOGL move as one"):
        estimate("mtp2", table)
    with pytest.raises(UserError, match="no inverse"):
        estimate("sample", table)


@pytest.mark.parametrize("name", QUICK)
def test_nearly_singular_matrices_carry_a_note(name):
    returns = RETURNS.copy()
    returns[:, 1] = returns[:, 0] + 1e-4 * RETURNS[:, 1]
    try:
        found = estimate(name, returns, FACTORS)
    except UserError:
        assert ESTIMATORS[name].is_mtp2
        return
    assert any("nearly singular" in note for note in found.notes) == (found.facts["condition"] > 1e6)
    if name == "sample":
        assert found.facts["condition"] > 1e6


def odd():
    """Windows that trip formulas: a duplicate, a mirror image, one trade, many days without one, wild tails, an asset that is a factor."""
    rng = np.random.default_rng(7)
    for n_assets, n_rows in ((2, 40), (9, 9), (14, 30), (25, 20)):
        returns, factors = one_factor(n_assets, n_rows)
        yield np.column_stack([returns, returns[:, 0]]), factors
        yield np.column_stack([returns, -returns[:, 0]]), factors
        yield np.column_stack([returns, 0.01 * (np.arange(n_rows) == 3)]), factors
        yield np.vstack([returns[:1], np.where(rng.random(returns.shape) < 0.4, 0.0, returns)[1:]]), factors
        yield 0.01 * rng.standard_cauchy(returns.shape), factors
        yield np.column_stack([returns, factors[:, 0]]), factors
        yield returns, np.zeros_like(factors)


@pytest.mark.parametrize("name", QUICK)
def test_odd_windows_give_an_estimate_or_say_why_not(name):
    estimates = 0
    for returns, factors in odd():
        try:
            found = estimate(name, returns, factors)
        except UserError as error:
            assert error.fix
            continue
        estimates += 1
        assert np.linalg.eigvalsh(found.covariance)[0] > 0
        assert np.isfinite(found.precision).all()
    assert estimates >= 8


def test_what_is_wrong_is_said_with_its_place():
    table = pd.DataFrame(RETURNS, columns=[f"A{j}" for j in range(15)])
    with pytest.raises(UserError, match="A3 never changes"):
        estimate("oas", table.assign(A3=0.0))
    with pytest.raises(UserError, match="A4 has gaps"):
        estimate("oas", table.assign(A4=np.nan))
    with pytest.raises(UserError, match="at least two assets"):
        estimate("oas", table[["A1"]])
    with pytest.raises(UserError, match="no covariance estimator 'ouija'"):
        estimate("ouija", table)


@pytest.mark.parametrize("name", [name for name, estimator in ESTIMATORS.items() if estimator.factors])
def test_factor_models_say_how_to_get_factors(name):
    with pytest.raises(UserError, match="Add a table of factor returns"):
        estimate(name, RETURNS)
    with pytest.raises(UserError, match="columns of factor returns on 90 rows"):
        estimate(name, RETURNS, FACTORS[:50])
    if ESTIMATORS[name].factors == 5:
        with pytest.raises(UserError, match="needs 5 columns"):
            estimate(name, RETURNS, FACTORS[:, :4])


def test_one_factor_models_use_the_first_column_only():
    other = FACTORS.copy()
    other[:, 1:] = 7.0
    np.testing.assert_array_equal(estimate("efm1", RETURNS, FACTORS).covariance, estimate("efm1", RETURNS, other).covariance)
