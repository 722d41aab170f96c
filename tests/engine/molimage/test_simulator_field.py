"""A simulated field is the same cells at every size, its masks are its truth, and its camera keeps to the formulas of its parts."""

import numpy as np
import pytest

from engine.core import UserError
from engine.molimage.simulator import constants
from engine.molimage.simulator.field import render
from engine.molimage.simulator.optics import Optics, photograph
from engine.molimage.simulator.oracle import truth_of_image
from engine.molimage.simulator.phenotype import DMSO, MECHANISMS, Phenotype
from engine.molimage.simulator.population import INTERPHASE, populate
from engine.molimage.simulator.territory import TIP, pixels_of

PLAIN = Optics(has_noise=False)


def changed(**values):
    return Phenotype(**{**constants.DMSO, **values})


def drawn(phenotype=DMSO, size=64, seed=0, optics=PLAIN):
    return render(phenotype, size, np.random.default_rng(seed), optics)


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize("size", [32, 100])
def test_masks_are_the_truth(name, size):
    field = drawn(MECHANISMS[name].full, size, seed=3)
    truth = field.truth
    assert sorted(set(field.cells.ravel()) - {0}) == truth["cell"].tolist()
    assert [(field.cells == cell).sum() for cell in truth["cell"]] == truth["cell_area_px"].tolist()
    assert [(field.nuclei == cell).sum() for cell in truth["cell"]] == truth["nucleus_area_px"].tolist()
    assert (field.cells[field.nuclei > 0] == field.nuclei[field.nuclei > 0]).all()
    border = np.ones((size, size), bool)
    border[1:-1, 1:-1] = False
    assert truth["is_cut"].tolist() == [bool((border & (field.cells == cell)).any()) for cell in truth["cell"]]
    assert truth["is_nucleus_cut"].tolist() == [bool((border & (field.nuclei == cell)).any()) for cell in truth["cell"]]
    assert field.image.shape == (5, size, size)
    assert field.image.dtype == np.float32
    assert 0 <= field.image.min() < field.image.max() <= 1


def test_same_seed_same_bytes():
    first, again, other = drawn(optics=Optics()), drawn(optics=Optics()), drawn(seed=1, optics=Optics())
    assert first.image.tobytes() == again.image.tobytes()
    assert first.truth.equals(again.truth)
    assert first.image.tobytes() != other.image.tobytes()


@pytest.mark.parametrize("name", ["inactive", "tubulin", "lysosomotropic", "rock"])
def test_a_larger_field_averaged_is_the_smaller_one(name):
    small, large = (drawn(MECHANISMS[name].full, size, seed=5) for size in (64, 256))
    averaged = large.image.reshape(5, 64, 4, 64, 4).mean(axis=(2, 4))
    for k, channel in enumerate(constants.CHANNELS):
        has_thin_lines = channel in ("AGP", "Mito")  # averaged over a pixel by formula only
        assert np.corrcoef(averaged[k].ravel(), small.image[k].ravel())[0, 1] > (0.93 if has_thin_lines else 0.985), channel
        assert averaged[k].mean() == pytest.approx(small.image[k].mean(), rel=0.08 if has_thin_lines else 0.03), channel
    inside = large.cells.reshape(64, 4, 64, 4).swapaxes(1, 2).reshape(64, 64, 16)
    is_pure = (inside == inside[..., :1]).all(axis=2)
    of_large = dict(zip(large.truth["cell"], large.truth["y_px"] / 4, strict=True)) | {0: -1.0}
    of_small = dict(zip(small.truth["cell"], small.truth["y_px"], strict=True)) | {0: -1.0}
    rows = np.array([[of_large[a], of_small[b]] for a, b in zip(inside[is_pure][:, 0], small.cells[is_pure], strict=True)])
    assert np.isclose(rows[:, 0], rows[:, 1], atol=1e-3).mean() > 0.995


def test_territories_are_those_of_a_search_over_all_cells():
    cells = populate(changed(roughness=0.9, elongation=0.8), np.random.default_rng(2))
    size = 48
    pixels = pixels_of(cells, size)
    at = (np.arange(size) + 0.5) * constants.FIELD_UNITS / size
    best, label = np.full((size, size), 1.0), np.full((size, size), -1)
    for k in range(len(cells)):
        y, x = at[:, None] - cells.centre[k, 0], at[None, :] - cells.centre[k, 1]
        outline = np.ones((size, size))
        for angle, height, sharpness in zip(cells.bump_angle[k], cells.bump_height[k], cells.bump_sharpness[k], strict=True):
            away = np.arccos(np.clip(np.cos(np.arctan2(y, x) - angle), -1, 1))
            outline += height * np.exp(-sharpness * (np.sqrt(away**2 + TIP**2) - TIP))
        radii = np.hypot(y, x) / (cells.radius[k] * outline)
        label[radii < best] = k
        best = np.minimum(best, radii)
    found = np.full(size * size, -1)
    found[pixels.at] = pixels.cell
    assert len(set(label.ravel())) > 5
    assert (found.reshape(size, size) == label).mean() > 0.997


