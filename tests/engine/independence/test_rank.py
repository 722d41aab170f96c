"""The rank test sees through monotone distortion and is as precise as if there were none."""

import numpy as np
import pytest
from scipy import stats

from engine.independence import FisherZ, Rank

RNG = np.random.default_rng(3)
TRUE = np.array([[1, 0.6, 0.36], [0.6, 1, 0.6], [0.36, 0.6, 1]])
VALUES = RNG.multivariate_normal(np.zeros(3), TRUE, 20_000)


def test_monotone_distortion_changes_nothing():
    plain = Rank.of("ABC", VALUES, 0.01)
    distorted = Rank.of("ABC", np.column_stack([np.exp(VALUES[:, 0]), VALUES[:, 1] ** 3, stats.norm.cdf(VALUES[:, 2])]), 0.01)
    np.testing.assert_array_equal(plain.correlation, distorted.correlation)


def test_correlation_of_the_copula_is_recovered():
    np.testing.assert_allclose(Rank.of("ABC", np.exp(2 * VALUES), 0.01).correlation, TRUE, atol=0.02)
    assert abs(FisherZ.of("ABC", np.exp(2 * VALUES), 0.01).correlation[0, 1] - 0.6) > 0.1


def test_ties_share_their_rank():
    values = RNG.integers(0, 4, (300, 2)).astype(float)
    scores = stats.norm.ppf(np.column_stack([stats.rankdata(column) for column in values.T]) / 301)
    assert Rank.of("AB", values, 0.01).correlation[0, 1] == pytest.approx(np.corrcoef(scores, rowvar=False)[0, 1])


def test_matrix_is_a_correlation_matrix_even_with_few_rows():
    few = np.random.default_rng(0).standard_normal((6, 12))
    correlation = Rank.of("ABCDEFGHIJKL", few, 0.01).correlation
    assert np.linalg.eigvalsh(correlation)[0] > -1e-12
    np.testing.assert_allclose(np.diag(correlation), 1)


def test_critical_correlation_fits_the_p_values():
    test = Rank.of("ABC", VALUES[:500], 0.03)
    test.record([0], [1], [[2]], np.array([test.critical(1)]))
    assert test.trace.p_value(0, 1, [2]) == pytest.approx(0.03)


def test_resampling_draws_rows_and_ranks_them_anew():
    test = Rank.of("ABC", VALUES[:200], 0.01)
    rows = np.random.default_rng(8).integers(200, size=200)
    np.testing.assert_allclose(test.resampled(np.random.default_rng(8)).correlation, Rank.of("ABC", VALUES[:200][rows], 0.01).correlation)
