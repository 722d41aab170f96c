"""Scores are what regression and counting say, equal within a class, and their shortcuts agree with asking one by one."""

import itertools

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.discovery.scores import DiscreteScore, GaussianScore, OracleScore, score_of
from engine.graphs import Graph, cpdag_of
from engine.graphs.bitsets import members, rows
from engine.independence import FisherZ, GSquared, IndependenceTest, Oracle, Replay
from tests.engine.discovery.test_gsp import gaussian
from tests.graphs import all_dags, random_dag

N = 500


def correlated(p=8, seed=0):
    return gaussian(random_dag(p, 3, np.random.default_rng(seed)), n=N, seed=seed).to_numpy()


def gaussian_score(penalty=1.0, seed=0):
    return GaussianScore(np.corrcoef(correlated(seed=seed).T), N, penalty)


def categories(p=5, n=N, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.empty((n, p), int)
    for k in range(p):
        cause = codes[:, k - 1] if k else 0
        codes[:, k] = (cause + (rng.random(n) < 0.4) * rng.integers(0, 3, n)) % 3
    return codes


def one(score, target, parents):
    return float(score.fit(np.array([target]), np.array([parents], int).reshape(1, -1)).score[0])


def regression_bic(values, target, parents, penalty):
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    design = scaled[:, list(parents)]
    rest = scaled[:, target] - design @ np.linalg.lstsq(design, scaled[:, target])[0]
    return -N / 2 * np.log(np.mean(rest**2)) - penalty / 2 * len(parents) * np.log(N)


def counted_bic(codes, target, parents, penalty):
    frame = pd.DataFrame(codes).astype(str)
    total = 0.0
    for _, stratum in frame.groupby([frame[k] for k in parents]) if parents else [((), frame)]:
        share = stratum[target].value_counts(normalize=True)
        total += float((stratum[target].value_counts() * np.log(share)).sum())
    levels = frame.nunique()
    return total - penalty / 2 * (levels[target] - 1) * np.prod([levels[k] for k in parents]) * np.log(len(codes))


@pytest.mark.parametrize("penalty", [1.0, 2.0])
@pytest.mark.parametrize("parents", [(), (1,), (3, 1), (1, 4, 5, 6)])
def test_gaussian_score_is_that_of_a_regression(parents, penalty):
    assert one(gaussian_score(penalty), 2, parents) == pytest.approx(regression_bic(correlated(), 2, parents, penalty), abs=1e-6)


@pytest.mark.parametrize("parents", [(), (1,), (3, 1), (0, 1, 3)])
def test_discrete_score_counts(parents):
    codes = categories()
    expected = counted_bic(codes, 2, parents, 1.5) - counted_bic(codes, 2, (), 1.5)
    assert one(DiscreteScore(codes, 1.5), 2, parents) == pytest.approx(expected, abs=1e-6)


SCORES = {
    "gaussian": lambda: gaussian_score(),
    "discrete": lambda: DiscreteScore(categories()),
    "oracle": lambda: OracleScore(random_dag(6, 3, np.random.default_rng(1)), list(range(6))),
}


@pytest.mark.parametrize("kind", SCORES)
def test_all_dags_of_a_class_have_one_score(kind):
    score = SCORES[kind]()
    known: dict[Graph, float] = {}
    for dag in itertools.islice(all_dags(4), 0, None, 7):
        total = sum(one(score, j, list(members(above))) for j, above in enumerate(rows(dag.directed.T)))
        assert total == pytest.approx(known.setdefault(cpdag_of(dag), total), abs=1e3 * score.tolerance)
    assert len(known) > 40


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("given", [(), (3,), (4, 3)])
def test_improving_parents_are_those_that_improve_one_by_one(kind, given):
    score = SCORES[kind]()
    targets = np.array([0, 2])
    found = score.improving(targets, np.tile(np.array(given, int), (2, 1)))
    for row, target in enumerate(targets.tolist()):
        gains = {k: one(score, target, [*given, k]) - one(score, target, given) for k in range(score.p) if k not in (target, *given)}
        listed = found.node[found.row == row].tolist()
        assert set(listed) == {k for k, gain in gains.items() if gain > score.tolerance}
        assert [gains[k] for k in listed] == sorted((gains[k] for k in listed), reverse=True)
        np.testing.assert_allclose(found.gain[found.row == row], [gains[k] for k in listed], rtol=1e-6, atol=10 * score.tolerance)


@pytest.mark.parametrize("kind", SCORES)
def test_dropping_a_parent_changes_the_score_as_said(kind):
    score = SCORES[kind]()
    fit = score.fit(np.array([1, 0]), np.array([[3, 2, 4], [2, 3, 4]]))
    for row, (target, parents) in enumerate(((1, [3, 2, 4]), (0, [2, 3, 4]))):
        for n in range(3):
            left = one(score, target, parents[:n] + parents[n + 1 :]) - fit.score[row]
            assert fit.dropped[row, n] == pytest.approx(left, rel=1e-6, abs=100 * score.tolerance)


def test_a_parent_is_never_offered_twice_and_copies_are_not_offered():
    values = correlated()
    copied = np.column_stack([values, values[:, 1] * 2, values[:, 1] + values[:, 3]])
    score = GaussianScore(np.corrcoef(copied.T), N)
    found = score.improving(np.array([2]), np.array([[1, 3]]))
    assert not {1, 2, 3, 8, 9} & set(found.node.tolist())


def test_few_rows_allow_few_parents():
    values = np.random.default_rng(0).standard_normal((12, 40))
    score = GaussianScore(np.corrcoef(values.T), 12, 0.5)
    assert len(score.improving(np.array([0]), np.array([[1, 2, 3]])).node) == 0


def test_each_kind_of_data_gets_its_score():
    values, codes = correlated(), categories()
    names = [f"X{k}" for k in range(8)]
    fisher = FisherZ.of(names, values, 0.01)
    squared = GSquared(names[:5], codes, 0.01)
    oracle = Oracle(random_dag(4, 2, np.random.default_rng(0)))
    assert one(score_of(fisher), 2, [1]) == pytest.approx(regression_bic(values, 2, [1], 2.0), abs=1e-6)
    assert one(score_of(squared, 3.0), 1, [0]) == one(DiscreteScore(codes, 3.0), 1, [0])
    assert isinstance(score_of(oracle), OracleScore)
    assert one(score_of(Replay(fisher.trace, fisher)), 2, [1]) == one(score_of(fisher), 2, [1])


def test_what_has_no_score_is_a_mendable_error():
    class Strange(IndependenceTest):
        def answers(self, i, j, given):
            raise AssertionError

    with pytest.raises(UserError, match="no score"):
        score_of(Strange(["A", "B"], 10, 0.1, ""))
    mag = Graph.from_edges("AB", ["A <-> B"])
    with pytest.raises(UserError, match="needs a DAG"):
        score_of(Oracle(mag))
