"""A screen stays on disk: any block is what slicing the whole gives, in whatever file it lies, at the memory of the block."""

import gc
import itertools
import pickle
import tracemalloc

import h5py
import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, Profiles, Tables, UserError, read_data
from engine.core import profiles as profiles_module
from engine.core.recipe import data_recipe
from engine.core.stored_matrix import StoredMatrix
from engine.jobs.folders import Folders

VALUES = np.random.default_rng(0).normal(size=(60, 17)).astype(np.float16).astype(np.float32)  # exact in every type of file
VALUES[3, 5] = np.nan
GENES = tuple(f"G{i}" for i in range(17))
ROWS = pd.DataFrame(
    {
        "id": [f"p{i}" for i in range(60)],
        "drug": ["DMSO", "imatinib", None] * 20,
        "dose_um": [np.nan, 10, 3] * 20,
        "is_control": [True, False, False] * 20,
    }
)


def in_memory(**facts):
    return Profiles.of(VALUES, ROWS, GENES, **facts)


def in_hdf5(folder, dtype="f4", transposed=False, chunks=None, name="m.h5"):
    coded = np.where(np.isnan(VALUES), -666, VALUES).astype(dtype)
    with h5py.File(folder / name, "w") as file:
        file.create_dataset("0/DATA/0/matrix", data=coded.T if transposed else coded, chunks=chunks, compression="gzip" if chunks else None)
    return Profiles(ROWS, GENES, StoredMatrix(folder / name, "0/DATA/0/matrix", transposed))


SELECTIONS = [
    (None, None),
    (slice(5, 50, 3), None),
    ([7, 7, 3, 59, 0, -1], None),
    (VALUES[:, 0] > 0, ["G16", "G0", "G5"]),
    (None, ["G4", "G5", "G6"]),
    ([3], ["G5"]),
    ([], ["G5"]),
]


@pytest.mark.parametrize("stored", ["npy", "f2", "f4", "f8", "f4 transposed", "f8 transposed chunks", "f4 chunks"])
def test_a_block_is_what_slicing_the_whole_gives(stored, tmp_path):
    kind, *ways = stored.split()
    screen = in_memory() if kind == "npy" else in_hdf5(tmp_path, kind, "transposed" in ways, (4, 6) if "chunks" in ways else None)
    for rows, genes in SELECTIONS:
        chosen = np.arange(60)[slice(None) if rows is None else np.array(rows, dtype=int) if isinstance(rows, list) else rows]
        columns = [GENES.index(gene) for gene in genes or GENES]
        found = screen.block(rows, genes)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, VALUES[chosen][:, columns])
        np.testing.assert_array_equal(screen.take(chosen).block(genes=genes), found)
        np.testing.assert_array_equal(screen.select([GENES[c] for c in columns]).take(chosen).block(), found)
    np.testing.assert_array_equal(np.vstack([part for _, part in screen.parts(n_bytes=7 * 4 * 17)]), VALUES)
    assert [start for start, _ in screen.parts(n_bytes=7 * 4 * 17)] == list(range(0, 60, 7))
    assert screen.digest == in_memory().digest


def test_whole_numbers_and_the_code_of_missing_ones(tmp_path):
    with h5py.File(tmp_path / "i.h5", "w") as file:
        file["m"] = np.array([[5, -666], [-7, 300]], dtype=np.int16)
    screen = Profiles(ROWS[:2], ("A", "B"), StoredMatrix(tmp_path / "i.h5", "m"))
    np.testing.assert_array_equal(screen.block(), np.array([[5, np.nan], [-7, 300]], dtype=np.float32))


@pytest.mark.parametrize("rows", [slice(2_000, 6_000), "scattered", "half"])
@pytest.mark.parametrize("stored", ["npy", "rows", "columns"])
def test_the_peak_of_memory_is_the_block_and_a_fifth(stored, rows, tmp_path):
    n, d = 8_000, 500
    genes = tuple(map(str, range(d)))
    rng = np.random.default_rng(1)
    if rows == "scattered":
        rows = rng.choice(n, 3_000, replace=False)
    elif rows == "half":
        rows = np.arange(n) % 2 == 0
    if stored == "npy":
        screen = Profiles.of(np.zeros((n, d), np.float32), pd.DataFrame(index=range(n)), genes)
    else:
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.create_dataset(
                "m", shape=(n, d) if stored == "rows" else (d, n), dtype="f8", chunks=(500, 100) if stored == "rows" else None
            )
        screen = Profiles(pd.DataFrame(index=range(n)), genes, StoredMatrix(tmp_path / "m.h5", "m", stored == "columns"))
    for asked in (None, genes[100:400], genes[::2]):
        screen.block(slice(0, 3), asked)  # what is imported on the way does not count
        tracemalloc.start()
        block = screen.block(rows, asked)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= 1.2 * block.nbytes + 500_000  # the numbers of the rows and the names of the genes


def test_a_load_beyond_an_8_gb_laptop_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(profiles_module, "MOST_BYTES", 1_000)
    with pytest.raises(UserError, match=r"60 profiles × 17 genes .*0\.0 GB.*parts"):
        in_memory().block()
    assert in_memory().block(rows=range(10), genes=GENES[:3]).shape == (10, 3)


