"""Simulated data follow the truth they come with: partial correlations, means, cut causes and labels are those of the model."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, Params, UserError, specs
from engine.data import SIMULATORS, drop_columns, network, network_names, read_bif, sample, simulate
from engine.data.simulation import can_resimulate, resimulated
from engine.graphs import Graph, mag_of, separated


def truth(data):
    return Graph.from_dict(data.truth["graph"])


def slopes(data, node, parents, rows=slice(None)):
    """Least-squares weights of the parents and the residual variance."""
    x = np.column_stack([np.ones(len(data.frame[rows])), data.frame[list(parents)][rows]])
    y = data.frame[node].to_numpy()[rows]
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    return beta, (y - x @ beta).var()


@pytest.mark.parametrize("name", SIMULATORS)
def test_every_simulator_repeats_itself_and_keeps_its_truth_on_disk(name, tmp_path):
    small = {"n": 60}
    data = simulate(name, **small)
    assert data.digest == simulate(name, **small).digest != simulate(name, seed=1, **small).digest
    assert data.source.startswith("simulated") and truth(data).nodes == data.columns
    assert json.loads(json.dumps(dict(data.truth))) == dict(data.truth)
    assert Dataset.from_dir(data.to_dir(tmp_path / "d")).truth == dict(data.truth)


def test_more_tables_of_the_same_kind_differ_in_their_seed_alone():
    data = simulate("gaussian", p=5, n=60, seed=3)
    more = resimulated(data, 2)
    assert more.digest == simulate("gaussian", p=5, n=60, seed=5).digest and more.truth != data.truth
    assert more.name.endswith("seed 5") and can_resimulate(more)
    assert not can_resimulate(sample("sachs")) and not can_resimulate(drop_columns(data, columns=["X1"]))


@pytest.mark.parametrize("simulator", SIMULATORS.values(), ids=list(SIMULATORS))
def test_every_setting_has_a_form_and_limits(simulator):
    assert issubclass(simulator.params, Params) and simulator.about.endswith(".")
    for spec in specs(simulator.params):
        assert spec.label and (spec.choices or spec.type is bool or (spec.low is not None and spec.high is not None)), spec.name


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="simulator"):
        simulate("weather")
    with pytest.raises(UserError, match="parameter"):
        simulate("gaussian", colour=1)


@pytest.mark.parametrize("seed", range(3))
def test_linear_gaussian_follows_its_weights(seed):
    data = simulate("gaussian", p=8, n=20_000, degree=3, seed=seed)
    graph = truth(data)
    assert ((np.abs(graph.weights) >= 0.25) & (np.abs(graph.weights) <= 1) | (graph.weights == 0)).all()
    for node in graph.nodes:
        parents = graph.parents(node)
        beta, noise = slopes(data, node, parents)
        expected = [graph.weights[graph.index(parent), graph.index(node)] for parent in parents]
        assert np.allclose(beta[1:], expected, atol=0.05) and abs(noise - 1) < 0.05


def test_degree_is_the_expected_number_of_neighbours():
    edges = [truth(simulate("gaussian", p=40, n=10, degree=3, seed=seed)).n_edges for seed in range(40)]
    assert abs(np.mean(edges) * 2 / 40 - 3) < 4 * np.std(edges) * 2 / 40 / np.sqrt(40)


def test_standardised_columns():
    data = simulate("gaussian", n=500, standardise=True)
    assert np.allclose(data.frame.mean(), 0) and np.allclose(data.frame.std(ddof=0), 1)


def test_latent_truth_is_the_projection_of_the_whole_dag():
    for seed in range(5):
        data = simulate("latent", p=7, latent=3, n=50, seed=seed)
        dag = Graph.from_dict(data.truth["dag"])
        assert dag.p == 10 and data.p == 7
        assert truth(data) == mag_of(dag, data.truth["latent"])


def test_latent_data_follow_the_whole_dag():
    data = simulate("latent", p=5, latent=2, n=40_000, degree=3, low=0.5, seed=2)
    dag = Graph.from_dict(data.truth["dag"])
    inverse = np.linalg.inv(np.eye(7) - dag.weights)
    implied = (inverse.T @ inverse)[:5, :5]
    assert np.allclose(np.cov(data.numeric.T), implied, atol=0.1 * np.abs(implied).max())


def test_smooth_functions_bend():
    data = simulate("nonlinear", p=6, n=3_000, degree=2, wiggle=1.0, noise=0.2, seed=1)
    graph = truth(data)
    gain = []
    for node in graph.nodes:
        if len(graph.parents(node)) == 1:
            x, y = data.frame[graph.parents(node)[0]], data.frame[node]
            straight = np.var(y - np.polyval(np.polyfit(x, y, 1), x))
            bent = np.var(y - np.polyval(np.polyfit(x, y, 9), x))
            gain.append(straight / bent)
    assert gain and max(gain) > 1.5
    assert np.isfinite(data.numeric).all()


def test_shift_moves_its_targets_and_leaves_the_rest():
    data = simulate("interventions", p=6, n=20_000, degree=2, settings=3, known=1, unknown=1, strength=2.0, seed=4)
    graph, regime = truth(data), np.array(data.regime)
    for k in data.regimes[1:]:
        assert set(data.targets[k]) < set(data.truth["targets"][k]) and len(data.truth["targets"][k]) == 2
        for node in graph.nodes:
            before, _ = slopes(data, node, graph.parents(node), regime == "obs")
            after, noise = slopes(data, node, graph.parents(node), regime == k)
            assert abs(after[0] - before[0] - 2.0 * (node in data.truth["targets"][k])) < 0.1
            assert np.allclose(after[1:], before[1:], atol=0.1) and abs(noise - 1) < 0.05


def test_perfect_interventions_cut_causes_off():
    data = simulate("interventions", p=6, n=5_000, degree=3, settings=3, kind="perfect", variance=0.01, level=1.0, seed=4)
    regime = np.array(data.regime)
    for k in data.regimes[1:]:
        for target in data.truth["targets"][k]:
            values = data.frame[target][regime == k]
            assert abs(values.mean() - 1) < 0.01 and abs(values.var() - 0.01) < 0.001


@pytest.mark.parametrize(("reveal", "expected"), [("known", 1), ("all", 3), ("none", None)])
def test_targets_are_told_as_wished(reveal, expected):
    data = simulate("interventions", n=20, known=1, unknown=2, reveal=reveal)
    for k in data.regimes[1:]:
        assert (data.targets[k] and len(data.targets[k])) == expected and len(data.truth["targets"][k]) == 3


@pytest.mark.parametrize("variation", ["shift", "weights", "parents", "variance"])
@pytest.mark.parametrize("k", [2, 3])
def test_mixtures_vary_where_they_say(variation, k):
    data = simulate("mixture", p=8, k=k, n=60_000, varying=2, variation=variation, equal=False, degree=3, seed=5)
    labels = np.array(data.truth["labels"])
    shares = {2: [0.8, 0.2], 3: [0.6, 0.25, 0.15]}[k]
    assert np.allclose(np.bincount(labels) / len(labels), shares, atol=1e-3)
    union = truth(data)
    assert union == Graph.from_directed(union.nodes, sum(Graph.from_dict(g).directed for g in data.truth["graphs"]) > 0)
    for node in data.columns:
        fits = [slopes(data, node, union.parents(node), labels == c) for c in range(k)]
        apart = max(max(np.abs(f[0] - fits[0][0]).max(), abs(f[1] - fits[0][1])) for f in fits)
        assert (apart > 0.2) == (node in data.truth["varying"]), (node, apart)


def test_bayes_labels_are_best_under_the_true_parameters():
    """For one shifted root and equal shares the best error rate is Phi(-shift / 2)."""
    from scipy.stats import norm

    data = simulate("mixture", p=5, degree=0, varying=1, strength=2.0, n=100_000, seed=1)
    wrong = np.mean(np.array(data.truth["labels"]) != data.truth["bayes_labels"])
    assert abs(wrong - norm.cdf(-1.0)) < 4 * np.sqrt(0.16 * 0.84 / 100_000)


def test_mixture_that_cannot_vary_says_so():
    with pytest.raises(UserError, match="could differ"):
        simulate("mixture", p=4, degree=0, varying=2, variation="weights")


def test_random_discrete_network_keeps_its_independences():
    data = simulate("discrete", network="random", p=5, n=40_000, degree=2, levels=2, seed=3)
    graph = truth(data)
    codes = np.column_stack([data.frame[c].cat.codes for c in data.columns])
    for i, j in itertools.combinations(range(5), 2):
        if separated(graph, graph.nodes[i], graph.nodes[j], ()):
            assert abs(np.corrcoef(codes[:, i], codes[:, j])[0, 1]) < 4 / np.sqrt(40_000)


def test_bundled_networks_are_those_of_the_literature():
    sizes = {name: (len(network(name).states), network(name).graph.n_edges) for name in network_names()}
    assert sizes["asia"] == (8, 8) and sizes["alarm"] == (37, 46) and sizes["sachs"] == (11, 17) and sizes["child"] == (20, 25)
    assert sizes["insurance"] == (27, 52) and sizes["hailfinder"] == (56, 66) and sizes["cancer"] == (5, 4)


def test_forward_samples_have_the_exact_marginals():
    """Marginals of the Asia network by enumeration of all 256 states against 200,000 samples."""
    asia = network("asia")
    names = list(asia.states)
    joint = np.ones([2] * 8)
    for name in names:
        axes = [names.index(n) for n in (*asia.parents[name], name)]
        table = asia.tables[name]
        order = np.argsort(axes)
        shape = [2 if i in axes else 1 for i in range(8)]
        joint = joint * np.transpose(table, order).reshape(shape)
    assert np.isclose(joint.sum(), 1)
    drawn = asia.sample(200_000, np.random.default_rng(0))
    for i, name in enumerate(names):
        exact = joint.sum(axis=tuple(j for j in range(8) if j != i))[0]
        assert abs((drawn[name].cat.codes == 0).mean() - exact) < 5 * np.sqrt(0.25 / 200_000)
    both = (drawn["smoke"].cat.codes == 0) & (drawn["bronc"].cat.codes == 0)
    s, b = names.index("smoke"), names.index("bronc")
    assert abs(both.mean() - joint.sum(axis=tuple(k for k in range(8) if k not in (s, b)))[0, 0]) < 5 * np.sqrt(0.25 / 200_000)


BIF = """network test {{ }}
// a comment
variable "rain fall" {{ type discrete [ 2 ] {{ yes, no }}; }}
variable wet {{ type discrete [ 3 ] {{ dry, damp, soaked }}; }}
probability ( "rain fall" ) {{ table 0.2, 0.8; }}
probability ( wet | "rain fall" ) {{ {body} }}
"""
ROWS = np.array([[0.1, 0.2, 0.7], [0.8, 0.15, 0.05]])


@pytest.mark.parametrize(
    "body",
    [
        "(yes) 0.1, 0.2, 0.7; (no) 0.8, 0.15, 0.05;",
        "default 0.8, 0.15, 0.05; (yes) 0.1, 0.2, 0.7;",
        "table 0.1, 0.8, 0.2, 0.15, 0.7, 0.05;",
    ],
)
def test_bif_tables_in_all_their_forms(body):
    parsed = read_bif(BIF.format(body=body).encode())
    assert parsed.parents["wet"] == ("rain fall",) and np.allclose(parsed.tables["wet"], ROWS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("hello", "no discrete variable"),
        (BIF.format(body="(yes) 0.1, 0.2, 0.7;"), "lacks rows"),
        (BIF.format(body="(maybe) 0.1, 0.2, 0.7;"), "cannot be in"),
        (BIF.format(body="(yes) 0.1, 0.2; (no) 1, 0, 0;"), "2 numbers where 3"),
        (BIF.format(body="(yes) 0.5, 0.2, 0.7; (no) 1, 0, 0;"), "sum to 1"),
        (BIF.format(body="(yes) x, 0.2, 0.7; (no) 1, 0, 0;"), "not numbers"),
        (BIF.format(body="table 1;").replace('probability ( "rain fall" )', 'probability ( "rain fall" | wet )'), "numbers"),
    ],
)
def test_broken_bif_files_say_what_is_wrong(text, words):
    with pytest.raises(UserError, match=words):
        read_bif(text.encode())


def test_cyclic_bif_is_refused():
    text = "".join(f"variable {v} {{ type discrete [ 1 ] {{ s }}; }}" for v in "ab")
    text += "probability ( a | b ) { (s) 1; } probability ( b | a ) { (s) 1; }"
    with pytest.raises(UserError, match="cycle"):
        read_bif(text.encode())


def test_frames_are_numbers_or_categories():
    assert all(isinstance(kind, pd.CategoricalDtype) for kind in simulate("discrete", n=50).frame.dtypes)
