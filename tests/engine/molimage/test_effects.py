"""Shifts, paths between molecules, atoms and rankings agree with brute force on images whose truth is known."""

import re

import numpy as np
import pytest

from engine.core import UserError
from engine.molimage.attribution import attribute, occluded
from engine.molimage.bring.intensity import HIGH, LOW
from engine.molimage.conditions import Conditions
from engine.molimage.gallery import drugs
from engine.molimage.interpolate import interpolate
from engine.molimage.reverse import log_ratios, rank_molecules, squares
from engine.molimage.shifts import control_of, stain_shifts
from engine.molimage.train import profiles_with_light
from tests.engine.molimage.tiny import CHANNELS, KNOWN, P, tiny

pytest.importorskip("torch")

NOISE = {"seed": 3, "size": 32}


@pytest.fixture(scope="module")
def model():
    return tiny()


class Counting:
    """A model that draws as bright as there are chlorine atoms in the first stain, and rings of aromatic atoms in the second."""

    channels = ("chlorine", "aromatic")
    size = 32

    def __init__(self):
        self.conditions = self

    def predicted(self, asked):
        return np.array([(10 + 20 * smiles.count("Cl"), 20 + 10 * len(re.findall("[cn]", smiles))) for smiles, _ in asked], np.float32)

    def draw(self, conditions, n, *, seed, size):
        ramp = np.arange(n)[None, :, None, None, None]  # images differ, so that there is an error to report
        yield size, np.broadcast_to(conditions[:, None, :, None, None] + ramp, (len(conditions), n, 2, size, size)).astype(np.uint8)


def test_an_atom_gets_the_light_that_goes_with_it():
    smiles = "Clc1ccccc1CCCl"
    found = attribute(Counting(), smiles, 10.0, n=4)
    level = 10 + 20 * 2 + 1.5
    expected = [20 / level if atom in (0, 9) else 0.0 for atom in range(10)]
    np.testing.assert_allclose(found.of("chlorine"), expected, atol=1e-6)
    assert (found.of("aromatic")[1:7] > 0).all() and np.allclose(found.errors, 0, atol=1e-9)


def test_atoms_of_a_real_model_are_drawn_one_by_one(model):
    smiles = "CCN"
    found = attribute(model, smiles, 10.0, seed=2, n=4)
    told = model.conditions.predicted([(each, 10.0) for each in ("CCN", "*CN", "C*N", "*CC")])
    levels = [
        next(images for size, images in model.draw(told[k : k + 1], 4, seed=2, size=32) if size == 32)[0].mean(axis=(2, 3))
        for k in range(4)
    ]
    brute = [((levels[0] - other) / levels[0].mean(axis=0)).mean(axis=0) for other in levels[1:]]
    np.testing.assert_allclose(found.weights, brute, atol=2e-3)  # batches of another size round differently


def test_every_occluded_molecule_is_one_and_has_one_atom_less():
    from rdkit import Chem

    for smiles in [*drugs()["smiles"][::150], "C[N+](C)(C)C", "N[C@@H](C)C(=O)O", "c1cc[nH]c1"]:
        whole = Chem.MolFromSmiles(smiles)
        parts = occluded(smiles)
        assert len(parts) == whole.GetNumAtoms()
        for atom, part in enumerate(parts):
            read = Chem.MolFromSmiles(part)
            left = sorted(one.GetSymbol() for one in whole.GetAtoms() if one.GetIdx() != atom)
            assert sorted(one.GetSymbol() for one in read.GetAtoms() if one.GetAtomicNum()) == left
            assert read.GetNumAtoms() == whole.GetNumAtoms()


def test_a_shift_is_the_ratio_of_the_means():
    rng = np.random.default_rng(0)
    control = rng.integers(40, 100, (12, 3, 16, 16)).astype(np.uint8)
    treated = control.copy()
    treated[:, 1] = 2 * control[:, 1]
    treated[:, 2] = control[:, 2] // 2 * 1
    found = stain_shifts(treated, control, ("a", "b", "c")).set_index("stain")
    np.testing.assert_allclose(found["shift"], treated.mean(axis=(0, 2, 3)) / control.mean(axis=(0, 2, 3)) - 1, rtol=1e-9)
    assert (found["low"] <= found["shift"] + 1e-12).all() and (found["shift"] <= found["high"] + 1e-12).all()
    assert found.loc["a", ["low", "shift", "high"]].eq(0).all() and found.loc["b", "low"] > 0 > found.loc["c", "high"]


def test_pairs_of_the_same_cells_make_the_interval_narrow():
    rng = np.random.default_rng(1)
    base = rng.uniform(20, 200, (30, 1, 1, 1))
    control = np.broadcast_to(base, (30, 1, 8, 8)).astype(np.uint8)
    treated = np.clip(control + 5, 0, 255).astype(np.uint8)
    row = stain_shifts(treated, control, ("a",)).iloc[0]
    assert row["high"] - row["low"] < 1e-6 < row["shift"]
    mixed = stain_shifts(treated[::-1], control, ("a",)).iloc[0]
    assert mixed["low"] < 0 < mixed["high"]


