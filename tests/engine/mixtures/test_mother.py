"""The mother graph separates two nodes exactly where they are independent in the mixture's distribution."""

import itertools

import numpy as np
import pytest

from engine.core import UserError
from engine.graphs import Graph, separated
from engine.mixtures import DagMixture, mother_graph
from tests.engine.mixtures.drawn import mixture_of, random_mixtures
from tests.graphs import conditioning_sets


def probabilities(mixture, rng):
    """Draw the (2,) * p table of a mixture on nodes with two values; only varying nodes have another table in each component."""
    p, total = mixture.p, 0.0
    shared = [rng.uniform(0.1, 0.9, (2,) * p) for _ in range(p)]
    for weight, graph in zip(rng.dirichlet(np.full(len(mixture.components), 5)), mixture.components, strict=True):
        table = np.full((2,) * p, weight)
        for i, node in enumerate(mixture.nodes):
            one = rng.uniform(0.1, 0.9, (2,) * p) if node in mixture.varying else shared[i]
            one = one[tuple(slice(None) if graph.directed[k, i] else slice(0, 1) for k in range(p))]  # a function of the parents
            value = np.arange(2).reshape([2 if k == i else 1 for k in range(p)])
            table = table * np.where(value == 1, one, 1 - one)
        total = total + table
    return total


def dependence(table, i, j, given):
    """Return the largest |P(i, j, s) P(s) - P(i, s) P(j, s)|."""
    joint = table.sum(axis=tuple(k for k in range(table.ndim) if k not in (i, j, *given)), keepdims=True)
    left, right = joint.sum(axis=j, keepdims=True), joint.sum(axis=i, keepdims=True)
    return np.abs(joint * joint.sum(axis=(i, j), keepdims=True) - left * right).max()


@pytest.mark.parametrize("mixture", random_mixtures(60, (3, 4, 5), ordered=None))
def test_separated_exactly_where_independent(mixture):
    table = probabilities(mixture, np.random.default_rng(0))
    assert table.sum() == pytest.approx(1)
    for i, j in itertools.combinations(range(mixture.p), 2):
        for given in conditioning_sets(mixture.p, i, j):
            assert mixture.separation.separated(i, j, given) == (dependence(table, i, j, given) < 1e-10)


@pytest.mark.parametrize("mixture", random_mixtures(30, (4,), ordered=None, seed=1))
def test_all_copies_are_separated_by_all_copies(mixture):
    mother, numbers = mother_graph(mixture), range(1, len(mixture.components) + 1)
    for i, j in itertools.combinations(range(4), 2):
        for given in conditioning_sets(4, i, j):
            a, b, z = ([f"{mixture.nodes[k]} ({n})" for k in some for n in numbers] for some in ((i,), (j,), given))
            assert mixture.separation.separated(i, j, given) == separated(mother, a, b, z)


def test_the_copies_and_the_label():
    mother = mother_graph(mixture_of("AB", "AB", "", varying="A"))
    assert set(map(str, mother.edges())) == {"A (1) --> B (1)", *(f"y --> {node} ({k})" for node in "AB" for k in (1, 2))}


def test_nodes_whose_parents_differ_vary_and_others_as_told():
    assert mixture_of("ABCD", "AB CD", "CD").varying == ("B",)
    assert mixture_of("ABCD", "AB CD", "CD", varying="DB").varying == ("B", "D")


def test_components_are_brought_into_one_order():
    one, other = Graph.from_edges("ABC", ["A --> B"]), Graph.from_edges("CBA", ["A --> B"])
    assert DagMixture([one, other]) == DagMixture([one, one])


def test_the_label_takes_a_name_that_is_free():
    assert mixture_of("xy", "xy", "").label == "y'"


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ([Graph.empty("AB")], "at least two"),
        ([Graph.empty("AB"), Graph.empty("AC")], "'B' is not a node of both component 1 and component 2"),
        ([Graph.empty("AB"), Graph.from_edges("AB", ["A <-> B"])], "Component 2 is not a DAG"),
    ],
)
def test_what_is_no_mixture(components, message):
    with pytest.raises(UserError, match=message):
        DagMixture(components)
    with pytest.raises(UserError, match="'Z' is not a node"):
        DagMixture([Graph.empty("AB")] * 2, ["Z"])
