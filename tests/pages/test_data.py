"""The data page takes what users bring: it says what it found, mends with one click, and stacks files as conditions."""

import io

import numpy as np
import pandas as pd
import pytest

from engine import jobs
from pages.parts import charts


def bring(app, *files):
    app.file_uploader(key="data.files").set_value([(name, content, "text/csv") for name, content in files])
    return app.run()


def button(app, label):
    return next(found for found in app.button if label in found.label)


def chosen(app):
    return jobs.shared().dataset(app.selectbox(key="pick.data").value)


def table(seed=0, rows=60):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(size=(rows, 3)), columns=["Raf", "Mek", "Erk"])


def test_semicolons_and_decimal_commas_are_read_and_said(open_page):
    text = table().to_csv(index=False, sep=";", decimal=",").encode()
    app = bring(open_page("data.py"), ("cells.csv", text))
    assert any("emicolon" in element.value for element in app.info)
    button(app, "Use this table").click().run()
    pd.testing.assert_frame_equal(chosen(app).frame, table())


def test_a_file_that_is_not_utf8_is_read_after_asking(open_page):
    text = "größe;Mek\n1;2\n3;4\n5;6\n".encode("latin-1")
    app = bring(open_page("data.py"), ("west.csv", text))
    assert not any("Use this table" in found.label for found in app.button)
    button(app, "Western").click().run()
    button(app, "Use this table").click().run()
    assert "größe" in chosen(app).columns


def test_two_files_become_conditions_with_known_targets(open_page):
    files = [("control.csv", table(0).to_csv(index=False).encode()), ("mek.csv", table(1).to_csv(index=False).encode())]
    app = bring(open_page("data.py"), *files)
    button(app, "Use as conditions").click().run()
    stacked = chosen(app)
    assert stacked.kind == "interventional"
    assert stacked.regimes == ("control", "mek")
    assert stacked.targets["control"] == () and stacked.targets.get("mek") is None


def test_a_target_table_with_other_names_is_answered_with_the_nearest_matches(open_page):
    files = [("control.csv", table(0).to_csv(index=False).encode()), ("mek.csv", table(1).to_csv(index=False).encode())]
    app = bring(open_page("data.py"), *files)
    app.file_uploader(key="data.targets").set_value(("targets.csv", b"environment,target\ncontrol,\nmek,MEK1\n", "text/csv"))
    button(app.run(), "Use as conditions").click().run()
    assert not app.exception
    assert any("MEK1 (nearest: Mek)" in element.value.replace("\\", "") for element in app.error)
    button(app, "Use the nearest matches").click().run()
    assert dict(chosen(app).targets) == {"control": (), "mek": ("Mek",)}


def test_an_excel_file_named_csv_is_refused_in_words(open_page):
    workbook = io.BytesIO()
    table().to_excel(workbook, index=False)
    app = bring(open_page("data.py"), ("cells.csv", workbook.getvalue()))
    assert any("Excel" in element.value for element in app.error)


def test_simulated_data_are_chosen_at_once(open_page):
    app = open_page("data.py")
    button(app, "Simulate").click().run()
    made = chosen(app)
    assert made.truth["graph"]["kind"] == "dag"
    assert not app.exception


def test_quantiles_show_how_far_a_variable_is_from_normal(open_page):
    app = open_page("data.py")
    assert not app.exception and any("On the dotted line the Gaussian test fits" in element.value for element in app.caption)
    normal = pd.Series(np.random.default_rng(0).normal(3, 2, 20_000), name="x")
    dots, line = charts.quantiles(normal).data
    assert np.abs(np.array(dots.x) - np.array(dots.y))[100:-100].max() < 0.1
    assert line.x == line.y
    dots, _ = charts.quantiles(normal.where(normal > 3, 0.0)).data
    assert (np.array(dots.y) == 0).mean() == pytest.approx(0.5, abs=0.02)


def test_conditions_of_an_interventional_sample_are_listed(open_page):
    app = open_page("data.py", data="regimes")
    assert not app.exception
    assert any("condition" in frame.value.columns for frame in app.dataframe)
