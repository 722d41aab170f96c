"""Every text form brings back the same graph, whatever its nodes are called, and bad text is answered with a sentence naming the line."""

import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import UserError
from engine.graphs import Graph
from engine.graphs.exchange import FORMS, read, write
from engine.graphs.graph import plainest_kind

NASTY = [
    "<script>alert(1)</script>", 'say "hi"', "a;b,c", "blood pressure", "Ärger 🧬", "back\\slash\\", "line\nbreak", "A --> B", "=SUM(A1)",
    "'=x", "-1", "", "graph", "node", "1.", "Graph Nodes:", "]]>", "&amp;", "o-o", "{}", "tail", "\r", "Graph:", "NaN", "x//y", "/*", "#",
]  # fmt: skip
NAMES = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8))


@st.composite
def graphs(draw, circles=True):
    nodes = draw(st.lists(NAMES, unique=True, max_size=6))
    p = len(nodes)
    marks = np.zeros((p, p), np.uint8)
    for i, j in itertools.combinations(range(p), 2):
        if draw(st.booleans()):
            marks[i, j], marks[j, i] = draw(st.tuples(*[st.integers(1 if circles else 2, 3)] * 2))
    return Graph(tuple(nodes), marks, "pag")


def same(read_back, graph, ordered=True):
    """Whether two graphs have the same nodes and marks; a form without order of nodes may change it."""
    if not ordered:
        assert set(read_back.nodes) == set(graph.nodes)
        read_back = read_back.subgraph(graph.nodes)
    return read_back.nodes == graph.nodes and np.array_equal(read_back.marks, graph.marks)


@pytest.mark.parametrize("form", FORMS)
@given(graph=graphs())
def test_any_graph_comes_back(form, graph):
    assert same(read(write(graph, form), form), graph, ordered=form != "edges")


@pytest.mark.parametrize("form", FORMS)
@given(graph=graphs(circles=False))
def test_graphs_of_the_plainer_kinds_come_back_with_their_kind(form, graph):
    plain = Graph(graph.nodes, graph.marks, plainest_kind(graph.marks))
    back = read(write(plain, form), form)
    assert same(back, plain, ordered=form != "edges")
    # DAGitty has no undirected graph; a MAG of lines says the same
    assert back.kind == ("mag" if (form, plain.kind) == ("dagitty", "ug") else plain.kind)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NASTY)
def test_nasty_names_come_back(form, name):
    graph = Graph.from_directed([name, "other", "alone"], np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]]))
    assert same(read(write(graph, form), form), graph, ordered=form != "edges")


def test_json_keeps_weights_and_support():
    support = np.zeros((2, 2, 4))
    support[..., 0] = 1
    support[0, 1] = [0.25, 0.25, 0.5, 0]
    support[1, 0] = [0.25, 0.25, 0, 0.5]
    graph = Graph(("A", "B"), np.array([[0, 2], [3, 0]]), "dag", np.array([[0, -1.5], [0, 0]]), support)
    back = read(write(graph, "json"), "json")
    assert back == graph
    np.testing.assert_array_equal(back.weights, graph.weights)
    np.testing.assert_array_equal(back.support, graph.support)


def test_kind_can_be_said_when_the_text_does_not():
    assert read("Graph Nodes:\nA;B\n\nGraph Edges:\n1. A --> B\n", "tetrad").kind == "dag"
    assert read("Graph Nodes:\nA;B\n\nGraph Edges:\n1. A --> B\n", "tetrad", kind="pag").kind == "pag"


PAG = Graph.from_edges("ABCD", ["A o-> B", "B --> C", "A o-o D", "B <-> D"])


def test_tetrad_text_as_tetrad_writes_it():
    text = "Graph Nodes:\nA;B;C;D\n\nGraph Edges:\n1. A o-> B\n2. B --> C dd nl\n3. A o-o D\n4. B <-> D\n\nGraph Attributes:\nBIC: -3.2\n"
    assert read(text, "tetrad") == PAG


def test_causal_learn_codes():
    # GeneralGraph.graph: i --> j is graph[j, i] = 1 and graph[i, j] = -1; i o-> j is graph[j, i] = 1 and graph[i, j] = 2
    text = ",A,B,C\nA,0,2,0\nB,1,0,-1\nC,0,1,0\n"
    assert read(text, "causal-learn") == Graph.from_edges("ABC", ["A o-> B", "B --> C"])


def test_pcalg_codings():
    # amat.cpdag: 1 in [j, i] and 0 in [i, j] is i --> j; amat.pag: [i, j] is the mark at j
    assert read(",A,B,C\nA,0,0,0\nB,1,0,1\nC,0,1,0\n", "pcalg") == Graph.from_edges("ABC", ["A --> B", "B --- C"])
    assert read("A,B,C\n0,2,0\n1,0,2\n0,3,0\n", "pcalg") == Graph.from_edges("ABC", ["A o-> B", "B --> C"])


def test_dagitty_as_dagitty_writes_it():
    text = 'dag {\nbb="0,0,1,1"\nx [exposure,pos="1,0"]\n"my y" [outcome]\nx -> "my y" <- z\n}'
    assert read(text, "dagitty") == Graph.from_edges(["x", "my y", "z"], ["x --> my y", "z --> my y"])
    assert read("pag{ x @-@ y; x @-> z }", "dagitty") == Graph.from_edges("xyz", ["x o-o y", "x o-> z"])


