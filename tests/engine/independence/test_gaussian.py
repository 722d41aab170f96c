"""Fisher z agrees with regression residuals and with the textbook formula, in batches as one by one."""

import numpy as np
import pytest
from scipy import stats

from engine.core import UserError
from engine.independence import FisherZ, Rank

N, P = 400, 7


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(1)
    return rng.standard_normal((N, P)) @ (np.eye(P) + 0.4 * rng.standard_normal((P, P)))


@pytest.fixture
def fisher(values):
    return FisherZ.of("ABCDEFG", values, 0.01)


def residual_correlation(values, i, j, given):
    design = np.column_stack([np.ones(len(values)), values[:, list(given)]])
    left, right = (values[:, k] - design @ np.linalg.lstsq(design, values[:, k], rcond=None)[0] for k in (i, j))
    return np.corrcoef(left, right)[0, 1]


@pytest.mark.parametrize("given", [(), (2,), (2, 3), (6, 2, 4), (2, 3, 4, 5, 6)])
def test_partial_correlation_is_that_of_residuals(fisher, values, given):
    expected = residual_correlation(values, 0, 1, given)
    p_value = fisher.p_values([0], [1], [list(given)])[0]
    z = np.sqrt(N - len(given) - 3) * np.arctanh(expected)
    assert p_value == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-8)
    assert fisher.trace.of("A", "B")["statistic"].item() == pytest.approx(expected, rel=1e-9)


def test_one_by_one_equals_the_batch_exactly(fisher):
    rng = np.random.default_rng(0)
    questions = [rng.permutation(P)[:4] for _ in range(300)]
    batch = fisher.p_values([q[0] for q in questions], [q[1] for q in questions], [q[2:] for q in questions])
    single = [fisher.at(0.01).p_values([q[1]], [q[0]], [q[:1:-1]])[0] for q in questions]
    assert batch.tolist() == single


@pytest.mark.parametrize("size", [0, 1, 4])
def test_critical_correlation_is_where_p_crosses_alpha(fisher, size):
    r = fisher.critical(size)
    z = np.sqrt(N - size - 3) * np.arctanh(r)
    assert 2 * stats.norm.sf(z) == pytest.approx(0.01, rel=1e-9)


def test_p_values_stay_finite_when_they_underflow():
    test = FisherZ("AB", np.array([[1, 1 - 1e-16], [1 - 1e-16, 1]]), 10**6, 0.01, "")
    assert test.p_values([0], [1], [[]])[0] == 0
    assert np.isfinite(test.trace.of("A", "B")["statistic"]).all()


def test_too_few_rows_are_not_tested_and_keep_the_edge(values):
    test = FisherZ.of("ABCDEFG", values[:6], 0.01)
    assert not test.independent(0, 1, [2, 3, 4])
    assert test.critical(3) == 1.0
    assert test.trace.of("A", "B")["decision"].tolist() == ["not tested"]


def test_correlation_matrix_gives_the_answers_of_its_rows(fisher, values):
    bare = FisherZ("ABCDEFG", np.corrcoef(values, rowvar=False), N, 0.01, "")
    question = ([0, 3], [1, 5], [[2, 6], [4, 2]])
    assert bare.p_values(*question) == pytest.approx(fisher.p_values(*question), rel=1e-7)


def test_resampling_rows_is_a_weighted_correlation(fisher, values):
    rows = np.random.default_rng(5).integers(N, size=N)
    expected = np.corrcoef(values[rows], rowvar=False)
    np.testing.assert_allclose(fisher.resampled(np.random.default_rng(5)).correlation, expected, atol=1e-12)


def test_a_bare_matrix_is_resampled_with_the_spread_of_real_samples(values):
    bare = FisherZ("ABCDEFG", np.corrcoef(values, rowvar=False), N, 0.01, "")
    rng = np.random.default_rng(0)
    drawn = np.array([bare.resampled(rng).correlation[0, 1] for _ in range(800)])
    z = np.arctanh(drawn) - np.arctanh(bare.correlation[0, 1])
    assert abs(z.mean()) < 4 / np.sqrt(800 * N)
    assert z.std() * np.sqrt(N - 3) == pytest.approx(1, abs=0.1)


def test_a_matrix_with_too_few_rows_cannot_be_resampled():
    with pytest.raises(UserError, match="cannot be resampled"):
        FisherZ(["A", "B", "C"], np.eye(3), 3, 0.01, "").resampled(np.random.default_rng(0))


def test_singular_blocks_are_not_tested():
    singular = np.eye(6)
    singular[:2, :2] = 1
    test = FisherZ("ABCDEF", singular, 100, 0.01, "")
    p_values = test.p_values([0, 2, 2, 2], [2, 3, 3, 3], [[1, 3], [0, 1], [4, 5], [0, 4]])
    assert np.isnan(p_values).tolist() == [True, True, False, False]
    assert np.isnan(test.p_values([0], [2], [[1]]))


@pytest.mark.parametrize("make", [FisherZ.of, Rank.of])
def test_a_column_that_never_varies_in_a_resample_is_independent_of_all(make):
    values = np.random.default_rng(0).standard_normal((9, 3))
    values[:, 0] = np.arange(9) == 4
    draws = (make("ABC", values, 0.05).resampled(np.random.default_rng(seed)) for seed in range(30))
    constant = [test for test in draws if test.correlation[0, 1] == 0]
    assert constant
    assert constant[0].independent(0, 1) and constant[0].independent(0, 1, [2])
