"""Every family has unit variances, an M-matrix as inverse, and edges exactly where that inverse is not zero."""

import itertools

import numpy as np
import pytest

from engine.core import UserError
from engine.mtp2.families import FAMILIES, chain, decay, grid, on_nodes, random, star

RNG = np.random.default_rng


@pytest.mark.parametrize(("name", "p"), [*itertools.product(FAMILIES, (8, 27, 100))])
def test_totally_positive_with_its_graph(name, p):
    family = on_nodes(name, p, RNG(p))
    assert np.allclose(np.diag(family.covariance), 1) and np.array_equal(family.covariance, family.covariance.T)
    precision = np.linalg.inv(family.covariance)
    apart = ~np.eye(family.p, dtype=bool)
    assert np.linalg.eigvalsh(precision)[0] > 0
    assert not family.adjacency.diagonal().any() and np.array_equal(family.adjacency, family.adjacency.T)
    zero = apart & ~family.adjacency
    assert np.abs(precision[zero]).max(initial=0) < 1e-10
    assert precision[apart].max() < 1e-10
    if name != "decay":  # whose distant pairs are joined by less than rounding
        assert precision[family.adjacency].max() < -1e-3


def test_graphs_are_those_of_their_names():
    assert [each.adjacency.sum() // 2 for each in (chain(10), grid(4, 5), grid(2, 3, 4), star(10, 6), decay(6))] == [9, 31, 46, 6, 15]
    assert star(10, 6).adjacency.sum(axis=1).tolist() == [6, 1, 1, 1, 1, 1, 1, 0, 0, 0]
    square = grid(3, 3).adjacency.sum(axis=1)
    assert square.tolist() == [2, 3, 2, 3, 4, 3, 2, 3, 2]


def test_closed_forms():
    assert chain(5, 0.5).covariance[0].tolist() == [1, 0.5, 0.25, 0.125, 0.0625]
    k = np.linalg.inv(decay(20).covariance)
    partial = -k / np.sqrt(np.outer(np.diag(k), np.diag(k)))
    assert partial[3, 4:8] == pytest.approx(np.exp(-1.2 * np.arange(1, 5)))
    k = np.linalg.inv(star(12, 9).covariance)
    weight = 0.6 * 9**-0.25
    assert -k[0, 4] / np.sqrt(k[0, 0] * k[4, 4]) == pytest.approx(weight / np.sqrt(1 + 9 * weight**2))


def test_random_graphs_have_the_density_asked_for_and_at_least_one_edge():
    edges = [random(100, 0.01, rng=RNG(seed)).adjacency.sum() / 2 for seed in range(200)]
    assert np.mean(edges) == pytest.approx(49.5, abs=4 * 7 / np.sqrt(200))
    assert min(random(5, 0.01, rng=RNG(seed)).adjacency.sum() for seed in range(20)) == 2


def test_uniform_weights_differ_and_ones_do_not():
    def distinct(weights):
        k = np.linalg.inv(random(30, 0.1, weights=weights, rng=RNG(0)).covariance)
        partial = -k / np.sqrt(np.outer(np.diag(k), np.diag(k)))
        return len(np.unique(partial[np.triu(partial > 1e-9, 1)].round(9)))

    assert distinct("ones") == 1 < distinct("uniform")


def test_samples_have_the_covariance_and_repeat():
    family = star(6)
    drawn = family.sample(200_000, RNG(1))
    assert np.abs(np.cov(drawn.T) - family.covariance).max() < 0.02
    assert np.array_equal(drawn[:10], family.sample(200_000, RNG(1))[:10])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: chain(1), lambda: chain(5, 1.0), lambda: grid(0, 3), lambda: grid(), lambda: star(5, 5), lambda: star(5, 0),
        lambda: random(5, 0.0, rng=RNG(0)), lambda: random(5, 1e-9, rng=RNG(0)), lambda: random(5, weights="some", rng=RNG(0)),
        lambda: on_nodes("ring", 5, RNG(0)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(wrong):
    with pytest.raises(UserError):
        wrong()