def test_dot_by_other_programs():
    assert read("digraph G { rankdir=LR; node [shape=box]; a -> b -> c; c -> d [dir=none] }", "dot").edge_frame()["edge"].tolist() == [
        "a --> b", "b --> c", "c --- d",
    ]  # fmt: skip
    assert read("graph { a -- b }", "dot") == Graph.from_edges("ab", ["a --- b"])


def test_networkx_reads_and_writes_the_same_graphml():
    import networkx as nx

    theirs = nx.parse_graphml(write(PAG, "graphml"))
    assert {(a, b, d["source_mark"], d["target_mark"]) for a, b, d in theirs.edges(data=True)} >= {("A", "B", "circle", "arrow")}
    arrows = nx.DiGraph([("x", "y"), ("y", "z <&>")])
    back = read("\n".join(nx.generate_graphml(arrows)), "graphml")
    assert back == Graph.from_edges(["x", "y", "z <&>"], ["x --> y", "y --> z <&>"])


def test_graphviz_reads_the_same_dot():
    pygraphviz = pytest.importorskip("pygraphviz")
    theirs = pygraphviz.AGraph(write(PAG, "dot"))
    assert sorted(theirs.nodes()) == list("ABCD")
    assert theirs.get_edge("A", "B").attr["arrowtail"] == "odot"


def test_xml_bombs_are_refused():
    bomb = '<?xml version="1.0"?><!DOCTYPE g [<!ENTITY a "aaaa">]><graphml><graph><node id="&a;"/></graph></graphml>'
    with pytest.raises(UserError, match="document type"):
        read(bomb, "graphml")


def test_control_characters_are_named_where_xml_cannot_hold_them():
    with pytest.raises(UserError, match="control character"):
        write(Graph.empty(["a\x01"]), "graphml")
    ET.fromstring(write(Graph.empty(["tab\tline\nreturn\r"]), "graphml"))


def test_spreadsheets_do_not_run_names():
    for form in ("edges", "pcalg", "causal-learn"):
        cells = write(Graph.empty(["=1+1", "@x", "+x"]), form).replace("\r\n", ",").split(",")
        assert not any(cell.startswith(("=", "@", "+")) for cell in cells)


@pytest.mark.parametrize(
    ("form", "text", "line"),
    [
        ("tetrad", "Graph Nodes:\nA;B\n\nGraph Edges:\n1. A -> B\n", 5),
        ("tetrad", "Graph Nodes:\nA;B\n\nGraph Edges:\n1. A --> B\n2. B --> A\n", 6),
        ("tetrad", "A,B\n0,1\n", 1),
        ("dot", "digraph {\na -> b;\nb -> ;\n}", 3),
        ("dot", "digraph {\na -> b\n", 2),
        ("dot", "digraph {\na -> b [arrowhead=crow]\n}", 2),
        ("dot", "digraph {\na -> a\n}", 2),
        ("dot", "digraph {\na:port -> b\n}", 2),
        ("dagitty", "dag {\nx => y\n}", 2),
        ("dagitty", "tree { x -> y }", 1),
        ("graphml", "<graphml>\n<graph>\n</graphml>", 3),
        ("pcalg", "amat.pag,A,B\nA,0,2\nB,7,0\n", 3),
        ("pcalg", "amat.pag,A,B\nA,0,2\nB,0,0\n", 2),
        ("pcalg", "amat.pag,A,B\nA,0,2\nC,3,0\n", 3),
        ("pcalg", "A,B\n0,1\n1,0\n", 1),
        ("causal-learn", ",A,B\nA,0,3\nB,1,0\n", 3),
        ("edges", "source,target,source_mark,target_mark\nA,B,tail,arrow\nA,C,tail,hat\n", 3),
        ("edges", "gene,score\nA,B\n", 1),
        ("edges", 'source,target\nA,"B\n', 3),
        ("json", '{"kind": "dag",\n"nodes": [}', 2),
    ],
)
def test_bad_text_is_answered_with_its_line(form, text, line):
    with pytest.raises(UserError, match=f"^Line {line}:") as error:
        read(text, form)
    assert error.value.where == f"line {line}"


@pytest.mark.parametrize("form", FORMS)
@given(text=st.text(max_size=60))
def test_any_text_is_a_graph_or_a_user_error(form, text):
    try:
        read(text, form)
    except UserError as error:
        assert error.message.endswith(".")


@pytest.mark.parametrize("form", FORMS)
@given(graph=graphs(), data=st.data())
def test_a_damaged_text_is_a_graph_or_a_user_error(form, graph, data):
    text = write(graph, form)
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 10)))
    try:
        read(text[:start] + data.draw(st.sampled_from(["", '"', "7", "[", "\n", ",", "->", "null", "</"])) + text[stop:], form)
    except UserError as error:
        assert error.message.endswith(".")


def test_unknown_form():
    with pytest.raises(UserError, match="no text form 'gml'"):
        write(PAG, "gml")


@pytest.mark.parametrize("head", ["source,target", "Cause,Effect", "from,to"])
def test_the_two_columns_of_an_edge_list_may_have_other_names(head):
    assert read(f'{head}\n"A","B"\n', "edges") == Graph.from_edges("AB", ["A --> B"])
