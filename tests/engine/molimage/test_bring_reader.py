"""A table and a folder become a set whose pixels are the plain computation's, and every bad row or file is named with the way out."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from engine.core import Cancelled, Context, UserError
from engine.data.findings import Refusal
from engine.molimage.bring import assemble, inspect_images, read_images, to_npz, to_ome_tiff, to_png
from tests.engine.molimage.brought import MOLECULES, field, per_channel, png, table, tif, zipped


@pytest.fixture
def brought(tmp_path):
    """Twelve fields of 72 × 80 px on two plates, the second twice as bright."""
    facts = table()
    fields = [field(i) * (1 if plate == "P1" else 2) for i, plate in enumerate(facts["plate"])]
    per_channel(tmp_path, facts, fields)
    return tmp_path, facts, fields


def codes(report):
    return {finding.code: finding for finding in report.findings}


def plainly(fields, facts, side, corner):
    """The set as a slow plain version makes it: percentiles of each plate's DMSO crops become 0 and 255."""
    crops = [np.float64(each[:, corner[0] : corner[0] + side, corner[1] : corner[1] + side]) for each in fields]
    made = []
    for crop, plate in zip(crops, facts["plate"], strict=True):
        control = [c for c, p, name in zip(crops, facts["plate"], facts["compound"], strict=True) if p == plate and name == "DMSO"]
        image = np.empty(crop.shape)
        for channel in range(len(crop)):
            low, high = np.percentile(np.stack([c[channel] for c in control]), [0.1, 99.9])
            image[channel] = (crop[channel] - low) / (high - low)
        made.append(np.rint(np.clip(image, 0, 1) * 255))
    return np.stack(made)


def test_pixels_are_scaled_by_the_dmso_wells_of_each_plate(brought):
    folder, facts, fields = brought
    images = read_images(folder / "plate.csv", folder)
    expected = plainly(fields, facts, 72, (0, 4))  # the largest centred square whose side is a multiple of 8
    assert images.channels == ("DNA", "ER") and images.images.shape == (12, 2, 72, 72) and images.origin == "real"
    assert np.abs(images.images - expected).max() <= 1 and (images.images == expected).mean() > 0.999
    assert images.table["smiles"].tolist() == [MOLECULES[name] for name in facts["compound"]]


def test_twice_the_exposure_of_a_plate_changes_nothing(tmp_path):
    facts = table()
    once = [field(i) for i in range(len(facts))]
    for name, gain in (("a", 1), ("b", 3)):
        (tmp_path / name).mkdir()
        per_channel(
            tmp_path / name, facts, [each * (gain if plate == "P2" else 1) for each, plate in zip(once, facts["plate"], strict=True)]
        )
    a, b = (read_images(None, tmp_path / name).images.astype(int) for name in "ab")
    assert np.abs(a - b).max() <= 1


def test_a_zip_gives_the_same_set_as_its_folder(brought):
    folder, _, _ = brought
    (folder / ".hidden").write_text("x")
    assert read_images(None, zipped(folder)).digest == read_images(None, folder).digest


def test_one_file_of_several_channels(tmp_path):
    facts = table(plates=("P1",))
    facts["image"] = [f"{i}.ome.tif" for i in range(len(facts))]
    for i, name in enumerate(facts["image"]):
        told = {"axes": "CYX", "Channel": {"Name": ["Hoechst 33342", "ConA"]}, "PhysicalSizeX": 0.5}
        (tmp_path / name).write_bytes(tif(field(i), photometric="minisblack", ome=True, metadata=told))
    images = read_images(facts, tmp_path, size=32)
    assert images.channels == ("DNA", "ER") and images.pixel_um == 1.0  # each pixel is the mean of 2 × 2
    assert read_images(facts, tmp_path, channels=("", "Actin")).channels == ("Actin",)
    with pytest.raises(Refusal, match="have 2 channels"):
        read_images(facts, tmp_path, channels=("DNA", "ER", "RNA"))


def test_eight_channels(tmp_path):
    facts = table(plates=("P1",)).assign(image=[f"{i}.tif" for i in range(6)])
    for i, name in enumerate(facts["image"]):
        (tmp_path / name).write_bytes(tif(field(i, channels=8), photometric="minisblack", metadata={"axes": "CYX"}))
    report = inspect_images(facts, tmp_path)
    assert report.images.images.shape[1] == 8 and codes(report)["channels"].level == "warn"
    assert report.images.channels[0] == "DNA"  # by its compact objects


