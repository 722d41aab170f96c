"""The same screen comes out of every format, however it is laid out; what cannot be read says why, with the bytes found."""

import gzip
import pickle
import tracemalloc

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from engine.core import UserError
from engine.core import profiles as profiles_module
from engine.repurposing.screens import parquet as parquet_module
from engine.repurposing.screens.files import read_screen

N, D = 12, 7
VALUES = np.random.default_rng(0).integers(-40, 40, (N, D)).astype(np.float32) / 4  # exact in float16 and in text
GENES = ("TP53", "EGFR", "MYC", "AKT1", "RIPK1", "PSME1", "CISD1")
GENE_FACTS = {"pr_gene_id": [str(100 + i) for i in range(D)], "pr_gene_symbol": ["Tp53", *GENES[1:]]}
PROBES = tuple(f"{200814 + i}_at" for i in range(D))
IDS = tuple(f"PLATE1:A{i + 1:02d}" for i in range(N))
FACTS = {
    "cell_id": ["A549"] * 6 + ["MCF7"] * 6,
    "det_plate": ["PLATE1"] * N,
    "det_well": [name.split(":")[1] for name in IDS],
    "pert_dose": ["-666", "10", "3.33", "500", "5", "2"] * 2,
    "pert_dose_unit": ["-666", "um", "uM", "nM", "mg/kg", "um"] * 2,
    "pert_id": ["DMSO", "BRD-K1", "BRD-K1", "BRD-K2", "BRD-K2", "BRD-K3"] * 2,
    "pert_iname": ["DMSO", "imatinib", "imatinib", "dasatinib", "dasatinib", "-666"] * 2,
    "pert_time": ["24"] * 6 + ["2"] * 6,
    "pert_time_unit": ["h"] * 6 + ["d"] * 6,
    "pert_type": ["ctl_vehicle"] + ["trt_cp"] * 5 + ["ctl_untrt"] + ["trt_cp"] * 5,
}
DOSE = [np.nan, 10, 3.33, 0.5, np.nan, 2] * 2


def gct(values=VALUES, ids=IDS, facts=FACTS, genes=PROBES, gene_facts=GENE_FACTS):
    lines = ["#1.3", f"{len(genes)}\t{len(ids)}\t{len(gene_facts)}\t{len(facts)}", "\t".join(["id", *gene_facts, *ids])]
    lines += ["\t".join([name, *["na"] * len(gene_facts), *map(str, told)]) for name, told in facts.items()]
    for k, gene in enumerate(genes):
        lines.append("\t".join([gene, *(told[k] for told in gene_facts.values()), *(f"{value:.4f}" for value in values[:, k])]))
    return "\n".join(lines) + "\n"


def write_gctx(path, matrix=VALUES, facts=FACTS, gene_facts=GENE_FACTS, swapped=False, **options):
    profiles, genes = ("ROW", "COL") if swapped else ("COL", "ROW")
    with h5py.File(path, "w") as file:
        file.create_dataset("0/DATA/0/matrix", data=matrix, **options)
        for side, ids, told in ((profiles, IDS, facts), (genes, PROBES, gene_facts)):
            for name, values in {"id": ids, **told}.items() if told is not None else ():
                file.create_dataset(f"0/META/{side}/{name}", data=np.array(values, dtype="S"))
    return path


def write_h5ad(path, matrix, form=None):
    with h5py.File(path, "w") as file:
        if form is None:
            file["X"] = matrix
        else:
            made = sparse.csr_array(matrix) if form == "csr" else sparse.csc_array(matrix)
            group = file.create_group("X")
            group.attrs["encoding-type"], group.attrs["shape"] = f"{form}_matrix", made.shape
            for name in ("data", "indices", "indptr"):
                group[name] = getattr(made, name)
        for side, ids, told in (("obs", IDS, FACTS), ("var", PROBES, GENE_FACTS)):
            group = file.create_group(side)
            group.attrs["_index"] = "_index"
            group["_index"] = np.array(ids, dtype=object)
            for name, values in told.items():
                labels = sorted(set(values))
                inner = group.create_group(name)
                inner["categories"], inner["codes"] = np.array(labels, dtype=object), [labels.index(value) for value in values]
    return path


