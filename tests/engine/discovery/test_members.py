"""The best member of a class is the best of all its DAGs, and a class too large to weigh says so."""

import random

import numpy as np
import pytest

from engine.discovery import members
from engine.discovery.members import BestMember
from engine.discovery.reversals import Dag
from engine.graphs import Graph, cpdag_of
from engine.graphs.bitsets import rows
from tests.graphs import all_dags, random_dags


def every_member(dag):
    """Visit every DAG of the class by covered reversals."""
    seen, waiting = {}, [dag.directed]
    while waiting:
        arrows = waiting.pop()
        if arrows.tobytes() in seen:
            continue
        seen[arrows.tobytes()] = Dag(arrows).parents
        for move in Dag(arrows).covered():
            neighbour = Dag(arrows)
            neighbour.reverse(move.i, move.j)
            waiting.append(neighbour.arrows)
    return list(seen.values())


def finder(dag, cost):
    cpdag = cpdag_of(dag)
    return BestMember(rows(cpdag.undirected), rows(cpdag.directed.T), cost)


@pytest.mark.parametrize("dags", [random_dags(100, range(3, 8), 3, seed=1), list(all_dags(4))[::7]], ids=["random", "all on four nodes"])
def test_best_of_all_members(dags):
    draw, costs = random.Random(0), {}

    def cost(i, parents):
        return costs.setdefault((i, parents), draw.randint(0, 3))

    for dag in dags:
        costs.clear()
        total, parents = finder(dag, cost).find()
        every = every_member(dag)
        assert parents in every, dag
        assert total == sum(map(cost, range(dag.p), parents)) == min(sum(map(cost, range(dag.p), member)) for member in every), dag


def test_a_cut_search_still_returns_a_member(monkeypatch):
    monkeypatch.setattr(members, "LIMIT", 3)
    complete = Graph.from_directed("ABCDEF", np.triu(np.ones((6, 6)), 1))
    found = finder(complete, lambda i, parents: i)
    assert found.find()[1] in every_member(complete)
    assert not found.is_exact
