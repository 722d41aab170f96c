"""The ranking: does calibration find planted drugs sooner, is it honest where there is nothing to find, and what does the whole demo cost.

The demo takes its tables from the shared folder (CAUSEWAY_DATA, or ``../shared/data``); without it its workload says so.
"""

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.harness import Row, wanted
from engine.core import Context, Dataset, Tables
from engine.repurposing.ranking.inputs import repurposing_for
from engine.repurposing.ranking.result import RepurposingResult
from engine.repurposing.repurposing import RepurposingParams, repurposing
from engine.repurposing.sample import SimulatedDisease, planted, precision_at, pure_null

SHARED = Path(os.environ.get("CAUSEWAY_DATA") or Path(__file__).parents[2] / "shared" / "data") / "covid19"
METHOD = "repurposing"
SEEDS, QUICK_SEEDS = 20, 3
DISEASES, QUICK_DISEASES = 200, 20
FIRST = 10
TERMINALS, NOISE_SD = 80, 0.1  # of pure nulls: genes of largest true change as terminals, true scores with noise
LIMIT_S = 180.0
RESAMPLES = 9_999


def run(quick: bool) -> Iterator[Row]:
    """Yield precision over planted diseases, uniformity over diseases without any cause, and the seconds of the whole demo."""
    n = QUICK_SEEDS if quick else SEEDS
    if wanted(name := f"{n} planted diseases"):
        yield from _planted(name, n)
    n = QUICK_DISEASES if quick else DISEASES
    if wanted(name := f"{n} pure-null diseases"):
        yield from _nothing(name, n)
    if wanted("COVID-19 demo, four nulls at 200 runs"):
        yield from _demo("COVID-19 demo, four nulls at 200 runs")


def ranked(tables: Tables, threads: int = 1, **params: Any) -> RepurposingResult:
    """Rank drugs from tables as `engine.run` would."""
    asked = RepurposingParams(**params)
    return repurposing(repurposing_for(tables, asked), asked, Context.silent(asked.seed, threads))


def _planted(workload: str, n: int) -> Iterator[Row]:
    """Compare the first ten by calibrated rank with the first ten by score, from counts, screen and single cells on."""
    found: dict[str, list[float]] = {"calibrated": [], "pipeline": [], "score": []}
    for seed in range(n):
        world = planted(seed)
        drugs = ranked(world.tables(), nulls=100, resamples=0, seed=seed).drugs
        found["calibrated"].append(precision_at(drugs["drug"], world, FIRST))
        found["pipeline"].append(precision_at(drugs.sort_values("rank_raw")["drug"], world, FIRST))
        found["score"].append(precision_at(drugs.sort_values("score", ascending=False)["drug"], world, FIRST))
    for name, label in (("pipeline", "published order: score, in the interactome"), ("score", "score alone")):
        yield Row(
            workload, "precision at 10", METHOD, found["calibrated"], label, found[name], True, _interval(found["calibrated"], found[name])
        )


def _interval(mine: list[float], other: list[float]) -> str:
    """Say the mean difference over seeds with its bootstrap interval."""
    differences = np.array(mine) - np.array(other)
    drawn = np.random.default_rng(0).choice(differences, (RESAMPLES, len(differences))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"difference {differences.mean():+.3f}, 95 % interval over seeds {low:+.3f} to {high:+.3f}"


def _nothing(workload: str, n: int) -> Iterator[Row]:
    """Draw one drug of each disease that has no cause, and hold its p-value against the uniform distribution."""
    joint, network = [], []
    for seed in range(n):
        drugs = ranked(_known(pure_null(seed), seed), nulls=50, resamples=0, weights="cost", seed=seed).drugs
        hit = drugs.sort_values("drug", ignore_index=True)
        chosen = hit.iloc[np.random.default_rng([seed, 1]).integers(len(hit))]
        joint.append(float(chosen["p"]))
        network.append(float(chosen["p_terminals"]))
    test = stats.kstest(joint, "uniform")
    note = (
        f"Kolmogorov-Smirnov distance {test.statistic:.3f}; p <= .05 in {np.mean(np.array(joint) <= 0.05):.1%}, one drug drawn per disease"
    )
    yield Row(workload, "KS p of calibrated p", METHOD, [float(test.pvalue)], "", [], True, note)
    below = float(np.mean(np.array(network) <= 0.05))
    yield Row(
        workload, "share with network p <= .05", METHOD, [below], "", [], note="discrete and plus-one: at most .05 is what is promised"
    )


def _known(world: SimulatedDisease, seed: int) -> Tables:
    """Return tables with true fold changes as prizes and true scores with noise, so that 200 diseases take minutes."""
    genes, drugs = world.true_genes, world.true_drugs
    agree = genes[genes["log2fc"] * genes["log2fc_second"] >= 0]
    prizes = agree.assign(prize=agree["log2fc"].abs()).nlargest(TERMINALS, "prize")[["gene", "prize"]]
    noise = np.random.default_rng(seed).normal(0, NOISE_SD, len(drugs))
    scores = pd.DataFrame({"drug": drugs["drug"], "score": drugs["true_reversal"] + noise})
    parts = world.tables("network", "targets", "partners").tables
    return Tables(dict(parts) | {"prizes": Dataset(prizes, "prizes"), "drug_scores": Dataset(scores, "scores")})


def demo_tables(folder: Path) -> Tables:
    """Return the shared files of the published analysis as parts: 162 terminals, the network, 74 cells, drugs with targets and scores."""

    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(folder / name, sep="," if name.endswith("csv") else "\t")

    nodes, targets, cells = (
        read("interactome_reference_nodes.tsv"),
        read("drug_targets_in_network.tsv"),
        read("GSE81861_log2_ppi_252nodes.csv"),
    )
    frames = {
        "prizes": read("terminals_ppi_analysis.tsv"), "network": read("irefindex_v14_costs.tsv.gz"), "targets": targets,
        "drug_scores": targets[["drug", "corr"]], "cells": cells.rename(columns={cells.columns[0]: "gene"}),
        "partners": nodes.loc[nodes["interacts_with_virus"] == 1, ["protein"]].rename(columns={"protein": "gene"}),
    }  # fmt: skip
    return Tables({part: Dataset(frame, part, source="covid19_repurposing", licence="MIT") for part, frame in frames.items()})


def _demo(workload: str) -> Iterator[Row]:
    if not SHARED.is_dir():
        yield Row(workload, "wall seconds", METHOD, [], "", [], note=f"needs {SHARED}")
        return
    tables = demo_tables(SHARED)
    began, spent = time.perf_counter(), _cpu()
    result = ranked(tables, threads=2, least_score=0.86)
    wall, cpu = time.perf_counter() - began, _cpu() - spent
    yield Row(workload, "wall seconds", METHOD, [wall], "goal", [LIMIT_S], note="two threads")
    yield Row(workload, "CPU seconds", METHOD, [cpu], "", [], note="all processes")
    measured = result.ranking[result.ranking["has_affinity"]]
    yield Row(workload, "pairs", METHOD, [len(measured)], "published", [57])
    yield Row(workload, "targets", METHOD, [measured["gene"].nunique()], "published", [15])
    yield Row(workload, "drugs", METHOD, [measured["drug"].nunique()], "published", [18])


def _cpu() -> float:
    """Return CPU seconds of this process and of those that it started and that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