def test_untreated_cells_are_found_or_missed_aloud(model):
    assert control_of(model) == KNOWN["DMSO"]
    known = model.conditions.known.iloc[1:].reset_index(drop=True)
    told = Conditions(model.conditions.space, known, model.conditions.measured[1:], model.conditions.encoder)
    without = type("Untold", (), {"conditions": told})()
    with pytest.raises(UserError, match="never saw untreated"):
        control_of(without)


def test_a_path_begins_and_ends_at_its_molecules(model):
    ends = ("CCO", 10.0), (KNOWN["aspirin"][0], 10.0)
    path = interpolate(model, *ends, steps=3, n=2, **NOISE)
    both = model.sample(ends, 2, **NOISE)
    assert np.abs(path[[0, 2]].astype(int) - both).max() <= 1  # batches of another size round differently
    told = model.told(ends).mean(axis=0, keepdims=True)
    *_, (_, middle) = model.draw(told, 2, **NOISE)
    assert np.abs(path[1].astype(int) - middle[0]).max() <= 1
    with pytest.raises(UserError, match="steps"):
        interpolate(model, *ends, steps=1)


def test_likelihood_ratios_are_differences_of_the_models_own(model):
    images = model.sample([("CCO", 10.0)], 3, seed=1, size=64)[0]
    told = model.told([("CCO", 10.0), (KNOWN["caffeine"][0], 3.0)])
    average = np.zeros((1, P + 1), np.float32)
    average[:, -1] = 1

    def nats(condition):
        bits = model.log_prob(images, np.repeat(condition[None], 3, axis=0), seed=0)["bits_per_dim"].to_numpy()
        return -bits * np.log(2) * images[0].size

    brute = [(nats(one) - nats(average[0])).mean() for one in told]
    np.testing.assert_allclose(log_ratios(model, images, told), brute, rtol=1e-4, atol=0.05)


def test_a_ranking_is_by_distance_and_then_by_likelihood(model):
    images = model.sample([("CCO", 10.0)], 4, seed=1, size=32)[0]
    library = ["CCO", "CCN", "c1ccccc1", KNOWN["aspirin"][0], KNOWN["caffeine"][0], "CCCCCC"]
    found = rank_molecules(model, images, library, 10.0, best=3)
    told = model.told([(one, 10.0) for one in library])
    seen = (profiles_with_light(images) @ model.conditions.space.axes).mean(axis=0)
    distance = np.sqrt(((told[:, :-1] - seen) ** 2).mean(axis=1))
    assert sorted(found["row"]) == list(range(6))
    np.testing.assert_allclose(found["distance"], distance[found["row"]], rtol=1e-4)
    nearest = set(np.argsort(distance)[:3])
    assert set(found["row"][:3]) == nearest and found["log_ratio"][3:].isna().all()
    assert found["log_ratio"][:3].is_monotonic_decreasing and found["distance"][3:].is_monotonic_increasing
    assert found.set_index("smiles")["measured"].loc[[KNOWN["aspirin"][0], "CCO"]].tolist() == [True, False]


@pytest.mark.parametrize(("shape", "words"), [((1, 3, 32, 32), "3 channels"), ((1, 5, 48, 48), "48 × 48"), ((1, 5, 16, 16), "16 × 16")])
def test_images_of_another_kind_are_refused(model, shape, words):
    with pytest.raises(UserError, match=words):
        rank_molecules(model, np.zeros(shape, np.uint8), ["CCO"], 10.0)


def test_a_field_is_cut_to_what_the_model_can_look_at():
    field = np.arange(5 * 70 * 140, dtype=np.uint16).reshape(5, 70, 140)
    cut = squares(field, (8, 16, 32, 64))
    low, high = (np.percentile(field, q, axis=(1, 2))[:, None, None] for q in (LOW, HIGH))
    scaled = np.rint(255 * np.clip((field - low) / (high - low), 0, 1))
    assert cut.dtype == np.uint8
    np.testing.assert_allclose(cut, np.stack([scaled[:, 3:67, 6:70], scaled[:, 3:67, 70:134]]), atol=1)
    bytes_as_they_are = (field % 251).astype(np.uint8)
    np.testing.assert_array_equal(squares(bytes_as_they_are, (64,))[0], bytes_as_they_are[:, 3:67, 6:70])
    with pytest.raises(UserError, match="too small"):
        squares(np.zeros((5, 20, 20), np.uint8), (8, 16, 32))


def test_the_channels_of_the_tiny_model_are_those_of_its_images(model):
    assert model.sample([("CCO", 1.0)], 1).shape == (1, 1, len(CHANNELS), 64, 64)
