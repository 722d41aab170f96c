"""Drug signatures: the mean profile of a drug in a cell line less that of its controls, and how well its replicates agree."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import Context
from engine.repurposing.screens.readings import Floats, Readings
from engine.repurposing.screens.representations import Linear, Representation


@dataclass(frozen=True, eq=False)
class DrugSignatures:
    """G signatures, one per drug and cell line.

    Parameters
    ----------
    groups : one row per signature, those of `Design.groups`, ``line`` (number of the cell line), ``is_imputed``, ``donors``,
        ``contexts``, ``residual`` (see `ScreenResult.drugs`), and per representation
        ``agreement_NAME``: mean cosine of two replicates; NaN for a single one.
    inputs : name of a linear representation -> (G, d) mean of what its map is applied to.
    values : name of a representation -> (G, k) mean difference from the controls.
    """

    groups: pd.DataFrame
    inputs: Mapping[str, Floats]
    values: Mapping[str, Floats]


def drug_signatures(readings: Readings, representations: Mapping[str, Representation], context: Context) -> DrugSignatures:
    """Average the profiles of each drug in each cell line, in every representation asked for, in one pass over the screen.

    Returns
    -------
    `DrugSignatures`; a drug all of whose profiles never vary is not among them.

    Notes
    -----
    signature = mean(representation | drug, line) - mean(representation | controls), the controls being those of a profile's own plate
    where it has enough. With u the unit vectors of n replicates their mean pairwise cosine is (|sum u|^2 - n) / (n (n - 1)).
    """
    n_groups = len(readings.design.groups)
    counts = np.bincount(readings.design.group[readings.treated], minlength=n_groups).astype(float)
    inputs: dict[str, Floats] = {}
    sums: dict[str, Floats] = {}
    units: dict[str, Floats] = {}
    vanished: dict[str, Floats] = {}
    for rows, x in readings.blocks(readings.treated, context, "drug signatures"):
        group = readings.design.group[rows]
        for name, representation in representations.items():
            if isinstance(representation, Linear):
                given = representation.inputs(readings, x, rows)
                _add(inputs, name, given, group, n_groups)
            values = representation.of_profiles(readings, x, rows)
            length = np.linalg.norm(values, axis=1, keepdims=True)
            _add(sums, name, values, group, n_groups)
            _add(units, name, values / np.where(length > 0, length, 1.0), group, n_groups)
            _add(vanished, name, (length == 0).astype(float), group, n_groups)
    keep = counts > 0
    groups = readings.design.groups[keep].reset_index(drop=True)
    groups["replicates"] = counts[keep].astype(int)
    groups["line"] = groups["cell"].map({name: k for k, name in enumerate(readings.design.lines)}).astype(int)
    groups["is_imputed"], groups["donors"], groups["contexts"], groups["residual"] = False, 0, 0, np.nan
    for name in representations:
        n = counts[keep] - vanished[name][keep, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = ((units[name][keep] ** 2).sum(axis=1) - n) / (n * (n - 1))
        groups[f"agreement_{name}"] = np.where(n >= 2, cosine, np.nan)
    mean = {name: total[keep] / counts[keep, None] for name, total in sums.items()}
    return DrugSignatures(groups, {name: total[keep] / counts[keep, None] for name, total in inputs.items()}, mean)


def _add(totals: dict[str, Floats], name: str, values: Floats, group: np.ndarray, n_groups: int) -> None:
    """Add the rows of a block to the sums of their groups."""
    from scipy.sparse import csr_array

    if name not in totals:
        totals[name] = np.zeros((n_groups, values.shape[1]))
    known, number = np.unique(group, return_inverse=True)
    member = csr_array((np.ones(len(group)), (number, np.arange(len(group)))), shape=(len(known), len(group)))
    totals[name][known] += member @ values
