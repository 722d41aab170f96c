"""The bundled model can be trusted as far as a model can: it inverts, its file loses nothing, and it knows what it does not know."""

import numpy as np
import pandas as pd
import pytest

from engine.molimage.ablation import contrast_sentence, shipped, table
from engine.molimage.domain import strange_images
from engine.molimage.model import MODELS, CellModel
from engine.molimage.simulator import simulate
from engine.molimage.train import asked

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model():
    return CellModel.load("shipped")


@pytest.fixture(scope="module")
def fields():
    """64 fields of 128 px under drugs of which the model was trained on some."""
    drugs = {"paclitaxel": "tubulin", "vorinostat": "hdac", "cycloheximide": "protein_synthesis", "ibuprofen": "inactive"}
    from engine.molimage.molecule import parse

    table = pd.DataFrame([{"smiles": parse(name).smiles, "name": name, "mechanism": moa} for name, moa in drugs.items()])
    return simulate(table, 16, 128, seed=9, controls=0)


def test_it_is_small_learnt_from_simulated_cells_and_says_so(model):
    assert (MODELS / "shipped.safetensors").stat().st_size <= 16 * 2**20
    assert model.facts["origin"] == "simulated"
    assert {"data", "data_digest", "seed", "metrics", "params", "training"} <= set(model.facts)


def test_drawing_undoes_looking(model, fields):
    values = torch.from_numpy(model.tone.values(fields.images, np.random.default_rng(0).random(fields.images.shape, np.float32)))
    told = torch.from_numpy(model.told(asked(fields)))
    with torch.inference_mode():
        latents = model.flow.latents(values, told)
        *_, (size, back) = model.flow.sample(latents, told)
    assert size == 128
    assert float((back - values).abs().max()) < 1e-4


def test_its_latents_are_as_noise_is(model, fields):
    """What the likelihood promises: latents of fields that it never saw have about unit variance at every level."""
    values = torch.from_numpy(model.tone.values(fields.images, np.random.default_rng(0).random(fields.images.shape, np.float32)))
    with torch.inference_mode():
        latents = model.flow.latents(values, torch.from_numpy(model.told(asked(fields))))
    for size, z in latents.items():
        assert 0.8 < float(z.std()) < 1.25, size
        assert abs(float(z.mean())) < 0.2, size


def test_drugs_do_to_drawn_cells_what_they_do_to_simulated_ones(model, fields):
    """Of each drug, the drawn images are nearest to the simulated images of the same drug, by their phenotype."""
    from engine.molimage.train import profiles_with_light

    table = fields.table
    drawn = model.sample(list(dict.fromkeys(asked(fields))), 16, seed=4, size=128)
    coordinates = model.conditions.space.coordinates
    known = [
        coordinates(profiles_with_light(fields.images[(table["compound"] == name).to_numpy()])).mean(axis=0)
        for name in table["compound"].unique()
    ]
    for k, images in enumerate(drawn):
        own = coordinates(profiles_with_light(images)).mean(axis=0)
        assert int(np.argmin([np.linalg.norm(own - other) for other in known])) == k


def test_noise_and_shuffled_pixels_are_strange_to_it(model):
    fields = simulate(
        pd.DataFrame({"smiles": ["CC(C)Cc1ccc(cc1)C(C)C(=O)O"], "name": ["ibuprofen"], "mechanism": ["inactive"]}),
        4,
        512,
        seed=3,
        controls=0,
    )
    assert not strange_images(model, fields.images).all()
    rng = np.random.default_rng(0)
    order = rng.permutation(512 * 512)
    shuffled = fields.images.reshape(4, 5, -1)[:, :, order].reshape(fields.images.shape)
    assert strange_images(model, shuffled).all()
    assert strange_images(model, rng.integers(0, 255, fields.images.shape, dtype=np.uint8)).all()


def test_the_ablation_comes_with_its_seeds_and_says_what_the_contrastive_term_does():
    record = shipped()
    assert record["seeds"] == [0, 1, 2]
    assert record["data"]["origin"] == "simulated"
    by = {(row["variant"], row["measure"]): row["values"] for row in record["rows"]}
    assert {"a", "b", "c", "e", "f", "real", "oracle"} == {variant for variant, _ in by}
    assert record["contrast"] == contrast_sentence(record["rows"])
    assert len(table(record)) == 7
    # what must hold whatever the model is worth: without the right molecule nothing is known of it
    for variant in ("c", "e"):
        assert np.allclose(by[variant, "correspondence"], 0.5, atol=0.03)
        assert np.allclose(by[variant, "morphology"], 0, atol=0.1)
