"""No upload runs code, grows beyond its limits, reaches outside itself, or is read as something it is not."""

import gzip
import io
import os
import pickle
import struct
import tracemalloc
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.data import inspect_file, read, read_bif, safety

TEXT = b"a,b\n1,2\n3,4\n"


def zipped(**members):
    bag = io.BytesIO()
    with zipfile.ZipFile(bag, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return bag.getvalue()


def excel(frame=None):
    bag = io.BytesIO()
    (pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]}) if frame is None else frame).to_excel(bag, index=False)
    return bag.getvalue()


def h5ad(write):
    bag = io.BytesIO()
    with h5py.File(bag, "w") as file:
        var = file.create_group("var")
        var.attrs["_index"] = "_index"
        var["_index"] = ["g1", "g2"]
        file["X"] = np.arange(6.0).reshape(3, 2)
        write(file)
    return bag.getvalue()


def refused(content, name):
    report = inspect_file(content, name)
    assert report.dataset is None and report.findings[0].level == "stop", report
    with pytest.raises(UserError):
        read(content, filename=name)
    return report.findings[0]


def test_gzip_bomb_is_left_after_a_hundred_times_its_size():
    bomb = gzip.compress(b"0,0\n" * 30_000_000)
    assert len(bomb) < 200_000
    tracemalloc.start()
    assert refused(bomb, "table.csv.gz").code == "file-archive"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_gzip_bomb_of_many_members():
    assert refused(gzip.compress(b"0" * 1_000_000) * 100, "table.csv.gz").code == "file-archive"


def test_zip_bomb_is_refused_by_its_declared_size():
    assert refused(zipped(table__csv=b"0,0\n" * 10_000_000), "table.zip").code == "file-archive"


def test_zip_that_lies_about_its_size_gives_no_more_than_it_declared():
    bomb = bytearray(zipped(table__csv=b"0,0\n" * 5_000_000))
    size = struct.pack("<I", 20_000_000)
    assert bomb.count(size) == 2
    lying = bytes(bomb).replace(size, struct.pack("<I", 40))
    assert refused(lying, "table.zip").code == "file-archive"


def test_excel_bomb_is_refused():
    with zipfile.ZipFile(io.BytesIO(excel())) as book:
        members = {name: book.read(name) for name in book.namelist()}
    members["xl/worksheets/sheet1.xml"] = members["xl/worksheets/sheet1.xml"] + b" " * 120_000_000
    assert refused(zipped(**members), "table.xlsx").code == "file-archive"


def test_excel_with_an_entity_bomb_does_not_grow():
    with zipfile.ZipFile(io.BytesIO(excel())) as book:
        members = {name: book.read(name) for name in book.namelist()}
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol" * 10}">' for i in range(9))
    sheet = members["xl/worksheets/sheet1.xml"].decode()
    body = sheet[sheet.index("<worksheet") :].replace("<v>1</v>", "<v>&l8;</v>", 1)
    members["xl/worksheets/sheet1.xml"] = f"<?xml version='1.0'?><!DOCTYPE x [{entities}]>{body}".encode()
    tracemalloc.start()
    report = inspect_file(zipped(**members), "table.xlsx")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6 and (report.dataset is None or report.dataset.frame.size < 10)


def test_too_many_members():
    assert "1,001" in refused(zipped(**{f"f{i}__csv": b"" for i in range(1001)}), "table.zip").message


@pytest.mark.parametrize("name", ["../../etc/table.csv", "/tmp/table.csv", "C:\\table.csv", "..\\table.csv"])
def test_member_names_that_point_outside(name):
    assert "points outside" in refused(zipped(**{name: TEXT}), "table.zip").message


@pytest.mark.parametrize("members", [{}, {"a__csv": TEXT, "b__csv": TEXT}, {"inner__zip": zipped(t__csv=TEXT)}, {"x__pkl": b"a"}])
def test_zip_must_hold_one_table(members):
    assert refused(zipped(**members), "table.zip").code == "file-archive"


@pytest.mark.parametrize("extension", ["pkl", "joblib", "rds", "npy", "npz", "pt", "html", "py", "exe", "h5", "", "csv.exe"])
def test_extensions_not_on_the_list(extension):
    assert refused(TEXT, f"table.{extension}").code == "file-type"


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm-was-done",)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.xlsx", "t.parquet", "t.h5ad", "t.csv.gz", "t.zip", "t.txt"])
def test_pickles_are_refused_under_every_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for protocol in range(6):
        refused(pickle.dumps(Harm(), protocol), name) if protocol > 1 else inspect_file(pickle.dumps(Harm(), protocol), name)
    assert not list(tmp_path.iterdir())


def test_first_bytes_must_fit_the_extension():
    parquet = io.BytesIO()
    pd.DataFrame({"a": [1.0]}).to_parquet(parquet)
    assert refused(excel(), "t.csv").message == "This is an Excel file, not CSV."
    assert refused(excel(), "t.csv").repairs[0].arguments == {"format": "xlsx"}
    for content, name in ((TEXT, "t.xlsx"), (TEXT, "t.parquet"), (TEXT, "t.h5ad"), (parquet.getvalue(), "t.csv"), (b"%PDF-1.4", "t.csv")):
        assert refused(content, name).code == "file-type"
    assert ".xlsx" in refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "t.xlsx").message


