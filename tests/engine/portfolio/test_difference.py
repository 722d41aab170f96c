"""The tests of a difference are those of their definitions written out slowly, whatever the units, the order and the gaps."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from engine.core import UserError
from engine.portfolio.block_bootstrap import default_block
from engine.portfolio.difference import WAYS, difference, holm, pairwise
from engine.portfolio.hac import KERNELS
from engine.portfolio.two_moments import STATISTICS

KINDS = ("variance", "sharpe")


def drawn(n, count=2, seed=0):
    """Return correlated, heavy-tailed, autocorrelated returns with different spreads, (n, count)."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_t(6, (n + 1, 1)) + 0.7 * rng.standard_t(6, (n + 1, count))
    return 0.0004 * np.arange(1, count + 1) + 0.006 * np.linspace(1, 1.3, count) * (noise[1:] + 0.3 * noise[:-1])


def value(kind, v):
    """Return the difference as a function of v = (m_a, m_b, q_a, q_b)."""
    m_a, m_b, q_a, q_b = v
    if kind == "variance":
        return np.log(q_a - m_a**2) - np.log(q_b - m_b**2)
    return m_a / np.sqrt(q_a - m_a**2) - m_b / np.sqrt(q_b - m_b**2)


def moments(pair):
    return np.column_stack([pair, pair**2])


def gradient(kind, pair):
    """Return the gradient at the moments of a pair by central differences."""
    v = moments(pair).mean(axis=0)
    steps = np.diag(1e-6 * np.abs(v))
    return np.array([(value(kind, v + step) - value(kind, v - step)) / (2 * step.sum()) for step in steps])


def weight(kernel, x):
    if kernel == "parzen":
        return 1 - 6 * x**2 + 6 * x**3 if x <= 0.5 else 2 * (1 - x) ** 3 if x <= 1 else 0.0
    angle = 6 * np.pi * x / 5
    return 1.0 if x == 0 else 25 / (12 * np.pi**2 * x**2) * (np.sin(angle) / angle - np.cos(angle))


def long_run_covariance(vectors, scalar, kernel):
    """Sum the autocovariance matrices lag by lag, with the bandwidth of an AR(1) fitted to ``scalar``."""
    n = len(vectors)
    rho = (scalar[1:] @ scalar[:-1]) / (scalar[:-1] @ scalar[:-1])
    width = {"parzen": 2.6614, "qs": 1.3221}[kernel] * (4 * rho**2 / (1 - rho) ** 4 * n) ** 0.2
    total = vectors.T @ vectors / n
    for lag in range(1, n):
        once = vectors[lag:].T @ vectors[:-lag] / n
        total += weight(kernel, lag / width) * (once + once.T)
    return total


def by_hand(kind, pair, kernel, prewhitened):
    """Return the standard error of a difference from Psi in full (Andrews 1991, Andrews and Monahan 1992)."""
    n, g = len(pair), gradient(kind, pair)
    v = moments(pair)
    v = v - v.mean(axis=0)
    if not prewhitened:
        psi = long_run_covariance(v, v @ g, kernel)
        return np.sqrt(g @ psi @ g * n / (n - 4) / n)
    filtered = np.linalg.lstsq(v[:-1], v[1:], rcond=None)[0].T
    residual = v[1:] - v[:-1] @ filtered.T
    undo = np.linalg.inv(np.eye(4) - filtered)
    psi = undo @ long_run_covariance(residual, residual @ undo.T @ g, kernel) @ undo.T
    return np.sqrt(g @ psi @ g * n / (n - 4) / n)


