"""A CPDAG has an arrow exactly where all DAGs with the same separations (and invariances) agree."""

import itertools
import time
from collections import defaultdict

import numpy as np
import pytest

from engine.core import UserError
from engine.graphs import Graph, Mark, cpdag_of, dag_of, interventional_cpdag_of, markov_equivalent, meek
from tests.graphs import all_dags, random_dag, random_dags, separations


def classes(dags, model):
    """Group DAGs that say the same."""
    found = defaultdict(list)
    for dag in dags:
        found[model(dag)].append(dag)
    return list(found.values())


def union(dags):
    """An arrow where all DAGs agree, a line elsewhere."""
    return Graph.from_directed(dags[0].nodes, np.any([dag.directed for dag in dags], axis=0), "cpdag")


@pytest.fixture(scope="module")
def markov_classes():
    return {p: classes(all_dags(p), separations) for p in range(1, 5)}


def with_regimes(dag, targets):
    """The DAG with one parentless node per regime pointing at its targets: its separations are independences and invariances."""
    p, k = dag.p, len(targets)
    arrows = np.zeros((p + k, p + k), dtype=bool)
    arrows[:p, :p] = dag.directed
    for n, goal in enumerate(targets.values()):
        arrows[p + n, [dag.index(name) for name in goal]] = True
    return Graph.from_directed([*dag.nodes, *targets], arrows)


def test_the_number_of_classes_is_the_known_one(markov_classes):
    # Gillispie and Perlman 2002, table 1
    assert [len(markov_classes[p]) for p in range(1, 5)] == [1, 2, 11, 185]


@pytest.mark.parametrize("p", [1, 2, 3, 4])
def test_every_class(p, markov_classes):
    for members in markov_classes[p]:
        truth = union(members)
        for dag in members:
            assert cpdag_of(dag) == truth
        assert dag_of(truth) in members


def test_equivalence_of_every_pair_on_three_nodes(markov_classes):
    labelled = [(n, dag) for n, members in enumerate(markov_classes[3]) for dag in members]
    for (m, a), (n, b) in itertools.combinations(labelled, 2):
        assert markov_equivalent(a, b) == (m == n)


TARGETS = [
    {"one": ["X1"]},
    {"two": ["X2"], "three": ["X3"]},
    {"pair": ["X1", "X2"]},
    {"pair": ["X2", "X3"], "one": ["X3"]},
]


@pytest.mark.parametrize("targets", TARGETS, ids=str)
@pytest.mark.parametrize("p", [3, 4])
def test_every_interventional_class(p, targets):
    for members in classes(all_dags(p), lambda dag: separations(with_regimes(dag, targets))):
        truth = union(members)
        for dag in members:
            assert interventional_cpdag_of(dag, targets | {"unknown": None, "obs": ()}) == truth


def test_single_targets_elsewhere_follow_by_renaming():
    turned = {"X1": "X4", "X4": "X1"}
    for dag in itertools.islice(all_dags(4), 0, None, 5):
        there = dag.relabel(turned)
        assert interventional_cpdag_of(there, {"k": ["X4"]}).relabel(turned) == interventional_cpdag_of(dag, {"k": ["X1"]})


def test_knowledge_narrows_the_class_as_brute_force_does(markov_classes):
    for members in markov_classes[4]:
        if len(members) == 1:
            continue
        for dag in members[:2]:
            lines = [
                (e.source, e.target) for e in dag.edges() if cpdag_of(dag).marks[dag.index(e.target), dag.index(e.source)] == Mark.TAIL
            ]
            for known in itertools.chain(itertools.combinations(lines, 1), itertools.combinations(lines, 2)):
                fitting = [other for other in members if all(other.directed[other.index(a), other.index(b)] for a, b in known)]
                assert cpdag_of(dag, knowledge=known) == union(fitting)


def test_knowledge_against_the_graph_is_refused():
    dag = Graph.from_edges("ABC", ["A --> B"])
    with pytest.raises(UserError, match="A --> B"):
        cpdag_of(dag, knowledge=[("B", "A")])
    assert cpdag_of(dag, knowledge=[("A", "C")]) == cpdag_of(dag)


def test_each_rule_of_meek():
    cases = [
        (["A --> B", "B --- C"], "B --> C"),
        (["A --> B", "B --> C", "A --- C"], "A --> C"),
        (["A --- B", "A --- C", "A --- D", "C --> B", "D --> B"], "A --> B"),
        (["A --- B", "A --- C", "A --- D", "C --> D", "D --> B"], "A --> B"),
    ]
    for edges, expected in cases:
        graph = Graph.from_edges("ABCD", edges)
        assert expected in Graph(graph.nodes, meek(graph.marks), "cpdag").edge_frame()["edge"].tolist()


@pytest.mark.parametrize("dag", random_dags(40, nodes=range(5, 30), degree=3), ids=lambda g: f"p{g.p}")
def test_random_dags(dag):
    cpdag = cpdag_of(dag)
    member = dag_of(cpdag)
    assert (member.v_structures(), member.n_edges) == (dag.v_structures(), dag.n_edges)
    assert cpdag_of(member) == cpdag
    assert np.array_equal(meek(cpdag.marks), cpdag.marks)
    shuffled = list(np.random.default_rng(dag.p).permutation(dag.nodes))
    assert cpdag_of(dag.subgraph(shuffled)).subgraph(dag.nodes) == cpdag


def test_each_line_goes_both_ways_in_some_member():
    """What brute force says on four nodes, on more: a line of the CPDAG turned either way still has a DAG without new v-structure."""
    for dag in random_dags(15, nodes=[8], degree=3, seed=9):
        cpdag = cpdag_of(dag)
        for i, j in np.argwhere(cpdag.undirected):
            marks = cpdag.marks.copy()
            marks[i, j], marks[j, i] = Mark.ARROW, Mark.TAIL
            member = dag_of(Graph(dag.nodes, marks, "cpdag"))
            assert member.directed[i, j]
            assert cpdag_of(member) == cpdag


def test_graphs_without_a_dag_are_named():
    square = Graph.from_edges("ABCD", ["A --- B", "B --- C", "C --- D", "D --- A"])
    with pytest.raises(UserError, match="No DAG"):
        dag_of(square)
    with pytest.raises(UserError, match="No DAG"):
        dag_of(Graph.from_edges("ABCD", ["A --> B", "B --- C", "D --> C"]))
    with pytest.raises(UserError, match="arrows and lines"):
        dag_of(Graph.from_edges("AB", ["A o-> B"]))
    with pytest.raises(UserError, match="not of a UG"):
        cpdag_of(square)


@pytest.mark.parametrize("degree", [2, 6])
def test_a_thousand_nodes_take_less_than_a_third_of_a_second(degree):
    dag = random_dag(1000, degree, np.random.default_rng(0))
    cpdag_of(dag)
    started = time.process_time()
    cpdag_of(dag)
    assert time.process_time() - started < 0.3
