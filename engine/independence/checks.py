"""What makes a table unfit for independence tests: columns that never vary, gaps, and columns that are sums of others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import UserError
from engine.independence.trace import Floats

EXACT = 1e-9  # a column whose distance from the span of the others is below this share of its spread depends on them
EXACT_CORRELATION = 1e-8  # the same for a correlation matrix, which holds squares and is read to fewer digits
NEGLIGIBLE = 1e-6  # coefficients below this, in standard deviations, are rounding
ROWS = 2000  # an exact dependence holds in any rows, so it is looked for in some and verified in all
NAMED = 5


@dataclass(frozen=True)
class Dependence:
    """One column that is an exact linear combination of others.

    Attributes
    ----------
    column : the dependent column; of all columns involved the last in the table.
    terms : (coefficient, column) of the others, in the order of the table.
    constant : what is added.
    residual : largest deviation of any row, in standard deviations of the column.
    """

    column: str
    terms: tuple[tuple[float, str], ...]
    constant: float
    residual: float

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns involved, the dependent one last."""
        return (*(name for _, name in self.terms), self.column)

    @property
    def is_duplicate(self) -> bool:
        """Whether the column equals another."""
        return len(self.terms) == 1 and abs(self.terms[0][0] - 1) < NEGLIGIBLE and self.constant == 0

    @property
    def sentence(self) -> str:
        """The dependence in words, such as ``X3 = X1 + X2 (to 1e-10)``."""
        if self.is_duplicate:
            return f"{self.terms[0][1]} and {self.column} are identical (r = 1)"
        parts = [(coefficient, "" if abs(abs(coefficient) - 1) < NEGLIGIBLE else f"{abs(coefficient):.6g} ", name)
                 for coefficient, name in self.terms]  # fmt: skip
        if self.constant:
            parts.insert(0 if parts[0][0] < 0 < self.constant else len(parts), (self.constant, f"{abs(self.constant):.6g}", ""))
        signed = [f"{'-' if value < 0 else '+'} {size}{name}" for value, size, name in parts]
        right = " ".join(signed).removeprefix("+ ")
        right = "-" + right[2:] if right.startswith("- ") else right
        exponent = int(np.ceil(np.log10(max(self.residual, 1e-15))))
        return f"{self.column} = {right} (to 1e{exponent})"


def linear_dependence(frame: pd.DataFrame) -> list[Dependence]:
    """Find the numeric columns that are exact linear combinations of the others, by QR with column pivoting.

    Parameters
    ----------
    frame : (n, p) table; category and constant columns and rows with gaps are left out.

    Returns
    -------
    One `Dependence` per superfluous column; removing these columns leaves an independent set. With n <= p every column depends on the
    others, so only pairs are looked at.
    """
    numeric = frame.select_dtypes("number")
    values = numeric.to_numpy(dtype=np.float64)
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < 3:
        return []
    constant = set(constant_columns(numeric))
    keep = [k for k, name in enumerate(numeric.columns) if str(name) not in constant]
    names, values = [str(numeric.columns[k]) for k in keep], values[:, keep]
    keep = [k for k in range(values.shape[1]) if np.ptp(values[:, k]) > 0]
    names, values = [names[k] for k in keep], values[:, keep]
    some = _some_rows(values)
    scaled = (some - some.mean(axis=0)) / (values.std(axis=0) * np.sqrt(len(some)))
    found = dependent_columns(scaled, EXACT) if len(some) > values.shape[1] + 1 else _pairs(scaled)
    return _distinct([(k, others) for k, others in found], names, values)


def dependent_columns(matrix: Floats, tolerance: float) -> list[tuple[int, dict[int, float]]]:
    """Return (column, {other column: coefficient}) for each column of ``matrix`` in the span of the others."""
    from scipy.linalg import qr, solve_triangular

    if min(matrix.shape) == 0:
        return []
    r, pivot = qr(matrix, mode="r", pivoting=True, check_finite=False)
    diagonal = np.abs(np.diag(r))
    rank = int((diagonal > tolerance * diagonal[0]).sum())
    if rank == matrix.shape[1]:
        return []
    weights = solve_triangular(r[:rank, :rank], r[:rank, rank:])
    return [
        (int(pivot[rank + c]), {int(pivot[k]): float(w) for k, w in enumerate(column) if abs(w) > NEGLIGIBLE})
        for c, column in enumerate(weights.T)
    ]


def constant_columns(frame: pd.DataFrame) -> list[str]:
    """Return the names of columns that never vary, gaps aside; a column of gaps only is one."""
    found = []
    for name in frame.columns:
        column = frame[name].dropna()
        if isinstance(column.dtype, pd.CategoricalDtype):
            varies = column.nunique() > 1
        else:
            values = column.to_numpy(dtype=np.float64)
            varies = len(values) > 0 and bool(np.ptp(values) > 1e-12 * np.abs(values).max())
        if not varies:
            found.append(str(name))
    return found


