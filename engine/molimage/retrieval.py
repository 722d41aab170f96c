"""Variety, memory and recognisability of generated images: diversity ratio, nearest training image, retrieval of the right molecule."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.molimage.intervals import Interval, mean_interval

Floats = NDArray[np.float64]
Features = NDArray[np.floating]
Labels = Sequence[str] | NDArray[np.object_]

AT_ONCE = 1 << 24  # numbers in a block of distances
COPY_QUANTILE = 0.01  # of real images' distances to the training images: what lies nearer looks copied


@dataclass(frozen=True)
class Retrieval:
    """How well generated profiles find real images of their molecule.

    Parameters
    ----------
    precision : mean average precision over molecules, with its bootstrap interval.
    chance : what an order at random has.
    by_molecule : one row a molecule: ``molecule``, ``queries``, ``average_precision``, ``chance``.
    """

    precision: Interval
    chance: float
    by_molecule: pd.DataFrame


@dataclass(frozen=True)
class Memorisation:
    """How near generated images lie to the training images, beside real images that were not trained on.

    Parameters
    ----------
    generated, real : (M,) and (N,) distance of each to its nearest training image.
    ratio : median of generated / median of real; far below 1 means copies.
    copied : share of generated images nearer to a training image than all but 1 % of the real ones; 0.01 is expected.
    """

    generated: Floats
    real: Floats
    ratio: float
    copied: float


def diversity(
    real: Features, real_molecule: Labels, generated: Features, generated_molecule: Labels, seed: int = 0
) -> tuple[Interval, pd.DataFrame]:
    """Compare how far images of one molecule lie apart: generated / real, 1 is ideal, below 1 the model repeats itself.

    Parameters
    ----------
    real, generated : (N, F) and (M, F) profiles, or any features.
    real_molecule, generated_molecule : the molecule of each image.

    Returns
    -------
    Mean ratio over the molecules that have two images or more of both kinds, with its bootstrap interval, and one row for each of them:
    ``molecule``, ``real``, ``generated`` (mean distance of two images, features standardised by the real ones) and ``ratio``.
    """
    real, generated = standardised(real, generated)
    of_real, of_generated = (np.asarray(names, dtype=object) for names in (real_molecule, generated_molecule))
    rows = []
    for molecule in sorted(set(of_real) & set(of_generated)):
        ours, theirs = _mean_distance(generated[of_generated == molecule]), _mean_distance(real[of_real == molecule])
        if theirs > 0 and not np.isnan(ours):
            rows.append((molecule, theirs, ours, ours / theirs))
    table = pd.DataFrame(rows, columns=["molecule", "real", "generated", "ratio"])
    return mean_interval(table["ratio"].to_numpy(dtype=float), seed), table


def memorisation(train: Features, held_out: Features, generated: Features) -> Memorisation:
    """Look for generated images that are copies of training images.

    Parameters
    ----------
    train, held_out, generated : (N, F) features of the images trained on, of real ones that were not, and of generated ones; pixels of
        small images do as well as profiles.

    Raises
    ------
    UserError
        When one of the three is empty.
    """
    if min(len(train), len(held_out), len(generated)) == 0:
        raise UserError(
            "A search for copies needs training images, other real images and generated ones.", "Add the ones that are missing."
        )
    train, held_out, generated = standardised(train, held_out, generated)
    ours, theirs = nearest_distance(generated, train), nearest_distance(held_out, train)
    copied = float((ours < np.quantile(theirs, COPY_QUANTILE)).mean())
    return Memorisation(ours, theirs, float(np.median(ours) / max(float(np.median(theirs)), 1e-12)), copied)


def retrieval(real: Features, real_molecule: Labels, generated: Features, generated_molecule: Labels, seed: int = 0) -> Retrieval:
    """Let each generated profile rank all real ones by cosine similarity, and see how high those of its molecule stand.

    Parameters
    ----------
    real, generated : (N, F) and (M, F) profiles; standardised by the real ones before.
    real_molecule, generated_molecule : the molecule of each; generated ones of molecules without a real image are left out.

    Returns
    -------
    Retrieval. Average precision of a query: mean over its R relevant images of (relevant ones up to there) / rank; equal similarities count
    as the worse rank. Chance: its expectation over orders at random, (R - 1) / (N - 1) + (N - R) / (N - 1) · H_N / N with H_N = Σ 1 / k.

    Raises
    ------
    UserError
        When no generated image has a real one of the same molecule.
    """
    of_real, of_generated = (np.asarray(names, dtype=object) for names in (real_molecule, generated_molecule))
    asked = np.isin(of_generated.astype(str), of_real.astype(str))
    if not asked.any():
        raise UserError("No generated image has a real image of the same molecule.", "Generate images of molecules that the data show.")
    a, b = standardised(real, np.asarray(generated)[asked])
    a, b = (values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12) for values in (a, b))
    precisions = [average_precision(similarity, of_real == name) for similarity, name in zip(b @ a.T, of_generated[asked], strict=True)]
    rows, harmonic, n = [], (1 / np.arange(1, len(a) + 1)).sum(), len(a)
    for molecule in sorted(set(of_generated[asked])):
        own = of_generated[asked] == molecule
        relevant = int((of_real == molecule).sum())
        chance = 1.0 if n == 1 else (relevant - 1) / (n - 1) + (n - relevant) / (n - 1) * harmonic / n
        rows.append((molecule, int(own.sum()), float(np.mean(np.array(precisions)[own])), float(chance)))
    table = pd.DataFrame(rows, columns=["molecule", "queries", "average_precision", "chance"])
    return Retrieval(mean_interval(table["average_precision"].to_numpy(), seed), float(table["chance"].mean()), table)


def average_precision(similarity: Features, is_relevant: NDArray[np.bool_]) -> float:
    """Return the average precision of one ranking; NaN when nothing is relevant."""
    order = np.lexsort((is_relevant, -similarity))  # among equals the irrelevant ones stand first
    hits = is_relevant[order]
    ranks = np.flatnonzero(hits) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).mean()) if len(ranks) else np.nan


def nearest_distance(points: Features, others: Features) -> Floats:
    """(N,) Euclidean distance of each of N points to the nearest of M others."""
    step = max(1, AT_ONCE // max(1, len(others)))
    return np.concatenate([_distances(points[begin : begin + step], others).min(axis=1) for begin in range(0, len(points), step)])


def standardised(real: Features, *others: Features) -> list[Floats]:
    """Return (N, F) features of mean 0 and sd 1 over the real images, the others on the same scale; what never varies is dropped."""
    values = [np.asarray(each, dtype=float) for each in (real, *others)]
    centre, scale = values[0].mean(axis=0), values[0].std(axis=0)
    kept = scale > 1e-9
    return [(each[:, kept] - centre[kept]) / scale[kept] for each in values]


def _distances(a: Features, b: Features) -> Floats:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def _mean_distance(points: Features) -> float:
    n = len(points)
    return float(_distances(points, points)[~np.eye(n, dtype=bool)].mean()) if n > 1 else np.nan
