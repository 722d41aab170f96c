"""The interactome beside pcst_fast: W5 one forest, W6 the grid of 100 prices, W7 random diseases, and small graphs against all their sets.

The network and terminals are those of the shared folder (CAUSEWAY_DATA, or ``../shared/data``); without it only the small graphs are run.
The peer is built from source: its wheel returns zeros with current NumPy.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds, wanted
from engine.repurposing.steiner.network import Network, network_of
from engine.repurposing.steiner.nulls import null_networks, prizes_of
from engine.repurposing.steiner.pcst import WeightedGraph
from engine.repurposing.steiner.surface import surface_of, sweep_of

SHARED = Path(os.environ.get("CAUSEWAY_DATA") or Path(__file__).parents[2] / "shared" / "data") / "covid19"
METHOD, PEER = "interactome", "pcst_fast 1.0.10"
W, B, G = 1.4, 40.0, 0.0
GRID_W, GRID_B = tuple(round(0.2 * k, 1) for k in range(1, 11)), tuple(5.0 * k for k in range(1, 11))
REPEATS, NULLS, PEER_NULLS = 5, 200, 20
SMALL, SMALL_NODES = 200, 8
PEER_LIMIT_S = 600
Floats = NDArray[np.float64]


def run(quick: bool) -> Iterator[Row]:
    """Yield W5, W6 (a tenth of the peer's grid where ``quick``), W7 and the small graphs."""
    if SHARED.is_dir() and any(wanted(name) for name in ("W5 one forest", "W6 100 prices", "W7 random diseases")):
        network, prizes = published()
        graph = network.graph(G)
        graph.forest(B * prizes, W)  # compiles
        if wanted("W5 one forest"):
            yield from _one(graph, prizes)
        if wanted("W6 100 prices"):
            yield from _grid(network, prizes, GRID_B[:1] if quick else GRID_B)
        if wanted("W7 random diseases"):
            yield from _random(network, prizes, NULLS // 10 if quick else NULLS)
    if wanted("H1 small graphs"):
        yield from _small(SMALL // 10 if quick else SMALL)


def published() -> tuple[Network, Floats]:
    """Return the published network and the prizes of its 162 terminals."""
    network, _ = network_of(pd.read_csv(SHARED / "irefindex_v14_costs.tsv.gz", sep="\t", keep_default_na=False))
    terminals = pd.read_csv(SHARED / "terminals_ppi_analysis.tsv", sep="\t")
    return network, prizes_of(network, dict(zip(terminals["name"].str.upper(), terminals["prize"], strict=True)))


def _one(graph: WeightedGraph, prizes: Floats) -> Iterator[Row]:
    """Yield CPU seconds of one forest and the proteins that only one program has."""
    timed = [cpu_seconds(lambda: graph.forest(B * prizes, W)) for _ in range(REPEATS)]
    answers, note = _peer([(graph, B * prizes, W)] * REPEATS)
    yield Row("W5 one forest", "seconds", METHOD, [s for s, _ in timed], PEER, [answer["seconds"] for answer in answers], note=note)
    if answers:
        differing = float(len(set(np.flatnonzero(timed[0][1].nodes)) ^ set(answers[0]["nodes"])))
        yield Row("W5 one forest", "proteins not shared", METHOD, [differing], PEER, [0.0], note="0: the same forest")


def _grid(network: Network, prizes: Floats, scales: Sequence[float]) -> Iterator[Row]:
    """Yield CPU seconds of all forests over w and b, and the cells in which the proteins differ."""
    graph = network.graph(G)
    none = np.zeros(network.n, dtype=bool)
    seconds, sweep = cpu_seconds(lambda: sweep_of(network.graph(G), prizes))
    table_s, surface = cpu_seconds(lambda: surface_of(network, sweep, none))
    cells = list(itertools.product(GRID_W, scales))
    answers, note = _peer([(graph, b * prizes, w) for w, b in cells])
    yield Row(
        f"W6 {len(cells)} prices", "seconds", METHOD, [seconds + table_s], PEER, [sum(answer["seconds"] for answer in answers)],
        note=note or f"the product has every forest over w ({len(surface)}), not only those of the grid",
    )  # fmt: skip
    differing = sum(set(np.flatnonzero(sweep.enters <= w)) != set(a["nodes"]) for (w, _), a in zip(cells, answers, strict=False))
    yield Row(f"W6 {len(cells)} prices", "cells that differ", METHOD, [float(differing)], PEER, [0.0])


def _random(network: Network, prizes: Floats, n: int) -> Iterator[Row]:
    """Yield CPU seconds per forest of a random disease, and the mean size of these; the peer gets the prizes of other draws."""
    seconds, nulls = cpu_seconds(lambda: null_networks(network, prizes, n=n, w=W, b=B, g=G))
    graph, rng = network.graph(G), np.random.default_rng(7)
    drawn = []
    for _ in range(PEER_NULLS if n == NULLS else 2):
        moved = np.zeros(network.n)
        moved[rng.choice(network.n, int((prizes > 0).sum()), replace=False)] = prizes[prizes > 0]
        drawn.append((graph, B * moved, W))
    answers, note = _peer(drawn)
    yield Row(
        "W7 random diseases", "seconds each", METHOD, [seconds / n], PEER, [answer["seconds"] for answer in answers],
        note=note or f"mean of {n} with matched genes, layout and drawing included",
    )  # fmt: skip
    sizes = [float(len(answer["nodes"])) for answer in answers]
    yield Row("W7 random diseases", "proteins", METHOD, [float(nulls.sizes.mean())], PEER, sizes, note="the peer's genes are uniform")


def _small(n: int) -> Iterator[Row]:
    """Yield the ratio of the objective to the optimum over all sets of nodes."""
    problems = [small(seed) for seed in range(n)]
    best = [optimum(*problem) for problem in problems]
    own = [graph.objective(graph.forest(prizes, w), prizes, w) for graph, prizes, w in problems]
    answers, note = _peer(problems)
    theirs = [_objective(problem, answer) for problem, answer in zip(problems, answers, strict=False)]
    for metric, reduce in (("mean ratio to the optimum", np.mean), ("largest ratio", np.max)):
        mine = float(reduce(np.divide(own, best)))
        other = [float(reduce(np.divide(theirs, best[: len(theirs)])))] if theirs else []
        yield Row(f"H1 {n} small graphs", metric, METHOD, [mine], PEER, other, note=note)
    gain = np.array(theirs) - np.array(own[: len(theirs)])
    worse, better = float((gain < -1e-9).sum()), float((gain > 1e-9).sum())
    yield Row(f"H1 {n} small graphs", "worse than the other", METHOD, [worse], PEER, [better])


def small(seed: int) -> tuple[WeightedGraph, Floats, float]:
    """Draw a graph of 8 nodes with prizes and a cost of trees."""
    rng = np.random.default_rng([11, seed])
    pairs = [pair for pair in itertools.combinations(range(SMALL_NODES), 2) if rng.random() < 0.4] or [(0, 1)]
    prizes = np.where(rng.random(SMALL_NODES) < 0.5, rng.uniform(0.05, 1.5, SMALL_NODES), 0.0)
    prizes[0] += 0.1
    return WeightedGraph(SMALL_NODES, np.array(pairs), rng.uniform(0.1, 1.0, len(pairs))), prizes, float(rng.uniform(0.1, 1.0))


def optimum(graph: WeightedGraph, prizes: Floats, w: float) -> float:
    """Return the least objective: of every set of nodes the cheapest trees, by Kruskal's algorithm over edges cheaper than w."""
    links = sorted(zip(graph.costs.tolist(), graph.ends.tolist(), strict=True))
    best = float(prizes.sum())
    for chosen in itertools.product((False, True), repeat=graph.n):
        label, total = list(range(graph.n)), float(prizes.sum())
        total += sum(w - prizes[v] for v in range(graph.n) if chosen[v])
        for cost, (u, v) in links:
            if cost < w and chosen[u] and chosen[v] and label[u] != label[v]:
                label = [label[u] if mark == label[v] else mark for mark in label]
                total += cost - w
        best = min(best, total)
    return best


def _objective(problem: tuple[WeightedGraph, Floats, float], answer: dict[str, Any]) -> float:
    graph, prizes, w = problem
    nodes, edges = answer["nodes"], answer["edges"]
    return float(prizes.sum() - prizes[nodes].sum() + graph.costs[edges].sum() + w * (len(nodes) - len(edges)))


def _peer(problems: Sequence[tuple[WeightedGraph, Floats, float]]) -> tuple[list[dict[str, Any]], str]:
    """Return the peer's answers, and why some are missing; a table holds (n, w, 0), a row per prize, a row (u, v, cost) per edge."""
    packed = {}
    for k, (graph, prizes, w) in enumerate(problems):
        head = np.zeros((1 + graph.n, 3))
        head[0, :2], head[1:, 0] = (graph.n, w), prizes
        packed[f"problem{k:03d}"] = np.concatenate([head, np.column_stack([graph.ends, graph.costs])])
    try:
        return call_peer("pcst_fast_forest", packed, {}, PEER_LIMIT_S), ""
    except PeerFailed as problem:
        return problem.answers, str(problem)
