"""Which representation finds the other profiles of a compound: mean average precision on the user's own screen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

LEVEL = 0.95
RESAMPLES = 1000
AS_REFERENCE = "difference"  # representation that the others are compared with


@dataclass(frozen=True, eq=False)
class Precision:
    """Average precision of each profile as a query, and of the same ones under labels at random.

    Parameters
    ----------
    of_query : (n,) average precision; NaN where a profile has no other of its compound in its cell line.
    by_chance : (r,) mean average precision under r orders of the labels.
    left_out : profiles without a direction (all zeros), which are neither asked nor found.
    """

    of_query: Floats
    by_chance: Floats
    left_out: int

    @property
    def mean(self) -> float:
        """Mean average precision over the profiles that have a partner; NaN without any."""
        known = self.of_query[np.isfinite(self.of_query)]
        return float(known.mean()) if len(known) else float("nan")


def average_precision(
    values: Floats, compound: Codes, line: Codes, *, shuffles: int = 0, seed: int = 0, check: Callable[[], None] = lambda: None
) -> Precision:
    """Rank the profiles of the same cell line by cosine to each profile, and score where those of its compound come.

    Parameters
    ----------
    values : (n, k) profiles in a representation.
    compound, line : (n,) numbers.
    shuffles : orders of the compounds' labels, within cell lines, that chance is measured with.

    Notes
    -----
    Average precision of a query = mean over its relevant profiles of (relevant ones so far) / (place). Profiles alike to the last digit
    keep their order in the file.
    """
    length = np.linalg.norm(values, axis=1)
    found = np.full(len(values), np.nan)
    rng = np.random.default_rng(seed)
    chance, queries = np.zeros(shuffles), 0
    for number in np.unique(line):
        rows = np.flatnonzero((line == number) & (length > 0))
        if len(rows) < 2:
            continue
        unit = values[rows] / length[rows, None]
        likeness = unit @ unit.T
        np.fill_diagonal(likeness, -np.inf)
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :-1]
        labels = compound[rows]
        found[rows] = _precisions(labels, order)
        queries += int(np.isfinite(found[rows]).sum())
        for k in range(shuffles):
            check()
            chance[k] += np.nansum(_precisions(rng.permutation(labels), order))
    return Precision(found, chance / max(queries, 1), int((length == 0).sum()))


def _precisions(labels: Codes, order: Codes) -> Floats:
    """(n,) average precision of each row's order."""
    hit = labels[order] == labels[:, None]
    total = hit.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((hit * np.cumsum(hit, axis=1) / np.arange(1, hit.shape[1] + 1)).sum(axis=1) / total)


def retrieval_table(
    representations: Mapping[str, tuple[str, Floats]], compound: Codes, line: Codes, *, shuffles: int, seed: int, context: Context
) -> pd.DataFrame:
    """Return one row per representation: how well it finds profiles of the same compound, beside chance and beside plain differences.

    Parameters
    ----------
    representations : name -> (label, (n, k) profiles).

    Returns
    -------
    ``representation``, ``label``, ``map``, ``low``, ``high`` (95 % bootstrap over compounds), ``chance``, ``p`` (share of label orders that
    do as well), ``gain``, ``gain_low``, ``gain_high`` (``map`` less that of plain differences, over the same resamples), ``queries``,
    ``compounds``, ``dimensions``, ``left_out``. The best comes first.
    """
    precisions = {}
    for k, (name, (label, values)) in enumerate(representations.items()):
        context.progress(k / len(representations), f"retrieval: {label}")
        precisions[name] = average_precision(values, compound, line, shuffles=shuffles, seed=seed, check=context.check)
    draws = {name: _resampled(found.of_query, compound, seed) for name, found in precisions.items()}
    rows = []
    for name, found in precisions.items():
        low, high = _limits(draws[name])
        gained = found.mean - precisions[AS_REFERENCE].mean
        gain_low, gain_high = _limits(draws[name] - draws[AS_REFERENCE])
        asked = np.isfinite(found.of_query)
        p = (1 + int((found.by_chance >= found.mean - 1e-12).sum())) / (1 + shuffles) if shuffles else float("nan")
        rows.append(
            {
                "representation": name, "label": representations[name][0], "map": found.mean, "low": low, "high": high,
                "chance": float(found.by_chance.mean()) if shuffles else float("nan"), "p": p, "gain": gained, "gain_low": gain_low,
                "gain_high": gain_high, "queries": int(asked.sum()), "compounds": len(np.unique(compound[asked])),
                "dimensions": representations[name][1].shape[1], "left_out": found.left_out,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).sort_values("map", ascending=False, kind="stable").reset_index(drop=True)


def _resampled(of_query: Floats, compound: Codes, seed: int) -> Floats:
    """(RESAMPLES,) mean average precision when compounds are drawn with replacement, all profiles of one together."""
    known = np.isfinite(of_query)
    if not known.any():
        return np.full(RESAMPLES, np.nan)
    _, number = np.unique(compound[known], return_inverse=True)
    total, size = np.bincount(number, weights=of_query[known]), np.bincount(number)
    drawn = np.random.default_rng(seed).multinomial(len(size), np.full(len(size), 1 / len(size)), size=RESAMPLES)
    return np.asarray((drawn @ total) / (drawn @ size))


def _limits(draws: Floats) -> tuple[float, float]:
    if np.isnan(draws).any():
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return float(low), float(high)
