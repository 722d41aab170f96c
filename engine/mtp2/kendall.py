"""Kendall's tau of all pairs of columns at once, and the correlation it implies."""

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.mtp2.certificate import Floats

WORD = 64  # signs per machine word
BLOCK = 1_000_000  # signs written, one byte each, before they are packed


def kendall_tau(values: Floats) -> Floats:
    """Return Kendall's tau-b of every pair of columns.

    Parameters
    ----------
    values : (T, N), T >= 2; only the order within each column counts.

    Returns
    -------
    (N, N) symmetric with unit diagonal, exact up to the last division.

    Raises
    ------
    UserError
        Where a column never changes.

    Notes
    -----
    tau_b = (concordant - discordant) / sqrt(m_i m_j) with m_i the pairs of rows that column i does not tie (Kendall 1945), so that
    days without a price change do not pull it to zero. Each column becomes T (T - 1) / 2 bits, whether the later row is the larger, and
    discordant pairs are the bits of an exclusive or: N^2 T^2 / 256 word operations in place of N^2 T^2 / 2 multiplications.
    """
    from engine.mtp2.kendall_kernel import count_opposite, count_opposite_untied

    n_rows, n = values.shape
    untied = np.zeros((n, n), dtype=np.int64)
    opposite = np.zeros((n, n), dtype=np.int64)
    columns = np.ascontiguousarray(values.T)
    ordered = np.sort(columns, axis=1)
    is_tied = bool((ordered[:, 1:] == ordered[:, :-1]).any())
    for first, last in _blocks(n_rows, BLOCK // n):
        larger = _packed(columns, first, last, np.greater)
        if is_tied:
            count_opposite_untied(larger, _packed(columns, first, last, np.not_equal), opposite, untied)
        else:
            count_opposite(larger, opposite)
    if not is_tied:
        untied[:] = n_rows * (n_rows - 1) // 2
    own = np.sqrt(np.diag(untied))
    if not own.all():
        raise UserError(f"Column {int(np.argmin(own)) + 1} never changes, so it has no rank correlation.", "Leave it out.")
    upper = np.triu((untied - 2 * opposite) / (own[:, None] * own), 1)
    return upper + upper.T + np.eye(n)


def kendall_correlation(values: Floats) -> Floats:
    """Return the (N, N) correlation sin(pi tau / 2) of a normal law with these Kendall's taus; with few rows it may be indefinite."""
    correlation = np.sin(np.pi / 2.0 * kendall_tau(values))
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _blocks(n_rows: int, pairs: int) -> list[tuple[int, int]]:
    """Cut the rows into runs such that the pairs of a run with all later rows are at most so many, or those of one row."""
    runs, first, size = [], 0, 0
    for row in range(n_rows - 1):
        size += n_rows - 1 - row
        if size > pairs:
            runs.append((first, row))
            first, size = row, n_rows - 1 - row
    return [run for run in (*runs, (first, n_rows - 1)) if run[0] < run[1]]


def _packed(columns: Floats, first: int, last: int, compare: np.ufunc) -> NDArray[np.uint64]:
    """Compare every row of a run with all later rows; return (N, words) bits, the last word filled up with zeros."""
    n, n_rows = columns.shape
    pairs = sum(n_rows - 1 - row for row in range(first, last))
    signs = np.zeros((n, -(-pairs // WORD) * WORD), dtype=np.bool_)
    start = 0
    for row in range(first, last):
        stop = start + n_rows - 1 - row
        compare(columns[:, row + 1 :], columns[:, row : row + 1], out=signs[:, start:stop])
        start = stop
    return np.packbits(signs, axis=1).view(np.uint64)
