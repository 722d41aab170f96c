"""Shares over subsamples are those of the single fits, and depend on the seed alone."""

import numpy as np
import pytest

from engine.independence.gaussian import fisher_p
from engine.independence.rank import Rank
from engine.repurposing.causal import selection
from engine.repurposing.causal.selection import Search, Tally, correlations, critical_correlations, fit, tallies, tally_of


def searched(**changes):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((30, 6)) @ np.triu(rng.uniform(0.3, 1, (6, 6)))
    settings = {
        "values": values, "allowed": (1 - np.eye(6)).astype(np.uint8), "is_terminal": np.arange(6) >= 4, "levels": (0.01, 0.3), "rows": 20,
        "starts": 2, "depth": 3, "correlation": "pearson", "seed": 0,
    }  # fmt: skip
    return Search(**settings | changes)


def test_the_tally_counts_the_fits():
    search = searched()
    total = sum(tallies(search, 7, threads=1), Tally.empty(search))
    assert total.n == 7
    for at in range(2):
        fits = [fit(search, at, number)[0] for number in range(7)]
        assert np.array_equal(search.table(total.shares[at]), np.mean(fits, axis=0))
        assert total.joined[at] == sum(np.triu(cpdag | cpdag.T).sum() for cpdag in fits)
        for kind in range(2):
            paths = [np.linalg.matrix_power(np.eye(6) + ((c & ~c.T) if kind == 0 else c), 6) > 0 for c in fits]
            upstream = sum((reached & ~np.eye(6, dtype=bool))[:, 4:].any(axis=1).astype(int) for reached in paths)
            assert total.upstream[kind, at].tolist() == upstream.tolist()


def test_the_split_into_tasks_changes_nothing():
    search = searched()
    whole = tally_of(search, range(6))
    parts = tally_of(search, (4, 1)) + tally_of(search, (0, 5, 3)) + tally_of(search, (2,))
    for name in ("entries", "joined", "upstream", "tests"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_same_seed_same_counts_and_another_seed_others():
    """The reference passes no seed to its subsampling, so that no run of it comes back."""
    first, again, other = (tally_of(searched(seed=seed), range(5)).entries for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_subsample_holds_different_cells(monkeypatch):
    seen = []
    monkeypatch.setattr(selection, "correlations", lambda values, kind: (seen.append(values), correlations(values, kind))[1])
    fit(searched(), 1, 0)
    fit(searched(), 1, 1)
    for values in seen:
        assert values.shape == (20, 6)
        assert len(np.unique(values, axis=0)) == 20
    assert not np.array_equal(*seen)


@pytest.mark.parametrize("alpha", [1e-4, 0.01, 0.3])
def test_the_critical_correlation_has_the_level_as_its_two_sided_p_value(alpha):
    critical = critical_correlations(alpha, 51)
    assert len(critical) == 48  # given 48 others n - d - 3 is 0, and no test is possible
    for d in (0, 1, 20, 47):
        assert fisher_p(critical[[d]], 51 - d - 3)[0] == pytest.approx(alpha, rel=1e-9)


def test_rank_correlation_ignores_monotone_distortion():
    values = searched().values
    values[:, 0] = np.exp(3 * values[:, 0])
    plain = Rank.of([f"G{k}" for k in range(6)], values, 0.01)
    assert correlations(values, "rank") == pytest.approx(plain.correlation, abs=1e-12)
    assert correlations(values, "rank") == pytest.approx(correlations(searched().values, "rank"), abs=1e-12)
    assert not np.allclose(correlations(values, "pearson"), correlations(searched().values, "pearson"), atol=0.01)


@pytest.mark.parametrize("kind", ["pearson", "rank"])
def test_a_gene_that_is_zero_in_all_cells_of_a_subsample_has_no_edge(kind):
    values = searched().values
    values[:, 2] = 0.0
    assert not np.delete(correlations(values, kind)[2], 2).any()
    cpdag, _ = fit(searched(values=values, correlation=kind, levels=(0.5,)), 0, 0)
    assert cpdag.any()
    assert not cpdag[2].any()
    assert not cpdag[:, 2].any()
