"""A PAG has a mark exactly where all MAGs with the same separations agree; a MAG separates as its DAG does."""

import itertools
from collections import defaultdict

import numpy as np
import pytest

from engine.core import UserError
from engine.graphs import Graph, Mark, Orientation, Separation, is_maximal, is_valid_pag, mag_in, mag_of, markov_equivalent, orient, pag_of
from engine.graphs.graph import parse_edge, why_not
from tests.graphs import all_ancestral_graphs, all_dags, conditioning_sets, random_dags, separations


def maximal(graph, model):
    """Whether every two nodes that are not adjacent are separated by some set, from the list of all separations."""
    per_pair = len(model) // max(graph.p * (graph.p - 1) // 2, 1)
    return all(
        graph.marks[i, j] or any(model[n * per_pair : (n + 1) * per_pair])
        for n, (i, j) in enumerate(itertools.combinations(range(graph.p), 2))
    )


def agreed(mags):
    """The marks on which all MAGs agree, circles elsewhere."""
    stack = np.array([mag.marks for mag in mags])
    return Graph(mags[0].nodes, np.where((stack == stack[0]).all(axis=0), stack[0], np.uint8(Mark.CIRCLE)), "pag")


@pytest.fixture(scope="module")
def mag_classes():
    """For each number of observed nodes, and with or without lines: separations -> all MAGs that have them."""

    def classes(p, lines):
        found = defaultdict(list)
        for graph in all_ancestral_graphs(p, lines):
            model = separations(graph)
            assert maximal(graph, model) == is_maximal(graph), graph
            if is_maximal(graph):
                found[model].append(graph)
        return found

    made = {}

    def get(p, lines=False):
        if (p, lines) not in made:
            made[p, lines] = classes(p, lines)
        return made[p, lines]

    return get


@pytest.mark.parametrize("lines", [False, True], ids=["without lines", "with lines"])
@pytest.mark.parametrize("p", [2, 3, 4])
def test_every_mag(p, lines, mag_classes):
    for members in mag_classes(p, lines).values():
        truth = agreed(members)
        for mag in members:
            assert pag_of(mag, selection=lines) == truth
        assert mag_in(truth) in members
        assert is_valid_pag(truth)


@pytest.mark.parametrize("p", [2, 3, 4])
def test_every_dag_with_one_latent(p, mag_classes):
    for dag in all_dags(p):
        for hidden in range(p):
            check_projection(dag, hidden, mag_classes)


def test_dags_on_four_observed_nodes_with_one_latent(mag_classes):
    for dag in random_dags(300, nodes=[5], degree=2.5, seed=4):
        check_projection(dag, 0, mag_classes)


def check_projection(dag, hidden, mag_classes):
    """Compare the MAG of a DAG and its PAG with brute force over all MAGs on the observed nodes."""
    seen = [node for node in dag.nodes if node != dag.nodes[hidden]]
    mag = mag_of(dag, [dag.nodes[hidden]])
    assert mag.nodes == tuple(seen)
    separation = Separation(dag)
    kept = [i for i in range(dag.p) if i != hidden]
    model = tuple(
        separation.separated(kept[i], kept[j], [kept[k] for k in given])
        for i, j in itertools.combinations(range(len(kept)), 2)
        for given in conditioning_sets(len(kept), i, j)
    )
    assert separations(mag) == model
    members = mag_classes(len(kept))[model]
    assert any(np.array_equal(mag.marks, member.marks) for member in members)
    assert np.array_equal(pag_of(mag).marks, agreed(members).marks)


