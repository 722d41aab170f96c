"""What is saved comes back pixel for pixel with its provenance, values never wrap, and the tag is legible."""

import io
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.core import UserError
from engine.molimage.bring import burn, composite, open_place, read_file, to_npz, to_ome_tiff, to_png
from engine.molimage.bring.picture import LETTERS

RNG = np.random.default_rng(0)
FIVE = RNG.integers(0, 256, (3, 5, 32, 40), dtype=np.uint8)
NAMES = ("DNA", "ER", "RNA", "AGP", "Mito")
FACTS = {"origin": "simulated", "model": "abc", "seed": 7, "smiles": "CCO", "about": "µ <&>"}


@pytest.mark.parametrize("bits", [8, 16])
def test_ome_tiff(bits, tmp_path):
    content = to_ome_tiff(FIVE, NAMES, 0.65, FACTS | {"each": [{"number": i} for i in range(3)]}, bits)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert file.is_ome and [series.axes for series in file.series] == ["CYX"] * 3
        for image, series in zip(FIVE, file.series, strict=True):
            assert series.dtype == np.dtype(f"uint{bits}") and np.array_equal(
                series.asarray(), image.astype(int) * (257 if bits == 16 else 1)
            )
        told = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
    for number, each in enumerate(told):
        facts = json.loads(each["Description"])
        assert facts == FACTS | {"software": "Causeway", "number": number} and each["Pixels"]["PhysicalSizeX"] == 0.65
        assert [channel["Name"] for channel in each["Pixels"]["Channel"]] == list(NAMES)
    (tmp_path / "a.ome.tif").write_bytes(to_ome_tiff(FIVE[0], NAMES, 0.65, FACTS, bits))
    stack = read_file(open_place(tmp_path), "a.ome.tif")
    assert stack.channels == NAMES and stack.pixel_um == 0.65 and stack.origin == "simulated" and stack.pixels.shape == (5, 32, 40)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_ome_tiff_of_few_channels_is_no_colour_image(channels, tmp_path):
    (tmp_path / "a.ome.tif").write_bytes(to_ome_tiff(FIVE[0, :channels], NAMES[:channels]))
    stack = read_file(open_place(tmp_path), "a.ome.tif")
    assert np.array_equal(stack.pixels, FIVE[0, :channels]) and stack.channels == NAMES[:channels] and stack.pixel_um is None


def test_the_same_call_gives_the_same_bytes():
    for save in (lambda: to_ome_tiff(FIVE, NAMES, 0.5, FACTS), lambda: to_npz(FIVE, NAMES, FACTS), lambda: to_png(FIVE[0], FACTS)):
        assert save() == save()
    assert to_ome_tiff(FIVE, NAMES, 0.5, FACTS) != to_ome_tiff(FIVE, NAMES, 0.5, FACTS | {"seed": 8})


@pytest.mark.parametrize("bits", [8, 16])
def test_png(bits):
    with Image.open(io.BytesIO(to_png(FIVE[0], FACTS, bits))) as image:
        assert np.array_equal(np.array(image), np.hstack(list(FIVE[0])).astype(int) * (257 if bits == 16 else 1))
        assert json.loads(image.text["Description"]) == FACTS | {"software": "Causeway"}
    with Image.open(io.BytesIO(to_png(FIVE[0, 0], FACTS, bits))) as image:
        assert np.array_equal(np.array(image), FIVE[0, 0].astype(int) * (257 if bits == 16 else 1))
    colours = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    if bits == 8:
        assert np.array_equal(np.array(Image.open(io.BytesIO(to_png(colours)))), colours)
    else:
        with pytest.raises(UserError, match="8 bits"):
            to_png(colours, bits=16)


@pytest.mark.parametrize("bits", [8, 16])
def test_npz(bits):
    with np.load(io.BytesIO(to_npz(FIVE, NAMES, FACTS, bits)), allow_pickle=False) as stored:
        assert np.array_equal(stored["images"], FIVE.astype(int) * (257 if bits == 16 else 1)) and tuple(stored["channels"]) == NAMES
        assert json.loads(str(stored["facts"])) == FACTS | {"software": "Causeway"}


def test_values_that_are_no_bytes_are_refused():
    for save in (lambda x: to_png(x[0, 0]), lambda x: to_ome_tiff(x, NAMES), lambda x: to_npz(x, NAMES)):
        with pytest.raises(UserError, match="multiply by 255 and round"):
            save(FIVE / 255)
    with pytest.raises(UserError, match="4 channel names"):
        to_ome_tiff(FIVE, NAMES[:4])
    with pytest.raises(UserError, match="8 or 16"):
        to_npz(FIVE, NAMES, bits=12)


