"""utigsp finds the exact interventional class and the exact targets under an oracle, whatever it is told of them."""

import numpy as np
import pandas as pd
import pytest

from engine import load
from engine.core import Cancelled, Context, Dataset, UserError
from engine.data import simulate
from engine.discovery.interventional import class_key
from engine.discovery.reversals import Dag
from engine.discovery.utigsp import UtIgspParams, utigsp
from engine.graphs import Graph, cpdag_of, interventional_cpdag_of
from engine.independence import InterventionalOracle
from tests.graphs import random_dags


def cases(n, seed=0, degree=2.0):
    """Draw DAGs with one to three interventions on one to three variables each."""
    rng = np.random.default_rng(seed)
    for dag in random_dags(n, range(4, 11), degree, seed):
        sizes = rng.integers(1, 4, size=rng.integers(1, 4))
        yield dag, {f"I{k}": tuple(rng.choice(dag.nodes, size=size, replace=False)) for k, size in enumerate(sizes)}


def told(targets, how):
    return {"all": targets, "first": {regime: goal[:1] for regime, goal in targets.items()}, "none": {}}[how]


def as_sets(targets):
    return {regime: set(goal) for regime, goal in targets.items()}


@pytest.mark.parametrize("how", ["all", "first", "none"])
def test_exact_class_and_targets_under_an_oracle(how, run):
    for dag, targets in cases(100):
        result = run("utigsp", InterventionalOracle(dag, targets, told(targets, how)))
        assert result.graph == interventional_cpdag_of(dag, targets), (dag, targets)
        assert as_sets(result.targets) == as_sets(targets), (dag, targets)


@pytest.mark.parametrize("settings", [{"score": "sum"}, {"depth": 4}, {"depth": 4, "score": "sum"}], ids=str)
def test_other_scores_and_the_walk_of_the_authors_reach_the_same(settings, run):
    exact = 0
    for dag, targets in cases(40, seed=1, degree=3):
        result = run("utigsp", InterventionalOracle(dag, targets, told(targets, "first")), **settings)
        exact += result.graph == interventional_cpdag_of(dag, targets) and as_sets(result.targets) == as_sets(targets)
    assert exact >= (39 if "depth" in settings else 40)


def test_an_edge_between_two_targets_stays_open():
    pair = Graph.from_edges("AB", ["A --> B"])
    assert utigsp(InterventionalOracle(pair, {"I": "AB"}), UtIgspParams(), Context.silent()).graph == cpdag_of(pair)
    directed = utigsp(InterventionalOracle(pair, {"I": "B"}), UtIgspParams(), Context.silent()).graph
    assert [str(edge) for edge in directed.edges()] == ["A --> B"]


# -- targets ---------------------------------------------------------------------------------------------------------------


CHAIN = Graph.from_edges("ABCDE", ["A --> B", "B --> C", "C --> D", "E --> D"])


def test_off_targets_are_found_and_named(run):
    result = run("utigsp", InterventionalOracle(CHAIN, {"drug": "BE", "heat": "C"}, known={"drug": ("B",), "heat": None}))
    assert result.off_targets == {"drug": ["E"]}
    assert ("Off-targets", "E in drug") in result.summary()
    table = result.target_table.set_index(["regime", "variable"])
    assert table.loc[("drug", "B"), "known"] == "yes"
    assert table.loc[("drug", "E"), ["target", "known"]].tolist() == ["yes", "off-target"]
    assert table.loc[("heat", "C"), ["target", "known"]].tolist() == ["yes", "no"]
    assert table.loc[("heat", "D"), ["target", "known"]].tolist() == ["no", "no"]


def test_complete_targets_are_kept_and_ignored_ones_are_found(run):
    oracle = InterventionalOracle(CHAIN, {"drug": "BE"}, known={"drug": ("B",)})
    assert run("utigsp", oracle, named="complete").targets == {"drug": ["B"]}
    assert run("utigsp", oracle, named="ignore").targets == {"drug": ["B", "E"]}
    assert run("utigsp", oracle, named="ignore").off_targets == {}


def chain_data(n=400, shifts=None, regimes=("obs", "I1"), seed=0, **targets):
    """Draw A -> B -> C -> D with shifts of the noise: regime -> variable -> shift."""
    rng = np.random.default_rng(seed)
    frames = {}
    for regime in regimes:
        noise = pd.DataFrame(rng.standard_normal((n, 4)), columns=list("ABCD"))
        for variable, shift in (shifts or {}).get(regime, {}).items():
            noise[variable] += shift
        values = noise.copy()
        for before, after in ("AB", "BC", "CD"):
            values[after] = 0.8 * values[before] + noise[after]
        frames[regime] = values
    return Dataset.from_frames(frames, targets)


def test_a_known_target_without_effect_orients_nothing_and_is_named(run):
    result = run("utigsp", chain_data(I1=("B",)))
    assert result.graph.directed.sum() == 0
    assert result.targets == {"I1": ["B"]}
    assert any("No change was found in known targets given their parents: B in I1" in w for w in result.provenance.warnings)


