"""Random diseases are counted as they come, and give uniform p-values where the disease is random too."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from engine.core import Cancelled, Context
from engine.repurposing.ranking.calibration import joint_p
from engine.repurposing.ranking.nulls import NETWORK_NULLS, Tally, of_drugs, of_targets, run_nulls
from engine.repurposing.ranking.statistic import Hits, Worth, network_evidence

P, SIZE = 300, 40
PROTEINS = tuple(f"P{k}" for k in range(P))
DEGREE = np.sort(np.random.default_rng(0).geometric(0.1, P))
CHANCE = np.sqrt(DEGREE) / np.sqrt(DEGREE).sum()  # hubs are in more interactomes


def members(n, rng):
    first = np.argsort(rng.exponential(size=(n, P)) / CHANCE, axis=1)[:, :SIZE]  # the first to come
    found = np.zeros((n, P), dtype=bool)
    found[np.arange(n)[:, None], first] = True
    return found


def sampler(n, seed, context):
    context.progress(0.5)
    return members(n, np.random.default_rng(seed))


def targets(rng, sizes):
    pairs = [(f"d{k}", PROTEINS[at]) for k, size in enumerate(sizes) for at in rng.choice(P, size, replace=False, p=CHANCE)]
    frame = pd.DataFrame(pairs, columns=["drug", "gene"]).assign(affinity=rng.uniform(5, 10, len(pairs)))
    return Hits.of(frame, [f"d{k}" for k in range(len(sizes))], PROTEINS)


def disease(rng):
    """A random disease with a random causal network and random partners."""
    member = members(1, rng)
    inside = np.flatnonzero(member[0])
    return member, Worth(inside, rng.random(SIZE) * (rng.random(SIZE) < 0.3), rng.random(SIZE) < 0.1, DEGREE)


def tallied(hits, worth, n, seed=0, context=None, kinds=NETWORK_NULLS):
    *_, tallies = run_nulls(dict.fromkeys(kinds, sampler), hits, worth, n, seed, context or Context.silent())
    return tallies


def test_random_diseases_give_uniform_p_values():
    found, hits = [], targets(np.random.default_rng(0), [1, 2, 3, 5, 8, 20, 60, 100] * 3)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        member, worth = disease(rng)
        observed = network_evidence(hits, member, *worth.own(member))[:, 0]
        tally = tallied(hits, worth, 19, seed, kinds=["terminals"])["terminals"]
        drug = np.arange(24) == rng.integers(24)
        found.append(joint_p(tally.beside(observed)[0], rng.normal(size=24), drug)[drug][0])
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_every_column_by_hand():
    rng = np.random.default_rng(1)
    hits = targets(rng, [1, 4, 30])
    member, worth = disease(rng)
    observed = network_evidence(hits, member, *worth.own(member))[:, 0]
    tallies = tallied(hits, worth, 60)
    scores = np.array([0.9, 0.2, 0.5])
    frame = of_drugs(observed, hits, tallies, scores, 0.4)
    for name in NETWORK_NULLS:
        runs = np.concatenate(tallies[name].evidence, axis=1)[0]
        for drug in range(3):
            assert frame[f"p_{name}"][drug] == pytest.approx((1 + sum(run[drug] >= observed[0, drug] - 1e-9 for run in runs)) / 61)
            assert frame[f"reappears_{name}"][drug] == pytest.approx(sum(run[drug] > 0 for run in runs) / 60)
    listed = observed[0] > 0
    assert frame["reappears_sign"].tolist() == pytest.approx(np.where(listed, 2 / 3, 0).tolist())
    assert frame["p_sign"].tolist() == pytest.approx([1 / 3, 1, 2 / 3])
    assert frame["p"].tolist() == joint_p(tallies["terminals"].beside(observed)[0], scores).tolist()
    assert (frame["p_largest"] >= frame["p"]).all()
    assert frame["q"].ge(frame["p"]).all()


def test_targets_are_counted_by_gene():
    rng = np.random.default_rng(2)
    hits = targets(rng, [5, 20])
    member, worth = disease(rng)
    tally = Tally()
    runs = members(40, rng)
    tally.add(hits, worth, runs, rng)
    own = (member + sum(worth.own(member)))[0, hits.columns]
    frame = of_targets(hits, own, {"terminals": tally}).set_index("gene")
    for gene in frame.index:
        assert frame.loc[gene, "in_null_terminals"] == pytest.approx(runs[:, PROTEINS.index(gene)].mean())
    assert frame["in_null_labels"].isna().all()
    assert frame.loc[own == 0, "p_target"].eq(1).all()
    assert frame.loc[own > 0, "p_target"].to_numpy() == pytest.approx(
        [(1 + (np.concatenate(tally.worth)[:, at] >= own[at] - 1e-9).sum()) / 41 for at in np.flatnonzero(own > 0)]
    )


def test_rounds_only_add_up_and_the_last_one_is_shorter():
    rng = np.random.default_rng(3)
    hits, (_, worth) = targets(rng, [3, 9]), disease(rng)
    told = []
    context = Context(on_progress=lambda fraction, note: told.append(fraction))
    sizes = [tallies["sizes"].n for tallies in run_nulls({"sizes": sampler}, hits, worth, 60, 0, context)]
    assert sizes == [25, 50, 60]
    assert told == sorted(told)
    assert told[-1] <= 1


def test_same_seed_same_numbers():
    rng = np.random.default_rng(4)
    hits, (_, worth) = targets(rng, [3, 9]), disease(rng)
    one, two, other = (tallied(hits, worth, 30, seed, kinds=["labels"])["labels"] for seed in (7, 7, 8))
    assert np.array_equal(np.concatenate(one.evidence, axis=1), np.concatenate(two.evidence, axis=1))
    assert not np.array_equal(np.concatenate(one.evidence, axis=1), np.concatenate(other.evidence, axis=1))


def test_a_run_that_is_stopped_ends_at_once():
    rng = np.random.default_rng(5)
    hits, (_, worth) = targets(rng, [3]), disease(rng)
    with pytest.raises(Cancelled):
        tallied(hits, worth, 30, context=Context(is_cancelled=lambda: True))


def test_without_nulls_nothing_is_claimed():
    rng = np.random.default_rng(6)
    hits = targets(rng, [3])
    frame = of_drugs(np.ones((4, 1)), hits, {}, np.array([1.0]), 0.0)
    assert frame[["p", "p_largest", "q", "p_terminals", "reappears_labels"]].isna().all(axis=None)