def frame():
    return pd.concat([pd.DataFrame({"id": IDS, **FACTS}), pd.DataFrame(VALUES, columns=list(GENES))], axis=1)


def write(form, folder):
    match form:
        case "gct":
            (folder / "s.gct").write_text(gct())
            return folder / "s.gct"
        case "gct.gz":
            (folder / "s.gct.gz").write_bytes(gzip.compress(gct().encode()))
            return folder / "s.gct.gz"
        case "gct with profiles in rows":
            (folder / "s.gct").write_text(gct(VALUES.T, PROBES, GENE_FACTS, IDS, FACTS))
            return folder / "s.gct"
        case "gctx":
            return write_gctx(folder / "s.gctx", chunks=(5, 3), compression="gzip")
        case "gctx float64" | "gctx float16":
            return write_gctx(folder / "s.gctx", VALUES.astype(form.split()[1]))
        case "gctx with a turned matrix":
            return write_gctx(folder / "s.gctx", VALUES.T)
        case "gctx with turned facts":
            return write_gctx(folder / "s.gctx", VALUES.T, swapped=True)
        case "h5ad":
            return write_h5ad(folder / "s.h5ad", VALUES)
        case "h5ad csr" | "h5ad csc":
            return write_h5ad(folder / "s.h5ad", VALUES, form.split()[1])
        case "parquet":
            frame().to_parquet(folder / "s.parquet")
        case "parquet float64 in groups":
            doubles = frame().astype(dict.fromkeys(GENES, np.float64))
            pq.write_table(pa.Table.from_pandas(doubles, preserve_index=False), folder / "s.parquet", row_group_size=5)
    return folder / "s.parquet"