@pytest.mark.parametrize("dag", random_dags(30, nodes=range(6, 9), degree=2.5, seed=2), ids=lambda g: f"p{g.p}")
def test_separations_among_the_observed_stay(dag):
    rng = np.random.default_rng(dag.n_edges)
    drawn = [str(name) for name in rng.choice(dag.nodes, 3, replace=False)]
    latent, selected = drawn[:2], drawn[2:]
    for behind in ([], selected):
        mag = mag_of(dag, latent, behind)
        assert is_maximal(mag)
        truth, found = Separation(dag), Separation(mag)
        for i, j in itertools.combinations(range(mag.p), 2):
            for given in conditioning_sets(mag.p, i, j):
                there = [dag.index(mag.nodes[k]) for k in given] + [dag.index(name) for name in behind]
                assert found.separated(i, j, given) == truth.separated(dag.index(mag.nodes[i]), dag.index(mag.nodes[j]), there)


def neighbours(mag):
    """Every MAG that differs from this one in one arrow that becomes bidirected, or the other way round."""
    for i, j in np.argwhere(mag.directed | mag.bidirected):
        marks = mag.marks.copy()
        marks[j, i] = Mark.TAIL if mag.bidirected[i, j] else Mark.ARROW
        if why_not(marks, "mag") is None:
            changed = Graph(mag.nodes, marks, "mag")
            if is_maximal(changed):
                yield changed


@pytest.mark.parametrize("dag", random_dags(40, nodes=range(7, 9), degree=2.4, seed=11), ids=lambda g: f"e{g.n_edges}")
def test_larger_classes_walked_by_single_marks(dag):
    """All MAGs of a class are joined by changes of single marks (Zhang and Spirtes 2005), so walking finds the whole class."""
    start = mag_of(dag, dag.nodes[:2])
    model, found, queue = separations(start), {start}, [start]
    while queue and len(found) < 150:
        for changed in neighbours(queue.pop()):
            if changed not in found and separations(changed) == model:
                found.add(changed)
                queue.append(changed)
    pag, truth = pag_of(start), agreed(list(found))
    if queue:  # the class is too large to walk: its marks still have to be among those that the part seen agrees on
        assert (truth.marks[pag.marks != Mark.CIRCLE] == pag.marks[pag.marks != Mark.CIRCLE]).all()
    else:
        assert pag == truth


def oriented(mag, selection=False):
    """The orientation of a MAG's skeleton by the MAG's own colliders, with its reasons."""
    arrow = mag.marks == Mark.ARROW
    return orient(
        np.where(mag.skeleton, np.uint8(Mark.CIRCLE), np.uint8(Mark.NONE)),
        lambda i, k, j: bool(arrow[i, k] and arrow[j, k]),
        lambda path: not (arrow[path[-3], path[-2]] and arrow[path[-1], path[-2]]),
        selection,
    )


def rules_used(mag, selection=False):
    return {reason.rule for reason in oriented(mag, selection).reasons.values()}


def on_the_same_skeleton(mag, lines):
    """Every maximal ancestral graph with the adjacencies of this one."""
    pairs = np.argwhere(np.triu(mag.skeleton))
    for ends in itertools.product([(2, 3), (3, 2), (2, 2)] + ([(3, 3)] if lines else []), repeat=len(pairs)):
        marks = np.zeros_like(mag.marks)
        for (i, j), (at_j, at_i) in zip(pairs, ends, strict=True):
            marks[i, j], marks[j, i] = at_j, at_i
        if why_not(marks, "mag") is None and is_maximal(other := Graph(mag.nodes, marks, "mag")):
            yield other


def check_against_the_skeleton(mag, lines):
    model = separations(mag)
    assert pag_of(mag, selection=lines) == agreed([other for other in on_the_same_skeleton(mag, lines) if separations(other) == model])


def test_rare_tails_against_all_mags_on_the_skeleton():
    drawn = (mag_of(dag, dag.nodes[:1]) for dag in random_dags(1000, nodes=[6], degree=2.8, seed=6))
    rare = [mag for mag in drawn if mag.n_edges <= 8 and "R10" in rules_used(mag)]
    assert len(rare) >= 2
    for mag in rare[:2]:
        check_against_the_skeleton(mag, lines=False)


