"""Training learns what molecules do, goes on bit by bit after a stop, and leaves a model that comes back from its file the same."""

import dataclasses
import itertools

import numpy as np
import pytest

from engine.core import Cancelled, Context, ImageSet, UserError
from engine.molimage import encoder
from engine.molimage.domain import strange_images
from engine.molimage.model import CellModel
from engine.molimage.train import TrainParams, train
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs

torch = pytest.importorskip("torch")

QUICK = TrainParams(size=32, steps=80, batch=8)
SHORT = TrainParams(size=32, steps=12, batch=4)


def stopping_after(checks, kept):
    """A context that cancels the run at one of its checks."""
    counter = itertools.count()
    return Context(kept=kept, threads=1, is_cancelled=lambda: next(counter) >= checks)


@pytest.fixture(scope="module", autouse=True)
def _short_encoders():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "EPOCHS", 25)
        yield


@pytest.fixture(scope="module")
def images():
    return blobs(ALCOHOLS + AMINES)


@pytest.fixture(scope="module")
def result(images):
    return train(images, QUICK, Context.silent())


@pytest.fixture(scope="module")
def model(result):
    return result.cell_model()


def test_seen_and_unseen_molecules_look_as_they_should(model):
    """Blobs of alcohols are larger than those of amines; chains of fourteen were never seen."""
    seen = model.sample([("CCCCO", 10.0), ("CCCCN", 10.0)], 24, seed=1).astype(float)
    unseen = model.sample([("C" * 14 + "O", 10.0), ("C" * 14 + "N", 10.0)], 24, seed=1).astype(float)
    for alcohol, amine in (seen, unseen):
        assert (alcohol > 40).mean() > 1.2 * (amine > 40).mean()


def test_a_molecule_lowers_the_code_length(images, model):
    """The right half of the molecules fits better than the wrong one, on images that were not trained on."""
    held = images.split("test")
    right = [(s, 10.0) for s in held.column("smiles")]
    wrong = [(s[:-1] + ("N" if s.endswith("O") else "O"), 10.0) for s in held.column("smiles")]
    told = model.log_prob(held.images, model.told(right))["bits_per_dim"]
    assert told.mean() < model.log_prob(held.images, model.told(wrong))["bits_per_dim"].mean()


def test_drawing_undoes_looking_on_a_trained_model(images, model):
    values = torch.from_numpy(model.tone.values(images.images[:64], np.random.default_rng(0).random((64, 2, 32, 32))))
    told = torch.from_numpy(model.told([(s, 10.0) for s in images.column("smiles")[:64]]))
    with torch.inference_mode():
        *_, (_, back) = model.flow.sample(model.flow.latents(values, told), told)
    assert (back - values).abs().max() < 1e-4


def test_a_stopped_run_goes_on_bit_by_bit(images, tmp_path):
    whole = train(images, SHORT, Context.silent())
    for checks in (60, 165):  # in the encoder, and between levels
        with pytest.raises(Cancelled):
            train(images, SHORT, stopping_after(checks, tmp_path / "kept"))
    resumed = train(images, SHORT, Context(kept=tmp_path / "kept", threads=1))
    assert resumed.model.tobytes() == whole.model.tobytes()


@pytest.mark.parametrize("contrast", [0.0, 0.05])
def test_a_level_stopped_in_the_middle_goes_on_bit_by_bit(contrast, images, tmp_path, monkeypatch):
    from engine.molimage import level_training
    from engine.molimage.plan import Plan
    from engine.molimage.train import prepare, schedule

    monkeypatch.setattr(level_training, "KEEP_EVERY", 3)
    material, told = prepare(images, SHORT, Context.silent())
    plan = Plan.standard(2, told.length, 32)

    def trained(context):
        flow, curve = level_training.train_level(
            plan, 16, material, dataclasses.replace(schedule(plan, 16, SHORT), contrast=contrast), 0, context
        )
        return [value.numpy().tobytes() for value in flow.state_dict().values()], curve

    whole, curve = trained(Context.silent())
    stopped = stopping_after(7, tmp_path / "kept")
    with pytest.raises(Cancelled):
        trained(stopped)
    assert stopped.kept.get("level16")["step"] == 6
    resumed, again = trained(Context(kept=tmp_path / "kept"))
    assert resumed == whole
    assert curve.equals(again)


def test_the_model_comes_back_from_its_file_the_same(model, tmp_path):
    back = CellModel.load(model.save(tmp_path / "blobs.safetensors"))
    assert back.id == model.id
    assert back.facts == model.facts
    asked = [("CCCCO", 10.0), ("C" * 14 + "N", 3.0)]
    np.testing.assert_array_equal(back.sample(asked, 3), model.sample(asked, 3))