FORMS = [
    "gct", "gct.gz", "gct with profiles in rows", "gctx", "gctx float64", "gctx float16", "gctx with a turned matrix",
    "gctx with turned facts", "h5ad", "h5ad csr", "h5ad csc", "parquet", "parquet float64 in groups",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same_screen(form, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_module, "BATCH_BYTES", 4 * D * 5)
    screen = read_screen(write(form, tmp_path))
    assert screen.genes == GENES
    np.testing.assert_array_equal(screen.block(), VALUES)
    np.testing.assert_array_equal(screen.block([9, 2], ["MYC", "TP53"]), VALUES[[9, 2]][:, [2, 0]])
    rows = screen.rows
    assert rows["id"].tolist() == list(IDS)
    assert rows["drug"].tolist() == ["DMSO", "imatinib", "imatinib", "dasatinib", "dasatinib", "BRD-K3"] * 2
    assert rows["cell"].tolist() == FACTS["cell_id"]
    np.testing.assert_allclose(rows["dose_um"], DOSE)
    assert rows["time_h"].tolist() == [24.0] * 6 + [48.0] * 6
    assert rows["plate"].tolist() == FACTS["det_plate"]
    assert rows["well"].tolist() == FACTS["det_well"]
    assert rows.index[rows["is_control"]].tolist() == [0, 6]
    assert any("mg/kg" in note for note in screen.notes)
    assert any("turned round" in note for note in screen.notes) == ("turned" in form or "in rows" in form)
    assert screen.steps == (("engine.repurposing.read_screen", {"path": str(tmp_path / write(form, tmp_path).name)}),)


def test_gct_1_2_has_symbols_in_its_description(tmp_path):
    lines = ["#1.2", f"{D}\t{N}", "\t".join(["Name", "Description", *IDS])]
    lines += ["\t".join([PROBES[k], GENES[k], *map(str, VALUES[:, k])]) for k in range(D)]
    (tmp_path / "a.gct").write_text("\r\n".join(lines) + "\r\n")
    screen = read_screen(tmp_path / "a.gct")
    assert screen.genes == GENES
    np.testing.assert_array_equal(screen.block(), VALUES)
    assert any("does not say which drug" in note for note in screen.notes)


@pytest.mark.parametrize("written", ["-666", "-666.0", "NA", "", "nan"])
def test_what_means_missing_in_text_is_missing(written, tmp_path):
    (tmp_path / "a.gct").write_text(gct().replace(f"\t{VALUES[3, 2]:.4f}", f"\t{written}"))
    np.testing.assert_array_equal(read_screen(tmp_path / "a.gct").block(), np.where(VALUES[3, 2] == VALUES, np.nan, VALUES))


@pytest.mark.parametrize("form", ["gctx", "parquet"])
def test_minus_666_is_missing_in_whole_numbers_too(form, tmp_path):
    coded = (VALUES * 4).astype(np.int16)
    coded[3, 2] = -666
    if form == "gctx":
        path = write_gctx(tmp_path / "s.gctx", coded)
    else:
        path = tmp_path / "s.parquet"
        pd.concat([pd.DataFrame(FACTS), pd.DataFrame(coded, columns=list(GENES))], axis=1).to_parquet(path)
    found = read_screen(path).block()
    assert np.isnan(found[3, 2])
    assert np.isnan(found).sum() == 1
    assert found[0, 0] == VALUES[0, 0] * 4


def test_numbers_that_are_facts_are_no_genes_in_parquet(tmp_path):
    told = frame().assign(pert_dose=10.0, dose_um=5.0, is_control=[True] + [False] * 11, qc_iqr=np.arange(N) * 1.5, count_mean=3)
    told.to_parquet(tmp_path / "a.parquet")
    screen = read_screen(tmp_path / "a.parquet")
    assert screen.genes == GENES
    assert screen.rows["dose_um"].tolist() == [5.0] * N
    assert screen.rows["qc_iqr"].tolist() == (np.arange(N) * 1.5).tolist()
    assert screen.rows["is_control"].sum() == 1


def test_genes_in_rows_of_parquet_are_turned_round(tmp_path):
    pd.DataFrame(VALUES.T, columns=list(IDS)).assign(gene=GENES).to_parquet(tmp_path / "a.parquet")
    screen = read_screen(tmp_path / "a.parquet")
    assert screen.genes == GENES
    assert screen.rows["id"].tolist() == list(IDS)
    np.testing.assert_array_equal(screen.block(), VALUES)


def test_text_named_gctx_is_read_all_the_same_and_its_bytes_are_named(tmp_path):
    (tmp_path / "a.gctx").write_text(gct())
    screen = read_screen(tmp_path / "a.gctx")
    np.testing.assert_array_equal(screen.block(), VALUES)
    assert "named .gctx, but starts with the bytes 23 31 2e 33" in screen.notes[0]
    assert "(#1.3" in screen.notes[0]
    write_gctx(tmp_path / "b.gct")
    assert "89 48 44 46" in read_screen(tmp_path / "b.gct").notes[0]
    assert not any("named" in note for note in read_screen(write("gct.gz", tmp_path)).notes)


@pytest.mark.parametrize("form", ["gct", "gct.gz", "gctx", "h5ad", "parquet"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.97])
def test_a_truncated_file_is_called_that(form, share, tmp_path):
    path = write(form, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"not whole.*cut off"):
        read_screen(path)


@pytest.mark.parametrize("cut", [0, 5])
def test_a_gct_cut_between_rows_is_called_truncated(cut, tmp_path):
    lines = gct().splitlines()
    (tmp_path / "a.gct").write_text("\n".join(lines[: len(lines) - D + cut]) + "\n")
    with pytest.raises(UserError, match=rf"row {cut + 1} of {D} has 0 fields"):
        read_screen(tmp_path / "a.gct")


def test_a_gct_with_more_rows_than_it_says(tmp_path):
    (tmp_path / "a.gct").write_text(gct().replace(f"{D}\t{N}\t", f"{D - 1}\t{N}\t"))
    with pytest.raises(UserError, match=f"more rows than the {D - 1}"):
        read_screen(tmp_path / "a.gct")


def test_a_value_that_is_no_number_is_shown_with_its_place(tmp_path):
    (tmp_path / "a.gct").write_text(gct().replace(f"\t{VALUES[3, 2]:.4f}", "\thigh", 1))
    line = next(k for k, text in enumerate(gct().splitlines(), 1) if f"\t{VALUES[3, 2]:.4f}" in text)
    with pytest.raises(UserError, match=rf"Line {line} of a.gct has 'high' in column PLATE1:A\d\d"):
        read_screen(tmp_path / "a.gct")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps({"a": 1}), r"80 04.*pickle, which is never opened"),
        (b"PK\x03\x04....", "50 4b 03 04.*ZIP"),
        (b"drug,TP53\nDMSO,1\n", r"drug,TP5.*Give a GCT"),
        (gzip.compress(b"\x89HDF\r\n\x1a\n0000", mtime=0), "HDF5 inside gzip.*Unpack"),
        (gzip.compress(gct().encode(), mtime=0)[:12], "not whole"),
        (b"", "is empty"),
        (b"#1.3\nnonsense\n", "Line 2"),
    ],
)
def test_other_formats_are_named_by_their_bytes_and_never_unpickled(content, words, tmp_path):
    (tmp_path / "a.gct").write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_screen(tmp_path / "a.gct")
    with pytest.raises(UserError, match="no file"):
        read_screen(tmp_path / "b.gct")


