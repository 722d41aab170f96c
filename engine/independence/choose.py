"""Which test for which data: checks the table, picks the test, and says what its reader must know."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, UserError
from engine.data.rows import are_few, few_rows_text
from engine.independence import checks
from engine.independence.base import IndependenceTest
from engine.independence.discrete import GSquared
from engine.independence.gaussian import FisherZ
from engine.independence.hsic import Hsic
from engine.independence.kernel import Kci, KernelFeatures, KernelTest
from engine.independence.rank import Rank
from engine.independence.trace import Floats

SKEWED, HEAVY = 1.0, 4.0  # skewness and excess kurtosis of a column beyond which the rank test is chosen
MOST_LEVELS = 10  # a numeric column with more distinct values is not taken for categories
LARGE = 200_000  # rows from which on nearly every difference is significant
EXACT_ROWS = 1_500  # rows up to which "kernel" means the exact kernel test
KERNEL_ROWS = 20_000  # rows of which a kernel test takes a sample when there are more
TESTS = ("auto", "gaussian", "rank", "discrete", "kernel", "kernel-exact", "hsic")


def test_for(data: Dataset | IndependenceTest, params: Any) -> IndependenceTest:
    """Make the independence test that ``params.test`` names at level ``params.alpha``; a test passes through at that level.

    Parameters
    ----------
    data : samples, interventional samples (all rows are pooled unless ``params.rows`` is ``obs``), or a correlation matrix.
    params : with ``alpha``, and optionally ``test`` (one of `TESTS`), ``rows`` (all, obs), ``floor`` and ``seed``.

    Returns
    -------
    A test whose ``warnings`` the caller passes on.

    Raises
    ------
    UserError
        When a column is constant, has gaps, or is a combination of others, or the test does not fit the columns.

    Notes
    -----
    ``auto`` takes G squared when all columns are categories, the kernel test when categories of more than two levels stand beside
    numbers, the rank test when some column has an absolute skewness above 1 or an excess kurtosis above 4, and Fisher z otherwise.
    ``kernel`` is exact up to 1,500 rows.
    """
    floor = getattr(params, "floor", 0.0)
    if isinstance(data, IndependenceTest):
        return _with_floor(data.at(params.alpha), floor)
    wanted = getattr(params, "test", "auto")
    if data.kind == "correlation":
        return _with_floor(_of_correlation(data, wanted, params.alpha), floor)
    kept, notes = _rows(data, getattr(params, "rows", "all"))
    test = rows_test(kept, params, notes)
    test.digest = data.digest
    return _with_floor(test, floor)


def rows_test(data: Dataset, params: Any, notes: list[str]) -> IndependenceTest:
    """Make the independence test of all rows of a table, without a digest; ``notes`` are the first of its warnings. See `test_for`."""
    wanted = getattr(params, "test", "auto")
    if data.p < 2:
        raise UserError(f"{data.name} has {data.p} column; a graph needs at least two.", "Add variables.")
    checks.require_complete(data.frame)
    checks.require_varying(data.frame)
    if data.n_samples < 5:
        raise UserError(f"{data.name} has {data.n_samples} rows; no independence test is possible.", "Add rows.")
    categories = categories_of(data.frame)
    if wanted == "discrete" or (wanted == "auto" and len(categories) == data.p):
        test: IndependenceTest = GSquared(data.columns, _codes(data.frame), params.alpha)
    elif wanted in ("kernel", "kernel-exact", "hsic") or (wanted == "auto" and with_several_levels(data.frame, categories)):
        test = _kernel_test(data, categories, wanted, params.alpha, getattr(params, "seed", 0), notes)
    else:
        test = _numeric_test(data, categories, wanted, params.alpha, notes)
    test.warnings[:0] = notes
    return test


def _of_correlation(data: Dataset, wanted: str, alpha: float) -> FisherZ:
    """Make the Gaussian test of a correlation matrix."""
    if wanted not in ("auto", "gaussian"):
        raise UserError(f"The {wanted} test needs rows, not a correlation matrix.", "Choose the Gaussian test.", "test")
    checks.require_complete(data.frame)
    checks.require_definite(data.numeric, data.columns)
    test = FisherZ(data.columns, data.numeric, data.n_samples, alpha, data.digest)
    test.warnings += _few_or_many(data.n_samples, data.p)
    return test


def _with_floor(test: IndependenceTest, floor: float) -> IndependenceTest:
    """Set the smallest effect that counts, or say that this test has none."""
    if not floor:
        return test
    if test.correlation is not None:
        return test.with_floor(floor)
    test.warnings = [*test.warnings, f"The smallest effect was not used: it is a partial correlation, and the {test.name} test has none."]
    return test


def _rows(data: Dataset, rows: str) -> tuple[Dataset, list[str]]:
    """Return the rows that are used, and a note when regimes are pooled."""
    if len(data.regimes) < 2:
        return data, []
    first = data.regimes[0]
    if rows == "obs":
        kept = data.rows(first)
        note = f"Only the {kept.n_samples:,} rows of regime '{first}' were used; the other {len(data.regimes) - 1} regimes were left out."
        return kept, [note]
    note = (
        f"The rows of {len(data.regimes)} regimes were pooled as if nothing had been intervened on. "
        "Differences between regimes can look like edges; a method for interventions uses them."
    )
    return data, [note]


def _numeric_test(data: Dataset, categories: list[str], wanted: str, alpha: float, notes: list[str]) -> IndependenceTest:
    """Make the Gaussian or rank test, two-level categories taken as 0 and 1."""
    frame = data.frame
    for column in with_several_levels(data.frame, categories):
        raise UserError(
            f"Column {column} has {frame[column].nunique()} categories beside numeric columns.",
            "Choose the kernel test, which takes both; or remove the column.", column,
        )  # fmt: skip
    if categories:
        frame = frame.assign(**{column: _category_codes(frame[column]).astype(np.float64) for column in categories})
    checks.require_no_dependence(frame)
    values = frame.to_numpy(dtype=np.float64)
    notes += _cautions(data, values)
    odd = _odd_columns(values) & ~_binary(values)
    if wanted == "auto" and odd.any():
        notes.append(f"The rank test was chosen, since these columns are strongly skewed or heavy-tailed: {_words(odd, data)}.")
    chosen: type[FisherZ] | type[Rank] = Rank if wanted == "rank" or (wanted == "auto" and odd.any()) else FisherZ
    test = chosen.of(data.columns, values, alpha)
    checks.require_imperfect(test.correlation, data.columns, "monotone functions" if chosen is Rank else "multiples")
    return test


def _kernel_test(data: Dataset, categories: list[str], wanted: str, alpha: float, seed: int, notes: list[str]) -> KernelTest:
    """Make a kernel test, of a sample of the rows when there are very many."""
    frame = data.frame
    if wanted == "hsic" and categories:
        raise UserError(
            f"HSIC subtracts functions of other columns, which cannot be done with the categories of {categories[0]}.",
            "Choose the kernel test.", categories[0],
        )  # fmt: skip
    checks.require_no_dependence(frame.drop(columns=categories))
    if wanted == "auto":
        several = with_several_levels(data.frame, categories)
        notes.append(
            f"The kernel test was chosen, since categories ({_listed(several)}) stand beside numbers. It sees dependence of any shape, "
            "and needs more rows than a Gaussian test to see a straight line."
        )
    if data.n_samples > KERNEL_ROWS:
        kept = np.sort(np.random.default_rng(seed).choice(data.n_samples, KERNEL_ROWS, replace=False))
        frame = frame.iloc[kept].reset_index(drop=True)
        notes.append(f"The kernel test saw a random {KERNEL_ROWS:,} of the {data.n_samples:,} rows.")
        checks.require_varying(frame)
    is_category = np.array([column in categories for column in data.columns])
    values = np.column_stack([_category_codes(frame[c]) if c in categories else frame[c].to_numpy(np.float64) for c in data.columns])
    exact = wanted == "kernel-exact" or len(frame) <= EXACT_ROWS
    kind: type[KernelTest] = Hsic if wanted == "hsic" else Kci if exact else KernelFeatures
    return kind(data.columns, values.astype(np.float64), is_category, alpha)


def _cautions(data: Dataset, values: Floats) -> list[str]:
    """Say what makes a test on correlations approximate or weak for this table."""
    notes = []
    binary = _binary(values)
    if binary.any():
        notes.append(f"Columns with two values are tested by correlation, which is approximate: {_words(binary, data)}.")
    return notes + _few_or_many(*values.shape)


def _few_or_many(n: int, p: int) -> list[str]:
    """Say how far few rows reach, and what very many do to significance."""
    if are_few(n, p):
        return [few_rows_text(n, p)]
    if n < LARGE:
        return []
    return [
        f"With {n:,} rows even a partial correlation of {3.3 / np.sqrt(n):.2g} is significant at 0.001; choose a small alpha, "
        "or set the smallest effect that counts."
    ]


def _odd_columns(values: Floats) -> NDArray[np.bool_]:
    """Return (p,) whether a column is strongly skewed or heavy-tailed."""
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    squares = z * z
    odd: NDArray[np.bool_] = (np.abs(np.mean(squares * z, axis=0)) > SKEWED) | (np.mean(squares**2, axis=0) - 3 > HEAVY)
    return odd


def _binary(values: Floats) -> NDArray[np.bool_]:
    binary: NDArray[np.bool_] = ((values == values.min(axis=0)) | (values == values.max(axis=0))).all(axis=0)
    return binary


def _is_category(column: "pd.Series[Any]") -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype)


def categories_of(frame: pd.DataFrame) -> list[str]:
    """Return the columns that hold categories."""
    return [str(column) for column, dtype in zip(frame.columns, frame.dtypes, strict=True) if isinstance(dtype, pd.CategoricalDtype)]


def with_several_levels(frame: pd.DataFrame, categories: list[str]) -> list[str]:
    """Return the category columns with more than two categories."""
    return [column for column in categories if frame[column].nunique() > 2]


def _codes(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Return the (n, p) category numbers; a numeric column with few values counts as categories."""
    codes = np.empty(frame.shape, np.int64)
    for k, name in enumerate(frame.columns):
        column = frame[name]
        if not _is_category(column) and column.nunique() > MOST_LEVELS:
            raise UserError(
                f"Column {name} has {column.nunique():,} different numbers, too many for categories.",
                "Choose the Gaussian or rank test, or cut the column into bins on the data page.", str(name),
            )  # fmt: skip
        codes[:, k] = _category_codes(column)
    return codes


def _category_codes(column: "pd.Series[Any]") -> NDArray[np.int64]:
    """Return the (n,) numbers of categories, counted in order of their names, so that the order of rows plays no part."""
    text = column.astype(str) if _is_category(column) else column
    return np.unique(text.to_numpy(), return_inverse=True)[1].astype(np.int64)


def _words(mask: NDArray[np.bool_], data: Dataset) -> str:
    return _listed([data.columns[k] for k in np.flatnonzero(mask)])


def _listed(chosen: list[str]) -> str:
    return ", ".join(chosen[: checks.NAMED]) + (f" and {len(chosen) - checks.NAMED} more" if len(chosen) > checks.NAMED else "")