def test_the_first_ten_missing_files_are_listed(brought):
    folder, _, _ = brought
    told = pd.read_csv(folder / "plate.csv")
    told.loc[0, "image_er"] = "/elsewhere/gone.tif"
    for path in told["image_dna"][1:]:
        (folder / path).unlink()
    report = inspect_images(told, folder)
    stop = codes(report)["files-missing"]
    assert report.images is None and stop.level == "stop" and "12 of 24 image files" in stop.message
    assert "/elsewhere/gone.tif" in stop.message and told["image_dna"][9] in stop.message and told["image_dna"][10] not in stop.message
    assert "2 more" in stop.message and stop.repairs[0].arguments == {"leave_out": True}
    with pytest.raises(UserError, match="not in"):
        read_images(told, folder, leave_out=True)  # no row is left


def test_rows_with_missing_files_are_left_out_when_asked(brought):
    folder, facts, _ = brought
    (folder / "P1" / "f2_er.tif").unlink()
    report = inspect_images(folder / "plate.csv", folder, leave_out=True)
    assert len(report.images) == 11 and codes(report)["files-missing"].level == "warn"
    assert report.images.table["compound"].tolist() == [name for i, name in enumerate(facts["compound"]) if i != 2]


def test_absolute_paths_are_found_by_their_end(brought):
    folder, _, _ = brought
    told = pd.read_csv(folder / "plate.csv")
    plain = read_images(told, folder)
    told["image_dna"] = "D:\\screens\\2020\\" + told["image_dna"].str.replace("/", "\\")
    report = inspect_images(told, folder)
    assert report.images.digest == plain.digest and "12 paths are absolute" in codes(report)["paths-absolute"].message


def test_a_path_that_climbs_out_is_refused(brought):
    folder, _, _ = brought
    told = pd.read_csv(folder / "plate.csv")
    told.loc[3, "image_dna"] = "../../etc/passwd"
    assert codes(inspect_images(told, folder))["path-outside"].level == "stop"


def test_an_invalid_smiles_is_named_with_its_row(brought):
    folder, _, _ = brought
    told = pd.read_csv(folder / "plate.csv")
    told.loc[4, "smiles"] = "C1CC"
    stop = codes(inspect_images(told, folder))["wrong-rows"]
    assert "row 6: 'C1CC'" in stop.message and stop.where.endswith("row 6")
    report = inspect_images(told, folder, leave_out=True)
    assert len(report.images) == 11 and codes(report)["wrong-rows"].level == "warn"


def test_salts_names_and_metals(brought):
    folder, _, _ = brought
    told = pd.read_csv(folder / "plate.csv")
    told.loc[1, "smiles"] += ".Cl"
    told.loc[2, ["smiles", "compound"]] = ["", "caffeine"]
    told.loc[3, ["smiles", "compound"]] = ["N.N.Cl[Pt]Cl", "cisplatin"]
    told.loc[4, ["smiles", "compound"]] = ["", "AZ-17"]
    report = inspect_images(told, folder)
    smiles = report.images.table["smiles"]
    assert smiles[1] == MOLECULES["aspirin"] and "Cl" in codes(report)["molecules"].message
    assert smiles[2] == MOLECULES["caffeine"] and "caffeine" in codes(report)["looked-up"].message
    assert smiles[3] == "" and "cisplatin" in codes(report)["outside"].message
    assert smiles[4] == "" and len(report.images) == 12


def test_tables_as_people_write_them(brought):
    folder, facts, _ = brought
    plain = read_images(folder / "plate.csv", folder)
    told = pd.read_csv(folder / "plate.csv").rename(columns={"dose_um": "Concentration (nM)", "smiles": "SMILES", "well": "Metadata_Well"})
    told["Concentration (nM)"] = [f"{1000 * dose:.1f}".replace(".", ",") for dose in facts["dose_um"]]
    told.to_csv(folder / "table.csv", sep=";", index=False, encoding="utf-8-sig")
    images = read_images(folder / "table.csv", folder)
    assert images.table["dose_um"].tolist() == plain.table["dose_um"].tolist() and images.table["well"].tolist() == facts["well"].tolist()
    assert images.images.tobytes() == plain.images.tobytes()


