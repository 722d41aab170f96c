"""Every score is high for a drug that reverses the disease, and equals its definition worked out the slow way."""

import numpy as np
import pytest
from scipy import stats

from engine.repurposing.screens.connectivity import LABELS, score_of

RNG = np.random.default_rng(0)
DRUGS, DISEASES = RNG.normal(size=(7, 40)), RNG.normal(size=(3, 40))


def enrichment(values, genes):
    """Walk down the list, up by a gene's weight when it is in the set and down evenly otherwise; return the point furthest from 0."""
    order = sorted(range(len(values)), key=lambda g: -values[g])
    total = sum(abs(values[g]) for g in genes)
    level, path = 0.0, []
    for g in order:
        level += abs(values[g]) / total if g in genes else -1 / (len(values) - len(genes))
        path.append(level)
    return max(path, key=abs)


def slow_ks(drug, disease, size):
    by_change = sorted(range(len(disease)), key=lambda g: -disease[g])
    up, down = enrichment(drug, set(by_change[:size])), enrichment(drug, set(by_change[-size:]))
    return 0.0 if np.sign(up) == np.sign(down) else -(up - down) / 2


@pytest.mark.parametrize("name", LABELS)
def test_scores_are_their_definitions(name):
    plain = {
        "cosine": lambda a, b: -(a @ b) / np.linalg.norm(a) / np.linalg.norm(b),
        "pearson": lambda a, b: -stats.pearsonr(a, b).statistic,
        "spearman": lambda a, b: -stats.spearmanr(a, b).statistic,
        "weighted_ks": lambda a, b: slow_ks(a, b, 6),
    }[name]
    found = score_of(name, 6)(DRUGS, DISEASES)
    assert found == pytest.approx(np.array([[plain(a, b) for b in DISEASES] for a in DRUGS]), abs=1e-12)


@pytest.mark.parametrize("name", LABELS)
def test_reversal_is_high_and_mimicry_low(name):
    disease = DISEASES[:1]
    found = score_of(name, 10)(np.vstack([-disease, disease]), disease)[:, 0]
    assert found == pytest.approx([1, -1])


@pytest.mark.parametrize("name", LABELS)
def test_what_has_no_direction_has_no_score_and_harms_no_other(name):
    drugs = DRUGS.copy()
    drugs[2] = 0.0
    found = score_of(name, 6)(drugs, DISEASES)
    assert np.isnan(found[2]).all()
    keep = np.arange(7) != 2
    assert found[keep] == pytest.approx(score_of(name, 6)(DRUGS, DISEASES)[keep], abs=1e-15)
    assert np.isnan(score_of(name, 6)(DRUGS, np.zeros((1, 40)))).all()


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_a_constant_drug_has_no_correlation(name):
    assert np.isnan(score_of(name, 6)(np.full((1, 40), 0.1), DISEASES)).all()


def test_lists_that_rise_together_score_zero():
    drug = np.r_[np.linspace(5, 4, 10), np.linspace(-1, 1, 30)]
    disease = np.r_[np.full(5, 3.0), np.full(5, -3.0), np.zeros(30)]  # both lists lie at the top of the drug's
    assert score_of("weighted_ks", 5)(drug[None], disease[None])[0, 0] == 0
