"""gsp is exact under an oracle, whatever the order it starts from, and its quick way with correlations gives what plain questions give."""

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from engine.core import Cancelled, Context, UserError
from engine.discovery import plateau
from engine.discovery.gsp import GspParams, descend, gsp
from engine.discovery.orders import minimal_imap, minimum_degree_orders
from engine.discovery.plateau import _moves, essential
from engine.discovery.reversals import Dag
from engine.discovery.stability import reorient
from engine.graphs import Graph, cpdag_of
from engine.independence import FisherZ, IndependenceTest, Oracle
from tests.graphs import random_dag, random_dags

COLLIDER = Graph.from_edges("ABC", ["A --> C", "B --> C"])


class Asked(IndependenceTest):
    """Fisher z without its correlation matrix in sight, so that every question has to be asked."""

    name, statistic = FisherZ.name, FisherZ.statistic

    def __init__(self, test):
        super().__init__(test.nodes, test.n_samples, test.alpha, test.digest)
        self.plain = test

    def answers(self, i, j, given):
        return self.plain.answers(i, j, given)


def gaussian(dag, n=2000, seed=0):
    """Draw n rows of a linear model with the arrows of ``dag``, coefficients +-U[0.4, 1] and unit noise."""
    rng = np.random.default_rng(seed)
    weights = dag.directed * rng.uniform(0.4, 1, (dag.p, dag.p)) * rng.choice([-1, 1], (dag.p, dag.p))
    return pd.DataFrame(rng.standard_normal((n, dag.p)) @ np.linalg.inv(np.eye(dag.p) - weights), columns=dag.nodes)


def fisher(frame, alpha=0.01):
    return FisherZ.of(tuple(frame.columns), frame.to_numpy(), alpha)


# -- exact under an oracle ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [None, 4])
@pytest.mark.parametrize("order", list(itertools.permutations("ABC")))
def test_collider_is_found_from_every_order(order, depth):
    oracle = Oracle(COLLIDER)
    found = descend(minimal_imap(order, oracle), oracle, depth=depth)
    assert cpdag_of(found) == cpdag_of(COLLIDER)


@pytest.mark.parametrize(("degree", "n"), [(2, 100), (4, 30)])
def test_exact_class_under_an_oracle(degree, n, run):
    for dag in random_dags(n=n, nodes=range(4, 11), degree=degree):
        assert run("gsp", Oracle(dag), depth=None).graph == cpdag_of(dag), dag


@pytest.mark.parametrize("order_seed", range(20))
def test_exact_class_from_any_single_order(order_seed):
    rng = np.random.default_rng(order_seed)
    dag = random_dag(9, 3, rng)
    oracle = Oracle(dag)
    start = minimal_imap([dag.nodes[k] for k in rng.permutation(dag.p)], oracle)
    assert cpdag_of(descend(start, oracle)) == cpdag_of(dag)


def test_looking_four_moves_ahead_is_nearly_always_enough(run):
    dags = list(random_dags(n=100, nodes=range(4, 11), degree=3, seed=1))
    exact = sum(run("gsp", Oracle(dag), depth=4).graph == cpdag_of(dag) for dag in dags)
    assert exact >= 99


def test_the_moves_of_a_class_are_those_of_all_its_dags():
    for dag in random_dags(n=60, nodes=range(3, 8), degree=3, seed=2):
        walk = Dag(dag.directed)
        lines, above = essential(walk)
        listed = {move for size in range(dag.p) for move in _moves(lines, above, size)}
        assert listed == moves_of_all_members(walk), dag


def moves_of_all_members(walk):
    """Visit every DAG of the class by covered reversals and collect its covered edges."""
    found, seen, waiting = set(), set(), [walk.arrows]
    while waiting:
        arrows = waiting.pop()
        if arrows.tobytes() in seen:
            continue
        seen.add(arrows.tobytes())
        for move in Dag(arrows).covered():
            found.add(move)
            neighbour = Dag(arrows)
            neighbour.reverse(move.i, move.j)
            waiting.append(neighbour.arrows)
    return found


# -- the quick way with correlations -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_minimal_imap_by_cholesky_equals_one_question_at_a_time(seed):
    rng = np.random.default_rng(seed)
    test = fisher(gaussian(random_dag(12, 4, rng), n=300, seed=seed))
    order = [test.nodes[k] for k in rng.permutation(test.p)]
    assert minimal_imap(order, test) == minimal_imap(order, Asked(test))


@pytest.mark.parametrize("depth", [None, 4])
def test_correlations_and_questions_give_the_same_graph(depth, run):
    for dag in random_dags(n=10, nodes=range(5, 12), degree=3, seed=3):
        test = fisher(gaussian(dag, n=400))
        quick, asked = run("gsp", test, alpha=0.01, depth=depth), run("gsp", Asked(test), alpha=0.01, depth=depth)
        assert quick.graph == asked.graph
        assert quick.order == asked.order


def test_order_by_minimum_degree_removes_leaves_of_a_star_first():
    star = Graph.from_edges("HABCDE", [f"H --> {leaf}" for leaf in "ABCDE"])
    for test in (Oracle(star), fisher(gaussian(star))):
        for order in minimum_degree_orders(test, 5, np.random.default_rng(0)):
            assert test.nodes[order[0]] == "H" or test.nodes[order[1]] == "H"


