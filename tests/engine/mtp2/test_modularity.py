"""Modularity of given groups is that of networkx, whatever the weights, the diagonal and the names of the groups."""

import math

import networkx as nx
import numpy as np
import pytest

from engine.core import UserError
from engine.mtp2.modularity import modularity


@pytest.mark.parametrize("seed", range(20))
def test_same_as_networkx(seed):
    rng = np.random.default_rng(seed)
    p = int(rng.integers(3, 30))
    upper = np.triu(rng.random((p, p)) < rng.uniform(0.1, 0.9), 1)
    upper[0, 1] = True
    adjacency = upper | upper.T
    groups = rng.choice(["Energy", "Banks", "Utilities", "Tech"], p)
    communities = [set(np.flatnonzero(groups == name)) for name in np.unique(groups)]
    assert modularity(adjacency, groups) == pytest.approx(nx.community.modularity(nx.from_numpy_array(adjacency), communities), abs=1e-12)
    weighted = np.where(adjacency, rng.uniform(-2, -1, (p, p)), 0.0) + np.eye(p)
    assert modularity(weighted, list(groups)) == modularity(adjacency, groups)


def test_two_cliques_and_one_group():
    cliques = np.kron(np.eye(2), np.ones((4, 4))) > 0
    assert modularity(cliques, "aaaabbbb") == pytest.approx(0.5)
    assert modularity(cliques, "aaaaaaaa") == pytest.approx(0)
    assert modularity(np.eye(2) == 0, "ab") == pytest.approx(-0.5)


def test_no_edge_has_no_modularity_and_groups_must_fit():
    assert math.isnan(modularity(np.zeros((3, 3), bool), "abc"))
    with pytest.raises(UserError, match="2 groups are given for 3 nodes"):
        modularity(np.zeros((3, 3), bool), "ab")