def test_a_dose_without_a_unit_is_said_and_a_wrong_one_refused(brought):
    folder, _, _ = brought
    told = pd.read_csv(folder / "plate.csv").rename(columns={"dose_um": "dose"})
    assert "µM" in codes(inspect_images(told, folder))["dose-unit"].message
    told["dose"] = told["dose"].astype(object)
    told.loc[7, "dose"] = "high"
    assert "row 9: 'high' is no dose" in codes(inspect_images(told, folder))["wrong-rows"].message


def test_splits_are_train_val_or_test(brought):
    folder, _, _ = brought
    told = pd.read_csv(folder / "plate.csv").assign(split=["Training", "validation", "TEST"] * 4)
    assert read_images(told, folder).table["split"].tolist() == ["train", "val", "test"] * 4
    assert "holdout" in codes(inspect_images(told.assign(split="holdout"), folder))["split"].message


def test_no_column_of_images(brought):
    folder, facts, _ = brought
    assert "image_dna" in codes(inspect_images(facts, folder))["no-images"].message


def test_a_row_of_other_channels_or_sizes_is_named(tmp_path):
    facts = table(plates=("P1",)).assign(image=[f"{i}.tif" for i in range(6)])
    for i, name in enumerate(facts["image"]):
        tifffile.imwrite(tmp_path / name, field(i, channels=3), photometric="minisblack", metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "3.tif", field(3, channels=2), photometric="minisblack", metadata={"axes": "CYX"})
    assert "row 5 has 2 channels where the first has 3" in codes(inspect_images(facts, tmp_path))["channels"].message
    tifffile.imwrite(tmp_path / "3.tif", field(3, 48, 48, channels=3), photometric="minisblack", metadata={"axes": "CYX"})
    assert "row 5 gives images of 48 px" in codes(inspect_images(facts, tmp_path))["image-sizes"].message
    assert read_images(facts, tmp_path, size=48, crop="centre").size == 48
    assert "too small" in codes(inspect_images(facts, tmp_path, size=56))["unreadable"].message


def test_channels_of_a_row_must_have_one_size_and_one_channel_each(brought):
    folder, _, fields = brought
    tifffile.imwrite(folder / "P1" / "f3_er.tif", fields[3][1][:40])
    stop = codes(inspect_images(None, folder))["image-sizes"]
    assert "plate.csv, row 5" in stop.message and "40 × 80 and 72 × 80" in stop.message
    tifffile.imwrite(folder / "P1" / "f3_er.tif", fields[3], photometric="minisblack", metadata={"axes": "CYX"})
    assert "column image_er is for one" in codes(inspect_images(None, folder))["channels"].message


def test_a_damaged_file_is_named_with_its_row_or_left_out(brought):
    folder, _, _ = brought
    path = folder / "P2" / "f8_dna.tif"
    path.write_bytes(path.read_bytes()[:100])
    stop = codes(inspect_images(None, folder))["file-damaged"]
    assert "plate.csv, row 10" in stop.message and stop.repairs[-1].arguments == {"leave_out": True}
    report = inspect_images(None, folder, leave_out=True)
    assert len(report.images) == 11 and "Row 10" in codes(report)["left-out"].message


