"""Which pixel belongs to which cell: star-shaped cells with processes, and natural borders where two meet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.molimage.simulator import constants
from engine.molimage.simulator.population import LOBES, Population
from engine.molimage.simulator.textures import noise

Floats = NDArray[np.float32]
DIRECTIONS = 1024  # in which an outline is computed: finer than a pixel of the largest field
TIP = 0.12  # radians: over which the tip of a process is rounded
WAVINESS = 0.22  # units: how far the outline of a nucleus is from an ellipse
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
    border, edge : (P,) distance to the border of the cell, about, and to where it ends beside no other cell.
    nucleus : (P,) signed distance to the outline of the nucleus, about; negative inside.
    """

    at: NDArray[np.intp]
    cell: NDArray[np.intp]
    y: Floats
    x: Floats
    along: Floats
    across: Floats
    border: Floats
    edge: Floats
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
    along, across = y * sine + x * cosine, x * sine - y * cosine
    start = cells.offset[cell]
    wavy = np.float32(WAVINESS) * noise(along + start[:, 1], across + start[:, 0], 2.2)
    own, other = nearest.ravel()[at], second.ravel()[at]
    radius = cells.radius[cell]
    edge = (1 - own) * radius
    border = np.minimum(edge, (other - own) * np.float32(0.5) * radius)
    return Pixels(at, cell, y, x, along, across, border, edge, _to_nucleus(cells, cell, y, x) + wavy)


def _territories(cells: Population, size: int) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Distance in radii to the nearest and to the second nearest cell, and the nearest cell, each (size, size)."""
    per_unit = size / constants.FIELD_UNITS
    nearest = np.full((size, size), FAR, np.float32)
    second, label = nearest.copy(), np.zeros((size, size), np.intp)
    outlines = _outlines(cells)
    reach = outlines.max(axis=1)
    for k in range(len(cells)):
        low = np.floor((cells.centre[k] - reach[k]) * per_unit).astype(int).clip(0, size)
        high = np.ceil((cells.centre[k] + reach[k]) * per_unit).astype(int).clip(0, size)
        if (low >= high).any():
            continue
        window = slice(low[0], high[0]), slice(low[1], high[1])
        radii = _in_radii(cells, k, outlines[k], low, high, per_unit)
        best, runner = nearest[window], second[window]
        is_nearer = radii < best
        np.minimum(runner, np.where(is_nearer, best, radii), out=runner)
        np.copyto(best, radii, where=is_nearer)
        label[window][is_nearer] = k
    return nearest, second, label


def _outlines(cells: Population) -> Floats:
    """(n, DIRECTIONS + 1) radius of each cell by direction: R (1 + sum of h exp(-s |angle - direction|)), with tips a little rounded."""
    angle = np.linspace(-np.pi, np.pi, DIRECTIONS + 1, dtype=np.float32)
    away = np.abs((angle - cells.bump_angle[..., None] + np.float32(np.pi)) % np.float32(2 * np.pi) - np.float32(np.pi))
    away = np.sqrt(away * away + np.float32(TIP**2)) - np.float32(TIP)
    bumps = cells.bump_height[..., None] * np.exp(-cells.bump_sharpness[..., None] * away)
    return cells.radius[:, None] * (1 + bumps.sum(axis=1))


def _in_radii(cells: Population, k: int, outline: Floats, low: NDArray[np.int_], high: NDArray[np.int_], per_unit: float) -> Floats:
    """Distance of the pixels of a window from a cell's centre divided by the cell's radius in that direction."""
    y = ((np.arange(low[0], high[0]) + 0.5) / per_unit - cells.centre[k, 0]).astype(np.float32)[:, None]
    x = ((np.arange(low[1], high[1]) + 0.5) / per_unit - cells.centre[k, 1]).astype(np.float32)[None, :]
    direction = np.arctan2(y, x)
    direction += np.float32(np.pi)
    direction *= np.float32(DIRECTIONS / (2 * np.pi))
    direction += np.float32(0.5)  # to the nearest
    return np.sqrt(y * y + x * x) / np.take(outline, direction.astype(np.intp), mode="clip")


def _to_nucleus(cells: Population, cell: NDArray[np.intp], y: Floats, x: Floats) -> Floats:
    """Signed distance to the nearest lobe's ellipse, exact on the outline and on circles."""
    found = np.full(len(cell), np.float32(40))
    for lobe in range(LOBES):
        has_it = cells.lobe_radii[:, lobe, 0] > 0
        if not has_it.any():
            break
        rows = slice(None) if lobe == 0 else np.flatnonzero(has_it[cell])
        own, down, right = cell[rows], y[rows], x[rows]
        sine, cosine = np.sin(cells.lobe_angle[:, lobe]), np.cos(cells.lobe_angle[:, lobe])
        per_first, per_second = (1 / np.maximum(cells.lobe_radii[:, lobe], np.float32(1e-3))).T
        away = cells.lobe_centre[:, lobe] - cells.centre
        a = _affine(own, down, right, sine * per_first, cosine * per_first, away)
        b = _affine(own, down, right, -cosine * per_second, sine * per_second, away)
        squares = a * a + b * b
        slope = np.sqrt((a * per_first[own]) ** 2 + (b * per_second[own]) ** 2) + np.float32(1e-6)
        # Taubin's first-order distance to the ellipse: (q - 1) / |grad q| with q the length in half axes
        found[rows] = np.minimum(found[rows], (squares - np.sqrt(squares)) / slope)
    return found


def _affine(cell: NDArray[np.intp], y: Floats, x: Floats, per_y: Floats, per_x: Floats, origin: Floats) -> Floats:
    """Coordinate of pixels along a direction of their own cell, counted from a point of it."""
    start = per_y * origin[:, 0] + per_x * origin[:, 1]
    return y * per_y[cell] + x * per_x[cell] - start[cell]
