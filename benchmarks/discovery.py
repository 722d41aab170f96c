"""Causal discovery side by side: W1, sparse linear Gaussian graphs of 10 to 5,000 variables, and what the other areas say of it.

The rows of W1 and of the bootstrap are this module's own; those of curved relations, hidden causes and interventions are their areas'.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import engine
from benchmarks import independence, interventions, latent
from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds, wall_seconds, wanted
from engine.core import Context
from engine.graphs import Graph, cpdag_of

ALPHA = 1e-3
SEEDS = tuple(range(10))
QUICK_SEEDS = SEEDS[:3]
SCORE_METHODS = ("grasp", "boss", "ges")  # the product's default first
SCORE_PEERS = {"causal_learn_grasp": "causal-learn GRaSP", "causal_learn_boss": "causal-learn BOSS"}
N_SAMPLES = 10_000
SIZES = ((10, 2), (10, 4), (50, 2), (50, 4), (100, 2), (100, 4))  # (p, mean degree)
QUICK = ((10, 2), (50, 2))
LARGE = ((1000, 2), (300, 4), (5000, 2))
BOOTSTRAP = ((50, 2), (50, 4))
RESAMPLES, PROCESSES, BOOTSTRAP_TARGET_S = 100, 2, 10.0
PEER_LIMIT_S = 600  # for all seeds of a workload; a peer that is stopped is compared on the seeds that it has done
REFERENCE_GSP = {"alpha": ALPHA, "depth": 4, "starts": 5}  # the settings of its authors' own experiments
Marks = NDArray[np.uint8]


def run(quick: bool) -> Iterator[Row]:
    """Yield the rows of all areas of causal discovery, workloads that take seconds first and the peers' hardest last."""
    sizes = QUICK if quick else SIZES
    yield from linear([size for size in sizes if size[0] < 100], quick)
    yield from bootstrap(BOOTSTRAP[:1] if quick else BOOTSTRAP)
    yield from independence.graphs(quick)
    yield from large(() if quick else LARGE[:1])
    yield from latent.run(quick)
    yield from interventions.run(quick)
    yield from large(() if quick else LARGE[1:])
    yield from linear([size for size in sizes if size[0] >= 100], quick)


def linear(sizes: Sequence[tuple[int, int]], quick: bool) -> Iterator[Row]:
    """Yield for W1 seconds, SHD and skeleton F1 of each method and its peer, and where the two PC skeletons differ."""
    for p, degree in sizes:
        workload = f"W1 p={p} degree={degree}"
        if not wanted(workload):
            continue
        drawn = [w1(p, degree, seed) for seed in (QUICK_SEEDS if quick else SEEDS)]
        truths, samples = [cpdag_of(truth).marks for truth, _ in drawn], [data for _, data in drawn]
        yield from _against_score_searches(workload, samples, truths)
        yield from _against_pc(workload, samples, truths)
        yield from _against_reference_gsp(workload, samples, truths)


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


def bootstrap(sizes: Sequence[tuple[int, int]]) -> Iterator[Row]:
    """Yield wall and CPU seconds of the default method with 100 resamples on two processes, their start included."""
    from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

    from joblib.externals.loky import get_reusable_executor

    for p, degree in sizes:
        workload, method = f"bootstrap p={p} degree={degree}", SCORE_METHODS[0]
        if not wanted(workload):
            continue
        _, data = w1(p, degree, 0)
        engine.run(method, data)
        before = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
        seconds, _ = wall_seconds(
            lambda data=data, method=method: engine.run(method, data, bootstrap=RESAMPLES, context=Context.silent(threads=PROCESSES))
        )
        get_reusable_executor().shutdown()  # what its processes used is known when they have ended
        after = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
        used = sum(new.ru_utime + new.ru_stime - old.ru_utime - old.ru_stime for old, new in zip(before, after, strict=True))
        note = f"{RESAMPLES} resamples of {N_SAMPLES:,} rows on {PROCESSES} processes"
        yield Row(workload, "wall seconds", method, [seconds], "target", [BOOTSTRAP_TARGET_S], note=note)
        yield Row(
            workload, "seconds, all processes", method, [used], "-", [], note="about half of it passes on an idle machine of two cores"
        )


