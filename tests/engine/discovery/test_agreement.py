"""Agreement counts end by end what each graph claims, as a count by hand does, and says so in words."""

import itertools
import random

import numpy as np
import pytest

from engine.core import UserError
from engine.discovery.agreement import LEVELS, agreement, why
from engine.discovery.result import GraphResult
from engine.graphs import Graph, Mark, cpdag_of, mag_of, pag_of
from engine.independence import Trace
from tests.engine.discovery.test_pc import Scripted, samples
from tests.graphs import latent_dags, random_dag

HAND = {  # A-B: a circle beside arrows; A-C: an arrow against its reverse; B-C: joined by one; C-D: a line beside an arrow; A-D: bidirected
    "PC": Graph.from_edges("ABCDE", ["A --> B", "A --> C", "C --- D", "A --> D"], "cpdag"),
    "BOSS": Graph.from_edges("DCBAE", ["A --> B", "C --> A", "C --- D", "C --> B"], "cpdag"),
    "FCI": Graph.from_edges("CABED", ["A o-> B", "A --> C", "C o-> D", "A <-> D"], "pag"),
}


def results(graphs):
    return {name: GraphResult(graph=graph, trace=Trace(graph.nodes, 0.05)) for name, graph in graphs.items()}


def by_pair(found):
    return {frozenset((row["source"], row["target"])): row for row in found.pairs.to_dict("records")}


def test_verdicts_by_hand():
    rows = by_pair(agreement(results(HAND)))
    words = {
        "AC": "All 3 join them; FCI and PC say A drives C, BOSS says C drives A: a contradiction at both ends.",
        "AD": "2 of 3 join them (not BOSS); PC says A drives D, FCI says a hidden common cause drives both: a contradiction at A.",
        "BC": "Only BOSS joins them and says C drives B.",
        "AB": "All 3 join them; BOSS and PC say A drives B, FCI says only that B does not drive A: no contradiction.",
        "CD": "All 3 join them; BOSS and PC leave it open, FCI says only that D does not drive C: no contradiction.",
    }
    levels = {"AC": "contradiction", "AD": "contradiction", "BC": "some join", "AB": "no contradiction", "CD": "no contradiction"}
    joined = {"AC": 3, "AD": 2, "BC": 1, "AB": 3, "CD": 3}
    for column, expected in (("verdict", words), ("level", levels), ("joined", joined)):
        assert {"".join(sorted(pair)): row[column] for pair, row in rows.items()} == expected


def test_many_are_counted_and_few_are_named():
    arrow, line, circles = (
        Graph.from_edges("AB", [edge], kind) for edge, kind in (("A --> B", "cpdag"), ("A --- B", "cpdag"), ("A o-o B", "pag"))
    )
    verdict = lambda **graphs: agreement(results(graphs)).pairs["verdict"].item()  # noqa: E731
    assert (
        verdict(PC=arrow, GES=arrow, GSP=arrow, FCI=circles) == "All 4 join them; 3 say A drives B, FCI leaves it open: no contradiction."
    )
    assert verdict(PC=line, FCI=circles) == "Both join them and leave it open.", "the line of a CPDAG is open at both ends"
    assert verdict(PC=arrow, GES=arrow) == "Both join them and say A drives B."
    lines = Graph.from_edges("AB", ["A --- B"], "pag")
    assert agreement(results({"one": lines, "two": line})).pairs["level"].item() == "no contradiction", "the line of a PAG is two tails"


def test_marks_at_each_end_and_tables_by_hand():
    found = agreement(results(HAND))
    assert found.ends("D", "A").to_dict("index") == {
        "PC": {"at D": "arrowhead", "at A": "tail"},
        "BOSS": {"at D": "nothing", "at A": "nothing"},
        "FCI": {"at D": "arrowhead", "at A": "arrowhead"},
    }
    row = found.pairs.index[found.pairs["source"].eq("C") & found.pairs["target"].eq("D")].item()
    assert found.edges.loc[row].to_dict() == {"PC": "C --- D", "BOSS": "C --- D", "FCI": "C o-> D"}, "as each method draws it"
    assert found.skeleton.to_numpy().tolist() == [[0, 2, 0], [2, 0, 2], [0, 2, 0]]
    assert found.contradictions.to_numpy().tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]


