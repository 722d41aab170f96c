"""A set of images comes back from disk the same, and one that does not fit together is refused in words."""

import numpy as np
import pandas as pd
import pytest

from engine.core import ImageSet, UserError, read_data


def images(n=6, seed=0, **facts):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 2, 8, 8), dtype=np.uint8)
    table = pd.DataFrame(
        {"smiles": ["C", "CC", None] * (n // 3), "dose_um": np.arange(n, dtype=float), "split": ["train", "test"] * (n // 2)}
    )
    return ImageSet(pixels, table, ("DNA", "ER"), **facts)


def test_it_comes_back_from_disk_the_same(tmp_path):
    first = images(name="plate", origin="simulated", pixel_um=0.65).after("engine.molimage.simulate", seed=3)
    back = read_data(first.to_dir(tmp_path / "set"))
    assert isinstance(back, ImageSet)
    assert back.digest == first.digest
    assert (back.name, back.origin, back.pixel_um, back.channels) == ("plate", "simulated", 0.65, ("DNA", "ER"))
    assert back.steps == (("engine.molimage.simulate", {"seed": 3}),)
    np.testing.assert_array_equal(back.images, first.images)
    pd.testing.assert_frame_equal(back.table, first.table)


def test_the_digest_follows_pixels_facts_channels_and_origin_but_not_the_name():
    same = images(name="another name")
    assert images().digest == same.digest
    others = [images(seed=1), images(origin="simulated"), ImageSet(images().images, images().table, ("ER", "DNA"))]
    changed = images().table.assign(dose_um=9.0)
    others.append(ImageSet(images().images, changed, ("DNA", "ER")))
    assert len({same.digest, *(other.digest for other in others)}) == 5


def test_rows_are_taken_with_their_facts():
    part = images().split("test")
    assert part.table["dose_um"].tolist() == [1.0, 3.0, 5.0]
    np.testing.assert_array_equal(part.images, images().images[1::2])
    assert images().column("smiles").tolist() == ["C", "CC", "", "C", "CC", ""]
    assert images().column("plate").tolist() == [""] * 6


@pytest.mark.parametrize(
    ("pixels", "rows", "channels", "words"),
    [
        (np.zeros((2, 3, 8, 8)), 2, 3, "8-bit"),
        (np.zeros((2, 8, 8), np.uint8), 2, 1, "8-bit"),
        (np.zeros((2, 3, 8, 8), np.uint8), 3, 3, "table of 3 rows"),
        (np.zeros((2, 3, 8, 8), np.uint8), 2, 2, "2 channel names"),
    ],
)
def test_what_does_not_fit_together_is_refused(pixels, rows, channels, words):
    with pytest.raises(UserError, match=words):
        ImageSet(pixels, pd.DataFrame(index=range(rows)), tuple("ABCD"[:channels]))