def test_all_variables_as_targets_are_called_a_batch_shift(run):
    result = run("utigsp", chain_data(shifts={"I1": {"A": 3, "B": -3, "C": 3, "D": -3}}))
    assert result.targets == {"I1": list("ABCD")}
    assert any("All 4 variables are called targets of regime I1" in w and "batch shift" in w for w in result.provenance.warnings)


def test_a_shift_is_found_in_data_and_directs_the_chain(run):
    result = run("utigsp", chain_data(shifts={"I1": {"A": 2.0}}))
    assert result.targets == {"I1": ["A"]}
    assert [str(edge) for edge in result.graph.edges()] == ["A --> B", "B --> C", "C --> D"]
    row = result.target_table.set_index("variable").loc["B"]
    assert (row["given"], row["target"]) == ("A", "no")
    assert row["p_value"] > 1e-5


def test_a_regime_too_small_for_a_test_is_named(run):
    data = chain_data(shifts={"I1": {"A": 3.0}})
    few = np.flatnonzero(np.array(data.regime) == "I1")[6:]
    short = Dataset.from_frames({"obs": data.rows("obs").frame, "I1": data.frame.drop(index=few).iloc[400:]})
    result = run("utigsp", short, alpha_inv=0.01)
    assert any("Too few rows" in w and "in I1 (6 rows)" in w for w in result.provenance.warnings)
    assert "not tested" in set(result.target_table["target"])


# -- in use ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "invariance"),
    [("shift", "gaussian"), ("shift", "rank"), ("shift", "kernel"), ("perfect", "gaussian"), ("perfect", "kernel")],
)
def test_simulated_interventions(invariance, kind, run):
    data = simulate("interventions", p=8, n=1500, kind=kind, low=0.6, settings=3, seed=1)
    result = run("utigsp", data, alpha=1e-5, invariance=invariance)
    truth = data.truth["targets"]
    assert as_sets(result.targets) == {regime: set(truth[regime]) for regime in ("I1", "I2", "I3")}
    dag = Graph.from_dict(data.truth["graph"])
    assert result.graph == interventional_cpdag_of(Graph(dag.nodes, dag.marks, "dag"), truth)


def test_same_seed_same_digest_and_back_from_disk(run, tmp_path):
    data = simulate("interventions", p=10, n=300, seed=3)
    result = run("utigsp", data, seed=4)
    assert run("utigsp", data, seed=4).digest == result.digest
    again = load(result.to_dir(tmp_path / "result"))
    assert again.digest == result.digest
    assert (again.targets, again.dag, again.off_targets) == (result.targets, result.dag, result.off_targets)


def test_bootstrap_resamples_every_regime(run):
    result = run("utigsp", chain_data(n=200, shifts={"I1": {"A": 2.0}}), bootstrap=12)
    support = result.graph.support
    assert support[0, 1, 2] > 0.6, "A --> B in most resamples"
    assert run("utigsp", chain_data(n=200, shifts={"I1": {"A": 2.0}}), bootstrap=12).digest == result.digest


def test_the_dag_is_a_member_of_the_class_and_follows_the_order(run):
    for dag, targets in cases(10, seed=5, degree=3):
        result = run("utigsp", InterventionalOracle(dag, targets))
        assert interventional_cpdag_of(result.dag, targets) == result.graph
        place = {node: n for n, node in enumerate(result.order)}
        assert all(place[edge.source] < place[edge.target] for edge in result.dag.edges())


def test_plain_data_are_refused_in_words(run):
    with pytest.raises(UserError, match="no regimes"):
        run("utigsp", "sachs")


def test_cancel():
    with pytest.raises(Cancelled):
        utigsp(InterventionalOracle(CHAIN, {"I": "A"}), UtIgspParams(), Context(is_cancelled=lambda: True))


def test_one_start_of_each_class_is_enough_and_the_classes_are_told_apart():
    for dag in random_dags(20, [5], 3, seed=9):
        walk = Dag(dag.directed)
        for other in random_dags(20, [5], 3, seed=10):
            assert (class_key(walk) == class_key(Dag(other.directed))) == (cpdag_of(dag) == cpdag_of(other))
        for move in walk.covered():
            neighbour = Dag(dag.directed)
            neighbour.reverse(move.i, move.j)
            assert class_key(neighbour) == class_key(walk)


def test_regimes_combined_find_edges_that_the_observational_rows_miss(run):
    missed, wrong = {"obs": 0, "all": 0}, 0
    for seed in range(4):
        data = simulate("interventions", p=12, n=250, settings=4, seed=seed)
        truth = Graph.from_dict(data.truth["graph"]).skeleton
        for rows in missed:
            found = run("utigsp", data, alpha=1e-5, rows=rows, starts=3).graph.skeleton
            missed[rows] += int((truth & ~found).sum()) // 2
            wrong += int((found & ~truth).sum()) // 2
    assert missed["all"] < missed["obs"] / 2
    assert wrong <= 4
