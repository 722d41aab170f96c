"""The way that is shown is the best of all ways, found one by one, and its weakest link is named."""

import itertools

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.repurposing.ranking.explain import explain, nearest, widest

NODES = "ABCDEFG"


def drawn(seed):
    rng = np.random.default_rng(seed)
    pairs = [pair for pair in itertools.combinations(NODES, 2) if rng.random() < 0.35]
    return pairs, rng.random(len(pairs)), frozenset(rng.choice(list(NODES[1:]), 2, replace=False))


def ways(pairs, directed):
    """Yield every simple way from A."""
    steps = set(pairs) if directed else {pair for a, b in pairs for pair in ((a, b), (b, a))}
    for length in range(1, len(NODES) + 1):
        for way in itertools.permutations(NODES[1:], length - 1):
            links = list(itertools.pairwise(("A", *way)))
            if all(link in steps for link in links):
                yield links


@pytest.mark.parametrize("seed", range(8))
def test_no_way_is_cheaper(seed):
    pairs, costs, goals = drawn(seed)
    cost = {frozenset(pair): value for pair, value in zip(pairs, costs, strict=True)}
    frame = pd.DataFrame(pairs, columns=["protein1", "protein2"]).assign(cost=costs)
    every = [sum(cost[frozenset(link)] for link in way) for way in ways(pairs, directed=False) if way and way[-1][1] in goals]
    found = nearest("A", goals, frame)
    assert (found is None) == (not every)
    if found is not None:
        assert sum(link[3] for link in found) == pytest.approx(min(every))
        assert found[-1][1] in goals


@pytest.mark.parametrize("seed", range(8))
def test_no_way_has_a_stabler_weakest_edge(seed):
    pairs, shares, goals = drawn(seed)
    share = dict(zip(pairs, shares, strict=True))
    frame = pd.DataFrame(pairs, columns=["source", "target"]).assign(stability=shares)
    every = [min(share[link] for link in way) for way in ways(pairs, directed=True) if way and way[-1][1] in goals]
    found = widest("A", goals, frame)
    assert (found is None) == (not every)
    if found is not None:
        assert min(link[3] for link in found) == pytest.approx(max(every))


RANKING = pd.DataFrame({"drug": ["aspirin"] * 2, "gene": ["A", "B"], "affinity": [8.0, np.nan]})
EDGES = pd.DataFrame({"protein1": ["A", "C"], "protein2": ["C", "D"], "cost": [0.2, 0.7]})
CAUSAL = pd.DataFrame({"source": ["A", "B"], "target": ["B", "D"], "stability": [0.9, 0.35]})


def test_the_weakest_link_is_named():
    found = explain("aspirin", "A", RANKING, EDGES, frozenset("D"), CAUSAL)
    assert found.steps[found.steps["is_weakest"]][["way", "from", "to"]].values.tolist() == [
        ["interactome", "C", "D"],
        ["causal", "B", "D"],
    ]
    assert "aspirin - A - C - D: D is changed by the disease. The weakest link is C - D (cost 0.7)." in found.sentence
    assert "The weakest link is B - D (stability 0.35)" in found.sentence


def test_a_terminal_is_reached_by_the_drug_itself():
    found = explain("aspirin", "A", RANKING, EDGES, frozenset("A"), CAUSAL.iloc[:0])
    assert found.steps[["from", "to", "value"]].values.tolist() == [["aspirin", "A", 8.0]]


def test_no_way_and_no_affinity_are_said():
    found = explain("aspirin", "B", RANKING, EDGES, frozenset("D"), CAUSAL)
    assert "No path of the interactome leads from B" in found.sentence
    assert list(found.steps["way"].unique()) == ["causal"]
    none = explain("aspirin", "B", RANKING, EDGES, frozenset("X"), CAUSAL)
    assert none.steps.empty
    assert "No directed path" in none.sentence


def test_an_unknown_pair_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="holds no pair") as caught:
        explain("aspirin", "Z", RANKING, EDGES, frozenset("D"), CAUSAL)
    assert "A, B" in caught.value.fix
