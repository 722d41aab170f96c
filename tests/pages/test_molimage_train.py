"""The views that train and check: images come in with what is wrong named, a run leaves a model to use, real is never simulated."""

import dataclasses
import io
import json
import typing
import zipfile
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import catalogue, jobs
from engine.core import Data, ImageSet, Provenance, UserError
from engine.core.recipe import data_recipe
from engine.jobs.folders import KEPT, RESULT, write_partial
from engine.molimage.agreement import LEAST_IMAGES, LEAST_MOLECULES
from engine.molimage.baselines import halves
from engine.molimage.bring import to_png
from engine.molimage.evaluate import MODEL, NEAREST, OTHER_HALF, EvaluateResult
from engine.molimage.sample_screen import chosen
from engine.molimage.train import TrainParams, TrainResult
from pages.parts import believe, bring_images, run, studio, training
from pages.parts.frame import escape
from tests.engine.molimage.tiny import tiny, tiny_place
from tests.pages.conftest import MAIN, SECONDS
from tests.pages.test_discovery import button, job_of, texts

pytest.importorskip("torch")

SMALL = dict(bring_images.SMALL)  # as it is before a test makes it smaller
TRAIN, BELIEVE = "Train your own", "Check a model"
DRUGS = {"caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "aspirin": "CC(=O)Oc1ccccc1C(=O)O", "DMSO": "CS(C)=O"}


class Here:
    """Answers in this process what the helper would answer in its own."""

    def submit(self, function, *arguments):
        answer = Future()
        answer.set_result(100.0 if function is training.training_s else None)
        return answer

    def ask(self, function, *arguments):
        return function(*arguments)


@pytest.fixture(autouse=True)
def no_second_process(monkeypatch):
    monkeypatch.setattr(studio, "SHIPPED", tiny_place())
    monkeypatch.setattr(studio, "helper", Here)
    monkeypatch.setattr(bring_images, "SMALL", {"molecules": 4, "n_each": 1, "size": 32})


def noise(n: int = 9, size: int = 32, origin: str = "real") -> ImageSet:
    """Images of nothing under three molecules, some set aside."""
    pixels = np.random.default_rng(0).integers(0, 256, (n, 2, size, size), dtype=np.uint8)
    names = np.resize(list(DRUGS), n)
    facts = pd.DataFrame({"compound": names, "smiles": [DRUGS[name] for name in names], "split": np.resize(["train", "train", "test"], n)})
    return ImageSet(pixels, facts, ("DNA", "Actin"), "my plate", origin)  # type: ignore[arg-type]


@pytest.fixture
def opened(open_page):
    """Open one of the views, with images where it needs them; ``open_page`` ends what still runs."""

    def at(view, images=None, **link):
        app = AppTest.from_file(MAIN, default_timeout=SECONDS)
        app.session_state["molimage.view"] = view  # from the start, so that nothing is drawn first
        if images is not None:
            link["data"] = jobs.shared().keep(images)
        app.run()
        app.switch_page("molimage.py")
        app.query_params.update(link)
        app.run()
        assert not app.exception
        return app

    return at


def labels(app):
    return [found.label for found in app.button]


def files(n: int = 6, wrong: str = ""):
    """A table of images in two channels, and a ZIP with them."""
    rng, packed = np.random.default_rng(1), io.BytesIO()
    rows = []
    with zipfile.ZipFile(packed, "w") as archive:
        for k in range(n):
            name = list(DRUGS)[k % 3]
            row = {"image_DNA": f"{k}_d.png", "image_Actin": f"{k}_a.png", "smiles": DRUGS[name], "compound": name}
            for place in (row["image_DNA"], row["image_Actin"]):
                archive.writestr(place, to_png(rng.integers(0, 200, (48, 64), dtype=np.uint8)))
            rows.append(row)
    rows[1]["smiles"] = wrong or rows[1]["smiles"]
    return pd.DataFrame(rows).to_csv(index=False).encode(), packed.getvalue()


def uploaded(opened, table, packed, view=TRAIN):
    app = opened(view)
    app.segmented_control(key="bring_images.source").set_value("upload").run()
    app.file_uploader(key="bring_images.table").set_value(("plate.csv", table, "text/csv"))
    app.file_uploader(key="bring_images.zip").set_value(("plate.zip", packed, "application/zip"))
    app.run()
    assert not app.exception
    return app


def test_without_images_a_small_screen_is_one_click_away(opened):
    app = opened(TRAIN)
    assert "There are no images yet" in texts(app)
    button(app, "Simulate").click().run()
    assert not app.exception
    rows = jobs.shared().datasets()
    assert [row.kind for row in rows] == ["images"]
    kept = jobs.shared().dataset(rows[0].digest)
    assert kept.origin == "simulated" and {"train", "test"} <= set(kept.column("split"))
    assert f"simulated: {escape(kept.name)}" in texts(app) and "real data" not in texts(app)
    assert "About **1.7 minutes**" in texts(app)


def test_uploaded_images_are_kept_as_real_and_their_python_reads_them_again(opened, tmp_path, monkeypatch):
    table, packed = files()
    app = uploaded(opened, table, packed)
    assert "Brightness runs from" in texts(app)
    button(app, "Use these images").click().run()
    assert not app.exception
    kept = jobs.shared().dataset(jobs.shared().datasets()[0].digest)
    assert kept.origin == "real" and kept.channels == ("DNA", "Actin") and kept.size == 48
    assert f"real data: {escape(kept.name)}" in texts(app)
    (tmp_path / "plate.csv").write_bytes(table)
    (tmp_path / "plate.zip").write_bytes(packed)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec("\n".join(["import engine", *data_recipe(kept)]), names)
    assert names["data"].digest == kept.digest


def test_a_wrong_row_stops_until_it_is_left_out(opened):
    table, packed = files(wrong="C1CC")
    app = uploaded(opened, table, packed)
    assert "Use these images" not in labels(app)
    button(app, "Leave these rows out").click().run()
    assert not app.exception and "Use these images" in labels(app)
    button(app, "Use these images").click().run()
    assert jobs.shared().datasets()[0].rows == 5


def test_folders_are_read_only_where_no_other_machine_can_ask(monkeypatch):
    for address, offered in (("127.0.0.1", True), ("0.0.0.0", False), (None, False)):
        monkeypatch.setattr(bring_images.st, "get_option", lambda _, address=address: address)
        assert bring_images.is_local() is offered


def test_images_smaller_than_asked_for_are_refused_before_a_run(opened):
    app = opened(TRAIN, noise())
    assert app.selectbox(key="train.size").value == 32
    app.selectbox(key="train.size").set_value(64).run()
    assert not app.exception
    assert "smaller than the 64 px asked for" in texts(app) and "Train" not in labels(app)


def trained(images: ImageSet, params: TrainParams) -> TrainResult:
    """What a training on these images could have left: a model of random weights."""
    model = tiny()
    model = dataclasses.replace(model, facts={**model.facts, "origin": images.origin, "data": images.name})
    curve = pd.DataFrame({"size_px": [2, 2, 4], "step": [5, 10, 10], "nats_per_value": [1.0, 0.5, 0.2]})
    scores = pd.DataFrame({"images": ["train", "test"], "n": [6, 3], "bits_per_dim": [4.5, 5.25]})
    said = Provenance("molimage_train", 1, params.to_dict(), images.digest, images.name, 1.0)
    return TrainResult(
        model=np.frombuffer(model.to_bytes(), np.uint8), curve=curve, scores=scores, facts=dict(model.facts), provenance=said
    )  # fmt: skip


def test_a_run_leaves_a_model_that_draws_and_a_file_that_opens(opened, open_page):
    images, params = noise(), TrainParams(size=32, steps=500)
    runner = jobs.shared()
    key = jobs.key_of(catalogue.find("molimage_train"), params, images.digest)
    made = trained(images, params)
    made.to_dir(runner.folders.job(key) / RESULT)  # a run whose result is there is done
    app = opened(TRAIN, images)
    app.number_input(key="train.steps").set_value(500).run()
    button(app, "Train").click().run()
    assert not app.exception and job_of(app) == key
    assert "real data: my plate" in texts(app) and "simulated:" not in texts(app)
    shown = next(found.value for found in app.dataframe if "bits per value" in found.value)
    assert list(shown["images"]) == [training.WORDS["train"], training.WORDS["test"]]
    assert list(shown["bits per value"]) == [4.5, 5.25]
    assert studio.models()[key] == "Trained here · real data: my plate, 64 px"
    assert Path(studio.place_of(key)).read_bytes() == made.model.tobytes()
    button(app, "Use this model").click().run()
    assert not app.exception
    assert app.session_state["molimage.view"] == "Draw" and app.session_state["molimage.model"] == key
    linked = open_page("molimage.py", job=key)
    assert not linked.exception
    assert linked.session_state["molimage.view"] == TRAIN and linked.number_input(key="train.steps").value == 500


def test_a_page_opened_again_shows_the_curves_of_all_levels_so_far(opened, open_page):
    app = opened(TRAIN, noise())
    button(app, "Train").click().run()
    key, runner = job_of(app), jobs.shared()
    so_far = pd.DataFrame({"size_px": [8, 8, 16, 32], "step": [250, 500, 250, 250], "nats_per_value": [1.0, 0.5, 0.2, 0.1]})
    runner.cancel(key)
    runner.wait(key, 30)
    write_partial(runner.folders.job(key), "curve", so_far, 0)
    parts = runner.partials(key)
    assert [trace.name for trace in training.curves(parts["curve"]).data] == ["8 px", "16 px", "32 px"]

    def page(key):
        from engine import jobs
        from pages.parts import training

        training._live(jobs.shared().partials(key), key)

    fresh = AppTest.from_function(page, args=(key,)).run()  # another session: nothing was seen before
    assert not fresh.exception
    figure = json.loads(fresh.get("plotly_chart")[0].proto.spec)
    assert [trace["name"] for trace in figure["data"]] == ["8 px", "16 px", "32 px"]


def test_a_paused_run_says_that_it_goes_on_where_it_stopped(opened):
    app = opened(TRAIN, noise())
    button(app, "Train").click().run()
    key = job_of(app)
    jobs.shared().cancel(key)
    (jobs.shared().folders.job(key) / KEPT).mkdir(parents=True, exist_ok=True)
    app.run()
    assert not app.exception
    assert any("goes on where it stopped" in found.value for found in app.info)
    assert not button(app, "Train").disabled


def test_time_left_follows_the_pace_since_a_run_was_first_seen(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(training.time, "time", lambda: clock[0])
    monkeypatch.setattr(training.st, "session_state", {})
    assert training._left_s("k", 0.4) is None  # a run that goes on begins in the middle
    clock[0] += 10
    assert np.isclose(training._left_s("k", 0.5), 50.0)


@pytest.mark.parametrize(("seconds", "words"), [(3, "10 seconds"), (61, "60 seconds"), (1800, "30 minutes"), (7200, "2 hours")])
def test_times_are_said_as_one_would(seconds, words):
    assert training.duration(seconds) == words


def test_only_model_files_are_opened_and_they_say_what_they_learnt_from(tmp_path, monkeypatch):
    monkeypatch.setenv("CAUSEWAY_VAR", str(tmp_path))
    with pytest.raises(UserError, match="not a model file"):
        studio.bring(b"\x80\x04pickle", "model.pth")
    assert not (tmp_path / "models").exists()
    data = Path(tiny_place()).read_bytes()
    facts = studio.bring(data, "mine.safetensors")
    assert studio.models()[facts["id"]] == "From a file · simulated: nothing, 64 px"
    assert Path(studio.place_of(facts["id"])).read_bytes() == data


def evaluation(molecules: int = 40, origin: str = "real") -> EvaluateResult:
    """A result whose numbers are known."""
    nan = float("nan")
    rows = {
        MODEL: {"morphology": 0.8, "morphology_low": 0.75, "morphology_high": 0.85, "swd_ratio": 1.5, "images": 80.0},
        NEAREST: {"morphology": 0.5, "morphology_low": 0.4, "morphology_high": 0.6, "swd_ratio": 1.2, "images": 80.0},
        OTHER_HALF[origin]: {"morphology": nan, "morphology_low": nan, "morphology_high": nan, "swd_ratio": 1.0, "images": 80.0},
    }
    feature = {
        "feature": ["nucleus_area_px", "cells"],
        "spearman": [0.9, 0.2],
        "low": [0.8, -0.1],
        "high": [0.95, 0.5],
        "ceiling": [0.95, 0.9],
    }
    recall = {"class": ["tubulin", "actin"], "images": 10, "right": [9, 2], "recall": [0.9, 0.2], "low": 0.1, "high": 1.0}
    return EvaluateResult(
        scores=pd.DataFrame(rows).T.rename_axis("variant"), by_feature=pd.DataFrame(feature).assign(variant=MODEL),
        by_class=pd.DataFrame(recall).assign(mistaken_for=["", "tubulin"], variant=MODEL),
        pictures=np.random.default_rng(0).integers(0, 255, (2, 2, 4, 2, 32, 32), dtype=np.uint8), classes=("tubulin", "actin"),
        molecules=molecules, notes=("A note.",), facts={},
    )  # fmt: skip


@pytest.mark.parametrize("origin", ["real", "simulated"])
def test_the_table_has_a_row_for_each_measure_that_could_be_had(origin):
    shown = believe.scores(evaluation(origin=origin).scores).set_index("measure")
    assert list(shown.index) == ["Morphology follows", "Texture apart"]
    assert shown.loc["Morphology follows", "this model"] == "0.8 [0.75, 0.85]"
    assert shown.loc["Morphology follows", f"{origin}, other half"] == "–"
    assert ("real" in " ".join(shown.columns)) is (origin == "real")
    assert shown.loc["Texture apart", "nearest molecule"] == "1.2"
    assert {label for label, _ in believe.MEASURES.values()} >= set(shown.index)


@pytest.mark.parametrize(
    ("low", "high", "words"), [(0.75, 0.85, "better than the images"), (0.3, 0.35, "worse than simply"), (0.5, 0.9, "not clearly better")]
)
def test_the_headline_claims_no_more_than_the_intervals(low, high, words):
    found = evaluation()
    found.scores.loc[MODEL, ["morphology", "morphology_low", "morphology_high"]] = [(low + high) / 2, low, high]
    assert words in believe.headline(found)


def test_the_small_screen_is_large_enough_to_be_checked_on():
    molecules, n_each, _ = SMALL.values()
    drugs = chosen(molecules, 0)
    table = drugs.loc[drugs.index.repeat(n_each)].rename(columns={"name": "compound", "mechanism": "moa"}).reset_index(drop=True)
    screen = ImageSet(np.zeros((len(table), 1, 32, 32), np.uint8), table, ("DNA",), "screen", "simulated")
    split = halves(bring_images.with_split(screen, "molecule", bring_images.SHARES))
    for part in (split.reference, split.other):
        assert (part.table["smiles"].value_counts() >= LEAST_IMAGES).sum() >= LEAST_MOLECULES


@pytest.mark.parametrize(("molecules", "says"), [(40, True), (29, False)])
def test_a_check_is_shown_with_everything_that_puts_it_into_proportion(opened, monkeypatch, molecules, says):
    monkeypatch.setattr(run, "panel", lambda *_, **__: evaluation(molecules))
    app = opened(BELIEVE, noise())
    told = texts(app).replace("\\", "")
    assert told.count("Other half**") == 1
    assert ("Over 40 molecules" in told) is says
    assert any("29 molecules could be compared. Fewer than 30 say little" in found.value for found in app.warning) is not says
    assert "A note." in told and "real data: my plate" in told
    assert "actin: 20% recognised, most often taken for tubulin" in told
    assert "Rows from the top: tubulin, actin." in told


def test_a_check_without_molecules_enough_does_not_count_them(opened, monkeypatch):
    monkeypatch.setattr(run, "panel", lambda *_, **__: evaluation(0))
    assert [found.value[:20] for found in opened(BELIEVE, noise()).warning] == ["There are too few im"]


def test_an_empty_check_says_what_its_button_does(opened):
    assert "Press Check this model to run Cell image evaluation." in texts(opened(BELIEVE, noise()))


def test_a_run_takes_whatever_a_job_stores():
    assert {typing.get_type_hints(function)["dataset"] for function in (run.panel, run.submit)} == {Data}


def test_a_set_without_a_test_split_says_what_to_do(opened):
    images = noise()
    app = opened(BELIEVE, ImageSet(images.images, images.table.drop(columns="split"), images.channels, "whole", "real"))
    assert "no images for training and for testing" in texts(app)
    assert "Check this model" not in labels(app)


def test_the_settings_of_a_view_are_not_those_of_the_address(opened):
    app = opened(TRAIN, noise(), size="128", seed="7")
    assert app.number_input(key="train.seed").value == TrainParams().seed and app.selectbox(key="train.size").value == 32
