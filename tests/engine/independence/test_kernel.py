"""Kernel tests keep their level on curved confounding, see what Fisher z cannot, and take categories beside numbers."""

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import Dataset, UserError
from engine.data import simulate
from engine.graphs import Graph
from engine.independence import FisherZ
from engine.independence.hsic import Hsic
from engine.independence.kernel import Kci, KernelFeatures

ALPHA = 0.05
CHILDREN = 40  # 780 pairs, all independent given the parents
SHAPES = (lambda s: s, lambda s: s**2, lambda s: np.sin(2 * s), lambda s: np.tanh(3 * s), np.abs)


def children(rng, n, parents, spread=False):
    """Draw 40 curved functions of common parents plus noise, and the parents; ``spread``: these also set the size of the noise."""
    above = rng.standard_normal((n, parents))
    columns = []
    for _ in range(CHILDREN):
        parts = [SHAPES[rng.integers(len(SHAPES))](above[:, k]) for k in range(parents)]
        signal = sum(((part - part.mean()) / part.std() for part in parts), np.zeros(n))
        noise = rng.standard_normal(n) * ((0.3 + np.abs(above[:, 0])) if spread else 1)
        columns.append(signal + noise)
    return np.column_stack([*columns, above])


def made(kind, values, alpha=ALPHA):
    names = [f"X{k:02d}" for k in range(values.shape[1])]
    return kind.of(names, values, alpha) if kind is FisherZ else kind(names, values, np.zeros(len(names), bool), alpha)


def rate(kind, n, parents, spread=False):
    """Return the share of 5,460 true nulls that are rejected."""
    i, j = np.triu_indices(CHILDREN, 1)
    given = [CHILDREN + k for k in range(parents)]
    tables = [children(np.random.default_rng([seed, n]), n, parents, spread) for seed in range(7)]
    p_values = np.concatenate([made(kind, table).p_values(i, j, given) for table in tables])
    assert len(p_values) > 5000 and not np.isnan(p_values).any()
    return np.mean(p_values <= ALPHA)


@pytest.mark.parametrize(
    ("kind", "n", "parents", "spread"),
    [
        (KernelFeatures, 300, 0, False), (KernelFeatures, 300, 1, False), (KernelFeatures, 300, 1, True), (KernelFeatures, 300, 2, False),
        (Kci, 200, 0, False), (Kci, 200, 1, True), (Kci, 300, 2, False),
        (Hsic, 300, 0, False), (Hsic, 300, 1, False), (Hsic, 300, 2, False),
    ],
)  # fmt: skip
def test_rate_of_false_rejections(kind, n, parents, spread):
    assert 0.8 * ALPHA <= rate(kind, n, parents, spread) <= 1.2 * ALPHA


def test_a_straight_line_test_takes_curved_confounding_for_dependence():
    assert rate(FisherZ, 300, 1) > 2 * ALPHA


@pytest.mark.parametrize("kind", [KernelFeatures, Kci, Hsic])
@pytest.mark.parametrize(
    "effect",
    [lambda x, e: 0.3 * x**2 + e, lambda x, e: np.cos(1.5 * x) + 0.5 * e, lambda x, e: e * np.exp(0.4 * x)],
    ids=["square", "wave", "spread"],
)
def test_power_against_fisher_z(kind, effect):
    rng = np.random.default_rng(0)
    seen = {kind: [], FisherZ: []}
    for _ in range(10):
        s = rng.standard_normal(500)
        x = s + rng.standard_normal(500)
        values = np.column_stack([x, *(effect(x, rng.standard_normal(500)) + s for _ in range(10)), s])
        for one, p_values in seen.items():
            p_values.append(made(one, values).p_values(np.zeros(10, int), np.arange(1, 11), [11]))
    power = {one: np.mean(np.concatenate(p_values) <= ALPHA) for one, p_values in seen.items()}
    assert power[kind] > 0.9 > 0.5 > power[FisherZ]


def test_only_the_exact_test_sees_dependence_that_changes_its_sign_with_the_set():
    rng = np.random.default_rng(0)
    s = rng.standard_normal(500)
    coin = rng.choice([-1.0, 1.0], 500)
    values = np.column_stack([coin, np.sign(s) * coin, s])
    exact, fast = made(Kci, values), made(KernelFeatures, values)
    assert exact.p_values([0], [1], [[2]]) < 1e-10
    assert fast.p_values([0], [1], [[2]]) > 0.001