def test_rare_lines_against_all_mags_on_the_skeleton():
    # A, B, C, D is a ring without chord, so all lines; the line at C makes a tail towards E
    for edge in ("C --- E", "C --> E"):
        mag = Graph.from_edges("ABCDE", ["A --- B", "B --- C", "C --- D", "D --- A", edge], "mag")
        assert "R6" in rules_used(mag, selection=True)
        check_against_the_skeleton(mag, lines=True)


@pytest.mark.parametrize(
    ("rule", "edges", "expected"),
    [
        ("R1", ["A o-> B", "B o-o C"], "B --> C"),
        ("R2", ["A --> B", "B o-> C", "A o-o C"], "A o-> C"),
        ("R2", ["A o-> B", "B --> C", "A o-o C"], "A o-> C"),
        ("R3", ["A o-> B", "C o-> B", "A o-o D", "C o-o D", "D o-o B"], "D o-> B"),
        ("R5", ["A o-o B", "B o-o C", "C o-o D", "D o-o A"], "C --- D"),
        ("R6", ["A --- B", "C o-o B"], "B --o C"),
        ("R7", ["A --o B", "B o-o C"], "B --o C"),
        ("R8", ["A --> B", "B --> C", "A o-> C"], "A --> C"),
        ("R8", ["A --o B", "B --> C", "A o-> C"], "A --> C"),
        ("R9", ["A o-> C", "A o-o B", "B o-> D", "D --> C"], "A --> C"),
        ("R10", ["A o-> C", "B --> C", "D --> C", "A o-o B", "A o-o D"], "A --> C"),
    ],
)
def test_each_rule_by_itself(rule, edges, expected):
    nodes = "ABCDEFG"
    orientation = Orientation(Graph.from_edges(nodes, edges, "pag").marks)
    orientation.close(lambda path: None, selection=rule in ("R5", "R6", "R7"))
    i, j = nodes.index(expected[0]), nodes.index(expected[-1])
    _, at_i, at_j, _ = parse_edge(expected)
    assert (orientation.mark(j, i), orientation.mark(i, j)) == (at_i, at_j)
    assert rule in {orientation.reasons[pair].rule for pair in ((i, j), (j, i)) if pair in orientation.reasons}


@pytest.mark.parametrize(("noncollider", "expected"), [(True, "B --> C"), (False, "B <-> C")])
def test_a_long_discriminating_path(noncollider, expected):
    # D *-> F <-> A <-> B, with F and A parents of C
    edges = ["D o-> F", "F <-> A", "A <-> B", "F --> C", "A --> C", "B o-> C"]
    graph = Graph.from_edges("ABCDF", edges, "pag")
    asked = []
    orientation = Orientation(graph.marks)
    orientation.close(lambda path: asked.append(path) or noncollider)
    assert asked == [tuple(map(graph.index, "DFABC"))]
    assert expected in {str(edge) for edge in Graph(graph.nodes, orientation.marks, "pag").edges()}


@pytest.mark.parametrize("dag", random_dags(20, nodes=[30, 60], degree=3, seed=6), ids=lambda g: f"p{g.p}")
def test_a_pag_stands_for_its_members(dag):
    mag = mag_of(dag, dag.nodes[::5])
    for selection in (False, True):
        pag = pag_of(mag, selection)
        assert is_valid_pag(pag)
        assert markov_equivalent(mag_in(pag), mag)
    shuffled = list(np.random.default_rng(dag.p).permutation(mag.nodes))
    assert pag_of(mag.subgraph(shuffled)).subgraph(mag.nodes) == pag_of(mag)


def test_equivalence_of_every_pair_on_three_nodes(mag_classes):
    labelled = [(n, mag) for n, members in enumerate(mag_classes(3, lines=True).values()) for mag in members]
    for (m, a), (n, b) in itertools.combinations(labelled, 2):
        assert markov_equivalent(a, b) == (m == n)


