"""A table that no test can be trusted on is refused in words that name the columns."""

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.independence import checks


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.standard_normal((300, 4)) * [1, 100, 0.01, 5] + [0, 1000, 3, -2], columns=["X1", "X2", "X4", "X5"])


def test_independent_columns_are_left_alone(frame):
    checks.require_no_dependence(frame)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (lambda f: f.X2, r"X2 and Z are identical \(r = 1\)\. Keep one"),
        (lambda f: f.X1 + f.X4, r"Z = X1 \+ X4 \(to 1e-10\)\. Remove Z"),
        (lambda f: 2.5 * f.X2 - f.X5 + 7, "Z = 2.5 × X2 - X5 \\+ 7 "),
    ],
)
def test_combinations_are_told_in_words(frame, column, message):
    frame["Z"] = column(frame)
    with pytest.raises(UserError, match=message):
        checks.require_no_dependence(frame)


def test_perfect_correlation():
    checks.require_imperfect(np.array([[1, 0.999], [0.999, 1]]), "AB", "multiples")
    with pytest.raises(UserError, match=r"A and B are multiples of each other \(r = -1\)"):
        checks.require_imperfect(np.array([[1, -1 + 1e-15], [-1 + 1e-15, 1]]), "AB", "multiples")


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