def test_composite_is_the_clipped_sum_of_colours():
    limits, gamma = [(0.1, 0.6), (0.0, 1.0), (0.2, 0.3), (0.0, 0.5), (0.4, 1.0)], [1.0, 0.5, 1.0, 2.0, 1.0]
    colours = ["#0000ff", "#00ff00", "#ffff00", "#ff8000", "#ff0000"]
    made = composite(FIVE, colours, limits, gamma)
    assert made.shape == (3, 32, 40, 3) and made.dtype == np.uint8
    for n, row, column in [(0, 0, 0), (1, 5, 9), (2, 31, 39), (0, 17, 3)]:
        light = np.zeros(3)
        for channel, ((low, high), power, colour) in enumerate(zip(limits, gamma, colours, strict=True)):
            value = min(max((FIVE[n, channel, row, column] / 255 - low) / (high - low), 0), 1) ** power
            light += value * np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        assert np.abs(made[n, row, column] - np.rint(np.minimum(light, 1) * 255)).max() <= 1


def test_full_light_stays_full():
    """The trap of times 256: white must not wrap to black."""
    assert (composite(np.full((5, 4, 4), 255, np.uint8), ["#ffffff"] * 5) == 255).all()
    assert (composite(np.zeros((5, 4, 4), np.uint8), ["#ffffff"] * 5) == 0).all()
    assert np.array_equal(composite(FIVE[:, :1], ["#ffffff"])[..., 0], FIVE[:, 0])


def test_colours_go_by_the_names_of_the_channels():
    lit = np.eye(5, dtype=np.uint8)[:, :, None, None] * np.uint8(255)
    shown = composite(lit, channels=NAMES)[:, 0, 0]
    assert len({tuple(colour) for colour in shown}) == 5 and shown[0].argmax() == 2 and shown[1].argmax() == 1 and shown[4].argmax() == 0
    assert len({tuple(colour) for colour in composite(lit)[:, 0, 0]}) >= 4  # without names too they differ, as far as spares go
    assert tuple(composite(lit, {"ER": "#010203"}, channels=NAMES)[1, 0, 0]) == (1, 2, 3)
    for wrong in ({"colours": ["#ffffff"]}, {"colours": ["red"] * 5}, {"limits": [(0.5, 0.5)] * 5}, {"gamma": 0}):
        with pytest.raises(UserError):
            composite(FIVE, **wrong)


def test_letters_differ_and_fill_their_box():
    assert len(set(LETTERS.values())) == len(LETTERS) and all(0 <= code < 8**5 for code in LETTERS.values())
    assert set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:-") <= set(LETTERS)


@pytest.mark.parametrize("shape", [(64, 64, 3), (64, 64), (128, 128, 3), (5, 64, 64), (512, 512, 3)])
def test_the_tag_is_burnt_into_the_corner_and_nowhere_else(shape):
    picture = np.full(shape, 90, np.uint8)
    tagged = burn(picture)
    assert (picture == 90).all() and tagged.shape == shape
    grey = tagged[..., 0] if shape[-1] == 3 else tagged.reshape(-1, *shape[-2:])[0]
    height, width = grey.shape
    changed = np.argwhere(grey != 90)
    dots = max(1, height // 256)
    assert set(np.unique(grey)) == {0, 90, 255} and changed[:, 0].min() >= height - 14 * dots and changed[:, 1].min() == 0
    assert (changed[:, 0].max(), changed[:, 1].max() < width) == (height - 1, True)
    lit = (grey == 255).sum() / dots**2
    text = "SIMULATED TRAINING DATA"
    assert lit == sum(LETTERS[letter].bit_count() for letter in text)


def test_a_tag_reads_as_written():
    stamp = burn(np.zeros((9, 12), np.uint8), "hi")
    lines = ["".join("#" if dot else "." for dot in row) for row in stamp[3:8, 1:8]]
    assert lines == ["#.#.###", "#.#..#.", "###..#.", "#.#..#.", "#.#.###"]


def test_a_tag_on_a_tiny_picture_is_cut_not_a_crash():
    for side in (1, 5, 8):
        assert burn(np.zeros((side, side, 3), np.uint8)).shape == (side, side, 3)
    assert (burn(np.full((9, 9), 7, np.uint8), "") == 7).all()
