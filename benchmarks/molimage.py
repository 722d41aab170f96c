"""Cell images: seconds to draw them, beside the reference; held-out simulated molecules; real fields; images of another kind.

The real data are those of the shared folder (CAUSEWAY_DATA, or ``../shared/data``); without it their workloads say so. Nothing that is
trained on them is kept.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.harness import Row, cpu_seconds, wall_seconds, wanted
from engine.core import Context, ImageSet
from engine.molimage.bring import read_packed
from engine.molimage.domain import strange_images
from engine.molimage.evaluate import MODEL, NEAREST, ORACLE, OTHER_HALF, SHUFFLED, EvaluateParams, evaluate
from engine.molimage.gallery import drugs
from engine.molimage.intervals import share_interval
from engine.molimage.judge import learn, random_crops
from engine.molimage.like_for_like import drawn_like, pieces_like
from engine.molimage.model import CellModel
from engine.molimage.profiles import profiles
from engine.molimage.real_fields import GENERATED, OTHER, FieldScores, score_real_fields
from engine.molimage.simulator import simulate
from engine.molimage.train import TrainParams, asked, train

SHARED = Path(os.environ.get("CAUSEWAY_DATA") or Path(__file__).parents[2] / "shared" / "data") / "cells"
W1 = ((16, 64, 0.15), (16, 128, 0.5), (4, 256, 0.6), (1, 512, 0.8))  # images, px, wall seconds on two threads at most
REPEATS = 5
ASKED = [("CC(=O)Oc1ccccc1C(=O)O", 10.0)]
REFERENCE_M, AT_LEAST = 123.85, 50.0  # parameters in millions as counted for the spec; times less CPU than the reference
SCREEN, QUICK_SCREEN = (80, 220, 8, (2.0, 10.0)), (35, 80, 10, (10.0,))  # molecules held out, known ones, images of each, doses in µM
STRANGERS, QUICK_STRANGERS = 120, 40  # images
FIELD_PX = 128
STEPS, QUICK_STEPS = 3000, 60
SHARE, RECALL, RATIO, MEAN_RATIO = 0.75, 0.3, 2.0, 1.5  # what is asked of real fields
SHOWN = (
    "morphology", "morphology_share", "mechanism", "mechanism_share", "correspondence", "correspondence_share", "swd_ratio",
    "diversity", "copied", "retrieval", "bits_per_dim",
)  # fmt: skip
SMALLER = {"swd_ratio", "copied", "bits_per_dim"}
JUMP = {"ch5": "DNA", "ch3": "RNA", "ch2": "AGP"}
JUMP_FOR = {"DNA": "DNA", "ER": "RNA", "RNA": "RNA", "AGP": "AGP", "Mito": "AGP"}
FIELDS_FOR = {"DNA": 0, "ER": 1, "RNA": 1, "AGP": 2, "Mito": 1}  # of DNA, tubulin, actin
Images = NDArray[np.uint8]


def run(quick: bool) -> Iterator[Row]:
    """Yield latencies, the reference, the held-out simulated table, real fields, and how often strange images are flagged."""
    model = CellModel.load("shipped")
    yield from _latencies(model)
    if wanted("reference, 16 x 64 px"):
        yield from _reference("reference, 16 x 64 px", model)
    held = f"held-out simulated, {(QUICK_SCREEN if quick else SCREEN)[0]} molecules"
    if wanted(held):
        yield from _held_out(held, _screen(model, *(QUICK_SCREEN if quick else SCREEN)), 64 if quick else None)
    if wanted("other kinds of images"):
        yield from _strange("other kinds of images", model, QUICK_STRANGERS if quick else STRANGERS)
    steps = QUICK_STEPS if quick else STEPS
    if wanted(f"BBBC021 fields, {steps} steps"):
        yield from _fields(f"BBBC021 fields, {steps} steps", steps)


def _latencies(model: CellModel) -> Iterator[Row]:
    import torch

    for n, size, limit in W1:
        workload = f"W1 {n} x {size} px"
        if not wanted(workload):
            continue
        if size not in model.sizes:
            yield Row(workload, "wall seconds", "shipped", [], "target", [limit], note=f"the shipped model draws up to {model.size} px")
            continue
        for threads in (2, 1):
            torch.set_num_threads(threads)
            model.sample(ASKED, n, size=size)
            wall, cpu = _repeated(wall_seconds, model, n, size), _repeated(cpu_seconds, model, n, size)
            seen = f"{threads} thread{'s' * (threads > 1)}"
            target = [limit] if threads == 2 else []
            note = f"{'within' if min(wall) <= limit else 'MISSED'} {limit} s in the best of {REPEATS}" if target else ""
            yield Row(workload, f"wall seconds, {seen}", model.id, wall, "target" if target else "", target, note=note)
            yield Row(workload, f"CPU seconds, {seen}", model.id, cpu, "", [])
    torch.set_num_threads(1)


def _repeated(clock: Any, model: CellModel, n: int, size: int) -> list[float]:
    """Seconds of several calls, each with noise of its own."""
    return [clock(lambda seed=seed: model.sample(ASKED, n, size=size, seed=seed))[0] for seed in range(REPEATS)]


def _reference(workload: str, model: CellModel) -> Iterator[Row]:
    import torch

    from benchmarks.mol2image_reference.net import Reference

    torch.set_num_threads(1)
    torch.manual_seed(0)
    peer = Reference().eval()
    count = peer.parameters_in_millions()
    agrees = abs(count / REFERENCE_M - 1) < 0.01
    ours = sum(value.size for value in model.weights.values()) / 1e6
    note = f"the rebuilt reference; spec {REFERENCE_M}, {'within' if agrees else 'MISSED by more than'} 1 %"
    yield Row(workload, "parameters, millions", model.id, [ours], "rebuilt reference", [count], note=note)
    peer.sample(1)
    theirs, drawn = cpu_seconds(lambda: peer.sample(16))
    model.sample(ASKED, 16, size=64)
    mine = _repeated(cpu_seconds, model, 16, 64)
    times = theirs / float(np.mean(mine))
    note = f"{times:.0f} times less CPU, {'at least' if times >= AT_LEAST else 'MISSED:'} {AT_LEAST:g} asked; not at matched quality"
    assert drawn.shape == (16, 5, 64, 64)
    yield Row(workload, "CPU seconds per image", model.id, [each / 16 for each in mine], "rebuilt reference", [theirs / 16], note=note)


def _molecules(model: CellModel, n: int, is_known: bool) -> pd.DataFrame:
    """Draw molecules of the gallery that the model has or has not learnt from, of every mechanism in turn as far as it goes."""
    from engine.molimage.simulator.structure import structure_of

    table = drugs()
    table = table[table["mechanism"] != ""]
    table = table.assign(smiles=[structure_of(each).smiles for each in table["smiles"]]).drop_duplicates("smiles")
    table = table[table["smiles"].isin(set(model.conditions.known["smiles"])) == is_known]
    table = table.iloc[np.random.default_rng(0).permutation(len(table))]
    return table.iloc[np.argsort(table.groupby("mechanism").cumcount().to_numpy(), kind="stable")[:n]]


def _screen(model: CellModel, n: int, n_known: int, each: int, doses_um: Sequence[float]) -> ImageSet:
    """Simulate molecules that the model has never seen, for testing, and some that it has, to learn judges from."""
    test = simulate(_molecules(model, n, False), each, FIELD_PX, 101, dose_um=doses_um, controls=0)
    known = simulate(_molecules(model, n_known, True), max(2, each // 3), FIELD_PX, 101, dose_um=doses_um, controls=0)
    facts = pd.concat([test.table.assign(split="test"), known.table.assign(split="train")], ignore_index=True)
    images = np.concatenate([test.images, known.images])
    return ImageSet(images, facts, test.channels, "held-out simulated molecules", "simulated", test.pixel_um, steps=test.steps)


def _held_out(workload: str, screen: ImageSet, size: int | None) -> Iterator[Row]:
    seconds, result = cpu_seconds(lambda: evaluate(screen, EvaluateParams(size=size), Context.silent()))
    yield Row(workload, "CPU seconds", "molimage_evaluate", [seconds], "", [], note="; ".join(result.notes))
    other = OTHER_HALF[screen.origin]
    best = ORACLE if ORACLE in result.scores.index else other
    for name in (MODEL, SHUFFLED, NEAREST, other):
        for measure in SHOWN:
            if measure not in result.scores or not np.isfinite(value := result.scores.loc[name, measure]):
                continue
            ends = [f"{measure}_low", f"{measure}_high"]
            limits = result.scores.loc[name, ends].tolist() if ends[0] in result.scores else []
            note = f"95 % over molecules: {limits[0]:.3f} to {limits[1]:.3f}" if limits and np.isfinite(limits).all() else ""
            beside = [float(result.scores.loc[best, measure])] if np.isfinite(result.scores.loc[best, measure]) else []
            yield Row(workload, measure, name, [float(value)], best, beside, measure not in SMALLER, note)
    model, nearest = result.scores.loc[MODEL], result.scores.loc[NEAREST]
    beaten = bool(model["morphology_low"] > nearest["morphology_high"])
    note = f"{result.molecules} molecules; asked: intervals that do not overlap"
    yield Row(workload, "nearest molecule beaten", MODEL, [float(beaten)], "target", [1.0], True, note)


def _strange(workload: str, model: CellModel, n: int) -> Iterator[Row]:
    """Yield how often images are flagged at the size of the model."""
    held = simulate(_molecules(model, n, False), 1, model.size, 102, controls=0).images
    yield _flagged(workload, "held-out simulated", model, held, 0.05, False, "at most 5 % asked")
    if not SHARED.is_dir():
        yield Row(workload, "share flagged", "real images", [], "", [], note=f"no real images at {SHARED}")
        return
    note = "ER shown by RNA and Mito by AGP, which the site lacks; at least 95 % asked"
    yield _flagged(workload, "JUMP site", model, _jump(model), 0.95, True, note)
    note = "ER, RNA, Mito shown by tubulin, AGP by actin; at least 95 % asked"
    yield _flagged(workload, "BBBC021 fields", model, _bbbc021(model, n), 0.95, True, note)


def _flagged(workload: str, what: str, model: CellModel, images: Images, limit: float, is_least: bool, note: str) -> Row:
    flags = strange_images(model, images)
    found = share_interval(int(flags.sum()), len(flags))
    missed = found.value < limit if is_least else found.value > limit
    note = f"{'MISSED: ' * missed}{note}; {len(flags)} images, {found.low:.3f} to {found.high:.3f}"
    return Row(workload, "share flagged", what, [found.value], "target", [limit], is_least, note)


def _jump(model: CellModel) -> Images:
    """Cut a site into squares of the model's size, each stain scaled by its percentiles as on import."""
    from PIL import Image

    planes = {}
    for path in sorted((SHARED / "jump_BR00117006").glob("*.tiff")):
        with Image.open(path) as file:
            raw = np.asarray(file, np.float64)
        low, high = np.percentile(raw, [0.1, 99.9])
        planes[JUMP[path.stem.rpartition("-")[2]]] = np.rint(np.clip((raw - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    site = np.stack([planes[JUMP_FOR[name]] for name in model.channels])
    ends = range(model.size, site.shape[1] + 1, model.size)
    return np.stack([site[:, y - model.size : y, x - model.size : x] for y in ends for x in ends])


def _bbbc021(model: CellModel, n: int) -> Images:
    """Take every so many fields, in the stains of the model; a model of larger images is shown them enlarged between pixels."""
    fields = read_packed(SHARED / "bbbc021_mcf7_fields").images
    fields = fields[np.linspace(0, len(fields) - 1, n).astype(int)][:, [FIELDS_FOR[name] for name in model.channels]]
    if model.size <= fields.shape[-1]:
        return random_crops(fields, model.size)[0]
    factor = model.size / fields.shape[-1]
    return np.stack([ndimage.zoom(field, (1, factor, factor), order=1) for field in fields])


def _fields(workload: str, steps: int) -> Iterator[Row]:
    """Train on the training plates of BBBC021, draw every field of the test plates, and judge."""
    if not SHARED.is_dir():
        yield Row(workload, "mechanism right", "real images", [], "", [], note=f"no real images at {SHARED}")
        return
    fields = read_packed(SHARED / "bbbc021_mcf7_fields", channels=("DNA", "tubulin", "actin"))
    spent, trained = cpu_seconds(lambda: train(fields, TrainParams(size=64, steps=steps), Context.silent()))
    model = trained.cell_model()
    yield Row(workload, "CPU seconds of training", "molimage_train", [spent], "target", [1800.0] if steps == STEPS else [])
    found = score_real_fields(model, fields)
    yield from _judged(workload, found)
    yield from _one_out(workload, model, fields, found)


def _judged(workload: str, found: FieldScores) -> Iterator[Row]:
    row, real = found.table.loc[GENERATED], found.table.iloc[1]
    verdict = "at least" if row["share"] >= SHARE else "MISSED:"
    note = f"share {row['share']:.3f}, {verdict} {SHARE} asked; {row['low']:.3f} to {row['high']:.3f}"
    yield Row(workload, "mechanism right", GENERATED, [row["accuracy"]], "real, test plates", [real["accuracy"]], True, note)
    other = found.table.loc[OTHER]
    yield Row(workload, "told apart from real", GENERATED, [row["told_apart"]], OTHER, [other["told_apart"]], note="0.5 cannot be told")
    yield Row(workload, "bits/dim, test plates", "flow", [float(real["bits_per_dim"])], "", [])
    for _, each in found.recall[found.recall["images_of"] == GENERATED].iterrows():
        note = f"{each['right']} of {each['images']}" + (f", mistaken for {each['mistaken_for']}" if each["mistaken_for"] else "")
        note += "" if each["recall"] >= RECALL else f"; MISSED: {RECALL} asked"
        yield Row(workload, f"recall, {each['class']}", GENERATED, [each["recall"]], "", [], True, note)
    for _, level in found.swd.iterrows():
        note = f"ratio {level['ratio']:.2f}" + ("" if level["ratio"] <= RATIO else f"; MISSED: {RATIO:g} asked")
        name = f"SWD x 1000, {level['level_px']:.0f} px"
        yield Row(workload, name, GENERATED, [level["swd"]], "real-real floor", [level["floor"]], note=note)
    mean = float(found.swd["ratio"].mean())
    verdict = "within" if mean <= MEAN_RATIO else "MISSED:"
    yield Row(workload, "SWD / floor, mean of levels", GENERATED, [mean], "target", [MEAN_RATIO], note=f"{verdict} {MEAN_RATIO:g}")


def _one_out(workload: str, model: CellModel, fields: ImageSet, found: FieldScores) -> Iterator[Row]:
    """Judge each compound by a judge that never saw it; and draw compounds as if they were the nearest other structure."""
    from engine.molimage.fingerprint import similarity

    train_set, test = fields.split("train"), fields.split("test")
    pieces, source = pieces_like(train_set, model, found.images.shape[-1], 4, 2)
    seen, moa, compound = profiles(pieces), train_set.column("moa")[source], train_set.column("compound")[source]
    real, drawn = profiles(pieces_like(test, model, found.images.shape[-1])[0]), profiles(found.images)
    right = {"real": 0, "drawn": 0}
    n = 0
    for name in sorted(set(test.column("compound"))):
        own, judge = test.column("compound") == name, learn(seen[compound != name], moa[compound != name])
        if set(test.column("moa")[own]) <= set(judge.classes):
            n += int(own.sum())
            for which, values in (("real", real), ("drawn", drawn)):
                right[which] += int(np.trace(judge.verdict(values[own], test.column("moa")[own]).counts))
    note = f"{n} images; the judge never saw the compound, the model did"
    yield Row(
        workload, "mechanism, compound left out", GENERATED, [right["drawn"] / n], "real, test plates", [right["real"] / n], True, note
    )
    known = test.take(test.column("smiles") != "")
    names = sorted(set(known.column("smiles")))
    alike = similarity(names, names) - 2 * np.eye(len(names))
    nearest = {name: names[int(row.argmax())] for name, row in zip(names, alike, strict=True)}
    told = [(nearest[smiles], dose) for smiles, dose in asked(known)]
    verdict = learn(seen, moa).verdict(profiles(drawn_like(model, told, found.images.shape[-1], 1)), known.column("moa"))
    note = f"{len(known)} images of {len(names)} compounds drawn as the most similar other one; for an encoder there are too few"
    yield Row(workload, "mechanism, nearest structure", GENERATED, [verdict.accuracy.value], "", [], True, note)