def bootstrap_by_hand(kind, pair, block, resamples, seed):
    """Resample row by row; s and s* are natural standard errors of blocks (Ledoit and Wolf 2008, section 3.2)."""
    n, count = len(pair), len(pair) // block
    estimate = value(kind, moments(pair).mean(axis=0))

    def natural(rows):
        g, v = gradient(kind, rows), moments(rows)
        sums = [np.sqrt(block) * (part - v.mean(axis=0)).mean(axis=0) for part in np.split(v, count)]
        return np.sqrt(g @ sum(np.outer(s, s) for s in sums) / count @ g / len(rows))

    error = natural(pair[: count * block]) * np.sqrt(count * block / n)
    starts = np.random.default_rng(seed).integers(n, size=(resamples, count))
    beyond = 0
    for chosen in starts:
        rows = pair[np.concatenate([(start + np.arange(block)) % n for start in chosen])]
        beyond += abs(value(kind, moments(rows).mean(axis=0)) - estimate) / natural(rows) >= abs(estimate) / error
    return error, (1 + beyond) / (resamples + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_are_the_derivatives(kind):
    pair = drawn(100)
    by_mean, by_square = STATISTICS[kind].slopes(pair.mean(axis=0), (pair**2).mean(axis=0))
    assert gradient(kind, pair) == pytest.approx([by_mean[0], -by_mean[1], by_square[0], -by_square[1]], rel=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["hac", "prewhitened"])
def test_kernel_errors_are_those_of_the_definition(kind, way, kernel):
    for n in (40, 151):
        pair = drawn(n, seed=n)
        found = difference(*pair.T, kind, way, kernel=kernel)
        assert found.estimate == pytest.approx(value(kind, moments(pair).mean(axis=0)))
        assert found.standard_error == pytest.approx(by_hand(kind, pair, kernel, way == "prewhitened"), rel=1e-6)
        assert found.p == pytest.approx(2 * norm.sf(abs(found.estimate) / found.standard_error))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block", [1, 4, 10])
def test_bootstrap_is_that_of_the_definition_for_every_pair(kind, block):
    values = drawn(64, count=3, seed=block)
    found = pairwise(pd.DataFrame(values, columns=list("abc")), kind, block=block, resamples=99, seed=5)
    for i, j in combinations(range(3), 2):
        error, p = bootstrap_by_hand(kind, values[:, [i, j]], block, 99, 5)
        assert found.standard_error.iloc[i, j] == pytest.approx(error, rel=1e-6)
        assert found.p.iloc[i, j] == found.p.iloc[j, i] == pytest.approx(p, abs=1e-12)


def test_prewhitening_holds_before_a_unit_root():
    walk = np.cumsum(np.random.default_rng(0).standard_normal((200, 2)), axis=0)
    assert 0 < difference(*walk.T, "variance", "prewhitened").standard_error < 100


def test_holm_is_the_closure_of_bonferroni():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5, 0.03])
    subsets = [each for size in range(1, 7) for each in combinations(range(6), size)]
    closed = [max(min(1, len(s) * min(p[list(s)])) for s in subsets if i in s) for i in range(6)]
    assert holm(p) == pytest.approx(closed)
    gaps = holm(np.array([0.01, np.nan, 0.04]))
    assert gaps[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(gaps[1])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_units_order_and_company_do_not_matter(kind, way):
    frame = pd.DataFrame(drawn(120, count=4), columns=list("abcd"))
    found = pairwise(frame, kind, way, resamples=199)
    percent = pairwise(100 * frame, kind, way, resamples=199)
    turned = pairwise(frame[list("dcba")], kind, way, resamples=199)
    alone = difference(frame["b"], frame["c"], kind, way, resamples=199)
    pd.testing.assert_frame_equal(found.p, percent.p, rtol=1e-8)
    pd.testing.assert_frame_equal(found.p, turned.p.loc[list("abcd"), list("abcd")], rtol=1e-8)
    assert found.estimate.loc["c", "b"] == -found.estimate.loc["b", "c"] == pytest.approx(-alone.estimate)
    assert alone.p == pytest.approx(found.p.loc["b", "c"])
    assert alone.holm == pytest.approx(alone.p)
    assert np.isnan(np.diag(found.p)).all()


def test_a_seed_gives_the_same_bytes():
    frame = pd.DataFrame(drawn(80, count=3), columns=list("abc"))
    first, again, other = (pairwise(frame, resamples=199, seed=seed).p.to_numpy() for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_keeps_its_level_and_sees_a_difference(kind):
    rng, rejected, seen = np.random.default_rng(3), 0, 0
    for seed in range(120):
        shared = rng.standard_normal(120)
        a, b = 0.1 + shared + 0.5 * rng.standard_normal((2, 120))
        rejected += difference(a, b, kind, seed=seed).p <= 0.05
        seen += difference(1.5 * a if kind == "variance" else a + 0.3, b, kind, seed=seed).p <= 0.05
    assert 1 <= rejected <= 15  # 6 are expected; beyond this is 1 in 400
    assert seen > 112


@pytest.mark.parametrize("way", WAYS)
def test_a_series_and_its_multiple(way):
    a = drawn(60)[:, 0]
    for kind in KINDS:
        same = difference(a, a.copy(), kind, way)
        assert (same.estimate, same.standard_error, same.p) == (0, 0, 1)
        assert "do not differ" in same.sentence
    assert difference(a, 2 * a, "sharpe", way).p == 1
    doubled = difference(a, 2 * a, "variance", way)
    assert doubled.estimate == pytest.approx(-np.log(4))
    assert doubled.standard_error == 0
    assert doubled.p == (pytest.approx(1 / 500) if way == "bootstrap" else 0)


@pytest.mark.parametrize("way", WAYS)
def test_gaps_are_left_out_pair_by_pair(way):
    values = drawn(100, count=4)
    values[10:25, 0], values[20:40, 1] = np.nan, np.nan
    values[:, 3] = 0.001
    frame = pd.DataFrame(values, columns=["A", "B", "C", "CASH"], index=pd.bdate_range("2020-01-01", periods=100))
    found = pairwise(frame, "variance", way, resamples=99)
    for one, other in combinations("ABC", 2):
        both = frame[[one, other]].dropna()
        alone = difference(both[one].to_numpy(), both[other].to_numpy(), "variance", way, resamples=99)
        assert found.p.loc[one, other] == pytest.approx(alone.p)
        assert found.periods.loc[one, other] == len(both)
    assert found.p["CASH"].isna().all()
    assert found.n_pairs == 3
    assert "A has no return in 15 of 100 periods; its comparisons leave them out." in found.notes
    assert "CASH never varies, so it is compared with nothing." in found.notes
    assert "cannot be compared" in found.sentence("A", "CASH")
    assert found.pairs()["p"].isna().sum() == 3


def test_pairs_without_enough_in_common_are_named():
    values = drawn(60, count=3)
    values[:25, 0], values[35:, 1] = np.nan, np.nan  # ten in common
    found = pairwise(pd.DataFrame(values, columns=["OLD", "NEW", "LONG"]))
    assert "OLD and NEW have 10 periods in common, too few for a test." in found.notes
    assert found.p.notna().loc["LONG"].tolist() == [True, True, False]
    values[:35, 2] = 0.01  # where NEW has returns
    still = pairwise(pd.DataFrame(values[:, 1:], columns=["NEW", "LONG"]))
    assert "NEW and LONG have 35 periods in common, in which one of them never varies." in still.notes


def test_series_are_joined_by_their_dates():
    dates = pd.bdate_range("2020-01-01", periods=90)
    frame = pd.DataFrame(drawn(90), index=dates, columns=["A", "B"])
    shifted = difference(frame["A"].iloc[:70], frame["B"].iloc[20:])
    assert (shifted.first, shifted.second, shifted.periods) == ("A", "B", 50)
    assert shifted.p == difference(frame["A"].iloc[20:70], frame["B"].iloc[20:70]).p


def exact(sd, mean, names):
    """Return 200 uncorrelated daily returns with exactly these annualised spreads and Sharpe ratios."""
    noise = np.random.default_rng(1).standard_normal((200, len(sd)))
    noise = np.linalg.qr(noise - noise.mean(axis=0))[0] * np.sqrt(200)
    return pd.DataFrame((noise * sd + np.multiply(mean, sd) / np.sqrt(252)) / np.sqrt(252), columns=names)


def test_sentences_say_who_by_how_much_and_whether_it_is_chance():
    frame = exact([0.12, 0.1201, 0.24], [1.0, 0.9, 0.8], ["MTP2", "LW", "1/N"])
    found = pairwise(frame, "variance")
    told = found.sentence("MTP2", "1/N")
    assert told.startswith("The variance of MTP2 is 75.0% lower than that of 1/N (SD 12.00% against 24.00% a year; p")
    assert told.endswith("over 3 pairs): more than chance, even as one of 3 comparisons.")
    assert found.sentence("1/N", "MTP2").startswith("The variance of 1/N is 300.0% higher than that of MTP2")
    assert found.sentence("LW", "MTP2").endswith("no evidence of a difference.")
    assert found.pairs()[["better", "worse"]].values.tolist()[-1] == ["MTP2", "LW"]
    sharpe = pairwise(frame, "sharpe")
    assert sharpe.sentence("MTP2", "LW").startswith("The Sharpe ratio of MTP2 is higher than that of LW (1.00 against 0.90 a year; p")
    assert set(sharpe.pairs()["worse"]) == {"LW", "1/N"}


def test_enough_resamples_for_the_correction_of_many_pairs():
    frame = pd.DataFrame(drawn(286, count=12) * np.linspace(1, 4, 12), columns=[f"E{i}" for i in range(12)])
    found = pairwise(frame)
    assert found.n_pairs == 66
    assert found.holm.min(axis=None) <= 0.05
    assert not found.notes
    few = pairwise(frame, resamples=499)
    assert few.holm.min(axis=None) > 0.05
    assert few.notes == ("With 499 resamples no difference among 66 pairs can pass Holm's correction; it takes at least 1319.",)


def test_blocks_grow_with_the_root_of_the_periods():
    assert [default_block(n) for n in (20, 120, 286, 5000)] == [4, 10, 15, 64]


@pytest.mark.parametrize(
    ("change", "message", "fix"),
    [
        (lambda frame: frame.iloc[:19], "19 common periods are too few", "at least 20"),
        (lambda frame: frame[["A"]], "needs two return series", "two or more"),
        (lambda frame: frame.set_axis(["A", "A"], axis=1), "called A", "Rename"),
        (lambda frame: frame.replace(frame.iloc[3, 0], np.inf), "The return of A at 3 is infinite", "Correct it"),
    ],
)
def test_what_cannot_be_compared_is_said(change, message, fix):
    with pytest.raises(UserError, match=message) as caught:
        pairwise(change(pd.DataFrame(drawn(60), columns=["A", "B"])))
    assert fix in caught.value.fix


def test_blocks_and_lengths_that_do_not_fit_are_said():
    a, b = drawn(60).T
    with pytest.raises(UserError, match=r"A block of 21 periods does not fit\..*from 1 to 12"):
        difference(a, b, block=21)
    with pytest.raises(UserError, match="60 and 50 returns"):
        difference(a, b[:50])
    with pytest.raises(UserError, match="19 common periods"):
        difference(np.where(np.arange(60) < 41, np.nan, a), b)
