"""igsp finds the exact interventional class under an oracle, and contradicts just the arrows that the interventions contradict."""

import itertools

import numpy as np
import pytest

from engine.core import Context, UserError
from engine.data import simulate
from engine.discovery import igsp as module
from engine.discovery.igsp import IgspParams, _Directions, igsp
from engine.discovery.knowledge import Knowledge
from engine.graphs import Graph, dag_of, interventional_cpdag_of
from engine.graphs.bitsets import rows
from engine.independence import InterventionalOracle
from tests.engine.discovery.test_utigsp import CHAIN, cases, chain_data


@pytest.mark.parametrize("single", [True, False], ids=["one target each", "several targets"])
def test_exact_class_under_an_oracle(single, run):
    for dag, drawn in cases(100, seed=1):
        targets = {regime: goal[:1] for regime, goal in drawn.items()} if single else drawn
        result = run("igsp", InterventionalOracle(dag, targets))
        assert result.graph == interventional_cpdag_of(dag, targets), (dag, targets)
        assert result.targets == {regime: list(goal) for regime, goal in targets.items()}
        assert result.n_conflicts == 0


def test_the_walk_of_the_authors_is_nearly_always_exact(run):
    exact = sum(
        run("igsp", InterventionalOracle(dag, targets), depth=4).graph == interventional_cpdag_of(dag, targets)
        for dag, targets in cases(60, seed=2, degree=3)
    )
    assert exact >= 59


def test_contradicted_arrows_are_those_that_point_the_other_way_and_are_cut():
    for dag, drawn in itertools.chain(cases(30, seed=3, degree=3), cases(30, seed=4)):
        directions = _Directions(InterventionalOracle(dag, drawn), Knowledge.none(dag.nodes), Context.silent())
        around = rows(dag.skeleton)
        for i, j in np.argwhere(dag.skeleton).tolist():
            cut = any((dag.nodes[i] in goal) != (dag.nodes[j] in goal) for goal in drawn.values())
            wrong = not dag.directed[i, j]
            assert directions.contradicted(i, j, around[i], around[j]) == (cut and wrong), (dag, drawn, i, j)


def test_icovered_reversals_keep_what_an_intervention_has_shown():
    pair = Graph.from_edges("AB", ["A --> B"])
    directions = _Directions(InterventionalOracle(pair, {"I": "A"}), Knowledge.none(pair.nodes), Context.silent())
    assert list(directions.icovered(module.Dag(pair.directed))) == []
    assert [(move.i, move.j) for move in directions.icovered(module.Dag(pair.directed.T))] == [(1, 0)]


def test_regimes_without_known_targets_are_left_out_and_named(run):
    result = run("igsp", InterventionalOracle(CHAIN, {"one": "A", "two": "C"}, known={"one": ("A",), "two": None}))
    assert result.graph == interventional_cpdag_of(CHAIN, {"one": "A"})
    assert any("unknown, so they were not used: two" in warning for warning in result.provenance.warnings)
    with pytest.raises(UserError, match="No regime has known targets") as problem:
        run("igsp", InterventionalOracle(CHAIN, {"one": "A"}, known={}))
    assert "UT-IGSP" in problem.value.fix


def test_off_targets_are_shown_although_they_are_not_used(run):
    result = run("igsp", InterventionalOracle(CHAIN, {"drug": "BE"}, known={"drug": ("B",)}))
    assert result.off_targets == {"drug": ["E"]}
    assert result.targets == {"drug": ["B"]}


def test_a_node_with_very_many_neighbours_is_judged_by_small_sets(run, monkeypatch):
    monkeypatch.setattr(module, "MOST_SETS", 8)
    star = Graph.from_edges("HABCDE", [f"H --> {leaf}" for leaf in "ABCDE"])
    result = igsp(InterventionalOracle(star, {"I": "HA", "J": "BC"}), IgspParams(), Context.silent())
    assert dag_of(result.graph).n_edges == 5
    context = Context.silent()
    igsp(InterventionalOracle(star, {"I": "HA", "J": "BC"}), IgspParams(), context)
    assert any("sets of neighbours of H" in warning for warning in context.warnings)


def test_simulated_interventions(run):
    data = simulate("interventions", p=8, n=2000, low=0.6, known=2, unknown=0, settings=3, seed=1)
    result = run("igsp", data, alpha=1e-5)
    dag = Graph.from_dict(data.truth["graph"])
    assert result.graph == interventional_cpdag_of(Graph(dag.nodes, dag.marks, "dag"), data.truth["targets"])


def test_a_shift_directs_the_chain(run):
    result = run("igsp", chain_data(shifts={"I1": {"B": 2.0}}, I1=("B",)))
    assert [str(edge) for edge in result.graph.edges()] == ["A --> B", "B --> C", "C --> D"]
