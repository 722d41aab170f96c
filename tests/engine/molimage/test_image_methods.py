"""Training and evaluation give one digest from Python, from a folder and from the command line, and a model goes from one to the other."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import Cancelled, Context, UserError
from tests.engine.molimage.stand_ins import quick_textures
from tests.engine.molimage.worlds import ALCOHOLS, AMINES, blobs

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[3]
SHORT = {"size": 32, "steps": 10, "batch": 2}


@pytest.fixture(scope="module")
def images():
    made = blobs(ALCOHOLS[:3] + AMINES[:3], 8)
    return dataclasses.replace(made, table=made.table.assign(split=np.where(np.arange(len(made)) % 8 < 4, "train", "test")))


@pytest.fixture(scope="module")
def folder(images, tmp_path_factory):
    return images.to_dir(tmp_path_factory.mktemp("images") / "blobs")


@pytest.fixture(scope="module")
def trained(images):
    return engine.run("molimage_train", images, context=Context(), **SHORT)  # with the threads of the command line: sums depend on them


def test_training_from_the_command_line_on_a_folder(trained, folder, tmp_path):
    flags = [text for name, value in SHORT.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "engine", "run", "molimage_train", str(folder), *flags, "--quiet", "--out", str(tmp_path / "result")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"Digest: {trained.digest}" in done.stdout.splitlines()
    assert engine.load(tmp_path / "result").digest == trained.digest


def test_evaluation_of_the_trained_model(trained, images, folder, tmp_path, monkeypatch):
    quick_textures(monkeypatch)
    place = str(trained.cell_model().save(tmp_path / "blobs.safetensors"))
    settings = {"model": place, "resamples": 100}
    seen = []
    context = Context(threads=1, on_progress=lambda fraction, note: seen.append(fraction))
    first = engine.run("molimage_evaluate", images, context=context, **settings)
    assert seen == sorted(seen)
    assert engine.run("molimage_evaluate", str(folder), **settings).digest == first.digest
    assert engine.load(first.to_dir(tmp_path / "result")).digest == first.digest
    assert first.provenance.data == images.digest
    assert 3 <= len(first.summary()) <= 8
    assert np.isfinite(first.scores.loc["model", "bits_per_dim"])
    assert first.facts["model"]["name"] == "blobs at 32 px"


def test_runs_can_be_stopped_and_wrong_data_are_refused(images, tmp_path):
    with pytest.raises(Cancelled):
        engine.run("molimage_train", images, context=Context(is_cancelled=lambda: True), **SHORT)
    with pytest.raises(UserError, match="no images at"):
        engine.run("molimage_train", tmp_path / "nothing")
    with pytest.raises(UserError, match="needs images"):
        engine.run("molimage_train", pd.DataFrame({"a": [1.0, 2.0]}))
