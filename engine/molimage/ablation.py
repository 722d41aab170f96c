"""Ablation: the flow with parts left out and a rival, trained on one budget with several seeds, in one table with every baseline.

``python -m engine.molimage.ablation IMAGES`` trains, evaluates and writes ``assets/models/ablation.json``, which page and README show. A
run that was stopped goes on where it was.
"""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.core import Context, ImageSet, UserError
from engine.core.result import Result, package_versions
from engine.molimage.evaluate import MODEL, NEAREST, ORACLE, OTHER_HALF, SHUFFLED, EvaluateParams, EvaluateResult, evaluate
from engine.molimage.inputs import read_set
from engine.molimage.intervals import LEVEL, Interval
from engine.molimage.like_for_like import open_model
from engine.molimage.model import MODELS, CellModel
from engine.molimage.plan import Plan
from engine.molimage.train import TrainParams, steps_of, train

SHIPPED = MODELS / "ablation.json"
FORMAT = 1
FLOWS: dict[str, tuple[str, dict[str, Any]]] = {  # letters of the specification
    "a": ("Flow with contrastive term", {"contrast": 0.05}),
    "b": ("Flow without contrastive term", {}),
    "c": ("Flow without molecule", {"molecule": False}),
    "g": ("Flow with graph encoder", {"encoder": "graph"}),
}
RIVAL = "d"
TRAINED = (*FLOWS, RIVAL)
LABELS = {
    **{letter: label for letter, (label, _) in FLOWS.items()}, RIVAL: "Adversarial network, as many parameters",
    "e": "With contrastive term, molecules shuffled", "f": "Images of the nearest molecule",
    "real": "Other half of the images", "oracle": "Oracle",
}  # fmt: skip
OF_EVALUATION = {"a": (MODEL,), "e": (SHUFFLED,), "f": (NEAREST,), "real": tuple(OTHER_HALF.values()), "oracle": (ORACLE,)}
MEASURES = {
    "morphology": "Morphology, Spearman", "morphology_share": "Share of the ceiling", "mechanism": "Mechanism right",
    "worst_recall": "Worst recall", "correspondence": "Molecule right", "swd_ratio": "Texture / floor", "kid": "Kernel distance",
    "morphology_fd": "Fréchet, morphology", "diversity": "Diversity", "copied": "Copied", "retrieval": "Retrieval",
    "bits_per_dim": "bits/dim",
}  # fmt: skip
JUDGED = ("morphology", "mechanism", "correspondence")  # by which the contrastive term is judged