def test_the_digest_follows_numbers_facts_and_genes_but_not_the_name_or_the_file():
    first = in_memory(name="plate")
    assert first.digest == in_memory(source="GEO").digest
    changed = VALUES.copy()
    changed[0, 0] += 1
    others = [
        Profiles.of(changed, ROWS, GENES), Profiles.of(VALUES, ROWS.assign(drug="a"), GENES),
        Profiles.of(VALUES, ROWS, GENES[::-1]), first.take(range(59)), first.take(np.arange(60)[::-1]),
    ]  # fmt: skip
    assert len({first.digest, *(other.digest for other in others)}) == 6


@pytest.mark.parametrize("stored", ["npy", "hdf5", "part"])
def test_it_comes_back_from_disk_the_same(stored, tmp_path):
    first = in_hdf5(tmp_path, "f8", transposed=True) if stored == "hdf5" else in_memory(name="plate", licence="CC0")
    first = first.after("engine.repurposing.read_screen", path="a.gct")
    first = first.take(range(1, 60, 2)).select(GENES[2:9]) if stored == "part" else first
    back = read_data(first.to_dir(tmp_path / "stored"))
    assert isinstance(back, Profiles)
    assert back.digest == first.digest
    assert (back.name, back.licence, back.genes, back.steps) == (first.name, first.licence, first.genes, first.steps)
    np.testing.assert_array_equal(back.block(), first.block())
    pd.testing.assert_frame_equal(back.rows, first.rows)
    assert data_recipe(back) == ["data = engine.repurposing.read_screen(path='a.gct')"]


def test_a_whole_file_is_linked_and_a_changed_one_is_noticed(tmp_path):
    screen = in_hdf5(tmp_path)
    folder = screen.to_dir(tmp_path / "stored")
    assert (folder / "profiles.h5").samefile(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file["0/DATA/0/matrix"][0, 0] = 99.0
    assert Profiles.from_dir(folder).digest != screen.digest


def test_the_temporary_file_lives_as_long_as_somebody_holds_it():
    screen = in_memory()
    path = screen.matrix.path
    part = screen.take([1])
    copied = pickle.loads(pickle.dumps(screen))
    del copied
    gc.collect()
    assert path.exists()
    del screen
    gc.collect()
    np.testing.assert_array_equal(part.block(), VALUES[[1]])
    del part
    gc.collect()
    assert not path.exists()


def test_tables_and_jobs_hold_a_screen(tmp_path):
    both = Tables({"signature": Dataset(pd.DataFrame({"gene": ["A"], "log2fc": [1.0]})), "screen": in_memory()})
    folders = Folders(tmp_path)
    folders.keep_dataset(both)
    back = folders.dataset(both.digest)
    assert isinstance(back, Tables)
    assert isinstance(back["screen"], Profiles)
    assert isinstance(back["signature"], Dataset)
    assert back.digest == both.digest


def test_facts_are_text_or_numbers_or_truths():
    rows = pd.DataFrame(
        {"time_h": [24, 6], "cell": pd.Categorical(["A549", None]), "note": [1, "x"], "is_control": [True, False]}, index=[5, 9]
    )
    kept = Profiles.of(np.eye(2), rows, ("A", "B")).rows
    assert kept["time_h"].tolist() == [24.0, 6.0]
    assert kept["note"].tolist() == ["1", "x"]
    assert kept["cell"].isna().tolist() == [False, True]
    assert kept["is_control"].dtype == bool
    assert kept.index.tolist() == [0, 1]
    assert Profiles.of(np.eye(2), rows, ("A", "B")).column("cell").tolist() == ["A549", ""]


@pytest.mark.parametrize(
    ("array", "n", "genes", "words"),
    [
        (np.zeros((2, 3)), 3, "ABC", "2 profiles × 3 genes, but facts for 3"),
        (np.zeros((2, 3)), 2, "AB", "names for 2"),
        (np.zeros((2, 3)), 2, "ABA", "'A' appears twice"),
        (np.zeros(3), 3, "A", "1 dimensions"),
    ],
)
def test_what_does_not_fit_together_is_refused(array, n, genes, words):
    with pytest.raises(UserError, match=words):
        Profiles.of(array, pd.DataFrame(index=range(n)), tuple(genes))


def test_what_is_not_there_is_named():
    with pytest.raises(UserError, match=r"no gene 'X', nor 1 more\..*G0, G1"):
        in_memory().block(genes=["G1", "X", "Y"])
    for wrong in ([60], [-61]):
        with pytest.raises(IndexError):
            in_memory().block(wrong)


def test_rows_in_any_order_from_any_place(tmp_path):
    """Every run of rows that the reader makes of its own accord, against plain indexing."""
    screen = in_hdf5(tmp_path, chunks=(8, 17))
    rng = np.random.default_rng(2)
    for n in itertools.chain(range(1, 12), [40, 60]):
        rows = rng.integers(0, 60, n)
        np.testing.assert_array_equal(screen.block(rows), VALUES[rows])
