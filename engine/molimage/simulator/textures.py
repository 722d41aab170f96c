"""Endless textures from fixed tiles: smooth noise and scattered discs, looked up at any point and any magnification."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

TILE = 512  # texels; a power of two, so that wrapping is a mask
GRAIN = 8.0  # texels: standard deviation of the noise's smoothing, so that one texel is far below a grain
DISC_SPACING = 32.0  # texels between the places for discs

Floats = NDArray[np.float32]


@cache
def noise_tile() -> Floats:
    """(TILE, TILE) periodic Gaussian noise of mean 0 and sd 1, correlated over `GRAIN` texels."""
    rough = np.random.default_rng(20_060_832).standard_normal((TILE, TILE))
    smooth = ndimage.gaussian_filter(rough, GRAIN, mode="wrap")
    return np.ascontiguousarray((smooth - smooth.mean()) / smooth.std(), np.float32)


@cache
def disc_tile() -> tuple[Floats, Floats]:
    """Two (TILE, TILE) tiles: distance to the centre of the nearest disc in radii (at most 3), and that disc's rank in [0, 1)."""
    rng = np.random.default_rng(853_208)
    n = round(TILE / DISC_SPACING)
    step = TILE / n
    places = (np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), axis=-1).reshape(-1, 2) + 0.5) * step
    places = places + rng.uniform(-0.22, 0.22, places.shape) * step
    radii, ranks = rng.uniform(0.24, 0.46, len(places)) * step, rng.permutation(len(places)) / len(places)
    distance, rank = np.full((TILE, TILE), 3.0, np.float32), np.zeros((TILE, TILE), np.float32)
    reach = int(step)
    window = np.arange(-reach, reach + 1)
    for (y, x), radius, own in zip(places, radii, ranks, strict=True):
        rows, columns = window + int(y), window + int(x)
        away = np.hypot(rows[:, None] + 0.5 - y, columns + 0.5 - x).astype(np.float32) / np.float32(radius)
        at = np.ix_(rows % TILE, columns % TILE)
        nearer = away < distance[at]
        distance[at] = np.where(nearer, away, distance[at])
        rank[at] = np.where(nearer, np.float32(own), rank[at])
    return distance, rank


def texels(y: Floats, x: Floats, per_unit: float) -> NDArray[np.intp]:
    """Flat indices into a tile of points in units, at so many texels per unit; the tile repeats without end."""
    # positions are positive (a population's offsets see to that), so cutting off the decimals is rounding down
    rows = (y * np.float32(per_unit)).astype(np.intp) & (TILE - 1)
    columns = (x * np.float32(per_unit)).astype(np.intp) & (TILE - 1)
    return rows * TILE + columns


def noise(y: Floats, x: Floats, grain: float, pixel: float = 0.0) -> Floats:
    """Return smooth noise of mean 0 at positive positions in units, whose correlation falls over ``grain`` units.

    Its standard deviation is that of the mean over a pixel of this edge: grain / sqrt(grain^2 + pixel^2 / 12).
    """
    found: Floats = np.take(noise_tile(), texels(y, x, GRAIN / grain), mode="clip")
    return found * np.float32(grain / np.hypot(grain, pixel / np.sqrt(12))) if pixel > grain / 4 else found


def lines(y: Floats, x: Floats, grain: float, width: float, pixel: float) -> Floats:
    """Return winding lines in [0, 1]: exp(-(n / width)^2) where smooth noise n crosses zero, averaged over a pixel of this edge.

    The noise varies within a pixel by pixel |gradient| / sqrt(12), and its squared gradient is 1 / grain^2 on average.
    """
    seen = np.hypot(width, pixel / grain / np.sqrt(6))
    level = noise(y, x, grain) * np.float32(1 / seen)
    level *= level
    return np.exp(-level) * np.float32(width / seen)
