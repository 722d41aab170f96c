"""From a table to the correlation matrix that total positivity is fitted to, on any scale and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core import Context, Dataset, UserError
from engine.mtp2.certificate import Floats
from engine.mtp2.kendall import kendall_correlation
from engine.mtp2.solver import MOST_ALIKE, Solution

CORRELATIONS = ("pearson", "kendall")


@dataclass(frozen=True, eq=False)
class Moments:
    """Correlations with the scale that belongs to them.

    Attributes
    ----------
    names : of the N variables.
    correlation : (N, N) with unit diagonal.
    scale : (N,) standard deviations (divisor n); ones behind a correlation matrix.
    n : samples behind them.
    values : (n, N) samples, None behind a correlation matrix.
    """

    names: tuple[str, ...]
    correlation: Floats
    scale: Floats
    n: int
    values: Floats | None

    def select(self, kept: Sequence[int]) -> "Moments":
        """Return the moments of some of the variables."""
        values = None if self.values is None else self.values[:, kept]
        return Moments(tuple(self.names[i] for i in kept), self.correlation[np.ix_(kept, kept)], self.scale[kept], self.n, values)


def table_for(data: Any, params: Any) -> Dataset:
    """Return the user's table as it is: fewer rows than variables and linear dependence are no obstacle here, see `moments_of`."""
    return Dataset.of(data)


def moments_of(data: Dataset, kind: str, context: Context) -> Moments:
    """Return the correlations of a table of samples, prices or returns, or those of a correlation matrix.

    Parameters
    ----------
    kind : ``pearson``, or ``kendall`` for sin(pi tau / 2), which single extreme rows cannot move.

    Raises
    ------
    UserError
        When a column is text, holds gaps or never changes, there are fewer than two columns or rows, or rank correlations are asked of a
        matrix.
    """
    if data.p < 2:
        raise UserError(f"{data.name} has {data.p} column.", "A graph needs two variables or more.", data.name)
    if data.kind == "correlation":
        if kind == "kendall":
            raise UserError("Rank correlations need the samples, and this is a correlation matrix.", "Choose pearson.", "correlation")
        return Moments(data.columns, data.numeric, np.ones(data.p), data.n_samples, None)
    if data.kind == "prices":
        from engine.data import to_returns

        data = to_returns(data)
        context.warn("Prices were turned into simple returns.")
    values = data.numeric
    broken = ~np.isfinite(values).all(axis=0)
    if broken.any():
        column = data.columns[int(np.argmax(broken))]
        row = int(np.argmin(np.isfinite(values[:, data.columns.index(column)]))) + 1
        raise UserError(f"Column {column} has no number in row {row:,}.", "Fill or drop the gaps on the data page.", column)
    if len(values) < 2:
        raise UserError(f"{data.name} has {len(values)} row of numbers.", "Upload two rows or more.", data.name)
    scale = values.std(axis=0)
    still = scale <= 1e-14 * np.maximum(np.abs(values).max(axis=0), 1e-300)
    if still.any():
        column = data.columns[int(np.argmax(still))]
        raise UserError(f"Column {column} never varies.", "Remove it, or choose another.", column)
    if kind == "kendall":
        return Moments(data.columns, kendall_correlation(values), scale, len(values), values)
    unit = (values - values.mean(axis=0)) / scale
    correlation = unit.T @ unit / len(unit)
    correlation = (correlation + correlation.T) / 2.0
    np.fill_diagonal(correlation, 1.0)
    return Moments(data.columns, correlation, scale, len(values), values)


def without_duplicates(moments: Moments, context: Context) -> Moments:
    """Keep the first of variables that move as one, and say which went."""
    kept: list[int] = []
    for i in range(len(moments.names)):
        twin = next((j for j in kept if moments.correlation[i, j] >= MOST_ALIKE), None)
        if twin is None:
            kept.append(i)
        else:
            context.warn(f"{moments.names[i]} moves as one with {moments.names[twin]} and was left out.")
    return moments if len(kept) == len(moments.names) else moments.select(kept)


def in_units(solution: Solution, scale: Floats) -> tuple[Floats, Floats]:
    """Return precision and covariance of a solution in the units of the data: K_ij / (s_i s_j) and s_i s_j Sigma_ij."""
    outer = scale[:, None] * scale[None, :]
    return solution.precision / outer, solution.covariance * outer