def test_recorded_answers_are_those_of_the_test(run):
    test = fisher(gaussian(random_dag(10, 3, np.random.default_rng(5)), n=500))
    trace = run("gsp", test, alpha=0.01).trace
    assert len(trace.sizes) > 3
    for size in trace.sizes:
        asked = trace.asked(size)
        statistic, p_value = test.answers(asked.i, asked.j, asked.given)
        np.testing.assert_allclose(asked.statistic, statistic, atol=1e-9)
        np.testing.assert_allclose(asked.p_value, p_value, atol=1e-9)


@pytest.mark.parametrize("kind", [lambda test: test, Asked])
def test_every_pair_has_a_test_that_explains_it(kind, run):
    test = fisher(gaussian(random_dag(12, 3, np.random.default_rng(6)), n=1000))
    result = run("gsp", kind(test), alpha=0.01)
    for a, b in itertools.combinations(test.nodes, 2):
        wanted = "dependent" if b in result.graph.adjacent(a) else "independent"
        assert wanted in set(result.trace.of(a, b)["decision"]), (a, b)


def test_beyond_the_limit_of_kept_pairs_every_edge_still_has_its_tests(run, monkeypatch):
    monkeypatch.setattr("engine.discovery.gsp.ALL_PAIRS", 5)
    test = fisher(gaussian(random_dag(12, 3, np.random.default_rng(6)), n=1000))
    result = run("gsp", test, alpha=0.01)
    for edge in result.graph.edges():
        assert "dependent" in set(result.trace.of(edge.source, edge.target)["decision"])


# -- in use ------------------------------------------------------------------------------------------------------------------


def test_same_seed_same_digest(run):
    frame = gaussian(random_dag(15, 3, np.random.default_rng(7)), n=300)
    assert run("gsp", frame, alpha=0.05, seed=4).digest == run("gsp", frame, alpha=0.05, seed=4).digest


def test_ties_are_broken_without_regard_to_the_order_of_columns():
    unrelated = Oracle(Graph.empty("ABC"))
    drawn = Counter(tuple(order) for order in minimum_degree_orders(unrelated, 600, np.random.default_rng(0)))
    assert len(drawn) == 6
    assert chisquare(list(drawn.values())).pvalue > 1e-3


def test_order_of_columns_plays_no_part_under_an_oracle(run):
    for seed, dag in enumerate(random_dags(n=10, nodes=[8], degree=3, seed=8)):
        shuffled = dag.subgraph([dag.nodes[k] for k in np.random.default_rng(seed).permutation(dag.p)])
        assert run("gsp", Oracle(shuffled)).graph.subgraph(dag.nodes) == run("gsp", Oracle(dag)).graph


def test_arrows_point_forwards_in_the_order(run):
    for dag in random_dags(n=10, nodes=range(4, 11), degree=3, seed=9):
        result = run("gsp", Oracle(dag))
        place = {node: n for n, node in enumerate(result.order)}
        assert sorted(result.order) == sorted(dag.nodes)
        directed = np.argwhere(result.graph.directed)
        assert all(place[dag.nodes[i]] < place[dag.nodes[j]] for i, j in directed)


def test_another_level_from_the_trace_equals_a_fresh_run(run):
    frame = gaussian(random_dag(10, 3, np.random.default_rng(10)), n=300)
    again = reorient(run("gsp", frame, alpha=0.05), fisher(frame, 0.05), 0.001)
    fresh = run("gsp", frame, alpha=0.001)
    assert again.graph == fresh.graph
    assert again.digest == fresh.digest


@pytest.mark.parametrize("depth", [None, 4])
def test_a_search_cut_short_says_so(depth, run, monkeypatch):
    monkeypatch.setattr(plateau, "LIMIT", 2)
    chain = Graph.from_edges("ABCDE", ["A --> B", "B --> C", "C --> D", "D --> E"])
    assert any("cut short" in warning for warning in run("gsp", Oracle(chain), depth=depth).provenance.warnings)


def test_depth_zero_never_leaves_a_graph_that_no_move_improves(run):
    chain = Graph.from_edges("ABC", ["A --> B", "B --> C"])
    assert run("gsp", Oracle(chain), depth=0).graph == cpdag_of(chain)


def test_too_few_samples_for_full_conditioning_is_a_mendable_error(run):
    with pytest.raises(UserError, match="too few to condition on all others of 20 variables"):
        run("gsp", fisher(gaussian(random_dag(20, 2, np.random.default_rng(11)), n=18)))


def test_singular_correlations_are_a_mendable_error(run):
    frame = gaussian(random_dag(4, 2, np.random.default_rng(12)))
    copied = frame.assign(copy=frame.iloc[:, 0])
    with pytest.raises(UserError, match="singular"):
        run("gsp", fisher(copied))


def test_two_variables(run):
    pair = Graph.from_edges("AB", ["A --> B"])
    assert run("gsp", Oracle(pair)).graph == cpdag_of(pair)
    assert run("gsp", gaussian(pair)).graph == cpdag_of(pair)


def test_progress_early_graphs_and_cancel():
    notes, early = [], []
    context = Context(
        on_progress=lambda fraction, note: notes.append(note), on_partial=lambda name, value: early.append((name, value.kind))
    )
    gsp(Oracle(COLLIDER), GspParams(starts=3), context)
    assert notes == ["start 1 of 3", "start 2 of 3", "start 3 of 3"]
    assert ("graph", "cpdag") in early
    with pytest.raises(Cancelled):
        gsp(Oracle(COLLIDER), GspParams(), Context(is_cancelled=lambda: True))
