"""Evaluate a model: images drawn for molecules of the test split beside those of the set, and beside what any model has to beat."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, Params, Result, UserError, field, method
from engine.molimage.agreement import HEADLINE_MOLECULES
from engine.molimage.baselines import Halves, halves, is_untreated, molecules_of, nearest_training, oracle, shuffled
from engine.molimage.correspondence import LEAST, Matcher, Pairs, learn_match
from engine.molimage.intervals import RESAMPLES
from engine.molimage.judge import Judge, learn
from engine.molimage.like_for_like import Draws, Rates, drawn_like, largest_size, open_model, pieces_like
from engine.molimage.profiles import profiles
from engine.molimage.real_fields import bits_per_dim
from engine.molimage.scoring import Described, Measure, describe
from engine.molimage.segmentation import typical_diameter_px
from engine.molimage.train import asked

MODEL, NEAREST, SHUFFLED, ORACLE = "model", "nearest molecule", "molecule shuffled", "oracle"
OTHER_HALF = {origin: f"{origin}, other half" for origin in ("real", "simulated")}  # by the origin of the images
FEWEST_TO_MATCH = 20  # molecules with a structure to learn a correspondence from
SHOWN = 4  # images of a class in the contact sheet
SMALLEST_PX = 32  # of which profiles can be taken
DRAWN, MEASURED = 0.35, 0.85  # shares of the progress bar


@dataclass(frozen=True)
class EvaluateParams(Params):
    """Which model, how many images, and what is computed."""

    model: str = field("shipped", "Model", help="Name of a bundled model, a .safetensors file, or the folder of a training run.")
    others: tuple[str, ...] = field((), "Other models", help="Compared in the same table: files of models of the same images.")
    n: int | None = field(None, "Images of each molecule", low=4, high=1000, absent="as many as the set has")
    size: int | None = field(None, "Image size", low=SMALLEST_PX, high=512, unit="px", absent="the largest there is")
    correspondence: bool = field(
        True,
        "Molecule match",
        help="Learn whether an image shows a molecule, and ask it of drawn ones; half a CPU minute.",
    )
    fresh: bool = field(True, "Fresh simulations", help="Of the test molecules, for simulated images: the best a model could do.")
    resamples: int = field(RESAMPLES, "Resamples of molecules", low=100, high=100_000, advanced=True)
    learnt_from: int = field(1500, "Training images looked at", low=50, high=100_000, advanced=True, help="Most, by judge and classifier.")


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluateResult(Result):
    """How good a model is.

    Attributes
    ----------
    scores : one row a variant, ``model`` first; columns are the measures, with ``_low`` and ``_high`` where they have an interval.
    by_feature : Spearman over molecules of each variant and morphology feature, with interval and ceiling.
    by_class : recall of each variant and mechanism.
    pictures : (K, 2, 4, C, S, S) uint8: of each of K classes images of the set and generated ones; black where there are fewer.
    classes : their names.
    molecules : number of molecules that morphology is compared over; a headline needs 30.
    notes : what could not be computed and why, and what a reader must know.
    facts : of the model, by variant: ``name``, ``id``, ``origin``, ...
    """

    scores: pd.DataFrame
    by_feature: pd.DataFrame
    by_class: pd.DataFrame
    pictures: NDArray[np.uint8]
    classes: tuple[str, ...]
    molecules: int
    notes: tuple[str, ...]
    facts: dict[str, Any]

    @property
    def is_headline(self) -> bool:
        """Whether there are molecules enough to quote the morphology on its own."""
        return self.molecules >= HEADLINE_MOLECULES

    def summary(self) -> list[tuple[str, str]]:
        """Return the measures to quote."""
        row = self.scores.loc[MODEL]
        told = [
            ("Morphology, Spearman", "morphology"), ("Mechanism right", "mechanism"), ("Molecule right", "correspondence"),
            ("Texture, times the floor", "swd_ratio"), ("bits/dim", "bits_per_dim"),
        ]  # fmt: skip
        rows = [(label, f"{row[name]:.3g}") for label, name in told if name in row and np.isfinite(row[name])]
        return [*super().summary(), *rows][:8]


@method(
    "molimage_evaluate", area="molimage", label="Cell image evaluation", needs="images", gives="scores",
    cite="Yang, Goldman, Jin, Lu, Barzilay, Jaakkola, Uhler 2021; Karras et al. 2018; Bińkowski et al. 2018", version=2,
)  # fmt: skip
def evaluate(images: ImageSet, params: EvaluateParams, context: Context) -> EvaluateResult:
    """Compare generated images with those of held-out molecules or plates, in one table with everything that puts them into proportion.

    Parameters
    ----------
    images : with train and test in the fact ``split``, of the model's channels and origin.

    Returns
    -------
    EvaluateResult with a row for the model and the others asked for, for the model with molecules shuffled, for images of the nearest
    training molecule, for other images of the same molecules and, of simulated images, for fresh simulations.

    Raises
    ------
    UserError
        When images and model are not of one kind, simulated or real, or not of the same channels; or a split is missing.

    Notes
    -----
    Every variant has one image for each molecule and dose of the other half, and all are compared with the same reference (see
    `engine.molimage.baselines.halves`). Untreated cells are no molecule and are left out of both. Morphology: Spearman's correlation over
    molecules of the mean of each feature, averaged over features; molecules are resampled. Its ceiling is what fresh simulations reach,
    else the other half. Mechanism: a judge learnt from training images. Correspondence: a classifier learnt from training images and their
    molecules. Texture: sliced Wasserstein distance, by which the other half differs = 1. ``kid`` is on profiles, ``morphology_fd`` on
    morphology: neither is comparable with published FID or KID.
    """
    models = {MODEL: open_model(params.model)} | {_named(open_model(place), place): open_model(place) for place in params.others}
    for model in models.values():
        _check(model, images)
    size = params.size or largest_size(images, models[MODEL])
    split = halves(images, params.n, params.seed)
    notes = _warnings(images, split, models)
    sets = _sets(images, split, models, size, params, context.share(0.0, DRAWN), notes)
    measured = _measured(sets, images, split, context.share(DRAWN, MEASURED))
    measure = _measure(images, models[MODEL], split, measured, size, params, context.share(MEASURED, 0.95), notes)
    order = [*models, SHUFFLED, NEAREST, OTHER_HALF[images.origin], *([ORACLE] if ORACLE in measured else [])]
    measured[SHUFFLED] = measured[MODEL].take(shuffled(split.wanted, params.seed))
    rows, reached = {}, {}
    for k, name in enumerate(order):
        context.progress(0.95 + 0.05 * k / len(order), f"scores of {name}")
        reached[name] = measure.agreement(measured[name])
        rows[name] = measure.scores(measured[name], reached[name])
    for name, model in models.items():
        if isinstance(model, Rates):
            rows[name]["bits_per_dim"] = bits_per_dim(model, sets["reference"], split.reference)
    notes += [reached[MODEL].reason] if reached[MODEL].reason else []
    verdicts = {name: measure.verdict(measured[name]) for name in order}
    by_class = [verdict.recall.assign(variant=name) for name, verdict in verdicts.items() if verdict is not None]
    pictures, classes = _pictures(measured["reference"], measured[MODEL])
    for note in notes:
        context.warn(note)
    return EvaluateResult(
        scores=pd.DataFrame(rows).T.rename_axis("variant"),
        by_feature=pd.concat([one.table.assign(variant=name) for name, one in reached.items()], ignore_index=True),
        by_class=pd.concat(by_class, ignore_index=True) if by_class else pd.DataFrame(),
        pictures=pictures, classes=classes, molecules=reached[MODEL].molecules, notes=tuple(notes),
        facts={name: _told(model) for name, model in models.items()},
    )  # fmt: skip


def _check(model: Draws, images: ImageSet) -> None:
    """Refuse to mix simulated and real, or stains."""
    if model.facts["origin"] != images.origin:
        raise UserError(
            f"The model {model.facts['name']} learnt from {model.facts['origin']} images, and those of {images.name} are {images.origin}.",
            "Simulated and real are never put into one table: choose a model trained on such images, or train one.", "model",
        )  # fmt: skip
    ours, theirs = [str(name).lower() for name in model.facts["channels"]], [name.lower() for name in images.channels]
    if ours != theirs:
        raise UserError(
            f"The model draws {', '.join(model.facts['channels'])}, and the images show {', '.join(images.channels)}.",
            "Give images with the same channels in the same order.", "channels",
        )  # fmt: skip


def _warnings(images: ImageSet, split: Halves, models: dict[str, Draws]) -> list[str]:
    """Say what the split can show, and where a model may have seen what it is tested on."""
    n = len(set(molecules_of(split.reference)))
    notes = [f"Seen molecules on other images: {n} molecules." if split.are_plates else f"{n} molecules of the test split, halved."]
    if split.untreated:
        notes.append(f"Test images of untreated cells, left out because they show no molecule: {split.untreated:,}.")
    for name, model in models.items():
        seen = sum(len(model.conditions.rows_of(what)) > 0 for what in set(molecules_of(split.reference)))
        if seen and not split.are_plates:
            notes.append(f"The {name} was trained on {seen} of the {n} test molecules: what it shows of them is no prediction.")
        if model.facts.get("data_digest") != images.digest:
            notes.append(f"The {name} was trained on another set, {model.facts.get('data', 'unknown')}.")
    return notes


def _sets(
    images: ImageSet, split: Halves, models: dict[str, Draws], size: int, params: EvaluateParams, context: Context, notes: list[str]
) -> dict[str, NDArray[np.uint8]]:
    """Return the images of each variant."""
    model, train = models[MODEL], images.split("train")
    train = train.take(np.flatnonzero(~is_untreated(train)))
    rows, lost = nearest_training(split.wanted, train, params.seed)
    if lost:
        notes.append(f"{lost} molecules have no structure to find a nearest one by: a training molecule was taken at random.")
    given = {"reference": split.reference, OTHER_HALF[images.origin]: split.other, NEAREST: train.take(rows)}
    sets = {name: pieces_like(some, model, size, seed=params.seed + k)[0] for k, (name, some) in enumerate(given.items())}
    for k, (name, each) in enumerate(models.items()):
        part = context.share(k / (len(models) + 1), (k + 1) / (len(models) + 1))
        sets[name] = _kept(context, f"drawn_{k}", partial(drawn_like, each, asked(split.wanted), size, params.seed, part))
    if params.fresh and images.origin == "simulated":
        fresh = _kept(context, "fresh", partial(_fresh, images, split, model, size, context.share(len(models) / (len(models) + 1), 1.0)))
        if len(fresh):
            sets[ORACLE] = fresh
            notes.append("Fresh simulations are on other plates than the images of the set, so their texture differs by the staining too.")
        else:
            notes.append("No fresh simulations: these images were not simulated here, or have no column moa.")
    return sets


def _fresh(images: ImageSet, split: Halves, model: Draws, size: int, context: Context) -> NDArray[np.uint8]:
    found = oracle(images, split.wanted, context)
    return pieces_like(found, model, size)[0] if found is not None else np.zeros((0, images.p, size, size), np.uint8)


def _kept(context: Context, name: str, make: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Make images, or take those that a stopped run has kept."""
    kept = context.kept.get(name)
    images = make() if kept is None else kept["images"].astype(np.uint8)
    if kept is None:
        context.kept.put(name, {"images": images})
    return images