def test_missing_facts_are_said(tmp_path):
    bare = read_screen(write_gctx(tmp_path / "a.gctx", facts={}))
    assert {"id", "is_control"} == set(bare.rows)
    for words in ("which drug", "which cell line", "is a control"):
        assert any(words in note for note in bare.notes)
    path = write_gctx(tmp_path / "b.gctx")
    with h5py.File(path, "r+") as file:
        del file["0/META/COL"]
    nothing = read_screen(path)
    assert len(nothing) == N
    assert any("says nothing of its profiles" in note for note in nothing.notes)
    np.testing.assert_array_equal(nothing.block(), VALUES)
    with h5py.File(path, "r+") as file:
        del file["0/META/ROW"]
    with pytest.raises(UserError, match="does not name its genes"):
        read_screen(path)


def test_a_screen_without_controls_is_named(tmp_path):
    treated = FACTS | {"pert_type": ["trt_cp"] * N, "pert_iname": ["imatinib"] * N}
    screen = read_screen(write_gctx(tmp_path / "a.gctx", facts=treated))
    assert not screen.rows["is_control"].any()
    assert any("No profile of a.gctx is a control" in note for note in screen.notes)
    no_type = {name: told for name, told in FACTS.items() if name != "pert_type"}
    assert read_screen(write_gctx(tmp_path / "b.gctx", facts=no_type)).rows["is_control"].tolist() == ([True] + [False] * 5) * 2


def test_a_dose_without_a_unit_is_said_and_one_with_it_behind_is_read(tmp_path):
    plain = {"pert_iname": FACTS["pert_iname"], "pert_dose": ["10"] * N}
    screen = read_screen(write_gctx(tmp_path / "a.gctx", facts=plain))
    assert screen.rows["dose_um"].tolist() == [10.0] * N
    assert any("pert_dose has no unit; it was taken as µM" in note for note in screen.notes)
    behind = {"pert_idose": ["500 nM", "10.0 um", "-666"] * 4, "pert_itime": ["24 h", "6 h", "-666"] * 4}
    rows = read_screen(write_gctx(tmp_path / "b.gctx", facts=behind)).rows
    np.testing.assert_allclose(rows["dose_um"], [0.5, 10, np.nan] * 4)
    np.testing.assert_allclose(rows["time_h"], [24, 6, np.nan] * 4)


def test_further_columns_of_a_gene_are_left_out_and_said(tmp_path):
    double = {"pr_gene_symbol": [*GENES[:5], "MYC", "-666"]}
    screen = read_screen(write_gctx(tmp_path / "a.gctx", gene_facts=double))
    assert screen.genes == (*GENES[:5], PROBES[6].upper())
    np.testing.assert_array_equal(screen.block(), VALUES[:, [0, 1, 2, 3, 4, 6]])
    assert any("1 columns" in note and "MYC" in note for note in screen.notes)


