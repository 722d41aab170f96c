"""The union graph has every arrow of every component, or the error names the cycle that they close."""

import numpy as np
import pytest

from engine.core import UserError
from engine.mixtures import common_order, union_graph
from tests.engine.mixtures.drawn import mixture_of, random_mixtures


@pytest.mark.parametrize("mixture", random_mixtures(40))
def test_all_arrows_and_all_forward(mixture):
    union, order = union_graph(mixture), common_order(mixture)
    assert np.array_equal(union.directed, np.any([graph.directed for graph in mixture.components], axis=0))
    place = [order.index(node) for node in mixture.nodes]
    assert all(place[i] < place[j] for graph in mixture.components for i, j in np.argwhere(graph.directed))


@pytest.mark.parametrize("mixture", random_mixtures(60, ordered=None, seed=1))
def test_an_order_or_the_name_of_a_cycle(mixture):
    try:
        union_graph(mixture)
    except UserError as error:
        steps = error.message.partition(": ")[2].rstrip(".").split(", ")
        arrows = [step.partition(" in component ")[::2] for step in steps]
        ends = [arrow.split(" -> ") for arrow, _ in arrows]
        assert [b for _, b in ends] == [a for a, _ in ends[1:] + ends[:1]]
        assert all(a in mixture.components[int(k) - 1].parents(b) for (a, b), (_, k) in zip(ends, arrows, strict=True))


def test_two_arrows_against_each_other():
    with pytest.raises(UserError, match="A -> B in component 1, B -> A in component 2"):
        union_graph(mixture_of("ABC", "AB", "BA BC"))
