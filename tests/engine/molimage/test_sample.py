"""Sampling gives what the model draws, whichever way a molecule is named, and says of each how far to believe it."""

import json

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import UserError
from engine.molimage.asked import molecules, molecules_for
from engine.molimage.belief import DISAGREE, belief
from engine.molimage.domain import FAR
from engine.molimage.molecule import parse
from engine.molimage.sample import SampleParams, opened
from tests.engine.molimage.tiny import CHANNELS, KNOWN, tiny_place

pytest.importorskip("torch")

ASPIRIN = KNOWN["aspirin"][0]
QUICK = {"n": 3, "size": 32, "seed": 5}


@pytest.fixture(scope="module")
def model():
    return opened(tiny_place())


def sampled(data, **more):
    return engine.run("molimage_sample", data, model=tiny_place(), **{**QUICK, **more})


@pytest.mark.parametrize(
    "data", ["aspirin", ASPIRIN, "OC(=O)c1ccccc1OC(C)=O", "CC(=O)Oc1ccccc1C(=O)[O-].[Na+]",
             pd.DataFrame({"smiles": ["aspirin"], "note": [1.0]})],
    ids=["name", "canonical", "another order", "salt", "table"],
)  # fmt: skip
def test_every_way_to_name_a_molecule_draws_what_the_model_draws(model, data):
    found = sampled(data)
    np.testing.assert_array_equal(found.images, model.sample([(ASPIRIN, 10.0)], 3, seed=5, size=32))
    assert found.table["smiles"].tolist() == [ASPIRIN]


@pytest.mark.parametrize("text", ["DMSO", "C[S+](C)[O-]"])
def test_the_control_is_drawn_as_it_was_measured(model, text):
    found = sampled(text)
    assert found.table["measured"].tolist() == [True]
    np.testing.assert_array_equal(found.images, model.sample([KNOWN["DMSO"]], 3, seed=5, size=32))


def test_doses_of_the_table_go_before_the_one_of_the_settings(model):
    found = sampled(pd.DataFrame({"smiles": ["CCO", "CCO"], "dose_um": [0.5, np.nan]}), dose_um=20.0)
    assert found.table["dose_um"].tolist() == [0.5, 20.0]
    np.testing.assert_array_equal(found.images, model.sample([("CCO", 0.5), ("CCO", 20.0)], 3, seed=5, size=32))


def test_the_nearest_molecule_is_the_one_rdkit_finds(model):
    from rdkit import Chem, DataStructs
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    make = GetMorganGenerator(radius=2, fpSize=2048, includeChirality=True)

    def bits(smiles):
        return make.GetFingerprint(Chem.MolFromSmiles(smiles))

    asked = "OC(=O)c1ccccc1O"
    alike = {name: DataStructs.TanimotoSimilarity(bits(asked), bits(smiles or parse(name).smiles)) for name, (smiles, _) in KNOWN.items()}
    row = sampled(asked).table.iloc[0]
    assert row["nearest"] == max(alike, key=alike.get)
    assert row["similarity"] == pytest.approx(max(alike.values()))
    assert row["spread"] == pytest.approx(float(model.conditions.encoder.spread([asked], np.ones(1, np.float32))[0]))


def test_a_reader_is_warned_of_what_is_unlike_all_that_was_learnt():
    found = sampled(pd.DataFrame({"smiles": ["caffeine", "C1CCCCC1", "paclitaxel"]}))
    assert found.table["measured"].tolist() == [True, False, True]
    assert found.table["doubtful"].tolist() == [False, True, False]
    assert len(found.provenance.warnings) == 1 and found.provenance.warnings[0].startswith("C1CCCCC1: Extrapolation")
    assert dict(found.summary())["Doubtful"] == "1"


@pytest.mark.parametrize(
    ("similarity", "spread", "doubtful", "words"),
    [
        (FAR - 0.01, 0.0, True, "Extrapolation"), (FAR + 0.01, DISAGREE + 0.01, True, "Uncertain"),
        (FAR + 0.01, DISAGREE - 0.01, False, "Predicted from its structure"), (float("nan"), 0.0, True, "Extrapolation"),
    ],
)  # fmt: skip
def test_either_reason_for_doubt_is_enough(model, monkeypatch, similarity, spread, doubtful, words):
    near = pd.DataFrame({"compound": ["X"], "smiles": ["C"], "similarity": [similarity]})
    monkeypatch.setattr("engine.molimage.belief.neighbours", lambda *_: near)
    monkeypatch.setattr(type(model.conditions.encoder), "spread", lambda *_: np.array([spread]))
    found = belief(model, "CCCCO", 10.0)
    assert found.is_doubtful == doubtful and found.sentence.startswith(words)


def test_a_dose_outside_those_seen_is_said(model):
    assert "nearest" in belief(model, ASPIRIN, 100.0).sentence
    assert "nearest" not in belief(model, ASPIRIN, 10.0).sentence
    assert "untreated" in belief(model, "CS(C)=O", 10.0).sentence


def test_what_is_written_into_files_says_where_images_come_from(model):
    found = sampled("caffeine", temperature=0.7)
    told = json.loads(json.dumps(found.told()))
    assert told["origin"] == "simulated" and model.id in told["model"] and told["smiles"] == KNOWN["caffeine"][0]
    assert (told["seed"], told["temperature"], told["dose_um"], told["size"]) == (5, 0.7, 10.0, 32)
    assert told["pixel_um"] == pytest.approx(1.8 * 64 / 32)
    made = found.image_set()
    assert len(made) == 3 and made.channels == CHANNELS and made.origin == "simulated"
    assert set(made.column("compound")) == {"caffeine"}


def test_the_steps_of_molecules_make_them_again():
    data = molecules(["aspirin", "CCO"])
    ((call, arguments),) = data.steps
    assert call == "engine.molimage.molecules"
    assert engine.molimage.molecules(**arguments).digest == data.digest
    assert molecules(["aspirin", "CCN"]).digest != data.digest


@pytest.mark.parametrize(
    ("smiles", "words"), [(["CCO", "C1CC"], "Row 2"), (["CCO", "nosuchdrug"], "Row 2"), (["CCO"] * 201, "201 mol"), ([], "0 mol")]
)
def test_rows_that_cannot_be_read_are_named(smiles, words):
    with pytest.raises(UserError, match=words):
        molecules_for(pd.DataFrame({"smiles": pd.Series(smiles, dtype=str)}), SampleParams())


def test_what_a_model_cannot_draw_is_said():
    with pytest.raises(UserError, match="does not draw 128 px"):
        sampled("CCO", size=128)
    with pytest.raises(UserError, match="no model"):
        engine.run("molimage_sample", "CCO", model="nowhere")
