"""How much a drug's affinity for a target counts."""

import numpy as np
from numpy.typing import NDArray

WEAKEST = 5.0  # -log10 M: 10 uM, below which a target is not kept
FULL = 9.0  # -log10 M: 1 nM, from which on a target counts in full


def weight_of(affinity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return affinity / 9 for -log10 M from 5 to 9, clipped there; without a value that of the weakest that is kept.

    Examples
    --------
    >>> weight_of(np.array([9.5, 4.5, np.nan])).round(3).tolist()
    [1.0, 0.556, 0.556]
    """
    known = np.where(np.isnan(affinity), WEAKEST, affinity)
    return np.asarray(np.clip(known, WEAKEST, FULL) / FULL)
