"""Whether a drug does the same in two cell lines, and whether a representation sharpens that."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_DRUGS = 3  # in common: fewer say nothing of two cell lines
AS_ORIGINAL = "difference"
COLUMNS = ("cell1", "cell2", "representation", "drugs", "mean", "mean_abs", "gain_abs", "sign_agreement")


def line_agreement(groups: pd.DataFrame, values: Mapping[str, Floats]) -> pd.DataFrame:
    """Compare the signatures of the same drugs in each pair of cell lines, in each representation.

    Parameters
    ----------
    groups : one row per signature with ``drug`` and ``cell``.
    values : representation -> (G, k) signatures; `AS_ORIGINAL` among them.

    Returns
    -------
    One row per pair and representation: with rho the cosine of a drug's two signatures, ``mean`` rho and ``mean_abs`` |rho| over the
    drugs, ``gain_abs`` (``mean_abs`` less that of the plain differences) and ``sign_agreement`` (share of drugs whose rho has the sign
    that it has in plain differences).
    """
    rows: list[tuple[object, ...]] = []
    for first, second in combinations(sorted(groups["cell"].unique()), 2):
        one, two = (groups.index[groups["cell"] == cell] for cell in (first, second))
        there = pd.Series(two, groups.loc[two, "drug"])
        pairs = there.reindex(groups.loc[one, "drug"]).set_axis(one).dropna().astype(int)
        if len(pairs) < LEAST_DRUGS:
            continue
        places = np.asarray(pairs.index, np.int64), np.asarray(pairs, np.int64)
        original = _cosines(values[AS_ORIGINAL], *places)
        for name, signatures in values.items():
            rho = _cosines(signatures, *places)
            known = np.isfinite(rho) & np.isfinite(original)
            if not known.any():
                continue
            size, plain = np.abs(rho[known]).mean(), np.abs(original[known]).mean()
            same = (np.sign(rho[known]) == np.sign(original[known])).mean()
            rows.append((first, second, name, int(known.sum()), rho[known].mean(), size, size - plain, same))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _cosines(values: Floats, one: NDArray[np.int64], two: NDArray[np.int64]) -> Floats:
    """(n,) cosine of pairs of rows; NaN where one is zero."""
    a, b = values[one], values[two]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)))
