"""A table that no test can be trusted on is refused in words that name the columns."""

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.independence import checks, linear_dependence


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.standard_normal((300, 4)) * [1, 100, 0.01, 5] + [0, 1000, 3, -2], columns=["X1", "X2", "X4", "X5"])


def test_independent_columns_are_left_alone(frame):
    assert linear_dependence(frame) == []
    checks.require_no_dependence([])


def test_a_sum_is_named(frame):
    frame["X3"] = frame.X1 + frame.X4
    (found,) = linear_dependence(frame)
    assert found.sentence.startswith("X3 = X1 + X4 (to 1e-1")
    assert found.columns == ("X1", "X4", "X3") and found.residual < 1e-10


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (lambda f: f.X2, "X2 and Z are identical (r = 1)"),
        (lambda f: 2.5 * f.X2 - f.X5 + 7, "Z = 2.5 X2 - X5 + 7 (to 1e-"),
        (lambda f: 100 - f.X1 - f.X4, "Z = 100 - X1 - X4 (to 1e-"),
        (lambda f: -f.X1, "Z = -X1 (to 1e-"),
    ],
)
def test_combinations_in_words(frame, column, sentence):
    frame["Z"] = column(frame)
    assert [found.sentence[: len(sentence)] for found in linear_dependence(frame)] == [sentence]


def test_percentages_and_one_hot_columns():
    rng = np.random.default_rng(1)
    shares = pd.DataFrame(rng.dirichlet([1, 2, 3], size=200) * 100, columns=["a", "b", "c"])
    assert linear_dependence(shares)[0].sentence.startswith("c = 100 - a - b")
    levels = pd.get_dummies(pd.Series(rng.integers(3, size=100)), dtype=float).rename(columns=str)
    assert linear_dependence(levels)[0].sentence.startswith("2 = 1 - 0 - 1")


def test_removing_the_named_columns_leaves_none(frame):
    frame["A"] = frame.X1 + frame.X2
    frame["B"] = frame.X1 - frame.X2
    frame["C"] = frame.A + frame.X5
    found = linear_dependence(frame)
    assert len({dependence.column for dependence in found}) == 3
    assert linear_dependence(frame.drop(columns=[dependence.column for dependence in found])) == []


def test_a_nearly_exact_relation_is_not_called_exact(frame):
    frame["Z"] = (frame.X1 + frame.X5).round(4)
    assert linear_dependence(frame) == []


def test_only_pairs_are_looked_at_when_rows_are_fewer_than_columns():
    wide = pd.DataFrame(np.random.default_rng(0).standard_normal((10, 30))).rename(columns=str)
    assert linear_dependence(wide) == []
    wide["copy"] = 1 - 2 * wide["3"]
    assert [found.sentence.split(" (")[0] for found in linear_dependence(wide)] == ["copy = 1 - 2 3"]


def test_a_dependence_in_a_large_table_is_verified_on_all_rows(frame):
    large = pd.concat([frame] * 40, ignore_index=True)
    large["Z"] = large.X1 + large.X5
    assert len(linear_dependence(large)) == 1
    large.loc[len(large) - 1, "Z"] += 50
    assert linear_dependence(large) == []


def test_constant_columns(frame):
    frame["K"] = 3.0
    frame["G"] = pd.Categorical(["a"] * 300)
    assert checks.constant_columns(frame) == ["K", "G"]
    with pytest.raises(UserError, match=r"Columns K, G never vary \(SD 0\)\. Remove them\."):
        checks.require_varying(frame)


def test_gaps_are_counted(frame):
    checks.require_complete(frame)
    frame.loc[:2, "X2"] = np.nan
    with pytest.raises(UserError, match=r"missing values in X2 \(3\)"):
        checks.require_complete(frame)
    frame["X2"] = np.inf
    with pytest.raises(UserError, match=r"infinite values in X2 \(300\)"):
        checks.require_complete(frame)


def test_singular_and_impossible_correlation_matrices():
    checks.require_definite(np.eye(3), "ABC")
    with pytest.raises(UserError, match="C is a combination of A, B"):
        checks.require_definite(np.array([[1, 0, 0.6], [0, 1, 0.8], [0.6, 0.8, 1]]), "ABC")
    with pytest.raises(UserError, match=r"smallest eigenvalue is -0\.8"):
        checks.require_definite(np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]), "ABC")
