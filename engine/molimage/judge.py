"""A judge learnt from real images: whether a generated one shows its mechanism, and whether it can be told from a real one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.molimage.intervals import Interval, share_interval

Floats = NDArray[np.float64]
Labels = Sequence[str] | NDArray[np.object_]

PENALTY = 0.01  # of the squared weights, in mean squared errors of one image
CLIP_SD = 5.0  # a statistic further out says no more than "far"
FOLDS = 5


@dataclass(frozen=True)
class Verdict:
    """What a judge said of images whose class is known.

    Parameters
    ----------
    classes : the K classes the judge knows.
    counts : (K, K) images of each class (row) called each class (column).
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def accuracy(self) -> Interval:
        """Share of images called right, with its binomial interval."""
        return share_interval(int(np.trace(self.counts)), int(self.counts.sum()))

    @property
    def balanced(self) -> float:
        """Mean recall of the classes that were shown; chance is 1 / K."""
        shown = self.counts.sum(axis=1)
        return float(np.mean(np.diag(self.counts)[shown > 0] / shown[shown > 0])) if shown.any() else np.nan

    @property
    def recall(self) -> pd.DataFrame:
        """One row a class: ``images``, ``right``, ``recall`` (``low``, ``high``), and ``mistaken_for``, the commonest wrong answer."""
        rows = []
        for k, name in enumerate(self.classes):
            shown = share_interval(int(self.counts[k, k]), int(self.counts[k].sum()))
            wrong = np.where(np.arange(len(self.classes)) == k, 0, self.counts[k])
            mistaken = self.classes[int(wrong.argmax())] if wrong.any() else ""
            rows.append((name, int(self.counts[k].sum()), int(self.counts[k, k]), shown.value, shown.low, shown.high, mistaken))
        return pd.DataFrame(rows, columns=["class", "images", "right", "recall", "low", "high", "mistaken_for"])


@dataclass(frozen=True)
class Judge:
    """A ridge classifier of profiles: one linear score for each class, the highest wins.

    Parameters
    ----------
    classes : the K classes.
    centre, scale : (F,) mean and sd of the statistics of the images it was learnt from.
    weights : (F + 1, K), the last row the offsets.
    """

    classes: tuple[str, ...]
    centre: Floats
    scale: Floats
    weights: Floats

    def scores(self, profiles: NDArray[np.floating]) -> Floats:
        """(N, K) score of each class for each profile; about 1 where it is the class, -1 where not."""
        return _design(profiles, self.centre, self.scale) @ self.weights

    def verdict(self, profiles: NDArray[np.floating], labels: Labels, pooled_over: Labels | None = None) -> Verdict:
        """Compare what the judge says of (N, F) profiles with the N labels.

        Parameters
        ----------
        pooled_over : N names; the scores of images of one name, such as the crops of a field, are averaged before the judge decides.

        Raises
        ------
        UserError
            When a label is none of the classes that were learnt.
        """
        names = np.asarray(labels, dtype=object)
        unknown = sorted({str(name) for name in names} - set(self.classes))
        if unknown:
            raise UserError(f"The judge never saw the class {unknown[0]}.", "Give it real images of that class, or leave the class out.")
        truth, scores = np.array([self.classes.index(name) for name in names], np.int64), self.scores(profiles)
        if pooled_over is not None:
            _, first, group = np.unique(np.asarray(pooled_over).astype(str), return_index=True, return_inverse=True)
            pooled = np.zeros((len(first), len(self.classes)))
            np.add.at(pooled, group, scores)
            truth, scores = truth[first], pooled
        counts = np.zeros((len(self.classes),) * 2, np.int64)
        np.add.at(counts, (truth, scores.argmax(axis=1)), 1)
        return Verdict(self.classes, counts)


def learn(profiles: NDArray[np.floating], labels: Labels, penalty: float = PENALTY) -> Judge:
    """Learn a judge from real images.

    Parameters
    ----------
    profiles : (N, F) of `engine.molimage.profiles`, or any other features.
    labels : N classes, at least two.
    penalty : λ below.

    Returns
    -------
    Judge, the W that minimises Σ_i c_i |y_i - W'z_i|² / Σ c + λ |W|² over standardised profiles z with an offset; y_i is 1 for the class of
    image i and -1 elsewhere, and c_i weighs classes evenly, however many images each has.

    Raises
    ------
    UserError
        When there is one class only.
    """
    names = np.asarray(labels, dtype=object)
    classes = tuple(sorted({str(name) for name in names}))
    if len(classes) < 2:
        raise UserError("A judge needs images of at least two classes.", "Add images of another class.")
    values = np.asarray(profiles, dtype=float)
    centre, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale < 1e-9, 1.0, scale)
    truth = np.array([classes.index(name) for name in names], np.int64)
    weight = 1 / np.bincount(truth)[truth]
    design, target = _design(values, centre, scale), 2.0 * np.eye(len(classes))[truth] - 1
    weighted = design * (weight / weight.sum())[:, None]
    return Judge(classes, centre, scale, np.linalg.solve(weighted.T @ design + penalty * np.eye(design.shape[1]), weighted.T @ target))


