"""Drug signatures: the mean profile of a drug in a cell line less that of its controls, and how well its replicates agree."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context
from engine.repurposing.screens.readings import Floats, Readings
from engine.repurposing.screens.representations import Linear, Representation

INPUTS = {False: "plain differences", True: "scaled differences"}


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
    where it has enough; of a linear representation that is the map of the mean difference. With u the unit vectors of n replicates their
    mean pairwise cosine is (|sum u|^2 - n) / (n (n - 1)).
    """
    n_groups = len(readings.design.groups)
    counts = np.bincount(readings.design.group[readings.treated], minlength=n_groups).astype(float)
    linear = {name: one for name, one in representations.items() if isinstance(one, Linear)}
    sums: dict[str, Floats] = {}  # of what linear maps are applied to, under a name of its own, and of what is not linear
    units: dict[str, Floats] = {}
    still: dict[str, Floats] = {}
    for rows, x in readings.blocks(readings.treated, context, "drug signatures"):
        member, line = _Members(readings.design.group[rows], n_groups), readings.design.line[rows]
        given = {one.takes_scaled: one.inputs(readings, x, rows) for one in _each_input(linear)}
        for takes_scaled, values in given.items():
            member.add(sums, INPUTS[takes_scaled], values)
        for name, representation in representations.items():
            if isinstance(representation, Linear):
                values = representation.mapped(given[representation.takes_scaled], line)
            else:
                values = representation.of_profiles(readings, x, rows)
                member.add(sums, name, values)
            length = np.linalg.norm(values, axis=1, keepdims=True)
            member.add(units, name, values / np.where(length > 0, length, 1.0))
            member.add(still, name, (length == 0).astype(float))
    keep = counts > 0
    groups = _facts(readings, keep, counts)
    mean = {name: total[keep] / counts[keep, None] for name, total in sums.items()}
    for name in representations:
        n = counts[keep] - still[name][keep, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = ((units[name][keep] ** 2).sum(axis=1) - n) / (n * (n - 1))
        groups[f"agreement_{name}"] = np.where(n >= 2, cosine, np.nan)
    inputs = {name: mean[INPUTS[one.takes_scaled]] for name, one in linear.items()}
    mapped = {name: one.mapped(inputs[name], groups["line"].to_numpy()) for name, one in linear.items()}
    return DrugSignatures(groups, inputs, {name: mapped[name] if name in mapped else mean[name] for name in representations})


def _each_input(linear: Mapping[str, Linear]) -> list[Linear]:
    """Return one representation for each kind of input."""
    return list({one.takes_scaled: one for one in linear.values()}.values())


def _facts(readings: Readings, keep: NDArray[np.bool_], counts: Floats) -> pd.DataFrame:
    """Return the facts of the signatures that there are."""
    groups = readings.design.groups[keep].reset_index(drop=True)
    groups["replicates"] = counts[keep].astype(int)
    groups["line"] = groups["cell"].map({name: k for k, name in enumerate(readings.design.lines)}).astype(int)
    groups["is_imputed"], groups["donors"], groups["contexts"], groups["residual"] = False, 0, 0, np.nan
    return groups


class _Members:
    """Adds the rows of a block to the sums of their groups."""

    def __init__(self, group: NDArray[np.int64], n_groups: int):
        from scipy.sparse import csr_array

        self.known, number = np.unique(group, return_inverse=True)
        self.matrix = csr_array((np.ones(len(group)), (number, np.arange(len(group)))), shape=(len(self.known), len(group)))
        self.n_groups = n_groups

    def add(self, totals: dict[str, Floats], name: str, values: Floats) -> None:
        """Add values (b, k) to the totals (groups, k) of this name."""
        if name not in totals:
            totals[name] = np.zeros((self.n_groups, values.shape[1]))
        totals[name][self.known] += self.matrix @ values
