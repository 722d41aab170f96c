"""Which pairs move against each other, and which variables to turn so that fewer do."""

import numpy as np
import pandas as pd

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


def sign_switch(correlation: Floats) -> Floats:
    """Return (N,) signs of +-1 that make the sum of s_i s_j C_ij large: variables to turn so that most pairs are positive.

    Notes
    -----
    Starts from the signs of the leading eigenvector, then turns one variable after another while the sum grows; a local maximum. The first
    sign of the majority is +1, so that few variables are turned.
    """
    pairs = correlation - np.diag(np.diag(correlation))
    leading = np.linalg.eigh(pairs)[1][:, -1]
    signs = np.where(leading >= 0, 1.0, -1.0)
    gain = -2.0 * signs * (pairs @ signs)
    while gain.max() > 1e-12:
        turned = int(np.argmax(gain))
        signs[turned] *= -1.0
        gain = -2.0 * signs * (pairs @ signs)
    return signs if signs.sum() >= 0 else -signs
