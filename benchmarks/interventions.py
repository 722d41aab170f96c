"""Unknown intervention targets: utigsp against the reference UT-IGSP on simulated regimes and on the signalling data of Sachs et al."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import engine
from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds, wanted
from engine import catalogue
from engine.core import Context, Dataset, UserError
from engine.data import simulate
from engine.graphs import Graph, interventional_cpdag_of

ALPHA = 1e-5
REFERENCE = {"alpha": ALPHA, "alpha_inv": ALPHA, "depth": 4, "starts": 10, "told": True}  # the settings of its authors' experiments
# the reference draws its starting graphs by a one-sided test, whose level is twice the nominal one: both levels are compared with it
VARIANTS: dict[str, dict[str, Any]] = {
    "utigsp": {}, "utigsp, obs rows": {"rows": "obs"}, "utigsp, obs rows, 2 alpha": {"rows": "obs", "alpha": 2 * ALPHA},
}  # fmt: skip
WORKLOADS = {"fig1": "shift", "fig1_perfect": "perfect"}
N_SAMPLES = (1000, 2000, 3000, 4000, 5000)
UNKNOWN = (0, 1, 2, 3)  # targets of each regime that the data do not name, beside one that they do
GRAPHS = 20
PEER, PEER_LIMIT_S = "reference UT-IGSP", 1200

# of the 14 experiments, those that the authors of UT-IGSP use: the first two are observational
SACHS = {1: "obs", 2: "obs", 3: "Akt", 4: "PKC", 5: "PIP2", 6: "Mek", 7: "PIP3"}
SACHS_ALPHAS = (0.001, 0.01, 0.05, 0.1, 0.3, 0.5)
SACHS_ALPHA_INV = 1e-20
CONSENSUS_NAMES = {"plcg": "PLCg", "pjnk": "JNK", "P38": "p38", "praf": "Raf", "pmek": "Mek", "p44/42": "Erk", "pakts473": "Akt"}
Floats = NDArray[np.float64]
Arrows = NDArray[np.bool_]


def run(quick: bool) -> Iterator[Row]:
    """Yield exact classes, target precision and recall and seconds on simulated regimes, and what both say about the signalling data."""
    for n in N_SAMPLES[::4] if quick else N_SAMPLES:
        for workload, kind in WORKLOADS.items():
            for told in (True, False) if n == N_SAMPLES[0] else (True,):
                yield from _simulated(workload, kind, n, told, GRAPHS // 4 if quick else GRAPHS)
    yield from _sachs()


def _simulated(workload: str, kind: str, n: int, told: bool, graphs: int) -> Iterator[Row]:
    """Yield one row per metric with its mean over the graphs for each number of unknown targets."""
    label = f"{workload} n={n}{'' if told else ' targets not told'}"
    if not wanted(label):
        return
    drawn = [
        [simulate("interventions", p=20, n=n, degree=1.5, settings=5, known=1, unknown=u, kind=kind, seed=seed) for seed in range(graphs)]
        for u in UNKNOWN
    ]
    every = [data for group in drawn for data in group]
    settings: dict[str, Any] = {"alpha": ALPHA, "alpha_inv": ALPHA, "named": "incomplete" if told else "ignore"}
    note = ""
    try:
        answers = call_peer("reference_utigsp", _named(every), REFERENCE | {"told": told}, PEER_LIMIT_S)
        theirs = [(answer["seconds"], _score(*_found(answer, data), data)) for answer, data in zip(answers, every, strict=True)]
    except PeerFailed as problem:
        theirs, note = [], str(problem)
    peer_seconds = [seconds for seconds, _ in theirs]
    # a dataset of the product is ready when its digest is known: it is its name, taken once when the table is read
    hashing = [cpu_seconds(lambda data=data: data.digest)[0] for data in every]
    for name, changed in VARIANTS.items():
        chosen = settings | changed
        engine.run("utigsp", every[0], **chosen)
        timed = [cpu_seconds(lambda data=data, chosen=chosen: engine.run("utigsp", data, **chosen)) for data in every]
        seconds = [taken for taken, _ in timed]
        yield _row(label, "seconds", name, seconds, peer_seconds, graphs, False, note)
        if not changed:
            hashed = [taken + once for taken, once in zip(seconds, hashing, strict=True)]
            yield _row(label, "seconds, table hashed too", name, hashed, peer_seconds, graphs, False)
            yield _row(label, "seconds, search alone", name, [_search_alone(data, chosen) for data in every], peer_seconds, graphs, False)
        ours = [_score(result.dag, result.targets, data) for (_, result), data in zip(timed, every, strict=True)]
        for k, metric in enumerate(("exact I-CPDAG", "target precision", "target recall")):
            yield _row(label, metric, name, [score[k] for score in ours], [score[k] for _, score in theirs], graphs, True)


def _search_alone(data: Dataset, settings: dict[str, Any]) -> float:
    """Return the seconds of the search itself, without hashing and checking the table, which the peer does not do."""
    method = catalogue.find("utigsp")
    params = method.params.from_dict(settings)
    tests = catalogue.input_for(method, data, params)
    return cpu_seconds(lambda: method.function(tests, params, Context.silent()))[0]


def _row(workload: str, metric: str, method: str, ours: list[float], theirs: list[float], graphs: int, higher: bool, note: str = "") -> Row:
    """Make a row of means over the graphs, one for each number of unknown targets."""
    means = [[fmean(values[k : k + graphs]) for k in range(0, len(values), graphs)] for values in (ours, theirs)]
    note = note or (f"0 to 3 unknown targets, {graphs} graphs each" if metric == "seconds" else "")
    return Row(workload, metric, method, means[0], PEER, means[1], higher, note)


def _score(dag: Graph, targets: dict[str, list[str]], data: Dataset) -> tuple[float, float, float]:
    """Return whether the interventional class is the true one, and precision and recall of the targets over all regimes."""
    drawn, true = Graph.from_dict(dict(data.truth["graph"])), {r: goal for r, goal in data.truth["targets"].items() if r != "obs"}
    truth = interventional_cpdag_of(Graph(drawn.nodes, drawn.marks, "dag"), true)
    exact = interventional_cpdag_of(dag, targets).subgraph(drawn.nodes) == truth
    right = sum(len(set(goal) & set(targets[regime])) for regime, goal in true.items())
    return float(exact), right / max(sum(map(len, targets.values())), 1), right / sum(map(len, true.values()))


def _found(answer: dict[str, Any], data: Dataset) -> tuple[Graph, dict[str, list[str]]]:
    """Return the DAG and the targets that the reference found."""
    dag = Graph.from_directed(data.columns, np.array(answer["arrows"]))
    return dag, {regime: [data.columns[k] for k in goal] for regime, goal in zip(data.regimes[1:], answer["targets"], strict=True)}


def _named(drawn: Sequence[Dataset]) -> dict[str, Floats]:
    """Return each dataset as the peer reads it: (1 + n, p, 1 + K), the first row saying which targets are known."""
    arrays = {}
    for k, data in enumerate(drawn):
        tables = [data.rows(regime).numeric for regime in data.regimes]
        longest = max(map(len, tables))
        stacked = np.full((1 + longest, data.p, len(tables)), np.nan)
        for n, (regime, table) in enumerate(zip(data.regimes, tables, strict=True)):
            stacked[0, :, n] = [float(column in (data.targets.get(regime) or ())) for column in data.columns]
            stacked[1 : 1 + len(table), :, n] = table
        arrays[f"{k:04d}"] = stacked
    return arrays


def _sachs() -> Iterator[Row]:
    """Yield the points of the ROC against the consensus arcs over alpha, and the targets called at one level."""
    try:
        data, consensus = sachs_regimes()
    except (OSError, UserError) as problem:
        yield Row("Sachs, 6 regimes", "arcs", "utigsp", [], PEER, [], note=f"no data: {problem}")
        return
    skeleton = consensus | consensus.T
    engine.run("utigsp", data, alpha_inv=SACHS_ALPHA_INV)
    for alpha in filter(lambda level: wanted(f"Sachs alpha={level:g}"), SACHS_ALPHAS):
        seconds, result = cpu_seconds(
            lambda alpha=alpha: engine.run("utigsp", data, alpha=alpha, alpha_inv=SACHS_ALPHA_INV, test="gaussian", invariance="gaussian")
        )
        settings = REFERENCE | {"alpha": alpha, "alpha_inv": SACHS_ALPHA_INV}
        peer_seconds, peer = [], []
        try:
            (answer,) = call_peer("reference_utigsp", _named([data]), settings, PEER_LIMIT_S)
            peer_seconds, peer = [answer["seconds"]], [np.array(answer["arrows"], dtype=bool)]
        except PeerFailed as problem:
            yield Row(f"Sachs alpha={alpha:g}", "arcs", "utigsp", [], PEER, [], note=str(problem))
        arcs = [result.dag.directed, *peer]
        counts = [
            (float(a.sum()), float((a & consensus).sum()), float(((a | a.T) & skeleton).sum() / 2), _rates(a, consensus)) for a in arcs
        ]
        workload = f"Sachs alpha={alpha:g}"
        yield Row(workload, "seconds", "utigsp", [seconds], PEER, peer_seconds)
        for k, metric in enumerate(("arcs", "arcs right of 18", "pairs right of 18")):
            yield Row(workload, metric, "utigsp", [counts[0][k]], PEER, [c[k] for c in counts[1:]], higher_is_better=k > 0)
        yield Row(
            workload, "ROC false, true", "utigsp", counts[0][3], PEER, counts[1][3] if peer else [],
            note="rates of arcs; the first is better if smaller",
        )  # fmt: skip
        for regime, goal in result.targets.items():
            shift = " (warned: batch shift)" if any(f"regime {regime}." in w and "batch" in w for w in result.provenance.warnings) else ""
            peers = [float(len(answer["targets"][data.regimes[1:].index(regime)]))] if peer else []
            yield Row(workload, f"targets of {regime}", "utigsp", [float(len(goal))], PEER, peers, note=" ".join(goal) + shift)


def _rates(arrows: Arrows, true: Arrows) -> tuple[float, float]:
    """Return false and true positive rate of arcs."""
    p = len(true)
    return float((arrows & ~true).sum() / (p * (p - 1) - true.sum())), float((arrows & true).sum() / true.sum())


def sachs_regimes() -> tuple[Dataset, Arrows]:
    """Read seven experiments as one observational regime and five with a known target, logged; and the (p, p) consensus arcs."""
    shared = Path(os.environ.get("CAUSEWAY_DATA") or Path(__file__).parents[2] / "shared" / "data") / "discovery"
    table = pd.read_csv(shared / "sachs_14_experiments.tsv.gz", sep="\t")
    label = table.pop("experiment").map(SACHS)
    frames = {regime: np.log(table[label == regime]).reset_index(drop=True) for regime in dict.fromkeys(SACHS.values())}
    data = Dataset.from_frames(frames, {regime: (regime,) for regime in frames if regime != "obs"}, "Sachs, 6 regimes")
    arcs = pd.read_csv(shared / "sachs_consensus_edges.csv").replace(CONSENSUS_NAMES)
    consensus = np.zeros((data.p, data.p), dtype=bool)  # no graph: three of the arcs form a cycle
    for arc in arcs.itertuples():
        consensus[data.columns.index(str(arc.Cause)), data.columns.index(str(arc.Effect))] = True
    return data, consensus
