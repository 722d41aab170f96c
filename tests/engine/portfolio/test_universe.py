"""A window takes the assets that its rules allow, knows nothing of what follows, and sells what vanishes: against a slow plain version."""

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.data import sample
from engine.portfolio.market import Market, market_of
from engine.portfolio.universe import Rules, select

RULES = [
    Rules(),
    Rules(prune=None, zero_share=None),
    Rules(most=4, prune=0.6),
    Rules(most=3, gap=0),
    Rules(zero_share=0.1, prune=0.8, gap=5),
]


def market(values, first="2010-01-01"):
    values = np.asarray(values, dtype=float)
    names = [f"S{j:02d}" for j in range(values.shape[1])]
    return Market(pd.DataFrame(values, pd.bdate_range(first, periods=len(values)), names), None, None, None, 252, ())


def broken(seed, rows=90, n=14):
    """Draw returns with late listings, ends, gaps, still days, constants and near copies, at random places."""
    rng = np.random.default_rng(seed)
    values = 0.01 * rng.standard_normal((rows, n)) + 0.008 * rng.standard_normal((rows, 1))
    for j in range(n):
        trouble = rng.integers(8)
        place = int(rng.integers(rows))
        if trouble == 0:
            values[:place, j] = np.nan
        elif trouble == 1:
            values[place:, j] = np.nan
        elif trouble == 2:
            values[place : place + rng.integers(1, 8), j] = np.nan
        elif trouble == 3:
            values[rng.random(rows) < rng.choice([0.05, 0.2, 0.4]), j] = 0.0
        elif trouble == 4:
            values[:, j] = rng.choice([0.0, 0.0001])
        elif trouble == 5 and j:
            values[:, j] = values[:, 0] + 0.001 * rng.standard_normal(rows)
        elif trouble == 6:
            values[rng.random(rows) < 0.1, j] = np.nan
    return values


def run_of_gaps(column, row):
    count = 0
    while row >= 0 and np.isnan(column[row]):
        count, row = count + 1, row - 1
    return count


def plainly(values, start, stop, hold_stop, rules):
    """The rules as sentences, one asset at a time."""
    able = []
    for j in range(values.shape[1]):
        column, window = values[:, j], values[start:stop, j]
        if np.isnan(window[-1]):
            continue
        if any(run_of_gaps(column, t) > rules.gap for t in range(start, stop)):
            continue
        seen = window[~np.isnan(window)]
        if seen.max() - seen.min() <= 1e-9 * np.abs(seen).max():
            continue
        if rules.zero_share is not None and np.mean(np.nan_to_num(window) == 0) > rules.zero_share:
            continue
        able.append(j)
    taken = []
    for j in able:
        if rules.most is not None and len(taken) == rules.most:
            break
        filled = np.nan_to_num(values[start:stop, j])
        alike = [
            i for i in taken if rules.prune is not None and np.corrcoef(np.nan_to_num(values[start:stop, i]), filled)[0, 1] > rules.prune
        ]
        if not alike:
            taken.append(j)
    held, sold = np.zeros((hold_stop - stop, len(taken))), {}
    for k, j in enumerate(taken):
        t = stop
        while t < hold_stop:
            if not np.isnan(values[t, j]):
                held[t - stop, k] = values[t, j]
                t += 1
                continue
            end = t
            while end < hold_stop and np.isnan(values[end, j]):
                end += 1
            if end == hold_stop or end - t > rules.gap:
                sold[f"S{j:02d}"] = t - 1
                break
            t = end
    return taken, held, sold


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("seed", range(12))
def test_selection_is_that_of_the_plain_version(seed, rules):
    values = broken(seed)
    traded = market(values)
    for start, stop, hold_stop in [(0, 30, 40), (10, 40, 61), (35, 65, 90), (60, 90, 90), (0, 2, 3)]:
        found = select(traded, start, stop, hold_stop, rules)
        taken, held, sold = plainly(values, start, stop, hold_stop, rules)
        assert found.columns.tolist() == taken
        assert np.array_equal(found.held, held) and found.vanishing == sold
        window = values[start:stop, taken]
        assert np.array_equal(found.values, np.nan_to_num(window)) and found.filled == np.isnan(window).sum()
        if len(taken) > 1:
            assert np.allclose(found.correlation, np.corrcoef(found.values.T), atol=1e-12)
        assert (np.diag(found.correlation) == 1).all() and len(found.correlation) == len(taken)
        left = [name for names in found.excluded.values() for name in names]
        assert sorted(left + [traded.assets[j] for j in taken]) == list(traded.assets), "every asset is taken or left out for one reason"
        assert len(found.sentences()) >= len(found.excluded)


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_the_choice_knows_nothing_of_what_follows(seed, rules):
    values = broken(seed)
    other = values.copy()
    other[50:] = np.where(np.random.default_rng(seed).random((40, 14)) < 0.5, np.nan, 1.0)
    for start in (0, 20):
        one, two = select(market(values), start, 50, 70, rules), select(market(other), start, 50, 70, rules)
        assert np.array_equal(one.columns, two.columns) and np.array_equal(one.values, two.values)
        assert one.excluded == two.excluded and np.array_equal(one.correlation, two.correlation)