def test_areas_of_nuclei_are_those_of_their_ellipses():
    ideal = changed(density=3.0, multilobed=0.0, mitotic=0.0, apoptotic=0.0, nuclear_radius=5.5, spread=1.4)
    areas = []
    for seed in range(90):
        truth = drawn(ideal, 64, seed).truth
        areas += truth.loc[~truth["is_nucleus_cut"] & (truth["nucleus_area_px"] > 0), "nucleus_area"].tolist()
    expected = np.pi * ideal.nuclear_radius**2 * np.exp(2 * constants.NUCLEUS_SIZE_SD**2)
    assert len(areas) > 100
    assert np.mean(areas) == pytest.approx(expected, rel=0.05)


def test_number_of_cells_has_the_density_as_its_mean():
    for density in (1.0, 3.0, 9.0):
        counts = []
        for seed in range(150):
            centre = populate(changed(density=density), np.random.default_rng(seed)).centre
            counts.append(((centre >= 0) & (centre < constants.FIELD_UNITS)).all(axis=1).sum())
        assert min(counts) >= 1
        assert np.mean(counts) == pytest.approx(density, rel=0.06)


def test_nuclei_of_sparse_cells_do_not_touch():
    for seed in range(20):
        cells = populate(changed(density=4.0, multilobed=0.0), np.random.default_rng(seed))
        keep = cells.state == INTERPHASE
        away = np.hypot(*(cells.centre[keep, None] - cells.centre[None, keep]).transpose(2, 0, 1))
        assert away[~np.eye(keep.sum(), dtype=bool)].min() > 2 * constants.DMSO["nuclear_radius"] * 0.8


@pytest.mark.parametrize(
    ("column", "truth"), [("nucleoli", "nucleoli"), ("micronuclei", "micronuclei"), ("mitotic", "mitotic_share"), ("multilobed", "lobes")]
)
def test_numbers_drawn_follow_the_phenotype(column, truth):
    low, high = (changed(**{"mitotic": 0.0, "apoptotic": 0.0, "multilobed": 0.0, column: value}) for value in (0.0, 0.9))
    assert np.mean([truth_of_image(drawn(low, 32, seed))[truth] for seed in range(6)]) == (1 if column == "multilobed" else 0)
    seen = np.mean([truth_of_image(drawn(high, 32, seed))[truth] for seed in range(45)])
    assert seen == pytest.approx(1 + 0.9 * 2 if column == "multilobed" else 0.9, rel=0.2)


def test_gain_and_illumination_multiply_the_light_alone():
    gain, tilt = (0.9, 1.1, 1.0, 0.8, 1.05), (0.05, -0.04)
    plain = drawn().image - constants.OFFSET
    seen = drawn(optics=Optics(gain=gain, falloff=0.2, tilt=tilt, has_noise=False)).image - constants.OFFSET
    at = (np.arange(64) + 0.5) / 32 - 1
    light = 1 - 0.2 * (at[:, None] ** 2 + at**2) / 2 + 0.5 * (tilt[0] * at[:, None] + tilt[1] * at)
    is_free = (plain < 1 - constants.OFFSET - 1e-3) & (plain * np.array(gain)[:, None, None] * light < 1 - constants.OFFSET - 1e-3)
    np.testing.assert_allclose(seen[is_free], (plain * np.array(gain)[:, None, None] * light)[is_free], atol=2e-6)


def test_camera_noise_has_the_variance_of_counted_photons():
    flat = np.full((5, 256, 256), 0.5, np.float32)
    seen = photograph(flat, Optics(), np.random.default_rng(0))
    level = 0.5 + constants.OFFSET
    assert seen.mean() == pytest.approx(level, rel=1e-3)
    assert seen.var() == pytest.approx(level / constants.FULL_SCALE_COUNTS + constants.READ_NOISE**2, rel=0.01)


def test_blur_moves_light_but_neither_makes_nor_loses_it():
    point = np.zeros((5, 96, 96), np.float32)
    point[:, 40:56, 40:56] = 0.4
    seen = [photograph(point, Optics(blur=blur, has_noise=False), np.random.default_rng(0)) for blur in (1.0, 3.0)]
    sharp, blurred = (each - constants.OFFSET for each in seen)
    np.testing.assert_allclose(sharp.sum(axis=(1, 2)), 256 * 0.4, rtol=0.01)
    np.testing.assert_allclose(blurred.sum(axis=(1, 2)), 256 * 0.4, rtol=0.01)
    assert (blurred.var(axis=(1, 2)) < sharp.var(axis=(1, 2))).all()


@pytest.mark.parametrize("size", [31, 513])
def test_sizes_have_limits(size):
    with pytest.raises(UserError, match=f"{size} pixels"):
        drawn(size=size)
