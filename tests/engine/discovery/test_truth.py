"""The known truth is what a perfect run finds, and any file of edges can become it."""

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import Dataset, UserError
from engine.data import drop_columns, sample
from engine.discovery.truth import among, matches, read_truth, truths, visible, with_truth
from engine.graphs import FORMS, Graph, mag_of, write
from engine.independence import InterventionalOracle, Oracle
from tests.graphs import latent_dags, random_dags

SACHS = ("Raf", "Mek", "PLCg", "PIP2", "PIP3", "Erk", "Akt", "PKA", "PKC", "p38", "JNK")


def table(columns):
    return Dataset(pd.DataFrame(np.random.default_rng(0).normal(size=(20, len(columns))), columns=list(columns)), "cells")


@pytest.mark.parametrize("method", ["pc", "gsp", "fci", "gspo"])
@pytest.mark.parametrize("dag", random_dags(3, nodes=[6], seed=4), ids=str)
def test_a_perfect_run_finds_all_that_is_visible(method, dag, run):
    found = run(method, Oracle(dag))
    assert found.graph == visible(dag, found, table(dag.nodes))


@pytest.mark.parametrize("dag", random_dags(3, nodes=[6], seed=5), ids=str)
def test_interventions_reveal_arrows_at_their_targets(dag, run):
    targets = {"one": [dag.nodes[0]], "two": [dag.nodes[3], dag.nodes[4]]}
    found = run("igsp", InterventionalOracle(dag, targets))
    data = Dataset(table(dag.nodes).frame, truth={"targets": {"obs": [], **targets}})
    assert found.graph == visible(dag, found, data)


def test_variables_that_are_not_measured_become_hidden_causes(run):
    for dag, hidden in latent_dags(5, observed=[5]):
        seen = [node for node in dag.nodes if node not in hidden]
        found = run("fci", Oracle(dag, latent=hidden))
        assert found.graph == visible(among(dag, seen), found, table(seen))


def test_a_chain_without_its_middle_is_an_arrow():
    chain = Graph.from_edges("ABC", ["A --> B", "B --> C"])
    assert among(chain, "AC") == Graph.from_edges("AC", ["A --> C"])
    fork = Graph.from_edges("ABC", ["B --> A", "B --> C"])
    assert among(fork, "AC") == mag_of(fork, ["B"]) == Graph.from_edges("AC", ["A <-> C"])


def test_the_sachs_sample_knows_two_truths_also_without_a_column():
    known = truths(sample("sachs"))
    assert [graph.kind for graph in known.values()] == ["pag", "dag"]
    fewer = truths(drop_columns(sample("sachs"), columns=["Raf"]))
    assert all("Raf" not in graph.nodes for graph in fewer.values()) and len(fewer) == 2
    assert truths(table("ABC")) == {}
    assert truths(Dataset(table("ABC").frame, truth={"graph": Graph.empty("AB").to_dict()})) == {}


@pytest.mark.parametrize("form", FORMS)
def test_every_exchange_form_is_read_by_its_content(form):
    dag = Graph.from_edges(["Raf", "Mek", "p44/42"], ["Raf --> Mek", "Mek --> p44/42"])
    name = f"truth.{FORMS[form].extension}"
    back = read_truth(write(dag, form).encode(), name, form)
    assert set(map(str, back.edges())) == {"Raf --> Mek", "Mek --> p44/42"}
    if form not in ("pcalg", "causal-learn"):  # the codes of these two matrices look alike
        assert read_truth(write(dag, form).encode(), name) == back


def test_what_is_no_graph_is_refused_in_words():
    with pytest.raises(UserError, match=r"notes\.csv is not read as a graph"):
        read_truth(b"gene,score\nRaf,1\n", "notes.csv")
    with pytest.raises(UserError, match=r"\.exe"):
        read_truth(b"MZ", "truth.exe")


def test_names_of_a_file_find_their_variables():
    found = matches(["praf", "pmek", "plcg", "PIP2", "PIP3", "p44/42", "pakts473", "PKA", "PKC", "P38", "pjnk"], SACHS)
    assert found == {
        "praf": "Raf", "pmek": "Mek", "plcg": "PLCg", "PIP2": "PIP2", "PIP3": "PIP3", "p44/42": None, "pakts473": "Akt", "PKA": "PKA",
        "PKC": "PKC", "P38": "p38", "pjnk": "JNK",
    }  # fmt: skip
    assert matches(["mek", "Mek"], ["Mek", "Raf"]) == {"mek": None, "Mek": "Mek"}, "one variable is not given twice"


def test_a_brought_truth_stands_beside_what_is_known():
    dag = Graph.from_edges("abh", ["a --> b", "h --> b"])
    data = with_truth(table(["A", "B", "C"]), dag, "mine.csv", {"a": "A", "b": "B", "h": None})
    assert truths(data) == {"mine.csv": Graph.from_edges("ABC", ["A --> B"])}
    assert data.digest == table(["A", "B", "C"]).digest
    more = with_truth(data, Graph.from_edges("AC", ["A --> C"]), "theirs.csv", {"A": "A", "C": "C"})
    assert list(truths(more)) == ["mine.csv", "theirs.csv"]
    with pytest.raises(UserError, match="none of the variables"):
        with_truth(data, dag, "mine.csv", dict.fromkeys("abh"))
    with pytest.raises(UserError, match="Two names"):
        with_truth(data, dag, "mine.csv", {"a": "A", "b": "A"})


@pytest.mark.shared_data
def test_the_consensus_file_fits_the_other_names_of_the_same_proteins(shared_data):
    brought = read_truth((shared_data / "discovery" / "sachs_consensus_edges.csv").read_bytes(), "sachs_consensus_edges.csv")
    means = matches(brought.nodes, SACHS) | {"p44/42": "Erk"}
    consensus = next(iter(truths(with_truth(table(SACHS), brought, "consensus", means)).values()))
    known = Graph.from_dict(engine.sample("sachs").truth["graph"]).relabel({"P38": "p38"})
    assert consensus.n_edges == 18
    assert set(map(str, consensus.edges())) == set(map(str, known.edges()))
