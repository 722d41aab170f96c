"""The estimate under total positivity is the optimum: its certificate holds, and slower ways agree."""

import itertools

import numpy as np
import pytest

from engine.core import Cancelled, UserError
from engine.mtp2.certificate import duality_gap, log_det, objective, single_linkage
from engine.mtp2.newton import Pairs
from engine.mtp2.solver import MOST_ALIKE, TOLERANCE, maximum_likelihood


def correlations(n, rows, seed=0, beta=(0.5, 1.5), noise=(0.01, 0.03)):
    """Sample correlations of one factor and noise, as in the benchmark W1."""
    rng = np.random.default_rng(seed)
    load, spread = rng.uniform(*beta, n), rng.uniform(*noise, n)
    values = 0.01 * rng.standard_normal(rows)[:, None] * load + rng.standard_normal((rows, n)) * spread
    return normalised(np.cov(values.T, ddof=0))


def normalised(matrix):
    scale = np.sqrt(np.diag(matrix))
    found = matrix / np.outer(scale, scale)
    found = (found + found.T) / 2
    np.fill_diagonal(found, 1.0)
    return found


def value(precision, correlation):
    return objective(precision, correlation, log_det(precision))


def check_optimal(found, correlation, allowed=None, slack=1e-7):
    """The conditions of Karush, Kuhn and Tucker, from scratch."""
    k, w = found.precision, np.linalg.inv(found.precision)
    off = ~np.eye(len(k), dtype=bool)
    free = off if allowed is None else off & allowed
    assert (k == k.T).all()
    assert (k[off] <= 0).all()
    assert (k[off & ~free] == 0).all()
    assert np.linalg.eigvalsh(k).min() > 0
    np.testing.assert_allclose(np.diag(w), 1.0, atol=slack)
    assert (w - correlation)[free].min() > -slack
    assert np.abs((w - correlation) * k)[free].max() < slack * max(1, np.abs(k).max())
    np.testing.assert_allclose(found.covariance @ k, np.eye(len(k)), atol=1e-10 * max(1, np.abs(k).max()))


@pytest.mark.parametrize("n, rows", [(2, 2), (3, 2), (10, 5), (20, 21), (20, 63), (50, 25), (80, 40), (100, 100)])
def test_the_conditions_of_an_optimum_hold(n, rows):
    correlation = correlations(n, rows, seed=n + rows) if rows > 2 or n > 3 else normalised(np.full((n, n), 0.3) + 0.7 * np.eye(n))
    found = maximum_likelihood(correlation)
    assert -1e-10 <= found.gap <= TOLERANCE
    assert found.ridge == 0
    check_optimal(found, correlation)


@pytest.mark.parametrize("seed", range(50))
def test_it_agrees_with_a_general_solver(seed):
    import cvxpy

    n = 3 + seed % 5
    correlation = correlations(n, n + seed % 10, seed=seed, beta=(-0.5, 1.5))
    unknown = cvxpy.Variable((n, n), symmetric=True)
    off = [unknown[i, j] <= 0 for i, j in itertools.combinations(range(n), 2)]
    goal = cvxpy.Minimize(cvxpy.trace(correlation @ unknown) - cvxpy.log_det(unknown))
    cvxpy.Problem(goal, off).solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    found = maximum_likelihood(correlation)
    np.testing.assert_allclose(found.precision, unknown.value, atol=1e-3)  # its accuracy
    assert value(found.precision, correlation) <= goal.value + 1e-7


def test_two_variables_have_a_closed_form():
    for r in (-0.4, 0.0, 0.3, 0.99):
        found = maximum_likelihood(np.array([[1.0, r], [r, 1.0]]))
        np.testing.assert_allclose(found.covariance, [[1.0, max(r, 0)], [max(r, 0), 1.0]], atol=1e-8)


def test_an_m_matrix_is_its_own_estimate():
    n = 12
    truth = np.diag(np.full(n, 2.5)) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1)
    correlation = normalised(np.linalg.inv(truth))
    found = maximum_likelihood(correlation)
    np.testing.assert_allclose(found.covariance, correlation, atol=1e-6)
    assert found.edges == n - 1


