"""What is said of an upload before anything runs: everything that would mislead a signature, and the way out."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from engine.core import Dataset, Tables, UserError
from engine.data.findings import ORDER, Finding
from engine.repurposing.expression.inputs import Expression, Measured, expression_for
from engine.repurposing.expression.samples import design_matrix, two_groups
from engine.repurposing.expression.scale import refuse_other_than_counts, scale_of

LARGEST = 20.0  # log2 fold change that no depth of sequencing reaches
LOPSIDED = 0.98  # share of fold changes of one sign from which they look like something else


def findings(data: Tables | Dataset, treated: str = "", control: str = "") -> list[Finding]:
    """Check the tables of a signature; stops first, then warnings, then notes.

    Parameters
    ----------
    data : the parts of `expression_for`, or a single ready signature.
    treated, control : groups of the disease where the user has named them.
    """
    try:
        read = expression_for(data, None)
    except UserError as wrong:
        return [Finding("unreadable", "stop", str(wrong), wrong.where)]
    found = [Finding("names", "warn", sentence) for sentence in read.sentences]
    for part, groups in zip(_conditions(read), ((treated, control), ("", "")), strict=False):
        found += _of_measured(part, *groups) if isinstance(part, Measured) else _of_ready(part)
    return sorted(found, key=lambda finding: ORDER[finding.level])


def _conditions(read: Expression) -> list[Measured | pd.DataFrame]:
    """Return the conditions that are there."""
    return [read.disease] if read.second is None else [read.disease, read.second]


def _of_measured(data: Measured, treated: str, control: str) -> Iterator[Finding]:
    """Check scale, groups, replicates and batches of one table of expression."""
    scale = scale_of(data.values.to_numpy(), data.where)
    yield Finding("scale", "warn" if scale.is_suspicious else "note", scale.sentence, data.where)
    try:
        refuse_other_than_counts(data.values, data.rows, data.where)
    except UserError as wrong:
        yield Finding("no-counts", "warn", f"{wrong.message} Only the recipe log of means can run.", wrong.where)
    zero = tuple(str(name) for name, total in data.values.sum(axis=0).items() if total == 0)
    if zero:
        yield Finding("all-zero", "warn", f"All values of {', '.join(zero)} in {data.where} are zero: leave them out.", data.where, zero)
    try:
        high, low = two_groups(data.design["group"], treated, control, data.where)
    except UserError as wrong:
        yield Finding("groups", "warn", str(wrong), wrong.where)
        return
    yield Finding("groups", "note", f"In {data.where}, + means higher in {high} than in {low}.", data.where)
    used = data.of_groups(high, low)
    counts = used.design["group"].value_counts()
    if (counts < 2).all():
        message = f"{data.where} has one sample per group: nothing can be tested; only the recipe log of means can run."
        yield Finding("replicates", "warn", message, data.where)
    elif (counts < 2).any():
        message = f"Group {counts.idxmin()} of {data.where} has a single sample: the test rests on the spread within the other group."
        yield Finding("replicates", "warn", message, data.where)
    yield from _of_batches(used, high)


def _of_batches(used: Measured, treated: str) -> Iterator[Finding]:
    """Check whether batches can be told from treatment."""
    design, covariates = design_matrix(used.design, treated, ("batch",), used.where)
    if covariates and np.linalg.matrix_rank(design) < design.shape[1]:
        message = f"Batch and treatment of {used.where} cannot be told apart: every batch holds one group only. No method separates them."
        yield Finding("confounded", "warn", message, "batch")


def _of_ready(table: pd.DataFrame) -> Iterator[Finding]:
    """Check whether a ready signature looks like log2 fold changes."""
    change = table["log2fc"].to_numpy()
    largest = float(np.abs(change).max())
    rising = float(np.mean(change > 0)) / max(float(np.mean(change != 0)), 1e-12)
    if largest > LARGEST:
        yield Finding("no-logs", "warn", f"A fold change of {largest:.4g} is no log2: are these ratios, or statistics?", "log2fc")
    elif change.min() >= 0 or max(rising, 1 - rising) > LOPSIDED:
        yield Finding("one-sign", "warn", f"{max(rising, 1 - rising):.0%} of the fold changes have one sign: are these ratios?", "log2fc")
