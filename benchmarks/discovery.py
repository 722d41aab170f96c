"""W1: learning a sparse linear Gaussian graph; pc against causal-learn's PC, gsp against the reference GSP."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import engine
from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds
from engine.graphs import Graph, cpdag_of

ALPHA = 1e-3
SEEDS = (0, 1, 2)
N_SAMPLES = 10_000
SIZES = ((10, 2), (10, 4), (50, 2), (50, 4), (100, 2), (100, 4))  # (p, mean degree)
QUICK = ((10, 2), (50, 2))
PEER_LIMIT_S = 400
REFERENCE_GSP = {"alpha": ALPHA, "depth": 4, "starts": 5}  # the settings of its authors' own experiments
Marks = NDArray[np.uint8]


def run(quick: bool) -> list[Row]:
    """Return seconds, SHD and skeleton F1 of both methods and their peers, and where the two PC skeletons differ."""
    rows = []
    for p, degree in QUICK if quick else SIZES:
        drawn = [w1(p, degree, seed) for seed in SEEDS]
        truths = [cpdag_of(truth).marks for truth, _ in drawn]
        samples = [data for _, data in drawn]
        workload = f"W1 p={p} degree={degree}"
        rows += _against_pc(workload, samples, truths)
        rows += _against_reference_gsp(workload, samples, truths)
    return rows


def w1(p: int, degree: float, seed: int) -> tuple[Graph, NDArray[np.float64]]:
    """Draw a random DAG and (10,000, p) raw samples of its linear Gaussian model.

    Notes
    -----
    A random order; each pair joined with probability degree / (p - 1); weights +-U[0.25, 1]; unit noise. The legacy generator is that of
    the workload's definition, so that the graphs are the same everywhere.
    """
    random = np.random.RandomState(seed)
    joined = np.triu(random.rand(p, p) < degree / (p - 1), 1)
    order = random.permutation(p)
    weights = joined * random.uniform(0.25, 1, (p, p)) * random.choice([-1, 1], (p, p))
    values = random.randn(N_SAMPLES, p)
    for later in range(p):
        values[:, later] += values[:, :later] @ weights[:later, later]
    samples, arrows = np.empty_like(values), np.zeros((p, p), dtype=bool)
    samples[:, order] = values
    arrows[np.ix_(order, order)] = joined
    return Graph.from_directed(_names(p), arrows), samples


def _against_pc(workload: str, samples: Sequence[NDArray[np.float64]], truths: Sequence[Marks]) -> list[Row]:
    seconds, found = _product("pc", samples)
    peer = "causal-learn PC"
    try:
        answers = call_peer("causal_learn_pc", _named(samples), {"alpha": ALPHA}, PEER_LIMIT_S)
    except PeerFailed as problem:
        return _rows(workload, "pc", seconds, found, peer, [], [], truths, str(problem))
    peer_found = [np.array(answer["marks"], dtype=np.uint8) for answer in answers]
    rows = _rows(workload, "pc", seconds, found, peer, [answer["seconds"] for answer in answers], peer_found, truths)
    differing = [float(np.triu((ours > 0) != (theirs > 0)).sum()) for ours, theirs in zip(found, peer_found, strict=True)]
    note = "" if not any(differing) else "pairs joined by one program only"
    return [*rows, Row(workload, "skeleton differs", "pc", differing, peer, [], note=note)]


def _against_reference_gsp(workload: str, samples: Sequence[NDArray[np.float64]], truths: Sequence[Marks]) -> list[Row]:
    seconds, found = _product("gsp", samples)
    peer = "reference GSP"
    try:
        answers = call_peer("reference_gsp", _named(samples), REFERENCE_GSP, PEER_LIMIT_S)
    except PeerFailed as problem:
        return _rows(workload, "gsp", seconds, found, peer, [], [], truths, str(problem))
    dags = [Graph.from_directed(_names(len(answer["arrows"])), np.array(answer["arrows"])) for answer in answers]
    classes = [cpdag_of(dag).marks for dag in dags]
    return _rows(workload, "gsp", seconds, found, peer, [answer["seconds"] for answer in answers], classes, truths)


def _product(method: str, samples: Sequence[NDArray[np.float64]]) -> tuple[list[float], list[Marks]]:
    """Run one method of the product on each table, from raw samples to graph, after a warm-up on the first."""
    engine.run(method, samples[0], alpha=ALPHA)
    timed = [cpu_seconds(lambda data=data: engine.run(method, data, alpha=ALPHA)) for data in samples]
    return [seconds for seconds, _ in timed], [result.graph.marks for _, result in timed]


def _rows(
    workload: str, method: str, seconds: list[float], found: list[Marks], peer: str, peer_seconds: list[float], peer_found: list[Marks],
    truths: Sequence[Marks], note: str = "",
) -> list[Row]:  # fmt: skip
    ours, theirs = zip(found, truths, strict=True), zip(peer_found, truths, strict=bool(peer_found))
    scores, peer_scores = [_scores(*pair) for pair in ours], [_scores(*pair) for pair in theirs]
    return [
        Row(workload, "seconds", method, seconds, peer, peer_seconds, note=note),
        Row(workload, "SHD", method, [shd for shd, _ in scores], peer, [shd for shd, _ in peer_scores]),
        Row(workload, "skeleton F1", method, [f1 for _, f1 in scores], peer, [f1 for _, f1 in peer_scores], higher_is_better=True),
    ]


def _scores(found: Marks, truth: Marks) -> tuple[float, float]:
    """Return the number of pairs whose edge differs from the true CPDAG's, and F1 of the skeleton."""
    differs = found != truth
    shd = float(np.triu(differs | differs.T).sum())
    right = ((found > 0) & (truth > 0)).sum()
    return shd, float(2 * right / ((found > 0).sum() + (truth > 0).sum()))


def _named(samples: Sequence[NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    return {f"{n:03d}": data for n, data in enumerate(samples)}


def _names(p: int) -> tuple[str, ...]:
    return tuple(f"X{i + 1}" for i in range(p))
