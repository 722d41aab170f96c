"""Kernel tests keep their level given three to five variables, where smoothing many features on many variables leaves dependence behind."""

import numpy as np
import pytest

from engine.independence.kernel import KernelFeatures
from tests.engine.independence.test_kernel import ALPHA, CHILDREN, children, made


def straight(rng, n, parents):
    """Draw 40 weighted sums of the same parents plus noise, and the parents."""
    above = rng.standard_normal((n, parents))
    return np.column_stack([above @ rng.uniform(0.3, 1, (parents, CHILDREN)) + rng.standard_normal((n, CHILDREN)), above])


def rate(kind, draw, n, parents, tables):
    """Return the share of true nulls that are rejected, 780 in each table."""
    i, j = np.triu_indices(CHILDREN, 1)
    given = [CHILDREN + k for k in range(parents)]
    drawn = [draw(np.random.default_rng([seed, n, parents]), n, parents) for seed in range(tables)]
    return np.mean(np.concatenate([made(kind, table).p_values(i, j, given) for table in drawn]) <= ALPHA)


@pytest.mark.parametrize("draw", [children, straight])
@pytest.mark.parametrize("parents", [4, 5])
def test_rate_of_false_rejections_is_not_twice_the_level(draw, parents):
    assert 0.03 <= rate(KernelFeatures, draw, 500, parents, 2) <= 0.075