def test_consensus_by_hand():
    consensus = agreement(results(HAND)).consensus
    assert set(map(str, consensus.edges())) == {"A --> B", "A o-o C", "C o-> D", "A o-> D"}
    share = lambda a, b, mark: consensus.support[consensus.index(a), consensus.index(b), mark]  # noqa: E731
    assert share("A", "B", Mark.ARROW) == 1 and share("B", "A", Mark.TAIL) == pytest.approx(2 / 3)
    assert share("A", "C", Mark.CIRCLE) == 0, "all three join A and C, but none leaves an end open"
    assert share("C", "D", Mark.ARROW) == pytest.approx(1 / 3)
    assert share("B", "C", Mark.NONE) == pytest.approx(2 / 3)
    assert np.allclose(consensus.support.sum(axis=2), 1)


def mark_at(graph, a, b):
    """What a graph claims at b, looked up among its edges: the line of a CPDAG claims nothing."""
    for edge in graph.edges():
        if {edge.source, edge.target} == {a, b}:
            mark = edge.mark_target if edge.target == b else edge.mark_source
            return "o" if graph.kind in ("cpdag", "ug") and edge.symbol == "---" else "o>-"[mark - 1]
    return " "


def by_brute_force(graphs, a, b):
    """Count one pair by lists of letters: level, joined, the consensus mark at each end, and the share that says so."""
    ends = {(x, y): [mark_at(graph, x, y) for graph in graphs] for x, y in ((a, b), (b, a))}
    joined, drawn = len(graphs) - ends[a, b].count(" "), {}
    for end, marks in ends.items():
        decided = set(marks) & {">", "-"}
        mark = " " if 2 * joined <= len(graphs) else decided.pop() if len(decided) == 1 else "o"
        drawn[end] = mark, marks.count(mark) / len(graphs)
    if any({">", "-"} <= set(marks) for marks in ends.values()):
        level = "contradiction"
    elif joined < len(graphs):
        level = "some join"
    else:
        level = "same marks" if all(len(set(marks)) == 1 for marks in ends.values()) else "no contradiction"
    return level, joined, drawn


