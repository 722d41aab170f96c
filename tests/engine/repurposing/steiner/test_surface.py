"""The sweep over prices has every network and its exact range: just below and above each breakpoint the solver agrees."""

import numpy as np
import pytest

from engine.core import Context
from engine.repurposing.steiner.surface import (
    hub_curve,
    n_pieces,
    partner_curve,
    prize_curve,
    saturated_b,
    surface_of,
    sweep_of,
    with_partners,
)  # fmt: skip
from tests.engine.repurposing.steiner.test_nulls import NETWORK, PRIZES

PARTNERS = np.arange(NETWORK.n) % 7 == 0


def test_every_row_of_the_surface_is_what_the_solver_finds_on_both_sides():
    graph = NETWORK.graph(0.0)
    sweep = sweep_of(graph, PRIZES)
    surface = surface_of(NETWORK, sweep, PARTNERS)
    assert (surface["w_to"].to_numpy()[:-1] == surface["w"].to_numpy()[1:]).all()
    for row in surface.itertuples():
        low, high = row.w, min(row.w_to, row.w + 0.5)
        for w in (low + 1e-9, (low + high) / 2, high - 1e-9):
            forest = graph.forest(1e3 * PRIZES, w)
            assert (forest.nodes == (sweep.enters <= low)).all()
            assert (row.proteins, row.trees) == (forest.nodes.sum(), forest.n_trees)
            assert row.links == len(NETWORK.within(forest.nodes))
            assert row.partners == (forest.nodes & PARTNERS).sum()
            assert row.pieces == n_pieces(NETWORK.ends, forest.nodes)
    assert sweep.flat_from == surface["w"].iloc[-1]


def test_share_of_w_is_what_a_fine_grid_counts():
    sweep = sweep_of(NETWORK.graph(0.0), PRIZES)
    grid = np.linspace(0.1, 0.9, 8001)
    counted = (sweep.enters[:, None] <= grid).mean(axis=1)
    assert sweep.share(0.1, 0.9) == pytest.approx(counted, abs=2e-4)


def test_above_the_saturated_b_nothing_is_left_out_and_nothing_changes():
    graph = NETWORK.graph(0.0)
    for w in (0.2, 0.6, 1.4):
        b = saturated_b(PRIZES, w)
        forests = [graph.forest(scale * PRIZES, w).nodes for scale in (b, 2 * b, 1e3 * b)]
        assert (forests[0] == forests[1]).all()
        assert (forests[0] == forests[2]).all()
        assert forests[0][PRIZES > 0].all()


def test_curve_over_b_begins_with_nothing_and_ends_with_all_terminals():
    graph = NETWORK.graph(0.0)
    curve = prize_curve(graph, PRIZES, 0.5, Context.silent())
    assert curve["proteins"].iloc[0] == 0
    assert curve["terminals"].iloc[-1] == (PRIZES > 0).sum()
    for row in curve.itertuples():
        assert graph.forest(row.b * PRIZES, 0.5).nodes.sum() == row.proteins


def test_hub_penalties_and_prizes_of_partners():
    chosen = NETWORK.graph(0.0).forest(40 * PRIZES, 1.4).nodes
    hubs, robustness = hub_curve(NETWORK, PRIZES, 1.4, 40.0, chosen)
    assert hubs.loc[hubs["g"] == 0, "shared"].tolist() == [1.0]
    assert (robustness[PRIZES > 0] == 1).all()
    for row in hubs.itertuples():
        nodes = NETWORK.graph(None if np.isnan(row.g) else row.g).forest(40 * PRIZES, 1.4).nodes
        assert row.proteins == nodes.sum()
        assert row.shared == pytest.approx((nodes & chosen).sum() / (nodes | chosen).sum())
    curve = partner_curve(NETWORK, NETWORK.graph(0.0), PRIZES, PARTNERS, 1.4, 40.0)
    assert curve["proteins"].iloc[0] == chosen.sum()
    assert curve["partners"].iloc[0] == (chosen & PARTNERS).sum()
    paid = with_partners(PRIZES, PARTNERS, 0.5)
    assert (paid[PARTNERS & (PRIZES == 0)] == 0.5).all()
    assert (paid[~PARTNERS | (PRIZES > 0)] == PRIZES[~PARTNERS | (PRIZES > 0)]).all()
