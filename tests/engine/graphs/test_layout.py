"""A layout puts causes above effects, keeps nodes apart on a canvas of readable shape, and is the same on every call."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.graphs import Graph, crossings, layout
from engine.graphs.layout import CANVAS, _points, components
from tests.graphs import random_dag, random_dags

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["graphviz", "without graphviz"])
def either_way(request, monkeypatch):
    """Lay out with Graphviz, and as on a machine that has none."""
    _points.cache_clear()
    if request.param == "graphviz":
        pytest.importorskip("pygraphviz")
    else:
        monkeypatch.setitem(sys.modules, "pygraphviz", None)
    yield request.param
    _points.cache_clear()


@pytest.mark.parametrize("dag", random_dags(20, nodes=range(2, 30)), ids=lambda g: f"p{g.p}")
def test_causes_are_above_effects(dag, either_way):
    places = layout(dag)
    for i, j in np.argwhere(dag.directed):
        assert places[dag.nodes[i]][1] < places[dag.nodes[j]][1]


@pytest.mark.parametrize("p", [1, 2, 11, 100, 500])
def test_nodes_are_apart_and_the_shape_is_that_of_a_screen(p, either_way):
    points = np.array(list(layout(random_dag(p, 2.5, np.random.default_rng(p))).values()))
    distance = np.abs(points[:, None] - points[None]).max(axis=2) + np.eye(p) * 1e9
    assert distance.min() > 15
    if p >= 100:
        width, height = np.ptp(points, axis=0)
        assert CANVAS / 2 < width / height < CANVAS * 2


def test_marks_of_every_kind_cycles_and_nasty_names_are_drawn(either_way):
    nodes = ['say "hi"', "<script>", "\\N", "a;b", "", "alone", "c", "d"]
    cycle = ["c --> d", "d --> <script>", "<script> --> c"]
    graph = Graph.from_edges(nodes, [*cycle, 'a;b o-> say "hi"', "a;b <-> \\N", "\\N o-o c"], "pag")
    places = layout(graph)
    assert list(places) == nodes
    assert len(set(places.values())) == len(nodes)


def test_nodes_without_edges_are_below_the_others(either_way):
    places = layout(Graph.from_edges("ABCDE", ["A --> B", "B --> C"]))
    assert min(places["D"][1], places["E"][1]) > max(places[node][1] for node in "ABC")
    assert len(layout(Graph.empty([f"X{i}" for i in range(60)]))) == 60
    assert layout(Graph.empty([])) == {}


def test_the_same_graph_has_the_same_layout_in_another_process():
    pytest.importorskip("pygraphviz")
    dag = random_dag(200, 2.5, np.random.default_rng(1))
    code = (
        "import numpy as np; from engine.graphs import layout; from tests.graphs import random_dag;"
        "print(list(layout(random_dag(200, 2.5, np.random.default_rng(1)), seed=3).values())[:20])"
    )
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    for _ in range(2):
        _points.cache_clear()
        layout(random_dag(180, 2.5, np.random.default_rng(2)))
        assert str(list(layout(dag, seed=3).values())[:20]) == other


def test_callers_cannot_spoil_the_cache():
    graph = Graph.from_edges("AB", ["A --> B"])
    places = layout(graph)
    first = dict(places)
    places["A"] = (1e6, 1e6)
    assert layout(graph) == first


def test_500_nodes_take_less_than_a_second():
    _points.cache_clear()
    graph = random_dag(500, 2.5, np.random.default_rng(0))
    layout(random_dag(160, 2.5, np.random.default_rng(1)))  # loads Graphviz
    started = time.process_time()
    layout(graph)
    assert time.process_time() - started < 1
    started = time.process_time()
    layout(graph)
    assert time.process_time() - started < 0.05


def test_crossings_are_counted_as_drawn():
    square = {"A": (0, 0), "B": (1, 1), "C": (0, 1), "D": (1, 0)}
    assert crossings(Graph.from_edges("ABCD", ["A --> B", "C --> D"]), square) == 1
    assert crossings(Graph.from_edges("ABCD", ["A --> C", "B --> D", "A --> B"]), square) == 0
    # K5 on a circle: each of the 5 pairs of neighbouring diagonals crosses once
    angle = 2 * np.pi * np.arange(5) / 5
    circle = dict(zip("ABCDE", zip(np.cos(angle), np.sin(angle), strict=True), strict=True))
    complete = Graph.from_directed("ABCDE", np.triu(np.ones((5, 5)), 1))
    assert crossings(complete, circle) == 5


def test_layers_cross_less_than_chance():
    dag = random_dag(60, 2.5, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    scattered = [crossings(dag, dict(zip(dag.nodes, rng.random((60, 2)), strict=True))) for _ in range(20)]
    assert crossings(dag, layout(dag)) < min(scattered) / 3


def test_components_agree_with_networkx():
    import networkx as nx

    for dag in random_dags(30, nodes=range(1, 30), degree=1):
        theirs = nx.connected_components(nx.from_numpy_array(dag.skeleton.astype(int)))
        assert {frozenset(part) for part in components(dag.marks)} == set(map(frozenset, theirs))


@pytest.mark.parametrize("p", [3, 20, 60])
def test_an_undirected_graph_is_a_map_with_nodes_apart(p, either_way):
    graph = Graph.from_directed([f"X{i}" for i in range(p)], random_dag(p, 3, np.random.default_rng(p)).skeleton, kind="ug")
    points = np.array(list(layout(graph).values()))
    distance = np.abs(points[:, None] - points[None]).max(axis=2) + np.eye(p) * 1e9
    assert distance.min() > 15
    _points.cache_clear()
    np.testing.assert_array_equal(np.array(list(layout(graph).values())), points)
