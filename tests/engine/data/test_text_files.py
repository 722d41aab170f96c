"""Text tables are read as their owner meant them, or the reader says what it needs to know; every repair it offers works."""

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import UserError
from engine.data import inspect_file, read

NUMBERS = pd.DataFrame({"a": [1.5, 3.0, 5.0], "b": [2.5, 4.0, 6.25]})


def look(content, name="table.csv", **options):
    return inspect_file(content if isinstance(content, bytes) else content.encode(), name, **options)


def finding(report, code):
    found = [finding for finding in report.findings if finding.code == code]
    assert found, [f"{f.code}: {f.message}" for f in report.findings]
    return found[0]


def mended(content, report, code, name="table.csv", which=0, **answers):
    """Read the file again with the offered options, as a click does."""
    offer = finding(report, code).repairs[which]
    assert offer.call == "engine.read"
    return look(content, name, **report.options | dict(offer.arguments) | answers)


@pytest.mark.parametrize(
    ("text", "separator", "decimal"),
    [
        ("a,b\n1.5,2.5\n3,4\n5,6.25\n", ",", "."),
        ("a;b\n1,5;2,5\n3;4\n5;6,25\n", ";", ","),
        ("a;b\n1.5;2.5\n3;4\n5;6.25\n", ";", "."),
        ("a\tb\n1,5\t2,5\n3\t4\n5\t6,25\n", "\t", ","),
        ("a|b\n1.5|2.5\n3|4\n5|6.25\n", "|", "."),
        ("a b\n1.5 2.5\n3 4\n5  6.25\n", " ", "."),
        ('"a","b"\r\n"1.5","2.5"\r\n3,4\r\n5,6.25\r\n', ",", "."),
    ],
)
def test_separator_and_decimal_mark_are_found(text, separator, decimal):
    report = look(text)
    assert (report.options["separator"], report.options["decimal"]) == (separator, decimal)
    pd.testing.assert_frame_equal(report.dataset.frame, NUMBERS)


def test_semicolons_with_decimal_commas_are_said():
    report = look("a;b\n1,5;2,5\n3;4\n")
    assert finding(report, "separator").message == "Semicolon file with decimal commas: 2 columns."


