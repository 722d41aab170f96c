"""The data doctor: everything about a table that its owner should know before a method runs."""

from typing import Any

import numpy as np

from engine.core import Dataset, UserError
from engine.data import cells, columns, rows
from engine.data.findings import Finding, stops_first
from engine.data.look import Look

CHECKS = (
    columns.correlation_matrix, cells.text_in_numbers, cells.date_columns, columns.constants, cells.gaps, cells.too_large,
    columns.copies, columns.sums,
    cells.spreadsheet_names, cells.identifiers, rows.dates, rows.time, rows.few_rows, rows.regimes, columns.shapes, columns.groups,
    columns.regime_columns, rows.many_rows, columns.raw_scale,
)  # fmt: skip


def examine(dataset: Dataset) -> tuple[Finding, ...]:
    """Check a table; stops first, then warnings, then notes.

    Returns
    -------
    Findings, each a sentence with the columns it is about and the repairs that mend it (see `engine.data.apply`).

    Examples
    --------
    >>> import pandas as pd
    >>> from engine.data import examine
    >>> [finding.code for finding in examine(Dataset(pd.DataFrame({"A": [1, 2, 3, 5, 9], "B": [1, 1, 1, 1, 1]})))][:1]
    ['constant']
    """
    look = Look.at(Dataset.of(dataset))
    if look.n == 0:
        return (Finding("file-empty", "stop", f"{look.dataset.name} has no rows."),)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers too large to square have a finding of their own
        findings = [finding for check in CHECKS for finding in check(look)]
    return stops_first(findings)


def samples_for(data: Any, params: Any) -> Dataset:
    """Turn the user's data into samples that a method can use; what would stop it is a `UserError` with the first way out."""
    dataset = Dataset.of(data)
    stops = [finding for finding in examine(dataset) if finding.level == "stop"]
    if stops:
        first = stops[0]
        fix = f"On the data page: {first.repairs[0].label}." if first.repairs else "Correct the table."
        raise UserError(first.message, fix, first.where)
    return dataset
