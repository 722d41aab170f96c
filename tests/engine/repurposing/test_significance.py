"""q-values follow their definition, and equal values share a rank, whatever is unknown."""

import numpy as np
import pytest

from engine.repurposing.significance import q_values, shared_ranks


def test_q_values_against_their_definition():
    p = np.random.default_rng(0).uniform(0, 1, 40) ** 2
    p[5] = np.nan
    there = p[np.isfinite(p)]
    by_definition = [min(min(1, t * len(there) / (there <= t).sum()) for t in there if t >= one) for one in there]
    assert q_values(p)[np.isfinite(p)] == pytest.approx(np.array(by_definition))
    assert np.isnan(q_values(p)[5])
    assert np.isnan(q_values(np.full(3, np.nan))).all()


def test_equal_values_share_a_rank_and_what_is_not_ranked_has_none():
    values = np.array([0.2, 0.9, 0.9, np.nan, 0.2 + 1e-13, 0.1])
    assert np.nan_to_num(shared_ranks(-values)).tolist() == [3, 1, 1, 0, 3, 5]
    chosen = shared_ranks(values, np.array([True, True, False, True, True, False]))
    assert np.nan_to_num(chosen).tolist() == [1, 3, 0, 0, 1, 0]
