"""Tests for regimes are made of the right rows, and the oracle says what separation with a regime's own node says."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from engine.core import Dataset, UserError
from engine.graphs import Graph, Separation
from engine.independence import InterventionalOracle, Oracle, interventional_for
from tests.graphs import random_dags


def params(**chosen):
    return SimpleNamespace(**{"alpha": 0.01, "alpha_inv": 1e-4, "test": "auto", "invariance": "auto"} | chosen)


def regimes(sizes, seed=0, names="ABCD", made=lambda rng, n, p: rng.standard_normal((n, p)), **targets):
    rng = np.random.default_rng(seed)
    frames = {regime: pd.DataFrame(made(rng, n, len(names)), columns=list(names)) for regime, n in sizes.items()}
    return Dataset.from_frames(frames, targets)


def test_the_observational_rows_alone_answer_questions_of_independence():
    data = regimes({"obs": 60, "I1": 50, "I2": 40}, I1=("A",))
    tests = interventional_for(data, params())
    alone = np.corrcoef(data.rows("obs").numeric, rowvar=False)
    np.testing.assert_allclose(tests.observational.correlation, alone)
    assert tests.n_samples == 60
    assert tests.invariance.counts.tolist() == [60, 50, 40]
    assert tests.known == {"I1": ("A",), "I2": None}
    assert (tests.alpha, tests.invariance.alpha, tests.digest) == (0.01, 1e-4, data.digest)


@pytest.mark.parametrize("data", [pd.DataFrame(np.eye(5)), regimes({"obs": 20})], ids=["plain table", "one regime"])
def test_data_without_regimes_say_what_to_do(data):
    with pytest.raises(UserError, match="has no regimes") as problem:
        interventional_for(Dataset.of(data), params())
    assert "Upload several files as conditions" in problem.value.fix


def test_an_independence_test_has_no_regimes():
    with pytest.raises(UserError, match="no regimes"):
        interventional_for(Oracle(Graph.from_edges("AB", ["A --> B"])), params())


def test_regimes_of_five_cells_are_named_and_left_out():
    tests = interventional_for(regimes({"obs": 50, "tiny": 5, "I2": 50}), params())
    assert tests.invariance.regimes == ("I2",)
    assert any("left out: tiny (5 rows)" in warning for warning in tests.warnings)
    with pytest.raises(UserError, match="No regime beside 'obs' has more than 5 rows"):
        interventional_for(regimes({"obs": 50, "tiny": 5}), params())


def test_gaps_are_named_in_any_regime():
    data = regimes({"obs": 50, "I1": 50})
    holed = data.with_frame(data.frame.assign(C=data.frame["C"].where(data.frame.index != 77)))
    with pytest.raises(UserError, match=r"missing values in C \(1\)"):
        interventional_for(holed, params())


@pytest.mark.parametrize(
    ("made", "chosen"),
    [
        (lambda rng, n, p: rng.standard_normal((n, p)), "Gaussian invariance"),
        (lambda rng, n, p: np.exp(2 * rng.standard_normal((n, p))), "rank invariance"),
        (lambda rng, n, p: rng.poisson(0.8, (n, p)) * rng.exponential(size=(n, p)), "zero-inflation invariance"),
    ],
)
def test_the_comparison_that_fits_the_columns_is_chosen(made, chosen):
    data = regimes({"obs": 300, "I1": 300}, made=made)
    assert interventional_for(data, params()).invariance.name == chosen
    assert interventional_for(data, params(invariance="kernel")).invariance.name == "kernel invariance"


def test_categories_are_compared_as_categories():
    data = regimes({"obs": 300, "I1": 300}, made=lambda rng, n, p: rng.integers(3, size=(n, p)))
    data = data.with_frame(data.frame.astype(int).astype(str))
    tests = interventional_for(data, params())
    assert tests.invariance.name == "discrete invariance"
    assert tests.invariance.p_values([0], [[1]])[1][0, 0] > 1e-4


def test_two_level_categories_among_numbers_are_numbers():
    data = regimes({"obs": 100, "I1": 100})
    sex = np.where(data.frame["A"] > 0, "m", "f")
    tests = interventional_for(data.with_frame(data.frame.assign(A=sex)), params())
    assert set(np.unique(tests.invariance.tables[0][:, 0])) == {0.0, 1.0}


def test_the_oracle_answers_by_separation_with_one_regime_at_a_time():
    rng = np.random.default_rng(1)
    for dag in random_dags(20, nodes=[5], degree=2, seed=4):
        targets = {f"I{k}": tuple(rng.choice(dag.nodes, size=2, replace=False)) for k in range(2)}
        oracle = InterventionalOracle(dag, targets)
        for i in range(5):
            for given in itertools.chain.from_iterable(itertools.combinations([k for k in range(5) if k != i], n) for n in range(5)):
                p_values = oracle.invariance.p_values([i], [list(given)])[1][0]
                assert p_values.tolist() == [separated_from_its_regime(dag, goal, i, given) for goal in targets.values()]


def separated_from_its_regime(dag, targets, i, given):
    """Ask a graph that knows of one regime only."""
    edges = [str(edge) for edge in dag.edges()] + [f"F --> {target}" for target in targets]
    return float(Separation(Graph.from_edges((*dag.nodes, "F"), edges, "dag")).separated(dag.p, i, given))


def test_an_oracle_tells_a_method_no_more_than_it_should():
    dag = Graph.from_edges("AB", ["A --> B"])
    assert InterventionalOracle(dag, {"I": "A"}).known == {"I": ("A",)}
    assert InterventionalOracle(dag, {"I": "A"}, known={}).known == {"I": None}
    assert InterventionalOracle(dag, {"I": "A"}).digest != InterventionalOracle(dag, {"I": "B"}).digest
    assert InterventionalOracle(dag, {"I": "A"}).digest != InterventionalOracle(dag, {"I": "A"}, known={}).digest


def test_resampling_draws_inside_each_regime():
    data = regimes({"obs": 60, "I1": 50})
    again = interventional_for(data, params()).resampled(np.random.default_rng(0))
    assert again.invariance.counts.tolist() == [60, 50]
    own = {tuple(row) for row in data.rows("I1").numeric}
    assert {tuple(row) for row in again.invariance.tables[1]} < own


# -- independence over all regimes -------------------------------------------------------------------------------------


def collider_regimes(n, seed):
    """Draw A -> C <- B, C -> D in three regimes: untouched, C pushed and A spread, C replaced by noise."""
    rng = np.random.default_rng(seed)
    frames = {}
    for regime in ("obs", "push", "cut"):
        a, b = rng.standard_normal((2, n))
        a = 3 * a + 2 if regime == "push" else a
        c = rng.standard_normal(n) if regime == "cut" else 0.5 * a + 0.5 * b + rng.standard_normal(n) + 4 * (regime == "push")
        frames[regime] = pd.DataFrame({"A": a, "B": b, "C": c, "D": 0.15 * c + rng.standard_normal(n)})
    return Dataset.from_frames(frames)


@pytest.mark.parametrize("test", ["gaussian", "rank"])
def test_combined_regimes_keep_the_level(test):
    found = []
    for seed in range(3):
        data = collider_regimes(150, seed)
        rng = np.random.default_rng(seed + 10)
        children = {f"E{k}": 0.7 * data.frame["C"] + rng.standard_normal(450) for k in range(60)}
        combined = interventional_for(data.with_frame(data.frame.assign(**children)), params(rows="all", test=test)).observational
        i, j = (pair + 4 for pair in np.triu_indices(60, 1))
        found.append(combined.p_values(i, j, [2]))
    p_values = np.concatenate(found)
    assert len(p_values) >= 5000
    assert 0.8 * 0.05 <= np.mean(p_values <= 0.05) <= 1.2 * 0.05


def test_combined_regimes_see_what_one_alone_does_not():
    seen = {
        rows: np.mean(
            [interventional_for(collider_regimes(150, k), params(rows=rows)).observational.p_values(2, 3, [])[0] < 0.01 for k in range(60)]
        )
        for rows in ("obs", "all")
    }
    assert seen["all"] > seen["obs"] + 0.2


def test_a_regime_that_holds_a_variable_constant_is_passed_over():
    data = collider_regimes(150, 0)
    held = data.with_frame(data.frame.assign(C=data.frame["C"].where(np.array(data.regime) != "cut", 1.0)))
    p_values = interventional_for(held, params(rows="all")).observational.p_values([0, 0], [1, 3], [[2], [2]])
    assert np.isfinite(p_values).all()


def test_categories_cannot_be_combined_over_regimes():
    data = regimes({"obs": 300, "I1": 300}, made=lambda rng, n, p: rng.integers(3, size=(n, p)))
    with pytest.raises(UserError, match="cannot combine regimes"):
        interventional_for(data.with_frame(data.frame.astype(int).astype(str)), params(rows="all"))


def test_stacked_matrices_answer_as_each_regime_in_turn_does():
    data = collider_regimes(150, 1)
    together = interventional_for(data, params(rows="auto")).observational
    assert together.correlations.shape == (3, 4, 4)
    i, j, given = np.array([0, 1, 2]), np.array([3, 3, 3]), np.array([[2], [2], [0]])
    z = weight = 0.0
    for regime in data.regimes:
        columns = data.rows(regime).numeric
        inverses = [np.linalg.inv(np.corrcoef(columns[:, [a, b, *s]], rowvar=False)) for a, b, s in zip(i, j, given, strict=True)]
        r = np.array([-k[0, 1] / np.sqrt(k[0, 0] * k[1, 1]) for k in inverses])
        z, weight = z + (len(columns) - 4) * np.arctanh(r), weight + len(columns) - 4
    np.testing.assert_allclose(together.answers(i, j, given)[0], np.tanh(z / weight))
    np.testing.assert_allclose(together.answers(i, j, given)[1], 2 * norm.sf(np.abs(z) / np.sqrt(weight)))


def test_a_regime_with_too_few_rows_for_all_others_leaves_the_answers_to_each_question():
    short = regimes({"obs": 50, "I1": 6, "I2": 50}, names="ABCDEF")
    tests = interventional_for(short, params(rows="auto")).observational
    assert tests.correlations is None
    assert np.isfinite(tests.p_values([0], [1], [2, 3])).all()
