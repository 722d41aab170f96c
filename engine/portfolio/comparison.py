"""What tests of a difference found: of one pair of return series, and of all pairs of many, in numbers and in sentences."""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import pandas as pd

from engine.portfolio.two_moments import STATISTICS

Kind = Literal["variance", "sharpe"]
Way = Literal["bootstrap", "prewhitened", "hac"]
LEVEL = 0.05
NOTHING = 1e-9  # a difference that is rounding


@dataclass(frozen=True)
class Difference:
    """The test of one pair.

    Attributes
    ----------
    first, second : names of the two series.
    kind, way : what was compared, and how.
    estimate : log variance or Sharpe ratio per period, that of the first minus that of the second.
    standard_error : of the estimate; zero where one series is a multiple of the other.
    p : two-sided p-value; NaN where a series never varies or too few periods are common.
    holm : p-value adjusted for all ``n_pairs`` comparisons made together (Holm 1979).
    periods : number of periods in which both have a return.
    levels : standard deviations (``variance``) or Sharpe ratios (``sharpe``) of the two over these periods, annualised.
    notes : sentences on what was left out.
    """

    first: str
    second: str
    kind: Kind
    way: Way
    estimate: float
    standard_error: float
    p: float
    holm: float
    n_pairs: int
    periods: int
    levels: tuple[float, float]
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Who has less variance or the higher Sharpe ratio, by how much, and whether that is more than chance."""
        if math.isnan(self.p):
            return f"{self.first} and {self.second} cannot be compared: one of them never varies, or they have too few periods in common."
        what = STATISTICS[self.kind].name
        if abs(self.estimate) < NOTHING:
            return f"{self.first} and {self.second} do not differ in their {what}."
        over = f", Holm's p{_value(self.holm)} over {self.n_pairs} pairs" if self.n_pairs > 1 else ""
        told = f"{self._levels}; p{_value(self.p)}{over}"
        return f"The {what} of {self.first} is {self._size} that of {self.second} ({told}): {self._verdict}."

    @property
    def _size(self) -> str:
        way = "lower than" if self.estimate < 0 else "higher than"
        return f"{abs(math.expm1(self.estimate)):.1%} {way}" if self.kind == "variance" else way

    @property
    def _levels(self) -> str:
        one, other = self.levels
        return f"SD {one:.2%} against {other:.2%} a year" if self.kind == "variance" else f"{one:.2f} against {other:.2f} a year"

    @property
    def _verdict(self) -> str:
        if self.holm <= LEVEL:
            return "more than chance" + (f", even as one of {self.n_pairs} comparisons" if self.n_pairs > 1 else "")
        if self.p <= LEVEL:
            return f"more than chance had only these two been compared, but not as one of {self.n_pairs} comparisons"
        return "no evidence of a difference"


@dataclass(frozen=True, eq=False)
class Comparison:
    """The tests of all pairs of E series. Every frame is E x E, with the series as rows and columns; diagonals mean nothing.

    Attributes
    ----------
    kind, way : what was compared, and how.
    estimate : row minus column; log variances, or Sharpe ratios per period.
    standard_error : of the estimates.
    p : two-sided p-values; NaN on the diagonal and where a pair has no test.
    holm : p-values adjusted for all tested pairs (Holm 1979).
    periods : number of periods that the two have in common.
    level : annualised standard deviation (``variance``) or Sharpe ratio (``sharpe``) of the row over the periods it shares with the column.
    notes : sentences on what was left out.
    """

    kind: Kind
    way: Way
    estimate: pd.DataFrame
    standard_error: pd.DataFrame
    p: pd.DataFrame
    holm: pd.DataFrame
    periods: pd.DataFrame
    level: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the series."""
        return tuple(self.p.columns)

    @property
    def n_pairs(self) -> int:
        """Number of pairs that were tested."""
        return int(self.p.notna().to_numpy().sum()) // 2

    def between(self, row: str, column: str) -> Difference:
        """Return the test of one pair, the row minus the column."""
        i, j = self.names.index(row), self.names.index(column)

        def at(frame: pd.DataFrame, one: int = i, other: int = j) -> float:
            return float(frame.to_numpy()[one, other])

        return Difference(
            first=row, second=column, kind=self.kind, way=self.way, estimate=at(self.estimate), standard_error=at(self.standard_error),
            p=at(self.p), holm=at(self.holm), n_pairs=self.n_pairs, periods=int(at(self.periods)),
            levels=(at(self.level), at(self.level, j, i)), notes=self.notes,
        )  # fmt: skip

    def sentence(self, row: str, column: str) -> str:
        """Say for one pair who has less variance or the higher Sharpe ratio, by how much, and whether that is more than chance."""
        return self.between(row, column).sentence

    def pairs(self) -> pd.DataFrame:
        """Return one row per pair, the smallest p first.

        Returns
        -------
        DataFrame with ``better`` and ``worse`` (the lower variance or the higher Sharpe ratio is better), ``difference`` (log variance or
        Sharpe ratio per period, better minus worse), ``standard_error``, ``p``, ``holm``, ``periods`` and ``sentence``.
        """
        rows = []
        for a, b in combinations(self.names, 2):
            found = self.between(a, b)
            if (found.estimate > 0) if self.kind == "variance" else (found.estimate < 0):
                found = self.between(b, a)
            numbers = (found.estimate, found.standard_error, found.p, found.holm, found.periods)
            rows.append((found.first, found.second, *numbers, found.sentence))
        table = pd.DataFrame(rows, columns=["better", "worse", "difference", "standard_error", "p", "holm", "periods", "sentence"])
        return table.sort_values("p", ignore_index=True, kind="stable")


def _value(p: float) -> str:
    if p < 0.001:
        return " < 0.001"
    return f" = {p:.3f}" if p < 0.1 else f" = {p:.2f}"