def _against_score_searches(workload: str, samples: Sequence[NDArray[np.float64]], truths: Sequence[Marks]) -> Iterator[Row]:
    ours = {method: _product(method, samples) for method in SCORE_METHODS}
    for peer, label in SCORE_PEERS.items():
        answers, note = _asked(peer, samples, {})
        peer_seconds, peer_found = [answer["seconds"] for answer in answers], [np.array(answer["marks"], np.uint8) for answer in answers]
        for method, (seconds, found) in ours.items():
            made = _rows(workload, method, seconds, found, label, peer_seconds, peer_found, truths, note)
            yield from (*made, *(_median(row) for row in made[:2]))


def _against_pc(workload: str, samples: Sequence[NDArray[np.float64]], truths: Sequence[Marks]) -> Iterator[Row]:
    seconds, found = _product("pc", samples)
    peer = "causal-learn PC"
    answers, note = _asked("causal_learn_pc", samples, {"alpha": ALPHA})
    peer_found = [np.array(answer["marks"], dtype=np.uint8) for answer in answers]
    rows = _rows(workload, "pc", seconds, found, peer, [answer["seconds"] for answer in answers], peer_found, truths, note)
    yield from (*rows, *(_median(row) for row in rows[:2]))
    if answers:
        differing = [float(np.triu((ours > 0) != (theirs > 0)).sum()) for ours, theirs in zip(found, peer_found, strict=False)]
        yield Row(
            workload, "skeleton differs", "pc", differing, peer, [], note="pairs joined by one program only" if any(differing) else ""
        )


def _against_reference_gsp(workload: str, samples: Sequence[NDArray[np.float64]], truths: Sequence[Marks]) -> Iterator[Row]:
    seconds, found = _product("gsp", samples)
    answers, note = _asked("reference_gsp", samples, REFERENCE_GSP)
    dags = [Graph.from_directed(_names(len(answer["arrows"])), np.array(answer["arrows"])) for answer in answers]
    classes = [cpdag_of(dag).marks for dag in dags]
    yield from _rows(workload, "gsp", seconds, found, "reference GSP", [answer["seconds"] for answer in answers], classes, truths, note)


def _asked(peer: str, samples: Sequence[NDArray[np.float64]], settings: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return the peer's answers to as many tables as its time allows, and what kept it from the others."""
    try:
        return call_peer(peer, {f"{n:03d}": data for n, data in enumerate(samples)}, settings, PEER_LIMIT_S), ""
    except PeerFailed as problem:
        return problem.answers, str(problem)


def _median(row: Row) -> Row:
    """Return the row with medians in place of the values, over the seeds that both have."""
    values = [[float(median(values))] if values else [] for values in (row.product[: len(row.peer) or None], row.peer)]
    return Row(row.workload, f"median {row.metric}", row.method, values[0], row.peer_name, values[1], note=row.note)


def large(sizes: Sequence[tuple[int, int]]) -> Iterator[Row]:
    """Yield seconds, peak memory and accuracy of the default method on one graph of many variables, in a process of its own."""
    for p, degree in sizes:
        workload, method = f"W1 p={p} degree={degree}", SCORE_METHODS[0]
        if not wanted(workload):
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            seconds, megabytes, distance, f1 = fresh.submit(_alone, p, degree).result()
        measured = {"seconds": seconds, "peak MB above the data": megabytes, "SHD": distance, "skeleton F1": f1}
        yield from (Row(workload, metric, method, [value], "-", [], metric == "skeleton F1") for metric, value in measured.items())


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
    ours, theirs = zip(found, truths, strict=True), zip(peer_found, truths, strict=False)
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


def _names(p: int) -> tuple[str, ...]:
    return tuple(f"X{i + 1}" for i in range(p))
