"""EM never lowers the observed likelihood, and the BIC of a fit is that of its parameters computed row by row."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from engine.data import simulate
from engine.graphs.bitsets import members
from engine.mixtures.em import em, relabelled, structural_em
from engine.mixtures.moments import Rows, one_hot
from engine.mixtures.prune import alternatives, prune
from engine.mixtures.variants import Variant


@pytest.fixture(scope="module")
def drawn():
    data = simulate("mixture", p=5, n=600, varying=2, strength=2.0, seed=2)
    return Rows(data.numeric), np.array(data.truth["labels"])


def bic_by_hand(rows, fit):
    """Sum log densities over rows; shared conditionals by least squares, the others with the parameters of the fit."""
    n, size, shared = rows.n, fit.k - 1, 0.0
    joint = np.tile(np.log(fit.weights), (n, 1))
    for node, chosen in enumerate(fit.parents):
        design = rows.columns[:, [0, *(k + 1 for k in members(chosen))]]
        x, d = rows.values[:, node], design.shape[1]
        if fit.variants[node] is Variant.SHARED:
            residual = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
            shared += norm.logpdf(residual, scale=residual.std()).sum()
            size += d + 1
        else:
            own = fit.conditionals[node]
            joint += norm.logpdf(x[:, None], design @ own.coefficients.T, np.sqrt(own.variance))
            size += len(np.unique(own.variance)) + (fit.k if fit.variants[node].frees_intercept else 0)
            size += fit.k * d if fit.variants[node] is Variant.ALL else d - fit.variants[node].frees_intercept
    return shared + np.log(np.exp(joint).sum(axis=1)).sum() - np.log(n) / 2 * size


@pytest.mark.parametrize("variant", [v for v in Variant if v])
def test_likelihood_never_falls_and_bic_is_that_of_the_rows(drawn, variant):
    rows, labels = drawn
    parents = (0, 1, 0, 0b11, 0b1000)
    variants = [variant, Variant.SHARED, Variant.INTERCEPT, variant, Variant.SHARED]
    runs = [em(rows, parents, variants, 0.6 * one_hot(labels, 2) + 0.2, steps=steps) for steps in range(1, 15)]
    assert all(later.likelihood >= earlier.likelihood - 1e-8 for earlier, later in pairwise(runs))
    assert runs[-1].likelihood > runs[0].likelihood + 0.01
    for fit in runs[::5]:
        assert fit.bic == pytest.approx(bic_by_hand(rows, fit), abs=1e-6)


def test_bic_of_structural_em_is_that_of_the_rows(drawn):
    rows, labels = drawn
    fit = structural_em(rows, one_hot(labels, 2), None)
    assert fit.varying
    assert fit.bic == pytest.approx(bic_by_hand(rows, fit), abs=1e-6)


def test_a_further_round_does_not_improve_a_fit_that_settled(drawn):
    rows, labels = drawn
    fit = structural_em(rows, one_hot(labels, 2), None)
    again = structural_em(rows, fit.responsibility, fit.parents, rounds=1)
    assert again.bic < fit.bic + 1


def test_evidence_is_the_fall_of_the_bic_without_the_node(drawn):
    rows, labels = drawn
    fit = prune(rows, structural_em(rows, one_hot(labels, 2), None))
    assert all(worth[Variant.SHARED] > 0 for worth in alternatives(rows, fit).values())
    one = em(
        rows, fit.parents, [v if node == fit.varying[0] else Variant.SHARED for node, v in enumerate(fit.variants)], one_hot(labels, 2)
    )
    without = sum(
        norm.logpdf(r := x - design @ np.linalg.lstsq(design, x, rcond=None)[0], scale=r.std()).sum()
        - np.log(rows.n) / 2 * (design.shape[1] + 1)
        for x, design in (
            (rows.values[:, node], rows.columns[:, [0, *(k + 1 for k in members(chosen))]]) for node, chosen in enumerate(fit.parents)
        )
    )
    assert alternatives(rows, one)[fit.varying[0]][Variant.SHARED] == pytest.approx(one.bic - without, abs=1e-6)


def test_order_of_the_clusters_is_that_of_their_shares(drawn):
    rows, _ = drawn
    start = one_hot((np.arange(rows.n) < 0.9 * rows.n).astype(int), 2)
    fit = em(rows, (0,) * 5, [Variant.ALL] + [Variant.SHARED] * 4, start)
    assert bic_by_hand(rows, relabelled(fit)) == pytest.approx(fit.bic, abs=1e-6)
    assert relabelled(fit).weights[0] >= relabelled(fit).weights[1]


def test_nothing_to_fit(drawn):
    rows, labels = drawn
    assert em(rows, (0,) * 5, [Variant.SHARED] * 5, one_hot(labels, 2)) is None
    few = one_hot((np.arange(rows.n) < 3).astype(int), 2)
    assert em(rows, (0,) * 5, [Variant.INTERCEPT] + [Variant.SHARED] * 4, few) is None
