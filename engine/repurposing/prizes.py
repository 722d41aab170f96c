"""The table of terminals: genes of a disease with their prizes, and fold changes beside them where there are any."""

import numpy as np
import pandas as pd

from engine.core import UserError
from engine.core.nearest import plain
from engine.repurposing.columns import GENE, PRIZE, column_of, find, numbers, shown
from engine.repurposing.expression.identifiers import symbols

WHERE = "the prizes"
CHANGES = ("log2fc", "log2fc_second")  # of the disease and of the second condition
RESERVED = ("gene", "prize", "protein")


def prizes_in(frame: pd.DataFrame) -> pd.DataFrame:
    """Read terminals: ``gene`` (upper case), ``prize``, then what else the table holds.

    Parameters
    ----------
    frame : columns ``gene`` and ``prize`` under these or other usual names. Columns that begin with log2fc become ``log2fc`` and
        ``log2fc_second``, in this order where their names do not say which is the second.

    Raises
    ------
    UserError
        When a column is missing, or a prize is no number or negative; it names the gene and the row.
    """
    gene, prize = (column_of(frame, usual, name, WHERE, "prizes") for usual, name in ((GENE, "gene"), (PRIZE, "prize")))
    rest = frame.drop(columns=[gene, prize]).rename(columns=_changes([name for name in frame.columns if name not in (gene, prize)]))
    rest = rest.loc[:, ~rest.columns.duplicated() & ~rest.columns.isin(RESERVED)]
    table = pd.DataFrame({"gene": list(symbols(frame[gene])), "prize": numbers(frame[prize])}, index=frame.index)
    for wrong, what, fix in (
        (table["prize"].isna(), "is not a number", "Give every gene a prize, or leave it out."),
        (table["prize"] < 0, "is negative", "A prize is what a gene is worth: give the absolute log2 fold change."),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            given = shown(frame[prize].astype(object).iloc[row])
            raise UserError(f"The prize of {table['gene'].iloc[row]} in row {row + 1:,} of {WHERE} {what}: {given}.", fix, prize)
    return pd.concat([table, rest], axis=1).reset_index(drop=True)


def _changes(columns: list[str]) -> dict[str, str]:
    """Return the names that columns of fold changes have elsewhere in the product."""
    there = [column for column in columns if plain(column).startswith("log2fc")]
    second = find(there, ("log2fcsecond",))
    first = find(there, ("log2fc",)) or next((column for column in there if column != second), None)
    second = second or next((column for column in there if column != first), None)
    return {column: name for column, name in zip((first, second), CHANGES, strict=True) if column is not None}
