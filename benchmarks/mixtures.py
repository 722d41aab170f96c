"""The grid of simulated mixtures: labels, who varies, how many and the verdict, each beside the ceiling of the true parameters.

Then controls without a mixture, fifty variables, mixtures beyond the grid, and cells of known experiments pooled.
"""

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

import engine
from benchmarks.harness import Row, cpu_seconds, wanted
from benchmarks.interventions import sachs_regimes
from engine.core import Context, Dataset, UserError
from engine.core.parallel import answers
from engine.data import simulate
from engine.data.simulators.structure import linear, names, random_order_and_arrows, random_weights
from engine.mixtures.em import structural_em
from engine.mixtures.moments import Rows, one_hot
from engine.mixtures.prune import prune

VARIATIONS = (
    ("shift 3 sd", {"variation": "shift", "strength": 3.0}), ("shift 1 sd", {"variation": "shift", "strength": 1.0}),
    ("shift 0.5 sd", {"variation": "shift", "strength": 0.5}), ("weights", {"variation": "weights"}),
    ("parents", {"variation": "parents"}), ("variance x4", {"variation": "variance", "ratio": 4.0}),
)  # fmt: skip
AMOUNTS: tuple[tuple[str, int | None], ...] = (("1", 1), ("3", 3), ("all", None))
SIZES = (6, 10, 20)
QUICK = ("shift 3 sd, 3 vary", "weights, 3 vary", "variance x4, 3 vary")
NOISES = ("normal", "t5", "gamma", "exponential", "log-normal", "multivariate t5")
PEERS = {"gmm": "GMM", "kmeans": "K-means", "paper": "FCI and K-means"}
LEAST_BAYES = 0.25  # ARI of the true parameters below which no method can be asked for labels
MARGIN = 15.0  # log units
NEAR_BAYES = 0.03
MOST_VARIABLES = 10  # where the number of clusters is looked for too
SEEDS, QUICK_SEEDS = 4, 2
N_CONTROLS, QUICK_CONTROLS = 10, 1
BEYOND = (
    ("t5 noise inside, shift 3 sd, 3 vary", "t5", 2), ("exponential noise inside, shift 3 sd, 3 vary", "exponential", 2),
    ("log-normal noise inside, shift 3 sd, 3 vary", "log-normal", 2), ("four populations, shift 3 sd, 3 vary", "normal", 4),
    ("five populations, shift 3 sd, 3 vary", "normal", 5),
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One simulated mixture: ARI of each way, F1 of the nodes that vary, seconds, and whether it can be told at all."""

    bayes: float
    ari: dict[str, float]
    f1: dict[str, float]
    seconds: float
    verdict: bool
    decidable: bool
    k: int
    k_found: int | None


def run(quick: bool) -> Iterator[Row]:
    """Yield for each cell of the grid ARI, F1 of the varying nodes and CPU seconds, then the targets over all cells, then the rest."""
    cells = {
        f"{name}, {amount} vary": list(_cell(settings, varying, quick))
        for (name, settings), (amount, varying) in itertools.product(VARIATIONS, AMOUNTS)
        if wanted(f"{name}, {amount} vary") and (not quick or f"{name}, {amount} vary" in QUICK)
    }
    every: list[Measured] = []
    measured = answers(measure, list(itertools.chain(*cells.values())), os.cpu_count() or 1)
    for workload, cell in cells.items():
        every += (found := list(itertools.islice(measured, len(cell))))
        yield from _rows(workload, found)
    decided = [each for each in every if each.decidable]
    if decided:
        yield from _targets(decided)
    if wanted("controls"):
        yield from _controls(QUICK_CONTROLS if quick else N_CONTROLS)
    if wanted("p=50"):
        yield from _large()
    if not quick:
        for workload, noise, k in BEYOND:
            if wanted(workload):
                yield from _beyond(workload, noise, k)
    if wanted("Sachs"):
        yield from _sachs()


def _cell(settings: dict[str, Any], varying: int | None, quick: bool) -> Iterator[tuple[Dataset, int]]:
    """Yield the mixtures of one cell: sizes, numbers of clusters, rows and shares in turn, a new seed for each."""
    draws = itertools.product((1000, 5000), (2, 3), (True, False), SIZES[:2] if quick else SIZES)
    order = np.random.default_rng(sum(map(ord, str(settings)))).permutation(list(draws))
    for seed, (n, k, equal, p) in enumerate(order[: QUICK_SEEDS if quick else SEEDS].tolist()):
        size = {"p": int(p), "n": 1000 if quick else int(n), "k": 2 if quick else int(k), "equal": bool(equal), "seed": seed}
        yield _drawn(size | settings, varying or int(p)), int(size["k"])


def _drawn(settings: dict[str, Any], varying: int) -> Dataset:
    """Draw a mixture at as many varying nodes as asked for, or as can vary in this way."""
    for fewer in range(varying, 0, -1):
        try:
            return simulate("mixture", varying=fewer, **settings)
        except UserError:
            continue
    return _drawn(settings | {"seed": settings["seed"] + 100}, varying)


def measure(data: Dataset, k: int) -> Measured:
    """Run the method and the ways beside it on one mixture whose number of clusters is told to all."""
    labels, quiet = np.array(data.truth["labels"]), Context.silent()
    seconds, result = cpu_seconds(lambda: engine.run("mixture", data, k=k, context=quiet))
    k_found = engine.run("mixture", data, context=quiet).k if data.p <= MOST_VARIABLES else None
    plain = engine.run("mixture", data, k=k, approach="gmm", context=quiet)
    rows = Rows(data.numeric)
    from_truth = structural_em(rows, one_hot(labels, k), None)
    classes = [set(data.truth["varying"])]
    best_single = float(result.clusters["bic"].iloc[0])
    if from_truth is not None:
        from_truth = prune(rows, from_truth)
        classes.append({data.columns[node] for node in from_truth.varying})
    bayes = _ari(labels, data.truth["bayes_labels"])
    told = from_truth is not None and from_truth.bic - best_single >= MARGIN
    found = {"mixture": list(result.varying["node"]), "GMM nodes": list(plain.varying["node"]), "paper": result.other_nodes["paper"]}
    return Measured(
        bayes=bayes,
        ari={"mixture": _ari(labels, result.labels)} | {name: _ari(labels, result.others[name]) for name in result.others},
        f1={name: max(_f1(set(nodes), truth) for truth in classes) for name, nodes in found.items()},
        seconds=seconds,
        verdict=result.verdict,
        decidable=bayes >= LEAST_BAYES and told,
        k=k,
        k_found=k_found,
    )


def _f1(found: set[str], truth: set[str]) -> float:
    return 2 * len(found & truth) / (len(found) + len(truth)) if found or truth else 1.0


def _rows(workload: str, cell: Sequence[Measured]) -> list[Row]:
    decidable = f"decidable: {' '.join('yes' if each.decidable else 'no' for each in cell)}"
    product = [each.ari["mixture"] for each in cell]
    rows = [Row(workload, "ARI", "mixture", product, "true parameters", [each.bayes for each in cell], True, f"the ceiling; {decidable}")]
    for name, peer in PEERS.items():
        rows.append(Row(workload, "ARI", "mixture", product, peer, [each.ari[name] for each in cell], True, decidable))
    for name in ("GMM nodes", "paper"):
        theirs = [each.f1[name] for each in cell]
        note = "truth, or the nodes of the best fit from the true labels"
        rows.append(Row(workload, "F1 of who varies", "mixture", [each.f1["mixture"] for each in cell], name, theirs, True, note))
    rows.append(Row(workload, "verdict: mixture", "mixture", [float(each.verdict) for each in cell], "", [], True, decidable))
    rows += _k_row(workload, cell)
    return [*rows, Row(workload, "seconds", "mixture", [each.seconds for each in cell], "", [])]


def _targets(decided: Sequence[Measured]) -> Iterator[Row]:
    """Yield what is asked of runs that can be told: near the ceiling, not below the best other way, and called a mixture."""
    workload = f"shift, weights, parents, variance: decidable runs ({len(decided)})"  # found under each of these words
    short = [each.bayes - each.ari["mixture"] for each in decided]
    best = [max(each.ari[name] for name in PEERS) for each in decided]
    near = fmean(float(gap <= NEAR_BAYES) for gap in short)
    yield Row(
        workload, "share near the ceiling", "mixture", [near], "target", [0.9], True, f"ARI within {NEAR_BAYES} of the true parameters"
    )
    yield Row(workload, "mean ARI", "mixture", [fmean(each.ari["mixture"] for each in decided)], "best other way", [fmean(best)], True)
    yield Row(workload, "called a mixture", "mixture", [fmean(float(each.verdict) for each in decided)], "target", [0.9], True)
    yield from _k_row(workload, decided, [0.85])


def _k_row(workload: str, cell: Sequence[Measured], target: Sequence[float] = ()) -> list[Row]:
    right = [float(each.k_found == each.k) for each in cell if each.k_found is not None]
    shown = [fmean(right)] if target and right else right
    return [Row(workload, "K right", "mixture", shown, "target" if target else "", list(target), True, f"of {len(right)}")] if right else []


def _large() -> Iterator[Row]:
    """Yield labels and time on fifty variables, five of which shift by one sd."""
    ari, bayes, took = [], [], []
    for seed in (0, 1, 2):
        data = simulate("mixture", p=50, n=10_000, k=2, varying=5, strength=1.0, seed=seed)
        begun = time.perf_counter()
        result = engine.run("mixture", data, k=2)
        took.append(time.perf_counter() - begun)
        ari.append(_ari(data.truth["labels"], result.labels))
        bayes.append(_ari(data.truth["labels"], data.truth["bayes_labels"]))
    yield Row("p=50, n=10,000, shift 1 sd, 5 vary", "ARI", "mixture", ari, "true parameters", bayes, True, "the ceiling")
    yield Row("p=50, n=10,000, shift 1 sd, 5 vary", "seconds, wall", "mixture", took, "target", [60.0], False, f"{os.cpu_count()} cores")


def _beyond(workload: str, noise: str, k: int) -> Iterator[Row]:
    """Yield labels and the number found where the noise inside each population is not normal, or populations are many."""
    drawn = [shifted(noise, 8, 3000, k, seed) for seed in range(SEEDS)]
    results = [engine.run("mixture", frame, most=k + 2) for frame, _, _ in drawn]
    given = [engine.run("mixture", frame, k=k) for frame, _, _ in drawn]
    nearest = [_ari(labels, best) for _, labels, best in drawn]
    note = "the ceiling: normal noise of the true parameters"
    yield Row(
        workload, "ARI, K given", "mixture", [_ari(d[1], r.labels) for d, r in zip(drawn, given, strict=True)], "true", nearest, True, note
    )
    yield Row(
        workload, "ARI, K found", "mixture", [_ari(d[1], r.labels) for d, r in zip(drawn, results, strict=True)], "true", nearest, True
    )
    yield Row(workload, "populations found", "mixture", [float(r.k) for r in results], "true", [float(k)], False)
    yield Row(workload, "verdict: mixture", "mixture", [float(r.verdict) for r in results], "", [], True)


def _sachs() -> Iterator[Row]:
    """Yield how far the groups of pooled cells are those of their experiments."""
    workload = "Sachs, six experiments"
    try:
        data, _ = sachs_regimes()
    except (OSError, UserError) as problem:
        yield Row(workload, "ARI", "mixture", [], "", [], True, f"no data: {problem}")
        return
    result = engine.run("mixture", Dataset(data.frame, "six experiments pooled"), k=len(data.regimes))
    note = f"K given; verdict {'mixture' if result.verdict else 'none'}, {result.margin:,.0f} log units"
    ours = [_ari(data.regime, result.labels)]
    for name, peer in PEERS.items():
        yield Row(workload, "ARI", "mixture", ours, peer, [_ari(data.regime, result.others[name])], True, note)


def _ari(told: Any, found: Any) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(told, found))


def _controls(seeds: int) -> Iterator[Row]:
    """Yield how often one population is called one, for each kind of noise."""
    sizes = list(itertools.islice(itertools.cycle([(6, 1000), (10, 300), (20, 1000), (10, 2000), (6, 5000)]), seeds))
    tasks = [(noise, p, n, seed) for noise in NOISES for seed, (p, n) in enumerate(sizes)]
    told = answers(_is_mixture, tasks, os.cpu_count() or 1)
    every: list[float] = []
    for noise in NOISES:
        right = [float(not each) for each in itertools.islice(told, seeds)]
        every += right
        yield Row(f"controls, {noise}", "called one population", "mixture", right, "target", [0.95], True)
    yield Row(f"controls ({len(every)})", "called one population", "mixture", [fmean(every)], "target", [0.95], True)


def _is_mixture(noise: str, p: int, n: int, seed: int) -> bool:
    return bool(engine.run("mixture", control(noise, p, n, seed), k=2, context=Context.silent()).verdict)


def control(noise: str, p: int, n: int, seed: int) -> pd.DataFrame:
    """Draw rows of one linear DAG whose noise has this shape."""
    rng = np.random.default_rng(1000 + seed)
    order, weights = _dag(p, rng)
    return pd.DataFrame(linear(weights, _noise(noise, n, p, rng), order), columns=list(names(p)))


def shifted(noise: str, p: int, n: int, k: int, seed: int) -> tuple[pd.DataFrame, Any, Any]:
    """Draw a mixture whose noise has this shape and variance 1, with shifts of 3 at three nodes; return rows, labels and the best labels.

    The best labels are those of the true parameters, with the noise taken as normal.
    """
    rng = np.random.default_rng(2000 + seed)
    order, weights = _dag(p, rng)
    drawn = _noise(noise, n, p, rng)
    drawn = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
    means = np.zeros((k, p))
    for node in rng.permutation(p)[:3]:
        means[:, node] = 3.0 * rng.permutation(k)
    labels = rng.integers(k, size=n)
    values = linear(weights, drawn + means[labels], order)
    best = (((values - values @ weights)[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    return pd.DataFrame(values, columns=list(names(p))), labels, best


def _dag(p: int, rng: np.random.Generator) -> tuple[Any, Any]:
    order, arrows = random_order_and_arrows(p, 2.0, rng)
    return order, random_weights(arrows, 0.5, 1.0, rng)


def _noise(shape: str, n: int, p: int, rng: np.random.Generator) -> Any:
    return {
        "normal": lambda: rng.standard_normal((n, p)), "t5": lambda: rng.standard_t(5, (n, p)), "gamma": lambda: rng.gamma(2, 1, (n, p)),
        "exponential": lambda: rng.exponential(1, (n, p)), "log-normal": lambda: np.exp(0.5 * rng.standard_normal((n, p))),
        "multivariate t5": lambda: rng.standard_normal((n, p)) / np.sqrt(rng.chisquare(5, (n, 1)) / 5),
    }[shape]()  # fmt: skip