@pytest.mark.parametrize("kind", [KernelFeatures, Kci, Hsic])
@pytest.mark.parametrize(("backwards", "error"), [(False, 1e-6), (True, 0.01)], ids=["columns", "rows"])
def test_the_order_of_columns_and_rows_plays_no_part(kind, backwards, error):
    values = children(np.random.default_rng(1), 150, 2)[:, -5:]
    names = list("ABCDE")
    test = kind(names, values, np.zeros(5, bool), ALPHA)
    order = [3, 0, 4, 1, 2]
    turned = kind([names[k] for k in order], (values[::-1] if backwards else values)[:, order], np.zeros(5, bool), ALPHA)
    place = [order.index(k) for k in range(5)]
    for i, j, given in [(0, 1, []), (0, 2, [1]), (1, 4, [0, 2]), (0, 3, [1, 2, 4])]:
        expected = test.p_values([i], [j], given)
        assert turned.p_values([place[i]], [place[j]], [place[k] for k in given]) == pytest.approx(expected, rel=error)


@pytest.mark.parametrize("kind", [KernelFeatures, Kci])
def test_categories_and_numbers_together(kind):
    rng = np.random.default_rng(2)
    rejected = np.zeros((50, 4))
    for row in range(50):
        group = rng.integers(4, size=300)
        shift = np.array([0.0, 2.0, -1.0, 0.5])[group]
        a, b = shift + rng.standard_normal((2, 300))
        other = np.where(rng.random(300) < 0.6, (a > 0.5) + (a > 1.5), rng.integers(3, size=300))
        test = kind(["a", "b", "group", "other"], np.column_stack([a, b, group, other]), np.array([0, 0, 1, 1], bool), ALPHA)
        questions = [(0, 1, []), (0, 1, [2]), (2, 3, []), (2, 3, [0])]
        rejected[row] = [test.p_values([i], [j], given)[0] <= ALPHA for i, j, given in questions]
    assert rejected.mean(axis=0)[[0, 2]] == pytest.approx(1.0)
    assert (rejected.mean(axis=0)[[1, 3]] <= 0.14).all()  # 7 of 50 at 5%: three standard errors above


def test_resampled_rows_may_leave_a_column_constant():
    values = np.random.default_rng(0).standard_normal((40, 3))
    values[:, 2] = np.arange(40) == 0
    for seed in range(5):
        again = made(KernelFeatures, values).resampled(np.random.default_rng(seed))
        assert 0 <= again.p_values([0], [1], [2])[0] <= 1
        assert 0 <= again.p_values([0], [2], [1])[0] <= 1


def test_too_few_rows():
    with pytest.raises(UserError, match="at least 30 rows"):
        made(Kci, np.random.default_rng(0).standard_normal((29, 2)))


def test_a_curved_graph_is_found_where_straight_lines_fail():
    data = simulate("nonlinear", p=8, n=800, seed=2)
    truth = Graph.from_dict(data.truth["graph"]).skeleton
    wrong = {test: np.triu(engine.run("pc", data, test=test).graph.skeleton != truth).sum() for test in ("kernel", "gaussian")}
    assert wrong["kernel"] == 0 and wrong["gaussian"] >= 2


def test_bootstrap_and_another_level():
    from engine import independence
    from engine.discovery.stability import reorient

    data = simulate("nonlinear", p=5, n=200, seed=1)
    result = engine.run("pc", data, test="kernel", bootstrap=10)
    assert result.graph.support is not None
    params = SimpleParams(0.01)
    assert reorient(result, independence.test_for(data, params), 0.01).digest == engine.run("pc", data, test="kernel", alpha=0.01).digest


class SimpleParams:
    test, rows, seed = "kernel", "all", 0

    def __init__(self, alpha):
        self.alpha = alpha


def test_auto_takes_the_kernel_test_for_mixed_columns_and_says_so():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((100, 2)), columns=["A", "B"]).assign(kind=pd.Categorical(rng.choice(["x", "y", "z"], 100)))
    result = engine.run("pc", Dataset(frame))
    assert result.trace.test == "KCI"
    assert "categories (kind) stand beside numbers" in result.provenance.warnings[0]
