"""The data page takes what users bring: it says what it found, mends with one click, and stacks files as conditions."""

import io

import numpy as np
import pandas as pd

from engine import jobs


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


def test_conditions_of_an_interventional_sample_are_listed(open_page):
    app = open_page("data.py", data="regimes")
    assert not app.exception
    assert any("condition" in frame.value.columns for frame in app.dataframe)
