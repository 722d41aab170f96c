"""Searching a screen: seconds beside reading it, numpy, and pandas, all in one run; what a subset of a GCTX file costs in memory.

The screens are drawn at random (unit rows, seed 0) into a temporary folder and deleted afterwards; the largest takes 5 GB of disk.
"""

import shutil
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.harness import Row, wall_seconds, wanted
from engine.core import Profiles
from engine.core.stored_matrix import StoredMatrix, write_matrix
from engine.repurposing.screens.files import read_screen
from engine.repurposing.screens.query import top
from engine.repurposing.screens.query_codes import prepare

GENES = 978
ROWS, QUICK_ROWS = 1_000_000, 100_000  # W1, W2
MANY, MANY_ROWS, QUICK_MANY = 1_000, 100_000, 100  # W3
BEST = 100
REPEATS = 7
THREADS = 2
CORRELATED = 5_000  # profiles that pandas is timed on; its seconds grow with their number
READ_LIMIT, CODED, CORRWITH, BATCH, PEAK = 1.3, 0.6, 250.0, 0.6, 1.2  # what is asked
GCTX_ROWS, QUICK_GCTX = 100_000, 20_000  # W4


def run(quick: bool) -> Iterator[Row]:
    """Yield one signature against the screen, many at once, and the memory of a subset."""
    n = QUICK_ROWS if quick else ROWS
    folder = Path(tempfile.mkdtemp(prefix="causeway-benchmark-"))
    try:
        if wanted(name := f"W1 one signature, {n:,} x {GENES}"):
            yield from _one(name, folder, n)
        if wanted(name := f"W3 {QUICK_MANY if quick else MANY:,} signatures, {MANY_ROWS:,} x {GENES}"):
            yield from _many(name, folder, QUICK_MANY if quick else MANY)
        if wanted(name := f"W4 GCTX subset, {QUICK_GCTX if quick else GCTX_ROWS:,} x {GENES}"):
            yield from _subset(name, folder, QUICK_GCTX if quick else GCTX_ROWS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _one(workload: str, folder: Path, n: int) -> Iterator[Row]:
    import torch

    needed = 5 * n * GENES * 1.1
    if shutil.disk_usage(folder).free < needed:
        yield Row(workload, "wall seconds", "top", [], "", [], note=f"needs {needed / 1e9:.1f} GB of disk")
        return
    screen = _screen(folder, n)
    signature = _signatures(1).iloc[:, 0]
    matrix, query = np.asarray(screen.mapped), signature.to_numpy(np.float32)
    ready = prepare(screen, folder / "codes", threads=THREADS)
    torch.set_num_threads(THREADS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch: the file is mapped for reading only
        whole = torch.from_numpy(matrix)
    best = _interleaved(
        {
            "read": lambda: whole.sum(),
            "numpy": lambda: matrix @ query,
            "float32": lambda: top(screen, signature, BEST, threads=THREADS),
            "8 bit": lambda: top(ready, signature, BEST, threads=THREADS),
            "pearson": lambda: top(screen, signature, BEST, "pearson", threads=THREADS),
        }
    )
    same = _same(top(screen, signature, BEST), top(ready, signature, BEST))
    yield _row(workload, "float32, exact top 100", best["float32"], "reading, 2 threads", best["read"], READ_LIMIT)
    note = f"the same profiles and scores as in float32: {same}"
    yield _row(workload, "8 bit, exact top 100", best["8 bit"], "numpy matvec", best["numpy"], CODED, note)
    some = pd.DataFrame(matrix[:CORRELATED].T, index=signature.index)
    theirs = wall_seconds(lambda: some.corrwith(signature))[0] * n / CORRELATED
    times = theirs / best["pearson"]
    reached = "at least" if times >= CORRWITH else "MISSED:"
    note = f"pandas extrapolated from {CORRELATED:,} profiles; {times:.0f} times, {reached} {CORRWITH:g} asked"
    yield Row(workload, "wall seconds, Pearson", "top", [best["pearson"]], "pandas corrwith", [theirs], note=note)


def _many(workload: str, folder: Path, count: int) -> Iterator[Row]:
    screen = _screen(folder, MANY_ROWS)
    signatures = _signatures(count)
    matrix, queries = np.asarray(screen.mapped), np.ascontiguousarray(signatures.to_numpy(np.float32))

    def product() -> None:
        for start in range(0, MANY_ROWS, MANY_ROWS // 4):  # all of them at once would take 400 MB
            matrix[start : start + MANY_ROWS // 4] @ queries

    best = _interleaved({"numpy": product, "top": lambda: top(screen, signatures, BEST, threads=THREADS)}, repeats=3)
    note = "numpy finds no top 100; its product runs at the peak of the processor"
    yield _row(workload, "exact top 100 of each", best["top"], "numpy GEMM", best["numpy"], BATCH, note)


def _subset(workload: str, folder: Path, n: int) -> Iterator[Row]:
    import h5py

    path = folder / "screen.gctx"
    with h5py.File(path, "w") as file:
        matrix = file.create_dataset("0/DATA/0/matrix", (n, GENES), "f4", chunks=(1024, GENES))
        for start in range(0, n, 8192):
            matrix[start : start + 8192] = np.float32(start)
        file["0/META/ROW/id"] = np.array([f"G{i}" for i in range(GENES)], dtype="S")
        file["0/META/COL/id"] = np.array([f"p{i}" for i in range(n)], dtype="S")
    seconds, screen = wall_seconds(lambda: read_screen(path))
    yield Row(workload, "wall seconds, facts", "read_screen", [seconds], "", [])
    rng = np.random.default_rng(0)
    asked: dict[str, tuple[Any, Any]] = {
        "neighbouring rows, half the genes": (slice(n // 4, n // 2), screen.genes[::2]),
        "a quarter of the rows, scattered": (rng.permutation(n)[: n // 4], None),
        "every row, 100 genes": (None, screen.genes[300:400]),
    }
    for what, (chosen, genes) in asked.items():
        screen.block([0], screen.genes[:1])
        tracemalloc.start()
        block = screen.block(chosen, genes)
        peak = tracemalloc.get_traced_memory()[1] / block.nbytes
        tracemalloc.stop()
        taken = wall_seconds(lambda chosen=chosen, genes=genes: screen.block(chosen, genes))[0]
        note = f"{taken:.2f} s for {block.nbytes / 1e6:,.0f} MB; {'within' if peak <= PEAK else 'MISSED'} {PEAK}"
        yield Row(workload, "peak memory / block", what, [peak], "the block", [1.0], note=note)


def _row(workload: str, method: str, mine: float, peer: str, theirs: float, asked: float, note: str = "") -> Row:
    share = mine / theirs
    said = f"{share:.2f} of it, {'within' if share <= asked else 'MISSED'} {asked:g}"
    return Row(workload, "wall seconds, 2 threads", method, [mine], peer, [theirs], note=f"{said}; {note}" if note else said)


def _interleaved(calls: dict[str, Callable[[], Any]], repeats: int = REPEATS) -> dict[str, float]:
    """Return the best wall seconds of each call, one after another in turn, so that other work on the machine meets all alike."""
    for call in calls.values():
        call()
    best = dict.fromkeys(calls, np.inf)
    for _ in range(repeats):
        for name, call in calls.items():
            best[name] = min(best[name], wall_seconds(call)[0])
    return best


def _screen(folder: Path, n: int) -> Profiles:
    """Draw unit rows from a normal distribution, seed 0, into a file."""
    rng = np.random.default_rng(0)

    def blocks() -> Iterator[NDArray[np.float32]]:
        for start in range(0, n, 8192):
            block = rng.standard_normal((min(8192, n - start), GENES), dtype=np.float32)
            yield block / np.linalg.norm(block, axis=1, keepdims=True)

    path = folder / f"{n}.npy"
    write_matrix(path, (n, GENES), blocks())
    return Profiles(pd.DataFrame(index=range(n)), tuple(f"G{i}" for i in range(GENES)), StoredMatrix(path))


def _signatures(count: int) -> pd.DataFrame:
    values = np.random.default_rng(1).standard_normal((GENES, count))
    return pd.DataFrame(values, index=[f"G{i}" for i in range(GENES)])


def _same(first: Any, second: Any) -> bool:
    return bool(np.array_equal(first.rows, second.rows) and np.array_equal(first.scores, second.scores))
