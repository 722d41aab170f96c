"""Features are those of the shapes drawn; agreement over molecules is the bootstrap done slowly, and knows its ceiling and its limits."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.stats import spearmanr

from engine.core import Cancelled, Context
from engine.molimage.agreement import morphology_agreement, spearman_draws
from engine.molimage.intervals import resampled_counts
from engine.molimage.morphology import effect_sizes, morphology
from engine.molimage.simulator import constants
from engine.molimage.simulator.field import render
from engine.molimage.simulator.phenotype import Phenotype

CHANNELS = ("DNA", "ER")


def ellipses(a, b, size=128, dna=160, angle=0.4):
    """Nine equal ellipses with half axes a and b px, turned, in discs of cytoplasm, with a camera's noise of 2 levels."""
    y, x = np.mgrid[:size, :size].astype(float)
    planes = np.zeros((2, size, size))
    for cy in (24, 64, 104):
        for cx in (24, 64, 104):
            v, u = y - cy, x - cx
            along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
            planes[0][(along / a) ** 2 + (across / b) ** 2 <= 1] = dna
            planes[1][u**2 + v**2 <= 18**2] = 100
    planes += 10.5 + 2 * np.random.default_rng(0).standard_normal(planes.shape)
    return np.clip(planes, 0, 255).astype(np.uint8)


def test_features_of_ellipses_have_their_closed_form():
    a, b = 12.0, 7.0
    row = morphology(ellipses(a, b)[None], CHANNELS, 18.0).iloc[0]
    area = np.pi * a * b
    assert row["nuclei_count"] == 9
    assert row["nucleus_area_px2"] == pytest.approx(area, rel=0.03)
    assert row["nucleus_eccentricity"] == pytest.approx(np.sqrt(1 - (b / a) ** 2), abs=0.02)
    assert row["nucleus_hu_1"] == pytest.approx((a**2 + b**2) / 4 / area, rel=0.02)
    assert row["nucleus_hu_2"] == pytest.approx(((a**2 - b**2) / 4 / area) ** 2, rel=0.12)
    assert row["nucleus_hu_3"] < 1e-5  # an ellipse is symmetric
    assert row["nucleus_solidity"] > 0.93
    assert row["nucleus_area_variation"] == pytest.approx(0, abs=0.02)
    assert row["neighbour_distance_px"] == pytest.approx(40, abs=0.5)
    assert row["cell_area_px2"] == pytest.approx(np.pi * 18**2, rel=2 * 1.5 / 18)  # followed to its faint rim, 1.5 px
    assert row["area_occupied"] == pytest.approx(9 * np.pi * 18**2 / 128**2, rel=2 * 1.5 / 18)
    assert row["DNA_in_nucleus"] == pytest.approx(170 / 255, rel=0.06)
    assert row["ER_nucleus_to_cytoplasm"] == pytest.approx(1, rel=0.2)  # the rim again
    assert row["DNA_q50"] == pytest.approx(10 / 255)
    assert row["ER_mean"] == pytest.approx((10 + 100 * 9 * np.pi * 18**2 / 128**2) / 255, rel=0.02)
    assert row["bright_nuclei_share"] == 0


def test_a_notch_costs_solidity_and_units_are_micrometres():
    image = ellipses(14, 9)
    notched = image.copy()
    for cy in (24, 64, 104):
        for cx in (24, 64, 104):
            notched[0, cy : cy + 14, cx - 3 : cx + 3] = 10
    plain, cut = (morphology(each[None], CHANNELS, 20.0).iloc[0] for each in (image, notched))
    assert cut["nucleus_solidity"] < plain["nucleus_solidity"] - 0.05
    assert cut["nucleus_hu_3"] > 10 * plain["nucleus_hu_3"]
    in_um = morphology(image[None], CHANNELS, 20.0, pixel_um=0.5).iloc[0]
    assert in_um["nucleus_area_um2"] == pytest.approx(plain["nucleus_area_px2"] / 4)
    assert in_um["neighbour_distance_um"] == pytest.approx(plain["neighbour_distance_px"] / 2)
    assert in_um["nuclei_count"] == plain["nuclei_count"]


