"""Every window of the bundled stocks, at a stride, is certified: short ones, those with a crash, those with an asset that hardly moves."""

import numpy as np
import pytest

import engine
from engine.mtp2.solver import TOLERANCE, maximum_likelihood

STRIDE = 63


@pytest.mark.parametrize("rows", [21, 63, 126, 252])
def test_all_windows_are_certified(rows):
    values = engine.data.to_returns(engine.sample("stocks")).frame.to_numpy()
    for start in range(0, len(values) - rows + 1, STRIDE):
        window = values[start : start + rows]
        window = window[:, window.std(axis=0) > 0]
        found = maximum_likelihood(np.corrcoef(window.T))
        assert found.gap <= TOLERANCE
        assert found.ridge == 0
