"""fci finds the exact PAG under an oracle with hidden causes, and says when test results contradict each other."""

import itertools

import numpy as np
import pytest

from engine.core import Context, UserError
from engine.discovery.latent import LatentParams
from engine.discovery.possible_d_sep import possible_d_sep, unshielded_colliders, without_d_sep_links
from engine.discovery.repair import nearby_pag
from engine.discovery.skeleton import Separators, skeleton
from engine.graphs import Graph, is_maximal, is_valid_pag, mag_of, maximal_closure, pag_of
from engine.graphs.bitsets import members, of, rows
from engine.graphs.blocks import biconnected_blocks
from engine.independence import Oracle
from tests.engine.discovery.test_pc import Scripted, samples
from tests.graphs import all_ancestral_graphs, latent_dags, linked_mags, random_dag, random_mags, separations

# X and Y are not adjacent, but only {Z, W, V} separates them, and V is a neighbour of neither
D_SEP_LINK = Graph.from_edges("XYZWV", ["X <-> Z", "Z --> Y", "Y <-> W", "W --> X", "V --> Z", "V --> W"], "mag")


def selected_mags(n):
    """MAGs as in `linked_mags` of which a node or two decided which samples were taken."""
    rng = np.random.default_rng(2)
    return [mag_of(mag, (), rng.choice([u for u in mag.nodes if u[0] == "U"], 2, replace=False)) for mag in linked_mags(n, others=(3, 4))]


@pytest.mark.parametrize(("dag", "latent"), latent_dags(200), ids=str)
def test_exact_pag_under_an_oracle(dag, latent, run):
    result = run("fci", Oracle(dag, latent))
    assert result.graph == pag_of(mag_of(dag, latent))
    assert result.is_valid and not result.n_conflicts and not result.provenance.warnings


@pytest.mark.parametrize("mag", [D_SEP_LINK, *random_mags(60), *linked_mags(60)], ids=str)
def test_exact_pag_of_graphs_full_of_confounding(mag, run):
    assert run("fci", Oracle(mag)).graph == pag_of(mag)


@pytest.mark.parametrize("mag", [*random_mags(60, lines=True, seed=1), *selected_mags(20)], ids=str)
def test_exact_pag_with_selection_bias(mag, run):
    assert run("fci", Oracle(mag), selection=True).graph == pag_of(mag, selection=True)


@pytest.mark.parametrize("every", [False, True])
def test_neighbours_alone_do_not_suffice(every):
    several = 0
    for mag in linked_mags(50):
        found, context = Separators(Oracle(mag)), Context.silent()
        near = skeleton(found, None, context)
        left = without_d_sep_links(near, found, None, every, context)
        assert np.array_equal(found.numbered(left), mag.skeleton)
        several += not np.array_equal(near, left)
    assert several > 25


def test_possible_d_sep_is_what_its_definition_says():
    rng = np.random.default_rng(1)
    for mag in [*random_mags(20, nodes=(6, 7), density=0.4), *linked_mags(20)]:
        found = Separators(Oracle(mag))
        adjacent = skeleton(found, None, Context.silent())
        graph = unshielded_colliders(adjacent, found)
        pools = possible_d_sep(graph)
        for i, j in rng.permutation(np.argwhere(adjacent))[:4].tolist():
            wanted = plain_possible_d_sep(graph, i, j)
            pool = set(members(pools.get((i, j), 0)))
            assert wanted - set(members(graph.joined[i])) <= pool or not pool
            if pool:
                assert wanted <= pool


def plain_possible_d_sep(graph, i, j):
    """Walk all simple paths from i, and keep the nodes on some simple path between i and j."""
    found, stack = set(), [(i,)]
    while stack:
        path = stack.pop()
        for c in members(graph.joined[path[-1]]):
            if c in path:
                continue
            if len(path) > 1:
                a, b = path[-2:]
                collider = graph.mark(a, b) == graph.mark(c, b) == 2
                if not collider and not graph.joined[a] >> c & 1:
                    continue
            found.add(c)
            stack.append((*path, c))
    between = set().union(*(path for path in simple_paths(graph.joined, i, j)))
    return (found & between) - {i, j}


def simple_paths(joined, i, j):
    stack = [(i,)]
    while stack:
        path = stack.pop()
        for c in members(joined[path[-1]]):
            if c == j:
                yield {*path, j}
            elif c not in path:
                stack.append((*path, c))


def test_blocks_hold_the_nodes_that_share_a_cycle():
    rng = np.random.default_rng(0)
    for _ in range(40):
        joined = rows(random_dag(8, 2, rng).skeleton)
        blocks = biconnected_blocks(joined)
        edges = [{i, j} for i in range(8) for j in members(joined[i]) if i < j]
        assert all(sum(of(edge) & ~block == 0 for block in blocks) == 1 for edge in edges)
        for i, j in edges:
            block = next(block for block in blocks if of({i, j}) & ~block == 0)
            assert set(members(block)) == set().union(*simple_paths(joined, i, j))


