"""What makes a table unfit for independence tests: columns that never vary, gaps, and columns that others already tell."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.core import UserError
from engine.core.digest import has_only_numbers
from engine.data.dependence import clearly_independent, identical_columns, linear_dependence
from engine.independence.trace import Floats

EXACT_CORRELATION = 1e-8  # a column this close to the span of others in a correlation matrix, which is read to few digits, depends on them
PERFECT = 1 - 1e-12  # an absolute correlation above this is 1 but for rounding
NAMED = 5


def constant_columns(frame: pd.DataFrame) -> list[str]:
    """Return the names of columns that never vary, gaps aside; a column of gaps only is one."""
    if has_only_numbers(frame):
        table = frame.to_numpy()
        if np.isfinite(table).all() and len(table):
            flat = np.ptp(table, axis=0) <= 1e-12 * np.abs(table).max(axis=0)
            return [str(name) for name in frame.columns[flat]]
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
    if has_only_numbers(frame) and np.isfinite(frame.to_numpy()).all():
        return
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


def require_no_dependence(frame: pd.DataFrame) -> None:
    """Stop when a numeric column is a copy or an exact linear combination of others, in the words of the first three relations."""
    if has_only_numbers(frame) and clearly_independent(frame.to_numpy()):
        return
    groups = identical_columns(frame)
    if groups:
        first, *copies = groups[0]
        raise UserError(f"{first} and {', '.join(copies)} are identical (r = 1).", f"Keep one of them, such as {first}.", copies[0])
    found = linear_dependence(frame)
    if found:
        more = f", and {len(found) - 3} more" if len(found) > 3 else ""
        told = "; ".join(f"{relation} (to 1e-10)" for relation in found[:3])
        raise UserError(
            f"Some columns are exact combinations of others: {told}{more}.",
            f"Remove {', '.join(relation.column for relation in found[:NAMED])}{' …' if len(found) > NAMED else ''}: "
            "no graph can be learned between a variable and its own sum.", found[0].column,
        )  # fmt: skip


def require_imperfect(correlation: Floats, nodes: Sequence[str], what: str) -> None:
    """Stop when two columns are perfectly correlated, as multiples of each other are (and for ranks, any monotone functions)."""
    perfect = np.argwhere(np.triu(np.abs(correlation) > PERFECT, 1))
    if len(perfect):
        a, b = (nodes[k] for k in perfect[0])
        raise UserError(f"{a} and {b} are {what} of each other (r = {correlation[tuple(perfect[0])]:.0f}).", "Keep one of them.", b)


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
        (int(pivot[rank + c]), {int(pivot[k]): float(w) for k, w in enumerate(column) if abs(w) > EXACT_CORRELATION})
        for c, column in enumerate(weights.T)
    ]
