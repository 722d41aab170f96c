"""What a biologist would measure on a field of cells: counts, sizes, shapes, stains, and how compounds move them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from engine.core import Context
from engine.molimage.intervals import limits, resampled_counts
from engine.molimage.segmentation import Segmented, dna_channel, segment, typical_diameter_px

Floats = NDArray[np.float64]

QUANTILES = (0.05, 0.5, 0.95)
GRAINS = (("fine", 0.25), ("middle", 0.5), ("coarse", 1.0))  # edge of the opening, in diameters of a nucleus
BRIGHT = 1.5  # a nucleus so many times as bright as the median one counts as bright: mitotic or dying


def morphology(
    images: NDArray[np.uint8],
    channels: Sequence[str],
    diameter_px: float | None = None,
    pixel_um: float | None = None,
    context: Context | None = None,
) -> pd.DataFrame:
    """Measure each field.

    Parameters
    ----------
    images : (N, C, H, W) uint8.
    channels : names of the C channels.
    diameter_px : of a typical nucleus; found in these images when not given. Give the same for real and generated images.
    pixel_um : edge of a pixel; with it lengths and areas are in µm, without it in px.
    context : told of the progress and asked whether to go on.

    Returns
    -------
    One row a field. ``nuclei_count`` counts all nuclei; the mean area, coefficient of variation of the area, eccentricity, solidity (area
    by that of the convex hull), Hu's invariants 1 to 3 and share of bright ones are over the nuclei that lie off the border, as are the
    areas of their cells; missing where there is none. ``area_occupied`` is a share of the field. For each channel, of full scale: mean, sd
    and quantiles of the field, mean in nuclei and in cytoplasm, their ratio, variation within a nucleus (sd / mean), and granularity: the
    share of its light above the darkest that an opening by a square of 1/4, 1/2 and 1 nuclear diameter takes away.
    """
    diameter = typical_diameter_px(images, channels) if diameter_px is None else diameter_px
    rows = []
    for k, image in enumerate(images):
        if context:
            context.progress(k / len(images), f"field {k + 1} of {len(images)}")
        found = segment(image, channels, diameter)
        rows.append(_shapes(image, channels, found) | _stains(image, channels, found, diameter))
    table = pd.DataFrame(rows)
    if pixel_um is None:
        return table
    table *= [pixel_um**2 if name.endswith("_px2") else pixel_um if name.endswith("_px") else 1.0 for name in map(str, table)]
    return table.rename(columns=lambda name: name.replace("_px2", "_um2") if name.endswith("_px2") else name.replace("_px", "_um"))


def effect_sizes(features: pd.DataFrame, control: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Compare fields under a compound with untreated ones, feature by feature.

    Parameters
    ----------
    features, control : tables of `morphology`, one row a field.

    Returns
    -------
    One row a feature: ``feature``, ``mean``, ``control``, ``cohen_d`` with ``d_low`` and ``d_high``, ``cliff_delta`` with ``cliff_low`` and
    ``cliff_high``, and the numbers of fields ``n`` and ``n_control`` that have it. Intervals: 95 %, fields resampled in both groups.

    Notes
    -----
    d = difference of means / pooled sd; Cliff's δ = P(x > y) - P(x < y). Fields of one well are not independent, so the intervals are too
    narrow where a well has several. d is missing where nothing varies.
    """
    rows = []
    for name in features.columns.intersection(control.columns, sort=False):
        x, y = (np.asarray(table[name].dropna(), dtype=float) for table in (features, control))
        if min(len(x), len(y)) < 2:
            continue
        draw_x = np.concatenate([np.ones((1, len(x)), np.int64), resampled_counts(len(x), seed)])
        draw_y = np.concatenate([np.ones((1, len(y)), np.int64), resampled_counts(len(y), seed + 1)])
        draws = np.column_stack([_cohen(x, y, draw_x, draw_y), _cliff(x, y, draw_x, draw_y)])
        low, high = limits(draws[1:])
        d, delta = draws[0]
        rows.append((name, x.mean(), y.mean(), d, low[0], high[0], delta, low[1], high[1], len(x), len(y)))
    columns = ["feature", "mean", "control", "cohen_d", "d_low", "d_high", "cliff_delta", "cliff_low", "cliff_high", "n", "n_control"]
    return pd.DataFrame(rows, columns=columns)


def _cohen(x: Floats, y: Floats, draw_x: NDArray[np.int64], draw_y: NDArray[np.int64]) -> Floats:
    """Return d of each pair of resamples, written as how often each field was drawn."""
    n, m = len(x), len(y)
    mean_x, mean_y = draw_x @ x / n, draw_y @ y / m
    squares = draw_x @ (x - x.mean()) ** 2 - n * (mean_x - x.mean()) ** 2 + draw_y @ (y - y.mean()) ** 2 - m * (mean_y - y.mean()) ** 2
    pooled = np.sqrt(np.maximum(squares, 0) / (n + m - 2))
    flat = pooled <= 1e-9 * max(np.abs(x).max(), np.abs(y).max(), 1e-300)
    return np.where(flat, np.nan, (mean_x - mean_y) / np.where(flat, 1.0, pooled))


def _cliff(x: Floats, y: Floats, draw_x: NDArray[np.int64], draw_y: NDArray[np.int64]) -> Floats:
    return np.asarray(((draw_x @ np.sign(x[:, None] - y)) * draw_y).sum(axis=1) / (len(x) * len(y)))