def _measured(sets: dict[str, NDArray[np.uint8]], images: ImageSet, split: Halves, context: Context) -> dict[str, Described]:
    """Measure every set with one diameter, that of the reference."""
    diameter = typical_diameter_px(sets["reference"], images.channels)
    shown = {"reference": split.reference, OTHER_HALF[images.origin]: split.other}
    found = {}
    for k, (name, some) in enumerate(sets.items()):
        facts = shown.get(name, split.wanted)
        part = context.share(k / len(sets), (k + 1) / len(sets))
        found[name] = describe(name, some, molecules_of(facts), facts.column("moa"), images.channels, diameter, part)
    return found


def _measure(
    images: ImageSet, model: Draws, split: Halves, measured: dict[str, Described], size: int, params: EvaluateParams, context: Context,
    notes: list[str],
) -> Measure:  # fmt: skip
    """Learn from training images what the sets are measured by."""
    train = images.split("train")
    order = np.random.default_rng(params.seed).permutation(len(train))[: params.learnt_from]
    train = train.take(np.sort(order))
    pieces, _ = pieces_like(train, model, size, seed=params.seed + 17)
    context.progress(0.0, f"profiles of {len(pieces):,} training images")
    described = profiles(pieces)
    features: dict[str, NDArray[np.float32]] = {}
    matcher = None
    if params.correspondence:
        matcher, features = _matcher(train, pieces, split, params, context.share(0.3, 1.0), notes)
    other = measured[OTHER_HALF[images.origin]]
    ceiling, judge = measured.get(ORACLE, other), _judge(train, described, notes)
    return Measure(
        measured["reference"], other, ceiling, described, judge, matcher, features, params.resamples, params.seed
    )  # fmt: skip