def test_the_model_is_found_in_the_folder_of_its_training(result, model, tmp_path):
    assert CellModel.load(result.to_dir(tmp_path / "run")).id == model.id


def test_noise_belongs_to_the_seed_and_the_number_of_the_image(model):
    alone, together = model.sample([("CCO", 10.0)], 2, seed=5), model.sample([("CCN", 10.0), ("CCO", 10.0)], 4, seed=5)
    assert np.abs(alone[0].astype(int) - together[1, :2]).max() <= 1  # batches of another size round differently
    small = model.sample([("CCO", 10.0)], 2, seed=5, size=16)
    assert small.shape == (1, 2, 2, 16, 16)
    assert not np.array_equal(alone, model.sample([("CCO", 10.0)], 2, seed=6))


def test_blank_and_noisy_images_are_strange_and_held_out_ones_are_not(images, model):
    fresh = blobs(ALCOHOLS + AMINES, n_each=4, seed=9).images
    assert strange_images(model, fresh).mean() <= 0.15
    rng = np.random.default_rng(0)
    assert strange_images(model, np.zeros_like(fresh[:20])).all()
    assert strange_images(model, rng.integers(0, 256, fresh[:20].shape, dtype=np.uint8)).all()
    checked = np.where(np.indices((32, 32)).sum(axis=0) % 8 < 4, 200, 20).astype(np.uint8)
    assert strange_images(model, np.broadcast_to(checked, fresh[:20].shape).copy()).all()


def test_bits_per_dim_are_finite_on_a_flat_image(model):
    flat = np.zeros((2, 2, 32, 32), np.uint8)
    assert np.isfinite(model.log_prob(flat, model.told([("CCO", 10.0)] * 2))["bits_per_dim"]).all()


def test_without_the_molecule_all_molecules_look_alike(images):
    blind = train(images, dataclasses.replace(SHORT, molecule=False), Context.silent()).cell_model()
    one, other = blind.sample([("CCCCO", 10.0), ("CCCCN", 10.0)], 2)
    np.testing.assert_array_equal(one, other)


def test_the_graph_encoder_can_be_chosen(images):
    made = train(images, dataclasses.replace(SHORT, encoder="graph"), Context.silent()).cell_model()
    assert made.conditions.encoder.kind == "graph"
    assert made.sample([("C" * 14 + "O", 10.0)], 1).shape == (1, 1, 2, 32, 32)


def test_with_few_molecules_only_those_seen_can_be_drawn():
    few = train(blobs(ALCOHOLS[:4]), SHORT, Context.silent()).cell_model()
    assert few.sample([("CCO", 10.0)], 1).shape == (1, 1, 2, 32, 32)
    with pytest.raises(UserError, match="too few molecules") as problem:
        few.sample([("c1ccccc1", 10.0)], 1)
    assert "CCO" in problem.value.fix


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: b"PK\x03\x04 a pickle in a zip", "not a model file"),
        (lambda data: data[: len(data) // 2], "not a model file"),
        (lambda data: data.replace(b'\\"format\\": 1', b'\\"format\\": 9'), "another version"),
        (lambda data: data.replace(b'\\\\\\"hidden\\\\\\": 64', b'\\\\\\"hidden\\\\\\": 32'), "do not fit"),
    ],
)
def test_a_file_that_is_no_model_is_refused(model, damage, words):
    data = model.to_bytes()
    assert damage(data) != data
    with pytest.raises(UserError, match=words):
        CellModel.from_bytes(damage(data), "upload")


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"temperature": 1.5}, "temperature of 1.5"), ({"temperature": 0.0}, "temperature"), ({"size": 64}, "does not draw 64 px")],
)
def test_what_a_model_cannot_draw_is_said(model, asked, words):
    with pytest.raises(UserError, match=words):
        model.sample([("CCO", 10.0)], 1, **asked)


def test_images_that_cannot_be_trained_on_are_refused(images):
    with pytest.raises(UserError, match="too small for 64 px"):
        train(images, dataclasses.replace(SHORT, size=64), Context.silent())
    with pytest.raises(UserError, match="for training"):
        train(images.split("test"), SHORT, Context.silent())
    odd = ImageSet(images.images[:, :, :30, :30], images.table, images.channels)
    with pytest.raises(UserError, match="halved"):
        train(odd, dataclasses.replace(SHORT, whole=True), Context.silent())
