"""Principal components are those of the covariance, the embedding before activation is a metric, and what follows activation is not."""

import numpy as np
import pytest

from engine.core import Context
from engine.repurposing.screens.autoencoder import Autoencoder
from engine.repurposing.screens.connectivity import cosine
from engine.repurposing.screens.drug_signatures import drug_signatures
from engine.repurposing.screens.readings import scaled
from engine.repurposing.screens.representations import after_activation, embedded, principal_components, untrained
from tests.engine.repurposing.screens.screened import read, small_screen


@pytest.fixture(scope="module")
def world():
    screen, _ = small_screen()
    return screen, read(screen)


def layer(d, width, seed=0):
    return Autoencoder(np.random.default_rng(seed).normal(size=(d, width)), None, 1, np.array([]))


def test_components_are_the_eigenvectors_of_the_covariance(world):
    _, readings = world
    rows = readings.treated
    values = readings.differences(readings.take(rows), rows)
    found = principal_components(readings, 5, rows).matrix
    _, vectors = np.linalg.eigh(np.cov(values.T))
    assert np.abs(found.T @ vectors[:, ::-1][:, :5]) == pytest.approx(np.eye(5), abs=1e-6)
    assert principal_components(readings, 500, rows).matrix.shape[1] <= min(len(rows) - 1, 30)


def test_before_activation_the_cosine_is_that_of_the_scaled_signatures_under_the_metric(world):
    screen, readings = world
    model = layer(30, 64)
    found = drug_signatures(readings, {"embedding": embedded(readings, model)}, Context.silent())
    x, rows = scaled(screen.block().astype(float)), screen.rows
    metric = model.first @ model.first.T
    plain = []
    for drug, cell in zip(found.groups["drug"], found.groups["cell"], strict=True):
        own = np.flatnonzero((rows["drug"] == drug) & (rows["cell"] == cell))
        plain.append(np.mean([x[k] - x[rows["is_control"] & (rows["plate"] == rows["plate"][k])].mean(axis=0) for k in own], axis=0))
    a, b = np.array(plain), np.random.default_rng(1).normal(size=(1, 30))
    by_metric = -(a @ metric @ b.T)[:, 0] / np.sqrt(np.einsum("ij,jk,ik->i", a, metric, a) * (b @ metric @ b.T)[0, 0])
    got = cosine(found.values["embedding"], embedded(readings, model).of_query(readings, b, 0))[:, 0]
    assert got == pytest.approx(by_metric, abs=1e-5)


def test_after_activation_controls_lie_at_zero_and_a_change_is_seen_from_the_controls(world):
    _, readings = world
    model = layer(30, 64)
    after = after_activation(readings, model, Context.silent())
    controls = readings.controls
    values = after.of_profiles(readings, readings.take(controls), controls)
    for plate in np.unique(readings.design.plate[controls]):
        assert values[readings.design.plate[controls] == plate].mean(axis=0) == pytest.approx(0, abs=1e-9)
    start, change = readings.line_mean[1], np.random.default_rng(2).normal(size=30)

    def leaky(profile):
        out = (profile - profile.min()) / np.ptp(profile) @ model.first
        return np.where(out > 0, out, 0.01 * out)

    assert after.of_query(readings, change[None], 1)[0] == pytest.approx(leaky(start + change) - leaky(start))
    both = after.of_query(readings, np.stack([change, -change]), 1)
    assert np.abs(both.sum(axis=0)).max() > 0.01  # not odd, so not linear


def test_leaving_genes_out_is_the_map_with_those_genes_at_zero(world):
    _, readings = world
    random = untrained(readings, 40, 0)
    values = np.random.default_rng(3).normal(size=(4, 30))
    some = np.array([1, 5, 7, 20])
    zeroed = np.zeros_like(values)
    zeroed[:, some] = values[:, some]
    assert random.mapped(values[:, some], 0, some) == pytest.approx(random.mapped(zeroed, 0))
