"""Facts about images or profiles: a table with a row for each and any columns."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def texts(facts: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Return (N,) one fact as text; empty text where it is missing or the column is not there."""
    if name not in facts:
        return np.full(len(facts), "", dtype=object)
    return facts[name].astype(object).where(facts[name].notna(), "").astype(str).to_numpy(dtype=object)
