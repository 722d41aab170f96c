"""An exported table reads back the same, and no cell of it runs as a formula in a spreadsheet."""

import io

import pandas as pd

from engine.core import Dataset
from engine.data.export import csv_text


def test_formulas_become_text_and_numbers_stay():
    frame = pd.DataFrame({"=A1": [-1.5, 2.0], "kind": pd.Categorical(["@cmd", "plain"])})
    back = pd.read_csv(io.StringIO(csv_text(Dataset(frame))))
    assert list(back.columns) == ["'=A1", "kind"]
    assert list(back["kind"]) == ["'@cmd", "plain"]
    assert list(back["'=A1"]) == [-1.5, 2.0]


def test_regimes_become_a_column():
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    text = csv_text(Dataset.from_frames({"obs": frame, "PKC": frame}))
    assert list(pd.read_csv(io.StringIO(text))["regime"]) == ["obs", "obs", "PKC", "PKC"]
