"""The doctor on rows: too few, very many, dependent in time, prices, dates out of order, small regimes."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.data.correlations import FEWEST_SHARED
from engine.data.findings import Finding, named, repair
from engine.data.look import Look

ROWS_PER_CONDITION = 8  # rows per variable in a conditioning set below which estimates are mostly noise
MANY_ROWS = 100_000
EFFECT = 0.02
AUTOCORRELATION = 0.3
MOST_LAGS = 50
MIN_ROWS = 30
SMALL_REGIME = 10  # invariance given 5 variables needs more than |S| + 5 rows
PRICE_MEMORY = 0.9


def few_rows(look: Look) -> Iterator[Finding]:
    """Say what fewer rows than variables mean."""
    n, p = look.dataset.n_samples, look.dataset.p
    if p < 2 or not are_few(n, p):
        return
    if look.dataset.kind == "correlation":
        yield Finding("few-rows", "warn", few_rows_text(n, p))
        return
    keep = max(2, n // ROWS_PER_CONDITION)
    offers = [repair(f"Keep the {keep} most variable columns", "keep_most_variable", count=keep)] if keep < len(look.names) else []
    message = few_rows_text(n, p)
    if look.is_complete and look.dataset.regime is None and not look.text_columns and look.varies.all() and n >= FEWEST_SHARED:
        message += " With so few rows shrinkage makes correlations steadier."
        offers.append(repair("Use shrunken correlations (Ledoit-Wolf)", "shrunken_correlation"))
    yield Finding("few-rows", "warn", message, columns=look.dataset.columns, repairs=tuple(offers))


def are_few(n: int, p: int) -> bool:
    """Whether n rows are too few for a test of two of p variables given all others."""
    return n <= p + 1


def largest_given(n: int) -> int:
    """Return the largest conditioning set that n rows bear where they are fewer than the variables."""
    return max(0, min(n // ROWS_PER_CONDITION, n - 4))


def few_rows_text(n: int, p: int) -> str:
    """Say how far n rows for p variables reach."""
    depth = largest_given(n)
    return f"n={n:,} for p={p:,}: results limited to conditioning sets of {depth}. Larger ones are not tested and their edges stay."


def many_rows(look: Look) -> Iterator[Finding]:
    """Say that with very many rows everything is significant."""
    n = look.dataset.n_samples
    if n >= MANY_ROWS:
        message = f"n={n:,}: nearly every dependence is significant. Set the smallest effect to {EFFECT} beside alpha, or use BIC."
        yield Finding("many-rows", "note", message)


def dates(look: Look) -> Iterator[Finding]:
    """Find dates that are out of order or appear twice."""
    index = look.dataset.frame.index
    if not isinstance(index, pd.DatetimeIndex) or not len(index):
        return
    doubled = index[index.duplicated()]
    if len(doubled):
        message = f"{len(doubled):,} dates appear more than once, first {doubled[0]:%Y-%m-%d}."
        yield Finding(
            "dates-repeated",
            "warn",
            message,
            f"{doubled[0]:%Y-%m-%d}",
            repairs=(repair("Keep the last row of each date", "drop_repeated_dates"),),
        )
    if not index.is_monotonic_increasing:
        row = int(np.flatnonzero(np.diff(index.asi8) < 0)[0]) + 2
        message = f"Dates are not in order: row {row:,} ({index[row - 1]:%Y-%m-%d}) is earlier than the row before."
        yield Finding("dates-unsorted", "warn", message, f"row {row}", repairs=(repair("Sort by date", "sort_dates"),))


def time(look: Look) -> Iterator[Finding]:
    """Recognise prices, and else rows that depend on the row before."""
    if look.dataset.kind == "correlation" or look.n < MIN_ROWS or not look.names:
        return
    memory = autocorrelation(look, 1)
    candidates = look.varies & ~look.discrete
    if _are_prices(look, memory, candidates):
        message = "Looks like prices (all > 0, drift). Convert to returns?"
        offers = (repair("Convert to returns", "to_returns"), repair("Convert to log returns", "to_returns", log=True))
        yield Finding("prices", "warn", message, columns=look.columns(candidates), repairs=offers)
        return
    limit = max(AUTOCORRELATION, 4 / np.sqrt(look.n))  # at small n chance alone passes .3 in one of many columns
    dependent = candidates & (memory > limit) & ~_is_counter(look)
    if not dependent.any():
        return
    columns, worst = look.columns(dependent), float(memory[dependent].max())
    lags = range(2, min(MOST_LAGS, look.n // MIN_ROWS) + 1)
    every = next((lag for lag in lags if (autocorrelation(look, lag)[dependent] <= limit).all()), None)
    message = f"Rows are not independent (correlation with the row before up to {worst:.2f}, in {named(columns)}); p-values are too small."
    thinned = (repair(f"Keep one row in {every}", "thin", every=every),) if every else ()
    if not every:
        message += (
            " It does not fade with distance: rows seem to come in blocks. If these are experiments or batches, give them as regimes."
        )
    yield Finding("autocorrelation", "warn", message, columns[0], columns, thinned)


def regimes(look: Look) -> Iterator[Finding]:
    """Find regimes with too few rows, and a table whose regimes are only one."""
    dataset = look.dataset
    if dataset.regime is None:
        return
    sizes = pd.Series(dataset.regime).value_counts()
    small = [regime for regime in dataset.regimes if sizes[regime] <= SMALL_REGIME]
    if small:
        listed = named([f"{regime} ({sizes[regime]} rows)" for regime in small])
        message = f"Too few rows in {listed}. Invariance given S needs more than |S| + 5 rows; these regimes are skipped where that fails."
        offers = (repair("Leave them out", "drop_regimes", regimes=small),) if len(small) < len(dataset.regimes) else ()
        yield Finding("small-regime", "warn", message, small[0], tuple(small), offers)
    if len(dataset.regimes) == 1:
        yield Finding(
            "one-regime", "warn", f"All rows belong to regime {dataset.regimes[0]}; there is nothing to compare.", dataset.regimes[0]
        )


def autocorrelation(look: Look, lag: int) -> NDArray[np.float64]:
    """Return the (p,) correlation of each column with itself ``lag`` rows before, inside regimes."""
    centred, weight = look.centred, np.ones(max(look.n - lag, 0))
    if look.dataset.regime is not None:
        codes, _ = pd.factorize(np.array(look.dataset.regime, dtype=object))
        sizes = np.bincount(codes)
        means = np.stack([np.bincount(codes, column) for column in centred.T], axis=1) / sizes[:, None]
        centred = np.where(look.finite, centred - means[codes], 0.0)
        weight = (codes[lag:] == codes[:-lag]).astype(float)
    power = np.einsum("ij,ij->j", centred, centred)
    return np.einsum("ij,ij,i->j", centred[lag:], centred[:-lag], weight) / np.where(power > 0, power, 1.0)


def _are_prices(look: Look, memory: NDArray[np.float64], candidates: NDArray[np.bool_]) -> bool:
    """Whether all columns are positive walks: long memory in levels, none in the changes of their logarithms."""
    if (
        look.dataset.kind == "returns"
        or look.text_columns
        or not candidates.all()
        or not (look.low > 0).all()
        or look.dataset.regime is not None
    ):
        return False
    if np.median(memory) < PRICE_MEMORY:
        return False
    changes = np.diff(np.log(look.seen[:, :200]), axis=0)
    changes = np.where(np.isfinite(changes), changes, 0.0)
    changes = changes - changes.mean(axis=0)
    power = np.maximum(np.einsum("ij,ij->j", changes, changes), 1e-300)
    kept = np.einsum("ij,ij->j", changes[1:], changes[:-1]) / power
    # A trend or a sorted column also has memory, but its changes are tiny and one-sided or keep their memory.
    sided = np.abs((np.diff(look.seen[:, :200], axis=0) > 0).mean(axis=0) - 0.5)
    return bool(np.median(np.abs(kept)) < AUTOCORRELATION and np.median(sided) < 0.25)


def _is_counter(look: Look) -> NDArray[np.bool_]:
    """Whether a column only counts the rows; the identifier check speaks of it."""
    steps = np.diff(look.seen, axis=0)
    return look.whole & ((steps == 1).all(axis=0) | (steps == -1).all(axis=0)) if len(steps) else np.zeros(len(look.names), dtype=bool)
