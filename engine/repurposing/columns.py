"""What the columns of an upload are called: one list of usual names for every stage, and labels and numbers as they were written."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.core.nearest import plain

# letters and digits of the name without capitals; the most usual first
GENE = (
    "gene", "symbol", "genesymbol", "genename", "hgncsymbol", "name", "protein", "geneid", "ensembl", "ensemblid", "unnamed0",
)  # fmt: skip
CHANGE = ("log2fc", "log2foldchange", "logfc", "lfc", "l2fc", "log2ratio")
P = ("p", "pvalue", "pval", "rawp")
Q = ("q", "padj", "adjpval", "fdr", "qvalue", "pvalueadj", "adjp")
PRIZE = ("prize", "weight", "score")
FIRST = ("protein1", "source", "a", "gene1", "node1", "from", "interactora", "partner1", "symbol1")
SECOND = ("protein2", "target", "b", "gene2", "node2", "to", "interactorb", "partner2", "symbol2")
COST = ("cost", "weight", "score", "confidence", "combinedscore", "miscore", "edgeweight")
LISTED = 12  # columns in a message
YES, NO = ("true", "1", "yes", "y"), ("false", "0", "no", "n", "", "nan")


def find(columns: Iterable[object], usual: Sequence[str]) -> str | None:
    """Return the column that bears one of the usual names, capitals and punctuation aside; the most usual first, None without one."""
    seen = {plain(str(column)): str(column) for column in reversed(list(columns))}
    return next((seen[name] for name in map(plain, usual) if name in seen), None)


def column_of(frame: pd.DataFrame, usual: Sequence[str], wanted: str, where: str, part: str = "") -> str:
    """Return the column that bears one of the usual names.

    Parameters
    ----------
    wanted : what the column should be called.
    where : the table in the message, such as ``the network``; part : its part, for a page to point at.

    Raises
    ------
    UserError
        When there is none; it lists the columns seen.
    """
    found = find(frame.columns, usual)
    if found is None:
        listed = ", ".join(map(str, frame.columns[:LISTED])) + (" …" if frame.shape[1] > LISTED else "")
        raise UserError(f"There is no column {wanted} in {where}; its columns are: {listed}.", f"Name that column {wanted}.", part or where)
    return found


def labels(values: "pd.Series[str]") -> "pd.Series[str]":
    """Return names as text without blanks around them, whole numbers without a decimal point, missing ones as an empty text.

    Examples
    --------
    >>> import pandas as pd
    >>> labels(pd.Series([2244.0, None])).tolist()
    ['2244', '']
    """
    return pd.Series([label(value) for value in values.astype(object)], index=values.index, dtype=object)


def label(value: object) -> str:
    """Return one name, as `labels` does."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if pd.isna(value) else str(value).strip()  # type: ignore[call-overload]


def numbers(values: "pd.Series[float]") -> NDArray[np.float64]:
    """Return a column as numbers; what is none, or infinite, is NaN."""
    found = pd.to_numeric(values.astype(object), errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def shown(value: object) -> str:
    """Return a cell for a message, as its reader wrote it."""
    if pd.isna(value):  # type: ignore[call-overload]
        return "nothing"
    return f"{value:g}" if isinstance(value, float) else f"'{value}'"


def refuse_text(values: "pd.Series[float]", where: str) -> None:
    """Raise a `UserError` that names the first cell of a column which is no number; empty cells pass.

    Parameters
    ----------
    where : the table in the message.
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        return
    found = pd.to_numeric(values.astype(object), errors="coerce")
    wrong = np.flatnonzero(found.isna() & values.notna())
    row = int(wrong[0]) if len(wrong) else 0
    raise UserError(
        f"Column {values.name} of {where} holds {shown(values.iloc[row])} in row {row + 1:,}, which is not read as a number.",
        "Correct or empty that cell.", str(values.name),
    )  # fmt: skip


def flags(values: "pd.Series[str]", where: str) -> NDArray[np.bool_]:
    """Return a column of yes and no, in words or as 1 and 0; what is missing is no.

    Raises
    ------
    UserError
        When a word is neither.
    """
    words = [word.lower() for word in labels(values)]
    strange = next((word for word in words if word not in (*YES, *NO)), None)
    if strange is not None:
        raise UserError(f"Column {values.name} of {where} holds '{strange}', which is neither yes nor no.", "Write 1 and 0.", where)
    return np.array([word in YES for word in words], dtype=bool)
