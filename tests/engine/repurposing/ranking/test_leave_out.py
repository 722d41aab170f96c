"""Leaving out a kind of evidence moves just the drugs that rest on it, and intervals of ranks hold the rank."""

import numpy as np

from engine.repurposing.ranking.leave_out import EVIDENCE, KEPT_SHARE, rank_intervals, resampled_terminals, without_each
from engine.repurposing.ranking.statistic import VARIANTS

NULL = np.random.default_rng(0).random((60, 4))
DRUGS = ("by_screen", "by_causal", "by_partner", "by_affinity")


def observed():
    """Evidence of four drugs that rest on one thing each: in its variant each falls back to nothing."""
    rows = np.tile([0.5, 2.0, 2.0, 2.0], (len(VARIANTS), 1))
    for at in range(1, len(VARIANTS)):
        rows[at, at] = -1.0
    return rows


def test_each_drug_falls_without_what_it_rests_on():
    runs = np.concatenate([observed()[:, None], np.tile(NULL, (len(VARIANTS), 1, 1))], axis=1)
    found = without_each(DRUGS, runs, np.array([9.0, 3.0, 2.0, 1.0]), np.ones(4, dtype=bool)).set_index("drug")
    assert list(found.columns) == ["all", *(f"without_{name}" for name in EVIDENCE)]
    assert found.loc["by_screen", "without_interactome"] == 1
    assert found.loc["by_screen", "without_screen"] == 4
    for drug, name in (("by_causal", "causal"), ("by_partner", "partners"), ("by_affinity", "affinity")):
        assert found.loc[drug, f"without_{name}"] == 4
        assert found.loc[drug, f"without_{name}"] >= found.loc[drug, "all"]


def test_only_candidates_are_ranked():
    runs = np.concatenate([observed()[:, None], np.tile(NULL, (len(VARIANTS), 1, 1))], axis=1)
    candidates = np.array([True, False, True, False])
    found = without_each(DRUGS, runs, np.array([9.0, 3.0, 2.0, 1.0]), candidates)
    assert set(found["drug"]) == {"by_screen", "by_partner"}
    assert set(found["all"]) == {1, 2}


def test_terminals_are_drawn_without_replacement():
    prizes = np.where(np.arange(50) % 2 == 0, np.arange(50) + 1.0, 0.0)
    rows = resampled_terminals(prizes, 200, np.random.default_rng(0))
    assert ((rows > 0).sum(axis=1) == round(25 * KEPT_SHARE)).all()
    assert ((rows == prizes) | (rows == 0)).all()
    assert abs((rows > 0)[:, prizes > 0].mean() - KEPT_SHARE) < 1e-12
    assert (rows > 0).any(axis=0)[prizes > 0].all()


def test_a_clear_order_has_narrow_intervals_and_equal_drugs_have_wide_ones():
    rng = np.random.default_rng(1)
    candidates = np.ones(4, dtype=bool)
    scores = np.array([4.0, 3.0, 2.0, 1.0])
    clear = np.tile([3.0, 0.9, 0.5, -1.0], (40, 1))
    low, high = rank_intervals(clear, NULL, scores, candidates, rng)
    assert (low == [1, 2, 3, 4]).all()
    assert (high == [1, 2, 3, 4]).all()
    low, high = rank_intervals(rng.random((40, 4)), NULL, np.zeros(4), candidates, rng)
    assert (high - low >= 2).all()


def test_no_interval_where_no_candidate():
    low, high = rank_intervals(NULL[:5], NULL, np.arange(4.0), np.array([True, True, True, False]), np.random.default_rng(0))
    assert np.isnan([low[3], high[3]]).all()
    assert not np.isnan(low[:3]).any()
