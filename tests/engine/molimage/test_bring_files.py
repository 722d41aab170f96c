"""Every image format comes back pixel for pixel with its names and pixel size; what is ambiguous is asked, what is damaged is refused."""

import io
import struct

import numpy as np
import pytest

from engine.core import UserError
from engine.data.findings import Refusal
from engine.molimage.bring import open_place, read_file
from tests.engine.molimage.brought import npz, png, tif

RNG = np.random.default_rng(0)
FIVE = RNG.integers(0, 4096, (5, 24, 30), dtype=np.uint16)
STACK = RNG.integers(0, 4096, (3, 2, 24, 30), dtype=np.uint16)  # three focus planes or times of two channels
RGB = RNG.integers(0, 256, (24, 30, 3), dtype=np.uint8)
NAMES = ["DNA", "ER", "RNA", "AGP", "Mito"]
NAMED = tif(FIVE, photometric="minisblack", compression="zlib", ome=True, metadata={"axes": "CYX", "Channel": {"Name": NAMES}})


def read(folder, name, content, **options):
    (folder / name).write_bytes(content)
    return read_file(open_place(folder), name, **options)


def refused(folder, name, content, **options):
    with pytest.raises(Refusal) as stop:
        read(folder, name, content, **options)
    return stop.value


def lzw(pages):
    from PIL import Image

    out = io.BytesIO()
    first, *rest = [Image.fromarray(page) for page in pages]
    first.save(out, format="TIFF", compression="tiff_lzw", save_all=True, append_images=rest)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("one.tif", tif(FIVE[0]), FIVE[:1]),
        ("five.tif", tif(FIVE, photometric="minisblack", metadata={"axes": "CYX"}), FIVE),
        ("five.ome.tiff", tif(FIVE, photometric="minisblack", compression="zlib", ome=True, metadata={"axes": "CYX"}), FIVE),
        ("packed.tif", tif(FIVE[0], compression="zlib", predictor=True), FIVE[:1]),
        ("lzw.tif", lzw(FIVE[:1]), FIVE[:1]),
        ("imagej.tif", tif(FIVE, imagej=True, metadata={"axes": "CYX"}), FIVE),
        ("interleaved.tif", tif(FIVE.transpose(1, 2, 0), photometric="minisblack", planarconfig="contig"), FIVE),
        ("eight.png", png((FIVE[0] // 16).astype(np.uint8)), (FIVE[:1] // 16).astype(np.uint8)),
        ("sixteen.png", png(FIVE[0]), FIVE[:1]),
        ("grey.jpg", png(np.full((24, 30), 77, np.uint8), format="JPEG"), np.full((1, 24, 30), 77, np.uint8)),
        ("sample.npz", npz(label=np.arange(3), sample=FIVE.transpose(1, 2, 0)), FIVE),
        ("first.npz", npz(a=FIVE.transpose(1, 2, 0), b=FIVE[:1]), FIVE),
        ("front.npz", npz(a=FIVE), FIVE),
        ("flat.npz", npz(a=FIVE[0]), FIVE[:1]),
        ("float.tif", tif(FIVE[0].astype(np.float32) / 7), FIVE[:1].astype(np.float32) / 7),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_pixels_come_back(tmp_path, name, content, expected):
    stack = read(tmp_path, name, content)
    assert stack.pixels.dtype == expected.dtype and np.array_equal(stack.pixels, expected)


def test_lzw_pages_are_decoded_in_order(tmp_path):
    stack = read(tmp_path, "pages.tif", lzw(FIVE), depth="channels")
    assert np.array_equal(stack.pixels, FIVE)


def test_ome_tiff_tells_names_and_pixel_size_in_any_unit(tmp_path):
    told = {"axes": "CYX", "Channel": {"Name": NAMES}, "PhysicalSizeX": 650.0, "PhysicalSizeXUnit": "nm"}
    stack = read(tmp_path, "a.ome.tif", tif(FIVE, photometric="minisblack", ome=True, metadata=told))
    assert stack.channels == tuple(NAMES) and stack.pixel_um == pytest.approx(0.65) and stack.origin == "real"


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("packed", [False, True])
def test_ome_zarr(tmp_path, version, packed):
    import zarr

    from tests.engine.molimage.brought import zipped

    group = zarr.open_group(str(tmp_path / "in" / "a.zarr"), mode="w", zarr_format=version)
    group.create_array("0", data=FIVE[None, :, None], chunks=(1, 1, 1, 10, 10))
    group.create_array("1", data=FIVE[None, :, None, ::2, ::2], chunks=(1, 1, 1, 10, 10))
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "tczyx"]
    scale = [{"type": "scale", "scale": [1, 1, 1, 0.325, 0.325]}]
    scales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}, {"path": "1"}]}]
    facts = {"multiscales": scales, "omero": {"channels": [{"label": name} for name in NAMES]}}
    group.attrs.update({"ome": facts} if version == 3 else facts)
    place = open_place(zipped(tmp_path / "in") if packed else tmp_path / "in")
    assert place.names == ("a.zarr",)
    stack = read_file(place, "a.zarr")
    assert np.array_equal(stack.pixels, FIVE) and stack.channels == tuple(NAMES) and stack.pixel_um == 0.325


