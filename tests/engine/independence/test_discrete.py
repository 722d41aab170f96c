"""G squared is the sum of the strata's likelihood ratios, and a table with too few rows per cell is not tested."""

import numpy as np
import pytest
from scipy import stats

from engine.independence import GSquared

RNG = np.random.default_rng(2)
PARENT = RNG.integers(3, size=2000)
CODES = np.column_stack([(RNG.random(2000) < 0.2 + 0.25 * PARENT).astype(int), (PARENT + RNG.integers(2, size=2000)) % 4, PARENT])


def contingency(rows):
    table = np.zeros((2, 4))
    np.add.at(table, (CODES[rows, 0], CODES[rows, 1]), 1)
    return table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]


def test_marginal_test_agrees_with_scipy():
    test = GSquared("ABC", CODES, 0.01)
    expected = stats.chi2_contingency(contingency(slice(None)), lambda_="log-likelihood", correction=False)
    assert test.p_values([0], [1], [[]])[0] == pytest.approx(expected.pvalue, rel=1e-9)
    assert test.trace.of("A", "B")["statistic"].item() == pytest.approx(expected.statistic)


def test_strata_add_up():
    test = GSquared("ABC", CODES, 0.01)
    parts = [stats.chi2_contingency(contingency(s == PARENT), lambda_="log-likelihood", correction=False) for s in range(3)]
    expected = stats.chi2.sf(sum(part.statistic for part in parts), sum(part.dof for part in parts))
    assert test.p_values([0], [1], [[2]])[0] == pytest.approx(expected, rel=1e-9)
    assert test.independent(0, 1, [2]) and not test.independent(0, 1)


@pytest.mark.parametrize(("rows", "possible"), [(120, True), (119, False)])
def test_five_rows_per_cell_are_needed(rows, possible):
    codes = np.column_stack([np.arange(rows) % 2, np.arange(rows) % 4, np.arange(rows) % 3])
    test = GSquared("ABC", codes, 0.01)
    assert np.isnan(test.p_values([0], [1], [[2]])[0]) == (not possible)
    assert (test.trace.of("A", "B")["decision"].item() == "not tested") == (not possible)


def test_a_column_that_never_varies_within_strata_is_independent():
    codes = np.column_stack([PARENT, RNG.integers(2, size=2000), PARENT])
    assert GSquared("ABC", codes, 0.01).p_values([0], [1], [[2]])[0] == 1


def test_resampling_draws_rows():
    rows = np.random.default_rng(4).integers(2000, size=2000)
    again = GSquared("ABC", CODES, 0.01).resampled(np.random.default_rng(4))
    assert again.p_values([0], [1], [[2]])[0] == GSquared("ABC", CODES[rows], 0.01).p_values([0], [1], [[2]])[0]
