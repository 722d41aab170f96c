"""The parts of the kernel tests against closed forms: the tail of the null law, factors of kernels, regression on a set."""

import numpy as np
import pytest
from scipy.stats import chi2

from engine.independence.chi_squared import weighted_tail
from engine.independence.features import Column, joint_similarity, leading_products, low_rank, median_distance, principal
from engine.independence.predicted import predicted_moments
from engine.independence.smoothing import Smoother

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("p", [0.999, 0.5, 0.1, 0.05, 1e-3, 1e-8])
@pytest.mark.parametrize(("freedom", "error"), [(1, 0.12), (2, 0.06), (5, 0.02), (40, 0.002)])
def test_tail_of_equal_weights_is_chi_squared(p, freedom, error):
    found = weighted_tail(np.full((1, freedom), 2.5), np.array([2.5 * chi2.isf(p, freedom)]))
    assert found == pytest.approx([p], rel=error)


def test_tail_of_weights_in_pairs_is_a_sum_of_exponentials():
    w = np.array([1.0, 0.6, 0.35, 0.1])
    for value in (0.2, 2.0, 4.1, 8.0, 20.0, 60.0, 300.0):
        exact = sum(np.prod([a / (a - b) for b in w if b != a]) * np.exp(-value / (2 * a)) for a in w)
        assert weighted_tail(np.repeat(w, 2)[None], np.array([value])) == pytest.approx([exact], rel=0.07)


def test_tail_without_weights_and_padding():
    assert weighted_tail(np.zeros((1, 3)), np.array([0.0])) == [1.0]
    padded, plain = weighted_tail(np.array([[1.0, 0.5, 0.0]]), np.array([3.0])), weighted_tail(np.array([[1.0, 0.5]]), np.array([3.0]))
    assert padded == pytest.approx(plain, rel=1e-12)


def test_tail_falls_as_the_value_grows():
    values = np.linspace(0.01, 30, 4000)
    tail = weighted_tail(np.broadcast_to(np.array([1.0, 0.4, 0.2]), (4000, 3)), values)
    assert np.diff(tail).max() < 1e-5


def test_median_distance():
    values = RNG.standard_normal(300)
    pairs = np.abs(values[:, None] - values)[np.triu_indices(300, 1)]
    assert median_distance(values) == pytest.approx(np.median(pairs))
    assert median_distance(np.repeat(values, 20)) == pytest.approx(np.median(pairs), rel=0.05)
    assert median_distance(np.r_[np.zeros(200), np.full(10, 3.0)]) == 3.0


def test_factor_gives_the_kernel_back_and_components_its_eigenvalues():
    values = RNG.standard_normal(120) * 40 + 7
    column = Column.of(values, False)
    width = median_distance((values - values.mean()) / values.std()) * values.std()
    kernel = np.exp(-0.5 * ((values[:, None] - values) / width) ** 2)
    factor = low_rank(column.similarity, 120, 1e-10, 120)
    assert factor @ factor.T == pytest.approx(kernel, abs=1e-6)
    centring = np.eye(120) - 1 / 120
    expected = np.linalg.eigvalsh(centring @ kernel @ centring)[::-1][:6] / 120
    assert np.mean(principal(factor, 6) ** 2, axis=0) == pytest.approx(expected, rel=1e-5)


def test_components_of_categories_tell_categories_apart():
    labels = RNG.integers(4, size=200).astype(float)
    components = principal(low_rank(Column.of(labels, True).similarity, 200, 1e-10, 200), 20)
    assert components.shape == (200, 3)
    same = labels[:, None] == labels
    distance = ((components[:, None] - components) ** 2).sum(axis=2)
    assert distance[same] == pytest.approx(0, abs=1e-9)
    assert distance[~same] == pytest.approx(2)


def test_products_are_those_of_the_largest_variance():
    a, b = RNG.standard_normal((2, 5000, 3)) * np.sqrt([0.5, 0.2, 0.01])
    products = leading_products([a, b], 5)
    expected = [a[:, 0], b[:, 0], a[:, 0] * b[:, 0], a[:, 1], b[:, 1]]
    assert {tuple(column[:3].round(9)) for column in products.T} == {tuple(column[:3].round(9)) for column in expected}
    assert leading_products([a, b], 100).shape == (5000, 15)


