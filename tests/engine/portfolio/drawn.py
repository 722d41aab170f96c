"""Returns drawn from a market with one factor, and a table of five factors, the market first."""

import numpy as np


def one_factor(n_assets, n_rows, seed=0):
    rng = np.random.default_rng(seed)
    loadings, noise = rng.uniform(0.5, 1.5, n_assets), rng.uniform(0.01, 0.03, n_assets)
    factors = rng.standard_normal((n_rows, 5)) * [0.01, 0.004, 0.004, 0.003, 0.003]
    return factors[:, :1] * loadings + rng.standard_normal((n_rows, n_assets)) * noise, factors
