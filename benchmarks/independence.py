"""Kernel tests against causal-learn's: the level on curved confounding, the power on curves, seconds; and the way to a curved graph."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import engine
from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds, wall_seconds, wanted
from engine.data import simulate
from engine.graphs import Graph
from engine.independence import FisherZ
from engine.independence.kernel import Kci, KernelFeatures

ALPHA = 0.05
SEEDS = (0, 1, 2)
CHILDREN = 25  # 300 pairs
GRAPHS = ((10, 500), (20, 2000), (20, 10_000))  # (p, n)
TARGET_S = 60.0  # for a graph of 20 variables and 2,000 rows
PEER_LIMIT_S = 400
LEVELS = (
    *((200, 1, Kci, "kci"), (500, 2, Kci, "kci"), (500, 4, Kci, "kci"), (500, 5, Kci, "kci")),
    *((2000, parents, KernelFeatures, "rcit") for parents in (1, 2, 4, 5)),
)
SHAPES = (lambda s: s, lambda s: s**2, lambda s: np.sin(2 * s), lambda s: np.tanh(3 * s), np.abs)
EFFECTS = {
    "square": lambda x, e: 0.2 * x**2 + e,
    "wave": lambda x, e: 0.6 * np.cos(1.5 * x) + e,
    "spread": lambda x, e: e * np.exp(0.25 * x),
}
Floats = NDArray[np.float64]


def run(quick: bool) -> Iterator[Row]:
    """Yield how far false rejections are from 5%, the power and the seconds of the tests, and PC on curves with each test."""
    for n, parents, kind, peer in LEVELS[:1] if quick else LEVELS:
        workload = f"common causes |S|={parents} n={n}"
        if wanted(workload):
            yield from _compared(workload, [confounded(n, parents, seed) for seed in SEEDS], parents, kind, peer, True)
    for n, kind, peer in ((300, Kci, "kci"), (2000, KernelFeatures, "rcit")):
        for effect in () if quick else EFFECTS:
            workload = f"{effect} n={n}"
            if wanted(workload):
                yield from _compared(workload, [dependent(n, effect, seed) for seed in SEEDS], 1, kind, peer, False)
    yield from graphs(quick)


def graphs(quick: bool) -> Iterator[Row]:
    """Yield skeleton F1 and seconds of PC with the kernel test and with straight lines on smooth functions."""
    for p, n in GRAPHS[:1] if quick else GRAPHS:
        if wanted(f"smooth functions p={p} n={n}"):
            yield from _graphs(p, n)


def confounded(n: int, parents: int, seed: int) -> Floats:
    """Draw curved functions of common parents with noise as large as each function; the parents are the last columns."""
    rng = np.random.default_rng([seed, n])
    above = rng.standard_normal((n, parents))
    columns = []
    for _ in range(CHILDREN):
        parts = [SHAPES[rng.integers(len(SHAPES))](above[:, k]) for k in range(parents)]
        columns.append(sum((part - part.mean()) / part.std() for part in parts) + rng.standard_normal(n))
    return np.column_stack([*columns, above])


def dependent(n: int, effect: str, seed: int) -> Floats:
    """Draw a cause, many effects of it that share a common cause with it, and the common cause last."""
    rng = np.random.default_rng([seed, n])
    common = rng.standard_normal(n)
    cause = common + rng.standard_normal(n)
    effects = [EFFECTS[effect](cause, rng.standard_normal(n)) + common for _ in range(CHILDREN - 1)]
    return np.column_stack([cause, *effects, common])


def _compared(workload: str, tables: list[Floats], parents: int, kind: type, peer: str, null: bool) -> list[Row]:
    """Ask all pairs of children (of a null), or the cause with each effect, given the last columns."""
    pairs = [(i, j) for i in range(CHILDREN) for j in range(i + 1, CHILDREN) if null or i == 0]
    pairs = pairs if peer == "rcit" or not null else pairs[:: len(pairs) // 60]
    ours = [cpu_seconds(lambda table=table: _p_values(kind, table, pairs, parents)) for table in tables]
    lines = [_p_values(FisherZ, table, pairs, parents) for table in tables]
    try:
        settings = {"test": peer, "pairs": pairs, "parents": parents}
        theirs = call_peer("causal_learn_ci", {f"{n}": table for n, table in enumerate(tables)}, settings, PEER_LIMIT_S)
        note = ""
    except PeerFailed as problem:
        theirs, note = problem.answers, str(problem)
    metric = "rejected, 5% is right" if null else "power at 5%"
    name, peer_name = kind.name, f"causal-learn {peer.upper()}"
    rates = [_rate(p) for _, p in ours]
    note = note or ("a rate, not a race" if null else "")
    return [
        Row(workload, metric, name, rates, peer_name, [_rate(found["p_values"]) for found in theirs], not null, note),
        Row(workload, metric, name, rates, "Fisher z", [_rate(p) for p in lines], not null, note),
        Row(
            workload, "ms per test", name, [1e3 * seconds / len(pairs) for seconds, _ in ours],
            peer_name, [1e3 * found["seconds"] / len(pairs) for found in theirs],
        ),
    ]  # fmt: skip


def _p_values(kind: type, table: Floats, pairs: list[tuple[int, int]], parents: int) -> Floats:
    names = [f"X{k:02d}" for k in range(table.shape[1])]
    test = kind.of(names, table, ALPHA) if kind is FisherZ else kind(names, table, np.zeros(len(names), bool), ALPHA)
    i, j = np.array(pairs).T
    return test.p_values(i, j, list(range(CHILDREN, CHILDREN + parents)))


def _rate(p_values: Floats | list[float]) -> float:
    return float(np.mean(np.asarray(p_values) <= ALPHA))


def _graphs(p: int, n: int) -> list[Row]:
    tables = [simulate("nonlinear", p=p, n=n, seed=seed) for seed in SEEDS]
    truths = [Graph.from_dict(table.truth["graph"]).skeleton for table in tables]
    curved, straight = (
        [wall_seconds(lambda t=t, test=test: engine.run("pc", t, test=test)) for t in tables] for test in ("kernel", "gaussian")
    )
    scores = [[_f1(found.graph.skeleton, truth) for (_, found), truth in zip(runs, truths, strict=True)] for runs in (curved, straight)]
    workload = f"smooth functions p={p} n={n}"
    return [
        Row(workload, "skeleton F1", "pc, kernel", scores[0], "pc, Gaussian", scores[1], higher_is_better=True),
        Row(workload, "wall seconds", "pc, kernel", [s for s, _ in curved], "pc, Gaussian", [s for s, _ in straight]),
        *([Row(workload, "wall seconds", "pc, kernel", [s for s, _ in curved], "target", [TARGET_S] * len(curved))] if n == 2000 else []),
    ]


def _f1(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))
