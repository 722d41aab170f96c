"""The compiled search is exact: right classes from exact correlations, and on noise no equally sparse graph lets an edge be dropped."""

import itertools

import numpy as np
import pytest

from engine.graphs import Graph, cpdag_of, dag_of
from engine.repurposing.causal.allowed_gsp_kernel import (
    LARGEST_GIVEN,
    SINGULAR_TESTS,
    TESTS,
    TOO_FEW_ROWS,
    Dag,
    Evidence,
    begin,
    essential,
    minimum_degree_order,
    partial_correlation,
    sparsest,
)
from engine.repurposing.causal.selection import critical_correlations


def workspace(correlation, critical):
    p, most = len(correlation), len(correlation)
    return Evidence(
        correlation,
        critical,
        np.zeros(5, np.int64),
        np.empty(p + 2, np.int64),
        np.empty((len(critical) + 2,) * 2),
        np.zeros((most + 2, 2), bool),
    )


def empty_dag(p):
    return Dag(np.zeros((p, p), bool), np.zeros((p, p + 2), np.int64), np.zeros((p, p + 2), np.int64))


def noise(p, n, seed):
    return np.corrcoef(np.random.default_rng(seed).standard_normal((n, p)), rowvar=False)


def random_arrows(p, seed, share=0.4):
    rng = np.random.default_rng(seed)
    order = rng.permutation(p)
    arrows = np.zeros((p, p), bool)
    arrows[np.ix_(order, order)] = np.triu(rng.random((p, p)) < share, 1)
    return arrows


def found(correlation, critical, allowed=None, starts=5, depth=5, seed=0):
    p = len(correlation)
    allowed = (1 - np.eye(p)).astype(np.uint8) if allowed is None else allowed.astype(np.uint8)
    counts = np.zeros(5, np.int64)
    most = int(allowed.sum(axis=0).max())
    return sparsest(correlation, critical, allowed, most, starts, 2 * starts, depth, np.random.default_rng(seed), counts), counts


# -- slow plain versions -----------------------------------------------------------------------------------------------


def plain_partial(correlation, i, j, given):
    block = [i, j, *given]
    inverse = np.linalg.inv(correlation[np.ix_(block, block)])
    return -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])


def plain_independent(correlation, critical, i, j, given):
    return len(given) >= len(critical) or abs(plain_partial(correlation, i, j, given)) <= critical[len(given)]


def plain_class(arrows):
    """Return all DAGs of a Markov equivalence class, by reversals of covered edges."""
    seen, waiting = {arrows.tobytes(): arrows}, [arrows]
    while waiting:
        here = waiting.pop()
        for i, j in np.argwhere(here):
            if set(np.flatnonzero(here[:, j])) == {*np.flatnonzero(here[:, i]), i}:
                turned = here.copy()
                turned[i, j], turned[j, i] = False, True
                if turned.tobytes() not in seen:
                    seen[turned.tobytes()] = turned
                    waiting.append(turned)
    return list(seen.values())


def plain_loss(arrows, correlation, critical):
    """Return the most arrows that the reversal of a covered edge of a DAG lets drop."""
    most = 0
    for i, j in np.argwhere(arrows):
        above = set(np.flatnonzero(arrows[:, i]).tolist())
        if set(np.flatnonzero(arrows[:, j]).tolist()) != above | {int(i)}:
            continue
        lost = sum(plain_independent(correlation, critical, k, i, [*(above - {k}), j]) for k in above)
        most = max(most, lost + sum(plain_independent(correlation, critical, k, j, [*(above - {k})]) for k in above))
    return most


# -- parts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(7))
def test_partial_correlations_are_those_of_the_inverse(size):
    for seed in range(5):
        correlation = noise(9, 12, seed)
        tests = workspace(correlation, np.full(9, 0.1))
        i, j, *given = np.random.default_rng(seed).permutation(9)[: size + 2].tolist()
        tests.given[:size] = given
        assert partial_correlation(tests, i, j, size) == pytest.approx(plain_partial(correlation, i, j, given), abs=1e-10)


@pytest.mark.parametrize("seed", range(40))
def test_what_all_equivalent_graphs_agree_on_is_the_cpdag(seed):
    p = 4 + seed % 6
    arrows = random_arrows(p, seed, (0.3, 0.5, 0.8)[seed % 3])
    dag, compelled = empty_dag(p), np.zeros((p, p), bool)
    for i, j in np.argwhere(arrows):
        dag.arrow[i, j] = True
        dag.parents[j, 0] += 1
        dag.parents[j, dag.parents[j, 0]] = i
    essential(dag, compelled)
    assert np.array_equal(compelled, cpdag_of(Graph.from_directed(map(str, range(p)), arrows)).directed)


