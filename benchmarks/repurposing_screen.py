"""The screen: which representation finds replicates on a real plate, whether chance is calibrated, how well missing signatures come back.

The plate is that of the shared folder (CAUSEWAY_DATA, or ``../shared/data``); without it its workload says so.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Row, cpu_seconds, wanted
from engine.core import Context, Dataset, Profiles, Tables
from engine.repurposing.sample import planted
from engine.repurposing.screen import ScreenParams, screen
from engine.repurposing.screens.chance import dealt, directions_of, p_values, turned
from engine.repurposing.screens.connectivity import cosine
from engine.repurposing.screens.design import design_of
from engine.repurposing.screens.drug_signatures import drug_signatures
from engine.repurposing.screens.files import read_screen
from engine.repurposing.screens.imputation import WAYS, Measured, left_out_error
from engine.repurposing.screens.inputs import screen_for
from engine.repurposing.screens.readings import readings_of
from engine.repurposing.screens.representations import Linear
from engine.repurposing.screens.result import ScreenResult

PLATE = Path(os.environ.get("CAUSEWAY_DATA") or Path(__file__).parents[2] / "shared" / "data") / "l1000" / "a375_24h_978x377.gct.gz"
MEASURED = {  # same-compound mean average precision, as measured for the specs
    "z_score": 0.186, "pca_100": 0.157, "difference": 0.156, "untrained": 0.152, "embedding": 0.151, "pca_20": 0.148, "raw": 0.120,
}  # fmt: skip
NEAR = 0.02
SEEDS, QUICK_SEEDS = (0, 1, 2), (0,)
DISEASES, QUICK_DISEASES, DRAWS = 200, 60, 199
LARGE, QUICK_LARGE, GENES = 20_000, 4_000, 978
Floats = NDArray[np.float64]


def run(quick: bool) -> Iterator[Row]:
    """Yield retrieval on the real plate, p-values of unrelated diseases, errors of imputation, and seconds for a large screen."""
    if wanted("W13 same compound, 351 wells"):
        yield from _plate("W13 same compound, 351 wells", QUICK_SEEDS if quick else SEEDS)
    if wanted("unrelated diseases"):
        yield from _unrelated(f"{QUICK_DISEASES if quick else DISEASES} unrelated diseases", QUICK_DISEASES if quick else DISEASES)
    if wanted("missing signatures"):
        yield from _missing("missing signatures, simulated")
    n = QUICK_LARGE if quick else LARGE
    if wanted(f"screen of {n:,} x {GENES}"):
        yield _large(f"screen of {n:,} x {GENES}", n)


def _asked(data: Any, **params: Any) -> ScreenResult:
    return screen(screen_for(data, None), ScreenParams(**params), Context.silent())


def _plate(workload: str, seeds: tuple[int, ...]) -> Iterator[Row]:
    if not PLATE.is_file():
        yield Row(workload, "mAP", "screen", [], "spec W13", [], note=f"no file {PLATE.name} in the shared folder")
        return
    plate = read_screen(PLATE)
    tables = []
    for seed in seeds:
        seconds, result = cpu_seconds(lambda seed=seed: _asked(plate, learn=True, seed=seed))  # type: ignore[misc]
        tables.append(result.retrieval.set_index("representation"))
    for name, expected in MEASURED.items():
        found = [float(table.loc[name, "map"]) for table in tables]
        low, high = tables[0].loc[name, ["low", "high"]].astype(float)
        verdict = f"within {NEAR}" if max(abs(value - expected) for value in found) <= NEAR else f"MISSED by more than {NEAR}"
        note = f"{verdict}; 95 % interval {low:.3f} to {high:.3f} over compounds"
        yield Row(workload, f"mAP, {name}", "screen", found, "spec W13", [expected], higher_is_better=True, note=note)
    order = " > ".join(name for name in tables[0].index if name in MEASURED)
    expected_order = " > ".join(MEASURED)
    agreed = float(np.mean([[name for name in table.index if name in MEASURED] == list(MEASURED) for table in tables]))
    yield Row(workload, "same order, share of seeds", "screen", [agreed], "spec W13", [1.0], True, note=f"{order}; spec {expected_order}")
    yield Row(workload, "seconds", "screen", [seconds], "", [], note="25 epochs of the autoencoder, eight representations")


def _signatures(profiles: Profiles) -> tuple[pd.DataFrame, Floats]:
    """Return the facts and the plain differences (G, d) of a screen's signatures."""
    context = Context.silent()
    readings = readings_of(profiles, profiles.genes, design_of(profiles.rows), context)
    found = drug_signatures(readings, {"difference": Linear("difference")}, context)
    return found.groups, found.values["difference"]


