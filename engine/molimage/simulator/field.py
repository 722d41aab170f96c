"""One rendered field of cells: five stains, exact masks, and the truth of every cell."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.molimage.simulator import constants
from engine.molimage.simulator.optics import Optics, photograph
from engine.molimage.simulator.phenotype import Phenotype
from engine.molimage.simulator.population import Population, populate
from engine.molimage.simulator.stains import Stains
from engine.molimage.simulator.territory import Pixels, pixels_of

SIZES_PX = (32, 512)


@dataclass(frozen=True)
class Field:
    """A field of simulated cells.

    Parameters
    ----------
    image : (5, S, S) float32 in [0, 1], channels as in `constants.CHANNELS`.
    cells : (S, S) int32 number of the cell, 0 outside.
    nuclei : (S, S) int32 number of the cell whose nucleus it is, 0 outside; micronuclei do not belong to it.
    truth : one row per cell with a pixel in the field, see `truth_of`.
    """

    image: NDArray[np.float32]
    cells: NDArray[np.int32]
    nuclei: NDArray[np.int32]
    truth: pd.DataFrame


def render(phenotype: Phenotype, size: int, rng: np.random.Generator, optics: Optics | None = None) -> Field:
    """Render one field of cells.

    Parameters
    ----------
    phenotype : what the cells are like.
    size : edge in pixels, 32 to 512. The field shows the same cells at every size: the generator is used up by the geometry alike, and only
        the camera's noise depends on the pixels.
    optics : microscope and staining; in focus, evenly lit and with camera noise when not given.

    Raises
    ------
    UserError
        When the size is outside its limits.
    """
    low, high = SIZES_PX
    if not low <= size <= high:
        raise UserError(f"A field cannot have an edge of {size} pixels.", f"Choose a size from {low} to {high}.", "size")
    cells = populate(phenotype, rng)
    pixels = pixels_of(cells, size)
    stains = Stains(cells, pixels, phenotype, constants.FIELD_UNITS / size)
    amounts = stains.amounts()
    flat = np.zeros((len(constants.CHANNELS), size * size), np.float32)
    flat[:, pixels.at] = amounts.T
    image = photograph(flat.reshape(-1, size, size), optics or Optics(), rng)
    shown, number = np.unique(pixels.cell, return_inverse=True)
    of_cell, of_nucleus = np.zeros((2, size * size), np.int32)
    of_cell[pixels.at] = number + 1
    of_nucleus[pixels.at] = np.where(pixels.nucleus < 0, number + 1, 0)
    truth = truth_of(cells, pixels, stains, amounts, shown, number, size)
    return Field(image, of_cell.reshape(size, size), of_nucleus.reshape(size, size), truth)


def truth_of(
    cells: Population, pixels: Pixels, stains: Stains, amounts: NDArray[np.float32], shown: NDArray[np.intp], number: NDArray[np.intp],
    size: int,
) -> pd.DataFrame:  # fmt: skip
    """Return what is true of each cell shown.

    Parameters
    ----------
    shown : (n,) numbers of the drawn cells that have a pixel in the field.
    number : (P,) place in ``shown`` of each pixel's cell.

    Returns
    -------
    DataFrame with ``cell`` (its number in the masks, from 1), ``y_px``, ``x_px`` (centre as drawn), ``is_cut`` and ``is_nucleus_cut``
    (whether cell and nucleus touch the border of the field), ``state``, ``cell_area_px``, ``nucleus_area_px`` (pixels of the masks),
    ``cell_area``, ``nucleus_area`` (square units), ``cell_elongation``, ``nucleus_elongation`` (1 - minor/major axis of the mask's second
    moments, missing below 2 pixels), ``lobes``, ``nucleoli``, ``micronuclei`` (numbers drawn), ``vacuole_share`` (of the
    cell's pixels), mean amounts of stain before the microscope in the cell (``dna_cell`` ... ``mito_cell``) and in the nucleus
    (``dna_nucleus`` ..., missing where no nucleus is shown), and their coefficient of variation in the cell (``dna_variation`` ...).
    """
    n, in_nucleus = len(shown), pixels.nucleus < 0
    area = np.bincount(number, minlength=n)
    nuclear = np.bincount(number[in_nucleus], minlength=n)
    row, column = np.divmod(pixels.at, size)
    at_edge = (np.minimum(row, column) == 0) | (np.maximum(row, column) == size - 1)
    unit2 = (constants.FIELD_UNITS / size) ** 2
    table = {
        "cell": np.arange(1, n + 1),
        "y_px": cells.centre[shown, 0] * size / constants.FIELD_UNITS,
        "x_px": cells.centre[shown, 1] * size / constants.FIELD_UNITS,
        "is_cut": np.bincount(number[at_edge], minlength=n) > 0,
        "is_nucleus_cut": np.bincount(number[at_edge & in_nucleus], minlength=n) > 0,
        "state": np.array(["interphase", "mitotic", "apoptotic"])[cells.state[shown]],
        "cell_area_px": area,
        "nucleus_area_px": nuclear,
        "cell_area": area * unit2,
        "nucleus_area": nuclear * unit2,
        "lobes": (cells.lobe_radii[shown, :, 0] > 0).sum(axis=1),
        "nucleoli": (cells.nucleoli[shown, :, 2] > 0).sum(axis=1),
        "micronuclei": (cells.micronuclei[shown, :, 2] > 0).sum(axis=1),
        "cell_elongation": _elongation(row, column, number, n),
        "nucleus_elongation": _elongation(row[in_nucleus], column[in_nucleus], number[in_nucleus], n),
        "vacuole_share": np.bincount(number, stains.is_vacuole, minlength=n) / area,
    }
    for k, channel in enumerate(constants.CHANNELS):
        stain = amounts[:, k].astype(np.float64)
        inside = np.bincount(number[in_nucleus], stain[in_nucleus], minlength=n)
        mean = np.bincount(number, stain, minlength=n) / area
        square = np.bincount(number, stain**2, minlength=n) / area
        table[f"{channel.lower()}_cell"] = mean
        table[f"{channel.lower()}_nucleus"] = np.where(nuclear > 0, inside / np.maximum(nuclear, 1), np.nan)
        table[f"{channel.lower()}_variation"] = np.sqrt(np.maximum(square - mean**2, 0)) / np.maximum(mean, 1e-9)
    return pd.DataFrame(table)


def _elongation(row: NDArray[np.intp], column: NDArray[np.intp], number: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    """(n,) 1 - minor/major axis of each numbered set of pixels, from the eigenvalues of their second moments."""
    count = np.bincount(number, minlength=n)
    size = np.where(count > 1, count, np.nan)
    y, x = (np.bincount(number, each, minlength=n) / size for each in (row, column))
    # a pixel is a square of its own: 1/12
    yy, xx = (np.bincount(number, each * each, minlength=n) / size - mean**2 + 1 / 12 for each, mean in ((row, y), (column, x)))
    yx = np.bincount(number, row * column, minlength=n) / size - y * x
    middle, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    return 1 - np.sqrt(np.maximum(middle - half, 0) / (middle + half))
