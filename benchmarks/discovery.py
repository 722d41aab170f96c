"""W1: learning a sparse linear Gaussian graph; pc, gsp and the score searches against the programs they stand beside."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median

import numpy as np
from numpy.typing import NDArray

import engine
from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds
from engine.graphs import Graph, cpdag_of

ALPHA = 1e-3
SEEDS = (0, 1, 2)
SCORE_SEEDS = tuple(range(10))
SCORE_METHODS = ("grasp", "boss", "ges")  # the product's default first
SCORE_PEERS = {"causal_learn_grasp": "causal-learn GRaSP", "causal_learn_boss": "causal-learn BOSS"}
N_SAMPLES = 10_000
SIZES = ((10, 2), (10, 4), (50, 2), (50, 4), (100, 2), (100, 4))  # (p, mean degree)
QUICK = ((10, 2), (50, 2))
LARGE = ((300, 4), (1000, 2), (5000, 2))
PEER_LIMIT_S = 400
SCORE_PEER_LIMIT_S = 3600  # ten graphs of 100 variables and degree 4 take causal-learn a quarter of an hour or more
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
        rows += _against_score_searches(p, degree, workload)
    return rows if quick else rows + [row for p, degree in LARGE for row in _large(p, degree)]


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


def _against_score_searches(p: int, degree: int, workload: str) -> list[Row]:
    drawn = [w1(p, degree, seed) for seed in SCORE_SEEDS]
    truths, samples = [cpdag_of(truth).marks for truth, _ in drawn], [data for _, data in drawn]
    ours = {method: _product(method, samples) for method in SCORE_METHODS}
    rows = []
    for peer, label in SCORE_PEERS.items():
        note = ""
        try:
            answers = call_peer(peer, _named(samples), {}, SCORE_PEER_LIMIT_S)
        except PeerFailed as problem:
            answers, note = [], str(problem)
        peer_seconds, peer_found = [answer["seconds"] for answer in answers], [np.array(answer["marks"], np.uint8) for answer in answers]
        for method, (seconds, found) in ours.items():
            made = _rows(workload, method, seconds, found, label, peer_seconds, peer_found, truths, note)
            rows += [*made, *(_median(row) for row in made[:2])]
    return rows


def _median(row: Row) -> Row:
    """Return the row with medians over the seeds in place of the values."""
    values = [[float(median(values))] if values else [] for values in (row.product, row.peer)]
    return Row(row.workload, f"median {row.metric}", row.method, values[0], row.peer_name, values[1])


def _large(p: int, degree: int) -> list[Row]:
    """Return seconds, peak memory and accuracy of the default method on one graph of many variables, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        seconds, megabytes, distance, f1 = fresh.submit(_alone, p, degree).result()
    workload, method = f"W1 p={p} degree={degree}", SCORE_METHODS[0]
    measured = {"seconds": seconds, "peak memory above the data (MB)": megabytes, "SHD": distance, "skeleton F1": f1}
    return [Row(workload, metric, method, [value], "-", [], metric == "skeleton F1") for metric, value in measured.items()]


def _alone(p: int, degree: int) -> tuple[float, float, float, float]:
    from resource import RUSAGE_SELF, getrusage

    truth, data = w1(p, degree, 0)
    engine.run(SCORE_METHODS[0], data[:, :10])
    before = getrusage(RUSAGE_SELF).ru_maxrss
    seconds, result = cpu_seconds(lambda: engine.run(SCORE_METHODS[0], data))
    peak = (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024
    return seconds, peak, *_scores(result.graph.marks, cpdag_of(truth).marks)


def _product(method: str, samples: Sequence[NDArray[np.float64]]) -> tuple[list[float], list[Marks]]:
    """Run one method of the product on each table, from raw samples to graph, after a warm-up on a corner of the first."""
    engine.run(method, samples[0][:, :10], alpha=ALPHA)
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