def _shapes(image: NDArray[np.uint8], channels: Sequence[str], found: Segmented) -> dict[str, float]:
    """Measure numbers, areas and shapes of nuclei and cells."""
    whole = found.is_whole
    area, eccentricity, hu = _moments(found.nuclei, found.n)
    brightness = _means(found.nuclei, image[dna_channel(channels)], found.n)
    cell_area = np.bincount(found.cells.ravel(), minlength=found.n + 1)[1:].astype(float)
    y, x = np.array(ndimage.center_of_mass(found.nuclei > 0, found.nuclei, np.arange(1, found.n + 1))).reshape(-1, 2).T
    apart = np.hypot(y[:, None] - y, x[:, None] - x) + np.where(np.eye(found.n) > 0, np.inf, 0.0)
    return {
        "nuclei_count": float(found.n),
        "nucleus_area_px2": _mean(area[whole]),
        "nucleus_area_variation": float(area[whole].std() / area[whole].mean()) if whole.sum() > 1 else np.nan,
        "nucleus_eccentricity": _mean(eccentricity[whole]),
        "nucleus_solidity": _mean(_solidity(found.nuclei, np.flatnonzero(whole) + 1)),
        **{f"nucleus_hu_{k + 1}": _mean(hu[whole, k]) for k in range(3)},
        "bright_nuclei_share": _mean(brightness > BRIGHT * np.median(brightness)) if found.n else np.nan,
        "neighbour_distance_px": _mean(apart.min(axis=1)) if found.n > 1 else np.nan,
        "cell_area_px2": _mean(cell_area[whole]),
        "nucleus_to_cell_area": _mean(area[whole] / np.maximum(cell_area[whole], 1)),
        "area_occupied": float(found.occupied.mean()),
    }


def _stains(image: NDArray[np.uint8], channels: Sequence[str], found: Segmented, diameter_px: float) -> dict[str, float]:
    """Measure levels, distribution and grain of each stain."""
    nuclear, cytoplasm = found.nuclei > 0, (found.cells > 0) & (found.nuclei == 0)
    measured: dict[str, float] = {}
    for name, plane in zip(channels, image, strict=True):
        levels = plane.astype(np.float32) / np.float32(255)
        inside, around = _mean(levels[nuclear]), _mean(levels[cytoplasm])
        each = _means(found.nuclei, levels, found.n)
        spread = np.sqrt(np.maximum(_means(found.nuclei, levels**2, found.n) - each**2, 0))
        measured |= {f"{name}_mean": float(levels.mean()), f"{name}_sd": float(levels.std())}
        measured |= dict(zip((f"{name}_q{100 * q:02.0f}" for q in QUANTILES), _quantiles(plane), strict=True))
        measured |= {
            f"{name}_in_nucleus": inside,
            f"{name}_in_cytoplasm": around,
            f"{name}_nucleus_to_cytoplasm": inside / around if around > 0 else np.nan,
            f"{name}_nuclear_variation": _mean(spread / np.maximum(each, 1e-9)),
        }
        light, left = plane.astype(float).sum() - plane.size * float(plane.min()), plane
        for grain, diameters in GRAINS:
            opened = ndimage.grey_opening(plane, size=max(3, int(diameters * diameter_px) // 2 * 2 + 1))
            measured[f"{name}_granularity_{grain}"] = (float(left.sum()) - float(opened.sum())) / light if light > 0 else 0.0
            left = opened
    return measured


def _quantiles(plane: NDArray[np.uint8]) -> list[float]:
    """Return the level that a share of the pixels does not exceed, for each quantile."""
    below = np.bincount(plane.ravel(), minlength=256).cumsum()
    return [float(np.searchsorted(below, q * plane.size)) / 255 for q in QUANTILES]


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if values.size else np.nan


def _means(labels: NDArray[np.int32], values: NDArray[np.generic], n: int) -> Floats:
    """(n,) mean of the values inside each object."""
    count = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    total = np.bincount(labels.ravel(), values.ravel().astype(float), minlength=n + 1)[1:]
    return np.asarray(total / np.maximum(count, 1))


def _moments(labels: NDArray[np.int32], n: int) -> tuple[Floats, Floats, Floats]:
    """Return area, eccentricity of the ellipse with the same second moments, and Hu's invariants 1 to 3 of each object."""
    y, x = np.nonzero(labels)
    of = labels[y, x] - 1
    area = np.maximum(np.bincount(of, minlength=n), 1).astype(float)
    y, x = (at - (np.bincount(of, at, minlength=n) / area)[of] for at in (y, x))

    def central(p: int, q: int) -> Floats:
        return np.asarray(np.bincount(of, y**p * x**q, minlength=n))

    # a pixel is a square, not a point: its own second moment is 1/12
    yy, xx, yx = central(2, 0) / area + 1 / 12, central(0, 2) / area + 1 / 12, central(1, 1) / area
    apart = np.sqrt((yy - xx) ** 2 + 4 * yx**2)
    eccentricity = np.sqrt(2 * apart / (yy + xx + apart))
    skewed = (central(0, 3) - 3 * central(2, 1)) ** 2 + (3 * central(1, 2) - central(3, 0)) ** 2
    return area, eccentricity, np.column_stack([(yy + xx) / area, apart**2 / area**2, skewed / area**5])


def _solidity(labels: NDArray[np.int32], wanted: NDArray[np.intp]) -> Floats:
    """Return area / area of the convex hull of the pixels' corners, for the objects wanted."""
    from scipy.spatial import ConvexHull

    boxes, found = ndimage.find_objects(labels), []
    for number in wanted:
        own = labels[boxes[number - 1]] == number
        rows = np.flatnonzero(own.any(axis=1))
        first, last = own[rows].argmax(axis=1), own.shape[1] - own[rows, ::-1].argmax(axis=1)
        corners = np.column_stack([np.tile(np.concatenate([rows, rows + 1]), 2), np.concatenate([first, first, last, last])])
        found.append(own.sum() / ConvexHull(corners).volume)
    return np.array(found)
