"""The page of cell images draws what the engine draws for any molecule, warns where it must, and every picture says where it comes from."""

import io
import json

import numpy as np
import pytest

import engine
from engine.core import UserError
from engine.molimage import desk
from engine.molimage.bring import open_place, read_file
from engine.molimage.bring.picture import SIMULATED
from engine.molimage.sample import opened
from pages.parts import cell_views, cells, drawn, molecule, reverse, studio
from pages.parts.frame import escape
from tests.engine.molimage.tiny import KNOWN, tiny_place
from tests.pages.test_discovery import texts

pytest.importorskip("torch")

CAFFEINE = KNOWN["caffeine"][0]


class Here:
    """Answers in this process what the helper would answer in its own."""

    def submit(self, *question):
        return None

    def ask(self, function, *arguments):
        return function(*arguments)


@pytest.fixture(autouse=True)
def model(monkeypatch):
    """A model of random weights, asked without a second process."""
    monkeypatch.setattr(studio, "SHIPPED", tiny_place())
    monkeypatch.setattr(studio, "helper", Here)
    monkeypatch.setattr(cell_views, "MEASURED", 4)
    return opened(tiny_place())


def opened_page(open_page, **link):
    app = open_page("molimage.py", **{"size": "32", **link})
    assert not app.exception
    return app


def test_cells_of_a_drug_are_there_without_a_click(open_page):
    app = opened_page(open_page)
    assert app.selectbox(key=molecule.TEXT).value == molecule.DEFAULT
    assert drawn.ORIGIN["simulated"] in texts(app).replace("\\", "")
    assert "16 fields of 32 × 32 px" in texts(app)
    assert app.get("bidi_component")


def test_a_link_brings_molecule_and_settings_back(open_page):
    app = opened_page(open_page, molecule=CAFFEINE, dose_um="3", seed="7", temperature="0.8")
    assert app.selectbox(key=molecule.TEXT).value == CAFFEINE
    assert app.select_slider(key="set.dose_um").value == 3.0
    assert (app.number_input(key="set.seed").value, app.number_input(key="set.temperature").value) == (7, 0.8)
    app.number_input(key="set.seed").set_value(8).run()
    assert app.query_params["seed"] in (["8"], "8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C1CCO", "Ring 1 is never closed"),
        ("paclitaxal", "paclitaxel"),
        ("CC(C)(C)(C)C", "atom"),
        ("[Fe]", "Fe"),
        ("C" * 200, "200 heavy atoms"),
    ],
)
def test_what_is_no_molecule_is_said_with_the_way_out(open_page, text, words):
    app = opened_page(open_page, molecule=text)
    assert words in texts(app)
    assert app.selectbox(key=molecule.TEXT).value == text, "what was typed stays"


def test_a_doubtful_molecule_gets_a_banner_and_a_known_one_does_not(open_page):
    assert any("Extrapolation" in warning.value for warning in opened_page(open_page, molecule="C1CCCCC1").warning)
    app = opened_page(open_page, molecule="caffeine")
    assert not app.warning and "learnt from images of this molecule at 3 µM" in texts(app)


def test_salts_are_stripped_aloud(open_page):
    assert "Cl" in texts(opened_page(open_page, molecule="CCN.Cl")) and "left out" in texts(opened_page(open_page, molecule="CCN.Cl"))


@pytest.mark.parametrize(
    ("tab", "words"),
    [
        ("Against untreated", "16 pairs of fields"), ("Dose and mix", "On the way to another molecule"), ("What changes", "features move"),
        ("Which atoms", "hidden from the model"), ("Find the molecule", "comes out on rank"), ("Files and origin", "Result digest"),
    ],
)  # fmt: skip
def test_every_view_opens(open_page, monkeypatch, tab, words):
    monkeypatch.setattr(reverse, "LIBRARIES", reverse.LIBRARIES[1:])  # the molecules of the model: few
    app = opened_page(open_page, molecule="caffeine")
    app.session_state[drawn.OPEN] = tab
    app.run()
    assert not app.exception
    assert escape(words) in texts(app) or words in texts(app)


def test_a_riddle_is_drawn_by_the_simulator_and_its_answer_is_in_the_list(open_page, monkeypatch):
    monkeypatch.setattr(reverse, "LIBRARIES", reverse.LIBRARIES[1:])
    app = opened_page(open_page, molecule="caffeine")
    app.session_state[drawn.OPEN] = "Find the molecule"
    app.session_state["molimage.source"] = reverse.RIDDLE
    app.run()
    assert not app.exception
    assert "share its mechanism" in texts(app)
    assert len(app.dataframe[0].value) == len(KNOWN) + 1


def test_a_model_that_is_not_there_is_said(open_page, monkeypatch):
    monkeypatch.setattr(studio, "SHIPPED", "nowhere")
    assert "There is no model" in texts(opened_page(open_page))


