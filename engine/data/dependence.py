"""Exact linear dependence: which columns are copies or sums of others, and by which formula."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core.digest import has_only_numbers

RELATIVE = 1e-10  # a column closer than this to the span of others, in units of its SD, is in it
SCREEN = 1e-7  # a correlation matrix with a larger smallest eigenvalue cannot hide a dependence of size RELATIVE


@dataclass(frozen=True)
class Dependence:
    """One exact relation: ``column`` = intercept + sum of coefficient x other column.

    Attributes
    ----------
    column : the column that the others give.
    coefficients : other column -> coefficient.
    intercept : the constant.
    """

    column: str
    coefficients: dict[str, float]
    intercept: float

    def __str__(self) -> str:
        text = f"{self.column} ="
        for i, (name, value) in enumerate(self.coefficients.items()):
            sign = "-" if value < 0 else "+"
            size = "" if np.isclose(abs(value), 1.0, rtol=1e-8) else f"{abs(value):.6g} × "
            text += f" {sign + ' ' if i or value < 0 else ''}{size}{name}"
        if abs(self.intercept) > 1e-8 * (1 + sum(map(abs, self.coefficients.values()))):
            text += f" {'-' if self.intercept < 0 else '+'} {abs(self.intercept):.6g}"
        return text


def identical_columns(frame: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Return the groups of columns whose values (and gaps) are the same in every row."""
    hashes: dict[int, list[str]] = {}
    for name, content in zip(frame.columns, _contents(frame), strict=True):
        hashes.setdefault(hash(content), []).append(str(name))
    return tuple(tuple(group) for group in hashes.values() if len(group) > 1)


def _contents(frame: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield the categories and the raw values of each column, -0.0 and 0.0 as one value."""
    if has_only_numbers(frame):
        yield from (((), (values + 0.0).tobytes()) for values in frame.to_numpy().T)
        return
    for _, column in frame.items():
        key = tuple(column.cat.categories) if isinstance(column.dtype, pd.CategoricalDtype) else ()
        yield key, np.ascontiguousarray(column.cat.codes if key else column.to_numpy() + 0.0).tobytes()


def clearly_independent(values: NDArray[np.float64]) -> bool:
    """Return whether the columns of a table (n, p) without gaps are certainly no copies or combinations of each other.

    False says nothing.
    """
    if len(values) <= values.shape[1] + 1:
        return False
    with np.errstate(all="ignore"):
        centred = values - values.mean(axis=0)
        gram = centred.T @ centred
        deviation = np.sqrt(np.diag(gram))
        correlation = gram / (deviation[:, None] * deviation)
    return bool(np.isfinite(correlation).all()) and _is_regular(correlation)


def _is_regular(correlation: NDArray[np.float64]) -> bool:
    """Return whether the smallest eigenvalue of a correlation matrix is above `SCREEN`; a Cholesky factor tells it many times faster."""
    try:
        np.linalg.cholesky(correlation - SCREEN * np.eye(len(correlation)))
    except np.linalg.LinAlgError:
        return False
    return True


def linear_dependence(frame: pd.DataFrame) -> tuple[Dependence, ...]:
    """Find every exact linear relation among the columns, constants allowed.

    Parameters
    ----------
    frame : (n, p) numeric table; rows with gaps are left out, constant columns too.

    Returns
    -------
    One relation per superfluous column, each giving the last of its columns by earlier ones. Empty when the rows are too few to tell
    (n <= p + 1): then everything depends on everything.

    Notes
    -----
    Column-pivoted QR of the centred columns scaled to SD 1; a diagonal entry of R below 1e-10 of the first marks a superfluous column
    (Golub and Van Loan, Matrix Computations, 5.5.7). The relations are brought to echelon form from the last column backwards.
    """
    from scipy.linalg import qr, solve_triangular

    numeric = frame.select_dtypes("number")
    values = numeric.to_numpy(dtype=np.float64)
    values = values[np.isfinite(values).all(axis=1)]
    names = [str(name) for name in numeric.columns]
    if len(values) == 0:
        return ()
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = values.mean(axis=0), values.std(axis=0)
    varies = np.flatnonzero(np.isfinite(spread) & (spread > 1e-14 * np.maximum(np.abs(mean), 1e-300)))
    if len(values) <= len(varies) + 1 or len(varies) < 2:
        return ()
    scaled = (values[:, varies] - mean[varies]) / spread[varies]
    gram = scaled.T @ scaled / len(scaled)
    if _is_regular(gram):
        return ()
    r = np.linalg.qr(scaled, mode="r")
    _, r, order = qr(r, pivoting=True, mode="economic")
    diagonal = np.abs(np.diag(r))
    rank = int(np.count_nonzero(diagonal > RELATIVE * diagonal[0]))
    null = np.zeros((len(varies) - rank, len(varies)))
    if rank < len(varies):
        null[:, order[:rank]] = -solve_triangular(r[:rank, :rank], r[:rank, rank:]).T
        null[np.arange(len(null)), order[rank:]] = 1.0
    found = []
    for pivot, row in _echelon(null):
        weights = {int(varies[i]): -row[i] * spread[varies[pivot]] / spread[varies[i]] for i in np.flatnonzero(np.abs(row) > 1e-8)}
        weights.pop(int(varies[pivot]))
        whole = {i: float(round(w)) if abs(w - round(w)) < 1e-8 * max(1, abs(w)) else float(w) for i, w in weights.items()}
        target = int(varies[pivot])
        intercept = float(mean[target] - sum(w * mean[i] for i, w in whole.items()))
        scale = abs(mean[target]) + sum(abs(w * mean[i]) for i, w in whole.items())
        found.append(
            Dependence(names[target], {names[i]: w for i, w in whole.items()}, 0.0 if abs(intercept) < 1e-9 * scale else intercept)
        )
    return tuple(sorted(found, key=lambda relation: names.index(relation.column)))


def _echelon(null: NDArray[np.float64]) -> list[tuple[int, NDArray[np.float64]]]:
    """Reduce the relations so that each has a last column of its own; return (that column, coefficients with 1 there)."""
    rows, done = null.copy(), []
    free = list(range(len(rows)))
    for column in range(null.shape[1] - 1, -1, -1):
        if not free:
            break
        best = max(free, key=lambda i: abs(rows[i, column]))
        if abs(rows[best, column]) < 1e-7:
            continue
        rows[best] /= rows[best, column]
        for i in range(len(rows)):
            if i != best:
                rows[i] -= rows[i, column] * rows[best]
        free.remove(best)
        done.append((column, best))
    return [(column, rows[i]) for column, i in done]