@pytest.mark.parametrize("seed", range(6))
def test_the_first_graph_tests_given_the_markov_blanket(seed):
    p, rng = 8, np.random.default_rng(seed)
    correlation, critical = noise(p, 20, seed), critical_correlations(0.3, 20)
    allowed = np.triu(rng.random((p, p)) < 0.7, 1)
    allowed |= allowed.T
    order, dag = rng.permutation(p), empty_dag(p)
    n_arrows = begin(workspace(correlation, critical), dag, allowed.astype(np.uint8), order, np.zeros(p, bool))
    arrows = np.zeros((p, p), bool)
    for n, j in enumerate(order):
        for i in order[:n]:
            children = np.flatnonzero(arrows[i])
            blanket = {*np.flatnonzero(arrows[:, i]), *children, *np.flatnonzero(arrows[:, children].any(axis=1))} - {i}
            arrows[i, j] = allowed[i, j] and not plain_independent(correlation, critical, i, j, sorted(blanket))
    assert np.array_equal(dag.arrow, arrows)
    assert n_arrows == arrows.sum()


def test_elimination_takes_a_node_of_least_degree():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        around = np.triu(rng.random((9, 9)) < 0.35, 1)
        around |= around.T
        order = np.empty(9, np.int64)
        minimum_degree_order(around.astype(np.uint8), rng, order)
        left = set(range(9))
        for v in order[::-1].tolist():
            degree = {u: sum(around[u, w] for w in left - {u}) for u in left}
            assert degree[v] == min(degree.values())
            for a, b in itertools.combinations([u for u in left if around[v, u] and u != v], 2):
                around[a, b] = around[b, a] = True
            left.remove(v)


# -- the search --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_exact_correlations_give_the_true_class(seed):
    p = 3 + seed % 6
    arrows = random_arrows(p, seed)
    rng = np.random.default_rng(seed)
    weights = np.where(arrows, rng.uniform(0.4, 1.2, (p, p)) * rng.choice([-1, 1], (p, p)), 0)
    root = np.linalg.inv(np.eye(p) - weights.T)
    covariance = root @ root.T
    scale = np.sqrt(np.diag(covariance))
    cpdag, _ = found(covariance / np.outer(scale, scale), np.full(p, 1e-6), depth=10)
    truth = cpdag_of(Graph.from_directed(map(str, range(p)), arrows))
    assert np.array_equal(cpdag, truth.directed | truth.undirected)


@pytest.mark.parametrize("seed", range(20))
def test_no_equally_sparse_graph_has_a_move_that_drops_an_edge(seed):
    """One start, so that the graph returned is where its walk has ended; the whole class is searched by hand."""
    correlation, critical = noise(7, 25, seed), critical_correlations(0.25, 25)
    cpdag, _ = found(correlation, critical, starts=1, depth=20, seed=seed)
    graph = Graph.from_directed(map(str, range(7)), cpdag, "cpdag")
    member = dag_of(graph)
    assert cpdag_of(member) == graph
    assert max(plain_loss(arrows, correlation, critical) for arrows in plain_class(member.directed)) == 0


@pytest.mark.parametrize("seed", range(10))
def test_looking_ahead_finds_no_more_edges_than_not(seed):
    correlation, critical = noise(10, 25, seed), critical_correlations(0.3, 25)
    near, far = (found(correlation, critical, depth=depth, starts=1, seed=seed)[0] for depth in (0, 8))
    assert (far | far.T).sum() <= (near | near.T).sum()


def test_pairs_that_are_not_allowed_are_never_joined():
    for seed in range(10):
        allowed = np.triu(np.random.default_rng(seed).random((12, 12)) < 0.4, 1)
        allowed |= allowed.T
        cpdag, _ = found(noise(12, 20, seed), critical_correlations(0.5, 20), allowed, seed=seed)
        assert cpdag.any()
        assert not (cpdag & ~allowed).any()


def test_tests_that_the_rows_are_too_few_for_are_counted_and_find_nothing():
    correlation = noise(9, 6, 0)  # singular: six rows
    cpdag, counts = found(correlation, critical_correlations(0.5, 6))
    assert counts[TOO_FEW_ROWS] > 0
    assert counts[LARGEST_GIVEN] <= 2  # 6 - d - 3 > 0
    assert counts[TESTS] > counts[TOO_FEW_ROWS]
    assert dag_of(Graph.from_directed(map(str, range(9)), cpdag, "cpdag")).kind == "dag"


def test_a_copy_is_dependent_and_nothing_is_asked_given_it():
    """Genes 0 and 1 are one, so that gene 2 and one of them given the other is a singular question: no evidence, and counted."""
    correlation = np.array([[1.0, 1.0, 0.9], [1.0, 1.0, 0.9], [0.9, 0.9, 1.0]])
    cpdag, counts = found(correlation, np.full(3, 0.2))
    assert cpdag[0, 1]
    assert cpdag[1, 0]
    assert not cpdag[2].any()
    assert counts[SINGULAR_TESTS] > 0
