"""The cost of every place is that of the whole order; moving variables never makes an order worse and mostly makes its graph sparser."""

import numpy as np
import pytest

from engine.core import Context
from engine.discovery.best_places import _Places, improved_order
from engine.discovery.knowledge import Knowledge
from engine.discovery.orders import critical_values, imap_arrows, order_correlations
from engine.independence import FisherZ
from tests.engine.discovery.test_pc import samples
from tests.graphs import random_dag


def drawn(p, degree, seed, rows=300):
    frame = samples(random_dag(p, degree, np.random.default_rng(seed)), rows, seed)
    return FisherZ.of(frame.columns, frame.to_numpy(), 1e-2)


def cost(order, test):
    """Add up the costs of all pairs of an order by their definition."""
    r, critical = order_correlations(np.array(order)[None], test)[0], critical_values(test)
    return sum(min(1.0, (r[i, k] / critical[k - 1]) ** 2) for k in range(1, test.p) for i in range(k))


@pytest.mark.parametrize("p", [2, 3, 8])
def test_the_cost_of_each_place_is_that_of_the_order(p):
    test = drawn(p, 2, p)
    order = np.random.default_rng(p).permutation(p).tolist()
    variable, others = order[0], order[1:]
    expected = [cost([*others[:x], variable, *others[x:]], test) for x in range(p)]
    assert np.allclose(_Places(test).costs(variable, np.array(others)), expected)


def test_orders_get_better_and_their_graphs_sparser():
    before, after = [], []
    for seed in range(5):
        test = drawn(12, 3, seed, rows=3000)
        order = np.random.default_rng(100 + seed).permutation(12)  # not the one that the graph was drawn with
        better = improved_order(order, test, Knowledge.none(test.nodes), Context.silent(seed))
        assert sorted(better.tolist()) == list(range(12))
        assert cost(better, test) <= cost(order, test)
        before.append(int(imap_arrows(order, test).sum()))
        after.append(int(imap_arrows(better, test).sum()))
    assert sum(after) < 0.8 * sum(before)
