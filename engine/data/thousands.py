"""Numbers whose thousands are grouped, such as 1,234.56 or 1 234,56."""

import re

import pandas as pd

HEAD = 200  # cells looked at before the whole column
GROUPS = {".": ",", ",": "."}  # decimal mark -> the mark that may group; blanks and apostrophes may in both
_GROUPED = {
    mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:[{re.escape(group)} '’\u00a0\u202f]\d{{3}})+(?:{re.escape(mark)}\d*)?")
    for mark, group in GROUPS.items()
}
_PLAIN = {mark: re.compile(rf"[+-]?(?:\d+{re.escape(mark)}?\d*|{re.escape(mark)}\d+)(?:[eE][+-]?\d+)?") for mark in GROUPS}


def without_thousands(body: pd.DataFrame, decimal: str) -> tuple[pd.DataFrame, dict[int, tuple[str, float]]]:
    """Turn text columns into numbers where every cell is a number and some have their thousands grouped.

    Parameters
    ----------
    body : cells as read; columns 0, 1, ...
    decimal : decimal mark of the file.

    Returns
    -------
    The table, and for each column that was turned one cell with its value.
    """
    turned: dict[int, pd.Series[float]] = {}
    shown: dict[int, tuple[str, float]] = {}
    for place, column in enumerate(body[name] for name in body.columns):
        if not (pd.api.types.is_string_dtype(column.dtype) or pd.api.types.is_object_dtype(column.dtype)):
            continue
        texts = column.dropna().astype(str).str.strip()
        if not _are_numbers(texts.iloc[:HEAD], decimal) or not _are_numbers(texts, decimal):
            continue
        grouped = texts.str.fullmatch(_GROUPED[decimal])
        if grouped.any():
            plain = texts.str.replace(rf"[{re.escape(GROUPS[decimal])} '’\u00a0\u202f]", "", regex=True).str.replace(decimal, ".")
            numbers = pd.to_numeric(plain).astype(float)
            turned[place] = numbers.reindex(column.index)
            shown[place] = str(texts[grouped].iloc[0]), float(numbers[grouped].iloc[0])
    if not turned:
        return body, shown
    columns = [turned.get(place, body[place]) for place in range(body.shape[1])]
    return pd.concat(columns, axis=1, keys=range(body.shape[1])), shown


def _are_numbers(texts: "pd.Series[str]", decimal: str) -> bool:
    return bool((texts.str.fullmatch(_PLAIN[decimal]) | texts.str.fullmatch(_GROUPED[decimal])).all()) and len(texts) > 0
