"""Every bundled sample loads, says where it comes from, and is what it claims to be."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine.data import examine, replay, sample, sample_names, samples
from engine.graphs import Graph

ASSETS = Path(__file__).resolve().parents[3] / "assets"


def test_sachs_comes_first_with_its_size():
    assert sample_names()[0] == "sachs" and len(sample_names()) >= 4
    assert sample("sachs").frame.shape == (7466, 11)


@pytest.mark.parametrize("entry", samples(), ids=lambda entry: entry.name)
def test_sample_says_what_it_is(entry):
    data = sample(entry.name)
    assert entry.label and entry.about and entry.source and entry.licence and entry.kind == data.kind
    assert data.steps == (("engine.sample", {"name": entry.name}),) and engine.sample(name=entry.name).digest == data.digest
    if entry.kind not in ("prices", "returns"):
        assert Graph.from_dict(data.truth["graph"]).nodes == data.columns
    assert not [finding for finding in examine(data) if finding.level == "stop"]


@pytest.mark.parametrize("name", [entry.name for entry in samples() if entry.source.startswith("simulated")])
def test_simulated_samples_can_be_made_again(name):
    steps = [(call, settings) for call, settings in json.loads((ASSETS / "samples" / f"{name}.json").read_text())["steps"]]
    again, kept = replay(steps), sample(name)
    assert again.truth == kept.truth and again.regime == kept.regime and dict(again.targets) == dict(kept.targets)
    for column in kept.columns:
        same = (
            np.allclose(again.frame[column], kept.frame[column])
            if name != "clinic"
            else list(again.frame[column]) == list(kept.frame[column])
        )
        assert same, column


def test_hidden_sample_has_confounded_pairs():
    assert Graph.from_dict(sample("hidden").truth["graph"]).bidirected.any()


def test_regimes_sample_hides_its_targets():
    data = sample("regimes")
    assert len(data.regimes) == 5 and all(data.targets[regime] is None for regime in data.regimes[1:])
    assert all(len(data.truth["targets"][regime]) == 1 for regime in data.regimes[1:])


NAMES = {"praf": "Raf", "pmek": "Mek", "plcg": "PLCg", "p44/42": "Erk", "pakts473": "Akt", "pjnk": "JNK"}


@pytest.mark.shared_data
def test_sachs_values_and_arcs_are_those_of_the_source(shared_data):
    original = pd.read_csv(shared_data / "discovery" / "sachs_7466.csv").rename(columns=NAMES)
    assert original.astype(float).equals(sample("sachs").frame)
    arcs = pd.read_csv(shared_data / "discovery" / "sachs_consensus_edges.csv").replace(NAMES)
    graph = Graph.from_dict(sample("sachs").truth["graph"])
    assert {(e.source, e.target) for e in graph.edges()} == set(map(tuple, arcs.to_numpy())) and graph.n_edges == 18
    assert sample("sachs").truth["name"] == "consensus network (cdt package)"


def test_the_other_consensus_network_is_a_dag_with_one_arc_turned():
    given = Graph.from_dict(sample("sachs").truth["graph"])
    (turned,) = (Graph.from_dict(form) for form in sample("sachs").truth["alternatives"].values())
    assert turned.kind == "dag" and np.array_equal(turned.skeleton, given.skeleton)
    assert "PIP3" in turned.parents("PIP2") and "PIP2" in given.parents("PIP3")


def test_markets_have_dates_in_order_and_say_what_they_are():
    """The first and last values are those of the source files, by which scale and dates are checked."""
    stocks, industries, factors = (sample(name) for name in ("stocks", "industries", "factors"))
    assert stocks.frame.shape == (8313, 20) and industries.frame.shape == (819, 12) and factors.frame.shape == (819, 5)
    for data in (stocks, industries, factors):
        assert data.frame.index.is_monotonic_increasing and data.frame.index.is_unique and data.frame.index.tz is None
        assert not data.frame.isna().any(axis=None)
    assert set(stocks.truth["sectors"]) == set(stocks.columns) and len(set(stocks.truth["sectors"].values())) == 7
    assert "stale" in next(entry.about for entry in samples() if entry.name == "stocks")
    assert industries.frame.index.equals(factors.frame.index)
    # Twelve value-weighted industries make up the market: on average their mean and the market move as one, in fractions.
    market = factors.frame["MktRF"] + factors.frame["RF"]
    mean = industries.frame.mean(axis=1)
    assert market.corr(mean) > 0.98 and 0.03 < mean.std() < 0.06 and abs(np.polyfit(market, mean, 1)[0] - 1) < 0.1


def test_every_shipped_file_is_in_the_list_of_licences():
    listed = (ASSETS / "LICENSES.md").read_text()
    for path in (ASSETS / "networks").iterdir():
        assert f"`{path.name}`" in listed, path.name
    for entry in samples():
        assert entry.name in listed
    assert "MIT" in listed and "Apache License 2.0" in listed and "Permission is hereby granted" in listed
