"""Seen compounds on plates that were never seen: whether generated images show the mechanism, and whether their texture is right."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, UserError
from engine.molimage.judge import Verdict, learn, real_vs_generated
from engine.molimage.like_for_like import Rates, drawn_like, largest_size, pieces_like
from engine.molimage.model import CellModel
from engine.molimage.profiles import profiles
from engine.molimage.swd import swd_table
from engine.molimage.train import asked

LEARNT = 4  # pieces of each training field that the judge sees
GENERATED, REAL, OTHER = "generated", "real, test plates", "real, training plates"


@dataclass(frozen=True)
class FieldScores:
    """What a judge and a texture distance say of generated images, beside real ones.

    Attributes
    ----------
    table : one row each for generated images, real ones of test plates and real ones of training plates: ``accuracy`` of the mechanism with
        ``low`` and ``high``, ``balanced`` (mean recall), ``share`` of the accuracy on real test images, ``worst_recall``, ``told_apart``
        from real test images (0.5: not at all), ``swd_ratio`` (mean over levels), ``bits_per_dim``.
    recall : one row a class and kind of images, as `Verdict.recall`.
    swd : one row a level, as `swd_table`.
    images : the generated ones, in the order of the test rows.
    """

    table: pd.DataFrame
    recall: pd.DataFrame
    swd: pd.DataFrame
    images: NDArray[np.uint8]


def score_real_fields(
    model: CellModel, images: ImageSet, size: int | None = None, seed: int = 0, context: Context | None = None
) -> FieldScores:
    """Draw one image for every field of the test split, at its compound and dose, and score them.

    Parameters
    ----------
    images : with facts ``split`` (train and test), ``moa``, ``compound`` or ``smiles``, and ``dose_um``.
    size : edge in px; the largest that model and images have if not given.

    Raises
    ------
    UserError
        When a split or the mechanisms are missing.

    Notes
    -----
    The judge is a ridge classifier of the profiles of `LEARNT` real pieces of every training field; a share of its accuracy on real pieces
    of test plates is quoted, one piece a field. SWD compares with those; its floor is as many real pieces of training plates, of the same
    compounds and doses. Bits/dim are over the real test pieces.
    """
    context, size = context or Context.silent(), size or largest_size(images, model)
    train, test = images.split("train"), images.split("test")
    for part, label in ((train, "train"), (test, "test")):
        if not len(part):
            raise UserError(f"No image of {images.name} is of the split {label}.", "Write train or test in the column split.", "split")
    context.progress(0.0, "images")
    generated = drawn_like(model, asked(test), size, seed, context.share(0.0, 0.4))
    real, _ = pieces_like(test, model, size, seed=seed)
    other, _ = pieces_like(train.take(partners(test, train, seed)), model, size, seed=seed + 1)
    context.progress(0.4, "profiles")
    seen, source = pieces_like(train, model, size, LEARNT, seed + 2)
    judge = learn(profiles(seen), train.column("moa")[source])
    sets = {GENERATED: generated, REAL: real, OTHER: other}
    described = {name: profiles(some) for name, some in sets.items()}
    verdicts = {name: judge.verdict(values, test.column("moa")) for name, values in described.items()}
    context.progress(0.6, "textures")
    swd = swd_table(real, generated, other, seed)
    context.progress(0.9, "likelihood")
    row = {name: _row(verdict, verdicts[REAL]) for name, verdict in verdicts.items()}
    for name in (GENERATED, OTHER):
        row[name]["told_apart"] = real_vs_generated(described[REAL], described[name], seed=seed).balanced
    row[GENERATED] |= {"swd_ratio": float(swd["ratio"].mean())}
    row[REAL]["bits_per_dim"] = bits_per_dim(model, real, test)
    recall = pd.concat([verdict.recall.assign(images_of=name) for name, verdict in verdicts.items()], ignore_index=True)
    return FieldScores(pd.DataFrame(row).T.rename_axis("images"), recall, swd, generated)


def partners(wanted: ImageSet, others: ImageSet, seed: int = 0) -> NDArray[np.int64]:
    """Return for each image a row of ``others`` of the same compound and dose, each row once before any comes twice."""
    rng, theirs = np.random.default_rng(seed), asked(others)
    rows = {what: rng.permutation([k for k, other in enumerate(theirs) if other == what]).tolist() for what in dict.fromkeys(theirs)}
    turn = dict.fromkeys(rows, 0)
    found = []
    for what in asked(wanted):
        if what not in rows:
            raise UserError(f"No training image shows {what[0]} at {what[1]:g} µM.", "Leave it out, or split by plate and not by compound.")
        found.append(rows[what][turn[what] % len(rows[what])])
        turn[what] += 1
    return np.array(found, np.int64)


def bits_per_dim(model: Rates, pieces: NDArray[np.uint8], images: ImageSet, at_once: int = 64) -> float:
    """Return the mean code length of pieces, one of each image of a set, at the molecule and dose of each."""
    told = model.told(asked(images))
    parts = [model.log_prob(pieces[k : k + at_once], told[k : k + at_once], k)["bits_per_dim"] for k in range(0, len(pieces), at_once)]
    return float(pd.concat(parts).mean())


def _row(verdict: Verdict, real: Verdict) -> dict[str, float]:
    right = verdict.accuracy
    share = right.value / max(real.accuracy.value, 1e-12)
    return {
        "accuracy": right.value, "low": right.low, "high": right.high, "balanced": verdict.balanced, "share": share,
        "worst_recall": float(verdict.recall["recall"].min()),
    }  # fmt: skip
