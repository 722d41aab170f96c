"""The causal target network: W8, one search against the reference; W9, all 600; and what comes out beside what was published (H2, H3).

The cells are those of the shared folder (CAUSEWAY_DATA, or ``../shared/data``). The published scores are not among them, so their threshold
curve stands for them. Two seeds of the product set the noise floor: what they differ by is chance in the subsampling.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds, wall_seconds, wanted
from engine import api
from engine.core import Context, Tables
from engine.repurposing.causal.inputs import cells_for
from engine.repurposing.causal.result import TargetNetworkResult
from engine.repurposing.causal.selection import Search, fit
from engine.repurposing.target_network import LEVELS, TargetNetworkParams, target_network

SHARED = Path(os.environ.get("CAUSEWAY_DATA") or Path(__file__).parents[2] / "shared" / "data") / "covid19"
ONE_SEARCH = (1e-3, 1e-2, 0.1, 0.3)
QUICK = (1e-3, 1e-2)
SUBSAMPLES = 20  # of the product in W8; the reference gets the first
PEER_LIMIT_S = 600
PROCESSES, TARGET_S = 2, 300.0
SEEDS = (0, 1)
PEER = "reference GSP"
# stability -> arrows and lines; level -> mean entries of a CPDAG; gene -> children, parents, certain, possible and terminal descendants
PUBLISHED_CURVE = {0.3: (210, 46), 0.4: (145, 23), 0.5: (89, 11), 0.6: (55, 4), 0.7: (33, 2), 0.8: (20, 0), 0.9: (8, 0)}
PUBLISHED_ENTRIES = dict(zip(LEVELS, (4.2, 9.2, 28.6, 126.1, 199.0, 256.6), strict=True))
PUBLISHED_REACH = {
    "EGFR": (7, 1, 13, 126, 7), "HDAC1": (7, 0, 12, 126, 7), "HSP90AA1": (5, 0, 12, 126, 3), "RIPK1": (2, 0, 3, 127, 2),
    "IRAK1": (1, 4, 2, 126, 1), "PAK1": (1, 0, 1, 126, 1), "STK3": (1, 0, 1, 1, 1), "RIPK2": (1, 3, 1, 126, 0), "FGFR3": (0, 0, 0, 1, 0),
    "FGFR1": (0, 3, 0, 0, 0), "ACVR2A": (0, 1, 0, 0, 0), "BRSK1": (0, 1, 0, 0, 0), "CDK17": (0, 0, 0, 0, 0), "PDE4B": (0, 0, 0, 0, 0),
}  # fmt: skip
COUNTED = ("children", "parents", "descendants", "possible_descendants", "terminal_descendants")


def run(quick: bool) -> Iterator[Row]:
    """Yield W8; and unless ``quick`` W9 and the comparisons with what was published."""
    tables = api.load_data(
        {
            "cells": pd.read_csv(SHARED / "GSE81861_log2_ppi_252nodes.csv", index_col=0),
            "network": pd.read_csv(SHARED / "interactome_reference_edges.tsv", sep="\t"),
            "prizes": pd.read_csv(SHARED / "terminals_ppi_analysis.tsv", sep="\t"),
        },
        "cells",
    )
    for alpha in QUICK if quick else ONE_SEARCH:
        workload = f"W8 alpha={alpha:g}"
        if wanted(workload):
            yield from _one_search(workload, tables, alpha)
    if quick or not (wanted("W9") or wanted("H2") or wanted("H3")):
        return
    results, seconds = [], []
    for seed in SEEDS:
        taken, result = wall_seconds(lambda seed=seed: _whole(tables, seed))
        results.append(result)
        seconds.append(taken)
    yield Row("W9 600 searches", "wall seconds", "target_network", seconds, "target", [TARGET_S], note=f"{PROCESSES} processes")
    yield from _published(results)


def _one_search(workload: str, tables: Tables, alpha: float) -> Iterator[Row]:
    """Yield CPU seconds and entries of one search on 51 of the 74 cells, product and reference."""
    params = TargetNetworkParams()
    cells = cells_for(tables, params)
    rows = int(params.share * len(cells.values))
    search = Search(
        cells.values, cells.allowed, np.zeros(len(cells.genes), bool), (alpha,), rows, params.starts, params.depth, params.correlation, 0
    )
    fit(search, 0, 0)  # compiles
    timed = [cpu_seconds(lambda k=k: fit(search, 0, k)) for k in range(SUBSAMPLES)]
    drawn = cells.values[np.random.default_rng([0, 0, 0]).permutation(len(cells.values))[:rows]]  # the first subsample of the search
    settings = {"alpha": alpha, "depth": params.depth, "starts": params.starts, "pairs": np.argwhere(np.triu(cells.allowed)).tolist()}
    try:
        answers, note = call_peer("reference_gsp_allowed", {"cells": drawn}, settings, PEER_LIMIT_S), ""
    except PeerFailed as problem:
        answers, note = problem.answers, str(problem)
    yield Row(workload, "seconds", "target_network", [s for s, _ in timed], PEER, [answer["seconds"] for answer in answers], note=note)
    theirs = [float(np.sum(answer["entries"])) for answer in answers]
    yield Row(workload, "entries of the CPDAG", "target_network", [float(c.sum()) for _, (c, _) in timed], PEER, theirs)


def _whole(tables: Tables, seed: int) -> TargetNetworkResult:
    """Return the whole stability selection with one seed."""
    params = TargetNetworkParams(seed=seed)
    return target_network(cells_for(tables, params), params, Context.silent(seed, PROCESSES))


def _published(results: list[TargetNetworkResult]) -> Iterator[Row]:
    """Yield the figures of each seed beside the published ones."""
    for level, entries in PUBLISHED_ENTRIES.items():
        ours = [float(result.levels.set_index("alpha").loc[level, "entries"]) for result in results]
        yield Row(f"H2 alpha={level:g}", "entries of the CPDAG", "target_network", ours, "published", [entries])
    for threshold, counts in PUBLISHED_CURVE.items():
        for what, published in zip(("directed", "undirected"), counts, strict=True):
            ours = [float(result.curve.set_index("threshold").loc[threshold, what]) for result in results]
            yield Row(f"H2 stability > {threshold:g}", what, "target_network", ours, "published", [published])
    kept = [result.stability > result.threshold for result in results]
    shared = float((kept[0] & kept[1]).sum() / (kept[0] | kept[1]).sum())
    yield Row("H2 stability > 0.3", "Jaccard of two seeds", "target_network", [shared], "-", [], higher_is_better=True)
    for gene, counts in PUBLISHED_REACH.items():
        for what, published in zip(COUNTED, counts, strict=True):
            rows = [result.nodes.set_index("gene").loc[gene] for result in results]
            note = ""
            if f"{what}_low" in rows[0]:
                note = f"5% to 95% if drawn again: {rows[0][f'{what}_low']:.0f} to {rows[0][f'{what}_high']:.0f}"
            yield Row(f"H3 {gene}", what, "target_network", [float(row[what]) for row in rows], "published", [published], note=note)
