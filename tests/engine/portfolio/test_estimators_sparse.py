"""Graphical lasso and CLIME meet the optimality conditions of their definitions on the correlation scale."""

import cvxpy as cp
import numpy as np
import pytest

from engine.core import UserError
from engine.portfolio.estimators import estimate
from tests.engine.portfolio.drawn import one_factor

RETURNS, _ = one_factor(8, 80)
CORRELATION = np.corrcoef(RETURNS.T)
DEVIATION = RETURNS.std(axis=0)


def unit_precision(found):
    return found.precision * DEVIATION[:, None] * DEVIATION


def test_glasso_is_stationary_at_its_penalty():
    found = estimate("glasso", RETURNS)
    precision, penalty = unit_precision(found), found.facts["penalty"]
    slack = np.linalg.inv(precision) - CORRELATION
    edge = precision != 0
    np.fill_diagonal(edge, False)
    np.testing.assert_allclose(slack[edge], penalty * np.sign(precision[edge]), atol=2e-3)
    assert np.abs(slack).max() <= penalty + 2e-3
    assert found.facts["edges"] == edge.sum() / 2


def test_glasso_does_not_depend_on_units():
    scales = np.logspace(-2, 2, 8)
    plain, scaled = estimate("glasso", RETURNS), estimate("glasso", RETURNS * scales)
    np.testing.assert_allclose(scaled.precision * scales[:, None] * scales, plain.precision, rtol=1e-6)


def test_glasso_that_does_not_settle_says_so(recwarn):
    returns = RETURNS.copy()
    returns[:, 1] = returns[:, 0] + 1e-3 * RETURNS[:, 1]
    try:
        notes = estimate("glasso", returns).notes
    except UserError as error:
        notes = (str(error),)
    assert any("did not settle" in note or "move nearly as one" in note for note in notes)
    assert not recwarn.list


@pytest.mark.parametrize("n_rows", [80, 12])
def test_clime_columns_are_those_of_the_definition(n_rows):
    returns = RETURNS[:n_rows]
    correlation, deviation = np.corrcoef(returns.T), returns.std(axis=0)
    penalty = np.sqrt(np.log(8) / n_rows)
    columns = np.empty((8, 8))
    for j in range(8):
        b = cp.Variable(8)
        cp.Problem(cp.Minimize(cp.norm1(b)), [cp.norm_inf(correlation @ b - np.eye(8)[j]) <= penalty]).solve(cp.CLARABEL)
        columns[:, j] = b.value
    expected = np.where(np.abs(columns) <= np.abs(columns.T), columns, columns.T)
    found = estimate("clime", returns)
    expected += found.facts["lifted"] * np.eye(8)
    np.testing.assert_allclose(found.precision * deviation[:, None] * deviation, expected, atol=1e-5)
    assert found.facts["penalty"] == pytest.approx(penalty)


def test_clime_that_is_not_positive_definite_is_lifted_and_said_so():
    rng = np.random.default_rng(0)
    lifted = 0
    for _ in range(10):
        returns = rng.standard_normal((30, 3)) @ rng.standard_normal((3, 8)) + 0.1 * rng.standard_normal((30, 8))
        found = estimate("clime", returns)
        assert bool(found.facts["lifted"]) == any("added to its diagonal" in note for note in found.notes)
        lifted += bool(found.facts["lifted"])
    assert lifted


def test_clime_with_a_penalty_of_one_is_refused():
    with pytest.raises(UserError, match="too few for CLIME"):
        estimate("clime", one_factor(30, 3)[0])
