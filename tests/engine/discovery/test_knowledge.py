"""What is known before is read as written, contradictions are named, and every method honours it: exactly so under an oracle."""

import numpy as np
import pytest

from engine.core import Context, UserError
from engine.discovery.knowledge import Knowledge, breaches
from engine.discovery.latent import with_knowledge
from engine.discovery.statements import from_tetrad, statements, write
from engine.graphs import Graph, Mark, cpdag_of, interventional_cpdag_of, mag_of, pag_of
from engine.graphs.graph import ancestors
from engine.independence import InterventionalOracle, Oracle
from tests.engine.discovery.test_gsp import gaussian
from tests.graphs import all_dags, latent_dags, random_dags

NAMES = ("A", "B", "C", "IL-6", "x, y")


def told(text, names=NAMES):
    return Knowledge.of(text, names)


def matrix(pairs, names=NAMES):
    found = np.zeros((len(names), len(names)), dtype=bool)
    for a, b in pairs:
        found[names.index(a), names.index(b)] = True
    return found


# -- reading -----------------------------------------------------------------------------------------------------------


def test_tiers_forbid_every_arrow_backwards_and_time_is_transitive():
    known = told('A, B < C < IL-6; IL-6 < "x, y"')
    order = [("A", "B"), ("C",), ("IL-6",), ("x, y",)]
    backwards = [(late, early) for n, tier in enumerate(order) for before in order[:n] for late in tier for early in before]
    assert np.array_equal(known.forbidden, matrix(backwards))
    assert not known.required.any()


def test_required_arrows_rule_out_the_way_back_through_others():
    known = told("A --> B\nB --> C")
    assert np.array_equal(known.required, matrix([("A", "B"), ("B", "C")]))
    assert np.array_equal(known.forbidden, matrix([("B", "A"), ("C", "B"), ("C", "A")]))


def test_every_sign_star_and_remark():
    assert np.array_equal(told("# nothing drives A\n* -/-> A").forbidden, matrix([(name, "A") for name in NAMES if name != "A"]))
    for sign in ("-->", "->", "→"):
        assert np.array_equal(told(f"IL-6{sign}A").required, matrix([("IL-6", "A")]))
    for sign in ("-/->", "-/>", "↛"):
        assert np.array_equal(told(f"IL-6 {sign} A, B").forbidden, matrix([("IL-6", "A"), ("IL-6", "B")]))


def test_text_and_statements_go_round():
    text = write([["A", "x, y"], ["C"]], [("A", "IL-6")], [("C", "A"), ("x, y", "B")])
    again = told(text)
    assert np.array_equal(again.required, matrix([("A", "IL-6")]))
    assert again.forbidden[NAMES.index("x, y"), NAMES.index("B")] and again.forbidden[NAMES.index("C"), NAMES.index("x, y")]
    assert [s.kind for s in statements(text, NAMES)] == ["before", "required", "forbidden", "forbidden"]


def test_nothing_said_is_nothing_known():
    assert not told("") and not told("\n# only a remark\n ; ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A --> B; A -/-> B", ["'A --> B' and 'A -/-> B' contradict"]),
        ("A < B; B --> A", ["'B --> A'", "'A < B'", "contradict"]),
        ("A --> B; B --> C; C --> A", ["'A --> B'", "'B --> C'", "'C --> A'"]),
        ("A < B; B < C; C < A", ["'A < B'", "'B < C'", "'C < A'"]),
        ("A < B < A", ["'A < B < A' contradicts itself"]),
        ("A --> Bb", ["names Bb, which is not a variable", "Did you mean B"]),
        ("A and B", ["'A and B' is no statement"]),
        ("A -->", ["'A -->' is no statement"]),
        ("A --> B --> C", ["'A --> B --> C' is no statement"]),
    ],
)
def test_what_cannot_be_is_named(text, words):
    with pytest.raises(UserError) as problem:
        told(text)
    assert all(word in str(problem.value) for word in words)


@pytest.mark.parametrize("name", ["grasp", "boss", "ges", "gsp", "pc", "fci", "rfci", "fci_plus", "bfci", "gspo"])
def test_contradictions_stop_every_method_before_it_runs(run, name):
    with pytest.raises(UserError, match="contradict"):
        run(name, Oracle(random_dags(1)[0]), knowledge="X1 < X2; X2 --> X1")


