"""Affinities in one unit, -log10 M, whatever unit a table has them in."""

import re

import numpy as np
import pandas as pd

from engine.core import UserError

NEGATIVE_LOG = "-log10 M"
MIXED = "mixed"
MOST = 15.0  # -log10 M: 1 fM; nothing binds tighter, so a larger number is in another unit
LEAST = 2.0  # -log10 M: 10 mM; nothing weaker is called binding, so a smaller number is in another unit
EXPONENTS = {"M": 0, "mM": 3, "uM": 6, "nM": 9, "pM": 12, "fM": 15}  # -log10 of one unit in M
CHOICES = ("detect", NEGATIVE_LOG, *EXPONENTS, MIXED)
_HEADERS = {
    re.compile(r"(^|[^a-z])nm([^a-z]|$)", re.IGNORECASE): "nM",
    re.compile(r"(^|[^a-z])[uµμ]m([^a-z]|$)", re.IGNORECASE): "uM",
    re.compile(r"^p(ki|kd|ic50|ec50|ac50|chembl|act|affinity)|log", re.IGNORECASE): NEGATIVE_LOG,
}


def unit_named(text: str) -> str | None:
    """Return the unit that a text names: ``nM``, ``uM``, ..., `NEGATIVE_LOG`; None for what is no molar unit, such as %.

    Examples
    --------
    >>> unit_named("µM"), unit_named("pIC50"), unit_named("%")
    ('uM', '-log10 M', None)
    """
    plain = text.strip().replace("µ", "u").replace("μ", "u")
    exact = {unit.lower(): unit for unit in EXPONENTS if unit not in ("mM", "M")} | {"mM": "mM", "M": "M", "MM": "mM", "m": "M"}
    names = {"molar": "M", "millimolar": "mM", "micromolar": "uM", "nanomolar": "nM", "picomolar": "pM"}
    found = exact.get(plain) or exact.get(plain.lower()) or names.get(plain.lower())
    if found:
        return found
    return NEGATIVE_LOG if re.fullmatch(r"-?\s*log.*|p|p(ki|kd|ic50|ec50|ac50|chembl)( value)?", plain, re.IGNORECASE) else None


def unit_of_header(header: str) -> str | None:
    """Return the unit that the name of a column tells, None when it tells none."""
    return next((unit for pattern, unit in _HEADERS.items() if pattern.search(header)), None)


def as_negative_log(values: "pd.Series[float]", units: "pd.Series[str]") -> "pd.Series[float]":
    """Return -log10 M of values each in its own unit; NaN where the value is missing or its unit is none of `EXPONENTS` and `NEGATIVE_LOG`.

    Parameters
    ----------
    values : amounts; those in molar units must be positive.
    units : of the same index, as `unit_named` returns them.
    """
    exponent = units.map(EXPONENTS).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        molar = exponent - np.log10(values)
    return molar.where(units.isin(list(EXPONENTS)), values.where(units == NEGATIVE_LOG))


def units_without_a_column(values: "pd.Series[float]", header: str, asked: str, where: str, first_row: int) -> tuple["pd.Series[str]", str]:
    """Find the unit of every value of a column that has no column of units beside it.

    Parameters
    ----------
    values : numbers, NaN where missing; index 0, 1, ... counts rows.
    header : name of the column.
    asked : one of `CHOICES`; ``mixed`` takes values above `MOST` as nM and the others as -log10 M.
    where, first_row : file, and number of its first row of data, for messages.

    Returns
    -------
    Units by row, and a sentence that says how they were found.

    Raises
    ------
    UserError
        When the numbers cannot all be -log10 M and nothing says what they are.
    """
    if asked not in CHOICES:
        raise UserError(f"'{asked}' is no unit of an affinity.", f"Choose one of: {', '.join(CHOICES)}.", "unit")
    if asked == MIXED:
        units = pd.Series(np.where(values > MOST, "nM", NEGATIVE_LOG), index=values.index, dtype=object)
        return units, f"Affinities above {MOST:g} ({int((values > MOST).sum()):,}) were taken as nM, the others as {NEGATIVE_LOG}."
    named = unit_of_header(header) if asked == "detect" else asked
    if named:
        told = f"as its name says ({header})" if asked == "detect" else "as you say"
        return pd.Series(named, index=values.index, dtype=object), f"Affinities are in {named}, {told}."
    strange = values[(values > MOST) | (values < LEAST)]
    if len(strange):
        first = f"row {first_row + strange.index[0]}: {strange.iloc[0]:g}"
        raise UserError(
            f"{len(strange):,} of {values.notna().sum():,} affinities of {where} (column {header}) cannot be {NEGATIVE_LOG}, "
            f"the first in {first}.",
            f"Add a column unit with nM, uM or {NEGATIVE_LOG} in each row, or name the unit; '{MIXED}' takes what is above {MOST:g} as nM.",
            header,
        )
    told = f"Affinities all lie between {LEAST:g} and {MOST:g} and were taken as {NEGATIVE_LOG}."
    return pd.Series(NEGATIVE_LOG, index=values.index, dtype=object), told
