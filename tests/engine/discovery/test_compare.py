"""Comparing two results names, for each pair that differs, the test that made the difference."""

import numpy as np
import pytest

from engine.core import UserError
from engine.discovery.compare import compare
from engine.graphs import Graph, differences
from engine.independence import Oracle
from tests.engine.discovery.test_pc import Scripted, samples
from tests.graphs import random_dag


def test_the_same_result_has_no_differences(run):
    result = run("pc", samples(random_dag(6, 2, np.random.default_rng(0)), 200))
    assert compare(result, result).empty


def test_an_edge_that_alpha_removed(run):
    answers = [("AB", "", 0.01)]
    loose, strict = run("pc", Scripted("AB", answers), alpha=0.05), run("pc", Scripted("AB", answers), alpha=0.001)
    (row,) = compare(loose, strict).to_dict("records")
    assert (row["pair"], row["given"], row["change"]) == ("A and B", (), "removed")
    assert (row["p_first"], row["p_second"]) == (0.01, 0.01)
    assert (row["decision_first"], row["decision_second"]) == ("dependent", "independent")
    assert row["reason"] == (
        "A and B given nothing: dependent (p = 0.01, alpha = 0.05) in the first run, independent (p = 0.01, alpha = 0.001) in the second."
    )


def test_a_turned_edge_names_the_test_of_the_outer_pair(run):
    chain = run("pc", Scripted("ABC", [("AC", "B", 0.4)]), alpha=0.05)
    collider = run("pc", Scripted("ABC", [("AC", "", 0.3)]), alpha=0.05)
    table = compare(chain, collider)
    assert table["change"].tolist() == ["marks", "marks"]
    assert set(table["pair"]) == {"A and C"}
    assert "separated best by {B} in the first run (p = 0.4), by nothing in the second (p = 0.3)" in table["reason"][0]


def test_a_question_that_one_run_never_asked(run):
    some = run("pc", Scripted("ABC", [("AC", "B", 0.4)]), alpha=0.05)
    none = run("pc", Oracle(Graph.empty("ABC")))
    rows = compare(some, none).set_index(["source", "target"])
    assert rows.loc[("A", "B"), "decision_second"] == "independent" and rows.loc[("A", "B"), "decision_first"] == "dependent"


def test_what_only_follows_has_no_test_of_its_own(run):
    tail = [("AD", "C", 0.4), ("BD", "C", 0.4)]
    chain = run("pc", Scripted("ABCD", [("AB", "C", 0.4), *tail]), alpha=0.05)
    collider = run("pc", Scripted("ABCD", [("AB", "", 0.4), *tail]), alpha=0.05)
    assert set(map(str, collider.graph.edges())) == {"A --> C", "B --> C", "C --> D"}
    table = compare(chain, collider).set_index(["source", "target"])
    assert table.loc[("A", "C"), "pair"] == table.loc[("B", "C"), "pair"] == "A and B"
    assert table.loc[("C", "D"), "reason"] == "Follows from the other differences."


@pytest.mark.parametrize("seed", range(4))
def test_every_added_or_removed_edge_has_two_decisions_that_differ_or_a_question_not_asked(run, seed):
    frame = samples(random_dag(8, 3, np.random.default_rng(seed)), 150, seed)
    a, b = run("pc", frame, alpha=0.1), run("pc", frame[frame.columns[::-1]], alpha=0.001)
    table = compare(a, b)
    assert len(table) == len(differences(a.graph, b.graph))
    for row in table[table["change"].isin(["added", "removed"])].itertuples():
        assert row.decision_first != row.decision_second


def test_results_on_other_variables_are_refused(run):
    with pytest.raises(UserError, match="same variables"):
        compare(run("pc", Oracle(Graph.empty("AB"))), run("pc", Oracle(Graph.empty("AC"))))
