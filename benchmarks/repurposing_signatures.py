"""Differential expression beside pydeseq2: seconds, agreement, and how many calls are false where the truth is drawn.

W10 draws counts with known changes; W11 takes infected and mock-infected A549 cells from the shared folder (CAUSEWAY_DATA, or
``../shared/data``) and is left out without it. Both programs get the same genes and samples, one process each.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds, wanted
from engine.core import Context
from engine.repurposing.expression.negative_binomial import compare

SHARED = Path(os.environ.get("CAUSEWAY_DATA") or Path(__file__).parents[2] / "shared" / "data") / "covid19"
METHOD, PEER = "signature", "pydeseq2 0.5.4"
LEVEL = 0.05
GENES, QUICK_GENES, REPLICATES, SEEDS = 20_000, 4_000, 6, (0, 1, 2, 3, 4, 5, 6)
FEWEST = 10  # counts of a gene over all samples below which it is left out
PEER_LIMIT_S = 1_500
Floats = NDArray[np.float64]


def run(quick: bool) -> Iterator[Row]:
    """Yield W10 at full size, W10 at a fifth of it over seeds, and W11; ``quick`` leaves one seed of the small size."""
    if not quick and wanted(f"W10 {GENES} genes"):
        yield from _rows(f"W10 {GENES} genes", [drawn(GENES, 0)])
    if wanted(f"W10 {QUICK_GENES} genes"):
        yield from _rows(f"W10 {QUICK_GENES} genes", [drawn(QUICK_GENES, seed) for seed in (SEEDS[:1] if quick else SEEDS)])
    if not quick and wanted("W11 infected cells") and SHARED.is_dir():
        yield from _rows("W11 infected cells", [infected()])


def drawn(genes: int, seed: int) -> tuple[Floats, NDArray[np.bool_] | None]:
    """Draw (G, 12) counts, treated in every second column, and which genes changed.

    Means are lognormal(4, 2), dispersions 0.05 + 2 / mean, a tenth of the genes changes by normal(0, 1.5) doublings.
    """
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(4, 2, genes)
    changed = rng.random(genes) < 0.1
    change = np.where(changed, rng.normal(0, 1.5, genes), 0.0)
    treated = np.repeat([0, 1], REPLICATES)
    mu = mean[:, None] * 2 ** (change[:, None] * treated)
    size = 1 / (0.05 + 2 / mean[:, None])
    counts = rng.negative_binomial(size, size / (size + mu)).astype(float)
    kept = counts.sum(axis=1) >= FEWEST
    return counts[kept][:, np.arange(2 * REPLICATES).reshape(2, -1).T.ravel()], changed[kept]


def infected() -> tuple[Floats, NDArray[np.bool_] | None]:
    """Return (G, 6) counts of A549 cells, infected in every second column."""
    counts = pd.read_csv(SHARED / "GSE147507_raw_counts.tsv.gz", sep="\t", index_col=0)
    mock, cov = (sorted(c for c in map(str, counts.columns) if c.startswith(f"CoV002-{name}")) for name in ("mock", "CoV2"))
    values = counts[[name for pair in zip(mock, cov, strict=True) for name in pair]].to_numpy(dtype=float)
    return values[values.sum(axis=1) > 0], None


def _rows(workload: str, inputs: list[tuple[Floats, NDArray[np.bool_] | None]]) -> Iterator[Row]:
    """Yield seconds, agreement and false calls of both programs on the same counts."""
    _compared(inputs[0][0][:500])  # imports, as the peer's warm-up
    timed = [cpu_seconds(partial(_compared, counts)) for counts, _ in inputs]
    theirs: list[dict[str, Any]] = []
    note = ""
    try:
        arrays = {f"a{k}": counts for k, (counts, _) in enumerate(inputs)}
        theirs = call_peer("pydeseq2_wald", arrays, {}, PEER_LIMIT_S)
    except PeerFailed as problem:
        theirs, note = problem.answers, str(problem)
    yield Row(workload, "seconds", METHOD, [spent for spent, _ in timed], PEER, [each["seconds"] for each in theirs], note=note)
    ours = [(table["log2fc"].to_numpy(), table["q"].to_numpy() < LEVEL) for _, table in timed]
    peer = [(np.array(each["log2fc"], dtype=float), np.array(each["q"], dtype=float) < LEVEL) for each in theirs]
    pairs = list(zip(ours, peer, strict=False))
    if pairs:
        correlations = [float(np.corrcoef(a[np.isfinite(b)], b[np.isfinite(b)])[0, 1]) for (a, _), (b, _) in pairs]
        yield Row(workload, "r of log2 fold changes", METHOD, correlations, "", [], True, note="product against peer")
        jaccard = [float((a & b).sum() / max((a | b).sum(), 1)) for (_, a), (_, b) in pairs]
        yield Row(workload, "Jaccard of calls", METHOD, jaccard, "", [], True, note="product against peer, q < 0.05")
    yield Row(workload, "calls, q < 0.05", METHOD, [float(a.sum()) for _, a in ours], PEER, [float(b.sum()) for _, b in peer], True)
    truths = [truth for _, truth in inputs if truth is not None]
    if truths:
        false = [[_share(calls, ~truth) for (_, calls), truth in zip(found, truths, strict=False)] for found in (ours, peer)]
        yield Row(workload, "realised FDR (nominal 0.05)", METHOD, false[0], PEER, false[1])
        power = [[_share(truth, calls) for (_, calls), truth in zip(found, truths, strict=False)] for found in (ours, peer)]
        yield Row(workload, "share of changed genes called", METHOD, power[0], PEER, power[1], True)


def _compared(counts: Floats) -> pd.DataFrame:
    """Return the product's table for counts that alternate between control and treated."""
    design = np.column_stack([np.ones(counts.shape[1]), np.arange(counts.shape[1]) % 2]).astype(float)
    return compare(counts, tuple(map(str, range(len(counts)))), design, LEVEL, Context.silent()).table


def _share(of: NDArray[np.bool_], which: NDArray[np.bool_]) -> float:
    """Return the share of ``of`` that is ``which``."""
    return float((of & which).sum() / max(of.sum(), 1))