def test_the_sheet_shows_every_pixel_of_every_image_once():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 2, 16, 16), dtype=np.uint8)
    look = cells.Look(("a", "b"), ("b",), ((0.0, 1.0),) * 2, 1.0, 1.0, "")
    sheet = cells.sheet(images, look, columns=3, bar=False)
    step = (sheet.shape[1] + cells.GAP_PX) // 3
    factor = (step - cells.GAP_PX) // 16
    for number in range(6):
        top, left = number // 3 * step, number % 3 * step
        tile = sheet[top : top + 16 * factor : factor, left : left + 16 * factor : factor]
        np.testing.assert_array_equal(tile, np.repeat(images[number, 1][..., None], 3, axis=-1))


@pytest.mark.parametrize(("size", "pixel_um"), [(32, 3.6), (128, 0.9), (512, 0.225)])
def test_the_scale_bar_is_as_long_as_it_says(size, pixel_um):
    look = cells.Look(("a",), ("a",), ((0.0, 1.0),), 1.0, pixel_um, "")
    dark = np.zeros((4, 1, size, size), np.uint8)
    sheet = cells.sheet(dark, look, columns=2)
    step = (sheet.shape[1] + cells.GAP_PX) / 2
    per_px = pixel_um * size / (step - cells.GAP_PX)
    corner = sheet[int(step) + 2 :, int(step) + 2 :]
    long = (corner[..., 0] == 255).any(axis=0).sum()
    assert long * per_px == pytest.approx(cells.bar_um(pixel_um * size), rel=0.03)
    assert f"Scale bar {cells.bar_um(pixel_um * size):g} µm" in cells.scale_words(look, size)


def test_the_stains_are_explained_where_all_are_those_of_cell_painting():
    assert "AGP actin, Golgi and membrane" in cells.stain_words(("DNA", "AGP")) and cells.stain_words(("DNA", "p53")) == ""


def test_a_difference_is_orange_where_brighter_and_blue_where_darker():
    first, second = np.full((1, 1, 8, 8), 100, np.uint8), np.full((1, 1, 8, 8), 100, np.uint8)
    first[..., :4], second[..., 4:] = 200, 200
    look = cells.Look(("a",), ("a",), ((0.0, 0.3),), 1.0, None, "")
    sheet = cells.differences(first, second, 0, look)
    assert tuple(sheet[0, 0]) == cells.BRIGHTER and tuple(sheet[0, -1]) == cells.DARKER


def test_every_picture_of_a_simulated_model_carries_the_tag(model):
    images = model.sample([("CCO", 10.0)], 4, size=32)[0]
    facts = desk.card(tiny_place())["facts"]
    look = cells.Look(model.channels, model.channels, ((0.0, 1.0),) * 5, 1.0, None, cells.tag_of(facts))
    assert look.tag == SIMULATED
    bare = cells.Look(model.channels, model.channels, ((0.0, 1.0),) * 5, 1.0, None, "")
    assert (cells.sheet(images, look) != cells.sheet(images, bare)).any()
    assert cells.tag_of({"origin": "real", "data": "my plate"}) == "model of real data: my plate"


def test_files_hold_the_images_and_where_they_come_from(model, tmp_path):
    result = engine.run("molimage_sample", "caffeine", model=tiny_place(), n=2, size=32)
    from engine.molimage.bring import to_ome_tiff

    told = result.told()
    (tmp_path / "x.ome.tif").write_bytes(to_ome_tiff(result.images[0][0], model.channels, told["pixel_um"], told))
    back = read_file(open_place(tmp_path), "x.ome.tif")
    np.testing.assert_array_equal(back.pixels, result.images[0][0])
    assert back.origin == "simulated" and json.dumps(told)


def test_a_feature_is_named_in_words():
    assert cell_views.feature_words("nucleus_area_um2") == "Nucleus area (µm²)"
    assert cell_views.feature_words("DNA_q95") == "DNA 95 % quantile"


def test_the_helper_answers_from_another_process_and_comes_back_after_a_crash():
    import os

    helper = studio.Helper()
    try:
        first = helper.ask(os.getpid)
        assert first != os.getpid()
        assert helper.ask(os.getpid) == first, "one process, kept"
        with pytest.raises(UserError, match="no answer"):
            helper.ask(os._exit, 1)
        assert helper.ask(os.getpid) not in (first, os.getpid())
        with pytest.raises(UserError, match="no model"):
            helper.ask(desk.card, "nowhere")
    finally:
        helper.leave()


def test_a_file_of_molecules_is_read(open_page):
    from rdkit import Chem

    text = Chem.MolToMolBlock(Chem.MolFromSmiles(CAFFEINE))
    app = opened_page(open_page)
    app.file_uploader(key=molecule.FILE).upload("caffeine.mol", io.BytesIO(text.encode()).getvalue(), "chemical/x-mdl-molfile").run()
    assert not app.exception
    next(found for found in app.button if found.label == "Use this molecule").click().run()
    assert app.selectbox(key=molecule.TEXT).value == CAFFEINE
