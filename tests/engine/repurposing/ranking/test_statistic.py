"""The evidence of a network is the plain sum over targets, and what random networks are given comes from proteins of like degree."""

import numpy as np
import pandas as pd
import pytest

from engine.repurposing.ranking.affinity import weight_of
from engine.repurposing.ranking.statistic import VARIANTS, Hits, Worth, network_evidence, reach_of

DRUGS = ("d0", "d1", "d2", "d3", "d4", "d9")
PROTEINS = tuple(f"P{k}" for k in range(40))


def drawn(seed=0):
    rng = np.random.default_rng(seed)
    pairs = [(f"d{drug}", PROTEINS[k]) for drug in range(5) for k in rng.choice(40, 1 + 3 * drug, replace=False)] + [("d9", "OUTSIDE")]
    affinity = np.where(rng.random(len(pairs)) < 0.2, np.nan, rng.uniform(5, 10, len(pairs)))
    return (
        pd.DataFrame(pairs, columns=["drug", "gene"]).assign(affinity=affinity),
        rng.random((6, 40)) < 0.3,
        rng.random((6, 40)),
        rng.random((6, 40)) < 0.2,
    )


def test_it_is_the_sum_over_targets():
    pairs, member, reach, partner = drawn()
    hits = Hits.of(pairs, DRUGS, PROTEINS)
    found = network_evidence(hits, member, member * reach, member * partner)
    assert found.shape == (len(VARIANTS), 6, 6)
    for run in range(6):
        for at, name in enumerate(hits.drugs):
            whole = no_causal = no_partner = no_affinity = 0.0
            for drug, gene, value in pairs.itertuples(index=False):
                if drug == name and gene in PROTEINS and member[run, PROTEINS.index(gene)]:
                    k = PROTEINS.index(gene)
                    a = float(weight_of(np.array([value]))[0])
                    whole += a * (1 + reach[run, k] + partner[run, k])
                    no_causal += a * (1 + partner[run, k])
                    no_partner += a * (1 + reach[run, k])
                    no_affinity += 1 + reach[run, k] + partner[run, k]
            assert found[:, run, at] == pytest.approx([whole, no_causal, no_partner, no_affinity])


def test_a_drug_with_no_target_in_the_network_stays_with_no_evidence():
    pairs, member, reach, partner = drawn()
    hits = Hits.of(pairs, DRUGS, PROTEINS)
    assert hits.drugs[-1] == "d9"
    assert not network_evidence(hits, member, reach * member, partner * member)[:, :, -1].any()


def worth(seed=0, size=15):
    rng = np.random.default_rng(seed)
    members = np.sort(rng.choice(40, size, replace=False))
    return Worth(members, rng.random(size), rng.random(size) < 0.3, rng.permutation(40).astype(np.int64))


def test_own_worth_stays_with_its_protein():
    known = worth()
    member = np.zeros((1, 40), dtype=bool)
    member[0, known.members[:7]] = True
    reach, partner = known.own(member)
    assert reach[0, known.members[:7]] == pytest.approx(known.reach[:7])
    assert partner[0, known.members[:7]] == pytest.approx(known.partner[:7].astype(float))
    assert reach.sum() == pytest.approx(known.reach[:7].sum())


def test_carried_worth_follows_the_degree_and_keeps_its_total():
    rng = np.random.default_rng(1)
    degree = np.arange(1000)
    members = np.sort(rng.choice(1000, 200, replace=False))
    known = Worth(members, members / 1000, np.zeros(200, dtype=bool), degree)  # reach grows with degree
    member = np.zeros((50, 1000), dtype=bool)
    for row in member:
        row[rng.choice(1000, 200, replace=False)] = True
    reach, partner = known.carried(member, rng)
    assert not reach[~member].any()
    assert not partner.any()
    assert reach.sum(axis=1).mean() == pytest.approx(known.reach.sum(), rel=0.02)
    for row, inside in zip(reach, member, strict=True):
        assert np.corrcoef(row[inside], degree[inside])[0, 1] > 0.95


def test_reach_is_half_for_one_descendant_always_found_and_never_one():
    assert reach_of(np.array([1.0, 0, np.nan, 9]), np.array([1.0, 0.9, 0.5, np.nan])).tolist() == [0.5, 0, 0, 0]
    assert reach_of(np.array([1000.0]), np.array([1.0]))[0] < 1


def test_no_affinity_counts_as_the_weakest_kept():
    assert weight_of(np.array([np.nan, 5.0, 4.0, 12.0])).tolist() == pytest.approx([5 / 9, 5 / 9, 5 / 9, 1])
