"""Kendall's tau of all columns at once is tau-b of every pair, ties and all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from engine.core import UserError
from engine.mtp2 import kendall
from engine.mtp2.kendall import kendall_correlation, kendall_tau


def by_pairs(values):
    n = values.shape[1]
    return np.array([[kendalltau(values[:, i], values[:, j]).statistic if i != j else 1.0 for j in range(n)] for i in range(n)])


@given(st.integers(2, 40), st.integers(1, 6), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_every_pair_of_tied_columns(n_rows, n, levels, seed):
    values = np.random.default_rng(seed).integers(0, levels, (n_rows, n)).astype(float)
    values[0] = -1.0  # no column is constant
    np.testing.assert_allclose(kendall_tau(values), by_pairs(values), atol=1e-13)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("block", [1, 700, 5000])
def test_blocks_do_not_matter(tied, block, monkeypatch):
    values = np.random.default_rng(1).standard_t(3, (83, 7))
    if tied:
        values[np.random.default_rng(2).random(values.shape) < 0.2] = 0.0  # days without a price change
    whole = kendall_tau(values)
    monkeypatch.setattr(kendall, "BLOCK", block)
    np.testing.assert_array_equal(kendall_tau(values), whole)
    np.testing.assert_allclose(whole, by_pairs(values), atol=1e-13)


def test_only_order_counts():
    values = np.random.default_rng(3).standard_normal((50, 4))
    np.testing.assert_array_equal(kendall_tau(np.exp(3 * values)), kendall_tau(values))
    np.testing.assert_allclose(kendall_tau(-values[:, :1] + [0.0, 0.0])[0, 1], 1.0)
    assert kendall_tau(np.column_stack([values[:, 0], -values[:, 0]]))[0, 1] == pytest.approx(-1.0)


def test_correlation_of_a_normal_law_behind_heavy_tails_is_recovered():
    """A multivariate t with three degrees of freedom has the tau of the normal law it is a mixture of."""
    rng = np.random.default_rng(4)
    truth = np.array([[1, 0.7, 0.2], [0.7, 1, 0.4], [0.2, 0.4, 1]])
    values = rng.multivariate_normal(np.zeros(3), truth, 5000) / np.sqrt(rng.chisquare(3, (5000, 1)) / 3)
    found = kendall_correlation(values)
    np.testing.assert_allclose(found, truth, atol=0.04)
    np.testing.assert_array_equal(np.diag(found), 1.0)


def test_a_column_that_never_changes_is_named():
    values = np.random.default_rng(5).standard_normal((20, 3))
    values[:, 1] = 2.0
    with pytest.raises(UserError, match="Column 2 never changes"):
        kendall_tau(values)
