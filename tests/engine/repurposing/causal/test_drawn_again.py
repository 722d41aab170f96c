"""The ranges of redrawn networks are those of chance: none where all subsamples agree, a binomial's where one edge varies."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import binom

from engine.repurposing.causal.consensus import consensus, stability_of
from engine.repurposing.causal.drawn_again import drawn_again
from engine.repurposing.causal.selection import Search, Tally

GENES = ("A", "B", "C")
SEARCH = Search(
    values=np.zeros((20, 3)), allowed=(1 - np.eye(3)).astype(np.uint8), is_terminal=np.array([False, False, True]), levels=(0.1,), rows=14,
    starts=1, depth=1, correlation="pearson", seed=0,
)  # fmt: skip


def parts_of(tables):
    """Return one tally of one subsample for each (3, 3) table of entries."""
    empty = Tally.empty(SEARCH)
    return [dataclasses.replace(empty, n=1, entries=np.array(table)[SEARCH.pairs][None].astype(np.int64)) for table in tables]


def again(parts, threshold):
    total = sum(parts, Tally.empty(SEARCH))
    graph, _ = consensus(GENES, SEARCH.table(stability_of(total.shares)), threshold)
    return graph, *drawn_again(SEARCH, parts, graph, threshold)


def test_where_all_subsamples_agree_nothing_moves():
    chain = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    _, ranges, comes_back = again(parts_of([chain] * 10), 0.3)
    assert ranges["descendants_low"].tolist() == ranges["descendants_high"].tolist() == [2, 1, 0]
    assert ranges["terminal_descendants_low"].tolist() == ranges["terminal_descendants_high"].tolist() == [1, 1, 0]
    assert comes_back.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("seen", [12, 16, 20])
def test_an_edge_comes_back_as_often_as_a_binomial_exceeds_the_threshold(seen):
    joined, apart = [[0, 1, 0], [0, 0, 0], [0, 0, 0]], np.zeros((3, 3), int)
    _, ranges, comes_back = again(parts_of([joined] * seen + [apart] * (40 - seen)), 0.25)
    expected = binom.sf(10, 40, seen / 40)  # more than 0.25 * 40
    assert comes_back[0, 1] == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 100))
    assert ranges["descendants_low"][0] == (0 if expected < 0.9 else 1)
    assert ranges["descendants_high"][0] == 1


def test_few_parts_say_nothing():
    _, ranges, comes_back = again(parts_of([np.zeros((3, 3), int)] * 9), 0.3)
    assert ranges.isna().all(axis=None)
    assert np.isnan(comes_back).all()
