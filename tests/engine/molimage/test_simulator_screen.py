"""A simulated screen depends on seed, molecule, dose and image alone, and each mechanism changes what its rule says."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

from engine.core import Context, UserError
from engine.molimage.simulator import constants
from engine.molimage.simulator.oracle import profile
from engine.molimage.simulator.phenotype import DMSO, MECHANISMS
from engine.molimage.simulator.screen import Treatment, field_of, simulate, simulate_with_truth, wells

MOLECULES = pd.DataFrame(
    [
        ("CC(=O)Nc1ccc(O)cc1", "paracetamol", "inactive"),
        ("COc1cc2c(c(OC)c1OC)-c1ccc(OC)c(=O)cc1[C@@H](NC(C)=O)CC2", "colchicine", "tubulin"),
        ("O=C(O)c1ccccc1OC(C)=O", "aspirin", ""),
    ],
    columns=["smiles", "name", "mechanism"],
)
SCREEN = {"n_each": 5, "size": 32, "seed": 7, "dose_um": [1.0, 10.0], "plates": 3, "controls": 2}

# per mechanism: feature of the cells and the sign of its change, as the rules say
SIGNS = {
    "inactive": [], "tubulin": [("lobes", 1), ("micronuclei", 1), ("mitotic_share", 1)], "actin": [("cell_area", -1), ("lobes", 1)],
    "dna_damage": [("nucleus_area", 1), ("cell_area", 1), ("nuclei", -1)], "dna_synthesis": [("nucleus_area", 1), ("dna_nucleus", -1)],
    "proteasome": [("er_cell", 1), ("nuclei", -1)], "mitochondrial": [("mito_cell", -1)],
    "protein_synthesis": [("er_cell", -1), ("rna_cell", -1), ("nucleoli", -1)], "hdac": [("nucleus_area", 1), ("er_nucleus", 1)],
    "hsp90": [("nuclei", -1), ("er_cell", 1)], "pi3k_mtor": [("nucleus_area", -1), ("cell_area", -1), ("mito_cell", 1)],
    "cdk": [("nucleoli", -1), ("rna_nucleus", -1)], "aurora_plk": [("lobes", 1), ("nucleus_area", 1)],
    "atpase": [("cell_area", -1), ("nuclei", -1), ("apoptotic_share", 1)],
    "hmgcr": [("cell_elongation", 1), ("nucleus_elongation", 1), ("nuclei", -1)],
    "rock": [("agp_cell", -1), ("cell_elongation", 1)],
    "glucocorticoid": [("agp_cell", 1), ("cell_area", 1)], "lysosomotropic": [("vacuole_share", 1)],
}  # fmt: skip


@pytest.fixture(scope="module")
def screen():
    return simulate_with_truth(MOLECULES, **SCREEN)


@pytest.fixture(scope="module")
def untreated():
    return profile(DMSO, 50, 32)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_mechanism_changes_what_its_rule_says(mechanism, untreated):
    assert SIGNS.keys() == MECHANISMS.keys()
    treated = profile(MECHANISMS[mechanism].full, 30, 32, seed=1)
    for feature, sign in SIGNS[mechanism]:
        assert sign * (treated[feature] - untreated[feature]) > 0.1 * untreated[feature], feature
    if mechanism == "inactive":
        assert treated["nucleus_area"] == pytest.approx(untreated["nucleus_area"], rel=0.05)


def test_facts_and_truths(screen):
    images, truth = screen
    table = images.table
    assert images.origin == "simulated"
    assert images.channels == constants.CHANNELS
    assert images.pixel_um == pytest.approx(2 * constants.UNIT_UM)
    assert len(images) == len(truth) == 3 * 2 * 5 + 3 * 2
    assert images.steps[-1][1]["version"] == constants.VERSION
    assert not table.duplicated(["plate", "well", "site"]).any()
    treated = table[table["dose_um"] > 0]
    assert (treated.groupby(["compound", "dose_um"])["plate"].nunique() == 3).all()
    assert (treated.groupby(["compound", "dose_um"])["well"].nunique() == 1).all()
    controls = table[table["dose_um"] == 0]
    assert controls.groupby("plate").size().to_dict() == {"P01": 2, "P02": 2, "P03": 2}
    assert set(controls["compound"]) == {"DMSO"}
    assert (images.images[:, 0].max(axis=(1, 2)) > images.images[:, 0].min(axis=(1, 2)) + 10).all()


def test_truth_is_that_of_the_field_drawn_alone(screen):
    images, truth = screen
    at = int(np.flatnonzero((images.table["compound"] == "colchicine") & (images.table["dose_um"] == 10.0))[2])
    field = field_of(MOLECULES["smiles"][1], "tubulin", 10.0, 2, size=32, seed=7)
    assert truth["cells"][at] == field.cells.max()
    assert truth["covered"][at] == (field.cells > 0).mean()


def test_neither_order_nor_company_nor_threads_change_an_image(screen):
    images, _ = screen
    with parallel_config(backend="threading", n_jobs=2):
        turned = simulate(MOLECULES[::-1].iloc[:2], **(SCREEN | {"dose_um": [10.0]}), context=Context.silent(threads=2))
    for name in ("colchicine", "aspirin"):
        mine = images.images[(images.table["compound"] == name) & (images.table["dose_um"] == 10.0)]
        assert mine.tobytes() == turned.images[turned.table["compound"] == name].tobytes()
    assert images.images[-6:].tobytes() == turned.images[-6:].tobytes()
    written_otherwise = MOLECULES.assign(smiles=["Oc1ccc(NC(C)=O)cc1", *MOLECULES["smiles"][1:]])
    assert simulate(written_otherwise, **SCREEN).digest == images.digest
    assert simulate(MOLECULES, **(SCREEN | {"seed": 8})).digest != images.digest


def test_batch_effects_change_light_and_nothing_else(screen):
    images, truth = screen
    flat, flat_truth = simulate_with_truth(MOLECULES, **SCREEN, batch_effects=False)
    pd.testing.assert_frame_equal(truth, flat_truth)
    pd.testing.assert_frame_equal(images.table, flat.table)
    light, even = (each.images.astype(float) - 255 * constants.OFFSET for each in (images, flat))
    ratio = pd.DataFrame(np.log(light.mean(axis=(2, 3)) / even.mean(axis=(2, 3)))).groupby(images.table["plate"]).agg(["mean", "std"])
    between, within = ratio.xs("mean", axis=1, level=1).std().mean(), ratio.xs("std", axis=1, level=1).mean().mean()
    assert 0.03 < between < 0.2
    assert within < between


def test_many_treatments_fill_several_plates():
    treatments = [Treatment("C" * n, "", "", dose) for n in range(1, 101) for dose in (1.0, 2.0, 3.0, 4.0)]
    places = wells(treatments, seed=0)
    assert len(set(places)) == 400
    assert {sheet for sheet, _ in places} == {0, 1}
    assert wells(treatments[::-1], seed=0)[::-1] == places
    assert wells(treatments, seed=1) != places


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        (pd.DataFrame({"name": ["a"]}), {}, "no column smiles"),
        (MOLECULES.assign(smiles="CCO"), {}, "twice"),
        (MOLECULES.assign(mechanism="magic"), {}, "no mechanism 'magic'"),
        (MOLECULES, {"dose_um": 0.0}, "positive"),
        (MOLECULES, {"n_each": 0}, "at least one image"),
        (MOLECULES, {"size": 16}, "16 pixels"),
    ],
)
def test_errors_name_what_is_wrong(table, changes, message):
    with pytest.raises(UserError, match=message):
        simulate(table, **(SCREEN | changes))
