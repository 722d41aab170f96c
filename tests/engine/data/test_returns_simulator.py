"""Simulated returns follow the law they name: factors, sectors, tails and planted graph are those of the truth."""

import numpy as np
import pandas as pd
import pytest

from engine.data import simulate, to_returns
from engine.graphs import Graph

LAWS = ("one_factor", "blocks", "heavy_tail", "m_matrix")


def covariance(data):
    return np.array(data.truth["covariance"])


def test_one_factor_is_the_workload_of_the_solver_benchmark():
    """Drawn here again in the order that the workload fixes: beta, SDs, factor, noise."""
    rng = np.random.default_rng(0)
    beta, own = rng.uniform(0.5, 1.5, 30), rng.uniform(0.01, 0.03, 30)
    factor = 0.01 * rng.standard_normal(50)
    expected = factor[:, None] * beta + rng.standard_normal((50, 30)) * own
    assert np.array_equal(simulate("returns", p=30, n=50, seed=0).numeric, expected)


@pytest.mark.parametrize("law", [law for law in LAWS if law != "heavy_tail"])
def test_gaussian_laws_have_the_covariance_of_their_truth(law):
    """n (S - Sigma) has covariance Sigma_ii Sigma_jj + Sigma_ij^2 per entry; no entry of 210 may be beyond 5 SDs."""
    data = simulate("returns", p=20, n=20_000, law=law, seed=3)
    sigma, sample = covariance(data), data.numeric.T @ data.numeric / 20_000
    deviation = np.sqrt((np.outer(np.diag(sigma), np.diag(sigma)) + sigma**2) / 20_000)
    assert np.abs((sample - sigma) / deviation).max() < 5


@pytest.mark.parametrize("law", LAWS)
def test_graph_is_that_of_the_inverse_covariance(law):
    data = simulate("returns", p=40, n=10, law=law, degree=2, seed=1)
    precision = np.linalg.inv(covariance(data))
    scale = np.sqrt(np.diag(precision))
    graph = Graph.from_dict(data.truth["graph"])
    assert graph.kind == "ug" and graph.nodes == data.columns
    assert np.array_equal((np.abs(precision / np.outer(scale, scale)) > 1e-9) & ~np.eye(40, dtype=bool), graph.skeleton)


@pytest.mark.parametrize("degree", [0, 2, 20])
def test_planted_precision_is_an_m_matrix(degree):
    data = simulate("returns", p=30, n=10, law="m_matrix", degree=degree, seed=2)
    precision = np.linalg.inv(covariance(data))
    assert (precision - np.diag(np.diag(precision)) <= 1e-9 * np.abs(precision).max()).all()
    assert (covariance(data) >= -1e-18).all() and np.linalg.eigvalsh(precision)[0] > 0
    assert bool(Graph.from_dict(data.truth["graph"]).n_edges) == bool(degree)


def test_heavy_tails_are_those_of_the_t_law():
    """A t of v degrees of freedom scaled to variance 1 has fourth moment 3 (v - 2) / (v - 4)."""
    data = simulate("returns", p=10, n=50_000, law="heavy_tail", freedom=12, seed=1)
    values = data.numeric / np.sqrt(np.diag(covariance(data)))
    assert np.allclose(values.std(axis=0), 1, atol=0.02)
    assert abs((values**4).mean() - 3 * 10 / 8) < 0.25
    noise = simulate("returns", p=10, n=50_000, law="one_factor", seed=1).numeric
    assert np.abs((noise**4).mean(axis=0) / (noise**2).mean(axis=0) ** 2 - 3).max() < 0.2


def test_sectors_hold_together():
    data = simulate("returns", p=24, n=10, law="blocks", blocks=4, seed=5)
    sector = pd.Series(data.truth["sectors"])
    assert sector.value_counts().tolist() == [6, 6, 6, 6] and list(sector.index) == list(data.columns)
    shared = covariance(data) / np.sqrt(np.outer(np.diag(covariance(data)), np.diag(covariance(data))))
    same = sector.to_numpy()[:, None] == sector.to_numpy()
    off = ~np.eye(24, dtype=bool)
    assert shared[same & off].mean() > 1.3 * shared[~same].mean()


@pytest.mark.parametrize("law", LAWS)
def test_prices_give_the_same_returns_and_are_always_above_zero(law):
    settings = {"p": 12, "n": 400, "law": law, "freedom": 2.1, "seed": 4}
    plain, prices = simulate("returns", **settings), simulate("returns", values="prices", **settings)
    assert prices.kind == "prices" and plain.kind == "returns" and len(prices.frame) == 401
    assert (prices.numeric > 0).all() and (prices.numeric[0] == 100).all()
    assert np.allclose(to_returns(prices).numeric, plain.numeric, atol=1e-12)


def test_rows_are_business_days_and_names_sort_as_they_count():
    data = simulate("returns", p=100, n=30)
    assert (data.frame.index.day_of_week < 5).all() and data.frame.index.is_monotonic_increasing and data.frame.index.tz is None
    assert data.columns[0] == "A001" and list(data.columns) == sorted(data.columns)
    assert simulate("returns", p=20, n=30).columns[:2] == ("A01", "A02")
