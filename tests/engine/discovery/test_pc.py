"""pc finds the exact class under an oracle, does not depend on the order of the columns, and says when tests contradict each other."""

import itertools
import time

import numpy as np
import pandas as pd
import pytest

from engine.core import Cancelled, Context
from engine.discovery.pc import PcParams, oriented, pc
from engine.discovery.skeleton import Separators, questions
from engine.graphs import Graph, cpdag_of, shd, skeleton_scores
from engine.independence import FisherZ, IndependenceTest, Oracle
from tests.graphs import random_dag, random_dags

COLLIDER = Graph.from_edges("ABC", ["A --> C", "B --> C"])


def samples(dag, n, seed=0):
    """Draw n rows of a linear Gaussian model with unit noise."""
    rng = np.random.default_rng(seed)
    weights = dag.directed * rng.uniform(0.4, 1, (dag.p, dag.p)) * rng.choice([-1, 1], (dag.p, dag.p))
    noise = rng.standard_normal((n, dag.p))
    return pd.DataFrame(noise @ np.linalg.inv(np.eye(dag.p) - weights), columns=dag.nodes)


class Scripted(IndependenceTest):
    """Answers from a table of p-values: (names of the pair, names given) -> p; dependent where nothing is written."""

    name = "scripted"

    def __init__(self, nodes, answers):
        super().__init__(nodes, 100, 0.05, "scripted")
        self.table = {(frozenset(pair), frozenset(given)): p for pair, given, p in answers}

    def answers(self, i, j, given):
        keys = [
            (frozenset((self.nodes[a], self.nodes[b])), frozenset(self.nodes[k] for k in s)) for a, b, s in zip(i, j, given, strict=True)
        ]
        p_values = np.array([self.table.get(key, 0.0) for key in keys])
        return p_values, p_values


@pytest.mark.parametrize("dag", list(random_dags(n=200, nodes=range(4, 11))), ids=str)
def test_exact_class_under_an_oracle(dag, run):
    assert run("pc", Oracle(dag)).graph == cpdag_of(dag)


@pytest.mark.parametrize("dag", list(random_dags(n=10, nodes=(8, 9), degree=4, seed=3)), ids=str)
def test_exact_class_of_dense_graphs(dag, run):
    assert run("pc", Oracle(dag)).graph == cpdag_of(dag)


@pytest.mark.parametrize("order", list(itertools.permutations("ABC")))
def test_collider_is_found_in_every_order_of_the_columns(order, run):
    assert run("pc", Oracle(COLLIDER.subgraph(order))).graph == cpdag_of(COLLIDER).subgraph(order)


@pytest.mark.parametrize("seed", range(5))
def test_permuting_columns_permutes_the_graph(seed, run):
    # few rows, so that tests contradict each other and ties and conflicts occur
    frame = samples(random_dag(12, 3, np.random.default_rng(seed)), 80, seed)
    graph = run("pc", frame, alpha=0.05).graph
    for again in range(3):
        columns = np.random.default_rng(again).permutation(frame.columns)
        assert run("pc", frame[columns], alpha=0.05).graph == graph.subgraph(columns)


def test_permuting_discrete_columns_permutes_the_graph(run):
    frame = (samples(random_dag(8, 3, np.random.default_rng(2)), 150) > 0).astype(str)
    graph = run("pc", frame, alpha=0.1).graph
    columns = frame.columns[::-1]
    assert run("pc", frame[columns], alpha=0.1).graph == graph.subgraph(columns)


@pytest.mark.parametrize("order", ["ABCD", "DCBA", "CADB"])
def test_equal_p_values_are_told_apart_by_name(order, run):
    tied = [("AC", "", 0.6), ("BD", "", 0.6), ("AD", "", 0.2)]
    assert set(map(str, run("pc", Scripted(order, tied), alpha=0.05).graph.edges())) >= {"A --> B", "C --> B"}


def test_skeleton_is_that_of_the_plain_algorithm(run):
    frame = samples(random_dag(9, 3, np.random.default_rng(4)), 300)
    assert np.array_equal(run("pc", frame, alpha=0.05).graph.skeleton, plain_skeleton(FisherZ.of(frame.columns, frame.to_numpy(), 0.05)))


def plain_skeleton(test):
    """PC-stable as the paper writes it, one question at a time."""
    adjacent = ~np.eye(test.p, dtype=bool)
    for size in range(test.p):
        frozen = adjacent.copy()
        for i, j in itertools.permutations(range(test.p), 2):
            rest = [k for k in np.flatnonzero(frozen[i]) if k != j]
            if adjacent[i, j] and any(test.independent(i, j, s) for s in itertools.combinations(rest, size)):
                adjacent[i, j] = adjacent[j, i] = False
    return adjacent


def test_questions_of_a_level_are_all_and_each_once():
    rng = np.random.default_rng(0)
    adjacent = np.triu(rng.random((9, 9)) < 0.6, 1)
    adjacent |= adjacent.T
    for size in (1, 2, 3):
        asked = [(a, b, *s) for i, j, given in questions(adjacent, adjacent, size) for a, b, s in zip(i, j, given.tolist(), strict=True)]
        named = [(frozenset(q[:2]), frozenset(q[2:])) for q in asked]
        expected = {
            (frozenset((i, j)), frozenset(s))
            for i, j in np.argwhere(adjacent).tolist()
            for s in itertools.combinations([k for k in np.flatnonzero(adjacent[i]).tolist() if k != j], size)
        }
        assert len(named) == len(set(named)) and set(named) == expected


