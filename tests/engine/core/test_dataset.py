"""A dataset comes back from disk as it was, and says which regime, target or column does not fit."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, UserError

FRAME = pd.DataFrame({"A": [1.0, 2.0, 3.0, 4.0], "B": [4, 3, 2, 1], "sex": ["f", "m", None, "f"]})
INTERVENTIONAL = Dataset.from_frames(
    {"PKC": FRAME[:2][["B", "A"]], "obs": FRAME[["A", "B"]], "heat": FRAME[2:][["A", "B"]]}, targets={"PKC": ["A"]}
)


@pytest.mark.parametrize(
    "data",
    [
        Dataset(FRAME, "cells", source="there", licence="CC0", steps=(("engine.read", {"path": "a.csv"}),), truth={"labels": [1, 2]}),
        INTERVENTIONAL,
        Dataset(pd.DataFrame(np.eye(3), columns=list("ABC"), index=list("ABC")), kind="correlation", n_rows=50),
        Dataset(FRAME.set_index(pd.date_range("2020", periods=4)), kind="returns"),
        Dataset(FRAME, regime=("a", "a", "b", "b"), targets={"a": (), "b": None}),
    ],
    ids=["samples", "regimes", "correlation", "returns", "unknown targets"],
)
def test_written_and_read_back(data, tmp_path):
    back = Dataset.from_dir(data.to_dir(tmp_path / "d"))
    pd.testing.assert_frame_equal(back.frame, data.frame, check_freq=False)
    for fact in ("name", "kind", "source", "licence", "regime", "n_rows", "digest", "steps"):
        assert getattr(back, fact) == getattr(data, fact), fact
    assert dict(back.targets) == dict(data.targets)
    assert dict(back.truth) == dict(data.truth)


def test_types_are_normal():
    data = Dataset(FRAME.assign(flag=[True, False, True, True]))
    assert data.frame["B"].dtype == data.frame["flag"].dtype == np.float64
    assert isinstance(data.frame["sex"].dtype, pd.CategoricalDtype)
    assert data.frame["sex"].isna().sum() == 1
    assert Dataset(pd.DataFrame({1: [1.0]})).columns == ("1",)


def test_the_callers_table_is_left_alone():
    before = FRAME.copy()
    data = Dataset(FRAME)
    data.frame.loc[0, "A"] = 99.0
    pd.testing.assert_frame_equal(FRAME, before)


def test_regimes_come_observational_first():
    assert INTERVENTIONAL.regimes == ("obs", "PKC", "heat")
    assert INTERVENTIONAL.targets == {"obs": (), "PKC": ("A",)}
    assert INTERVENTIONAL.n_samples == 8
    pd.testing.assert_frame_equal(INTERVENTIONAL.rows("PKC").frame, Dataset(FRAME[:2][["A", "B"]]).frame)
    assert INTERVENTIONAL.rows("heat").kind == "samples"


def test_selecting_columns_takes_targets_along():
    assert INTERVENTIONAL.select(["B"]).targets["PKC"] == ()
    assert INTERVENTIONAL.select(["B", "A"]).columns == ("B", "A")
    matrix = Dataset(pd.DataFrame(np.eye(3), columns=list("ABC"), index=list("ABC")), kind="correlation", n_rows=50)
    assert matrix.select(["C", "A"]).frame.shape == (2, 2)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Dataset(pd.DataFrame([[1, 2]], columns=["A", "A"])), "Column 'A' appears twice"),
        (lambda: Dataset(pd.DataFrame({"t": pd.date_range("2020", periods=2)})), "Column t"),
        (lambda: Dataset(FRAME, regime=("a", "b")), "4 rows but 2 regime labels"),
        (lambda: Dataset(FRAME, regime=("a",) * 4, targets={"b": ("A",)}), "'b', which no row"),
        (lambda: Dataset(FRAME, regime=("a",) * 4, targets={"a": ("Z",)}), "Target 'Z' of regime 'a'"),
        (lambda: Dataset.from_frames({"x": FRAME, "y": FRAME[["A", "B"]]}), "same columns: sex"),
        (lambda: Dataset.from_frames({"x": FRAME}, targets={"y": ["A"]}), "'y', which no row"),
        (lambda: Dataset(pd.DataFrame(np.eye(2)), kind="correlation"), "number of samples"),
        (lambda: Dataset(pd.DataFrame([[1, 0.5], [0.4, 1]]), kind="correlation", n_rows=9), "not a symmetric"),
        (lambda: Dataset(pd.DataFrame([[2, 0.5], [0.5, 1]]), kind="correlation", n_rows=9), "diagonal"),
        (lambda: Dataset.of(3), "int is not a table"),
        (lambda: Dataset(FRAME).numeric, "Column sex holds categories"),
    ],
)
def test_what_does_not_fit_is_named(make, named):
    with pytest.raises(UserError, match=named):
        make()


def test_arrays_get_names():
    assert Dataset.of(np.zeros((4, 3))).columns == ("X1", "X2", "X3")
    data = Dataset(FRAME)
    assert Dataset.of(data) is data


def test_each_step_is_added_to_the_history():
    data = Dataset(FRAME, steps=(("engine.read", {"path": "a"}),)).after("engine.data.drop_columns", columns=["A"])
    assert data.steps == (("engine.read", {"path": "a"}), ("engine.data.drop_columns", {"columns": ["A"]}))
    assert data.digest == Dataset(FRAME).digest