@pytest.mark.parametrize(("percentiles", "left"), [((0.1, 99.9), 10), (None, 11)])
def test_flat_and_empty_wells_are_dropped_and_counted(tmp_path, percentiles, left):
    facts = table()
    fields = [(field(i) // 20).astype(np.uint8) for i in range(12)]
    fields[5] = np.full_like(fields[5], 12)
    fields[8] = (10 + np.random.default_rng(0).integers(0, 3, fields[8].shape)).astype(np.uint8)
    per_channel(tmp_path, facts, fields)
    report = inspect_images(None, tmp_path, percentiles=percentiles)
    said = codes(report)["shows-nothing"].message
    assert len(report.images) == left and "1 with one value in a channel" in said and f"{11 - left} without anything" in said
    assert "(row 7" in said and (", 10)" in said) == (left == 10)


def test_a_set_of_empty_images_is_refused(tmp_path):
    per_channel(tmp_path, table(), [np.full((2, 72, 80), 9, np.uint16)] * 12)
    assert codes(inspect_images(None, tmp_path))["channel-flat"].level == "stop"
    assert codes(inspect_images(None, tmp_path / "P1"))["no-layout"].level == "stop"


def test_twelve_bits_in_sixteen_are_not_black_and_saturation_is_said(tmp_path):
    facts = table()
    fields = [np.minimum(field(i, top=5200), 4095).astype(np.uint16) for i in range(12)]
    per_channel(tmp_path, facts, fields)
    report = inspect_images(None, tmp_path)
    at_top = np.mean([(each[0] == 4095).mean() for each in fields])
    assert at_top > 0.01 and f"DNA ({at_top:.1%} of pixels at 4,095)" in codes(report)["saturated"].message
    assert codes(report)["saturated"].columns == ("DNA",)
    assert "12 bits in 16-bit files" in codes(report)["bits"].message and report.images.images.max() == 255


def test_saturation_below_one_percent_is_not_said(tmp_path):
    fields = [field(i) for i in range(12)]
    for each in fields:
        each[0, :6, :8] = 4095  # 48 of 5,760 pixels
    per_channel(tmp_path, table(), fields)
    assert "saturated" not in codes(inspect_images(None, tmp_path))


def test_plates_without_dmso_are_said(tmp_path):
    facts = table()
    facts.loc[6, ["compound", "smiles"]] = ["aspirin", MOLECULES["aspirin"]]
    per_channel(tmp_path, facts, [field(i) for i in range(12)])
    assert "P2" in codes(inspect_images(None, tmp_path))["no-controls"].message
    told = pd.read_csv(tmp_path / "plate.csv")
    told = told[told["compound"] != "DMSO"]
    assert "no DMSO wells are named" in codes(inspect_images(told, tmp_path))["no-controls"].message


def test_jpeg_is_warned_about(tmp_path):
    facts = table(plates=("P1",)).assign(image=[f"{i}.jpg" for i in range(6)])
    for i, name in enumerate(facts["image"]):
        (tmp_path / name).write_bytes(png((field(i)[0] // 16).astype(np.uint8), format="JPEG"))
    report = inspect_images(facts, tmp_path)
    assert "6 files are JPEG" in codes(report)["lossy"].message and report.images.images.shape[1] == 1


@pytest.mark.parametrize("form", ["png", "ome.tif", "npz"])
def test_generated_images_stay_simulated_and_are_never_mixed(tmp_path, form):
    facts = table(plates=("P1",)).assign(image=[f"{i}.{form}" for i in range(6)])
    save = {
        "png": lambda each, told: to_png(each[0], told), "npz": lambda each, told: to_npz(each, ("DNA",), told),
        "ome.tif": lambda each, told: to_ome_tiff(each[:1], ("DNA",), None, told),
    }[form]  # fmt: skip
    for i, name in enumerate(facts["image"]):
        (tmp_path / name).write_bytes(save((field(i)[:1] // 16).astype(np.uint8), {"origin": "simulated", "seed": i}))
    report = inspect_images(facts, tmp_path)
    assert report.images.origin == "simulated" and "simulator" in codes(report)["simulated"].message
    (tmp_path / facts["image"][2]).write_bytes(save((field(2)[:1] // 16).astype(np.uint8), {"seed": 2}))
    assert codes(inspect_images(facts, tmp_path))["mixed-origin"].level == "stop"


def test_too_many_pixels_are_refused_at_the_first_field(brought, monkeypatch):
    monkeypatch.setattr(assemble, "MAX_BYTES", 12 * 2 * 72 * 72 - 1)
    folder, _, _ = brought
    assert codes(inspect_images(None, folder))["too-many-pixels"].level == "stop"
    assert len(read_images(None, folder, size=32)) == 12


def test_progress_and_cancel(brought):
    folder, _, _ = brought
    seen = []
    read_images(None, folder, context=Context(on_progress=lambda fraction, note: seen.append(fraction)))
    assert seen == sorted(seen) and seen[0] == 0 and len(seen) > 12
    with pytest.raises(Cancelled):
        read_images(None, folder, context=Context(is_cancelled=lambda: len(seen) > 0))


def test_an_unknown_option_lists_the_known_ones(brought):
    with pytest.raises(UserError, match=r"sise.*crop"):
        read_images(None, brought[0], sise=64)
