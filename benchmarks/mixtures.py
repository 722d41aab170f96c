"""The grid of simulated mixtures: labels, who varies and the verdict, each beside the ceiling of the true parameters; and controls."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

import engine
from benchmarks.harness import Row, cpu_seconds, wanted
from engine.core import Dataset, UserError
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
LEAST_BAYES = 0.25  # ARI of the true parameters below which no method can be asked for labels
MARGIN = 15.0  # log units
NEAR_BAYES = 0.03
SEEDS, QUICK_SEEDS = 4, 2
N_CONTROLS, QUICK_CONTROLS = 4, 1


@dataclass(frozen=True)
class Measured:
    """One simulated mixture: ARI of each way, F1 of the nodes that vary, seconds, and whether it can be told at all."""

    bayes: float
    ari: dict[str, float]
    f1: dict[str, float]
    seconds: float
    verdict: bool
    decidable: bool


def run(quick: bool) -> Iterator[Row]:
    """Yield for each cell of the grid ARI, F1 of the varying nodes and CPU seconds, then the targets over all cells, then the controls."""
    every: list[Measured] = []
    for (name, settings), (amount, varying) in itertools.product(VARIATIONS, AMOUNTS):
        workload = f"{name}, {amount} vary"
        if not wanted(workload) or (quick and workload not in QUICK):
            continue
        cell = [measure(data, k) for data, k in _cell(settings, varying, quick)]
        every += cell
        yield from _rows(workload, cell)
    decided = [each for each in every if each.decidable]
    if decided:
        yield from _targets(decided)
    if wanted("controls"):
        yield from _controls(QUICK_CONTROLS if quick else N_CONTROLS)


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
    from sklearn.metrics import adjusted_rand_score

    labels = np.array(data.truth["labels"])
    seconds, result = cpu_seconds(lambda: engine.run("mixture", data, k=k))
    plain = engine.run("mixture", data, k=k, approach="gmm")
    rows = Rows(data.numeric)
    from_truth = structural_em(rows, one_hot(labels, k), None)
    classes = [set(data.truth["varying"])]
    best_single = float(result.clusters["bic"].iloc[0])
    if from_truth is not None:
        from_truth = prune(rows, from_truth)
        classes.append({data.columns[node] for node in from_truth.varying})
    bayes = float(adjusted_rand_score(labels, data.truth["bayes_labels"]))
    told = from_truth is not None and from_truth.bic - best_single >= MARGIN
    found = {"mixture": list(result.varying["node"]), "GMM nodes": list(plain.varying["node"]), "paper": result.other_nodes["paper"]}
    return Measured(
        bayes=bayes,
        ari={"mixture": float(adjusted_rand_score(labels, result.labels))}
        | {name: float(adjusted_rand_score(labels, result.others[name])) for name in result.others},
        f1={name: max(_f1(set(nodes), truth) for truth in classes) for name, nodes in found.items()},
        seconds=seconds,
        verdict=result.verdict,
        decidable=bayes >= LEAST_BAYES and told,
    )


def _f1(found: set[str], truth: set[str]) -> float:
    return 2 * len(found & truth) / (len(found) + len(truth)) if found or truth else 1.0


def _rows(workload: str, cell: Sequence[Measured]) -> list[Row]:
    decidable = f"decidable: {' '.join('yes' if each.decidable else 'no' for each in cell)}"
    product = [each.ari["mixture"] for each in cell]
    rows = [Row(workload, "ARI", "mixture", product, "true parameters", [each.bayes for each in cell], True, f"the ceiling; {decidable}")]
    for name, peer in (("gmm", "GMM"), ("kmeans", "K-means"), ("paper", "FCI and K-means")):
        rows.append(Row(workload, "ARI", "mixture", product, peer, [each.ari[name] for each in cell], True, decidable))
    for name in ("GMM nodes", "paper"):
        theirs = [each.f1[name] for each in cell]
        note = "truth, or the nodes of the best fit from the true labels"
        rows.append(Row(workload, "F1 of who varies", "mixture", [each.f1["mixture"] for each in cell], name, theirs, True, note))
    rows.append(Row(workload, "verdict: mixture", "mixture", [float(each.verdict) for each in cell], "", [], True, decidable))
    return [*rows, Row(workload, "seconds", "mixture", [each.seconds for each in cell], "", [])]


def _targets(decided: Sequence[Measured]) -> Iterator[Row]:
    """Yield what is asked of runs that can be told: near the ceiling, not below the best other way, and called a mixture."""
    workload = f"decidable runs ({len(decided)})"
    short = [each.bayes - each.ari["mixture"] for each in decided]
    best = [max(each.ari[name] for name in ("gmm", "kmeans", "paper")) for each in decided]
    near = fmean(float(gap <= NEAR_BAYES) for gap in short)
    yield Row(
        workload, "share near the ceiling", "mixture", [near], "target", [0.9], True, f"ARI within {NEAR_BAYES} of the true parameters"
    )
    yield Row(workload, "mean ARI", "mixture", [fmean(each.ari["mixture"] for each in decided)], "best other way", [fmean(best)], True)
    yield Row(workload, "called a mixture", "mixture", [fmean(float(each.verdict) for each in decided)], "target", [0.9], True)


def _controls(seeds: int) -> Iterator[Row]:
    """Yield how often one population is called one, for each kind of noise."""
    for noise in NOISES:
        sizes = [(6, 1000), (10, 300), (10, 2000), (6, 5000)][:seeds]
        right = [float(not engine.run("mixture", control(noise, p, n, seed), k=2).verdict) for seed, (p, n) in enumerate(sizes)]
        yield Row(f"controls, {noise}", "called one population", "mixture", right, "target", [0.95], True)


def control(noise: str, p: int, n: int, seed: int) -> pd.DataFrame:
    """Draw rows of one linear DAG whose noise has this shape."""
    rng = np.random.default_rng(seed)
    order, arrows = random_order_and_arrows(p, 2.0, rng)
    weights = random_weights(arrows, 0.5, 1.0, rng)
    drawn = {
        "normal": lambda: rng.standard_normal((n, p)), "t5": lambda: rng.standard_t(5, (n, p)), "gamma": lambda: rng.gamma(2, 1, (n, p)),
        "exponential": lambda: rng.exponential(1, (n, p)), "log-normal": lambda: np.exp(0.5 * rng.standard_normal((n, p))),
        "multivariate t5": lambda: rng.standard_normal((n, p)) / np.sqrt(rng.chisquare(5, (n, 1)) / 5),
    }[noise]()  # fmt: skip
    return pd.DataFrame(linear(weights, drawn, order), columns=list(names(p)))
