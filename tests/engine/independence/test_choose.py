"""The test fits the data, and what its reader must know is said."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine import independence
from engine.core import Dataset, UserError
from engine.graphs import Graph
from engine.independence import FisherZ, GSquared, Oracle, Rank
from engine.independence.hsic import Hsic
from engine.independence.kernel import Kci, KernelFeatures

RNG = np.random.default_rng(0)
GAUSSIAN = pd.DataFrame(RNG.standard_normal((200, 3)), columns=list("ABC"))
CATEGORIES = pd.DataFrame(RNG.choice(["low", "high", "none"], (200, 3)), columns=list("ABC")).astype("category")


def chosen(data, test="auto", **settings):
    return independence.test_for(
        data if not isinstance(data, pd.DataFrame) else Dataset(data), SimpleNamespace(alpha=0.01, test=test, **settings)
    )


@pytest.mark.parametrize(
    ("frame", "expected"),
    [(GAUSSIAN, FisherZ), (CATEGORIES, GSquared), (np.exp(GAUSSIAN), Rank), (GAUSSIAN.assign(A=GAUSSIAN.A**5), Rank)],
)
def test_auto(frame, expected):
    found = chosen(frame)
    assert type(found) is expected
    assert found.digest == Dataset(frame).digest and found.alpha == 0.01 and found.nodes == ("A", "B", "C")


def test_auto_says_why_it_took_the_rank_test():
    assert "strongly skewed or heavy-tailed: A." in chosen(GAUSSIAN.assign(A=np.exp(GAUSSIAN.A))).warnings[0]
    assert chosen(GAUSSIAN).warnings == []


@pytest.mark.parametrize(("test", "expected"), [("gaussian", FisherZ), ("rank", Rank)])
def test_the_user_decides(test, expected):
    assert type(chosen(np.exp(GAUSSIAN), test)) is expected


def test_correlation_matrix():
    data = Dataset(GAUSSIAN.corr(), kind="correlation", n_rows=200)
    rows = FisherZ.of("ABC", GAUSSIAN.to_numpy(), 0.01)
    assert chosen(data).p_values([0], [1], [[2]]) == pytest.approx(rows.p_values([0], [1], [[2]]))
    with pytest.raises(UserError, match="needs rows"):
        chosen(data, "rank")


def test_a_test_passes_through_at_the_level_asked_for():
    assert chosen(FisherZ.of("ABC", GAUSSIAN.to_numpy(), 0.3)).alpha == 0.01
    assert isinstance(chosen(Oracle(Graph.empty("AB"))), Oracle)


def test_numbers_with_few_values_can_be_categories():
    few = pd.DataFrame(RNG.integers(3, size=(200, 2)), columns=["A", "B"])
    assert type(chosen(few, "discrete")) is GSquared
    with pytest.raises(UserError, match="200 different numbers"):
        chosen(GAUSSIAN, "discrete")


def test_the_order_of_rows_plays_no_part():
    shuffled = CATEGORIES.sample(frac=1, random_state=0)
    assert chosen(CATEGORIES).p_values([0], [1], [[2]]) == pytest.approx(chosen(shuffled).p_values([0], [1], [[2]]), rel=1e-12)


def test_mixed_columns():
    two = GAUSSIAN.assign(sex=pd.Categorical(RNG.choice(["f", "m"], 200)))
    assert "two values" in chosen(two).warnings[0] and "sex" in chosen(two).warnings[0]
    three = GAUSSIAN.assign(kind=CATEGORIES.A)
    for test in ("gaussian", "rank"):
        with pytest.raises(UserError, match=r"kind has 3 categories .* Choose the kernel test"):
            chosen(three, test)
    assert type(chosen(three)) is Kci and "categories (kind) stand beside numbers" in chosen(three).warnings[0]
    with pytest.raises(UserError, match=r"categories of kind\. Choose the kernel test"):
        chosen(three, "hsic")


def test_kernel_tests():
    long = pd.DataFrame(np.random.default_rng(0).standard_normal((1_501, 2)))
    assert type(chosen(GAUSSIAN, "kernel")) is Kci and type(chosen(long[:1_500], "kernel")) is Kci
    assert type(chosen(long, "kernel")) is KernelFeatures and type(chosen(long, "kernel-exact")) is Kci
    assert type(chosen(GAUSSIAN, "hsic")) is Hsic
    many = chosen(pd.DataFrame(np.random.default_rng(0).standard_normal((20_001, 2))), "kernel")
    assert many.n_samples == 20_000 and many.warnings == ["The kernel test saw a random 20,000 of the 20,001 rows."]
    with pytest.raises(UserError, match="D = A \\+ B"):
        chosen(GAUSSIAN.assign(D=GAUSSIAN.A + GAUSSIAN.B), "kernel")


def test_regimes_are_pooled_with_a_warning_or_left_out():
    data = Dataset.from_frames({"obs": GAUSSIAN, "knock-out": GAUSSIAN + 1})
    pooled, observed = chosen(data, rows="all"), chosen(data, rows="obs")
    assert pooled.n_samples == 400 and "2 regimes were pooled" in pooled.warnings[0]
    assert observed.n_samples == 200 and "regime 'obs'" in observed.warnings[0]
    assert pooled.digest == observed.digest == data.digest


def test_few_rows_and_many_rows():
    few = chosen(pd.DataFrame(RNG.standard_normal((10, 12))), "gaussian")
    assert "n=10 for p=12: results limited to conditioning sets of 1" in few.warnings[0]
    assert "choose a small alpha" in chosen(pd.DataFrame(RNG.standard_normal((200_000, 2)))).warnings[0]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (GAUSSIAN.assign(A=2.0), "A never varies"),
        (GAUSSIAN.assign(D=GAUSSIAN.A), "A and D are identical"),
        (GAUSSIAN.assign(D=GAUSSIAN.A + GAUSSIAN.B), "D = A \\+ B"),
        (GAUSSIAN.assign(A=GAUSSIAN.A.where(GAUSSIAN.A > 0)), "missing values in A"),
        (np.exp(GAUSSIAN).assign(D=np.exp(3 * GAUSSIAN.A)), "A and D are monotone functions of each other"),
        (
            pd.DataFrame(RNG.standard_normal((8, 9))).rename(columns=str).assign(Z=lambda f: -2 * f["1"]),
            "1 and Z are (multiples|monotone functions)",
        ),
        (GAUSSIAN[["A"]], "at least two"),
        (GAUSSIAN[:4], "4 rows"),
    ],
)
def test_unfit_tables_are_refused(frame, message):
    with pytest.raises(UserError, match=message):
        chosen(frame)
