"""What the numbers of an expression table are: raw counts, logs, plain expression, or something signed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError

LARGEST_LOG = 30.0  # 2 to the 30 exceeds any depth: what stays below has been logged
TWICE_LOGGED = 5.0  # log2(1 + log2(1 + x)) stays below for every x a sequencer gives
MILLION = 1e6

Kind = Literal["counts", "log2", "plain", "signed"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """A guess at what a table holds.

    Attributes
    ----------
    kind : ``counts`` (whole numbers), ``log2``, ``plain`` (RPKM, TPM, normalised counts), ``signed`` (negative values).
    sentence : the guess and what speaks for it.
    is_suspicious : whether the table looks wrong in a way that no recipe mends, such as logs of logs.
    """

    kind: Kind
    sentence: str
    is_suspicious: bool = False


def scale_of(values: Floats, where: str) -> Scale:
    """Guess from range and integrality what the (G, n) values are; ``where`` names the table in the sentence."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Scale("plain", f"{where} holds no number.", True)
    low, high = float(finite.min()), float(finite.max())
    span = f"values from {low:.4g} to {high:.4g}"
    infinite = int(np.isneginf(values).sum())
    if infinite:
        return Scale("signed", f"{where} holds logs of zero ({infinite:,} values of minus infinity): add one before taking logs.", True)
    if low < 0:
        return Scale("signed", f"{where} holds negative values ({span}): logs of small numbers, or centred values.", True)
    if (finite == np.floor(finite)).all():
        return Scale("counts", f"{where} looks like raw counts: whole numbers, {span}.")
    if high > LARGEST_LOG:
        sums = np.nansum(np.where(np.isfinite(values), values, np.nan), axis=0)
        unit = "TPM or counts per million" if np.allclose(sums, MILLION, rtol=0.02) else "RPKM, TPM or normalised counts"
        return Scale("plain", f"{where} looks like plain expression ({unit}): {span}.")
    if high < TWICE_LOGGED:
        return Scale("log2", f"{where} looks as if logs had been taken twice: {span}; log2(1 + expression) usually reaches 10 to 18.", True)
    return Scale("log2", f"{where} looks like log2(1 + expression): {span}.")


def refuse_other_than_counts(values: pd.DataFrame, row_numbers: NDArray[np.intp], where: str) -> None:
    """Raise `UserError` naming column and row of the first value that is no count.

    Parameters
    ----------
    values : (G, n) with gene symbols as index.
    row_numbers : (G,) row of each gene in the user's table, the first being 1.
    """
    numbers = values.to_numpy()
    with np.errstate(invalid="ignore"):
        bad = ~(np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers)))
    if not bad.any():
        return
    row, column = (int(i[0]) for i in np.nonzero(bad))
    found = numbers[row, column]
    shown = "no number" if np.isnan(found) else f"{found:.6g}"
    raise UserError(
        f"Counts expected; column {values.columns[column]} has {shown} in row {row_numbers[row]:,} (gene {values.index[row]}) of {where}.",
        "Give raw counts, or choose the recipe log of means, which takes RPKM, TPM or logs of them.",
        str(values.columns[column]),
    )


def per_million(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts per million of each sample's total; a sample without counts stays at zero."""
    totals = counts.sum(axis=0)
    return counts / totals.where(totals > 0, 1.0) * MILLION
