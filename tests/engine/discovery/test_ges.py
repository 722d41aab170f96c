"""ges is exact under an oracle; its moves between classes are those that the DAGs of the classes allow."""

import functools
import itertools

import numpy as np
import pytest

from engine.core import Cancelled, Context
from engine.discovery.ges import EquivalenceClass, backward, ges, search
from engine.discovery.scored import ScoredParams
from engine.discovery.scores import OracleScore, score_of
from engine.graphs import Graph, cpdag_of
from engine.graphs.bitsets import members, rows
from engine.graphs.graph import ancestors
from engine.independence import Oracle
from tests.engine.discovery.test_gsp import fisher, gaussian
from tests.graphs import all_dags, random_dag, random_dags


def class_of(dag):
    return EquivalenceClass.of(rows(dag.directed.T))


@pytest.mark.parametrize(("degree", "n"), [(2, 100), (4, 30)])
def test_exact_class_under_an_oracle(degree, n, run):
    for dag in random_dags(n=n, nodes=range(4, 11), degree=degree):
        assert run("ges", Oracle(dag)).graph == cpdag_of(dag), dag


def test_the_backward_phase_finds_the_class_from_any_larger_dag():
    context = Context.silent()
    for seed, dag in enumerate(random_dags(n=40, nodes=range(4, 9), degree=3, seed=1)):
        score = OracleScore(dag, list(range(dag.p)))
        order = np.random.default_rng(seed).permutation(dag.p)
        complete = np.zeros((dag.p, dag.p), dtype=bool)
        complete[np.ix_(order, order)] = np.triu(np.ones((dag.p, dag.p), bool), 1)
        ended = backward(class_of(Graph.from_directed(dag.nodes, complete)), score, context)
        assert ended.graph(dag.nodes) == cpdag_of(dag)


def test_classes_are_cpdags_and_have_members():
    for dag in all_dags(5, every=397):
        found = class_of(dag)
        assert found.graph(dag.nodes) == cpdag_of(dag)
        assert class_of(dag) == EquivalenceClass.of(found.member())


@functools.cache
def members_of_classes(p):
    """Return each class of DAGs on p nodes with its DAGs."""
    found: dict[Graph, list[Graph]] = {}
    for dag in all_dags(p):
        found.setdefault(cpdag_of(dag), []).append(dag)
    return found


def removed(dag):
    """Yield the DAG without each of its arrows."""
    for i, j in np.argwhere(dag.directed):
        arrows = dag.directed.copy()
        arrows[i, j] = False
        yield Graph.from_directed(dag.nodes, arrows)


def added(dag):
    """Yield the DAG with each further arrow that makes no cycle."""
    ancestor = ancestors(dag.directed)
    for i, j in np.argwhere(~dag.skeleton & ~ancestor.T):
        arrows = dag.directed.copy()
        arrows[i, j] = True
        yield Graph.from_directed(dag.nodes, arrows)


def test_deletions_are_those_of_the_dags_of_a_class():
    for cpdag, dags in members_of_classes(4).items():
        reachable = {cpdag_of(other) for dag in dags for other in removed(dag)}
        now = class_of(dags[0])
        made = set()
        for y in range(4):
            for x in members(now.parents[y] | now.lines[y]):
                near = now.lines[y] & now.joined[x]
                for kept in now.cliques(near):
                    made.add(now.deleted(x, y, near & ~kept).graph(cpdag.nodes))
        assert made == reachable


def test_insertions_are_those_of_the_dags_of_a_class():
    for cpdag, dags in members_of_classes(4).items():
        reachable = {cpdag_of(other) for dag in dags for other in added(dag)}
        now = class_of(dags[0])
        made = set()
        for x, y in itertools.permutations(range(4), 2):
            if now.joined[x] >> y & 1:
                continue
            for clique in now.cliques(now.lines[y]):
                if not now.lines[y] & now.joined[x] & ~clique and now.blocked(y, x, clique):
                    made.add(now.inserted(x, y, clique).graph(cpdag.nodes))
        assert made == reachable


@pytest.mark.parametrize("seed", range(6))
def test_every_step_is_the_best_there_is(seed):
    """Walk by brute force over the DAGs of each class; the search ends in the same class."""
    test = fisher(gaussian(random_dag(4, 2.5, np.random.default_rng(seed)), n=200, seed=seed))
    score = score_of(test, 1.0)

    def total(dag):
        parents = [np.flatnonzero(column)[None] for column in dag.directed.T]
        return sum(float(score.fit(np.array([j]), chosen).score[0]) for j, chosen in enumerate(parents))

    dags = members_of_classes(4)
    now = cpdag_of(Graph.empty(test.nodes))
    for change in (added, removed):
        while True:
            near = {cpdag_of(other): total(other) for dag in dags[now] for other in change(dag)}
            best = max(near, key=near.__getitem__, default=now)
            if near.get(best, -np.inf) <= total(dags[now][0]) + score.tolerance:
                break
            now = best
    assert search(test, ScoredParams(penalty=1.0), Context.silent()).graph == now


def test_cancel():
    with pytest.raises(Cancelled):
        ges(Oracle(random_dag(4, 2, np.random.default_rng(0))), ScoredParams(), Context(is_cancelled=lambda: True))