def run(
    images: ImageSet, seeds: Sequence[int], budget: TrainParams, asked: EvaluateParams, folder: Path, context: Context,
    letters: Sequence[str] = TRAINED,
) -> dict[str, Any]:  # fmt: skip
    """Train and evaluate variants with every seed.

    Parameters
    ----------
    images : with train and test in the fact ``split``.
    budget : of each flow; the rival takes as many steps as all levels of a flow together, and has as many parameters.
    asked : of each evaluation; its models and seed are set here.
    folder : keeps models and evaluations, for a run that goes on; a model trained elsewhere is taken as it is when a JSON file with its
        ``cpu_s`` lies beside it.
    letters : of `TRAINED`, with a.

    Returns
    -------
    What the file holds: ``rows`` (variant x measure, a value per seed, their mean and intervals), ``cpu_s`` of training, ``budget``,
    ``data``, ``versions``, ``notes`` and ``contrast``, a sentence.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError("An ablation needs seeds, each once.", "Give for example 0 1 2.", "seeds")
    if "a" not in letters:
        raise UserError("Everything is compared with the flow (a).", "Put a among the letters.", "letters")
    found, seconds = [], {letter: [0.0] * len(seeds) for letter in letters}
    for k, seed in enumerate(seeds):
        part = context.share(k / len(seeds), (k + 1) / len(seeds))
        places = _train_all(images, dataclasses.replace(budget, seed=seed), folder, part.share(0.0, 0.8), letters)
        for letter, place in places.items():
            seconds[letter][k] = json.loads(place.with_suffix(".json").read_text())["cpu_s"]
        found.append(_evaluate(images, places, dataclasses.replace(asked, seed=seed), folder / f"scores_{seed}", part.share(0.8, 1.0)))
    rows = _rows(found)
    kept = {name: value for name, value in budget.to_dict().items() if name in ("size", "steps", "batch", "learning_rate", "whole")}
    return {
        "format": FORMAT, "seeds": list(seeds), "budget": kept, "cpu_s": seconds, "parameters": _parameters(folder, seeds[0], letters),
        "data": {"name": images.name, "digest": images.digest, "origin": images.origin, "images": len(images), "source": images.source},
        "molecules": [one.molecules for one in found], "notes": sorted({note for one in found for note in one.notes}),
        "versions": package_versions(), "rows": rows, "contrast": contrast_sentence(rows),
    }  # fmt: skip


def shipped(place: Path = SHIPPED) -> dict[str, Any]:
    """Read the ablation that comes with the product; without one, a `UserError`."""
    if not place.is_file():
        raise UserError("No ablation comes with this copy.", "Run python -m engine.molimage.ablation on a set of images.", str(place))
    found: dict[str, Any] = json.loads(place.read_text())
    if found.get("format") != FORMAT:
        raise UserError(f"{place.name} is of another version.", "Run python -m engine.molimage.ablation again.", str(place))
    return found


def table(record: dict[str, Any]) -> pd.DataFrame:
    """Return the table to show: a row a variant, a column a measure, each "mean [low, high]" over the seeds; empty where not defined."""
    cells = {(row["variant"], row["measure"]): _written(row) for row in record["rows"]}
    letters = [letter for letter in LABELS if any(variant == letter for variant, _ in cells)]
    names = [name for name in MEASURES if any(measure == name for _, measure in cells)]
    shown = [[cells.get((letter, name), "") for name in names] for letter in letters]
    return pd.DataFrame(shown, [LABELS[letter] for letter in letters], [MEASURES[name] for name in names]).rename_axis("variant")


def over_seeds(values: Sequence[float]) -> Interval:
    """Return the mean over seeds with its 95 % interval by Student's t; with one seed there is none."""
    from scipy.stats import t

    known = np.array([value for value in values if np.isfinite(value)])
    if len(known) < 2:
        return Interval(float(known.mean()) if len(known) else np.nan, np.nan, np.nan)
    reach = float(t.ppf(0.5 + LEVEL / 2, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    return Interval(float(known.mean()), float(known.mean()) - reach, float(known.mean()) + reach)


def contrast_sentence(rows: Sequence[dict[str, Any]]) -> str:
    """Say in words what the contrastive term does, by the differences of (a) and (b) seed by seed."""
    by = {(row["variant"], row["measure"]): row["values"] for row in rows}
    told, helps, hurts = [], False, False
    for name in JUDGED:
        if ("a", name) in by and ("b", name) in by:
            apart = over_seeds(np.subtract(by["a", name], by["b", name]).tolist())
            told.append(f"{MEASURES[name]} {apart.value:+.3f} [{apart.low:+.3f}, {apart.high:+.3f}]")
            helps, hurts = helps or apart.low > 0, hurts or apart.high < 0
    if not told:
        return "The contrastive term was not compared."
    verdict = {(True, False): "helps", (False, True): "hurts", (True, True): "helps in one measure and hurts in another"}
    what = verdict.get((helps, hurts), f"makes no difference that {len(rows[0]['values'])} seeds can show")
    return f"On these data the contrastive term {what}: with minus without, {'; '.join(told)}."


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m engine.molimage.ablation", description="Train, evaluate and write the ablation.")
    parser.add_argument("images", type=Path, help="folder or ZIP of images with train and test in the column split")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--size", type=int, default=32, help="px")
    parser.add_argument("--steps", type=int, default=1000, help="of each level of a flow")
    parser.add_argument("--images-each", type=int, default=None, help="most images of a molecule in an evaluation")
    parser.add_argument("--letters", nargs="+", default=list(TRAINED), choices=TRAINED, help="variants to train; a must be among them")
    parser.add_argument("--kept", type=Path, default=Path("ablation.part"), help="folder of models and evaluations")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    given = parser.parse_args(arguments)
    context = Context(threads=1, on_progress=_Line().show)
    budget, asked = TrainParams(size=given.size, steps=given.steps), EvaluateParams(n=given.images_each)
    try:
        record = run(read_set(given.images), given.seeds, budget, asked, given.kept, context, given.letters)
    except UserError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(record, indent=1, ensure_ascii=False))
    sys.stdout.write(f"{table(record).T.to_string()}\n{record['contrast']}\n")
    return 0


def _train_all(images: ImageSet, budget: TrainParams, folder: Path, context: Context, letters: Sequence[str]) -> dict[str, Path]:
    """Train what is not there yet; return the file of each variant."""
    places = {letter: folder / f"{letter}_{budget.seed}.safetensors" for letter in letters}
    folder.mkdir(parents=True, exist_ok=True)
    for k, (letter, place) in enumerate(places.items()):
        if place.with_suffix(".json").is_file():
            continue
        part, begun = context.share(k / len(places), (k + 1) / len(places)), time.process_time()
        if letter == RIVAL:
            _train_rival(images, budget, CellModel.load(str(places["a"])), part, place)
        else:
            made = train(images, dataclasses.replace(budget, **FLOWS[letter][1]), part)
            made.cell_model().save(place)
        place.with_suffix(".json").write_text(json.dumps({"cpu_s": time.process_time() - begun}))
    return places


def _train_rival(images: ImageSet, budget: TrainParams, flow: CellModel, context: Context, place: Path) -> None:
    from engine.molimage.gan import train_gan

    plan: Plan = flow.plan
    steps = sum(steps_of(plan, size, budget) for size in plan.sizes)
    train_gan(images, budget, steps, _size(flow), context).save(place)


def _evaluate(images: ImageSet, places: dict[str, Path], asked: EvaluateParams, kept: Path, context: Context) -> EvaluateResult:
    if (kept / "meta.json").is_file():
        found = Result.from_dir(kept)
        assert isinstance(found, EvaluateResult)
        return found
    others = tuple(str(place) for letter, place in places.items() if letter != "a")
    result = evaluate(images, dataclasses.replace(asked, model=str(places["a"]), others=others), context)
    result.to_dir(kept)
    return result


def _rows(found: Sequence[EvaluateResult]) -> list[dict[str, Any]]:
    """One row for each variant and measure that all seeds have."""
    rows = []
    for letter in LABELS:
        names = [_row_of(one.scores, letter) for one in found]
        if None in names:
            continue
        own = pd.DataFrame([one.scores.loc[str(name)] for one, name in zip(found, names, strict=True)])
        for measure in MEASURES:
            if measure in own and np.isfinite(own[measure]).all():
                mean = over_seeds(own[measure].tolist())
                ends = {
                    f"molecules_{end}": _or_none(float(own.get(f"{measure}_{end}", pd.Series([np.nan])).mean())) for end in ("low", "high")
                }
                told = {"variant": letter, "measure": measure, "values": own[measure].tolist(), "mean": mean.value}
                rows.append(told | {"low": _or_none(mean.low), "high": _or_none(mean.high)} | ends)
    return rows


def _row_of(scores: pd.DataFrame, letter: str) -> str | None:
    """Return the name of a variant's row in a table of scores; other models carry the stem of their file."""
    wanted = OF_EVALUATION.get(letter, ())
    return next((str(name) for name in scores.index if name in wanted or (not wanted and f"({letter}_" in str(name))), None)


def _parameters(folder: Path, seed: int, letters: Sequence[str]) -> dict[str, int]:
    """Count the parameters that draw, of each variant."""
    models: dict[str, Any] = {letter: open_model(str(folder / f"{letter}_{seed}.safetensors")) for letter in letters}
    return {letter: model.parameters if letter == RIVAL else _size(model) for letter, model in models.items()}


def _size(flow: CellModel) -> int:
    return sum(value.size for value in flow.weights.values())


def _written(row: dict[str, Any]) -> str:
    """Mean and interval; the mean alone with one seed."""
    return f"{row['mean']:.3g}" if row["low"] is None else str(Interval(row["mean"], row["low"], row["high"]))


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None


class _Line:
    """Progress as lines, one every half minute."""

    def __init__(self) -> None:
        self.last = 0.0

    def show(self, fraction: float, note: str) -> None:
        if time.monotonic() - self.last > 30:
            self.last = time.monotonic()
            sys.stderr.write(f"{fraction:4.0%} {note}\n")


if __name__ == "__main__":
    sys.exit(main())
