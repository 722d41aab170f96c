"""A graph result says why two variables are joined or not, in words that claim no more than the class of the graph holds."""

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import Result, UserError
from engine.discovery.result import GraphResult, meaning_of, p_text, set_text
from engine.graphs import Graph, Mark
from engine.independence import Oracle, Trace

rng = np.random.default_rng(0)
FRAME = pd.DataFrame(rng.standard_normal((2000, 4)), columns=list("ABCD"))
FRAME["C"] += FRAME.A + FRAME.B
FRAME["D"] += FRAME.C


@pytest.fixture(scope="module")
def result():
    return engine.run("pc", FRAME)


def test_edge(result):
    sentence, tests = result.evidence("C", "A")
    assert sentence.startswith(f"A → C: dependent in all {len(tests)} tests; the largest p-value is ")
    assert "Definite direction" in sentence and "if no common cause is hidden" in sentence
    assert set(tests.columns) == {"given", "size", "statistic", "p_value", "decision"}
    assert set(tests["decision"]) == {"dependent"}


def test_missing_edge(result):
    sentence, tests = result.evidence("A", "D")
    assert sentence.startswith("A and D are not joined: independent given ")
    assert set(result.separator("A", "D")) <= {"B", "C"} and "C" in result.separator("A", "D")
    assert tests.loc[tests["p_value"].idxmax(), "given"] == result.separator("A", "D")
    assert result.separator("A", "C") is None


def test_undirected_edge_is_possible_either_way():
    chain = engine.run("pc", Oracle(Graph.from_edges("AB", ["A --> B"])))
    sentence = chain.evidence("A", "B").sentence
    assert sentence.startswith("A — B: dependent in the one test asked")
    assert "Possible either way" in sentence and "A → B" in sentence and "B → A" in sentence


def test_support_is_told():
    sentence = engine.run("pc", FRAME, bootstrap=4).evidence("A", "C").sentence
    assert "joined in 100% of the graphs" in sentence


def test_pairs_without_possible_tests():
    trace = Trace("ABC", 0.05)
    trace.add([0], [1], np.zeros((1, 0)), np.array([np.nan]), np.array([np.nan]))
    result = GraphResult(graph=Graph.from_edges("ABC", ["A --> B", "B --> C"]), trace=trace)
    assert "1 more could not be tested" in result.evidence("A", "B").sentence
    assert "no test of this pair was asked" in result.evidence("B", "C").sentence.lower()
    assert "no test of this pair was asked" in result.evidence("A", "C").sentence


def test_unknown_variable(result):
    with pytest.raises(UserError, match="'Z' is not a node"):
        result.evidence("A", "Z")


@pytest.mark.parametrize(
    ("kind", "marks", "word"),
    [
        ("cpdag", (Mark.TAIL, Mark.ARROW), "Definite"), ("cpdag", (Mark.TAIL, Mark.TAIL), "Possible"),
        ("dag", (Mark.TAIL, Mark.ARROW), "One possible"), ("pag", (Mark.TAIL, Mark.ARROW), "Definite"),
        ("pag", (Mark.ARROW, Mark.ARROW), "Confounded"), ("pag", (Mark.CIRCLE, Mark.ARROW), "Possible"),
        ("pag", (Mark.CIRCLE, Mark.CIRCLE), "Undecided"), ("mag", (Mark.ARROW, Mark.ARROW), "Confounded"),
        ("ug", (Mark.TAIL, Mark.TAIL), "The edge says"),
    ],
)  # fmt: skip
def test_every_edge_is_called_by_its_class(kind, marks, word):
    meaning = meaning_of(kind, "A", *marks, "B")
    assert meaning.startswith(word)
    assert "A" in meaning or kind == "ug"


def test_small_numbers_and_sets():
    assert p_text(0.0) == p_text(1e-305) == "<1e-300" and p_text(0.04321) == "0.0432"
    assert set_text(()) == "nothing" and set_text(("A", "B")) == "{A, B}"


def test_summary_is_short(result):
    rows = dict(result.summary())
    assert len(rows) <= 8 and rows["Graph"] == "CPDAG of 4 variables" and rows["Edges"].startswith("3 edges, 3 with")


def test_round_trip(result, tmp_path):
    again = Result.from_dir(result.to_dir(tmp_path / "result"))
    assert again.digest == result.digest and again.graph == result.graph
    assert again.evidence("A", "D").sentence == result.evidence("A", "D").sentence
    assert again.alpha == 1e-3 and again.supports_bootstrap