def test_a_dag_may_be_equivalent_to_a_mag():
    dag, mag = Graph.from_edges("ABC", ["A --> B", "C --> B"]), Graph.from_edges("CBA", ["A <-> B", "C <-> B"])
    assert markov_equivalent(dag, mag)
    with pytest.raises(UserError, match="same variables"):
        markov_equivalent(dag, Graph.from_edges("ABD", ["A --> B"]))


def test_wrong_pags_are_not_valid():
    assert not is_valid_pag(Graph.from_edges("ABC", ["A o-> B", "B o-o C"], "pag"))
    assert not is_valid_pag(Graph.from_edges("AB", ["A --> B"], "pag"))
    assert not is_valid_pag(Graph.from_edges("ABCD", ["A o-o B", "B o-o C", "C o-o D", "D o-o A"], "pag"))
    assert not is_valid_pag(Graph.from_edges("ABC", ["A --> B", "B --> C", "C --> A"], "pag"))
    assert is_valid_pag(Graph.from_edges("ABCD", ["A --- B", "B --- C", "C --- D", "D --- A"], "pag"))


def test_the_textbook_inducing_path():
    # Verma's graph: L is hidden behind B and D; A -> B <- L -> D is an inducing path, since B is an ancestor of D
    dag = Graph.from_edges("ABCDL", ["A --> B", "B --> C", "C --> D", "L --> B", "L --> D"])
    mag = mag_of(dag, ["L"])
    assert mag == Graph.from_edges("ABCD", ["A --> B", "B --> C", "C --> D", "B --> D", "A --> D"], "mag")


def test_selection_bias_makes_lines():
    dag = Graph.from_edges("ABS", ["A --> S", "B --> S"])
    assert mag_of(dag, selected=["S"]) == Graph.from_edges("AB", ["A --- B"], "mag")
    with pytest.raises(UserError, match="selection bias"):
        pag_of(mag_of(dag, selected=["S"]))
    with pytest.raises(UserError, match="latent and selected"):
        mag_of(dag, latent=["S"], selected=["S"])


def test_circles_are_refused():
    with pytest.raises(UserError, match="not of a PAG"):
        pag_of(Graph.from_edges("AB", ["A o-> B"]))


def test_every_mark_has_its_reason():
    for dag in random_dags(20, nodes=[10], degree=3, seed=8):
        mag = mag_of(dag, dag.nodes[:2])
        found = oriented(mag)
        marks = found.marks
        assert set(found.reasons) == {(i, j) for i, j in np.argwhere(marks > Mark.CIRCLE)}
        assert not found.conflicts
        for (i, j), reason in found.reasons.items():
            assert {i, j} <= set(reason.nodes)


def test_the_first_mark_stays_and_the_conflict_is_noted():
    # sample answers may contradict each other: B is a collider between A and C, and C between B and D; then B <-> C
    skeleton = Graph.from_edges("ABCD", ["A o-o B", "B o-o C", "C o-o D"]).marks
    marks = skeleton.copy()
    marks[2, 1], marks[1, 2] = Mark.TAIL, Mark.ARROW
    orientation = Orientation(marks)
    orientation.colliders(lambda i, k, j: k == 1)
    assert orientation.mark(2, 1) == Mark.TAIL
    assert [(i, j, mark) for i, j, mark, _ in orientation.conflicts] == [(2, 1, Mark.ARROW)]
    assert orientation.mark(0, 1) == Mark.ARROW


def test_an_edge_may_be_removed_while_rules_are_applied():
    # D *-> A <-* B with A -> C: D, A, B, C discriminates B; the answer takes the edge B - C away
    graph = Graph.from_edges("DABC", ["D o-> A", "A <-> B", "A --> C", "B o-> C"])
    orientation = Orientation(graph.marks)
    asked = []

    def answer(path):
        asked.append(path)
        orientation.remove(2, 3)

    orientation.close(answer)
    assert asked == [(0, 1, 2, 3)]
    assert orientation.marks[2, 3] == orientation.marks[3, 2] == Mark.NONE