def random_graphs(seed):
    """Draw 2 to 5 graphs of mixed kinds on the same variables, each with its columns in an order of its own."""
    rng, draw = np.random.default_rng(seed), random.Random(seed)
    found = {}
    for k in range(draw.randint(2, 5)):
        dag = random_dag(6, draw.choice([1, 2, 4]), rng)
        latent = latent_dags(1, [6], seed=draw.randrange(10**6))[0]
        pag = pag_of(mag_of(*latent))
        pag = pag.relabel(dict(zip(pag.nodes, dag.nodes, strict=True)))
        graph = draw.choice([dag, cpdag_of(dag), pag])
        found[f"M{k}"] = graph.subgraph(draw.sample(graph.nodes, graph.p))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_every_pair_as_by_brute_force(seed):
    graphs = random_graphs(seed)
    found = agreement(results(graphs))
    rows, consensus = by_pair(found), found.consensus
    for a, b in itertools.combinations(consensus.nodes, 2):
        level, joined, drawn = by_brute_force(list(graphs.values()), a, b)
        row = rows.get(frozenset((a, b)))
        assert (row is None) == (joined == 0)
        if row:
            assert (row["level"], row["joined"]) == (level, joined), (a, b)
        for (x, y), (mark, share) in drawn.items():
            i, j = consensus.index(x), consensus.index(y)
            assert " o>-"[consensus.marks[i, j]] == mark, (x, y)
            assert consensus.support[i, j, consensus.marks[i, j]] == pytest.approx(share), (x, y)
    ranks = [LEVELS.index(level) for level in found.pairs["level"]]
    assert ranks == sorted(ranks)
    for (one, x), (two, y) in itertools.product(graphs.items(), repeat=2):
        ends = [(mark_at(x, a, b), mark_at(y, a, b), mark_at(x, b, a), mark_at(y, b, a)) for a, b in itertools.combinations(x.nodes, 2)]
        assert found.skeleton.loc[one, two] == sum((p == " ") != (q == " ") for p, q, _, _ in ends)
        assert found.contradictions.loc[one, two] == sum({p, q} == {">", "-"} or {r, s} == {">", "-"} for p, q, r, s in ends)


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_methods_and_columns_changes_nothing(seed):
    graphs, draw = random_graphs(seed), random.Random(seed)
    first = agreement(results(graphs))
    shuffled = dict(draw.sample(sorted(graphs.items()), len(graphs)))
    nodes = draw.sample(first.nodes, len(first.nodes))
    second = agreement(results({name: graph.subgraph(nodes) for name, graph in shuffled.items()}))
    assert second.consensus.subgraph(first.nodes) == first.consensus
    assert np.allclose(second.consensus.subgraph(first.nodes).support, first.consensus.support)
    for table in ("skeleton", "contradictions"):
        assert getattr(second, table).loc[list(graphs), list(graphs)].equals(getattr(first, table))
    mine, theirs = by_pair(first), by_pair(second)
    assert {pair: (row["joined"], row["level"]) for pair, row in mine.items()} == {
        p: (row["joined"], row["level"]) for p, row in theirs.items()
    }
    aligned = agreement(results({name: graph.subgraph(first.nodes) for name, graph in shuffled.items()}))
    assert aligned.pairs.equals(first.pairs), "the sentences too, when the columns are in the same order"


def test_why_names_the_test_of_both_runs(run):
    chain = run("pc", Scripted("ABC", [("AC", "B", 0.4)]), alpha=0.05)
    collider = run("pc", Scripted("ABC", [("AC", "", 0.3)]), alpha=0.05)
    told = ["A and C are separated best by {B} in PC (p = 0.4), by nothing in another PC (p = 0.3)."]
    assert why({"PC": chain, "another PC": collider}, "A", "B") == told
    assert why({"PC": chain, "the same": chain}, "A", "B") == []


def test_why_names_the_score_and_what_a_method_allows_for(run):
    frame = samples(random_dag(6, 3, np.random.default_rng(1)), 60)
    runs = {"GES": run("ges", frame), "PC": run("pc", frame, alpha=1e-6), "FCI": run("fci", frame, alpha=1e-6)}
    found = agreement(runs)
    said = {row.level: why(runs, row.source, row.target) for row in found.pairs[::-1].itertuples()}
    assert any(sentence.startswith("GES goes by its score, which would fall by") for sentence in said["some join"])
    assert any("in GES" in sentence and "in PC" in sentence for sentence in said["some join"])
    arrow, circles = (GraphResult(graph=graph, trace=Trace("AB", 0.05)) for graph in (
        Graph.from_edges("AB", ["A --> B"], "cpdag"), Graph.from_edges("AB", ["A o-> B"], "pag")
    ))  # fmt: skip
    assert why({"PC": arrow, "FCI": circles}, "A", "B") == ["FCI allows for hidden common causes; the others assume that there are none."]


def test_what_a_method_allows_for_does_not_explain_that_it_joins_nothing():
    graphs = {"PC": Graph.from_edges("AB", ["A --> B"], "cpdag"), "FCI": Graph.empty("AB", "pag")}
    assert why(results(graphs), "A", "B") == []


def test_one_method_or_other_variables_are_refused():
    with pytest.raises(UserError, match="at least two"):
        agreement(results({"PC": HAND["PC"]}))
    with pytest.raises(UserError, match="same variables"):
        agreement(results({"PC": HAND["PC"], "GES": Graph.empty("ABCDX")}))
