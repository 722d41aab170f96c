"""Tables out: CSV that a spreadsheet does not run."""

import pandas as pd

from engine.core import Dataset
from engine.graphs.exchange.names import safe_cell


def csv_text(dataset: Dataset) -> str:
    """Return the table as CSV; names and categories that begin like a formula get a leading apostrophe, numbers stay as they are.

    The regime of each row, where there is one, becomes the last column, ``regime``.
    """
    frame = dataset.frame.rename(columns=safe_cell)
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            frame[column] = frame[column].cat.rename_categories(safe_cell)
    if dataset.regime is not None:
        frame = frame.assign(regime=[safe_cell(label) for label in dataset.regime])
    keeps_names = dataset.kind == "correlation" or isinstance(frame.index, pd.DatetimeIndex)
    return frame.to_csv(index=keeps_names)