def test_joint_products_may_count_less_than_each_variable_alone():
    a, b = RNG.standard_normal((2, 50, 3)) * np.sqrt([0.5, 0.2, 0.01])
    products = leading_products([a, b], 5, joint=0.1)
    expected = [a[:, 0], b[:, 0], a[:, 1], b[:, 1], np.sqrt(0.1) * a[:, 0] * b[:, 0]]
    assert {tuple(column.round(9)) for column in products.T} == {tuple(column.round(9)) for column in expected}


def test_a_joint_kernel_is_the_product_of_weighted_kernels():
    x, y = RNG.standard_normal((2, 30))
    kinds = RNG.integers(3, size=30).astype(float)
    similarity = joint_similarity([Column(x, False), Column(kinds, True), Column(y, False)], [1.0, 0.3, 0.25])
    expected = np.exp(-((x - x[4]) ** 2) / 2 - (y - y[4]) ** 2 / 8) * (kinds == kinds[4])
    assert similarity(4) == pytest.approx(expected)


def test_mean_and_spread_that_a_set_predicts():
    s, t, noise = RNG.standard_normal((3, 3000))
    members = [Column.of(s, False), Column.of(t, False)]
    smoother = Smoother(leading_products([principal(low_rank(member.similarity, 3000, 1e-8, 100), 50) for member in members], 200))
    mean, spread = predicted_moments(np.sin(2 * s) + t + (0.3 + np.abs(t)) * noise, members, smoother)
    assert np.corrcoef(mean.values, np.sin(2 * s) + t)[0, 1] > 0.95
    assert np.corrcoef(spread.values, np.abs(t))[0, 1] > 0.9
    _, equal = predicted_moments(np.sin(2 * s) + t + noise, members, smoother)
    assert equal.values.std() < 0.3 * spread.values.std()


def test_a_function_of_the_set_is_taken_out_and_noise_stays():
    s, noise = RNG.standard_normal((2, 1000))
    table = principal(low_rank(Column.of(s, False).similarity, 1000, 1e-8, 100), 50)
    for shape in (s, np.sin(3 * s), s**2):
        y = (3 * shape + noise)[:, None]
        left = Smoother(table).residual(y - y.mean()).features[:, 0]
        assert np.corrcoef(left, noise)[0, 1] > 0.98
        assert 0.9 < left.var() / noise.var() < 1.02


def test_overlap_is_the_ratio_of_traces():
    table = RNG.standard_normal((50, 8)) * np.arange(1, 9)
    smoother = Smoother(table)
    x, y = (column - column.mean() for column in RNG.standard_normal((2, 50, 1)))
    a, b = smoother.residual(x), smoother.residual(table[:, [0]] - table[:, 0].mean() + y)
    centred = table - table.mean(axis=0)
    left, variances, _ = np.linalg.svd(centred, full_matrices=False)
    order = np.argsort(variances)
    first, second = (np.eye(50) - 1 / 50 - left[:, order] @ np.diag(1 - found.shrink) @ left[:, order].T for found in (a, b))
    expected = 50 * np.trace(first @ first @ second @ second) / np.trace(first @ first) / np.trace(second @ second)
    assert smoother.overlap(a, b) == pytest.approx(expected)


def test_overlap_with_functions_taken_out_before_is_the_ratio_of_traces():
    table, first, second = RNG.standard_normal((60, 8)) * np.arange(1, 9), RNG.standard_normal((60, 4)), RNG.standard_normal((60, 3))
    smoother, centring = Smoother(table), np.eye(60) - 1 / 60
    noise = centring @ RNG.standard_normal((60, 2))
    makers, found = [], []
    for known, y in ((first, noise[:, [0]] + centring @ table[:, [0]]), (second, noise[:, [1]])):
        found.append(smoother.residual(y, known))
        before = np.linalg.qr(centring @ known)[0]
        left, variances, _ = np.linalg.svd(centring @ table, full_matrices=False)
        order = np.argsort(variances)
        ridge = centring - left[:, order] @ np.diag(1 - found[-1].shrink) @ left[:, order].T
        makers.append(ridge @ (centring - before @ before.T))
        assert found[-1].features == pytest.approx(makers[-1] @ y)
    a, b = (maker @ maker.T for maker in makers)
    assert smoother.overlap(*found) == pytest.approx(60 * np.trace(a @ b) / np.trace(a) / np.trace(b))
