"""mixture finds labels as good as those of the true parameters and exactly the variables that differ, and calls one population one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

import engine
from engine.core import Context, UserError, parallel
from engine.data import simulate
from engine.graphs import Graph, cpdag_of

# X3 drives X1 and X2, whose means and noise differ; X4 and X5 are the same in both populations
EDGES = ["X3 --> X1", "X3 --> X2", "X4 --> X3", "X5 --> X3"]


def two_populations(n=1000, shift=3.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    x4, x5 = rng.standard_normal((2, n))
    x3 = x4 - x5 + rng.standard_normal(n)
    x1 = 0.8 * x3 + shift * labels + rng.standard_normal(n)
    x2 = -0.7 * x3 - shift * labels + rng.standard_normal(n)
    return pd.DataFrame({"X1": x1, "X2": x2, "X3": x3, "X4": x4, "X5": x5}), labels


@pytest.fixture(scope="module")
def found():
    frame, labels = two_populations()
    return engine.run("mixture", frame, k=2), labels


def test_union_graph_and_who_varies_are_exact(found):
    result, _ = found
    assert cpdag_of(result.graph) == cpdag_of(Graph.from_edges(["X1", "X2", "X3", "X4", "X5"], EDGES))
    assert set(result.varying["node"]) == {"X1", "X2"}
    assert set(result.varying["variant"]) == {"mean"}
    assert (result.varying["evidence"] > 50).all()


def test_components_have_the_weights_of_the_columns(found):
    result, _ = found
    for dag in result.components:
        weight = dag.weights[dag.index("X3"), dag.index("X1")]
        assert abs(weight - 0.8) < 0.1
    assert result.weights == pytest.approx([0.5, 0.5], abs=0.03)


def test_the_numbers_of_each_population_are_those_that_were_drawn(found):
    result, _ = found
    own = result.conditionals.pivot(index=["node", "term"], columns="population", values="value")
    assert abs(own.loc[("X1", "level")].diff().iloc[-1]) == pytest.approx(3, abs=0.3)
    assert own.loc[("X1", "weight of X3")].to_numpy() == pytest.approx([0.8, 0.8], abs=0.1)
    assert own.loc[("X2", "spread")].to_numpy() == pytest.approx([1, 1], abs=0.1)
    assert set(own.index.get_level_values("node")) == {"X1", "X2"}


def test_why_a_variable_is_called_varying(found):
    result, _ = found
    behind = result.alternatives.pivot(index="node", columns="variant", values="behind")
    assert (behind["mean"] == 0).all() and (behind.drop(columns="mean") > 0).all(axis=None)
    assert (behind["nothing"][result.varying["node"]].to_numpy() == result.varying["evidence"]).all()
    assert "X1 depends on its causes, the fit would fall by" in result.why("X1") and "mean" in result.why("X1")
    assert "same relation" in result.why("X4")


def test_the_pooled_graph_is_that_of_fci(found):
    result, _ = found
    frame, _ = two_populations()
    assert result.pooled == engine.run("fci", frame).graph
    assert set(result.other_nodes["paper"]) == {
        e for edge in result.pooled.edges() if str(edge).count("<->") for e in (edge.source, edge.target)
    }


def test_resamples_say_what_comes_back(monkeypatch):
    monkeypatch.setattr(parallel, "START_S", 0.0)
    frame, _ = two_populations(400)
    plain = engine.run("mixture", frame, k=2)
    assert plain.stability.empty and plain.union.support is None
    again = {threads: engine.run("mixture", frame, k=2, bootstrap=6, context=Context(threads=threads)) for threads in (1, 2)}
    assert again[1].digest == again[2].digest != plain.digest
    varies = again[1].stability.set_index("node")["varies"]
    assert varies["X1"] == varies["X2"] == 1 and varies[["X3", "X4", "X5"]].max() < 1
    assert len(again[1].resamples) == 6 and again[1].resamples["agreement"].min() > 0.8
    assert again[1].union == plain.union and again[1].union.edge_frame()["present"].min() > 0.8
    other = engine.run("mixture", frame, k=2, bootstrap=6, approach="gmm")
    assert other.stability.empty and any("resampled" in warning for warning in other.provenance.warnings)


def test_verdict_and_what_stands_beside_it(found):
    result, labels = found
    assert result.verdict and result.margin > 100 and set(result.evidence.values()) == {v for v in result.evidence.values() if v > 100}
    assert adjusted_rand_score(labels, result.shown_labels) > 0.95
    assert result.posterior.sum(axis=1) == pytest.approx(1)
    assert set(result.others) == {"gmm", "kmeans", "paper"}
    assert len(result.gmm_labels) == len(labels)
    assert dict(result.summary())["Differ"] in ("X1 (mean), X2 (mean)", "X2 (mean), X1 (mean)")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_labels_are_as_good_as_those_of_the_true_parameters(seed):
    data = simulate("mixture", p=6, k=2, n=1000, varying=3, strength=3.0, seed=seed)
    result = engine.run("mixture", data, k=2)
    labels = data.truth["labels"]
    assert adjusted_rand_score(labels, result.labels) > adjusted_rand_score(labels, data.truth["bayes_labels"]) - 0.03
    assert result.verdict


@pytest.mark.parametrize("noise", ["normal", "t5", "exponential", "multivariate t5"])
def test_one_population_is_no_mixture(noise):
    rng = np.random.default_rng(5)
    shape = (800, 4)
    noises = {
        "normal": lambda: rng.standard_normal(shape), "t5": lambda: rng.standard_t(5, shape),
        "exponential": lambda: rng.exponential(size=shape),
        "multivariate t5": lambda: rng.standard_normal(shape) / np.sqrt(rng.chisquare(5, (shape[0], 1)) / 5),
    }  # fmt: skip
    a, b, c, d = noises[noise]().T
    c = a + b + c
    result = engine.run("mixture", pd.DataFrame({"A": a, "B": b, "C": c, "D": c + d}), k=2)
    assert not result.verdict and result.margin < 15
    assert result.graph == result.single and "Differ" not in dict(result.summary())
    assert (result.shown_labels == result.gmm_labels).all()


def test_number_of_populations_follows_the_evidence():
    rng = np.random.default_rng(0)
    labels = np.arange(900) % 3
    a = rng.standard_normal(900) + 5 * labels
    frame = pd.DataFrame({"A": a, "B": rng.standard_normal(900) + 5 * (labels == 1), "C": rng.standard_normal(900)})
    result = engine.run("mixture", frame)
    assert result.k == 3
    assert adjusted_rand_score(labels, result.labels) > 0.95
    assert list(result.clusters["k"]) == [1, 2, 3, 4]


@pytest.mark.parametrize("approach", ["gmm", "paper"])
def test_other_ways_keep_their_labels(approach):
    frame, _labels = two_populations(400)
    result = engine.run("mixture", frame, k=2, approach=approach)
    own = result.others[approach]
    if result.k == 2:
        assert adjusted_rand_score(own, result.labels) == 1
    else:
        assert not result.other_nodes[approach] and not result.verdict


def test_time_limit_ends_with_the_best_so_far():
    frame, _ = two_populations(600)
    result = engine.run("mixture", frame, k=2, time_limit=0.5)
    assert not result.is_complete
    assert "stopped after 0.5 s" in result.provenance.warnings[0]
    assert len(result.labels) == 600


def test_processes_change_nothing_and_pictures_come_early(monkeypatch):
    monkeypatch.setattr(parallel, "START_S", 0.0)
    frame, _ = two_populations(300)
    seen = []
    context = Context(threads=2, on_partial=lambda name, value: seen.append(name))
    assert engine.run("mixture", frame, k=2, context=context).digest == engine.run("mixture", frame, k=2).digest
    assert {"labels", "graph"} <= set(seen)


def test_what_cannot_be_sorted_is_refused_with_a_reason():
    frame, _ = two_populations(100)
    with pytest.raises(UserError, match="X9 holds categories"):
        engine.run("mixture", frame.assign(X9=["a", "b"] * 50))
    with pytest.raises(UserError, match="too few"):
        engine.run("mixture", frame[:20])
    with pytest.raises(UserError, match="two"):
        engine.run("mixture", frame[["X1"]])
