"""What the best possible model could know: the features of cells drawn from the true phenotype itself."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.molimage.simulator.field import Field, render
from engine.molimage.simulator.phenotype import Phenotype

WHOLE_CELLS = ("cell_area_px", "cell_area", "cell_elongation")
WHOLE_NUCLEI = ("nucleus_area_px", "nucleus_area", "nucleus_elongation")
NOT_FEATURES = ("cell", "y_px", "x_px", "state", "is_cut", "is_nucleus_cut")


def truth_of_image(field: Field) -> dict[str, float]:
    """Summarise the true values of the cells of a field.

    Returns
    -------
    dict with ``cells`` and ``nuclei`` (numbers shown), ``covered`` (share of the field under cells), ``mitotic_share``,
    ``apoptotic_share``, and the mean of every number of `Field.truth`: areas and elongations over cells and nuclei that the border does
    not cut, lobes, nucleoli, micronuclei and nuclear stains over cells whose nucleus is shown, all else over all cells. A mean over no
    cell is NaN.
    """
    truth = field.truth
    names = [str(name) for name in truth]
    has_nucleus = (truth["nucleus_area_px"] > 0).to_numpy()
    is_whole, has_whole_nucleus = ~truth["is_cut"].to_numpy(), has_nucleus & ~truth["is_nucleus_cut"].to_numpy()
    of_nuclei = {"lobes", "nucleoli", "micronuclei", *(name for name in names if name.endswith("_nucleus"))}
    counted = [*((name, is_whole) for name in WHOLE_CELLS), *((name, has_whole_nucleus) for name in WHOLE_NUCLEI)]
    counts = dict([*counted, *((name, has_nucleus) for name in of_nuclei)])
    found = {"cells": float(len(truth)), "nuclei": float(has_nucleus.sum()), "covered": float((field.cells > 0).mean())}
    for state in ("mitotic", "apoptotic"):
        found[f"{state}_share"] = _mean((truth["state"] == state).to_numpy(), has_nucleus)
    for name in names:
        if name not in NOT_FEATURES:
            found[name] = _mean(truth[name].to_numpy(np.float64), counts.get(name))
    return found


def profile(phenotype: Phenotype, n_fields: int, size: int = 64, seed: int = 0) -> pd.Series:
    """Return the mean true values of the cells of a phenotype, over fields drawn anew: the ceiling for any model of it.

    Parameters
    ----------
    phenotype : the true one, such as `phenotype` gives for a molecule.
    n_fields : how many fields are drawn.
    size : edge of a field in pixels.
    """
    drawn = [truth_of_image(render(phenotype, size, np.random.default_rng([seed, k]))) for k in range(n_fields)]
    return pd.DataFrame(drawn).mean()


def _mean(values: NDArray[Any], counted: NDArray[np.bool_] | None) -> float:
    """Mean over the cells that count; NaN without one."""
    kept = values if counted is None else values[counted]
    return float(kept.mean()) if len(kept) else float("nan")
