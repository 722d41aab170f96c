"""Which pairs move against each other, and which variables to turn so that fewer do."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.mtp2.certificate import Floats

MANY_NEGATIVE = 0.1  # share of negative pairs from which total positivity is doubtful


def negative_pairs(observed: Floats, fitted: Floats, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the pairs with a negative correlation, the most negative first.

    Parameters
    ----------
    observed, fitted : (N, N) correlations before and after the fit, which has none below zero.

    Returns
    -------
    Columns ``a``, ``b``, ``observed``, ``fitted``.
    """
    rows, columns = np.nonzero(np.triu(observed < 0, 1))
    order = np.argsort(observed[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    return pd.DataFrame(
        {
            "a": np.array(names, dtype=object)[rows], "b": np.array(names, dtype=object)[columns],
            "observed": observed[rows, columns], "fitted": fitted[rows, columns],
        }
    ).astype({"a": str, "b": str})  # fmt: skip


def negative_share(correlation: Floats) -> float:
    """Return the share of the pairs of (N, N) correlations that are below 0; pairs without one (NaN) are left out."""
    pairs = correlation[np.triu_indices(len(correlation), 1)]
    known = pairs[~np.isnan(pairs)]
    return float((known < 0).mean()) if len(known) else 0.0


def most_negative(correlation: Floats, most: int = 5) -> list[tuple[int, int, float]]:
    """Return the pairs (i, j, correlation) that total positivity clips most, the worst first."""
    rows, columns = np.triu_indices(len(correlation), 1)
    pairs = correlation[rows, columns]
    order = np.argsort(np.where(np.isnan(pairs), 1.0, pairs), kind="stable")[:most]
    return [(int(rows[k]), int(columns[k]), float(pairs[k])) for k in order if pairs[k] < 0]


def sign_switch(correlation: Floats) -> NDArray[np.int64]:
    """Choose the variables to turn so that more pairs are positively correlated.

    Parameters
    ----------
    correlation : (N, N); NaN counts as no pair.

    Returns
    -------
    (N,) of 1 and -1; multiplying each variable by it leaves no single switch that would make more pairs positive. At most half are
    -1, and as many pairs are positive as before or more.

    Notes
    -----
    Greedy: switch the variable with the largest surplus of negative over positive pairs while there is one. Each switch adds at least one
    positive pair, so the search ends. The best choice is a maximum cut, which is hard; this one is a local optimum.
    """
    side = np.sign(np.nan_to_num(correlation)).astype(np.int64)
    np.fill_diagonal(side, 0)
    signs = np.ones(len(side), dtype=np.int64)
    surplus = side.sum(axis=1)  # positive minus negative pairs of each variable
    while len(side) and surplus.min() < 0:
        worst = int(surplus.argmin())
        surplus = surplus - 2 * signs * signs[worst] * side[worst]
        surplus[worst] = -surplus[worst]
        signs[worst] = -signs[worst]
    return -signs if signs.sum() < 0 else signs