def test_tetrad_files_are_read():
    text = "/knowledge\naddtemporal\n1 A B\n2* C IL-6\n\nforbiddirect\nA B\n\nrequiredirect\nB C\n"
    known = told(from_tetrad(text))
    assert known.earlier[0, 2] and known.earlier[1, 3] and known.forbidden[2, 3] and known.forbidden[3, 2] and known.forbidden[0, 1]
    assert np.array_equal(known.required, matrix([("B", "C")]))
    with pytest.raises(UserError, match="Line 2"):
        from_tetrad("addtemporal\nfirst A")


# -- orders and classes ------------------------------------------------------------------------------------------------


def test_orders_are_mended_no_more_than_needed():
    known = told("A < B; C --> A")
    assert known.in_order([4, 3, 2, 0, 1]) == [4, 3, 2, 0, 1]
    mended = known.in_order([1, 0, 2, 3, 4])
    assert mended.index(2) < mended.index(0) < mended.index(1)


def test_class_is_that_of_all_fitting_members():
    """Against all DAGs with four nodes: an arrow stands where every fitting member of the class has it."""
    rng = np.random.default_rng(0)
    by_class: dict[Graph, list[Graph]] = {}
    for dag in all_dags(4):
        by_class.setdefault(cpdag_of(dag), []).append(dag)
    for dags in list(by_class.values())[::3]:
        known = Knowledge.of(said_of(dags[0], rng), dags[0].nodes)
        fitting = [dag for dag in dags if not (dag.directed & known.forbidden).any() and (dag.directed >= known.required).all()]
        arrows = np.logical_and.reduce([dag.directed for dag in fitting])
        assert np.array_equal(known.class_of(dags[0]).directed, arrows)


# -- exact under an oracle -----------------------------------------------------------------------------------------------


def said_of(dag, rng, seen=None, causes=False):
    """Write true statements about a DAG: two or three tiers of some variables, some arrows, some arrows that are not there."""
    seen = list(dag.nodes if seen is None else seen)
    above = ancestors(dag.directed)
    order = sorted(seen, key=lambda name: (above[:, dag.index(name)].sum(), name))
    chosen = [name for name in order if rng.random() < 0.6]
    cuts = sorted(rng.choice(len(chosen) + 1, 2)) if chosen else [0, 0]
    tiers = [tier for tier in (chosen[: cuts[0]], chosen[cuts[0] : cuts[1]], chosen[cuts[1] :]) if tier]
    pairs = [(a, b) for a in seen for b in seen if a != b]
    arrows = [(a, b) for a, b in pairs if dag.directed[dag.index(a), dag.index(b)]]
    table = above if causes else dag.directed
    absent = [(a, b) for a, b in pairs if not table[dag.index(a), dag.index(b)]]
    required = [pair for pair in arrows if rng.random() < 0.15]
    return write(tiers, required, [pair for pair in absent if rng.random() < 0.1])


SCORED = ("grasp", "boss", "ges")


@pytest.mark.parametrize("method", ["pc", "gsp", *SCORED])
def test_true_knowledge_leads_to_the_class_that_fits(run, method):
    rng = np.random.default_rng(1)
    for dag in random_dags(40, range(4, 10), 2.5, seed=11):
        text = said_of(dag, rng)
        assert run(method, Oracle(dag), knowledge=text).graph == Knowledge.of(text, dag.nodes).class_of(dag), text


@pytest.mark.parametrize("method", ["igsp", "utigsp"])
def test_true_knowledge_and_interventions(run, method):
    rng = np.random.default_rng(2)
    for dag in random_dags(40, range(4, 9), 2.5, seed=12):
        targets = {"I": (dag.nodes[int(rng.integers(dag.p))],)}
        text = said_of(dag, rng)
        expected = Knowledge.of(text, dag.nodes).narrowed(interventional_cpdag_of(dag, targets), dag)
        assert run(method, InterventionalOracle(dag, targets), knowledge=text).graph == expected, text


@pytest.mark.parametrize("method", ["fci", "fci_plus", "bfci"])
def test_true_knowledge_with_hidden_causes(run, method):
    rng = np.random.default_rng(3)
    for dag, latent in latent_dags(40, range(4, 9), seed=13):
        seen = [name for name in dag.nodes if name not in latent]
        text = said_of(dag, rng, seen, causes=True)
        expected = with_knowledge(pag_of(mag_of(dag, latent)), Knowledge.of(text, seen))
        found = run(method, Oracle(dag, latent), knowledge=text)
        assert found.graph == expected.subgraph(found.graph.nodes), text
        assert found.is_valid and not found.n_conflicts


