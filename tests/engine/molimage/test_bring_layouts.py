"""Public layouts are recognised by their files and give the same set as the plain table."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from engine.core import UserError
from engine.molimage.bring import detect, inspect_images, open_place, read_images, read_packed, to_npz
from tests.engine.molimage.brought import MOLECULES, field, npz, per_channel, table, zipped

NAMES = list(MOLECULES)


def codes(report):
    return {finding.code: finding for finding in report.findings}


def written(folder, pixels, path):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / path, pixels)


@pytest.fixture
def bbbc021(tmp_path):
    """Six compounds at one dose on two plates of a week, three stains, as the set is distributed."""
    rows = []
    for i, name in enumerate(NAMES * 2):
        plate, well = f"Week1_2212{i // 6}", f"{'BCDEFG'[i % 6]}02"
        row = {"TableNumber": 4, "ImageNumber": 233 + i}
        for number, stain in enumerate(["DAPI", "Tubulin", "Actin"], 1):
            row[f"Image_FileName_{stain}"] = f"{well}_s{i % 4 + 1}_w{number}ABC-{i}.tif"
            row[f"Image_PathName_{stain}"] = f"Week1/{plate}"
            written(tmp_path, field(i, channels=3)[number - 1], f"Week1/{plate}/{row[f'Image_FileName_{stain}']}")
        row |= {"Image_Metadata_Plate_DAPI": plate, "Image_Metadata_Well_DAPI": well, "Replicate": i // 6 + 1}
        rows.append(row | {"Image_Metadata_Compound": name, "Image_Metadata_Concentration": 0 if name == "DMSO" else 0.3})
    pd.DataFrame(rows).to_csv(tmp_path / "BBBC021_v1_image.csv", index=False)
    told = pd.DataFrame({"compound": NAMES[1:], "concentration": 0.3, "moa": "Eg5 inhibitors"})
    told.to_csv(tmp_path / "BBBC021_v1_moa.csv", index=False)
    pd.DataFrame({"compound": NAMES[1:], "smiles": list(MOLECULES.values())[1:]}).to_csv(tmp_path / "BBBC021_v1_compound.csv", index=False)
    return tmp_path


def test_bbbc021(bbbc021):
    report = inspect_images(None, bbbc021)
    images = report.images
    assert images.channels == ("DNA", "Tubulin", "Actin") and len(images) == 12 and "BBBC021" in codes(report)["layout"].message
    assert images.table["smiles"].tolist() == list(MOLECULES.values()) * 2 and images.table["site"].tolist() == list("123412341234")
    assert images.table["moa"].fillna("").tolist() == ([""] + ["Eg5 inhibitors"] * 5) * 2
    assert images.table["dose_um"].tolist() == ([0] + [0.3] * 5) * 2 and set(images.table["plate"]) == {"Week1_22120", "Week1_22121"}
    assert codes(report)["scaled"].message.endswith("DMSO wells of each plate.")


def test_bbbc021_without_its_compound_table_looks_names_up(bbbc021):
    (bbbc021 / "BBBC021_v1_compound.csv").unlink()
    assert read_images(None, zipped(bbbc021)).table["smiles"].tolist() == list(MOLECULES.values()) * 2


@pytest.fixture
def gallery(tmp_path):
    """One plate of the Cell Painting Gallery: load_data.csv with the paths of another machine, plate map and sample table."""
    rows, wells = [], []
    for i, name in enumerate(NAMES):
        row = {"Metadata_Plate": "BR001", "Metadata_Well": f"{'ABCDEF'[i]}01", "Metadata_Site": 1}
        for channel, stain in enumerate(["DNA", "ER", "RNA", "AGP", "Mito"]):
            row[f"FileName_Orig{stain}"] = f"r0{i + 1}c01f01p01-ch{channel + 1}sk1fk1fl1.tiff"
            row[f"PathName_Orig{stain}"] = "/home/ubuntu/bucket/images/BR001__2020/Images/"
            written(tmp_path, field(i, channels=5)[channel], f"images/BR001__2020/Images/{row[f'FileName_Orig{stain}']}")
        rows.append(row)
        wells.append({"well_position": f"{'abcdef'[i]}01", "broad_sample": "" if name == "DMSO" else f"BRD-{i}", "mmoles_per_liter": 0.01})
    (tmp_path / "load_data_csv").mkdir()
    pd.DataFrame(rows).to_csv(tmp_path / "load_data_csv" / "load_data.csv", index=False)
    (tmp_path / "platemaps" / "platemap").mkdir(parents=True)
    pd.DataFrame({"Assay_Plate_Barcode": ["BR001"], "Plate_Map_Name": ["map_1"]}).to_csv(
        tmp_path / "platemaps" / "barcode_platemap.csv", index=False
    )
    pd.DataFrame(wells).to_csv(tmp_path / "platemaps" / "platemap" / "map_1.txt", sep="\t", index=False)
    samples = {"broad_sample": [f"BRD-{i}" for i in range(1, 6)], "pert_iname": NAMES[1:], "smiles": list(MOLECULES.values())[1:]}
    (tmp_path / "external_metadata").mkdir()
    pd.DataFrame(samples).to_csv(tmp_path / "external_metadata" / "external_metadata.tsv", sep="\t", index=False)
    return tmp_path


def test_cell_painting_gallery_with_its_plate_maps(gallery):
    report = inspect_images(None, gallery)
    images = report.images
    assert images.channels == ("DNA", "ER", "RNA", "AGP", "Mito") and "6 of 6 fields" in codes(report)["joined"].message
    assert images.table["smiles"].tolist() == list(MOLECULES.values()) and images.table["compound"].tolist() == NAMES
    assert images.table["dose_um"].tolist() == [10.0] * 6 and "absolute" in codes(report)["paths-absolute"].message


def test_cell_painting_gallery_without_molecules_asks_for_them(gallery):
    for path in gallery.rglob("*"):
        if path.is_file() and "load_data" not in path.name and path.suffix != ".tiff":
            path.unlink()
    report = inspect_images(None, gallery)
    assert codes(report)["no-compounds"].repairs[0].asks == "compounds" and len(report.images) == 6
    told = pd.DataFrame({"Well": [f"{'ABCDEF'[i]}1" for i in range(6)], "SMILES": list(MOLECULES.values())})
    assert read_images(None, gallery, compounds=told).table["smiles"].tolist() == list(MOLECULES.values())
    twice = pd.concat([told, told.assign(SMILES="CCO")])
    with pytest.raises(UserError, match="says two things of well A01"):
        read_images(None, gallery, compounds=twice)
    with pytest.raises(UserError, match="It needs well"):
        read_images(None, gallery, compounds=told[["SMILES"]])


@pytest.mark.parametrize("ending", ["", "sk1fk1fl1"])
def test_file_names_of_a_plate_reader(tmp_path, ending):
    for place, (row, column, site) in enumerate([(1, 1, 1), (1, 1, 2), (2, 24, 1), (27, 3, 1)]):
        for channel in (2, 5):
            name = f"r{row:02d}c{column:02d}f{site:02d}p01-ch{channel}{ending}.tiff"
            written(tmp_path, field(place)[0 if channel == 5 else 1], f"BR002__2020-11-08/Images/{name}")
    report = inspect_images(None, tmp_path)
    assert report.images.channels == ("AGP", "DNA") and codes(report)["channels"].level in ("warn", "note")
    facts = report.images.table
    assert sorted(zip(facts["well"], facts["site"], strict=True)) == [("A01", "1"), ("A01", "2"), ("AA03", "1"), ("B24", "1")]
    assert set(facts["plate"]) == {"BR002"}
    written(tmp_path, field(0)[0], f"BR002__2020-11-08/Images/r01c01f01p02-ch5{ending}.tiff")
    assert "2 focus planes" in codes(inspect_images(None, tmp_path))["image-stack"].message


def test_packed(tmp_path):
    facts = table().drop(columns="site")
    images = np.stack([field(i, 64, 64, 3) for i in range(12)]) // 32
    images = images.astype(np.uint8)
    order = np.random.default_rng(0).permutation(12)
    facts.assign(index=range(12)).iloc[order].to_csv(tmp_path / "metadata.csv", index=False)
    (tmp_path / "images.npz").write_bytes(npz(images=images))
    read = read_packed(tmp_path, channels=("DNA", "ER", "Mito"))
    assert np.array_equal(read.images, images) and read.table["compound"].tolist() == facts["compound"].tolist()
    named = {"channels": ("DNA", "ER", "Mito")}
    assert read_images(None, tmp_path, **named).digest == read.digest == read_packed(zipped(tmp_path), **named).digest
    (tmp_path / "images.npz").write_bytes(npz(images=images.transpose(0, 2, 3, 1)))
    assert np.array_equal(read_packed(tmp_path).images, images) and read_packed(tmp_path).channels[0] == "DNA"
    (tmp_path / "images.npz").write_bytes(to_npz(images, ("DNA", "ER", "Mito"), {"origin": "simulated"}))
    assert read_packed(tmp_path).origin == "simulated" and read_packed(tmp_path).channels == ("DNA", "ER", "Mito")
    (tmp_path / "images.npz").write_bytes(npz(images=images[:11]))
    with pytest.raises(UserError, match="holds 11 images"):
        read_packed(tmp_path)


def test_what_is_no_set_says_what_would_be(tmp_path):
    (tmp_path / "notes.csv").write_text("image,what\nnone,nothing\n")
    with pytest.raises(UserError, match=r"no table that names the images.*BBBC021"):
        detect(open_place(tmp_path))
    for name in "ab":
        per_channel(tmp_path, table(), [field(i) for i in range(12)])
        (tmp_path / "plate.csv").rename(tmp_path / f"{name}.csv")
    with pytest.raises(UserError, match=r"2 tables that name images: a\.csv and b\.csv"):
        detect(open_place(tmp_path))


@pytest.mark.shared_data
def test_a_real_jump_site(shared_data):
    report = inspect_images(None, shared_data / "cells" / "jump_BR00117006", size=128)
    images = report.images
    assert images.channels == ("AGP", "RNA", "DNA") and images.images.shape == (1, 3, 128, 128) and images.origin == "real"
    assert not [finding for finding in report.findings if finding.level == "stop"] and images.table["well"].tolist() == ["A01"]
    assert 0.0 < (images.images == 255).mean() < 0.01 and images.images.min() == 0  # neither black nor burnt


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "count", "side", "compounds"), [("fields", 660, 128, 18), ("chx", 740, 64, 2)])
def test_the_real_packed_sets(shared_data, name, count, side, compounds):
    place = shared_data / "cells" / f"bbbc021_mcf7_{name}"
    images = read_packed(place, channels=("DNA", "Tubulin", "Actin"))
    with np.load(place / "images.npz") as stored:
        edge = (stored["images"].shape[-1] - side) // 2
        assert np.array_equal(images.images, stored["images"][:, :, edge : edge + side, edge : edge + side])
    told = pd.read_csv(place / "metadata.csv")
    assert len(images) == count and images.table["compound"].nunique() == compounds
    assert images.table["compound"].tolist() == told["compound"].tolist() and images.table["split"].tolist() == told["split"].tolist()
    assert images.table["dose_um"].tolist() == told["concentration_um"].tolist()
    without = told["smiles"].isna() | told["smiles"].fillna("").str.contains("Pt")
    assert ((images.column("smiles") == "") == without.to_numpy()).all()
