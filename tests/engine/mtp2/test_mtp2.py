"""The methods mtp2 and mtp2_graph answer in the units of the data, name what is wrong, and say what their answer rests on."""

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import Context, Dataset, UserError
from engine.mtp2.signs import negative_pairs


def chain(n=400, p=6, seed=0):
    """Samples of a chain of positive dependence."""
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=n)]
    for _ in range(p - 1):
        values.append(0.8 * values[-1] + 0.6 * rng.normal(size=n))
    return pd.DataFrame(np.array(values).T, columns=list("ABCDEFGHIJ"[:p]))


def test_the_answer_is_in_the_units_of_the_data(run):
    frame = chain()
    found = run("mtp2", frame)
    np.testing.assert_allclose(found.precision @ found.covariance, np.eye(6), atol=1e-10)
    np.testing.assert_allclose(np.diag(found.covariance), frame.var(ddof=0), rtol=1e-7)
    scaled = run("mtp2", frame * [1, 10, 1e-4, 1e6, 1, 1])
    np.testing.assert_allclose(scaled.correlation, found.correlation, atol=1e-10)
    assert scaled.graph.weights == pytest.approx(found.graph.weights, abs=1e-8)


def test_a_correlation_matrix_gives_the_same_as_its_samples(run):
    frame = chain()
    matrix = Dataset(frame.corr(), kind="correlation", n_rows=len(frame))
    assert run("mtp2", matrix).graph.weights == pytest.approx(run("mtp2", frame).graph.weights, abs=1e-7)
    with pytest.raises(UserError, match="Rank correlations need the samples"):
        run("mtp2", matrix, correlation="kendall")
    with pytest.raises(UserError, match="correlation matrix"):
        run("mtp2_graph", matrix)


def test_fewer_rows_than_variables_are_enough(run):
    frame = chain(n=4, p=10)
    found = run("mtp2", frame)
    assert found.gap <= 1e-8
    assert found.test == {}


def test_prices_become_returns_and_the_result_says_so(run):
    found = run("mtp2", "stocks")
    assert "Prices were turned into simple returns." in found.provenance.warnings
    returns = engine.data.to_returns(engine.sample("stocks"))
    assert found.graph == run("mtp2", returns).graph


def test_duplicates_are_named_or_dropped(run):
    frame = chain().assign(TWIN=lambda table: table["B"] * 3 + 1)
    with pytest.raises(UserError, match="B and TWIN move as one"):
        run("mtp2", frame)
    found = run("mtp2", frame, duplicates="drop")
    assert "TWIN" not in found.graph.nodes
    assert any("TWIN moves as one with B" in warning for warning in found.provenance.warnings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.assign(B=1.0), "Column B never varies"),
        (lambda f: f.assign(B=f["B"].mask(f.index == 3)), "B"),
        (lambda f: f[["A"]], "1 column"),
        (lambda f: f.iloc[:1], ""),
    ],
)
def test_bad_tables_are_named(run, change, words):
    for name in ("mtp2", "mtp2_graph"):
        with pytest.raises(UserError) as problem:
            run(name, change(chain()))
        assert words in problem.value.message


def test_opposite_signs_are_counted_and_turned(run):
    frame = chain().assign(A=lambda t: -t["A"], D=lambda t: -t["D"])
    found = run("mtp2", frame)
    assert found.facts["negative"] > 0.3
    assert any("correlate negatively" in warning for warning in found.provenance.warnings)
    assert list(found.negative["observed"]) == sorted(found.negative["observed"])
    turned = run("mtp2", frame, turn=True)
    assert turned.facts["turned"] == ["A", "D"]
    assert turned.facts["negative"] == 0
    straight = run("mtp2", chain())
    np.testing.assert_allclose(np.abs(turned.covariance), straight.covariance, rtol=1e-6)
    assert (np.sign(turned.covariance.loc["A"]) == [1, -1, -1, 1, -1, -1]).all()


def test_negative_pairs_are_listed_once():
    matrix = np.array([[1, -0.5, 0.2], [-0.5, 1, -0.1], [0.2, -0.1, 1]])
    found = negative_pairs(matrix, np.abs(matrix), ("x", "y", "z"))
    assert found.values.tolist() == [["x", "y", -0.5, 0.5], ["y", "z", -0.1, 0.1]]


def test_the_likelihood_ratio_is_that_of_the_two_fits(run):
    frame = chain(p=4)
    found = run("mtp2", frame)
    n, c = len(frame), np.corrcoef(frame.T)
    k = np.linalg.inv(found.correlation)

    def log_likelihood(precision):
        return n / 2 * (np.linalg.slogdet(precision)[1] - np.trace(c @ precision))

    assert found.test["statistic"] == pytest.approx(2 * (log_likelihood(np.linalg.inv(c)) - log_likelihood(k)), abs=1e-6)
    assert found.test["zeros"] == 6 - found.graph.n_edges
    assert 0 <= found.test["p"] <= 1


def test_a_penalty_drops_edges_and_the_lasso_stands_beside(run):
    plain = run("mtp2", "stocks", compare=True)
    assert run("mtp2", "stocks", penalty=0.01).graph.n_edges < plain.graph.n_edges
    assert plain.lasso.kind == "ug"
    assert plain.lasso.n_edges > 0


def test_the_tuning_free_graph_restricts_the_estimate(run):
    found = run("mtp2_graph", chain(n=2000), reruns=3)
    edges = {frozenset(edge.split(" --- ")) for edge in map(str, found.graph.edges())}
    assert edges == {frozenset(pair) for pair in ("AB", "BC", "CD", "DE", "EF")}
    assert set(zip(*np.nonzero(np.triu(found.precision < 0, 1)), strict=True)) <= {(i, i + 1) for i in range(5)}
    assert len(found.removed) == 10
    assert "below zero" in found.why("A", "C")
    assert found.why("C", "A") == found.why("A", "C").replace("of A and C", "of C and A")
    assert "the edge stays" in found.why("A", "B")
    assert found.graph.support[0, 1].sum() == pytest.approx(1.0)
    assert found.kept.loc["A", "B"] == 1.0


def test_a_truncated_search_says_so(run):
    found = run("mtp2_graph", "stocks", most_tests=500)
    assert found.truncated == "budget"
    assert any("ended early" in warning for warning in found.provenance.warnings)


def test_progress_runs_forward_to_the_end(run):
    seen = []
    run("mtp2_graph", chain(), reruns=2, context=Context(on_progress=lambda fraction, note: seen.append(fraction)))
    assert seen == sorted(seen)
    assert seen[-1] >= 0.9