@pytest.mark.parametrize("start", ["order", "empty", "gsp"])
def test_true_knowledge_leads_gspo_to_the_class_that_fits(run, start):
    """A heuristic search: nearly always, and never against what was said."""
    rng, exact, drawn = np.random.default_rng(3), 0, latent_dags(30, range(4, 8), seed=13)
    for dag, latent in drawn:
        seen = [name for name in dag.nodes if name not in latent]
        text = said_of(dag, rng, seen, causes=True)
        known = Knowledge.of(text, seen)
        found = run("gspo", Oracle(dag, latent), knowledge=text, start=start).graph
        exact += found == with_knowledge(pag_of(mag_of(dag, latent)), known)
        assert breaches(found, known) == [], text
    assert exact >= 0.9 * len(drawn)


def test_rfci_marks_stay_true_with_knowledge(run):
    rng = np.random.default_rng(4)
    for dag, latent in latent_dags(60, range(4, 9), seed=14):
        seen = [name for name in dag.nodes if name not in latent]
        mag = mag_of(dag, latent)
        text = said_of(dag, rng, seen, causes=True)
        found = run("rfci", Oracle(dag, latent), knowledge=text).graph
        true = mag.subgraph(found.nodes).marks
        decided = np.isin(found.marks, (Mark.ARROW, Mark.TAIL)) & (true != Mark.NONE)
        assert np.array_equal(found.marks[decided], true[decided]), text


# -- honoured on data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["pc", "gsp", *SCORED])
def test_knowledge_is_honoured_on_data_even_when_it_is_wrong(run, method):
    """Statements drawn at random about data that say otherwise: required arrows are there, forbidden ones are not."""
    rng = np.random.default_rng(5)
    for dag, other in zip(random_dags(12, [6, 8], 2.5, seed=15), random_dags(12, [6, 8], 2.5, seed=16), strict=True):
        text = said_of(other, rng)
        result = run(method, gaussian(dag, 500), knowledge=text, alpha=0.01)
        assert breaches(result.graph, Knowledge.of(text, dag.nodes)) == [], text


@pytest.mark.parametrize("method", ["fci", "rfci", "fci_plus", "bfci", "gspo"])
def test_tails_are_never_set_against_knowledge(run, method):
    rng = np.random.default_rng(6)
    for dag, other in zip(random_dags(8, [6, 7], 2.5, seed=17), random_dags(8, [6, 7], 2.5, seed=18), strict=True):
        text = said_of(other, rng, causes=True)
        known = Knowledge.of(text, dag.nodes)
        marks = run(method, gaussian(dag, 500), knowledge=text, alpha=0.01).graph.marks
        assert not ((marks.T == Mark.TAIL) & known.forbidden & ~known.forbidden.T & (marks == Mark.ARROW)).any(), text
        assert (marks[known.required] == Mark.ARROW).all() and (marks.T[known.required] == Mark.TAIL).all(), text


def test_an_arrow_that_the_data_ask_for_all_the_same_is_named():
    context = Context.silent()
    known = Knowledge.of("A -/-> B", "AB")
    dag = known.honoured(Graph.from_edges("AB", ["A --> B"]), context)
    assert dag.n_edges == 0 and "A --> B" in context.warnings[0]


def test_the_evidence_of_an_edge_says_what_was_known(run):
    frame = gaussian(Graph.from_edges("ABC", ["A --> B", "B --> C"]))
    result = run("pc", frame, knowledge="A < B; B --> C")
    assert "You said that A comes before B." in result.evidence("A", "B").sentence
    assert "You said that B drives C." in result.evidence("B", "C").sentence
    assert result.graph.directed[0, 1] and result.graph.directed[1, 2]


def test_resamples_and_other_levels_keep_the_knowledge(run):
    from engine.discovery.stability import reorient
    from engine.independence import test_for

    frame = gaussian(Graph.from_edges("ABC", ["A --> B", "B --> C"]))
    result = run("pc", frame, knowledge="A < B", bootstrap=8)
    assert result.graph.support[1, 0, Mark.ARROW] == 0  # B -> A in no resample
    params = type("P", (), result.provenance.params)
    again = reorient(result, test_for(__import__("engine").Dataset.of(frame), params), 0.05)
    assert again.graph.directed[0, 1]