def leave_one_out(profiles: NDArray[np.floating], labels: Labels, compounds: Labels, penalty: float = PENALTY) -> pd.DataFrame:
    """Judge each compound by a judge that saw the other compounds only.

    Returns
    -------
    One row a compound: ``compound``, ``class``, ``images``, ``recall`` with ``low`` and ``high``. A compound that is the only one of its
    class is left out, for nothing could be right.
    """
    names, drugs = np.asarray(labels, dtype=object), np.asarray(compounds, dtype=object)
    rows = []
    for drug in sorted(set(drugs)):
        own = drugs == drug
        judge = learn(profiles[~own], names[~own], penalty)
        if not set(names[own]) <= set(judge.classes):
            continue
        counts = judge.verdict(profiles[own], names[own]).counts
        right = share_interval(int(np.trace(counts)), int(counts.sum()))
        rows.append((drug, "; ".join(sorted(set(names[own]))), int(own.sum()), right.value, right.low, right.high))
    return pd.DataFrame(rows, columns=["compound", "class", "images", "recall", "low", "high"])


def real_vs_generated(
    real: NDArray[np.floating],
    generated: NDArray[np.floating],
    real_groups: Labels | None = None,
    generated_groups: Labels | None = None,
    seed: int = 0,
) -> Verdict:
    """Say how well generated images can be told from real ones: 0.5 is perfect, 1 is never mistaken.

    Parameters
    ----------
    real, generated : (N, F) and (M, F) profiles.
    real_groups, generated_groups : N and M names; images of one name, such as crops of one field, are never on both sides of a fold.

    Returns
    -------
    Verdict over five folds of the classes ``generated`` and ``real``; its ``balanced`` is the figure to quote.
    """
    if min(len(real), len(generated)) < 2 * FOLDS:
        raise UserError(f"{min(len(real), len(generated))} images are too few to tell real from generated.", f"Give {2 * FOLDS} of each.")
    values = np.concatenate([real, generated])
    labels = np.array(["real"] * len(real) + ["generated"] * len(generated), dtype=object)
    rng = np.random.default_rng(seed)
    fold = np.concatenate([_folds(len(real), real_groups, rng), _folds(len(generated), generated_groups, rng)])
    counts = np.zeros((2, 2), np.int64)
    for k in range(FOLDS):
        counts += learn(values[fold != k], labels[fold != k]).verdict(values[fold == k], labels[fold == k]).counts
    return Verdict(("generated", "real"), counts)


def random_crops(images: NDArray[np.uint8], size: int, each: int = 1, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Cut squares out of images at random places, turned and mirrored at random.

    Parameters
    ----------
    images : (N, C, H, W).
    size : edge in px, at most the shorter side.
    each : crops of an image.

    Returns
    -------
    (N·each, C, size, size) crops and the number of the image each was cut from.
    """
    n, _, height, width = images.shape
    if size > min(height, width):
        raise UserError(f"A crop of {size} px does not fit into images of {height} × {width} px.", "Choose a smaller crop.")
    rng = np.random.default_rng(seed)
    source = np.repeat(np.arange(n), each)
    crops = np.empty((len(source), images.shape[1], size, size), np.uint8)
    for k, i in enumerate(source):
        y, x = rng.integers(height - size + 1), rng.integers(width - size + 1)
        crop = np.rot90(images[i, :, y : y + size, x : x + size], int(rng.integers(4)), axes=(1, 2))
        crops[k] = crop[:, :, ::-1] if rng.integers(2) else crop
    return crops, source


def _design(profiles: NDArray[np.floating], centre: Floats, scale: Floats) -> Floats:
    standardised = np.clip((np.asarray(profiles, dtype=float) - centre) / scale, -CLIP_SD, CLIP_SD)
    return np.column_stack([standardised, np.ones(len(standardised))])


def _folds(n: int, groups: Labels | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """Give each image a fold, the same one to all of a group."""
    group = np.arange(n) if groups is None else np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
    return (rng.permutation(group.max() + 1) % FOLDS)[group]