def test_the_larger_p_value_decides_where_claims_contradict(run):
    # the separations of A, C and of B, D both hold given nothing: A -> B <- C and B -> C <- D cannot both be
    path = [("AC", "", 0.6), ("BD", "", 0.3), ("AD", "", 0.2)]
    result = run("pc", Scripted("ABCD", path), alpha=0.05)
    assert set(map(str, result.graph.edges())) == {"A --> B", "C --> B", "C --- D"}
    assert result.n_conflicts == 1
    assert "contradicted each other in 1 place " in result.provenance.warnings[0]
    turned = run("pc", Scripted("ABCD", [("AC", "", 0.3), ("BD", "", 0.6), ("AD", "", 0.2)]), alpha=0.05)
    assert set(map(str, turned.graph.edges())) == {"A --- B", "B --> C", "D --> C"}


def test_a_result_that_no_dag_can_have_is_called_invalid(run):
    # a cycle of four lines without chord: separations given the two others hold, colliders nowhere
    square = [("AC", "BD", 0.6), ("BD", "AC", 0.6)]
    result = run("pc", Scripted("ABCD", square), alpha=0.05)
    assert result.graph.n_edges == 4 and not result.graph.directed.any()
    assert not result.is_valid
    assert any("not a valid CPDAG" in warning for warning in result.provenance.warnings)
    assert "suggestions only" in result.evidence("A", "B").sentence


def test_directed_cycles_are_undone():
    names = "ABCDEF"
    found = Separators(Oracle(Graph.empty(names)))
    cycle = Graph.from_edges(names, ["A --- B", "B --- C", "C --- A", "D --- B", "E --- C", "F --- A"])
    adjacent = np.array(cycle.skeleton)
    found.ask(~adjacent & ~np.eye(6, dtype=bool), adjacent, 0, Context.silent())
    marks, n_conflicts = oriented(adjacent, found)
    assert n_conflicts > 0
    Graph(tuple(names), marks, "cpdag")


def test_best_separating_set_wins(run):
    # given nothing A and C only just pass; given B they are clearly independent, so B is no collider
    answers = [("AC", "", 0.06), ("AC", "B", 0.9)]
    result = run("pc", Scripted("ABC", answers), alpha=0.05)
    assert set(map(str, result.graph.edges())) == {"A --- B", "B --- C"}
    assert result.separator("A", "C") == ("B",)


def test_largest_conditioning_set(run):
    chain = Graph.from_edges("ABC", ["A --> B", "B --> C"])
    assert run("pc", Oracle(chain), max_given=0).graph.n_edges == 3
    assert run("pc", Oracle(chain), max_given=1).graph.n_edges == 2


def test_sets_too_large_for_the_rows_end_the_search(run):
    class Untestable(Scripted):
        def answers(self, i, j, given):
            statistic, p_values = super().answers(i, j, given)
            return statistic, np.where(given.shape[1] < 2, p_values, np.nan)

    result = run("pc", Untestable("ABCDEFG", []), alpha=0.05)
    assert result.graph.n_edges == 21 and result.trace.sizes == [0, 1, 2]
    n_sets = 21 * 10  # pairs of the five other variables
    assert f"{n_sets} of {len(result.trace)} tests could not be done" in result.provenance.warnings[0]


def test_empty_and_complete_graphs(run):
    assert run("pc", Oracle(Graph.empty("ABCD"))).graph == Graph.empty("ABCD", "cpdag")
    complete = Graph.from_directed("ABCD", np.triu(np.ones((4, 4)), 1))
    assert run("pc", Oracle(complete)).graph.n_edges == 6


def test_progress_early_graphs_and_cancel():
    seen, early = [], []
    context = Context(
        on_progress=lambda fraction, note: seen.append(fraction), on_partial=lambda name, value: early.append((name, value.n_edges))
    )
    dag = random_dag(8, 3, np.random.default_rng(0))
    pc(Oracle(dag), PcParams(), context)
    assert seen == sorted(seen) and len(seen) > 2
    assert [name for name, _ in early] == ["graph"] * len(early) and early[-1][1] == dag.n_edges
    with pytest.raises(Cancelled):
        pc(Oracle(dag), PcParams(), Context(is_cancelled=lambda: True))


def test_a_hundred_variables_in_well_under_a_second(run):
    dag = random_dag(100, 2, np.random.default_rng(0))
    frame = samples(dag, 10_000)
    run("pc", frame.iloc[:, :10])
    started = time.process_time()
    result = run("pc", frame, alpha=1e-3)
    assert time.process_time() - started < 1.5  # 0.2 s on a quiet machine; causal-learn takes 5 s
    assert skeleton_scores(result.graph, dag).f1 > 0.95
    assert shd(result.graph, cpdag_of(dag)) < 0.2 * dag.n_edges
