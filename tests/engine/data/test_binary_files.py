"""Excel, Parquet and H5AD files give the table that was written into them."""

import datetime
import io

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_array, csr_array

from engine.core import UserError
from engine.data import inspect_file, read

FRAME = pd.DataFrame({"a": [1.5, 2.0, -3.0], "b": [0.0, 4.0, 0.5], "kind": ["x", "y", "x"]})


def excel(**sheets):
    bag = io.BytesIO()
    with pd.ExcelWriter(bag) as book:
        for name, frame in (sheets or {"one": FRAME}).items():
            frame.to_excel(book, sheet_name=name, index=False)
    return bag.getvalue()


def parquet(frame, **how):
    bag = io.BytesIO()
    frame.to_parquet(bag, **how)
    return bag.getvalue()


def h5ad(x, form="dense", annotations=None):
    bag = io.BytesIO()
    with h5py.File(bag, "w") as file:
        if form == "dense":
            file.create_dataset("X", data=x, compression="gzip")
        else:
            sparse = (csr_array if form == "csr_matrix" else csc_array)(x)
            group = file.create_group("X")
            group.attrs["encoding-type"], group.attrs["shape"] = form, x.shape
            group["data"], group["indices"], group["indptr"] = sparse.data, sparse.indices, sparse.indptr
        for part, names in (("var", [f"gene {j}" for j in range(x.shape[1])]), ("obs", [f"cell {i}" for i in range(x.shape[0])])):
            group = file.create_group(part)
            group.attrs["_index"] = "_index"
            group["_index"] = names
        for name, labels in (annotations or {}).items():
            codes, categories = pd.factorize(np.array(labels, dtype=object))
            group = file["obs"].create_group(name)
            group["codes"], group["categories"] = codes.astype("i1"), list(categories)
    return bag.getvalue()


@pytest.mark.parametrize(
    ("content", "name"), [(excel(), "t.xlsx"), (parquet(FRAME), "t.parquet"), (FRAME.to_csv(index=False).encode(), "t.csv")]
)
def test_the_same_table_has_the_same_digest_in_every_format(content, name):
    assert read(content, filename=name).digest == read(FRAME.to_csv(index=False).encode(), filename="t.csv").digest


def test_excel_sheets_can_be_chosen():
    content = excel(one=FRAME, two=FRAME * 2)
    report = inspect_file(content, "t.xlsx")
    found = report.findings[0]
    assert found.code == "sheets" and found.message == "Sheet 'one' is read. The file also has two."
    second = inspect_file(content, "t.xlsx", **found.repairs[0].arguments)
    assert list(second.dataset.frame["a"]) == [3.0, 4.0, -6.0] and not second.findings
    assert inspect_file(content, "t.xlsx", sheet="three").findings[0].code == "sheets"


def test_excel_gene_names_that_became_dates_keep_their_day():
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=[datetime.datetime(2024, 9, 2), "TP53"])
    assert read(excel(one=frame), filename="t.xlsx").columns == ("2-Sep", "TP53")


def test_excel_dates_name_the_rows():
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=3), "a": [1.0, 2, 3], "b": [3.0, 2, 1]})
    data = read(excel(one=frame), filename="t.xlsx")
    assert data.columns == ("a", "b") and data.frame.index[2] == pd.Timestamp("2024-01-03")


def test_excel_gaps_text_and_unnamed_columns():
    frame = pd.DataFrame({"": ["r1", "r2", "r3"], "a": [1.0, None, 3.0], "b": [1, "n.d.", 3]})
    report = inspect_file(excel(one=frame), "t.xlsx")
    assert [f.code for f in report.findings] == ["row-names"]
    data = inspect_file(excel(one=frame), "t.xlsx", index_column=0).dataset
    assert data.columns == ("a", "b") and data.frame["a"].isna().sum() == 1 and list(data.frame["b"]) == ["1", "n.d.", "3"]


def test_parquet_categories_booleans_and_dates():
    frame = FRAME.assign(kind=FRAME["kind"].astype("category"), yes=[True, False, True], n=[1, 2, 3])
    frame.insert(0, "t", pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin"))
    data = read(parquet(frame), filename="t.parquet")
    assert data.columns == ("a", "b", "kind", "yes", "n") and list(data.frame["yes"]) == [1.0, 0.0, 1.0]
    assert data.frame.index[0] == pd.Timestamp("2023-12-31 23:00")


def test_parquet_with_nested_columns_is_refused():
    assert inspect_file(parquet(pd.DataFrame({"a": [[1], [2]]})), "t.parquet").findings[0].code == "nested"


@pytest.mark.parametrize("form", ["dense", "csr_matrix", "csc_matrix"])
def test_h5ad_matrix_and_names(form):
    x = np.random.default_rng(0).poisson(0.7, (30, 5)).astype(np.float32)
    data = read(h5ad(x, form), filename="t.h5ad")
    assert np.array_equal(data.numeric, x) and data.columns == tuple(f"gene {j}" for j in range(5))


def test_h5ad_annotations_are_offered_as_regimes():
    x = np.arange(24.0).reshape(6, 4)
    guide = ["TP53", "control", "TP53", "control", "MYC", "MYC"]
    content = h5ad(x, annotations={"guide": guide, "one": ["same"] * 6})
    found = inspect_file(content, "t.h5ad").findings[0]
    assert found.code == "regime-column" and found.columns == ("guide",)
    data = inspect_file(content, "t.h5ad", **found.repairs[0].arguments).dataset
    assert data.regimes == ("control", "TP53", "MYC") and list(data.frame["gene 0"]) == [4, 12, 0, 8, 16, 20]
    with pytest.raises(UserError, match="annotation 'dose'"):
        read(content, filename="t.h5ad", regime_column="dose")


def test_empty_sheet():
    assert inspect_file(excel(one=pd.DataFrame()), "t.xlsx").findings[0].code == "file-empty"
