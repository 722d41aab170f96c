"""Nuclei and cells are those that were drawn: right number, right outline, none in an empty field."""

import numpy as np
import pytest
from scipy import ndimage

from engine.molimage.segmentation import (
    cytoplasm_channels,
    dna_channel,
    least_cross_entropy,
    segment,
    typical_diameter_px,
)
from engine.molimage.simulator import constants
from engine.molimage.simulator.field import render
from engine.molimage.simulator.phenotype import Phenotype

CHANNELS = ("DNA", "ER")


def drawn(centres, radii=(5, 4), size=96, dna=150, noise=3.0, seed=0, blur=1.0):
    """A field of nuclei, ellipses of these radii, each in a disc of cytoplasm; with its exact masks."""
    y, x = np.mgrid[:size, :size]
    nuclei, cells = np.zeros((2, size, size), np.int32)
    for k, (cy, cx) in enumerate(centres, 1):
        cells[((y - cy) ** 2 + (x - cx) ** 2 <= 9.5**2) & (cells == 0)] = k
        nuclei[((y - cy) / radii[0]) ** 2 + ((x - cx) / radii[1]) ** 2 <= 1] = k
    planes = np.stack([dna * (nuclei > 0), 90.0 * (cells > 0)]) + 12
    planes = ndimage.gaussian_filter(planes, (0, blur, blur)) + noise * np.random.default_rng(seed).standard_normal(planes.shape)
    return np.clip(planes, 0, 255).astype(np.uint8), nuclei, cells


APART = [(15, 15), (15, 50), (20, 80), (48, 28), (50, 66), (80, 20), (78, 50), (82, 80)]


def test_nuclei_and_cells_are_the_ones_drawn():
    image, nuclei, cells = drawn(APART)
    found = segment(image, CHANNELS, 9.0)
    assert found.n == len(APART)
    assert found.is_whole.all()
    for ours, truth, overlap in ((found.nuclei, nuclei, 0.85), (found.cells, cells, 0.8)):
        match = [ours[truth == k] for k in range(1, found.n + 1)]
        assert len({int(np.bincount(m).argmax()) for m in match}) == found.n
        assert ((ours > 0) & (truth > 0)).sum() / ((ours > 0) | (truth > 0)).sum() > overlap
    assert all(set(np.unique(found.cells[found.nuclei == k])) == {k} for k in range(1, found.n + 1))


def test_area_is_right_whatever_the_blur():
    for blur in (0.5, 1.0, 1.5):
        image, nuclei, _ = drawn(APART, blur=blur)
        assert (segment(image, CHANNELS, 9.0).nuclei > 0).sum() == pytest.approx((nuclei > 0).sum(), rel=0.1)


def test_touching_nuclei_are_two_and_an_oval_one_is_one():
    touching, _, _ = drawn([(30, 30), (30, 38), (60, 60)], radii=(4.5, 4.5))
    assert segment(touching, CHANNELS, 9.0).n == 3
    oval, _, _ = drawn([(30, 30), (60, 60)], radii=(7.5, 4.0))
    assert segment(oval, CHANNELS, 10.0).n == 2


def test_a_bright_mitotic_nucleus_does_not_hide_the_others():
    image, _, _ = drawn(APART, dna=60)
    image[0, 40:56, 5:12] = 250
    assert segment(image, CHANNELS, 9.0).n == len(APART) + 1


def test_nuclei_at_the_border_are_counted_but_not_whole():
    image, _, _ = drawn([(1, 30), (50, 95), (50, 50)])
    found = segment(image, CHANNELS, 9.0)
    middle = found.nuclei[50, 50]
    assert found.n == 3
    assert [k + 1 for k in np.flatnonzero(found.is_whole)] == [middle]


@pytest.mark.parametrize("kind", ["black", "flat", "noise", "white"])
def test_an_empty_field_has_no_nuclei(kind):
    rng = np.random.default_rng(0)
    level = {"black": 0.0, "flat": 60.0, "noise": 60 + 15 * rng.standard_normal((2, 64, 64)), "white": 255.0}[kind]
    image = np.broadcast_to(np.clip(level, 0, 255), (2, 64, 64)).astype(np.uint8)
    found = segment(image, CHANNELS)
    assert (found.n, found.nuclei.max(), found.cells.max()) == (0, 0, 0)
    assert typical_diameter_px(image[None], CHANNELS) == 10.0


def test_the_threshold_has_the_least_cross_entropy_of_all():
    """Li's criterion, -m_below ln(mean below) - m_above ln(mean above) with m the sums, tried at every level."""
    image, _, _ = drawn(APART)
    values = image[0].astype(np.float32)
    levels = values - values.min()

    def entropy(t):
        below, above = levels[levels <= t], levels[levels > t]
        return -below.sum() * np.log(max(below.mean(), 1e-9)) - above.sum() * np.log(above.mean())

    tried = np.arange(1, levels.max() - 1)
    best = tried[np.argmin([entropy(t) for t in tried])]
    assert entropy(least_cross_entropy(values) - values.min()) <= entropy(best) + 0.002 * abs(entropy(best))


def test_channels_are_known_by_their_names():
    assert dna_channel(("Mito", "ER", "Hoechst")) == 2
    assert dna_channel(("a", "b")) == 0
    assert cytoplasm_channels(("DNA", "ER", "RNA", "AGP", "Mito")) == [3, 2, 1]
    assert cytoplasm_channels(("DAPI", "beta-tubulin", "F-actin")) == [2, 1]
    assert cytoplasm_channels(("x", "y", "z")) == [1, 2]
    image, _, _ = drawn(APART)
    alone = segment(image[:1], ("DNA",), 9.0)
    assert np.array_equal(alone.cells, alone.nuclei)


@pytest.fixture(scope="module")
def simulated():
    rng = np.random.default_rng(0)
    effects = [{}, *(effect for name, effect in constants.EFFECTS.items() if name != "inactive")]
    return [render(Phenotype(**(constants.DMSO | effect)), 96, rng) for effect in effects * 2]


def test_simulated_fields_have_the_nuclei_of_their_masks(simulated):
    images = np.stack([np.round(255 * field.image).astype(np.uint8) for field in simulated])
    diameter = typical_diameter_px(images, constants.CHANNELS)
    assert diameter == pytest.approx(2 * constants.DMSO["nuclear_radius"] * 96 / 64, rel=0.3)
    found = [segment(image, constants.CHANNELS, diameter) for image in images]
    count, truth = (
        np.array([value(k) for k in range(len(simulated))]) for value in (lambda k: found[k].n, lambda k: counted(simulated[k]))
    )
    assert count.sum() == pytest.approx(truth.sum(), rel=0.1)
    assert np.corrcoef(count, truth)[0, 1] > 0.9
    for ours, theirs, r in (
        (lambda k: found[k].nuclei, lambda k: simulated[k].nuclei, 0.97),
        (lambda k: found[k].occupied, lambda k: simulated[k].cells, 0.85),
    ):
        a, b = (np.array([(mask(k) > 0).sum() for k in range(len(simulated))]) for mask in (ours, theirs))
        assert np.corrcoef(a, b)[0, 1] > r
        assert a.sum() == pytest.approx(b.sum(), rel=0.2)


def counted(field):
    return len(np.unique(field.nuclei)) - 1