def test_latin_1_is_read_after_asking_with_a_preview():
    content = "größe,höhe\n1,2\n3,4\n".encode("latin-1")
    report = look(content)
    assert report.dataset is None
    assert "Not UTF-8" in finding(report, "encoding").message and "Read as Western European?" in finding(report, "encoding").message
    assert list(report.preview.iloc[0]) == ["größe", "höhe"]
    assert mended(content, report, "encoding").dataset.columns == ("größe", "höhe")
    with pytest.raises(UserError, match="windows-1252"):
        read(content, filename="table.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_without_asking(encoding):
    report = look("größe,b\n1,2\n3,4\n".encode(encoding))
    assert report.dataset.columns == ("größe", "b")


@pytest.mark.parametrize(
    "text", [",x,y\nr1,1,2\nr2,3,4\nr3,4,4\n", '"x","y"\n"r1",1,2\n"r2",3,4\n"r3",4,4\n', ",x,y\n0,1,2\n1,3,4\n2,4,4\n"]
)
def test_unnamed_first_column_is_offered_as_index(text):
    report = look(text)
    assert finding(report, "row-names").message == "First column looks like row names. Use as index?"
    assert mended(text, report, "row-names").dataset.columns == ("x", "y")
    kept = mended(text, report, "row-names", which=1)
    assert kept.dataset.columns == ("column 1", "x", "y") and not [f for f in kept.findings if f.code == "row-names"]


@pytest.mark.parametrize(("which", "columns", "values"), [(0, ("a", "b"), [1, 3]), (1, ("a", "a.2", "b"), [1, 3]), (2, ("a", "b"), [2, 5])])
def test_duplicate_columns_are_kept_renamed_or_averaged(which, columns, values):
    text = "a,a,b\n1,3,9\n3,7,9\n"
    report = look(text)
    assert report.dataset is None
    assert finding(report, "duplicate-columns").message == "Column 'a' appears twice. Keep first / rename / average."
    data = mended(text, report, "duplicate-columns", which=which).dataset
    assert data.columns == columns
    assert list(data.frame["a"]) == values


def test_renamed_duplicates_do_not_collide():
    data = read(b"a,a,a.2\n1,2,3\n4,5,6\n", filename="t.csv", duplicate_columns="rename")
    assert data.columns == ("a", "a.3", "a.2")


def test_genes_in_rows_are_offered_for_transposition():
    rng = np.random.default_rng(0)
    genes = [f"{a}{b}{c}{k}" for k in range(2) for a in "ABCDEFGH" for b in "KLMNOPQR" for c in "STUVWX"][:600]
    text = "gene," + ",".join(f"s{i}" for i in range(12)) + "\n"
    text += "\n".join(f"{gene}," + ",".join(f"{x:.3f}" for x in rng.random(12)) for gene in genes)
    report = look(text)
    assert finding(report, "variables-in-rows").message == "600 rows × 12 columns: variables seem to be rows. Transpose?"
    turned = mended(text, report, "variables-in-rows").dataset
    assert turned.frame.shape == (12, 600) and turned.columns == tuple(genes)


def test_numbered_cells_are_not_taken_for_variables():
    text = "cell,A,B\n" + "\n".join(f"cell_{i},{i * 7 % 5},{i * 3 % 11}" for i in range(500))
    assert not [f for f in look(text).findings if f.code == "variables-in-rows"]


@pytest.mark.parametrize("text", ["", "  \n\n", "a,b\n"])
def test_empty_file_is_said(text):
    report = look(text)
    assert report.dataset is None and finding(report, "file-empty").level == "stop"
    if not text:
        assert finding(report, "file-empty").message == "The file is empty."


@pytest.mark.parametrize(("text", "row"), [('a,"b\n1,2\n3,4\n', 1), ('a,b\n1,"2\n3,4\n', 2), ('"a","b"\n"x,1\n"y",2\n', 2)])
def test_open_quote_is_found_in_its_row(text, row):
    assert finding(look(text), "quote").message == f"A quote opened in row {row} is never closed."


def test_quoted_line_breaks_are_not_open_quotes():
    assert look('a,b\n"one\ntwo",2\nthree,4\n').dataset.frame["a"].iloc[0] == "one\ntwo"


def test_one_column_is_said_and_the_separator_offered():
    text = "a:b\n1:2\n3:4\n"
    assert finding(look(text), "one-column").message.startswith("The file has 1 column")
    text = "a|b\n1\n2\n"
    report = look(text, separator=";")
    assert finding(report, "one-column").repairs[0].arguments == {"separator": "|"}


@pytest.mark.parametrize("text", ["a,b\n1,2\n3,4,5\n6,7\n", "a,b,c,d\n1,2\n3,4\n"])
def test_ragged_rows_stop(text):
    assert "row" in finding(look(text), "ragged").where or "row" in finding(look(text), "ragged").message


def test_numbers_as_header_are_doubted():
    text = "1.5,2\n3,4\n5,6\n"
    report = look(text)
    data = mended(text, report, "no-header").dataset
    assert data.frame.shape == (3, 2) and data.columns == ("X1", "X2")


def test_gaps_infinities_and_text_reach_the_table():
    frame = look("a,b,c\n1,inf,x\nNA,-inf,y\n,2,z\n").dataset.frame
    assert frame["a"].isna().sum() == 2 and np.isinf(frame["b"]).sum() == 2 and frame["c"].dtype == "category"


def test_dates_name_the_rows_and_may_stay_a_column():
    text = "day,a,b\n2024-01-03,1,2\n2024-01-02,3,4\n"
    report = look(text)
    assert isinstance(report.dataset.frame.index, pd.DatetimeIndex) and report.dataset.columns == ("a", "b")
    assert mended(text, report, "dates").dataset.columns == ("day", "a", "b")


def test_dates_that_read_two_ways_are_asked_about():
    text = "day,a,b\n03/04/2024,1,2\n05/06/2024,3,4\n"
    report = look(text)
    assert report.dataset.frame.index[0] == pd.Timestamp(2024, 4, 3)
    assert mended(text, report, "date-format").dataset.frame.index[0] == pd.Timestamp(2024, 3, 4)


def test_mixed_time_zones_become_utc_and_are_said():
    text = "t,a,b\n2024-01-01T12:00:00+02:00,1,2\n2024-01-01T12:00:00Z,3,4\n2024-01-01T13:00:00,5,6\n"
    report = look(text)
    assert "mixes time zones" in finding(report, "time-zones").message
    assert list(report.dataset.frame.index.hour) == [10, 12, 13] and report.dataset.frame.index.tz is None


def test_correlation_matrix_asks_for_the_number_of_samples():
    text = ",x,y,z\nx,1,.5,.2\ny,.5,1,.3\nz,.2,.3,1\n"
    report = look(text, index_column=0)
    assert finding(report, "correlation-matrix").repairs[0].asks == "n_samples"
    data = mended(text, report, "correlation-matrix", n_samples=80).dataset
    assert data.kind == "correlation" and data.n_samples == 80
    assert read(text.encode(), filename="r.csv", n_samples=80).digest == data.digest


def test_triangle_of_correlations_is_completed():
    data = read(b"x,y,z\n1,,\n.5,1,\n.2,.3,1\n", filename="r.csv", n_samples=50)
    assert np.allclose(data.numeric, [[1, 0.5, 0.2], [0.5, 1, 0.3], [0.2, 0.3, 1]])


def test_regime_column_puts_control_rows_first():
    data = read(b"a,b,env\n1,2,drug\n3,4,control\n5,6,drug\n", filename="t.csv", regime_column="env")
    assert data.regime == ("control", "drug", "drug") and list(data.frame["a"]) == [3, 1, 5] and data.targets == {"control": ()}


def test_table_in_gz_or_zip_is_the_table():
    text = b"a,b\n1,2\n3,4\n"
    bag = io.BytesIO()
    with zipfile.ZipFile(bag, "w") as archive:
        archive.writestr("inner.csv", text)
        archive.writestr("__MACOSX/._inner.csv", b"x")
    plain = read(text, filename="t.csv")
    assert read(gzip.compress(text), filename="t.csv.gz").digest == plain.digest
    assert read(bag.getvalue(), filename="t.zip").digest == plain.digest


def test_reading_tells_the_same_as_inspecting_and_its_steps_repeat_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = b"a;b;b\n1,5;2,5;3\n3;4;5\n"
    (tmp_path / "t.csv").write_bytes(content)
    report = look(content, "t.csv", duplicate_columns="rename")
    (call, arguments), *rest = report.dataset.steps
    assert call == "engine.read" and not rest
    assert engine.read(**arguments).digest == report.dataset.digest
    assert read(content, filename="t.csv", **report.options).digest == report.dataset.digest


@pytest.mark.parametrize(
    "options", [{"colour": 1}, {"format": "pdf"}, {"separator": "::"}, {"duplicate_columns": "last"}, {"index_column": 9}]
)
def test_wrong_options_are_findings_not_errors(options):
    report = look("a,b\n1,2\n3,4\n", **options)
    assert report.dataset is None and report.findings[0].level == "stop"


def test_a_row_without_a_name_has_its_number_when_rows_become_columns():
    report = look("name,a,b\nTP53,1,2\n,3,4\n", transpose=True, index_column=0)
    assert report.dataset.columns == ("TP53", "row2")
    assert report.dataset.frame["row2"].tolist() == [3.0, 4.0]
    assert any("row2" in finding.message for finding in report.findings)
