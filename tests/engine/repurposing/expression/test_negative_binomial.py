"""Each step of the negative binomial test does what its formula says, and the whole calls few genes that never changed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from engine.core import Context, UserError
from engine.repurposing.expression import cooks, dispersion, filtering
from engine.repurposing.expression.negative_binomial import cauchy_mode, compare, expected_counts, regression, size_factors
from engine.repurposing.significance import q_values

GROUPS = np.repeat([0.0, 1.0], 4)
DESIGN = np.column_stack([np.ones(8), GROUPS])
BATCHED = np.column_stack([np.ones(8), np.tile([0.0, 1.0], 4), GROUPS])


def drawn(genes, n, seed, changed=0.1):
    """Draw counts of two groups with known changes; dispersion 0.05 + 2 / mean."""
    rng = np.random.default_rng(seed)
    mean, is_changed = rng.lognormal(4, 1.5, genes), rng.random(genes) < changed
    change = np.where(is_changed, rng.normal(0, 1.5, genes), 0.0)
    treated = np.repeat([0, 1], n // 2)
    depth = rng.uniform(0.5, 2.0, n)
    mu = depth * mean[:, None] * 2 ** (change[:, None] * treated)
    size = 1 / (0.05 + 2 / mean[:, None])
    return rng.negative_binomial(size, size / (size + mu)).astype(float), change, depth, np.column_stack([np.ones(n), treated])


def test_size_factors_undo_depth():
    shape = np.random.default_rng(0).integers(1, 1000, 50).astype(float)
    depth = np.array([1.0, 2.0, 5.0])
    assert size_factors(np.outer(shape, depth)) == pytest.approx(depth / 10 ** (1 / 3))


def test_size_factors_with_a_zero_in_every_gene_by_their_definition():
    counts = np.random.default_rng(0).integers(1, 500, (61, 3)).astype(float)
    counts[np.arange(61), np.arange(61) % 3] = 0
    means = [np.prod([count for count in row if count]) ** (1 / 3) for row in counts]
    ratios = [[np.log(row[j] / mean) for row, mean in zip(counts, means, strict=True) if row[j]] for j in range(3)]
    medians = np.exp([np.median(column) for column in ratios])
    assert size_factors(counts) == pytest.approx(medians / np.prod(medians) ** (1 / 3))


@pytest.mark.parametrize("design", [DESIGN, BATCHED], ids=["two groups", "batches"])
def test_coefficients_maximise_the_likelihood(design):
    y, _, depth, _ = drawn(8, 8, 1)
    y = y + 20  # far from the floor of half a count
    alpha = np.full(8, 0.1)
    beta, errors, mu, leverage = regression(y, depth, design, alpha)
    assert mu == pytest.approx(depth * np.exp(beta @ design.T))
    assert ((y - mu) / (1 + 0.1 * mu)) @ design == pytest.approx(0, abs=2e-2 * np.sqrt(y.sum()) / 10)  # the score, counts in the hundreds
    for gene in range(8):
        weights = np.diag(mu[gene] / (1 + 0.1 * mu[gene]))
        covariance = np.linalg.inv(design.T @ weights @ design)
        assert errors[gene] == pytest.approx(np.sqrt(covariance[-1, -1]), rel=1e-4)
        assert leverage[gene] == pytest.approx(np.diag(weights @ design @ covariance @ design.T), rel=1e-4)


def test_a_group_of_zeros_has_a_finite_uncertain_change():
    beta, errors, _, _ = regression(np.array([[0.0] * 4 + [50.0, 40.0, 60.0, 55.0]]), np.ones(8), DESIGN, np.array([0.1]))
    assert 3 < beta[0, 1] < 30
    assert errors[0] > 0.3


@pytest.mark.parametrize("design", [DESIGN, BATCHED], ids=["two groups", "batches"])
def test_dispersions_maximise_the_adjusted_likelihood(design):
    y, _, depth, _ = drawn(9, 8, 2)
    rough = dispersion.from_moments(y, depth, design)
    mu = expected_counts(y, depth, design, rough)

    def score(log, gene):
        a, m = np.exp(log), mu[gene]
        logs = stats.nbinom.logpmf(y[gene], 1 / a, 1 / (1 + a * m)).sum()
        return logs - 0.5 * np.linalg.slogdet(design.T @ np.diag(m / (1 + a * m)) @ design)[1]

    rough[0] = 1e-8
    found = dispersion.gene_wise(y, mu, design, rough)
    for gene in np.flatnonzero(rough > 1e-8):
        grid = np.linspace(np.log(1e-8), np.log(10), 80)
        near = grid[np.argmax([score(x, gene) for x in grid])]
        best = minimize_scalar(lambda x, gene=gene: -score(x, gene), bounds=(near - 0.3, near + 0.3), method="bounded")
        assert score(np.log(found[gene]), gene) >= -best.fun - 1e-5
    assert (found[rough <= 1e-8] == 1e-8).all()


def test_the_trend_comes_back_from_scattered_dispersions():
    rng = np.random.default_rng(0)
    mean = rng.lognormal(4, 2, 20_000)
    alpha = (0.05 + 2 / mean) * rng.chisquare(8, 20_000) / 8
    alpha[:100] *= 1000  # far off: left out
    trend = dispersion.trend_of(alpha, mean)
    assert (trend.a1, trend.a0) == (pytest.approx(2, rel=0.05), pytest.approx(0.05, rel=0.05))


def test_without_a_trend_the_mean_dispersion_counts():
    mean = np.geomspace(1, 1000, 500)
    trend = dispersion.trend_of(0.01 + mean / 1000, mean)  # rises with the mean: no positive a1
    assert trend.a1 == 0
    assert trend.a0 == pytest.approx(np.mean(0.01 + mean / 1000), rel=0.02)


def test_shrunk_dispersions_lie_between_their_own_and_the_trend_unless_far_above():
    y, _, depth, _ = drawn(400, 8, 3)
    y[0] = [0, 900, 3, 0, 0, 1200, 0, 5]  # one wild gene
    rough = dispersion.from_moments(y, depth, DESIGN)
    mu = expected_counts(y, depth, DESIGN, rough)
    own, trend = dispersion.gene_wise(y, mu, DESIGN, rough), 0.05 + 2 / (y / depth).mean(axis=1)
    found = dispersion.shrunk(y, mu, DESIGN, own, trend)
    assert found[0] == own[0]
    low, high = np.minimum(own, trend), np.maximum(own, trend)
    telling = own > 1e-8
    assert ((found >= low * 0.999) & (found <= high * 1.001))[telling].all()
    assert np.abs(np.log(found / trend))[telling].mean() < 0.7 * np.abs(np.log(own / trend))[telling].mean()


@pytest.mark.parametrize("n", [3, 6, 12, 40])
def test_trimmed_variances_are_those_of_a_normal(n):
    values = np.random.default_rng(0).normal(10, 2, (15_000, n))
    assert cooks.trimmed_variance(values).mean() == pytest.approx(4, rel=0.45 if n == 3 else 0.2)


def test_one_wild_sample_takes_a_genes_p_value_away():
    y, _, _, design = drawn(300, 12, 4, changed=0)
    y[7] = [50, 60, 55, 45, 52, 58, 49, 51, 5000, 56, 47, 53]
    table = compare(y, tuple(map(str, range(300))), design, 0.05, Context.silent()).table
    assert table["is_outlier"][7] == 1
    assert np.isnan(table["p"][7])
    assert np.isfinite(table["log2fc"][7])
    assert table["is_outlier"].sum() <= 6


def test_two_replicates_call_no_outlier():
    y, _, depth, _ = drawn(20, 4, 5)
    y[0] = [10, 12, 10, 9000]
    design = np.column_stack([np.ones(4), [0, 0, 1, 1]])
    _, _, mu, leverage = regression(y, depth, design, np.full(20, 0.1))
    assert not cooks.outliers(y, depth, design, mu, leverage).any()


def test_weak_genes_are_filtered_where_that_helps_only():
    rng = np.random.default_rng(0)
    mean = np.concatenate([np.full(5000, 1.0), np.full(500, 100.0)]) * rng.uniform(0.9, 1.1, 5500)
    p = rng.uniform(0, 1, 5500)
    p[5000:5200] = rng.uniform(0, 0.02, 200)
    q, below = filtering.adjusted(p, mean, 0.0, 0.05)
    assert below > 0.9
    assert (q < 0.05).sum() > (q_values(p) < 0.05).sum()
    q, below = filtering.adjusted(rng.uniform(0, 1, 5500), mean, 0.0, 0.05)
    assert np.isfinite(q).all()


def test_shrinkage_takes_most_from_what_is_uncertain():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 0.5, 3000)
    se = rng.uniform(0.05, 2.0, 3000)
    seen = truth + rng.normal(0, se)
    shrunk = cauchy_mode(seen, se)
    assert (np.abs(shrunk) <= np.abs(seen)).all()
    assert ((shrunk - truth) ** 2).mean() < 0.5 * ((seen - truth) ** 2).mean()
    large = cauchy_mode(np.array([*seen, 8.0, 8.0]), np.array([*se, 0.1, 4.0]))
    assert large[-2] > 7.9
    assert large[-1] < 6


def test_changes_and_false_discoveries_of_drawn_counts():
    y, change, _, design = drawn(2000, 12, 6)
    table = compare(y, tuple(map(str, range(2000))), design, 0.05, Context.silent()).table
    called = (table["q"] < 0.05).to_numpy()
    false = (called & (change == 0)).sum()
    assert false <= 0.05 * called.sum() + 3 * np.sqrt(0.05 * called.sum())
    assert called[np.abs(change) > 2].mean() > 0.8
    strong = np.abs(change) > 1
    assert np.corrcoef(table["log2fc"][strong], change[strong])[0, 1] > 0.97
    null = table["p"][(change == 0) & (table["mean"] > 10)].dropna()
    assert 0.3 < (null < 0.5).mean() < 0.6


def test_order_of_samples_and_genes_does_not_matter_and_nothing_is_random():
    y, _, _, design = drawn(200, 8, 7)
    names = tuple(map(str, range(200)))
    table = compare(y, names, design, 0.05, Context.silent()).table
    again = compare(y, names, design, 0.05, Context.silent()).table
    pd.testing.assert_frame_equal(table, again)
    order, genes = np.random.default_rng(0).permutation(8), np.random.default_rng(1).permutation(200)
    other = compare(y[genes][:, order], tuple(names[g] for g in genes), design[order], 0.05, Context.silent()).table
    other = other.set_index("gene").loc[list(names)]
    assert other["log2fc"].to_numpy() == pytest.approx(table["log2fc"].to_numpy(), abs=1e-5)
    assert other["p"].to_numpy() == pytest.approx(table["p"].to_numpy(), rel=1e-3, nan_ok=True)


def test_swapping_the_groups_turns_every_sign():
    y, _, _, design = drawn(200, 8, 8)
    names = tuple(map(str, range(200)))
    there = compare(y, names, design, 0.05, Context.silent()).table
    back = compare(y, names, np.column_stack([design[:, 0], 1 - design[:, 1]]), 0.05, Context.silent()).table
    assert back["log2fc"].to_numpy() == pytest.approx(-there["log2fc"].to_numpy(), abs=1e-4)


def test_a_batch_effect_is_not_taken_for_treatment():
    rng = np.random.default_rng(0)
    batch, treated = np.array([0, 0, 0, 1, 0, 1, 1, 1.0]), GROUPS
    mu = 200 * np.exp(1.5 * np.outer(rng.choice([-1, 1], 500), batch))
    y = rng.negative_binomial(20, 20 / (20 + mu)).astype(float)
    names = tuple(map(str, range(500)))
    plain = compare(y, names, np.column_stack([np.ones(8), treated]), 0.05, Context.silent()).table
    adjusted = compare(y, names, np.column_stack([np.ones(8), batch, treated]), 0.05, Context.silent()).table
    assert (adjusted["p"] < 0.05).mean() < 0.12
    assert adjusted["log2fc"].abs().mean() < 0.5 * plain["log2fc"].abs().mean()


def test_genes_without_counts_have_no_figures():
    y, _, _, design = drawn(50, 8, 9)
    y[3] = 0
    row = compare(y, tuple(map(str, range(50))), design, 0.05, Context.silent()).table.loc[3]
    assert row["mean"] == 0
    assert row[["log2fc", "p", "q"]].isna().all()


@pytest.mark.parametrize(
    ("design", "word"),
    [
        (np.column_stack([np.ones(8), GROUPS, GROUPS]), "told apart"),
        (np.column_stack([np.ones(2), [0.0, 1.0]]), "two replicates"),
    ],
)
def test_designs_that_cannot_be_tested_are_refused(design, word):
    with pytest.raises(UserError, match=word):
        compare(np.full((5, len(design)), 9.0), tuple("abcde"), design, 0.05, Context.silent())


def test_a_sample_without_counts_is_refused():
    with pytest.raises(UserError, match="Sample number 2"):
        size_factors(np.array([[1.0, 0.0], [3.0, 0.0]]))
