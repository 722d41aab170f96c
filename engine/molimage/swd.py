"""Sliced Wasserstein distance of small patches at each level of a Laplacian pyramid: whether textures are right, scale by scale."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from engine.core import UserError

Floats = NDArray[np.float32]

SMALLEST_PX = 16
PATCH_PX = 7
PATCHES = 128  # of an image
PROJECTIONS = 512
AT_ONCE = 64  # projections sorted at a time
KERNEL = np.array([1, 4, 6, 4, 1], np.float32) / 16  # Burt and Adelson 1983
THOUSANDTHS = 1000.0


def swd_table(
    real: NDArray[np.uint8],
    generated: NDArray[np.uint8],
    other_real: NDArray[np.uint8] | None = None,
    seed: int = 0,
    patches: int = PATCHES,
    projections: int = PROJECTIONS,
) -> pd.DataFrame:
    """Compare generated with real images beside what two sets of real images differ by.

    Parameters
    ----------
    real, generated : (N, C, S, S) and (M, C, S, S) uint8; S is 16 px times a power of two.
    other_real : more real images for the floor, of other fields than ``real``; without them ``real`` is halved at random.
    patches : patches of 7 × 7 px drawn from each image and level.
    projections : random directions.

    Returns
    -------
    One row a level, finest first: ``level_px``, ``swd`` (x 1000), ``floor``, ``ratio`` and ``images``, the equal number taken of each set.
    """
    rng = np.random.default_rng(seed)
    real = real[rng.permutation(len(real))]
    if other_real is None:
        half = len(real) // 2
        real, other_real = real[:half], real[half:]
    n = min(len(real), len(generated), len(other_real))
    if n < 1:
        raise UserError("Too few images for a distance between textures.", "Give at least two real images and a generated one.")
    sets = [real[:n], *(images[rng.permutation(len(images))[:n]] for images in (generated, other_real))]
    ours, floor = (sliced_wasserstein(sets[0], images, seed, patches, projections) for images in sets[1:])
    rows = [(level, ours[level], floor[level], ours[level] / max(floor[level], 1e-12), n) for level in ours]
    return pd.DataFrame(rows, columns=["level_px", "swd", "floor", "ratio", "images"])


def sliced_wasserstein(
    real: NDArray[np.uint8], other: NDArray[np.uint8], seed: int = 0, patches: int = PATCHES, projections: int = PROJECTIONS
) -> dict[int, float]:
    """Return 1000 times the sliced Wasserstein distance of two sets of equally many images, by edge of the level in px, finest first.

    Notes
    -----
    Patches of a level, 7 x 7 x C numbers, are normalised per channel by mean and sd over the real set, projected on random unit vectors and
    sorted; the distance is the mean |difference| of the sorted values (the metric of Karras et al. 2018; Rabin et al. 2012). The same seed
    draws the same places and directions for every set, so a set has distance 0 to itself.
    """
    if real.shape != other.shape:
        raise UserError(f"Sets of {real.shape} and {other.shape} numbers cannot be compared.", "Give as many images of the same size.")
    found = {}
    for level, (ours, theirs) in enumerate(zip(laplacian_pyramid(real), laplacian_pyramid(other), strict=True)):
        a, b = (_patches(values, patches, np.random.default_rng([seed, level])) for values in (ours, theirs))
        centre, scale = a.mean(axis=(0, 2), keepdims=True), a.std(axis=(0, 2), keepdims=True)
        scale = np.where(scale < 1e-9, np.float32(1), scale)
        a, b = (((values - centre) / scale).reshape(len(values), -1) for values in (a, b))
        found[ours.shape[-1]] = THOUSANDTHS * projected_distance(a, b, np.random.default_rng([seed, level, 1]), projections)
    return found


def projected_distance(a: NDArray[np.floating], b: NDArray[np.floating], rng: np.random.Generator, projections: int = PROJECTIONS) -> float:
    """Return the mean over random unit directions of the 1-Wasserstein distance between the shadows of (N, D) and (N, D) points."""
    directions = rng.standard_normal((a.shape[1], projections)).astype(a.dtype)
    directions /= np.linalg.norm(directions, axis=0)
    total = 0.0
    for begin in range(0, projections, AT_ONCE):
        some = directions[:, begin : begin + AT_ONCE].T
        total += float(np.abs(np.sort(some @ a.T, axis=1) - np.sort(some @ b.T, axis=1)).mean(axis=1, dtype=np.float64).sum())
    return total / projections


def laplacian_pyramid(images: NDArray[np.uint8]) -> Iterator[Floats]:
    """Yield each level of (N, C, S, S) images in [0, 1]: what an image halved and doubled again loses, at last the 16 px image itself."""
    level: Floats = images.astype(np.float32) / np.float32(255)
    if level.shape[2] != level.shape[3] or not _halves_to(level.shape[2]):
        height, width = level.shape[2:]
        raise UserError(
            f"Images of {height} × {width} px have no pyramid.", f"Crop them to squares of {SMALLEST_PX} px times a power of two."
        )
    while level.shape[2] > SMALLEST_PX:
        smaller = _blurred(level)[:, :, ::2, ::2]
        larger = np.zeros_like(level)
        larger[:, :, ::2, ::2] = 4 * smaller
        yield level - _blurred(larger)
        level = smaller
    yield level


def _halves_to(size: int) -> bool:
    return size >= SMALLEST_PX and size % SMALLEST_PX == 0 and (size // SMALLEST_PX).bit_count() == 1


def _blurred(values: Floats) -> Floats:
    once = ndimage.correlate1d(values, KERNEL, axis=2, mode="mirror")
    return ndimage.correlate1d(once, KERNEL, axis=3, mode="mirror")


def _patches(level: Floats, each: int, rng: np.random.Generator) -> Floats:
    """(N·each, C, 49) patches at random places."""
    n, channels, size, _ = level.shape
    windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH_PX, PATCH_PX), axis=(2, 3))
    y, x = rng.integers(0, size - PATCH_PX + 1, (2, n * each))
    return windows[np.repeat(np.arange(n), each), :, y, x].reshape(n * each, channels, PATCH_PX**2)