def test_links_and_storage_outside_the_file_are_not_followed(tmp_path):
    other = write_gctx(tmp_path / "other.gctx")
    for kind in ("link", "external"):
        path = write_gctx(tmp_path / f"{kind}.gctx")
        with h5py.File(path, "r+") as file:
            del file["0/DATA/0/matrix"]
            if kind == "link":
                file["0/DATA/0/matrix"] = h5py.ExternalLink(str(other), "0/DATA/0/matrix")
            else:
                file.create_dataset("0/DATA/0/matrix", (N, D), "f4", external=[(str(other), 0, N * D * 4)])
        with pytest.raises(UserError, match="was not read"):
            read_screen(path)


@pytest.mark.parametrize("change", ["facts of fewer profiles", "text", "neither"])
def test_hdf5_of_another_layout_is_refused(change, tmp_path):
    path = write_gctx(tmp_path / "a.gctx", VALUES[:9] if change == "facts of fewer profiles" else VALUES)
    with h5py.File(path, "r+") as file:
        if change == "text":
            del file["0/DATA/0/matrix"]
            file["0/DATA/0/matrix"] = np.array([["a"]], dtype="S")
        elif change == "neither":
            file.move("0", "data")
    words = {"facts of fewer profiles": "9 × 7, but describes 12 profiles", "text": "not a table of numbers", "neither": "holds data"}
    with pytest.raises(UserError, match=words[change]):
        read_screen(path)


def test_a_subset_of_a_large_gctx_costs_its_block(tmp_path, monkeypatch):
    n, d = 6_000, 400
    path = tmp_path / "large.gctx"
    with h5py.File(path, "w") as file:
        file.create_dataset("0/DATA/0/matrix", (n, d), "f4", chunks=(512, d))
        file["0/META/ROW/id"] = np.array([f"G{i}" for i in range(d)], dtype="S")
        file["0/META/COL/id"] = np.array([f"p{i}" for i in range(n)], dtype="S")
    screen = read_screen(path)
    rows, genes = np.random.default_rng(0).permutation(n)[:2_500], screen.genes[::2]
    screen.block([0], genes[:1])
    tracemalloc.start()
    block = screen.block(rows, genes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 1.2 * block.nbytes + 200_000
    monkeypatch.setattr(profiles_module, "MOST_BYTES", 4_000_000)
    with pytest.raises(UserError, match=r"6,000 profiles × 400 genes .* GB"):
        screen.block()


def test_numbers_are_written_where_the_caller_says(tmp_path):
    path = write("gct", tmp_path)
    screen = read_screen(path, folder=tmp_path / "kept", name="plate", licence="CC0")
    assert (screen.name, screen.licence, screen.holder) == ("plate", "CC0", None)
    assert (tmp_path / "kept" / "s.gct.npy").is_file()
    np.testing.assert_array_equal(np.load(tmp_path / "kept" / "s.gct.npy"), VALUES)


@pytest.mark.shared_data
def test_a_real_plate(shared_data):
    screen = read_screen(shared_data / "l1000" / "a375_24h_978x377.gct.gz")
    assert (len(screen), screen.p) == (377, 978)
    assert screen.rows["is_control"].sum() == 26
    treated = screen.rows[~screen.rows["is_control"]]
    assert treated["drug"].nunique() == 59
    assert treated["dose_um"].nunique() == 6
    assert set(screen.rows["cell"]) == {"A375"}
    assert set(screen.rows["time_h"]) == {24.0}
    assert len(set(screen.genes) & {"PSME1", "CISD1", "VDAC1"}) == 3
    with gzip.open(shared_data / "l1000" / "a375_24h_978x377.gct.gz", "rt") as file:
        last = file.read().splitlines()[-1].split("\t")
    np.testing.assert_array_equal(screen.block()[:, -1], np.array(last[12:], dtype=np.float32))
