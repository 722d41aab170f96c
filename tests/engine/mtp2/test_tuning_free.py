"""The quick search makes the tests of the plain algorithm: same rows, same signs, same removals, same graph."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.stats import chisquare

from engine.core import Cancelled, UserError
from engine.mtp2 import tuning_free as module
from engine.mtp2.families import chain, random, star
from engine.mtp2.tuning_free import stability, tuning_free
from engine.mtp2.tuning_free_kernel import draw, level_of, moments, partial_correlation


def drawer(n, m, seed):
    """Return a function that gives the rows of one test after another, as the search draws them."""
    rows, state = np.arange(n, dtype=np.uint32), np.random.default_rng(seed).integers(2**64, size=1, dtype=np.uint64)

    def rows_of_next():
        draw(rows, m, state)
        return rows[:m].copy()

    return rows_of_next


def by_inverse(values, nodes):
    """Return the partial correlation of the last two nodes given the others."""
    k = np.linalg.inv(np.cov(values[:, nodes].T))
    return -k[-1, -2] / np.sqrt(k[-1, -1] * k[-2, -2])


def plain(values, m, order, max_l, next_rows):
    """Follow the description word by word; return the adjacency, the removals and the number of tests."""
    p = values.shape[1]
    adjacency, removals, tests = ~np.eye(p, dtype=bool), [], 0
    for size in range(max_l + 1):
        pairs = [(i, j) for i in range(p) for j in range(p) if i != j and (order == "both" or i < j)]
        for i, j in pairs:
            if not adjacency[i, j]:
                continue
            others = [v for v in np.flatnonzero(adjacency[i]) if v != j]
            for chosen, k in ((s, k) for s in combinations(others, size) for k in range(p) if k not in (*s, i, j)):
                tests += 1
                rho = by_inverse(values[next_rows()], [*chosen, k, i, j])
                if rho < 0:
                    adjacency[i, j] = adjacency[j, i] = False
                    removals.append((i, j, size, k, tuple(map(int, chosen)), rho))
                    break
    return adjacency, removals, tests


def dense(p, n, seed):
    """Draw samples whose graph is so dense that large sets are tried."""
    return random(p, 0.5, rng=np.random.default_rng(seed)).sample(n, np.random.default_rng(seed))


@pytest.mark.parametrize("order", module.ORDERS)
@pytest.mark.parametrize(
    ("values", "gamma", "max_l"),
    [
        (dense(9, 600, 0), 0.85, 6),
        (dense(12, 300, 1), 7 / 9, 2),
        (chain(12).sample(100, np.random.default_rng(2)), 7 / 9, 6),
        (star(10).sample(60, np.random.default_rng(3)) * 1e-4 + 5.0, 0.9, 6),
        (np.random.default_rng(4).standard_t(3, (200, 8)) + np.random.default_rng(5).standard_t(3, (200, 1)), 0.8, 6),
        (dense(5, 40, 6), 0.6, 6),
    ],
)
def test_same_edges_removals_and_tests_as_the_plain_algorithm(order, values, gamma, max_l):
    found = tuning_free(values, gamma=gamma, order=order, max_l=max_l, seed=3)
    adjacency, removals, tests = plain(values, found.m, order, max_l, drawer(len(values), found.m, 3))
    assert np.array_equal(found.adjacency, adjacency) and found.tests == tests
    assert [(*map(int, r[["i", "j", "level", "k"]]), tuple(g for g in r["given"] if g >= 0)) for r in found.deleted] == [
        removal[:5] for removal in removals
    ]
    assert found.deleted["rho"] == pytest.approx([removal[5] for removal in removals], rel=1e-7)


def test_the_cases_above_reach_large_sets_and_every_end():
    whole = tuning_free(dense(9, 600, 0), gamma=0.85)
    assert whole.truncated == "" and whole.deleted["level"].max() >= 1
    assert tuning_free(dense(12, 300, 1), max_l=2).truncated == "max_l"
    copies = tuning_free(np.outer(np.random.default_rng(0).standard_normal(12), range(1, 8)), gamma=0.7)  # no pair of which ever goes
    assert copies.m == 5 and copies.truncated == "rows" and copies.n_edges == 21
    assert copies.tests == 42 * 5 + 42 * 5 * 4  # sets of 0 and of 1


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_where_it_pauses_does_not_matter(monkeypatch, batch):
    values = dense(9, 200, 4)
    whole = tuning_free(values, seed=1)
    monkeypatch.setattr(module, "BATCH", batch)
    paused = tuning_free(values, seed=1)
    assert whole.tests == paused.tests > 300 and whole.adjacency.tobytes() == paused.adjacency.tobytes()
    assert whole.deleted.tobytes() == paused.deleted.tobytes()


def test_a_budget_ends_it_after_so_many_tests():
    values = dense(9, 200, 4)
    whole = tuning_free(values, seed=1)
    for budget in (0, 1, 100, whole.tests - 1):
        some = tuning_free(values, seed=1, most_tests=budget)
        assert some.tests == budget and some.truncated == "budget"
        assert some.deleted.tobytes() == whole.deleted[: len(some.deleted)].tobytes()
    assert tuning_free(values, seed=1, most_tests=whole.tests).truncated == whole.truncated


def test_seeds_repeat_and_differ():
    values = random(30, 0.1, rng=np.random.default_rng(0)).sample(100, np.random.default_rng(0))
    one, same, other = (tuning_free(values, seed=seed) for seed in (5, 5, 6))
    assert one.deleted.tobytes() == same.deleted.tobytes() and one.tests == same.tests
    assert one.deleted.tobytes() != other.deleted.tobytes()


@pytest.mark.parametrize(("n", "m"), [(7, 3), (8, 8), (20, 11), (100, 35)])
def test_each_draw_is_uniform_without_replacement(n, m):
    draws = 20_000
    next_rows = drawer(n, m, 1)
    drawn = np.array([next_rows() for _ in range(draws)])
    assert (np.diff(np.sort(drawn, axis=1)) > 0).all()
    inside = np.zeros((draws, n), dtype=bool)
    np.put_along_axis(inside, drawn.astype(np.int64), True, axis=1)
    if m < n:  # each row in m / n of the draws, each pair in m (m - 1) / n (n - 1); draws one after another are independent
        share = m / n
        assert np.abs(inside.mean(axis=0) - share).max() < 5 * np.sqrt(share * (1 - share) / draws)
        both = (inside.T.astype(float) @ inside / draws)[np.triu_indices(n, 1)]
        pair = m * (m - 1) / (n * (n - 1))
        assert np.abs(both - pair).max() < 5 * np.sqrt(pair * (1 - pair) / draws)
        again = (inside[1:] & inside[:-1]).mean(axis=0)
        assert np.abs(again - share**2).max() < 5 * np.sqrt(share**2 / draws)
    assert chisquare(np.bincount(drawn[:, 0], minlength=n)).pvalue > 1e-4
    assert chisquare(np.bincount(drawn[:, -1], minlength=n)).pvalue > 1e-4


@pytest.mark.parametrize("size", range(7))
def test_partial_correlation_is_that_of_the_inverse(size):
    rng = np.random.default_rng(size)
    for m in (size + 4, 33, 64):
        values = rng.standard_normal((80, 12)) @ rng.standard_normal((12, 12))
        nodes = rng.permutation(12)[: size + 3]
        rows = rng.permutation(80).astype(np.uint32)
        level = level_of(size, m)
        level.nodes[: size + 3] = nodes
        moments(np.ascontiguousarray((values - values.mean(axis=0)).T), rows, m, level)
        truth = by_inverse(values[rows[:m]], nodes)
        assert partial_correlation(level.scatter, size + 1, level.factor) == pytest.approx(min(truth, 0.0), rel=1e-7)


def test_a_copy_among_the_conditioning_variables_adds_nothing_and_a_copied_pair_stays():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((60, 6))
    values[:, 4] = 3 * values[:, 3] + 1
    rows, columns = np.arange(60, dtype=np.uint32), np.ascontiguousarray((values - values.mean(axis=0)).T)

    def found(*nodes):
        level = level_of(len(nodes) - 3, 60)
        level.nodes[: len(nodes)] = nodes
        moments(columns, rows, 60, level)
        return partial_correlation(level.scatter, len(nodes) - 2, level.factor)

    pair = next((i, j) for i, j in combinations([0, 1, 2, 5], 2) if by_inverse(values, [3, i, j]) < 0)
    assert [found(3, 4, *pair), found(4, 3, *pair)] == pytest.approx([by_inverse(values, [3, *pair])] * 2)
    assert found(4, 0, 3) == found(0, 1, 3, 4) == 0
    assert tuning_free(values).adjacency[3, 4]


def test_the_graph_of_a_chain_is_found():
    family = chain(40)
    for order in module.ORDERS:
        found = tuning_free(family.sample(1000, np.random.default_rng(0)), order=order)
        assert np.array_equal(found.adjacency, family.adjacency) and found.n_edges == 39


def test_every_missing_pair_has_the_record_of_its_removal():
    found = tuning_free(dense(9, 200, 4), seed=1)
    assert len(found.deleted) + found.n_edges == 9 * 8 // 2
    for i, j in combinations(range(9), 2):
        record = found.removal(j, i)
        assert (record is None) == found.adjacency[i, j]
        if record is not None:
            assert {int(record["i"]), int(record["j"])} == {i, j} and record["rho"] < 0
            assert found.removal(i, j) == record


@pytest.mark.parametrize(("n", "gamma", "m"), [(512, 7 / 9, 128), (1257, 7 / 9, 257), (1000, 0.85, 354), (6, 7 / 9, 4)])
def test_rows_of_a_test(n, gamma, m):
    assert tuning_free(np.random.default_rng(0).standard_normal((n, 3)), gamma=gamma).m == m


def test_it_says_how_far_it_is_and_stops_when_told(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 50)
    values, seen = dense(9, 200, 4), []
    tuning_free(values, report=lambda fraction, note: seen.append((fraction, note)))
    assert all(0 <= a[0] <= b[0] <= 1 for a, b in pairwise(seen)) and len(seen) > 5
    assert "36 edges" in seen[0][1]

    def check():
        if len(seen) > 3:
            raise Cancelled

    seen.clear()
    with pytest.raises(Cancelled):
        tuning_free(values, check=check, report=lambda *said: seen.append(said))
    assert len(seen) == 4


def test_stability_counts_reruns():
    family = chain(15)
    values, said = family.sample(300, np.random.default_rng(1)), []
    share = stability(values, 8, seed=2, report=lambda fraction, note: said.append(fraction))
    assert np.array_equal(share, share.T) and np.array_equal(share, stability(values, 8, seed=2))
    assert set(np.unique(share * 8)) <= set(range(9))
    assert share[family.adjacency].mean() > 0.9 > 0.2 > share[~family.adjacency].mean()
    assert said == sorted(said) and said[-1] > 7 / 8
    seeds = np.random.default_rng(2).integers(2**32, size=8)
    assert np.array_equal(share, np.mean([tuning_free(values, seed=int(own)).adjacency for own in seeds], axis=0))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"order": "neither"}, "no order"), ({"gamma": 1.0}, "gamma"), ({"gamma": 0.0}, "gamma"), ({"max_l": -1}, "negative"),
        ({"values": np.ones((9, 2))}, "too few"), ({"values": np.eye(5)}, "5 rows are too few"),
        ({"values": np.c_[np.eye(9)[:, :3], np.ones(9)]}, "Column 4 never varies"),
        ({"values": np.where(np.eye(9)[:, :4] > 0, np.nan, 1.0)}, "Column 1 has missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(change, word):
    given = {"values": np.random.default_rng(0).standard_normal((20, 4)), **change}
    with pytest.raises(UserError, match=word):
        tuning_free(given.pop("values"), **given)


def test_no_reruns_are_an_error():
    with pytest.raises(UserError, match="no frequency"):
        stability(np.random.default_rng(0).standard_normal((20, 4)), 0)
