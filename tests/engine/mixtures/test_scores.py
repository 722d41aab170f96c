"""The local score of each variant is the best weighted likelihood less the penalty, found by direct maximisation over all rows."""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from engine.mixtures.moments import Rows
from engine.mixtures.scores import LocalScores
from engine.mixtures.variants import Variant, n_parameters

K, N, P = 2, 200, 4


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(3)
    values = rng.standard_normal((N, P)) @ rng.standard_normal((P, P))
    values[: N // 3, 2] = 2 * values[: N // 3, 2] + 3
    responsibility = rng.dirichlet(np.ones(K), N) * 0.3
    responsibility[np.arange(N), (np.arange(N) >= N // 3).astype(int)] += 0.7
    return Rows(values), responsibility


def by_hand(rows, responsibility, target, parents, variant):
    """Maximise sum_k R_k log N(x | mean_k, v_k) over free coefficients and variances row by row."""
    design = rows.columns[:, [0, *(k + 1 for k in parents)]]
    x, d = rows.values[:, target], design.shape[1]

    def split(theta):
        if variant is Variant.ALL:
            coefficients = theta[: K * d].reshape(K, d)
        elif variant.frees_intercept:
            coefficients = np.column_stack([theta[:K], np.tile(theta[K : K + d - 1], (K, 1))])
        else:
            coefficients = np.tile(theta[:d], (K, 1))
        log_v = theta[-K:] if variant.frees_variance else np.repeat(theta[-1], K)
        return coefficients, log_v

    def loss(theta):
        coefficients, log_v = split(theta)
        residual = x[:, None] - design @ coefficients.T
        return 0.5 * float((responsibility * (np.log(2 * np.pi) + log_v + residual**2 / np.exp(log_v))).sum())

    size = n_parameters(variant, len(parents), K)
    return -minimize(loss, np.zeros(size), method="BFGS", options={"gtol": 1e-6}).fun - np.log(N) / 2 * size


@pytest.mark.parametrize("variant", Variant)
@pytest.mark.parametrize(("target", "parents"), [(2, []), (2, [0]), (0, [1, 3])])
def test_score_is_the_direct_maximum(drawn, variant, target, parents):
    rows, responsibility = drawn
    scores = LocalScores(rows.moments(responsibility))
    expected = by_hand(rows, responsibility, target, parents, variant)
    # four reweighting steps come close to the maximum, never above
    assert expected - 0.05 <= scores.score(target, parents, variant) <= expected + 1e-3


def test_changes_are_the_scores_of_the_changed_sets(drawn):
    rows, responsibility = drawn
    scores = LocalScores(rows.moments(responsibility))

    def best(target, parents):
        return max(scores.score(target, parents, variant) for variant in (Variant.SHARED, Variant.INTERCEPT, Variant.ALL))

    for size in range(3):
        for target in range(P):
            for parents in itertools.combinations([k for k in range(P) if k != target], size):
                found = scores.changes(np.array([target]), np.array([parents], np.int64).reshape(1, size))
                assert found.now[0] == pytest.approx(best(target, list(parents)), abs=1e-4)
                for k in range(P):
                    if k == target or k in parents:
                        assert found.added[0, k] == -np.inf
                    else:
                        assert found.added[0, k] == pytest.approx(best(target, [*parents, k]), abs=1e-4)
                for place, k in enumerate(parents):
                    assert found.dropped[0, place] == pytest.approx(best(target, [m for m in parents if m != k]), abs=1e-4)


def test_a_cluster_without_rows_has_no_conditional_of_its_own(drawn):
    rows, _ = drawn
    scores = LocalScores(rows.moments(np.tile([1.0, 0.0], (N, 1))))
    one = LocalScores(rows.moments(np.ones((N, 1))))
    assert scores.best(2, [0])[1].variant is Variant.SHARED
    assert scores.changes(np.array([2]), np.array([[0]])).added == pytest.approx(one.changes(np.array([2]), np.array([[0]])).added)
