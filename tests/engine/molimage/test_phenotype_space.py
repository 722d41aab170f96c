"""The phenotype space separates groups, and the error it gives for a measured phenotype is the error there is."""

import numpy as np
import pytest

from engine.molimage.phenotype_space import PhenotypeSpace, standard_errors


def nested(rng, groups, plates, each, plate_sd, image_sd=1.0, features=20):
    """Profiles of groups on plates: the truth of each group, and features, groups and plates of its images."""
    truth = 3 * rng.standard_normal((groups, features))
    group, plate = np.repeat(np.arange(groups), plates * each), np.tile(np.repeat(np.arange(plates), each), groups)
    shifts = plate_sd * rng.standard_normal((groups, plates, features))
    found = truth[group] + shifts[group, plate] + image_sd * rng.standard_normal((len(group), features))
    return truth.astype(np.float32), found.astype(np.float32), group, plate.astype(str).astype(object)


@pytest.mark.parametrize(("plates", "each", "plate_sd"), [(3, 5, 1.0), (4, 8, 0.0), (2, 4, 0.5), (1, 6, 0.0)])
def test_the_error_of_a_measured_phenotype_is_the_one_there_is(plates, each, plate_sd):
    truth, found, group, plate = nested(np.random.default_rng(0), 150, plates, each, plate_sd)
    space = PhenotypeSpace.fit(found, group)
    measured = np.array([space.coordinates(found[group == g]).mean(axis=0) for g in range(150)])
    true_error = np.sqrt(np.mean((measured - space.coordinates(truth)) ** 2))
    assert standard_errors(found, group, plate).mean() == pytest.approx(true_error, rel=0.25)


def test_a_space_that_fits_its_few_images_does_not_hide_the_error():
    """With as many features as images the spread within groups vanishes in the space; that of images left out does not."""
    _, found, group, plate = nested(np.random.default_rng(1), 12, 2, 3, 0.5, features=70)
    space = PhenotypeSpace.fit(found, group)
    coordinates = space.coordinates(found)
    within = np.sqrt(np.mean([(coordinates[group == g] - coordinates[group == g].mean(axis=0)) ** 2 for g in range(12)]) / 6)
    assert standard_errors(found, group, plate).mean() > 1.3 * within


def test_groups_of_one_image_take_the_error_of_the_others():
    _, found, group, plate = nested(np.random.default_rng(2), 30, 2, 4, 0.5)
    group = np.append(group, 30)
    found, plate = np.concatenate([found, found[:1]]), np.append(plate, "0")
    errors = standard_errors(found, group, plate)
    assert errors[30] == pytest.approx(errors[0] * np.sqrt(2))
    alone = standard_errors(found[::8], np.arange(len(found[::8])), plate[::8])
    assert (alone == 1).all()
