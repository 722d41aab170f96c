"""Stains are told by the names of dyes, and DNA by its compact objects where names are silent."""

import numpy as np
import pytest

from engine.molimage.bring import guess_channels, guess_dna
from engine.molimage.bring.channels import compact_objects, otsu, stain_of
from tests.engine.molimage.brought import field


@pytest.mark.parametrize(
    ("name", "stain"),
    [
        ("Hoechst 33342", "DNA"), ("DAPI", "DNA"), ("OrigDNA", "DNA"), ("w1_dapi", "DNA"), ("ConA", "ER"),
        ("Concanavalin A", "ER"), ("ER", "ER"),
        ("ERSyto", "ER"), ("ERSytoBleed", "RNA"), ("SYTO14", "RNA"), ("SYTO 14", "RNA"), ("RNA", "RNA"), ("Phalloidin/WGA", "AGP"),
        ("AGP", "AGP"),
        ("Ph_golgi", "AGP"), ("WGA", "AGP"), ("MitoTracker Deep Red", "Mito"), ("Mito", "Mito"), ("b-tubulin", "Tubulin"),
        ("F-actin", "Actin"),
        ("Brightfield", "Brightfield"), ("laser", ""), ("channel 3", ""), ("", ""), ("power", ""),
    ],
)  # fmt: skip
def test_names_of_dyes(name, stain):
    assert stain_of(name) == stain


def test_a_stain_is_given_once():
    guesses = guess_channels(["DAPI", "Hoechst", "x"])
    assert [guess.stain for guess in guesses] == ["DNA", "Hoechst", "x"] and [guess.reason for guess in guesses] == [
        "name",
        "unknown",
        "unknown",
    ]


@pytest.mark.parametrize("place", range(3))
def test_dna_is_the_channel_of_compact_objects(place):
    images = np.stack([np.roll(field(i, 128, 128, 3, nuclei=14), place, axis=0) for i in range(4)])
    assert guess_dna(images) == place
    guesses = guess_channels(["a", "b", "c"], images)
    assert guesses[place].stain == "DNA" and guesses[place].reason == "compact objects"
    assert guess_channels(["a", "DAPI", "c"], images)[1].reason == "name"


def test_nothing_compact_is_no_dna():
    rows, columns = np.indices((128, 128))
    mesh = np.where((rows % 12 < 3) | (columns % 12 < 3), 200, 20)
    assert guess_dna(np.stack([mesh, mesh.T + 5])[None]) is None and guess_dna(np.zeros((2, 3, 64, 64), np.uint8)) is None


def test_an_ellipse_counts_and_a_ring_does_not():
    rows, columns = np.indices((200, 200))
    ellipse = ((rows - 60) / 20) ** 2 + ((columns - 60) / 10) ** 2 < 1
    radius = np.hypot(rows - 140, columns - 140)
    assert compact_objects(255 * ellipse) == 1
    assert compact_objects(255 * ((radius > 17) & (radius < 20))) == -1


def test_otsu_leaves_least_variance():
    rng = np.random.default_rng(0)
    pixels = np.concatenate([rng.normal(20, 4, 900), rng.normal(120, 9, 300)])
    low, high = pixels.min(), np.percentile(pixels, 99.9)
    kept = np.clip(pixels, low, high)
    candidates = np.linspace(low, high, 257)[1:-1]
    within = [(kept <= t).mean() * kept[kept <= t].var() + (kept > t).mean() * kept[kept > t].var() for t in candidates]
    mine = otsu(pixels)
    spent = (kept <= mine).mean() * kept[kept <= mine].var() + (kept > mine).mean() * kept[kept > mine].var()
    assert spent == pytest.approx(min(within), rel=1e-2)


@pytest.mark.shared_data
def test_dna_of_real_fields(shared_data):
    with np.load(shared_data / "cells" / "bbbc021_mcf7_fields" / "images.npz") as stored:
        images = stored["images"]
    some = np.random.default_rng(0).permutation(len(images))[:48].reshape(12, 4)
    assert [guess_dna(images[four]) for four in some] == [0] * 12


@pytest.mark.shared_data
def test_dna_of_a_real_jump_site(shared_data):
    from engine.molimage.bring import open_place, read_file

    place = open_place(shared_data / "cells" / "jump_BR00117006")
    images = np.stack([read_file(place, name).pixels[0] for name in place.names])
    assert place.names[guess_dna(images[None])].endswith("ch5.tiff")