def require_complete(frame: pd.DataFrame) -> None:
    """Stop when a value is missing or infinite, naming the columns with their counts."""
    gaps = frame.isna().sum()
    numeric = frame.select_dtypes("number")
    infinite = pd.Series(np.isinf(numeric.to_numpy(dtype=np.float64)).sum(axis=0), index=numeric.columns)
    for counts, what in ((gaps, "missing"), (infinite, "infinite")):
        bad = counts[counts > 0]
        if len(bad):
            listed = ", ".join(f"{name} ({count:,})" for name, count in bad.iloc[:NAMED].items())
            more = f" and {len(bad) - NAMED} more columns" if len(bad) > NAMED else ""
            raise UserError(
                f"There are {what} values in {listed}{more}.",
                "Drop these rows, fill the gaps, or remove the columns on the data page.", str(bad.index[0]),
            )  # fmt: skip


def require_varying(frame: pd.DataFrame) -> None:
    """Stop when a column never varies."""
    constant = constant_columns(frame)
    if constant:
        several = len(constant) > 1
        raise UserError(
            f"Column{'s' if several else ''} {', '.join(constant[:NAMED])}{' …' if len(constant) > NAMED else ''} "
            f"never {'vary' if several else 'varies'} (SD 0).",
            f"Remove {'them' if several else 'it'}.", constant[0],
        )  # fmt: skip


def require_no_dependence(found: Sequence[Dependence]) -> None:
    """Stop when a column is a linear combination of others, in the words of the first three dependences."""
    if found:
        more = f", and {len(found) - 3} more" if len(found) > 3 else ""
        told = "; ".join(dependence.sentence for dependence in found[:3])
        raise UserError(
            f"Some columns say the same thing: {told}{more}.",
            f"Remove {', '.join(d.column for d in found[:NAMED])}{' …' if len(found) > NAMED else ''}: "
            "no graph can be learned between a variable and its own copy or sum.", found[0].column,
        )  # fmt: skip


def require_definite(correlation: Floats, nodes: Sequence[str]) -> None:
    """Stop when a correlation matrix is singular or no correlation matrix at all, naming the columns."""
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    found = dependent_columns(correlation, EXACT_CORRELATION)
    if found:
        column, others = found[0]
        involved = sorted({column, *others})
        raise UserError(
            f"The correlation matrix is singular: {nodes[involved[-1]]} is a combination of {', '.join(nodes[k] for k in involved[:-1])}.",
            f"Remove {nodes[involved[-1]]}.", nodes[involved[-1]],
        )  # fmt: skip
    if smallest < 0:
        raise UserError(
            f"The matrix is not a correlation matrix: its smallest eigenvalue is {smallest:.2g}.",
            "Compute it from complete rows; pairwise deletion of gaps can do this.",
        )


def _some_rows(values: Floats) -> Floats:
    rows = max(ROWS, 4 * values.shape[1])
    if len(values) <= rows:
        return values
    chosen = values[np.random.default_rng(0).choice(len(values), rows, replace=False)]
    return chosen if (np.ptp(chosen, axis=0) > 0).all() else values


def _pairs(scaled: Floats) -> list[tuple[int, dict[int, float]]]:
    """Return each column that is a multiple of an earlier one."""
    r = scaled.T @ scaled
    found: list[tuple[int, dict[int, float]]] = []
    for k in range(1, len(r)):
        near = np.flatnonzero(np.abs(r[k, :k]) > 1 - 1e-9)
        exact = [m for m in near if np.linalg.norm(scaled[:, k] - np.sign(r[k, m]) * scaled[:, m]) < EXACT]
        if exact:
            found.append((k, {int(exact[0]): float(np.sign(r[k, exact[0]]))}))
    return found


def _distinct(found: list[tuple[int, dict[int, float]]], names: list[str], values: Floats) -> list[Dependence]:
    """Write each dependence for the last of its columns that no other dependence is written for, and verify it on all rows."""
    spread, mean = values.std(axis=0), values.mean(axis=0)
    basic = {k for _, others in found for k in others}
    told: list[Dependence] = []
    taken: set[int] = set()
    for k, others in sorted(found, key=lambda pair: (len(pair[1]), pair[0])):
        shared = {m for c, rest in found if c != k for m in rest}
        free = {k, *(set(others) & (basic - shared))} - taken
        column = max(free)
        taken.add(column)
        weights = {m: w / spread[m] for m, w in others.items()} | {k: -1 / spread[k]}
        scale = -weights.pop(column)
        terms = {m: _plain(w / scale) for m, w in sorted(weights.items())}
        rest = sum(values[:, m] * w for m, w in terms.items())
        constant = float(mean[column] - np.mean(rest))
        constant = 0.0 if abs(constant) < NEGLIGIBLE * spread[column] else _plain(constant)
        residual = float(np.abs(values[:, column] - rest - constant).max() / spread[column])
        if residual < NEGLIGIBLE:
            told.append(Dependence(names[column], tuple((w, names[m]) for m, w in terms.items()), constant, residual))
    return sorted(told, key=lambda dependence: names.index(dependence.column))


def _plain(value: float) -> float:
    """Take a coefficient that is a short decimal but for rounding as that decimal."""
    short = float(f"{value:.6g}")
    return short if abs(value - short) <= 1e-9 * abs(value) else float(value)
