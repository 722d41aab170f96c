"""The simulated disease is what it says: causes move genes, planted drugs undo it, decoys only look so, the null has no relation."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from engine.core import Tables, UserError
from engine.repurposing.sample import PARTS, part, planted, precision_at, pure_null
from engine.repurposing.sample import drugs as drug_constants
from engine.repurposing.sample import measurements as measured


@pytest.fixture(scope="module")
def world():
    return planted(seed=3)


@pytest.fixture(scope="module")
def null():
    return pure_null(seed=3)


@pytest.fixture(scope="module")
def worlds():
    return [(planted(seed), pure_null(seed)) for seed in range(5)]


def test_same_seed_same_bytes_whatever_is_asked_for_first(world):
    forwards = {name: world[name].digest for name in PARTS}
    other = planted(seed=3).tables(*reversed(PARTS))
    assert forwards == {name: other[name].digest for name in PARTS}
    assert part("network", seed=3).digest == forwards["network"]
    strange = planted(seed=4)
    assert all(strange[name].digest != forwards[name] for name in ("network", "targets", "partners"))


def test_parts_are_tables_of_their_shapes_and_say_that_they_are_simulated(world):
    tables = world.tables()
    assert isinstance(tables, Tables)
    assert tuple(tables.tables) == PARTS
    assert tables["counts"].frame.columns[0] == tables["cells"].frame.columns[0] == "gene"
    assert list(tables["design"].frame["sample"]) == list(tables["counts"].columns[1:])
    assert tables["network"].columns == ("protein1", "protein2", "cost")
    assert tables["targets"].columns == ("drug", "gene", "affinity", "kind", "source", "family", "action")
    assert all(table.source == "simulated" and "simulated" in table.name for table in tables.tables.values())
    assert all(gene.startswith("SIM") for gene in tables["counts"].frame["gene"])
    assert world.tables("network", "targets").main.digest == tables["network"].digest
    with pytest.raises(UserError, match="no part 'prices'"):
        world["prices"]


def test_the_network_is_connected_simple_and_heavy_tailed(world):
    edges = world.edges
    n = len(world.proteins)
    assert world.proteins["gene"].is_unique
    assert (edges["first"] < edges["second"]).all()
    assert not edges.duplicated(["first", "second"]).any()
    assert edges["cost"].between(0.01, 0.87).all()
    graph = sparse.coo_array((np.ones(len(edges)), (edges["first"], edges["second"])), shape=(n, n))
    assert sparse.csgraph.connected_components(graph, directed=False)[0] == 1
    degree = np.bincount(edges[["first", "second"]].to_numpy().ravel(), minlength=n)
    assert degree.max() > 8 * np.median(degree)
    module = world.proteins["module"].to_numpy()
    assert (module[edges["first"]] == module[edges["second"]]).mean() > 0.3  # 1 in 30 by chance


def test_the_response_solves_the_linear_model(world):
    matrix = world.disease.regulation.toarray()
    shift = world.disease.shift
    expected = np.linalg.solve(np.eye(len(matrix)) - matrix, matrix @ shift)  # x = B (x + a)
    assert world.disease.response(shift) == pytest.approx(expected, abs=1e-10)
    assert world.disease.response(np.column_stack([shift, -shift]))[:, 1] == pytest.approx(-expected, abs=1e-10)


def test_regulation_is_acyclic_runs_along_interactions_and_explains_its_share(world):
    matrix = world.disease.regulation
    assert sparse.csgraph.connected_components(matrix, connection="strong")[0] == matrix.shape[0]
    child, parent = matrix.nonzero()
    known = set(map(tuple, world.edges[["first", "second"]].to_numpy().tolist()))
    assert {(min(pair), max(pair)) for pair in zip(parent.tolist(), child.tolist(), strict=True)} <= known
    explained = np.asarray(matrix.power(2).sum(axis=1))
    assert explained[explained > 0] == pytest.approx(0.6)


def test_drivers_cause_the_disease_without_moving_themselves(world):
    truth = world.true_genes
    drivers = truth[truth["is_driver"]]
    assert len(drivers) == 8
    assert set(drivers["family"]) <= {"kinase", "receptor", "enzyme", "channel"}
    assert set(drivers["gene"]) <= set(world["partners"].frame["gene"])
    child = world.disease.regulation[:, world.disease.drivers].nonzero()[0]
    others = np.setdiff1d(np.arange(len(truth)), child)
    size = truth["log2fc"].abs().to_numpy()
    assert np.median(size[child]) > 3 * np.median(size[others])
    assert drivers["log2fc"].abs().median() < np.median(size[child])
    both = truth["shift_second"][drivers.index]
    assert ((both == 0) | (np.sign(both) == np.sign(drivers["shift"]))).all()


def test_the_counts_carry_the_true_fold_changes_with_the_stated_noise(world):
    frame, design = world["counts"].frame, world["design"].frame
    counts = frame.iloc[:, 1:].to_numpy()
    is_disease = (design["group"] == "disease").to_numpy()
    assert (counts >= 0).all()
    assert (counts == counts.round()).all()
    still = frame["gene"].str.startswith("SIMX").to_numpy()  # outside the network: tells depth
    scaled = counts / np.median(counts[still] / counts[still].mean(axis=1, keepdims=True), axis=0)
    means = [scaled[:, mask].mean(axis=1) for mask in (~is_disease, is_disease)]
    rich = (np.minimum(*means) > 200) & ~still
    found = np.log2(means[1] / means[0])[rich]
    true = world.true_genes["log2fc"].to_numpy()[rich[: len(world.true_genes)]]
    variance = sum((1 / mean[rich] + 0.05 + 2 / mean[rich]) / 3 for mean in means) / np.log(2) ** 2
    z = (found - true) / np.sqrt(variance)
    assert abs(z.mean()) < 0.15
    assert z.std() == pytest.approx(1.0, abs=0.12)


def test_single_cells_vary_with_their_regulators(world):
    values = world["cells"].frame.iloc[:, 1:].to_numpy()
    assert 0.1 < (values == 0).mean() < 0.5
    child, parent = world.disease.regulation.nonzero()
    is_strong = np.abs(world.disease.regulation.data) > 0.4
    rich = values.mean(axis=1) > 2.5
    chosen = is_strong & rich[child] & rich[parent]
    agree = [np.corrcoef(values[i], values[j])[0, 1] for i, j in zip(child[chosen], parent[chosen], strict=True)]
    assert (np.sign(agree) == np.sign(world.disease.regulation.data[chosen])).mean() > 0.95


def test_planted_drugs_undo_a_cause_and_mimics_push_it(world):
    truth = world.true_drugs.set_index("drug")
    shift = world.disease.shift
    for number, (role, acts_on) in enumerate(zip(truth["role"], truth["acts_on"], strict=True)):
        acted = np.flatnonzero(world.drugs.shift[:, number])
        assert acts_on == "; ".join(world.proteins["gene"].to_numpy()[acted])
        on_cause = (world.drugs.shift[:, number] * shift)[world.disease.drivers]
        if role == "planted":
            assert on_cause.min() < 0
        elif role == "mimic":
            assert on_cause.max() > 0
        else:
            assert not on_cause.any()
    by_role = truth.groupby("role")["true_reversal"].median()
    assert by_role["planted"] > 0.1 > -0.1 > by_role["mimic"]
    hit = {gene for names in truth.loc[truth["role"] == "planted", "acts_on"] for gene in names.split("; ")}
    assert set(world.true_genes.loc[world.true_genes["is_driver"], "gene"]) <= hit


def test_reversal_is_minus_the_cosine(world):
    response = world.disease.response(world.drugs.shift) - np.outer(world.disease.growth, world.drugs.growth_stop)
    truth, log2fc = world.true_drugs, world.disease.log2fc
    for number in np.flatnonzero(truth["role"] != "inactive")[:20]:
        cosine = response[:, number] @ log2fc / np.linalg.norm(response[:, number]) / np.linalg.norm(log2fc)
        assert truth["true_reversal"][number] == pytest.approx(-cosine)
    assert (truth.loc[truth["role"] == "inactive", "true_reversal"] == 0).all()


def test_roles_are_as_many_as_stated_and_the_action_fits_the_cause(world):
    truth = world.true_drugs
    assert truth["role"].value_counts().to_dict() == drug_constants.ROLES
    targets = world["targets"].frame.astype({"drug": str, "gene": str, "action": str})
    genes = world.true_genes.set_index("gene")
    for drug in truth.loc[truth["role"] == "planted", "drug"]:
        mine = targets[(targets["drug"] == drug) & targets["gene"].map(genes["is_driver"])]
        expected = np.where(mine["gene"].map(genes["shift"]) > 0, "inhibitor", "activator")
        assert len(mine) >= 1
        assert list(mine["action"]) == list(expected)


def test_promiscuous_inhibitors_reappear_for_random_diseases_as_published_ones_do(world):
    """E10: with random disease genes, drugs of about 100 targets come back in 86 to 100 % of runs, those of a few do not."""
    rng = np.random.default_rng(0)
    genes = world.proteins["gene"].to_numpy()
    targets = world["targets"].frame
    listed = {drug: set(rows) for drug, rows in targets.groupby("drug", observed=True)["gene"]}
    random_sets = [set(rng.choice(genes, 100, replace=False)) for _ in range(200)]
    often = pd.Series({drug: np.mean([bool(mine & drawn) for drawn in random_sets]) for drug, mine in listed.items()})
    by_role = often.groupby(world.true_drugs.set_index("drug")["role"]).median()
    assert by_role["promiscuous"] > 0.95
    assert by_role["planted"] < 0.5
    decoys = world.true_drugs.loc[world.true_drugs["role"] == "promiscuous", "n_targets"]
    assert decoys.between(60, 140).all()


def test_decoys_look_as_good_as_planted_drugs_over_seeds(worlds):
    """The screen alone must not tell them apart in either direction, or calibration would have nothing to show."""
    medians = [made.true_drugs.groupby("role")["true_reversal"].median() for made, _ in worlds]
    assert abs(np.mean([median["promiscuous"] - median["planted"] for median in medians])) < 0.1


def test_what_acts_in_cells_binds_tighter_and_some_rows_have_no_value(world):
    targets = world["targets"].frame
    acting = world.true_drugs.set_index("drug")["acts_on"].str.split("; ")
    is_acting = np.array([gene in acting[drug] for drug, gene in zip(targets["drug"], targets["gene"], strict=True)])
    measured_rows = targets["affinity"].notna().to_numpy()
    assert targets["affinity"][is_acting & measured_rows].min() >= 7
    assert targets["affinity"].dropna().between(5, 9).all()
    assert 0.02 < (~measured_rows).mean() < 0.09
    assert (targets["kind"].astype(str)[~measured_rows] == "").all()
    assert not targets.duplicated(["drug", "gene"]).any()


def test_every_plate_holds_every_drug_at_every_dose_once(world):
    rows = world["screen"].rows
    assert rows["id"].is_unique
    for _, plate in rows.groupby("plate"):
        assert len(plate) == 384 == plate["well"].nunique()
        assert plate["is_control"].sum() == measured.N_CONTROLS
        treated = plate[~plate["is_control"]]
        assert not treated.duplicated(["drug", "dose_um"]).any()
        assert treated["drug"].nunique() == 120


def test_the_screen_shows_the_true_effects_over_plate_and_well_noise(world):
    screen = world["screen"]
    values, rows = screen.block(), screen.rows
    places = pd.Index(world.proteins["gene"]).get_indexer(list(screen.genes))
    response = world.drugs.response(world.disease)[places]
    top = (rows["dose_um"] == max(measured.DOSES_UM)).to_numpy()
    control = rows["is_control"].to_numpy()
    found = [
        values[top & (rows["drug"] == drug).to_numpy()].mean(axis=0) - values[control].mean(axis=0) for drug in world.true_drugs["drug"]
    ]
    acts = np.linalg.norm(response, axis=0) > np.quantile(np.linalg.norm(response, axis=0), 0.7)
    assert np.median([np.corrcoef(found[d], response[:, d])[0, 1] for d in np.flatnonzero(acts)]) > 0.6
    plates = [values[control & (rows["plate"] == plate).to_numpy()] for plate in ("SIM-A_1", "SIM-A_2")]
    within = np.mean([plate.std(axis=0, ddof=1) for plate in plates])
    between = (plates[0].mean(axis=0) - plates[1].mean(axis=0)).std()
    assert within == pytest.approx(measured.WELL_SD, rel=0.1)
    assert between == pytest.approx(np.sqrt(2) * np.hypot(measured.PLATE_GENE_SD, measured.WELL_SD / np.sqrt(24)), rel=0.2)


def test_a_higher_dose_does_more(world):
    saturation = [
        np.array(measured.DOSES_UM) / (np.array(measured.DOSES_UM) + half) for half in world.true_drugs["half_dose_um"]
    ]  # the stated curve; the screen must follow its order
    assert (np.diff(saturation) > 0).all()
    screen = world["screen"]
    values, rows = screen.block(), screen.rows
    baseline = values[rows["is_control"].to_numpy()].mean(axis=0)
    planted_drugs = world.true_drugs.loc[world.true_drugs["role"] == "promiscuous", "drug"]
    size = [
        np.median([np.linalg.norm(values[((rows["drug"] == drug) & (rows["dose_um"] == dose)).to_numpy()].mean(axis=0) - baseline)
                   for drug in planted_drugs])
        for dose in measured.DOSES_UM
    ]  # fmt: skip
    assert size == sorted(size)


def test_the_null_moves_as_many_genes_as_far_but_others(world, null):
    pairs = [np.column_stack([w.disease.log2fc, w.disease.log2fc_second]) for w in (world, null)]
    assert np.array_equal(*(np.sort(p.view([("a", float), ("b", float)]).ravel(), order=("a", "b")) for p in pairs))
    assert not np.array_equal(*pairs)
    assert set(null.true_drugs["role"]) == {"promiscuous", "unrelated", "inactive"}
    assert not null.true_genes["is_driver"].any()
    assert null["network"].digest == world["network"].digest
    assert null["targets"].digest == world["targets"].digest
    assert part("second", seed=3, has_cause=False).digest == null["second"].digest != world["second"].digest


def test_under_the_null_no_drug_is_right(worlds):
    """The decoys' reversal centres on zero over null worlds; under the planted disease it does not."""
    means = np.array([[made.true_drugs.set_index("role").loc["promiscuous", "true_reversal"].mean() for made in pair] for pair in worlds])
    assert stats.ttest_1samp(means[:, 1], 0).pvalue > 0.01
    assert means[:, 0].min() > 3 * np.abs(means[:, 1]).max()


def test_precision_counts_distinct_planted_drugs(world):
    roles = world.true_drugs.set_index("drug")["role"]
    right, wrong = list(roles.index[roles == "planted"]), list(roles.index[roles != "planted"])
    assert precision_at(right + wrong, world) == 1.0
    assert precision_at([right[0], right[0], *wrong], world) == 0.1
    assert precision_at(pd.Series(right[:3]), world, k=5) == 0.6
    assert precision_at(wrong, world) == 0.0