def _unrelated(workload: str, n: int) -> Iterator[Row]:
    """Draw diseases without relation to a screen's drugs; of each take the p-value of one drug.

    One kind has the structure of real signatures: genes move together as they do under the drugs. The other has none: a disease whose genes
    changed places.
    """
    world = planted(0)
    profiles = world["screen"]
    assert isinstance(profiles, Profiles)
    _, drugs = _signatures(profiles)
    directions = directions_of(drugs, 0)
    true = world.true_genes.set_index("gene")["log2fc"].reindex(profiles.genes).to_numpy(float)
    for kind in ("structured", "dealt out"):
        found: dict[str, list[float]] = {"spectrum": [], "genes": []}
        for k in range(n):
            rng = np.random.default_rng(k)
            change = rng.normal(size=len(drugs)) @ drugs if kind == "structured" else rng.permutation(true)
            drug = drugs[[k % len(drugs)]]
            observed = cosine(drug, change[None])[:, 0]
            for name, null in (("spectrum", turned(change, directions, DRAWS, rng)), ("genes", dealt(change, len(change), DRAWS, rng))):
                p = p_values(observed, lambda block, drug=drug: cosine(drug, block), null, DRAWS, Context.silent(), "")  # type: ignore[misc]
                found[name].append(float(p[0]))
        for name, p in found.items():
            below = float(np.mean(np.array(p) <= 0.05))
            uniform = float(stats.kstest(p, "uniform").pvalue)
            yield Row(f"{workload}, {kind}", f"KS p of uniform, {name}", "screen", [uniform], "", [], True, f"{below:.3f} at most 0.05")


def _missing(workload: str) -> Iterator[Row]:
    profiles = planted(0)["screen"]
    assert isinstance(profiles, Profiles)
    groups, values = _signatures(profiles)
    _, drug = np.unique(groups["drug"].to_numpy(str), return_inverse=True)
    measured = Measured(groups["line"].to_numpy(np.int64), drug, values)
    for way in WAYS:
        errors = left_out_error(measured, way, 0, Context.silent())
        for guess, label in (("cosine_drug", "drug's mean"), ("cosine_line", "line's mean")):
            ours, theirs = float(errors["cosine"].median()), float(errors[guess].median())
            yield Row(workload, f"median cosine, {way}", "screen", [ours], label, [theirs], True, note=f"{len(errors)} left out in turn")


def _large(workload: str, n: int) -> Row:
    """Score 500 drugs in four lines, 1,000 random signatures each way, 50 halves of the genes."""
    rng = np.random.default_rng(0)
    facts = {name: [f"{name}{k}" for k in rng.integers(0, most, n)] for name, most in (("drug", 500), ("cell", 4), ("plate", 60))}
    rows = pd.DataFrame(facts | {"is_control": rng.random(n) < 0.07})
    profiles = Profiles.of(rng.normal(8, 1, (n, GENES)).astype(np.float32), rows, [f"G{k}" for k in range(GENES)])
    disease = Dataset(pd.DataFrame({"gene": profiles.genes, "log2fc": rng.normal(size=GENES)}))
    seconds, result = cpu_seconds(lambda: _asked(Tables({"screen": profiles, "signature": disease})))
    return Row(workload, "seconds", "screen", [seconds], "", [], note=f"{len(result.drugs):,} drug signatures, both nulls, ranks")
