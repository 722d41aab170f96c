"""How a molecule moves each stain: the same cells with and without it, compared stain by stain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.molimage.intervals import paired_difference

if TYPE_CHECKING:
    from engine.molimage.model import CellModel

FLOOR = 1e-3  # of full scale; no share is taken of a stain darker than this


def control_of(model: "CellModel") -> tuple[str, float]:
    """Return what stands for untreated cells in a model: its solvent control and dose 0.

    Raises
    ------
    UserError
        When the model never saw untreated cells.
    """
    from engine.molimage.bring.table import is_control

    known = model.conditions.known
    rows = np.flatnonzero(is_control(known) | (known["dose_um"] == 0).to_numpy())
    if not len(rows):
        raise UserError(
            "This model never saw untreated cells, so there is nothing to compare with.",
            "Train it with images of DMSO wells: compound DMSO, dose 0.", "control",
        )  # fmt: skip
    row = known.iloc[rows[known["images"].to_numpy()[rows].argmax()]]
    return str(row["smiles"] or row["compound"]), float(row["dose_um"])


def stain_shifts(treated: NDArray[np.uint8], control: NDArray[np.uint8], channels: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """Compare the mean level of each stain over pairs of images.

    Parameters
    ----------
    treated, control : (n, C, H, W) uint8; image i of both shows the same cells, that is, has the same noise.

    Returns
    -------
    One row per stain: ``stain``, ``control`` and ``treated`` (mean, share of full scale), ``shift`` (treated / control - 1), ``low`` and
    ``high``: its 95 % interval, images resampled in pairs.

    Notes
    -----
    The interval is that of the drawing, for a model that is taken as it is; it does not say how far the model is from cells.
    """
    before, after = (images.mean(axis=(2, 3), dtype=np.float64) / 255 for images in (control, treated))
    rows = []
    for k, channel in enumerate(channels):
        unit = max(float(before[:, k].mean()), FLOOR)
        shift = paired_difference(after[:, k] / unit, before[:, k] / unit, seed)
        rows.append((channel, before[:, k].mean(), after[:, k].mean(), shift.value, shift.low, shift.high))
    return pd.DataFrame(rows, columns=["stain", "control", "treated", "shift", "low", "high"])
