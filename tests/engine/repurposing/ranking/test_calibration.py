"""The p-value of a drug is exact: brute force over all combinations gives it, and random diseases give uniform ones."""

import itertools

import numpy as np
import pytest
from scipy import stats

from engine.repurposing.ranking.calibration import joint_p, network_p, score_p


def by_brute_force(evidence, scores, drug):
    """Walk over every (network, score), with the ranks counted one by one."""

    def rank(values, own):
        return sum(1.0 if value > own else 0.5 if value == own else 0.0 for value in values) / len(values)

    def statistic(network, score):
        return -np.log(rank(evidence[:, drug], network)) - np.log(rank(scores, score))

    own = statistic(evidence[0, drug], scores[drug])
    every = [statistic(network, score) for network, score in itertools.product(evidence[:, drug], scores)]
    return np.mean([value >= own - 1e-9 for value in every])


@pytest.mark.parametrize("seed", range(5))
def test_brute_force_agrees(seed):
    rng = np.random.default_rng(seed)
    evidence, scores = rng.integers(0, 3, (13, 7)).astype(float), rng.integers(0, 5, 7).astype(float)
    assert joint_p(evidence, scores) == pytest.approx([by_brute_force(evidence, scores, drug) for drug in range(7)], abs=1e-12)


def test_a_drug_without_a_score_changes_no_other():
    rng = np.random.default_rng(0)
    evidence, scores = rng.normal(size=(21, 6)), rng.normal(size=6)
    without = joint_p(evidence, np.where(np.arange(6) == 2, np.nan, scores))
    assert np.isnan(without[2])
    others = np.arange(6) != 2
    assert without[others] == pytest.approx(joint_p(evidence[:, others], scores[others]), abs=1e-15)


def test_the_smallest_p_is_one_combination_of_all():
    evidence, scores = np.zeros((100, 50)), np.arange(50.0)
    evidence[0] = 1
    assert joint_p(evidence, scores)[49] == pytest.approx(1 / (100 * 50))
    assert network_p(evidence) == pytest.approx(np.full(50, 0.01))


def test_scores_alone_are_the_null_of_signs_in_closed_form():
    scores = np.array([3.0, 1.0, 2.0, 2.0, np.nan])
    rng = np.random.default_rng(0)
    permuted = np.array([rng.permutation(scores[:4]) for _ in range(4000)])
    assert score_p(scores)[:4] == pytest.approx((permuted >= scores[:4]).mean(axis=0), abs=0.03)
    assert np.isnan(score_p(scores)[4])


def draws(rng, n_targets, n_runs, discrete):
    """Evidence of a drug in networks that are all random, the first playing the observed one."""
    hit = rng.random((n_runs + 1, n_targets)) < 0.08
    return (hit * (1.0 if discrete else rng.random((n_runs + 1, n_targets)))).sum(axis=1)


@pytest.mark.parametrize("n_targets", [1, 5, 100])
@pytest.mark.parametrize("discrete", [True, False])
def test_random_diseases_give_uniform_p_values_whatever_the_promiscuity(n_targets, discrete):
    rng = np.random.default_rng([n_targets, discrete])
    found = []
    for _ in range(200):
        evidence = np.zeros((40, 60))
        evidence[:, 0] = draws(rng, n_targets, 39, discrete)
        found.append(joint_p(evidence, rng.normal(size=60), np.arange(60) == 0)[0])
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_a_promiscuous_drug_gains_nothing_from_its_number_of_targets():
    rng = np.random.default_rng(0)
    few, many = (np.array([network_p(draws(rng, k, 99, False)[:, None])[0] for _ in range(300)]) for k in (3, 100))
    assert stats.ks_2samp(few[few < 0.2], many[many < 0.2]).pvalue > 0.01
    assert (many < 0.1).mean() == pytest.approx(0.1, abs=0.05)