def test_granularity_tells_the_size_of_grains():
    y, x = np.mgrid[:64, :64]
    fine = 10 + 200 * ((y % 6 < 2) & (x % 6 < 2))
    coarse = 10 + 200 * ((y % 32 // 8 == 1) & (x % 32 // 8 == 1))
    table = morphology(np.stack([np.stack([plane, plane]) for plane in (fine, coarse)]).astype(np.uint8), CHANNELS, 12.0)
    assert table.loc[0, "ER_granularity_fine"] == pytest.approx(1, abs=0.02)
    assert table.loc[1, "ER_granularity_fine"] == pytest.approx(0, abs=0.01)
    assert table.loc[1, "ER_granularity_coarse"] > 0.9


def test_an_empty_field_has_levels_but_no_shapes_and_a_run_can_be_stopped():
    blank = np.full((1, 2, 64, 64), 9, np.uint8)
    row = morphology(blank, CHANNELS, 10.0).iloc[0]
    assert row["nuclei_count"] == row["area_occupied"] == 0
    assert row[["nucleus_area_px2", "cell_area_px2", "DNA_in_nucleus", "neighbour_distance_px"]].isna().all()
    assert row["ER_mean"] == pytest.approx(9 / 255)
    with pytest.raises(Cancelled):
        morphology(blank, CHANNELS, 10.0, context=Context(is_cancelled=lambda: True))


def test_simulated_nuclei_are_measured_as_the_truth_has_them():
    rng = np.random.default_rng(1)
    effects = list(constants.EFFECTS.values())
    fields = [render(Phenotype(**(constants.DMSO | effect)), 96, rng) for effect in effects * 2]
    table = morphology(np.stack([np.round(255 * f.image).astype(np.uint8) for f in fields]), constants.CHANNELS, 15.0)
    truth = [f.truth[f.truth["nucleus_area_px"] > 0] for f in fields]
    assert table["nuclei_count"].sum() == pytest.approx(sum(map(len, truth)), rel=0.1)
    whole = [areas_off_the_border(f.nuclei) for f in fields]
    shown = np.array([len(areas) > 0 for areas in whole])
    assert spearmanr(table["nucleus_area_px2"][shown], [areas.mean() for areas in whole if len(areas)], nan_policy="omit").statistic > 0.85
    assert spearmanr(table["area_occupied"], [(f.cells > 0).mean() for f in fields]).statistic > 0.85
    assert spearmanr(table["Mito_mean"], [f.truth["mito_cell"] @ f.truth["cell_area"] for f in fields]).statistic > 0.95


def areas_off_the_border(nuclei):
    """Pixels of each nucleus of an exact mask that does not touch the border."""
    cut = np.unique(np.concatenate([nuclei[0], nuclei[-1], nuclei[:, 0], nuclei[:, -1]]))
    return np.array([area for number, area in enumerate(np.bincount(nuclei.ravel())) if number and area and number not in cut])


def test_effect_sizes_have_their_closed_form():
    rng = np.random.default_rng(2)
    x, y = pd.DataFrame({"a": rng.standard_normal(60) + 1, "flat": 2.0}), pd.DataFrame({"a": rng.standard_normal(50), "flat": 2.0})
    x.loc[3, "a"] = np.nan
    table = effect_sizes(x, y).set_index("feature")
    a, b = x["a"].dropna().to_numpy(), y["a"].to_numpy()
    pooled = np.sqrt((a.var(ddof=1) * 58 + b.var(ddof=1) * 49) / 107)
    assert table.loc["a", "cohen_d"] == pytest.approx((a.mean() - b.mean()) / pooled)
    assert table.loc["a", "cliff_delta"] == pytest.approx(np.mean([np.sign(p - q) for p in a for q in b]))
    assert table.loc["a", "n"] == 59
    se = np.sqrt(1 / 59 + 1 / 50 + table.loc["a", "cohen_d"] ** 2 / (2 * 109))  # Hedges and Olkin's
    assert table.loc["a", "d_high"] - table.loc["a", "d_low"] == pytest.approx(2 * 1.96 * se, rel=0.25)
    assert np.isnan(table.loc["flat", "cohen_d"])
    assert table.loc["flat", "cliff_delta"] == 0


def test_every_bootstrap_correlation_is_that_of_the_resampled_table():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 6, (12, 3)).astype(float), rng.standard_normal((12, 3))
    a[4, 1] = np.nan
    counts = resampled_counts(12, seed=1, resamples=20)
    found = spearman_draws(a, b, counts)
    for draw, values in zip(counts, found, strict=True):
        rows = np.repeat(np.arange(12), draw)
        for k in range(3):
            known = rows[~np.isnan(a[rows, k])]
            assert values[k] == pytest.approx(spearmanr(a[known, k], b[known, k]).statistic, abs=1e-10)


@pytest.fixture(scope="module")
def molecules():
    """Features of 40 molecules x 6 images in three sets: real, a model that is noisier, and an oracle."""
    rng = np.random.default_rng(4)
    truth = rng.standard_normal((40, 5))
    names = np.repeat([f"m{k:02d}" for k in range(40)], 6).astype(object)

    def images(noise):
        return pd.DataFrame(np.repeat(truth + noise * rng.standard_normal(truth.shape), 6, axis=0), columns=list("abcde"))

    return images(0.1), images(0.8), images(0.1), names


def test_agreement_lies_below_its_ceiling(molecules):
    real, generated, oracle, names = molecules
    found = morphology_agreement(real, names, generated, names, (oracle, names))
    assert found.is_headline
    assert found.reason == ""
    assert found.mean.low < found.mean.value < found.mean.high < found.ceiling.low
    assert found.share.value == pytest.approx(found.mean.value / found.ceiling.value)
    assert found.mean.value == pytest.approx(found.table["spearman"].mean())
    means = [t.groupby(names).mean() for t in (real, generated)]
    assert found.table["spearman"].tolist() == pytest.approx([spearmanr(means[0][c], means[1][c]).statistic for c in "abcde"])
    order = np.random.default_rng(0).permutation(len(names))
    assert found.table.equals(morphology_agreement(real.iloc[order], names[order], generated, names, (oracle, names)).table)


def test_shuffled_molecules_agree_by_chance_only(molecules):
    real, generated, _, names = molecules
    shuffled = np.random.default_rng(5).permutation(40)[np.repeat(np.arange(40), 6)]
    found = morphology_agreement(real, names, generated, np.array([f"m{k:02d}" for k in shuffled], dtype=object))
    assert found.mean.low < 0 < found.mean.high
    assert found.ceiling is None
    assert found.table["ceiling"].isna().all()


def test_too_few_images_or_molecules_are_named(molecules):
    real, generated, _, names = molecules
    one = np.arange(0, 240, 6)
    found = morphology_agreement(real.iloc[one], names[one], generated, names)
    assert found.molecules == 0
    assert "4 images or more" in found.reason
    assert np.isnan(found.mean.value)
    seven = names < "m07"
    found = morphology_agreement(real[seven], names[seven], generated[seven], names[seven])
    assert (found.molecules, found.is_headline) == (7, False)
    assert found.reason.startswith("7 molecules only")
    assert len(found.table) == 5
    flat = morphology_agreement(real.assign(a=1.0), names, generated, names)
    assert list(flat.table["feature"]) == list("bcde")
    assert flat.mean.value == pytest.approx(flat.table["spearman"].mean())


def test_blur_is_seen_by_the_features():
    image = ellipses(12, 7)
    soft = ndimage.gaussian_filter(image.astype(float), (0, 4, 4)).astype(np.uint8)
    sharp, blurred = (morphology(each[None], CHANNELS, 18.0).iloc[0] for each in (image, soft))
    assert blurred["DNA_nuclear_variation"] > sharp["DNA_nuclear_variation"] + 0.1