def test_renamed_excel_is_read_in_one_click():
    assert inspect_file(excel(), "t.csv", format="xlsx").dataset.columns == ("a", "b")


def test_binary_under_a_text_name():
    assert refused(bytes(range(256)) * 40, "t.csv").level == "stop"


def test_size_limits(monkeypatch):
    monkeypatch.setattr(safety, "MAX_FILE", 10)
    assert refused(TEXT, "t.csv").code == "file-large"


def test_large_files_on_disk_are_not_even_opened(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.truncate(safety.MAX_FILE + 1)
    with pytest.raises(UserError, match="200 MB"):
        read(path)


def test_too_many_cells_wait_for_a_yes():
    text = b"a,b,c,d,e\n" + b"1,2,3,4,5\n" * 1_000_001
    report = inspect_file(text, "t.csv")
    assert report.dataset is None and report.findings[0].code == "too-many-cells"
    small = inspect_file(TEXT, "t.csv", max_cells=3)
    assert small.findings[0].code == "too-many-cells"
    assert inspect_file(TEXT, "t.csv", **small.findings[0].repairs[0].arguments).dataset.n_samples == 2


def test_too_many_columns():
    wide = ",".join(f"c{i}" for i in range(20_001))
    report = inspect_file(f"{wide}\n{wide.replace('c', '')}\n".encode(), "t.csv")
    assert report.findings[0].code == "too-wide"


@pytest.mark.parametrize(
    "write",
    [
        lambda file: file.__setitem__("uns", h5py.ExternalLink("/etc/passwd", "/x")),
        lambda file: file.__setitem__("uns", h5py.SoftLink("/X")),
        lambda file: file.create_dataset("uns", (4,), dtype="i4", external=[("/etc/passwd", 0, 16)]),
        lambda file: file.create_dataset("uns", (2,), dtype=h5py.special_dtype(vlen=np.dtype("int32"))),
        lambda file: file.create_dataset("uns", data=np.void(b"\x80\x04pickle")),
    ],
    ids=["external link", "soft link", "external storage", "objects", "opaque"],
)
def test_h5ad_that_reaches_outside_or_holds_objects(write):
    assert refused(h5ad(write), "t.h5ad").code == "h5ad-unsafe"


def test_h5ad_matrix_that_inflates():
    def write(file):
        del file["X"]
        file.create_dataset("X", (4_000, 1_000), dtype="f8", chunks=(1000, 1000), compression="gzip", fillvalue=0)

    assert refused(h5ad(write), "t.h5ad").code == "file-archive"


def test_h5ad_with_a_corrupt_sparse_matrix():
    def write(file):
        del file["X"]
        x = file.create_group("X")
        x.attrs["encoding-type"], x.attrs["shape"] = "csr_matrix", (3, 2)
        x["data"], x["indices"], x["indptr"] = [1.0, 2.0], [0, 999_999], [0, 1, 2, 2]

    assert refused(h5ad(write), "t.h5ad").code == "damaged"


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet", "t.h5ad", "t.csv.gz", "t.zip"])
def test_damaged_files_are_findings(name):
    parquet = io.BytesIO()
    pd.DataFrame({"a": np.arange(500.0)}).to_parquet(parquet)
    whole = {
        "t.xlsx": excel(),
        "t.parquet": parquet.getvalue(),
        "t.h5ad": h5ad(lambda file: None),
        "t.csv.gz": gzip.compress(TEXT * 99),
        "t.zip": zipped(t__csv=TEXT),
    }
    content = whole[name]
    rng = np.random.default_rng(0)
    assert inspect_file(content[: len(content) // 2], name).dataset is None
    for _ in range(3 if name == "t.h5ad" else 25):
        broken = bytearray(content)
        for place in rng.integers(8, len(content), 12):
            broken[place] = rng.integers(256)
        inspect_file(bytes(broken), name)  # a finding or, where a harmless byte was hit, a table; never an error


def test_a_library_that_hangs_is_stopped(monkeypatch):
    monkeypatch.setattr("engine.data.h5ad.SECONDS", 0.001)
    assert "could not be read in" in refused(h5ad(lambda file: None), "t.h5ad").message


def test_file_names_are_labels_only():
    for name in ("../../x.csv", "/etc/x.csv", "C:\\dir\\x.csv", "<img src=x onerror=alert(1)>.csv", "x" * 5_000 + ".csv"):
        assert "/" not in inspect_file(TEXT, name).dataset.name or "<" in name


def test_bif_uploads_are_bounded():
    many = "".join(f"variable v{i} {{ type discrete [ 2 ] {{ a, b }}; }}\n" for i in range(2_001))
    with pytest.raises(UserError, match="2,001 variables"):
        read_bif(many.encode())
    states = ", ".join(f"s{i}" for i in range(100))
    wide = (
        "".join(f"variable v{i} {{ type discrete [ 100 ] {{ {states} }}; }}\n" for i in range(5))
        + "probability ( v0 | v1, v2, v3, v4 ) { table 1; }"
    )
    with pytest.raises(UserError, match="cells"):
        read_bif(wide.encode())
    with pytest.raises(UserError):
        read_bif(gzip.compress(b" " * 50_000_000), "n.bif.gz")
