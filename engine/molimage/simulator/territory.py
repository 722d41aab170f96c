"""Which pixel belongs to which cell: star-shaped cells with processes, and natural borders where two meet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.molimage.simulator import constants
from engine.molimage.simulator.population import LOBES, Population

Floats = NDArray[np.float32]
FAR = np.float32(9.0)  # radii: outside every cell


@dataclass(frozen=True)
class Pixels:
    """The P pixels that lie in some cell, as flat arrays; lengths in units.

    Parameters
    ----------
    at : (P,) flat index into the field.
    cell : (P,) number of the cell, from 0.
    y, x : (P,) position from the cell's centre.
    along, across : (P,) the same in the direction of the cell's axis.
    border : (P,) distance to the border of the cell, about.
    nucleus : (P,) signed distance to the outline of the nucleus, about; negative inside.
    """

    at: NDArray[np.intp]
    cell: NDArray[np.intp]
    y: Floats
    x: Floats
    along: Floats
    across: Floats
    border: Floats
    nucleus: Floats


def pixels_of(cells: Population, size: int) -> Pixels:
    """Return the pixels of all cells of a field of ``size`` x ``size`` pixels."""
    nearest, second, label = _territories(cells, size)
    at = np.flatnonzero(nearest < 1)
    cell = label.ravel()[at]
    unit = np.float32(constants.FIELD_UNITS / size)
    row, column = np.divmod(at, size)
    y = (row.astype(np.float32) + np.float32(0.5)) * unit - cells.centre[cell, 0]
    x = (column.astype(np.float32) + np.float32(0.5)) * unit - cells.centre[cell, 1]
    sine, cosine = np.sin(cells.axis)[cell], np.cos(cells.axis)[cell]
    own, other = nearest.ravel()[at], second.ravel()[at]
    border = np.minimum(1 - own, (other - own) * np.float32(0.5)) * cells.radius[cell]
    return Pixels(at, cell, y, x, y * sine + x * cosine, x * sine - y * cosine, border, _to_nucleus(cells, cell, y, x))


def _territories(cells: Population, size: int) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Distance in radii to the nearest and to the second nearest cell, and the nearest cell, each (size, size)."""
    per_unit = size / constants.FIELD_UNITS
    nearest = np.full((size, size), FAR, np.float32)
    second, label = nearest.copy(), np.zeros((size, size), np.intp)
    reach = cells.radius * (1 + cells.bump_height.max(axis=1, initial=0) * 1.3 + 0.1)
    for k in range(len(cells)):
        low = np.floor((cells.centre[k] - reach[k]) * per_unit).astype(int).clip(0, size)
        high = np.ceil((cells.centre[k] + reach[k]) * per_unit).astype(int).clip(0, size)
        if (low >= high).any():
            continue
        window = slice(low[0], high[0]), slice(low[1], high[1])
        radii = _in_radii(cells, k, low, high, per_unit)
        best, runner = nearest[window], second[window]
        is_nearer = radii < best
        np.minimum(runner, np.where(is_nearer, best, radii), out=runner)
        np.copyto(best, radii, where=is_nearer)
        label[window][is_nearer] = k
    return nearest, second, label


def _in_radii(cells: Population, k: int, low: NDArray[np.int_], high: NDArray[np.int_], per_unit: float) -> Floats:
    """Distance from a cell's centre divided by its radius in that direction: R (1 + sum of h exp(s (cos(angle - direction) - 1)))."""
    y = ((np.arange(low[0], high[0]) + 0.5) / per_unit - cells.centre[k, 0]).astype(np.float32)[:, None]
    x = ((np.arange(low[1], high[1]) + 0.5) / per_unit - cells.centre[k, 1]).astype(np.float32)[None, :]
    distance = np.sqrt(y * y + x * x) + np.float32(1e-6)
    outline = np.ones_like(distance)
    for angle, height, sharpness in zip(cells.bump_angle[k], cells.bump_height[k], cells.bump_sharpness[k], strict=True):
        bump = (y * np.sin(angle) + x * np.cos(angle)) / distance
        bump -= 1
        bump *= sharpness
        outline += height * np.exp(bump, out=bump)
    outline *= cells.radius[k]
    return distance / outline


def _to_nucleus(cells: Population, cell: NDArray[np.intp], y: Floats, x: Floats) -> Floats:
    """Signed distance to the nearest lobe's ellipse, exact on the outline and on circles."""
    found = np.full(len(cell), np.float32(40))
    for lobe in range(LOBES):
        has_it = cells.lobe_radii[:, lobe, 0] > 0
        if not has_it.any():
            break
        rows = slice(None) if lobe == 0 else np.flatnonzero(has_it[cell])
        own = cell[rows]
        sine, cosine = np.sin(cells.lobe_angle[:, lobe])[own], np.cos(cells.lobe_angle[:, lobe])[own]
        away = (cells.lobe_centre[:, lobe] - cells.centre)[own]
        down, right = y[rows] - away[:, 0], x[rows] - away[:, 1]
        radii = cells.lobe_radii[:, lobe][own]
        a, b = (down * sine + right * cosine) / radii[:, 0], (right * sine - down * cosine) / radii[:, 1]
        length = np.sqrt(a * a + b * b)
        steep = np.sqrt((a / radii[:, 0]) ** 2 + (b / radii[:, 1]) ** 2) + np.float32(1e-6)
        # Taubin's first-order distance to the ellipse: (q - 1) / |grad q| with q the length in half axes
        found[rows] = np.minimum(found[rows], (length - 1) * length / steep)
    return found
