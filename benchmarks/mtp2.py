"""W1: maximum likelihood under total positivity against cvxpy with SCS and a fixed-point method in NumPy, certified alike.

W2: the tuning-free graph against a plain implementation, and how well it finds random graphs; then a hundred simulated stocks.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds, wanted
from engine.mtp2.certificate import duality_gap
from engine.mtp2.families import chain, random
from engine.mtp2.modularity import modularity
from engine.mtp2.newton import point_at
from engine.mtp2.solver import TOLERANCE, maximum_likelihood
from engine.mtp2.tuning_free import GAMMA, TuningFree, tuning_free

SIZES = (50, 100, 200, 500, 1000)
QUICK = (50, 100)
REPEATS = 3
SOLVERS = (
    ("cvxpy/SCS", "cvxpy_scs", {"accuracy": 1e-6}),
    ("NumPy FPN", "numpy_fpn", {"tolerance": TOLERANCE, "shrink": 0.5}),
    ("NumPy FPN, 0.7 steps", "numpy_fpn", {"tolerance": TOLERANCE, "shrink": 0.7}),
)
MOST_FOR_PEERS = 200  # cvxpy takes 90 s there; at 500 a step of FPN takes 0.12 s, and 200 of them leave a gap of 43
PEER_LIMIT_S = 600
CHAINS = ((20, 200, GAMMA), (40, 400, GAMMA), (100, 100, GAMMA), (100, 1000, GAMMA), (100, 1000, 0.85))
QUICK_CHAINS = CHAINS[:2]
PLAIN = (("plain", False), ("plain, all columns", True))  # the second takes the covariance of all columns for each test, as the reference
P, DENSITY, DRAWS, QUICK_DRAWS = 100, 0.01, 20, 3
RANDOM_SIZES = (100, 500, 1000)
N_STOCKS, N_DAYS, N_SECTORS, TAILS = 100, 1257, 10, 4
PLAIN_TESTS = 20_000  # of the plain implementation on the stocks, whose millions would take it minutes
Floats = NDArray[np.float64]


def run(quick: bool) -> Iterator[Row]:
    """Yield seconds and certified gaps of the solvers, then seconds, tests and Matthews correlations of the tuning-free graph."""
    for n in QUICK if quick else SIZES:
        for rows in (n,) if quick else (n, 2 * n):
            if wanted(f"W1 N={n} T={rows}"):
                yield from _solver(f"W1 N={n} T={rows}", w1(n, rows))
    for p, n, gamma in QUICK_CHAINS if quick else CHAINS:
        workload = f"W2 chain p={p} n={n} gamma={gamma:.2f}"
        if wanted(workload):
            yield from _chain(workload, p, n, gamma)
    for n in RANDOM_SIZES:
        for gamma in (GAMMA, 0.85):
            workload = f"W2 random n={n} gamma={gamma:.2f}"
            if wanted(workload):
                yield from _random(workload, n, gamma, QUICK_DRAWS if quick else DRAWS)
    if not quick and wanted("W2 stocks"):
        yield from _stocks("W2 stocks")


def w1(n: int, rows: int) -> Floats:
    """Return the (n, n) correlations of ``rows`` days of one factor and noise."""
    rng = np.random.default_rng(0)
    beta, noise, factor = rng.uniform(0.5, 1.5, n), rng.uniform(0.01, 0.03, n), 0.01 * rng.standard_normal(rows)
    return np.corrcoef(np.outer(factor, beta) + rng.standard_normal((rows, n)) * noise, rowvar=False)


def _solver(workload: str, correlation: Floats) -> Iterator[Row]:
    maximum_likelihood(correlation[:5, :5])
    runs = [cpu_seconds(lambda: maximum_likelihood(correlation)) for _ in range(REPEATS)]
    seconds, solution = [float(np.median([spent for spent, _ in runs]))], runs[0][1]
    gap = _gap(solution.precision, correlation)
    yield Row(workload, "edges", "mtp2", [solution.edges], "", [], note=f"{solution.sweeps} sweeps, {solution.steps} steps")
    if len(correlation) > MOST_FOR_PEERS:
        yield Row(workload, "seconds", "mtp2", seconds, "", [], note=f"no peer was run beyond N={MOST_FOR_PEERS}")
        yield Row(workload, "duality gap", "mtp2", [gap], "", [])
        return
    for name, peer, settings in SOLVERS:
        theirs, note = _asked(peer, [correlation], settings)
        yield Row(workload, "seconds", "mtp2", seconds, name, [answer["seconds"] for answer in theirs], note=note)
        gaps = [_gap(np.array(answer["precision"]), correlation) for answer in theirs]
        yield Row(workload, "duality gap", "mtp2", [gap], name, gaps, note=f"{theirs[0]['steps']} steps" if theirs else note)


def _gap(precision: Floats, correlation: Floats) -> float:
    """Return the certified gap of a peer's or our own matrix, its positive entries off the diagonal put to zero."""
    feasible = np.where(np.eye(len(precision), dtype=bool), precision, np.minimum(precision, 0.0))
    point = point_at((feasible + feasible.T) / 2, correlation)
    return np.inf if point is None else duality_gap(point.value, point.inverse, correlation)


