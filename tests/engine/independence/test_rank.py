"""The rank test sees through monotone distortion, and says when its matrix had to be mended."""

import numpy as np
import pytest
from scipy import stats

from engine.independence import FisherZ, Rank
from engine.independence.rank import repaired

RNG = np.random.default_rng(3)
VALUES = RNG.multivariate_normal(np.zeros(3), [[1, 0.6, 0.36], [0.6, 1, 0.6], [0.36, 0.6, 1]], 20_000)


def test_monotone_distortion_changes_nothing():
    plain = Rank.of("ABC", VALUES, 0.01)
    distorted = Rank.of("ABC", np.column_stack([np.exp(VALUES[:, 0]), VALUES[:, 1] ** 3, stats.norm.cdf(VALUES[:, 2])]), 0.01)
    np.testing.assert_array_equal(plain.correlation, distorted.correlation)


def test_correlation_of_the_copula_is_recovered():
    distorted = Rank.of("ABC", np.exp(2 * VALUES), 0.01)
    np.testing.assert_allclose(distorted.correlation, np.corrcoef(VALUES, rowvar=False), atol=0.01)
    assert abs(FisherZ.of("ABC", np.exp(2 * VALUES), 0.01).correlation[0, 1] - 0.6) > 0.1


def test_ties_are_averaged_as_by_scipy():
    values = RNG.integers(0, 4, (300, 2)).astype(float)
    rho = stats.spearmanr(values).statistic
    assert Rank.of("AB", values, 0.01).correlation[0, 1] == pytest.approx(2 * np.sin(np.pi * rho / 6))


def test_indefinite_matrix_is_mended_and_said_so():
    broken = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    mended, smallest = repaired(broken)
    assert smallest == pytest.approx(np.linalg.eigvalsh(broken)[0])
    assert np.linalg.eigvalsh(mended)[0] > 0
    np.testing.assert_allclose(np.diag(mended), 1)
    few = np.random.default_rng(0).standard_normal((6, 12))
    assert "not positive definite" in Rank.of("ABCDEFGHIJKL", few, 0.01).warnings[0]
    assert Rank.of("ABC", VALUES, 0.01).warnings == []


def test_critical_correlation_fits_the_p_values():
    test = Rank.of("ABC", VALUES[:500], 0.03)
    r = test.critical(1)
    test.record([0], [1], [[2]], np.array([r]))
    assert test.trace.p_value(0, 1, [2]) == pytest.approx(0.03)


def test_resampling_draws_rows():
    test = Rank.of("ABC", VALUES[:200], 0.01)
    rows = np.random.default_rng(8).integers(200, size=200)
    np.testing.assert_allclose(test.resampled(np.random.default_rng(8)).correlation, Rank.of("ABC", VALUES[:200][rows], 0.01).correlation)
