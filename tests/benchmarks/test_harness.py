"""The benchmark harness says what it measured, row by row: ratios point the product's way, a peer that is stopped leaves what it had."""

import importlib
import json
import subprocess
import types
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import discovery
from benchmarks.__main__ import areas, main
from benchmarks.harness import PeerFailed, Row, header, line, only, peers, wanted
from engine.graphs import Graph


@pytest.fixture
def all_wanted():
    """Want every workload again after the test."""
    yield
    only("")


def row(metric, product, peer, **facts):
    return Row("W1", metric, "gsp", product, "reference GSP", peer, **facts)


def test_ratio_above_one_means_that_the_product_wins():
    assert row("seconds", [1, 3], [4, 8]).ratio == 3
    assert row("skeleton F1", [0.9], [0.6], higher_is_better=True).ratio == pytest.approx(1.5)


def test_ratio_is_taken_over_the_seeds_that_both_have():
    assert row("seconds", [1, 3, 100], [4, 8]).ratio == 3


def test_no_ratio_against_zero_or_nothing():
    assert row("SHD", [0, 0], [3, 1]).ratio is None
    assert row("seconds", [1.0], []).ratio is None


def test_json_rows_hold_means_by_the_agreed_names():
    form = row("seconds", [1, 3], [4, 8]).to_dict()
    assert {name: form[name] for name in ("workload", "metric", "product", "peer", "ratio")} == {
        "workload": "W1", "metric": "seconds", "product": 2, "peer": 6, "ratio": 3,
    }  # fmt: skip


def test_a_line_shows_its_values_below_their_names():
    text = line(row("seconds", [0.5, 0.25], [], note="stopped after 400 s"))
    assert all(part in text for part in ("0.5 0.25", "reference GSP", "stopped after 400 s"))
    assert text.index("0.5 0.25") == header().index("product") and text.index("stopped") == header().index("note")
    assert "5.5 (1 to 10) x10" in line(row("SHD", range(1, 11), []))


def test_areas_are_the_modules():
    assert "discovery" in areas()
    assert not {"harness", "peers", "__main__"} & set(areas())


@pytest.mark.parametrize("area", sorted(set(areas()) - {"interventions"}))
def test_areas_yield_their_rows_one_by_one_and_skip_what_is_not_wanted(area, all_wanted):
    only("no such workload")
    rows = importlib.import_module(f"benchmarks.{area}").run(False)
    assert isinstance(rows, types.GeneratorType)
    if area != "app":  # which starts its servers first
        assert list(rows) == []


def test_each_row_is_printed_and_kept_before_the_next_is_measured(monkeypatch, tmp_path, capsys, all_wanted):
    seen = []

    def measured(quick):
        for n, workload in enumerate(("W1 p=10", "W2 p=10", "W1 p=50")):
            yield Row(workload, "seconds", "gsp", [1.0 + n], "reference GSP", [2.0])
            seen.append((capsys.readouterr().out, len(json.loads((tmp_path / "rows.json").read_text()))))

    monkeypatch.setattr(discovery, "run", measured)
    assert main(["discovery", "--json", str(tmp_path / "rows.json"), "--only", "w1"]) == 0
    assert [count for _, count in seen] == [1, 1, 2]
    assert "workload" in seen[0][0] and "W1 p=10" in seen[0][0] and not seen[1][0] and "W1 p=50" in seen[2][0]
    assert wanted("W1 p=300") and not wanted("W2 p=300")


def test_a_peer_that_runs_out_of_time_leaves_the_answers_it_had(monkeypatch):
    def slow(command, **settings):
        Path(command[-1]).write_text(json.dumps([{"seconds": 1.5}]))
        raise subprocess.TimeoutExpired(command, settings["timeout"])

    monkeypatch.setattr(peers, "_python", lambda: "python")
    monkeypatch.setattr(peers.subprocess, "run", slow)
    with pytest.raises(PeerFailed, match="stopped after 9 s, 1 of 2 done") as problem:
        peers.call_peer("reference_gsp", {"a": np.ones(2), "b": np.ones(2)}, {}, limit_s=9)
    assert problem.value.answers == [{"seconds": 1.5}]


def test_w1_draws_the_graphs_of_its_definition():
    # numbers of edges listed beside the workload's measured baselines
    assert [discovery.w1(10, 2, seed)[0].n_edges for seed in (0, 1, 2)] == [11, 14, 13]
    assert [discovery.w1(50, 2, seed)[0].n_edges for seed in (0, 1, 2)] == [53, 56, 44]


def test_w1_samples_follow_the_graph():
    dag, samples = discovery.w1(10, 2, 0)
    for node in range(dag.p):
        parents = np.flatnonzero(dag.directed[:, node])
        weights, *_ = np.linalg.lstsq(samples[:, parents], samples[:, node], rcond=None)
        assert ((np.abs(weights) > 0.2) & (np.abs(weights) < 1.05)).all()
        assert np.var(samples[:, node] - samples[:, parents] @ weights) == pytest.approx(1, abs=0.06)


def test_a_peer_that_fails_leaves_a_row_with_the_reason(monkeypatch):
    def fail(*arguments):
        raise PeerFailed("stopped after 400 s")

    monkeypatch.setattr(discovery, "call_peer", fail)
    rows = list(discovery.linear([(4, 2)], quick=True))
    plain, medians = {"seconds", "SHD", "skeleton F1"}, {"median seconds", "median SHD"}
    assert {(r.method, r.metric) for r in rows if r.method == "gsp"} == {("gsp", k) for k in plain}
    assert {(r.method, r.metric) for r in rows if r.method != "gsp"} == {
        (m, k) for m in ("pc", *discovery.SCORE_METHODS) for k in plain | medians
    }
    assert all(r.product and not r.peer for r in rows)
    assert rows[0].note == "stopped after 400 s"


def test_an_environment_that_cannot_be_built_is_a_failed_peer(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "ENVIRONMENT", tmp_path / "venv")
    monkeypatch.setattr(peers, "COMPLETE", tmp_path / "venv" / "requirements.txt")
    monkeypatch.setattr(peers, "REQUIREMENTS", tmp_path / "requirements.txt")
    (tmp_path / "requirements.txt").write_text("causal-learn\n")
    monkeypatch.setattr(peers.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(peers.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1))
    with pytest.raises(PeerFailed, match="could not be built"):
        peers.call_peer("reference_gsp", {}, {}, limit_s=10)


def test_pairs_that_differ_count_once():
    found = Graph.from_edges("ABC", ["A --> B", "B --- C"], "cpdag").marks
    truth = Graph.from_edges("ABC", ["B --> A", "A --- C"], "cpdag").marks
    assert discovery._scores(found, truth) == (3.0, 0.5)
