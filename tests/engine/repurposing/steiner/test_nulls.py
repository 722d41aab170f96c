"""Random diseases keep what they promise to keep, and are the same for any number of threads."""

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.repurposing.steiner.network import Network, network_of
from engine.repurposing.steiner.nulls import KINDS, NEAR_RANK, _moved, forests, null_networks, rewired, shuffled


def scale_free(n=400, m=1600, seed=0):
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, n + 1) ** 0.7
    pairs = {(min(pair), max(pair)) for pair in rng.choice(n, (m, 2), p=weight / weight.sum()).tolist() if pair[0] != pair[1]}
    ends = np.array(sorted(pairs))
    names = tuple(f"P{i:03d}" for i in range(n))
    return Network(names, ends, rng.uniform(0.2, 1.0, len(ends)), np.array([0]), np.array([0.5]))


NETWORK = scale_free()
PRIZES = np.zeros(NETWORK.n)
PRIZES[np.random.default_rng(1).choice(NETWORK.n, 25, replace=False)] = np.linspace(1, 3, 25)
POOL = {f"P{i:03d}": 0.01 * i for i in range(0, 600, 2)}  # half of it is in no network


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes_for_any_number_of_threads(kind):
    one = null_networks(NETWORK, PRIZES, kind=kind, n=9, seed=5, threads=1, pool=POOL)
    two = null_networks(NETWORK, PRIZES, kind=kind, n=9, seed=5, threads=3, pool=POOL)
    other = null_networks(NETWORK, PRIZES, kind=kind, n=9, seed=6, threads=1, pool=POOL)
    assert (one.members == two.members).all()
    assert (one.members != other.members).any()
    assert one.frequency == pytest.approx(one.members.mean(axis=0))
    assert one.p_values == pytest.approx((1 + one.members.sum(axis=0)) / 10)


def test_matched_genes_have_the_same_prizes_and_like_degrees():
    order = np.argsort(NETWORK.degrees, kind="stable")
    place = np.argsort(order)
    for seed in range(20):
        moved = _moved(PRIZES, order, NEAR_RANK, np.random.default_rng(seed))
        assert sorted(moved[moved > 0]) == sorted(PRIZES[PRIZES > 0])
        for prize in PRIZES[PRIZES > 0]:
            assert abs(place[np.flatnonzero(moved == prize)[0]] - place[np.flatnonzero(prize == PRIZES)[0]]) <= NEAR_RANK


def test_matched_genes_are_drawn_evenly_from_their_neighbours():
    prizes = np.zeros(300)
    prizes[150] = 1.0
    order = np.arange(300)
    drawn = [int(np.argmax(_moved(prizes, order, 3, np.random.default_rng(seed)))) for seed in range(700)]
    counts = np.bincount(drawn, minlength=300)[147:154]
    assert counts.sum() == 700
    assert ((counts - 100) ** 2 / 100).sum() < 22.5  # chi-squared, 6 degrees of freedom, p = 0.001


def test_rewiring_keeps_every_degree_and_makes_no_loop_or_double():
    other = rewired(NETWORK, np.random.default_rng(3))
    assert (other.degrees == NETWORK.degrees).all()
    assert (other.ends[:, 0] < other.ends[:, 1]).all()
    assert len(np.unique(other.ends, axis=0)) == len(other.ends)
    before, after = ({tuple(pair) for pair in network.ends.tolist()} for network in (NETWORK, other))
    rng, at_random = np.random.default_rng(4), []
    for _ in range(3):  # what is left of the edges is what two random networks share anyway
        again = {tuple(pair) for pair in rewired(other, rng).ends.tolist()}
        at_random.append(len(before & again))
    assert len(before & after) < 2 * max(at_random)


def test_shuffling_keeps_the_second_ends_but_for_loops_and_doubles():
    other = shuffled(NETWORK, np.random.default_rng(3))
    assert (other.ends[:, 0] < other.ends[:, 1]).all()
    assert len(np.unique(other.ends, axis=0)) == len(other.ends) <= len(NETWORK.ends)


def test_progress_is_told_and_may_stop_the_run():
    heard = []
    null_networks(NETWORK, PRIZES, n=40, progress=lambda share, note: heard.append(share))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(heard) > 1

    def stop(share, note):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        null_networks(NETWORK, PRIZES, n=40, progress=stop)


def test_more_terminals_than_genes_of_like_degree_are_refused():
    with pytest.raises(UserError, match="more terminals than genes"):
        _moved(np.ones(3), np.array([0, 0, 0]), 0, np.random.default_rng(0))  # all three may only go to gene 0


def test_unmatched_needs_a_pool_and_drops_what_is_outside():
    with pytest.raises(UserError, match="prizes of all genes"):
        null_networks(NETWORK, PRIZES, kind="unmatched", n=1)
    outside = null_networks(NETWORK, PRIZES, kind="unmatched", n=3, pool={f"X{i}": 1.0 for i in range(50)})
    assert not outside.members.any()


def test_forests_of_given_prizes_are_those_of_single_solves():
    graph = NETWORK.graph(0.0)
    draws = [np.roll(PRIZES, k) for k in range(5)]
    together = forests(graph, draws, w=1.4, b=40.0, threads=2)
    assert all((row == graph.forest(40.0 * prizes, 1.4).nodes).all() for row, prizes in zip(together, draws, strict=True))


@pytest.mark.shared_data
def test_matched_networks_of_the_published_disease_are_as_large_and_hold_the_same_hubs(shared_data):
    """The specs recomputed, over 100 matched draws: 264 +- 10 proteins, EGFR .66, HDAC1 .77, HSP90AA1 .58, RIPK1 .40."""
    folder = shared_data / "covid19"
    network, _ = network_of(pd.read_csv(folder / "irefindex_v14_costs.tsv.gz", sep="\t", keep_default_na=False))
    terminals = pd.read_csv(folder / "terminals_ppi_analysis.tsv", sep="\t")
    n = 25
    nulls = null_networks(network, dict(zip(terminals["name"].str.upper(), terminals["prize"], strict=True)), n=n, seed=1)
    assert abs(nulls.sizes.mean() - 264) < 4 * 10 * np.sqrt(1 / n + 1 / 100)
    for name, share in {"EGFR": 0.66, "HDAC1": 0.77, "HSP90AA1": 0.58, "RIPK1": 0.40, "STK3": 0.04, "RIPK2": 0.02}.items():
        found = nulls.frequency[network.numbers([name])[0]]
        assert abs(found - share) < 4 * np.sqrt(share * (1 - share) * (1 / n + 1 / 100))
