"""The MTP2 estimates are certified maxima for their three inputs, and say when total positivity is a bold claim."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from engine.portfolio.estimators import estimate, positive
from engine.portfolio.estimators.shrinkage import constant_correlation
from tests.engine.portfolio.drawn import one_factor

RETURNS, _ = one_factor(12, 30)


def kendall_by_pairs(returns):
    n = returns.shape[1]
    tau = [[kendalltau(returns[:, i], returns[:, j]).statistic if i != j else 1.0 for j in range(n)] for i in range(n)]
    return np.sin(np.pi / 2 * np.array(tau))


INPUTS = {
    "mtp2": lambda returns: np.corrcoef(returns.T),
    "mtp2_kendall": kendall_by_pairs,
    "mtp2_lwcc": lambda returns: constant_correlation(returns)[0] / np.outer(returns.std(axis=0), returns.std(axis=0)),
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("n_rows", [30, 8])
def test_conditions_of_the_maximum(name, n_rows):
    returns = RETURNS[:n_rows]
    found = estimate(name, returns)
    deviation = returns.std(axis=0)
    precision = found.precision * deviation[:, None] * deviation
    slack = found.covariance / deviation[:, None] / deviation - INPUTS[name](returns)
    off = ~np.eye(12, dtype=bool)
    assert (found.precision[off] <= 0).all()
    assert np.abs(np.diag(slack)).max() < 1e-3
    assert slack[off].min() > -1e-3
    assert np.abs(slack * precision)[off].max() < 1e-3
    assert -1e-12 < found.facts["gap"] <= 1e-8
    assert found.facts["edges"] == np.count_nonzero(found.precision[off]) / 2
    assert found.facts["ridge"] == 0


def test_many_opposed_pairs_are_said():
    opposed = RETURNS * np.where(np.arange(12) < 3, -1, 1)
    found = estimate("mtp2", opposed)
    negative = (np.corrcoef(opposed.T)[np.triu_indices(12, 1)] < 0).mean()
    assert found.facts["opposed"] == pytest.approx(negative)
    assert any(f"{negative:.0%} of the pairs" in note for note in found.notes)
    assert not estimate("mtp2", one_factor(12, 2000)[0]).notes


def test_an_answer_without_certificate_or_with_a_ridge_is_said(monkeypatch):
    plain = positive.maximum_likelihood

    def doubtful(correlation, **rest):
        found = plain(correlation, **rest)
        return type(found)(found.precision, found.covariance, 5e-2, found.sweeps, found.steps, 1e-3)

    monkeypatch.setattr(positive, "maximum_likelihood", doubtful)
    notes = estimate("mtp2", RETURNS).notes
    assert any("not certified" in note for note in notes)
    assert any("0.10% of the identity" in note for note in notes)