def test_a_plate_of_ome_zarr_asks_for_a_field(tmp_path):
    import zarr

    plate = zarr.open_group(str(tmp_path / "p.zarr"), mode="w", zarr_format=2)
    plate.attrs["plate"] = {"wells": []}
    image = plate.create_group("A/1/0")
    image.create_array("0", data=FIVE)
    image.attrs["multiscales"] = [{"axes": ["c", "y", "x"], "datasets": [{"path": "0"}]}]
    place = open_place(tmp_path)
    with pytest.raises(UserError, match="plate"):
        read_file(place, "p.zarr")
    assert np.array_equal(read_file(place, place.find("p.zarr/A/1/0")).pixels, FIVE)


@pytest.mark.parametrize(("axis", "words"), [("Z", "3 focus planes"), ("T", "3 time points")])
def test_a_stack_is_joined_only_when_asked(tmp_path, axis, words):
    content = tif(STACK, photometric="minisblack", ome=True, metadata={"axes": f"{axis}CYX"})
    stop = refused(tmp_path, "a.ome.tif", content)
    assert words in str(stop) and stop.finding.repairs[0].arguments == {"depth": "max"}
    assert np.array_equal(read(tmp_path, "a.ome.tif", content, depth="max").pixels, STACK.max(axis=0))
    assert words in str(refused(tmp_path, "a.ome.tif", content, depth="channels"))


def test_tczyx_is_read_by_its_letters_not_by_its_order(tmp_path):
    whole = RNG.integers(0, 4096, (2, 3, 4, 24, 30), dtype=np.uint16)
    stack = read(tmp_path, "a.ome.tif", tif(whole, photometric="minisblack", ome=True, metadata={"axes": "TCZYX"}), depth="max")
    assert np.array_equal(stack.pixels, whole.max(axis=(0, 2)))
    turned = read(tmp_path, "b.ome.tif", tif(whole[0], photometric="minisblack", ome=True, metadata={"axes": "CZYX"}), depth="max")
    assert np.array_equal(turned.pixels, whole[0].max(axis=1))


def test_pages_without_a_name_are_asked_about(tmp_path):
    content = tif(FIVE, photometric="minisblack", metadata=None)
    stop = refused(tmp_path, "a.tif", content)
    assert "5 pages" in str(stop) and [offer.arguments["depth"] for offer in stop.finding.repairs] == ["channels", "max"]
    assert np.array_equal(read(tmp_path, "a.tif", content, depth="channels").pixels, FIVE)
    assert np.array_equal(read(tmp_path, "a.tif", content, expected=5).pixels, FIVE)
    assert refused(tmp_path, "a.tif", content, expected=3).finding.code == "image-pages"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", png(RGB)), ("a.jpg", png(RGB, format="JPEG")), ("a.tif", tif(RGB, photometric="rgb")),
        ("b.png", png(np.dstack([RGB, RGB[..., :1]]))),
    ],
)  # fmt: skip
def test_colours_are_mapped_or_refused(tmp_path, name, content):
    assert "Map each colour to a stain, or supply single channels" in str(refused(tmp_path, name, content))
    stack = read(tmp_path, name, content, colours=("Actin", "Tubulin", "DNA"))
    assert stack.channels == ("Actin", "Tubulin", "DNA")
    from PIL import Image

    shown = np.array(Image.open(io.BytesIO(content)).convert("RGB"))
    assert np.array_equal(stack.pixels, shown.transpose(2, 0, 1)) and (name == "a.jpg" or np.array_equal(shown, RGB))