def test_a_constant_asset_is_named_with_its_dates():
    traded = market_of(sample("stocks"))
    found = select(traded, 0, 63, 84)
    assert found.excluded == {"constant": ("RRC",)}
    assert found.sentences()[0] == "RRC has no price change between 1990-01-03 and 1990-04-02: excluded from that window."


def noise(rows=60, n=5, seed=0):
    return 0.01 * np.random.default_rng(seed).standard_normal((rows, n))


def reasons(values, start=20, stop=50, hold_stop=60, **rules):
    return select(market(values), start, stop, hold_stop, Rules(**rules))


@pytest.mark.parametrize(
    ("place", "value", "reason", "words"),
    [
        (slice(None, 25), np.nan, "late", "S01 is listed only after 2010-01-29"),
        (slice(30, 34), np.nan, "gap", "S01 has a gap of more than 3 rows between 2010-01-29 and 2010-03-11"),
        (slice(48, 60), np.nan, "absent", "S01 does not trade on 2010-03-11, the day of the decision"),
        (slice(20, 50), 0.0, "constant", "S01 has no price change between"),
        (slice(30, 41), 0.0, "still", "S01 stays unchanged in more than 25% of the rows"),
    ],
)
def test_each_reason_says_what_happened(place, value, reason, words):
    values = noise()
    values[place, 1] = value
    found = reasons(values)
    assert found.excluded == {reason: ("S01",)} and found.sentences()[0].startswith(words)


def test_of_twins_the_first_stays_and_both_are_named():
    values = noise()
    values[:, 3] = values[:, 1] + 1e-5 * values[:, 0]
    found = reasons(values)
    assert found.excluded == {"twin": ("S03",)} and found.twins == {"S03": "S01"}
    assert found.sentences()[0] == "S03 moves with an earlier asset (correlation above 0.95): excluded from that window."
    assert len(reasons(values, prune=None).columns) == 5


def test_most_takes_the_next_in_place_of_a_twin():
    values = noise(n=6)
    values[:, 1] = values[:, 0]
    found = reasons(values, most=3)
    assert found.columns.tolist() == [0, 2, 3] and found.excluded == {"smaller": ("S04", "S05"), "twin": ("S01",)}


def test_a_short_gap_is_filled_and_counted_in_both_windows():
    values = noise()
    values[30:33, 1] = np.nan
    values[52:54, 2] = np.nan
    found = reasons(values)
    assert (found.filled, found.held_filled) == (3, 2) and len(found.columns) == 5 and not found.vanishing
    assert found.sentences() == ("In gaps of at most 3 rows 3 cells of the window and 2 while held count as returns of 0.",)


@pytest.mark.parametrize(("gone", "row"), [(slice(50, 60), 49), (slice(53, 60), 52), (slice(59, 60), 58), (slice(52, 57), 51)])
def test_an_asset_that_vanishes_while_held_is_sold_at_its_last_price(gone, row):
    """Its money rests from then on, also where it comes back after a long gap."""
    values = noise()
    before = values.copy()
    values[gone, 1] = np.nan
    found = reasons(values)
    assert found.vanishing == {"S01": row} and found.held_filled == 0
    expected = before[50:60, 1].copy()
    expected[row + 1 - 50 :] = 0.0
    assert np.array_equal(found.held[:, 1], expected)
    assert found.sentences() == ("S01 vanishes and is sold at its last price; the money rests until the next rebalance.",)


def test_money_in_an_asset_that_pauses_grows_as_its_price():
    prices = 50 * np.cumprod(1 + noise(), axis=0)
    prices[53:56, 0] = np.nan
    from engine.core import Dataset

    traded = market_of(Dataset(pd.DataFrame(prices, pd.bdate_range("2010-01-01", periods=60), list("ABCDE")), "p", "prices"))
    found = select(traded, 10, 49, 59)  # one row less than there are prices
    assert np.isclose(np.prod(1 + found.held[:, 0]), prices[59, 0] / prices[49, 0]) and found.held_filled == 3


def test_nothing_to_take_is_an_empty_selection():
    found = reasons(np.zeros((60, 3)))
    assert found.columns.size == 0 and found.values.shape == (30, 0) and found.held.shape == (10, 0) and found.correlation.shape == (0, 0)


@pytest.mark.parametrize("rows", [(10, 11, 20), (-1, 20, 30), (0, 30, 20), (0, 50, 61)])
def test_impossible_windows_are_refused(rows):
    with pytest.raises(UserError, match="no window"):
        select(market(noise()), *rows)
