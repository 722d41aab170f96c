"""Between two molecules: the same cells while the phenotype moves from one to the other."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError

if TYPE_CHECKING:
    from engine.molimage.conditions import Asked
    from engine.molimage.model import CellModel

MOST_STEPS = 32


def interpolate(
    model: "CellModel", first: "Asked", second: "Asked", steps: int = 5, n: int = 1, *, temperature: float = 1.0, seed: int = 0,
    size: int | None = None,
) -> NDArray[np.uint8]:  # fmt: skip
    """Draw n images at each of several steps from one molecule to another.

    Parameters
    ----------
    first, second : (SMILES, dose in µM).
    steps : both ends included, 2 to 32.

    Returns
    -------
    (steps, n, C, S, S) uint8: as `CellModel.sample` draws the two molecules at the ends; condition vectors are mixed linearly in between,
    and image i has the same noise at every step.
    """
    if not 2 <= steps <= MOST_STEPS:
        raise UserError(f"{steps} steps from one molecule to another cannot be drawn.", f"Choose 2 to {MOST_STEPS}.", "steps")
    ends = model.told([first, second])
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    between = (1 - share) * ends[0] + share * ends[1]
    *_, (_, images) = model.draw(between.astype(np.float32), n, temperature=temperature, seed=seed, size=size)
    return images