def _judge(train: ImageSet, described: NDArray[np.float32], notes: list[str]) -> Judge | None:
    labels = train.column("moa")
    known = labels != ""
    if len(set(labels[known])) < 2:
        notes.append("No mechanism accuracy: the column moa names fewer than two mechanisms of training images.")
        return None
    return learn(described[known], labels[known])


def _matcher(
    train: ImageSet, pieces: NDArray[np.uint8], split: Halves, params: EvaluateParams, context: Context, notes: list[str]
) -> tuple[Matcher | None, dict[str, NDArray[np.float32]]]:
    from engine.molimage.fingerprint import features

    smiles = train.column("smiles")
    rows = np.flatnonzero((smiles != "") & ~is_untreated(train))
    names = sorted(set(smiles[rows]))
    if len(names) < FEWEST_TO_MATCH or len(rows) < LEAST:
        notes.append(
            f"No correspondence: it is learnt from {FEWEST_TO_MATCH} training molecules with a structure or more, not {len(names)}."
        )
        return None, {}
    numbers = np.array([names.index(each) for each in smiles[rows]], np.int64)
    matcher = learn_match(Pairs(pieces[rows], numbers, features(names)), seed=params.seed, context=context)
    asked_for = sorted({*split.reference.column("smiles"), *split.other.column("smiles"), *split.wanted.column("smiles")} - {""})
    return matcher, dict(zip(asked_for, features(asked_for), strict=True))


def _pictures(reference: Described, generated: Described) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return a few images of each class, those of the set above generated ones; classes are mechanisms, else molecules."""
    by = "moa" if (reference.moa != "").any() else "molecule"
    classes = tuple(sorted({str(name) for name in getattr(reference, by)} - {""}))[:16]
    sheet = np.zeros((len(classes), 2, SHOWN, *reference.images.shape[1:]), np.uint8)
    for k, name in enumerate(classes):
        for half, some in enumerate((reference, generated)):
            shown = some.images[getattr(some, by) == name][:SHOWN]
            sheet[k, half, : len(shown)] = shown
    return sheet, classes


def _named(model: Draws, place: str) -> str:
    return f"{model.facts['name']} ({place.rpartition('/')[2].removesuffix('.safetensors')})"


def _told(model: Draws) -> dict[str, Any]:
    return {key: model.facts[key] for key in ("name", "origin", "size", "data", "seed", "uses_molecule", "params") if key in model.facts}
