"""The forest is that of the published growth, done slowly; it is near the optimum over all sets; one growth holds the forests of all w."""

import itertools

import numpy as np
import pytest

from engine.repurposing.steiner.pcst import WeightedGraph


def drawn(seed, n, density=0.4, share=0.5, largest=1.0):
    """Draw a graph with costs and prizes."""
    rng = np.random.default_rng(seed)
    ends = np.array([pair for pair in itertools.combinations(range(n), 2) if rng.random() < density] or [(0, 1)])
    prizes = np.where(rng.random(n) < share, rng.uniform(0.05, largest, n), 0.0)
    return WeightedGraph(n, ends, rng.uniform(0.1, 1.0, len(ends))), prizes


def grown_slowly(graph, prizes, w):
    """Return the nodes of the forest by growth with a real root as the last node, every event sought among all of them."""
    n = graph.n
    ends = [*map(tuple, graph.ends), *((n, v) for v in range(n) if prizes[v] > 0)]
    costs = [*graph.costs, *(w for v in range(n) if prizes[v] > 0)]
    clusters, radius, taken = [{v} for v in range(n + 1)], np.zeros(n + 1), []
    budget = {frozenset({v}): prizes[v] for v in range(n)} | {frozenset({n}): 0.0}
    while True:
        grows = [n not in c and budget[frozenset(c)] > 1e-12 for c in clusters]
        if not any(grows):
            break
        of = {v: k for k, c in enumerate(clusters) for v in c}
        deaths = [(budget[frozenset(c)], 1, k) for k, c in enumerate(clusters) if grows[k]]
        meets = [
            (max(cost - radius[u] - radius[v], 0.0) / (grows[of[u]] + grows[of[v]]), 0, e)
            for e, ((u, v), cost) in enumerate(zip(ends, costs, strict=True))
            if of[u] != of[v] and grows[of[u]] + grows[of[v]]
        ]
        step, is_death, what = min(deaths + meets)
        for k, c in enumerate(clusters):
            if grows[k]:
                radius[list(c)] += step
                budget[frozenset(c)] -= step
        if is_death:
            budget[frozenset(clusters[what])] = 0.0
            continue
        taken.append(what)
        u, v = ends[what]
        one, other = clusters[of[u]], clusters[of[v]]
        budget[frozenset(one | other)] = budget[frozenset(one)] + budget[frozenset(other)]
        clusters = [c for c in clusters if c not in (one, other)] + [one | other]
    home = next(c for c in clusters if n in c)
    links = [(ends[e], costs[e]) for e in taken if set(ends[e]) <= home and n not in ends[e]]
    return best_of_trees(home - {n}, links, prizes, w)


def best_of_trees(nodes, links, prizes, w):
    """Return the nodes of the best part of each tree, whichever its top, where it is worth more than w."""

    def worth(v, above):
        parts = [(worth(x, v), cost) for (a, b), cost in links if v in (a, b) for x in (a + b - v,) if x != above]
        kept = [(part, cost) for part, cost in parts if part[0] - cost > 0]
        return prizes[v] + sum(part[0] - cost for part, cost in kept), {v}.union(*(part[1] for part, _ in kept))

    chosen, left = set(), set(nodes)
    while left:
        tree, grown = {min(left)}, True
        while grown:
            more = {x for (a, b), _ in links for x in (a, b) if tree & {a, b}} - tree
            tree, grown = tree | more, bool(more)
        left -= tree
        gain, part = max((worth(v, None) for v in tree), key=lambda found: found[0])
        chosen |= part if gain > w else set()
    return chosen


def optimum(graph, prizes, w):
    """Return the least objective over all sets of nodes, each joined by its cheapest trees."""
    links = sorted(zip(graph.costs, map(tuple, graph.ends.tolist()), strict=True))
    best = prizes.sum()
    for size in range(1, graph.n + 1):
        for chosen in map(set, itertools.combinations(range(graph.n), size)):
            total = prizes.sum() - prizes[list(chosen)].sum() + w * size
            label = {v: v for v in chosen}
            for cost, (u, v) in links:
                if cost >= w:
                    break
                if u in chosen and v in chosen and label[u] != label[v]:
                    old, new = label[u], label[v]
                    label = {x: new if mark == old else mark for x, mark in label.items()}
                    total += cost - w
            best = min(best, total)
    return best


@pytest.mark.parametrize("largest", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("w", [0.15, 0.5, 1.2])
def test_it_is_the_published_growth(largest, w):
    seen = set()
    for seed in range(14):
        graph, prizes = drawn(seed, 6 + seed, 0.25, 0.6, largest)
        forest = graph.forest(prizes, w)
        assert set(np.flatnonzero(forest.nodes)) == grown_slowly(graph, prizes, w)
        seen.add(int(forest.nodes.sum()))
    assert len(seen) > 2 or largest == 0.3


def test_it_is_a_forest_whose_figures_add_up():
    for seed in range(30):
        graph, prizes = drawn(seed, 25, 0.2)
        forest = graph.forest(prizes, 0.4)
        label = np.arange(graph.n)
        for u, v in graph.ends[forest.edges]:
            assert label[u] != label[v]
            label[label == label[u]] = label[v]
        assert forest.nodes[graph.ends[forest.edges]].all()
        assert forest.n_trees == len(set(label[forest.nodes]))
        outside, edges = prizes[~forest.nodes].sum(), graph.costs[forest.edges].sum()
        assert graph.objective(forest, prizes, 0.4) == pytest.approx(outside + edges + 0.4 * forest.n_trees)


def test_never_worse_than_twice_the_optimum_and_mostly_much_better():
    ratios = []
    for seed in range(50):
        graph, prizes = drawn(seed, 6, 0.5)
        w = 0.2 + 0.01 * seed
        least = optimum(graph, prizes, w)
        if least > 0:
            ratios.append(graph.objective(graph.forest(prizes, w), prizes, w) / least)
    assert min(ratios) >= 1 - 1e-12
    assert max(ratios) <= 2
    assert np.median(ratios) < 1.05


def test_the_path_on_which_the_peer_returns_zeros():
    graph = WeightedGraph(4, np.array([[0, 1], [1, 2], [2, 3]]), np.ones(3))
    forest = graph.forest(np.array([5.0, 0.0, 5.0, 0.0]), 1.5)
    assert forest.nodes.tolist() == [True, True, True, False]
    assert forest.edges.tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(10))
def test_one_growth_holds_the_forests_of_all_w(seed):
    graph, prizes = drawn(seed, 40, 0.12)
    enters, joins = graph.unions(prizes > 0)
    for w in np.random.default_rng(seed).uniform(0.02, 1.2, 12):
        forest = graph.forest(100 * prizes, w)
        assert (forest.nodes == (enters <= w)).all()
        assert forest.n_trees == (prizes > 0).sum() - (joins <= w).sum()


def test_room_for_events_is_found():
    graph, prizes = drawn(3, 40, 0.3, largest=0.4)
    expected = graph.forest(prizes, 0.5).nodes
    graph.room = 1
    assert (graph.forest(prizes, 0.5).nodes == expected).all()


def test_nothing_prized_or_nothing_joined():
    graph = WeightedGraph(3, np.array([[0, 1]]), np.ones(1))
    assert not graph.forest(np.zeros(3), 1.0).nodes.any()
    assert graph.forest(np.array([0.0, 0.0, 2.0]), 1.0).nodes.tolist() == [False, False, True]
    assert not graph.forest(np.array([0.0, 0.0, 0.9]), 1.0).nodes.any()
    assert graph.unions(np.array([True, False, True]))[1].size == 0