@pytest.mark.parametrize("seed", range(4))
def test_fewer_questions_and_the_same_answers_than_asking_every_edge(seed, run):
    mag = linked_mags(4, others=(3,), seed=seed)[seed]
    quick, classic = run("fci", Oracle(mag)), run("fci", Oracle(mag), every_edge=True)
    assert quick.graph == classic.graph and len(quick.trace) < len(classic.trace)


@pytest.mark.parametrize("seed", range(4))
def test_permuting_columns_permutes_the_graph(seed, run):
    # few rows, so that tests contradict each other and ties and conflicts occur
    frame = samples(random_dag(11, 3, np.random.default_rng(seed)), 80, seed)
    result = run("fci", frame, alpha=0.05)
    for again in range(3):
        columns = np.random.default_rng(again).permutation(frame.columns)
        other = run("fci", frame[columns], alpha=0.05)
        assert other.graph == result.graph.subgraph(columns) and other.n_conflicts == result.n_conflicts


def contradictory():
    """Yield tables of so few rows that some of their tests contradict each other."""
    for seed in range(40):
        yield samples(random_dag(9, 3.5, np.random.default_rng(seed)), 60, seed)


def test_conflicts_are_counted_listed_and_named(run):
    result = next(found for frame in contradictory() if (found := run("fci", frame, alpha=0.1)).n_conflicts)
    assert result.n_conflicts == len(result.conflicts)
    row = result.conflicts.iloc[0]
    assert row["rule"].startswith("R") and row["kept"] != row["wanted"] and {row["source"], row["target"]} <= set(result.graph.nodes)
    assert f"contradicted each other in {result.n_conflicts} place" in result.provenance.warnings[0]
    assert dict(result.summary())["Conflicts"].startswith(f"{result.n_conflicts}, ")


def test_an_invalid_pag_is_called_so_and_repaired_on_demand(run):
    frame, result = next((frame, found) for frame in contradictory() if not (found := run("fci", frame, alpha=0.1)).is_valid)
    assert not is_valid_pag(result.graph)
    assert "not a valid PAG" in dict(result.summary())["Conflicts"]
    assert any("not a valid PAG" in warning for warning in result.provenance.warnings)
    repaired = run("fci", frame, alpha=0.1, repair=True)
    assert repaired.is_valid and repaired.is_repaired and is_valid_pag(repaired.graph)
    assert repaired.n_conflicts == result.n_conflicts
    assert any("close to what was found" in warning for warning in repaired.provenance.warnings)
    assert "repaired" in dict(repaired.summary()).get("Conflicts", dict(repaired.summary())["Graph"])


def test_a_valid_pag_wears_its_badge(run):
    assert "valid PAG" in dict(run("fci", Oracle(D_SEP_LINK)).summary())["Graph"]


@pytest.mark.parametrize("selection", [False, True])
def test_repair_is_valid_and_stable_whatever_it_is_given(selection):
    rng = np.random.default_rng(0)
    for k in range(150):
        p = 2 + k % 6
        upper = np.triu(rng.random((p, p)) < 0.5, 1)
        marks = np.where(upper | upper.T, rng.integers(1, 4, (p, p)), 0).astype(np.uint8)
        repaired = nearby_pag(Graph([f"X{i}" for i in range(p)], marks, "pag"), selection)
        assert is_valid_pag(repaired)
        assert nearby_pag(repaired, selection) == repaired


def test_repair_leaves_a_valid_pag_alone():
    for mag in random_mags(20):
        assert nearby_pag(pag_of(mag)) == pag_of(mag)


@pytest.mark.parametrize("p", [3, 4])
def test_the_maximal_closure_is_maximal_and_separates_the_same(p):
    some = itertools.islice(all_ancestral_graphs(p), 0, None, 1 if p == 3 else 11)
    for graph in some:
        closed = maximal_closure(graph)
        assert is_maximal(closed) and separations(closed) == separations(graph)


def test_the_largest_conditioning_set_binds_both_searches(run):
    result = run("fci", Oracle(random_mags(1, nodes=(9,), density=0.5)[0]), max_given=1)
    assert result.trace.sizes == [0, 1]


def test_sets_too_large_for_the_rows_end_both_searches(run):
    class Untestable(Scripted):
        def answers(self, i, j, given):
            statistic, p_values = super().answers(i, j, given)
            return statistic, np.where(given.shape[1] < 2, p_values, np.nan)

    assert run("fci", Untestable("ABCDEF", []), alpha=0.05).graph.n_edges == 15


def test_a_result_comes_back_from_disk(run, tmp_path):
    import engine

    result = next(found for frame in contradictory() if (found := run("fci", frame, alpha=0.1)).n_conflicts)
    loaded = engine.load(result.to_dir(tmp_path / "result"))
    assert loaded.digest == result.digest and loaded.conflicts.equals(result.conflicts)


def test_bootstrap_supports_the_marks(run):
    frame = samples(random_dag(5, 2, np.random.default_rng(0)), 400)
    graph = run("fci", frame, bootstrap=10).graph
    assert graph.support is not None and np.allclose(graph.support.sum(axis=2), 1)


def test_selection_is_refused_where_it_makes_no_sense():
    with pytest.raises(UserError):
        LatentParams(selection="yes")
