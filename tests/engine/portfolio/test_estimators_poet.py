"""POET is principal components plus thresholded residual correlations, and it is always positive definite."""

import numpy as np
import pytest

from engine.core import UserError
from engine.portfolio.estimators import estimate
from engine.portfolio.estimators.components import SMALLEST, poet
from tests.engine.portfolio.drawn import one_factor


def by_hand(returns, k, constant):
    """Spectral decomposition of the sample covariance, its remainder thresholded entry by entry."""
    n_rows, n = returns.shape
    values, vectors = np.linalg.eigh(np.cov(returns.T, ddof=0))
    common = sum(values[-j] * np.outer(vectors[:, -j], vectors[:, -j]) for j in range(1, k + 1))
    rest = np.cov(returns.T, ddof=0) - common
    threshold = constant * (n**-0.5 + np.sqrt(np.log(n) / n_rows))
    kept = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            scale = np.sqrt(rest[i, i] * rest[j, j])
            correlation = rest[i, j] / scale
            kept[i, j] = rest[i, j] if i == j else scale * np.sign(correlation) * max(abs(correlation) - threshold, 0)
    return common + kept, kept, threshold


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize(("n_assets", "n_rows"), [(12, 100), (40, 25)])
def test_parts(k, n_assets, n_rows):
    returns, _ = one_factor(n_assets, n_rows)
    found = estimate(f"poet{k}", returns)
    covariance, kept, threshold = by_hand(returns, k, found.facts["constant"])
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-7, atol=1e-12)
    assert found.facts["threshold"] == pytest.approx(threshold)
    assert found.facts["pairs"] == np.count_nonzero(np.triu(kept, 1))


def stubborn():
    """Forty assets in ten tight groups, of which three components leave seven: soft-thresholding at C = 1/2 is not positive definite."""
    rng = np.random.default_rng(8)
    groups = rng.standard_normal((60, 10)) @ rng.standard_normal((10, 40))
    return groups + 0.05 * rng.standard_normal((60, 40))


def test_threshold_is_lifted_until_positive_definite_and_said_so():
    returns = stubborn()
    _, plain, _ = by_hand(returns, 3, 0.5)
    assert np.linalg.eigvalsh(plain)[0] < 0
    found = estimate("poet3", returns)
    _, kept, _ = by_hand(returns, 3, found.facts["constant"])
    scale = np.sqrt(np.diag(kept))
    assert np.linalg.eigvalsh(kept / scale[:, None] / scale)[0] >= SMALLEST
    assert found.facts["constant"] > 0.5
    assert any("lifted" in note for note in found.notes)
    _, before, _ = by_hand(returns, 3, found.facts["constant"] / 1.1)
    assert np.linalg.eigvalsh(before / scale[:, None] / scale)[0] < SMALLEST


def test_an_ordinary_window_keeps_the_constant():
    found = estimate("poet3", one_factor(20, 252)[0])
    assert found.facts["constant"] == 0.5
    assert not found.notes


def test_more_components_than_the_window_has_are_refused():
    with pytest.raises(UserError, match="leave no residual"):
        poet(one_factor(4, 50)[0], 5)