def test_bridges_have_their_closed_form():
    correlation = np.full((4, 4), -0.1)
    np.fill_diagonal(correlation, 1.0)
    correlation[0, 1] = correlation[1, 0] = 0.6  # the only positive pair
    found = maximum_likelihood(correlation)
    assert found.edges == 1
    assert found.precision[0, 1] == pytest.approx(-0.6 / (1 - 0.36), abs=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_only_allowed_pairs_become_edges(share):
    n = 30
    correlation = correlations(n, 40, seed=3)
    allowed = np.triu(np.random.default_rng(1).random((n, n)) < share, 1)
    allowed |= allowed.T
    found = maximum_likelihood(correlation, allowed=allowed)
    assert found.gap <= TOLERANCE
    check_optimal(found, correlation, allowed)


def test_a_penalty_is_what_it_says():
    n = 25
    correlation, rng = correlations(n, 50, seed=4), np.random.default_rng(0)
    weights = rng.uniform(0, 0.1, (n, n))
    weights = (weights + weights.T) / 2
    found = maximum_likelihood(correlation, penalty=weights)

    def penalised(k):
        return value(k, correlation) - (weights * k)[~np.eye(n, dtype=bool)].sum()

    best = penalised(found.precision)
    assert found.edges < maximum_likelihood(correlation).edges
    for _ in range(200):  # no M-matrix nearby is better
        step = rng.normal(size=(n, n)) * 1e-3
        other = found.precision + (step + step.T) * (found.precision != 0)
        other[~np.eye(n, dtype=bool)] = np.minimum(other[~np.eye(n, dtype=bool)], 0)
        assert penalised(other) >= best - TOLERANCE


@pytest.mark.parametrize("ratio", [0.5, 1, 2, 4])
@pytest.mark.parametrize("n", [10, 60, 120])
def test_near_duplicates_are_certified_too(n, ratio):
    rng = np.random.default_rng(n)
    rows = max(3, int(n / ratio))
    values = rng.normal(size=(rows, n)) + rng.normal(size=(rows, 1))
    for i in range(0, 6, 2):
        values[:, i + 1] = values[:, i] + rng.normal(size=rows) * values[:, i].std() * np.sqrt(1 / 0.995**2 - 1)
    correlation = normalised(np.cov(values.T, ddof=0))
    np.minimum(correlation, 0.9998, out=correlation, where=~np.eye(n, dtype=bool))
    found = maximum_likelihood(correlation)
    assert found.gap <= TOLERANCE
    assert found.ridge == 0


def test_duplicates_are_named():
    correlation = correlations(6, 30)
    correlation[1, 4] = correlation[4, 1] = MOST_ALIKE
    with pytest.raises(UserError, match=r"GOOG and GOOGL move as one \(correlation 0.9999\)") as problem:
        maximum_likelihood(correlation, names=["A", "GOOG", "B", "C", "GOOGL", "D"])
    assert "Keep one" in problem.value.fix


def test_an_indefinite_matrix_is_no_obstacle():
    correlation = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    assert np.linalg.eigvalsh(correlation).min() < 0
    found = maximum_likelihood(correlation)
    assert found.gap <= TOLERANCE
    check_optimal(found, correlation)


@pytest.mark.parametrize("n", [20, 90])
def test_the_order_of_the_columns_does_not_matter(n):
    correlation = correlations(n, n, seed=8)
    order = np.random.default_rng(0).permutation(n)
    one = maximum_likelihood(correlation, tolerance=1e-11).precision
    other = maximum_likelihood(correlation[np.ix_(order, order)], tolerance=1e-11).precision
    np.testing.assert_allclose(other, one[np.ix_(order, order)], atol=1e-8 * np.abs(one).max())


def test_the_gap_bounds_the_distance_from_the_optimum():
    correlation = correlations(15, 20, seed=2)
    best = value(maximum_likelihood(correlation, tolerance=1e-12).precision, correlation)
    for share in (0.0, 0.3, 0.9, 0.999):
        precision = share * maximum_likelihood(correlation).precision + (1 - share) * np.eye(15)
        gap = duality_gap(value(precision, correlation), np.linalg.inv(precision), correlation)
        assert gap >= value(precision, correlation) - best - 1e-10


def brute_force_linkage(similar):
    """The largest over all paths of the smallest similarity on it, by Floyd and Warshall."""
    reached = similar.copy()
    for k in range(len(similar)):
        reached = np.maximum(reached, np.minimum(reached[:, [k]], reached[[k]]))
    np.fill_diagonal(reached, 1.0)
    return reached


@pytest.mark.parametrize("seed", range(5))
def test_single_linkage_is_dual_feasible(seed):
    correlation = correlations(12, 15, seed, beta=(-0.5, 1.5))
    linked = single_linkage(correlation)
    np.testing.assert_array_equal(linked, brute_force_linkage(np.maximum(correlation, 1e-12)))
    assert np.linalg.eigvalsh(linked).min() > 0
    inverse = np.linalg.inv(linked)
    assert inverse[~np.eye(12, dtype=bool)].max() < 1e-9 * np.abs(inverse).max()


def test_products_on_pairs_are_those_of_whole_matrices():
    n, rng = 17, np.random.default_rng(0)
    free = rng.random((n, n)) < 0.4
    free |= free.T
    outer = rng.normal(size=(n, n))
    outer += outer.T
    pairs = Pairs(free)
    vector = rng.normal(size=n + len(pairs.rows))
    whole = pairs.matrix(vector)
    np.testing.assert_allclose(pairs.sandwich(outer, vector), pairs.of(outer @ whole @ outer), rtol=1e-10, atol=1e-10)
    assert pairs.dot(vector, vector) == pytest.approx(np.trace(whole @ whole))


def test_a_run_can_be_stopped_between_sweeps():
    def stop(gap):
        raise Cancelled

    with pytest.raises(Cancelled):
        maximum_likelihood(correlations(20, 30), check=stop)
