"""Baselines are what they say: halves with no image in common, the nearest molecule by brute force, molecules all wrong, fresh cells."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from engine.core import Context, UserError
from engine.molimage.baselines import halves, is_untreated, molecules_of, nearest_training, oracle, shuffled
from engine.molimage.simulator import simulate
from engine.molimage.train import asked
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs

RINGS = ["c1ccccc1", "Cc1ccccc1", "c1ccncc1", "CCc1ccccc1C", "OC1CCCCC1"]


def world(held_out, n_each=9):
    """Images at two doses, the molecules in ``held_out`` for testing only, or every third image where none is."""
    made = blobs(ALCOHOLS[:4] + RINGS, n_each, 16)
    table = made.table.assign(dose_um=np.where(np.arange(len(made)) % n_each < 4, 1.0, 10.0))
    is_test = table["smiles"].isin(held_out) if held_out else np.arange(len(made)) % 3 == 0
    return dataclasses.replace(made, table=table.assign(split=np.where(is_test, "test", "train")))


def test_held_out_molecules_are_halved_dose_by_dose():
    images = world(RINGS[:3])
    split = halves(images)
    assert not split.are_plates
    assert set(molecules_of(split.reference)) == set(molecules_of(split.other)) == set(RINGS[:3])
    pixels = [{image.tobytes() for image in part.images} for part in (split.reference, split.other)]
    assert not pixels[0] & pixels[1]
    assert len(pixels[0] | pixels[1]) == len(images.split("test"))
    for molecule in RINGS[:3]:
        doses = [
            part.table.loc[part.table["smiles"] == molecule, "dose_um"].value_counts().to_dict() for part in (split.reference, split.other)
        ]
        assert max(abs(doses[0].get(dose, 0) - doses[1].get(dose, 0)) for dose in (1.0, 10.0)) <= 1
    assert asked(split.wanted) == asked(split.other)


def test_seen_molecules_have_their_training_images_as_the_other_half():
    images = world([])
    split = halves(images)
    assert split.are_plates
    assert len(split.reference) == len(images.split("test"))
    assert asked(split.other) == asked(split.reference)
    assert (split.other.column("split") == "train").all()


@pytest.mark.parametrize(
    ("facts", "is_control"),
    [
        ({"smiles": "CS(C)=O"}, True), ({"compound": "DMSO"}, True), ({"compound": "vehicle"}, True), ({"dose_um": 0.0}, True),
        ({"dose_um": np.nan}, False), ({"moa": "inactive"}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("held_out", [RINGS[:3], []])
def test_untreated_cells_are_in_neither_half(held_out, facts, is_control):
    images = world(held_out)
    test = np.flatnonzero(images.column("split") == "test")
    table = images.table.copy()
    table.loc[test[:5], list(facts)] = list(facts.values())
    images = dataclasses.replace(images, table=table)
    assert is_untreated(images).sum() == 5 * is_control
    split = halves(images)
    assert split.untreated == 5 * is_control
    assert not any(is_untreated(part).any() for part in (split.reference, split.other, split.wanted))
    parts = [split.reference] if split.are_plates else [split.reference, split.other]
    assert sum(map(len, parts)) == len(test) - split.untreated


def test_a_test_split_of_untreated_cells_alone_says_what_to_do():
    images = world([])
    doses = np.where(images.column("split") == "test", 0.0, 1.0)
    with pytest.raises(UserError, match="All test images of blobs show untreated cells"):
        halves(dataclasses.replace(images, table=images.table.assign(dose_um=doses)))


@pytest.mark.parametrize("n", [2, 4, 30])
def test_as_many_are_drawn_of_each_molecule_as_asked_for(n):
    split = halves(world(RINGS[:3]), n)
    assert set(pd.Series(molecules_of(split.wanted)).value_counts()) == {n}
    assert pd.Series(molecules_of(split.reference)).value_counts().max() <= n


def test_the_nearest_molecule_is_that_of_brute_force():
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    images = world(["CCc1ccccc1C", "CCCO"])
    train, test = images.split("train"), images.split("test")
    rows, lost = nearest_training(test, train)
    assert lost == 0
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, includeChirality=True)
    prints = {smiles: make.GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in set(images.column("smiles"))}
    for (smiles, dose), row in zip(asked(test), rows, strict=True):
        found = DataStructs.TanimotoSimilarity(prints[smiles], prints[train.column("smiles")[row]])
        assert found == max(DataStructs.TanimotoSimilarity(prints[smiles], prints[each]) for each in set(train.column("smiles")))
        assert train.table["dose_um"][row] == dose


def test_a_molecule_is_not_its_own_neighbour_and_one_without_structure_is_counted():
    images = world([])
    train, test = images.split("train"), images.split("test")
    rows, _ = nearest_training(test, train)
    assert (train.column("smiles")[rows] != test.column("smiles")).all()
    coded = dataclasses.replace(test, table=test.table.assign(smiles="", compound="AZ-1"))
    assert nearest_training(coded, train)[1] == 1


def test_shuffled_molecules_are_all_wrong_and_doses_stay():
    images = world([])
    rows = shuffled(images)
    molecules, doses = molecules_of(images), images.table["dose_um"].to_numpy()
    assert (molecules[rows] != molecules).all()
    partner = {mine: set(molecules[rows][molecules == mine]) for mine in set(molecules)}
    assert all(len(theirs) == 1 for theirs in partner.values())
    assert set().union(*partner.values()) == set(molecules)
    assert (doses[rows] == doses).all()
    with pytest.raises(UserError, match="only one"):
        shuffled(images.take(molecules == "CO"))


def test_the_oracle_shows_the_same_treatments_in_fresh_cells():
    molecules = pd.DataFrame({"smiles": ["CCO", "c1ccccc1O"], "mechanism": ["inactive", "tubulin"]})
    images = simulate(molecules, 2, 32, seed=3, dose_um=(1.0, 10.0), plates=2, controls=1)
    wanted = images.take(np.array([3, 0, 0, 7, 8, 2]))
    fresh = oracle(images, wanted, Context.silent())
    assert asked(fresh) == asked(wanted)
    assert list(fresh.column("moa")) == list(wanted.column("moa"))
    known = {image.tobytes() for image in images.images}
    assert len({image.tobytes() for image in fresh.images} - known) == len(wanted)
    assert oracle(blobs(AMINES[:2], 2), blobs(AMINES[:2], 2), Context.silent()) is None