def _chain(workload: str, p: int, n: int, gamma: float) -> Iterator[Row]:
    family = chain(p)
    values = family.sample(n, np.random.default_rng(0))
    seconds, found = _searched(values, gamma=gamma)
    for name, whole in PLAIN:
        theirs, note = _asked("plain_tuning_free", [values], {"gamma": gamma, "whole": whole, "most_tests": None})
        yield Row(workload, "seconds", "mtp2_graph", [seconds], name, [answer["seconds"] for answer in theirs], note=note)
        scores = [matthews(np.array(answer["adjacency"]), family.adjacency) for answer in theirs]
        yield Row(workload, "MCC", "mtp2_graph", [matthews(found.adjacency, family.adjacency)], name, scores, higher_is_better=True)
        yield Row(workload, "tests", "mtp2_graph", [found.tests], name, [answer["tests"] for answer in theirs], note="each its own rows")


def _random(workload: str, n: int, gamma: float, draws: int) -> Iterator[Row]:
    """Yield what is found of random graphs whose edges all have the same weight, and of graphs with weights from U[0, 1]."""
    for weights in ("ones", "uniform"):
        scores, spurious, missed = [], [], []
        for seed in range(draws):
            family = random(P, DENSITY, weights=weights, rng=np.random.default_rng(seed))
            values = family.sample(n, np.random.default_rng(1000 + seed))
            found = tuning_free(values, gamma=gamma, seed=seed).adjacency
            scores.append(matthews(found, family.adjacency))
            spurious.append(int((found & ~family.adjacency).sum()) // 2)
            missed.append(int((~found & family.adjacency).sum()) // 2)
        of_all = f"weights {weights}: mean {np.mean(scores):.4f}, {np.mean(spurious):.2f} edges too many, {np.mean(missed):.2f} too few"
        yield Row(workload, f"MCC, weights {weights}", "mtp2_graph", scores, "", [], higher_is_better=True, note=of_all)


def stocks(seed: int = 0) -> tuple[Floats, NDArray[np.int_]]:
    """Draw (1257, 100) daily returns from one factor, ten sectors and noise, all with t(4) tails; return them with the sectors."""
    rng = np.random.default_rng(seed)
    sector = np.arange(N_STOCKS) % N_SECTORS
    market, of_sector, own = (rng.standard_t(TAILS, (N_DAYS, k)) for k in (1, N_SECTORS, N_STOCKS))
    values = 0.01 * market * rng.uniform(0.5, 1.5, N_STOCKS) + 0.008 * of_sector[:, sector] * rng.uniform(0.3, 1.2, N_STOCKS)
    return values + own * rng.uniform(0.008, 0.02, N_STOCKS), sector


def _stocks(workload: str) -> Iterator[Row]:
    values, sector = stocks()
    theirs, note = _asked("plain_tuning_free", [values], {"gamma": GAMMA, "whole": False, "most_tests": PLAIN_TESTS})
    each = [1e6 * answer["seconds"] / answer["tests"] for answer in theirs]
    for order in ("both", "reference"):
        seconds, found = _searched(values, order=order)
        ended = f"{found.tests:,} tests, {found.n_edges} edges{', ended by ' + found.truncated if found.truncated else ''}"
        yield Row(workload, f"seconds, {order}", "mtp2_graph", [seconds], "", [], note=ended)
        per_test = [1e6 * seconds / found.tests]
        first = note or f"the peer's first {PLAIN_TESTS:,} tests, of smaller sets"
        yield Row(workload, f"µs per test, {order}", "mtp2_graph", per_test, "plain", each, note=first)
        yield Row(
            workload, f"modularity, {order}", "mtp2_graph", [modularity(found.adjacency, list(sector))], "", [], higher_is_better=True
        )


def _searched(values: Floats, **settings: Any) -> tuple[float, TuningFree]:
    """Return the seconds of a search and what it found, after a warm-up."""
    tuning_free(values[:60, :5])
    return cpu_seconds(lambda: tuning_free(values, **settings))


def _asked(peer: str, inputs: Sequence[Floats], settings: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return a peer's answers and nothing to say, or those that it had and why it stopped."""
    try:
        return call_peer(peer, {f"a{k}": each for k, each in enumerate(inputs)}, settings, PEER_LIMIT_S), ""
    except PeerFailed as problem:
        return problem.answers, str(problem)


def matthews(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Return Matthews' correlation of two sets of undirected edges over all pairs; zero where one of them is empty or complete."""
    upper = np.triu_indices(len(true), 1)
    a, b = found[upper].astype(float), true[upper].astype(float)
    return float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else 0.0