def test_colours_that_are_all_equal_are_one_channel(tmp_path):
    grey = np.repeat(RGB[..., :1], 3, axis=2)
    assert np.array_equal(read(tmp_path, "a.png", png(grey)).pixels, RGB[None, ..., 0])


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("white.tif", tif(FIVE[0], photometric="miniswhite"), "image-kind"),
        ("nan.tif", tif(np.full((8, 8), np.nan, np.float32)), "image-kind"),
        ("below.tif", tif(np.full((8, 8), -1, np.int16)), "image-kind"),
        ("complex.npz", npz(a=np.ones((8, 8), complex)), "image-kind"),
        ("many.npz", npz(a=np.ones((20, 30, 40))), "image-shape"),
        ("none.npz", npz(channels=np.array(["a"])), "image-empty"),
        ("zero.npz", npz(a=np.ones((0, 30))), "image-empty"),
        ("object.npz", npz(a=np.array([{}], dtype=object)), "file-type"),
        ("text.tif", b"not an image at all", "file-damaged"),
        ("text.png", b"not an image at all", "file-damaged"),
        ("text.npz", b"not an image at all", "file-damaged"),
        ("model.pth", b"x", "file-type"),
        ("two.tif", tif(FIVE[0]), None),
    ],
)
def test_what_is_no_brightness_is_refused(tmp_path, name, content, code):
    if code:
        assert refused(tmp_path, name, content).finding.code == code
    else:
        assert read(tmp_path, name, content).pixels.shape == (1, 24, 30)


def test_several_images_in_one_file_are_refused(tmp_path):
    import tifffile

    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for _ in range(3):
            writer.write(FIVE[0])
    with pytest.raises(UserError, match="holds 3 images"):
        read_file(open_place(tmp_path), "a.ome.tif")


def test_a_huge_tiff_is_refused_before_it_is_decoded(tmp_path):
    content = bytearray(tif(FIVE[0], metadata=None))
    for tag in (256, 257):  # width and height in the directory of a little-endian TIFF: number, type, count, value
        place = max(content.find(struct.pack("<HH", tag, kind)) for kind in (3, 4))
        content[place : place + 12] = struct.pack("<HHII", tag, 4, 1, 200_000)
    assert refused(tmp_path, "a.tif", bytes(content)).finding.code == "image-large"


def test_an_array_that_promises_more_than_the_file_holds_is_refused(tmp_path):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<u2", "fortran_order": False, "shape": (9000, 9000)})
    assert refused(tmp_path, "a.npy", out.getvalue()).finding.code == "file-damaged"
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<u2", "fortran_order": False, "shape": (10**6, 10**6)})
    assert refused(tmp_path, "a.npy", out.getvalue()).finding.code == "image-large"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ome.tif", NAMED),
        ("a.tif", lzw(FIVE)), ("a.png", png(FIVE[0])), ("a.npz", npz(sample=FIVE)),
    ],
    ids=["ome", "lzw", "png", "npz"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damage_is_a_sentence_never_a_crash(tmp_path, name, content):
    rng = np.random.default_rng(1)
    for round_ in range(60):
        harmed = bytearray(content)
        if round_ % 2:
            harmed = harmed[: rng.integers(0, len(harmed))]
        else:
            places = rng.integers(0, min(len(harmed), 2000), size=6)
            for place in places:
                harmed[place] = rng.integers(256)
        try:
            assert read(tmp_path, name, bytes(harmed), depth="channels").pixels.ndim == 3
        except UserError as problem:
            assert name in problem.message


@pytest.mark.shared_data
def test_a_real_site_with_lzw(shared_data):
    from PIL import Image

    place = open_place(shared_data / "cells" / "jump_BR00117006")
    for name in place.names:
        stack = read_file(place, name)
        with Image.open(shared_data / "cells" / "jump_BR00117006" / name) as image:
            assert np.array_equal(stack.pixels[0], np.array(image)) and stack.pixels.shape == (1, 1080, 1080)
