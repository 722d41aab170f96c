"""Turned signatures keep the strength along every direction and give the right share of small p-values; dealt ones do not."""

import itertools

import numpy as np
import pytest
from scipy import stats

from engine.core import Context
from engine.repurposing.screens.chance import dealt, directions_of, p_values, turned
from engine.repurposing.screens.connectivity import cosine
from engine.repurposing.screens.rank_interval import rank_intervals

D = 60


def correlated(n, rng):
    """Signatures that share three strong directions, as those of real screens do."""
    directions = np.random.default_rng(99).normal(size=(3, D))
    return rng.normal(size=(n, 3)) * [4.0, 2.0, 1.0] @ directions + rng.normal(size=(n, D))


def drawn(null):
    return np.vstack(list(null))


def test_turned_signatures_keep_their_strength_along_each_direction():
    rng = np.random.default_rng(0)
    drugs, disease = correlated(20, rng), correlated(1, rng)[0]
    found = drawn(turned(disease, directions_of(drugs, 0), 130, np.random.default_rng(1)))
    assert found.shape == (130, D)
    _, _, directions = np.linalg.svd(drugs, full_matrices=False)
    assert np.abs(found @ directions.T) == pytest.approx(np.tile(np.abs(directions @ disease), (130, 1)))
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.full(130, np.linalg.norm(disease)))
    assert len(np.unique(np.sign(found @ directions.T), axis=0)) > 120


def test_p_values_come_near_those_of_all_turns():
    rng = np.random.default_rng(2)
    drugs, disease = rng.normal(size=(5, 12)), rng.normal(size=12)
    _, _, directions = np.linalg.svd(drugs, full_matrices=False)
    shares = directions @ disease
    rest = disease - shares @ directions
    every = np.array([(np.array(s[:5]) * shares) @ directions + s[5] * rest for s in itertools.product([-1, 1], repeat=6)])
    observed = cosine(drugs, disease[None])[:, 0]
    exact = (cosine(drugs, every) >= observed[:, None] - 1e-9).mean(axis=1)
    null = turned(disease, directions_of(drugs, 0), 4000, np.random.default_rng(3))
    found = p_values(observed, lambda block: cosine(drugs, block), null, 4000, Context.silent(), "")
    assert found == pytest.approx(exact, abs=0.03)
    assert found.min() >= 1 / 4001


def test_for_unrelated_diseases_turned_p_values_are_uniform_and_dealt_ones_are_not():
    rng = np.random.default_rng(4)
    drugs = correlated(40, rng)
    by_turns, by_dealing = [], []
    for k in range(200):
        drug, disease = drugs[[k % 40]], correlated(1, rng)[0]
        observed = cosine(drug, disease[None])[:, 0]
        nulls = turned(disease, directions_of(drugs, 0), 199, np.random.default_rng(k)), dealt(disease, D, 199, np.random.default_rng(k))
        for null, found in zip(nulls, (by_turns, by_dealing), strict=True):
            found.append(p_values(observed, lambda block, drug=drug: cosine(drug, block), null, 199, Context.silent(), "")[0])
    assert stats.kstest(by_turns, "uniform").pvalue > 0.01
    assert np.mean(np.array(by_turns) <= 0.05) <= 0.09
    assert np.mean(np.array(by_dealing) <= 0.05) > 0.15  # why it is not the default


def test_dealt_signatures_match_chance_on_coverage():
    whole = np.arange(1.0, 501.0)
    found = drawn(dealt(whole, 25, 75, np.random.default_rng(0)))
    assert found.shape == (75, 25)
    assert all(len(set(row)) == 25 for row in found)
    assert set(found.ravel()) <= set(whole)
    drugs, wide = np.random.default_rng(1).normal(size=(1, 25)), np.random.default_rng(1).normal(size=(1, 400))
    few, many = (cosine(x, drawn(dealt(whole - 250, x.shape[1], 200, np.random.default_rng(2)))).std() for x in (drugs, wide))
    assert few > 3 * many  # few genes: high scores come by chance


def test_a_score_that_is_missing_has_no_p_value():
    found = p_values(np.array([0.5, np.nan]), lambda block: np.zeros((2, len(block))), iter([np.zeros((9, 3))]), 9, Context.silent(), "")
    assert found[0] == 0.1
    assert np.isnan(found[1])


def test_rank_intervals_are_wide_where_the_genes_disagree():
    rng = np.random.default_rng(5)
    disease = rng.normal(size=200)
    drugs = np.vstack([-disease, disease, *(0.02 * disease + rng.normal(size=200) for _ in range(20))])
    low, high = rank_intervals(lambda some: cosine(drugs[:, some], disease[None, some])[:, 0], 200, 40, rng, Context.silent())
    assert (low[:2] == high[:2]).all()
    assert low[0] == 1
    assert low[1] == 22
    assert np.median(high[2:] - low[2:]) > 5
