"""Weights within limits keep each to rounding, and none within them has less variance; where there are none, what is told is enough."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from engine.core import UserError
from engine.portfolio.constrained import constrained
from engine.portfolio.infeasible import loosenings, no_weights
from engine.portfolio.limits import Limits
from engine.portfolio.long_only import long_only_minimum_variance
from engine.portfolio.weights import markowitz, minimum_variance
from tests.engine.portfolio.test_long_only import KINDS, drawn


def least_of_linear(slope, region):
    """Return min slope'x over the region, from its definition and not from the code under test; None where it is empty."""
    n = len(slope)
    previous = np.zeros(n) if region.previous is None else region.previous
    one, none = np.eye(n), np.zeros((n, n))  # x, then |x - previous|, then |x|
    rows = [np.hstack([one, -one, none]), np.hstack([-one, -one, none]), np.hstack([one, none, -one]), np.hstack([-one, none, -one])]
    bounds = [previous, -previous, np.zeros(n), np.zeros(n)]
    for part, limit in ((1, region.turnover), (2, region.gross)):
        if limit is not None:
            rows.append(np.repeat(np.arange(3) == part, n)[None].astype(float))
            bounds.append([limit])
    rows.append(np.hstack([region.rows, np.zeros((len(region.rows), 2 * n))]))
    bounds.append(region.bounds)
    equal, sums = [np.r_[np.ones(n), np.zeros(2 * n)]], [1.0]
    if region.target is not None:
        equal.append(np.r_[region.expected, np.zeros(2 * n)] * 1e3)
        sums.append(region.target * 1e3)
    scale = np.abs(slope).max() or 1.0
    box = [*zip(region.lower, region.upper, strict=True), *[(0, None)] * (2 * n)]
    found = linprog(np.r_[slope / scale, np.zeros(2 * n)], np.vstack(rows), np.concatenate(bounds), equal, sums, bounds=box)
    return None if found.status == 2 else found.fun * scale


def assert_optimal(covariance, region, weights):
    """No weights x of the region have less variance: x'Sx >= 2 x'Sw - w'Sw."""
    assert region.violation(weights) <= 1e-12
    slope, variance = 2 * covariance @ weights, weights @ covariance @ weights
    assert slope @ weights - least_of_linear(slope, region) <= 1e-8 * variance


def case(seed):
    """Draw a covariance, limits of all kinds, and what goes with them."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([3, 8, 20, 40]))
    covariance = drawn(rng.choice(["factor", "diagonal", "many rows", "few rows"]), n, seed) * 10.0 ** rng.integers(-4, 5)
    is_long, asked = rng.random() < 0.4, {}
    for name, share, values in (
        ("upper", 0.5, [1.5 / n, 3 / n, 0.5]),
        ("lower", 0.3, [-0.05, -0.2, 0.2 / n]),
        ("group_upper", 0.4, [0.4, 0.5, 0.7]),
        ("group_lower", 0.3, [{"a": 0.2}, {"a": 0.1, "b": 0.4}]),
        ("turnover", 0.5, [0.1, 0.4, 1.0]),
        ("gross", 0.3, [1.0, 1.2, 1.8]),
    ):
        if rng.random() < share:
            asked[name] = rng.choice(values)
    held = rng.dirichlet(np.ones(n)) * rng.uniform(0.9, 1.1, n)
    given = {"groups": [*"abc", *rng.choice([*"abc", None], n - 3)], "previous": held}
    if rng.random() < 0.4:
        expected = rng.normal(5e-4, 5e-4, n)
        given |= {"expected": expected, "target": float(np.quantile(expected, 0.7))}
    return covariance, Limits(long_only=is_long, **asked), given


def loosened(region, kind, by):
    if kind in ("upper", "lower"):
        return replace(region, **{kind: getattr(region, kind) + (by if kind == "upper" else -by)})
    if kind in ("group_upper", "group_lower"):
        those = region.rows.max(axis=1) > 0 if kind == "group_upper" else region.rows.min(axis=1) < 0
        return replace(region, bounds=region.bounds + by * those)
    return replace(region, **{kind: getattr(region, kind) + by})


def is_empty(region):
    return least_of_linear(np.zeros(len(region.lower)), region) is None


@pytest.mark.parametrize("seed", range(60))
def test_weights_are_optimal_or_what_is_told_to_be_enough_is_enough_and_no_more(seed):
    covariance, limits, given = case(seed)
    region = limits.region(len(covariance), **given)
    if not is_empty(region):
        found = constrained(covariance, limits, **given)
        assert found.is_exact
        assert_optimal(covariance, region, found.weights)
        return
    with pytest.raises(UserError) as error:
        constrained(covariance, limits, **given)
    enough = loosenings(region)
    assert bool(enough) == ("Allow" in error.value.fix)
    for kind, by in enough.items():
        assert not is_empty(loosened(region, kind, by * (1 + 1e-6))), kind
        assert is_empty(loosened(region, kind, by * 0.999)), kind


def test_the_cases_hold_weights_and_hold_none():
    cases = [case(seed) for seed in range(60)]
    empty = sum(is_empty(limits.region(len(covariance), **given)) for covariance, limits, given in cases)
    assert 5 <= empty <= 40


@pytest.mark.parametrize("kind", KINDS)
def test_limits_that_do_not_bind_leave_the_closed_forms(kind):
    covariance = drawn(kind, 12, 1) + 1e-6 * np.eye(12)
    expected, precision = np.random.default_rng(0).normal(5e-4, 5e-4, 12), np.linalg.inv(covariance)
    wide = Limits(lower=-50, upper=50, turnover=1000, gross=1000, group_upper=900)
    given = {"previous": np.full(12, 1 / 12), "groups": [*"aabbccddeeff"]}
    found = constrained(covariance, wide, **given)
    assert found.weights == pytest.approx(minimum_variance(precision), abs=1e-9)
    assert found.binding == {}
    target = float(np.sort(expected)[-2:].mean())
    assert constrained(covariance, wide, expected=expected, target=target, **given).weights == pytest.approx(
        markowitz(precision, expected, target), abs=1e-9
    )
    assert constrained(covariance, Limits()).weights == pytest.approx(minimum_variance(precision), abs=1e-9)


def test_long_only_is_the_direct_method_and_agrees_with_the_programme():
    covariance = drawn("many rows", 40, 2)
    direct = constrained(covariance, Limits(long_only=True))
    assert (direct.weights == long_only_minimum_variance(covariance)).all()
    programme = constrained(covariance, Limits(long_only=True, group_upper=2.0), groups=["a"] * 40)
    assert programme.weights == pytest.approx(direct.weights, abs=1e-10)
    assert programme.binding == direct.binding
    assert [f"asset {i + 1}" for i in np.flatnonzero(direct.weights == 0)] == list(direct.binding["least weight"])


def test_turnover_counts_from_the_drifted_weights():
    covariance = drawn("many rows", 15, 4)
    before = constrained(drawn("many rows", 15, 5), Limits(long_only=True)).weights
    grown = before * (1 + np.random.default_rng(0).normal(0, 0.1, 15))
    drifted = grown / grown.sum()
    free = constrained(covariance, Limits(long_only=True)).weights
    need = np.abs(free - drifted).sum()
    for share in (0.0, 0.25, 0.9, 1.1):
        found = constrained(covariance, Limits(long_only=True, turnover=share * need), previous=drifted)
        assert np.abs(found.weights - drifted).sum() == pytest.approx(min(share, 1) * need, abs=1e-11)
        assert ("turnover" in found.binding) == (share < 1)
    assert constrained(covariance, Limits(long_only=True, turnover=0.0)).weights == pytest.approx(free), "the opening trade is free"


def test_groups_and_assets_at_their_limits_are_named():
    covariance = np.diag([1.0, 1.0, 1.0, 4.0, 4.0, 9.0])
    found = constrained(
        covariance, Limits(long_only=True, upper=0.3, group_upper={"tech": 0.5}, group_lower={"energy": 0.25}), names="ABCDEF",
        groups=["tech", "tech", "tech", "banks", "banks", "energy"],
    )  # fmt: skip
    assert found.weights == pytest.approx([1 / 6, 1 / 6, 1 / 6, 0.125, 0.125, 0.25], abs=1e-14)
    assert found.binding == {"group limit": ("tech", "energy")}
    assert found.facts == {"at group limit": 2.0, "exact": 1.0}
    found = constrained(covariance, Limits(long_only=True, upper=0.2), names="ABCDEF")
    assert found.binding == {"greatest weight": ("A", "B", "C")}
    assert found.weights[:3].tolist() == [0.2, 0.2, 0.2]


def test_an_asset_without_a_group_is_in_none():
    groups = ["x", "x", None, float("nan")]
    found = constrained(np.diag([1.0, 1.0, 9.0, 9.0]), Limits(group_upper=0.1), groups=groups)
    assert found.weights == pytest.approx([0.05, 0.05, 0.45, 0.45], abs=1e-13)


def test_answers_do_not_depend_on_what_was_solved_before():
    cases = [case(seed) for seed in range(20)]

    def answer(covariance, limits, given):
        try:
            return constrained(covariance, limits, **given).weights.tobytes()
        except UserError as error:
            return str(error)

    first = [answer(*each) for each in cases]
    assert [answer(*each) for each in reversed(cases)] == first[::-1]


def test_order_and_units_do_not_matter():
    covariance, n = drawn("many rows", 20, 6), 20
    limits = Limits(lower=-0.05, upper=0.15, gross=1.3, group_upper=0.4, turnover=0.8)
    groups, previous = np.array([*"abcd"] * 5), np.full(n, 0.05)
    weights = constrained(covariance, limits, groups=groups, previous=previous).weights
    order = np.random.default_rng(1).permutation(n)
    moved = constrained(covariance[np.ix_(order, order)] * 1e8, limits, groups=groups[order], previous=previous[order]).weights
    assert moved == pytest.approx(weights[order], abs=1e-10)


@pytest.mark.parametrize("n", [3, 20])
def test_a_region_of_one_point_is_found(n):
    covariance, expected, equal = drawn("many rows", n, 0), np.random.default_rng(n).normal(0, 1e-3, n), np.full(n, 1 / n)
    best = np.eye(n)[expected.argmax()]
    for limits, given, point in (
        (Limits(upper=1 / n), {}, equal),
        (Limits(lower=1 / n), {}, equal),
        (Limits(turnover=0.0), {"previous": equal}, equal),
        (Limits(long_only=True), {"expected": expected, "target": expected.max()}, best),
        (Limits(long_only=True, turnover=2 - 2 / n), {"previous": equal, "expected": expected, "target": expected.max()}, best),
    ):
        assert constrained(covariance, limits, **given).weights == pytest.approx(point, abs=1e-12)


def test_assets_that_hedge_each_other_are_on_scale():
    loads = np.array([1.0, -1.0, 0.5, -0.5, 0.8, -0.8])
    covariance = np.outer(loads, loads) + 1e-6 * np.diag([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    limits = Limits(long_only=True, upper=0.3)
    found = constrained(covariance, limits)
    assert_optimal(covariance, limits.region(6), found.weights)


def test_a_region_that_the_solver_missed_is_not_called_empty():
    limits = Limits(upper=0.25)
    assert "so little room" in no_weights(limits, limits.region(4)).message


GROUPS = {"groups": [*"aaabbbcccc"]}
HELD = {"previous": np.eye(10)[0]}
RISING = {"expected": np.arange(10) * 1e-4, "target": 8.8e-4}


@pytest.mark.parametrize(
    ("limits", "given", "message", "fix"),
    [
        (Limits(upper=0.05), {}, "10 assets with at most 5% each reach 50%, not 100%.", "Allow up to 10.0% per asset."),
        (Limits(lower=0.15), {}, "10 assets with at least 15% each take 150%, more than 100%.", "Allow weights down to 10.0%."),
        (Limits(group_upper=0.3), GROUPS, "all groups together reach 90%, not 100%", "Allow up to 33.4% per group."),
        (Limits(group_lower=0.4), GROUPS, "all groups must hold is 120% together", "Allow as little as 33.3% per group."),
        (
            Limits(upper=0.15, group_lower={"a": 0.5}), GROUPS, "Group a must hold at least 50%, but its 3 assets reach 45%.",
            "Allow up to 16.7% per asset, or every group with a lower limit 5.0% less.",
        ),
        (
            Limits(lower=0.08, group_upper={"c": 0.3}), GROUPS, "Group c may hold at most 30%, but its 4 assets take at least 32%.",
            "Allow weights down to 7.5%, or every group with an upper limit 2.0% more.",
        ),
        (
            Limits(upper=0.25, turnover=0.5), HELD, "take a turnover of at least 150.0%; 50% is allowed",
            "Allow up to 75.0% per asset, or a turnover of 150.0%.",
        ),
        (  # half in each of the last two; shorting 1.1% each of the first seven for the eighth adds 28 x 1.1% x 0.01%
            Limits(long_only=True, upper=0.5), RISING, "expected return is at most 0.0850% per period; the target is 0.0880%",
            "Allow up to 80.0% per asset, or short positions of up to 1.1% per asset, or a target of 0.0850% per period.",
        ),
        (  # a fifth in each of the last five; shorting the first for the fifth adds 0.008% at most
            Limits(upper=0.2, lower=-0.1, gross=1.0), RISING, "at most 0.0700%",
            "Allow up to 80.0% per asset, or a target of 0.0700% per period.",
        ),
        (Limits(upper=0.1, lower=0.0, gross=1.0), RISING | {"target": 0.0}, "at least 0.0450%", "or a target of 0.0450% per period."),
        (Limits(group_upper=0.3, gross=1.0), GROUPS | RISING | {"target": 0.01}, "reach 90%, not 100%", "loosen at least two"),
        (
            Limits(turnover=0.5), HELD | {"groups": None} | RISING | {"target": -1e-4, "expected": np.r_[1e-4, np.zeros(9)]},
            "at least 0.0075% per period; the target is -0.0100%", "Allow a turnover of 400.0%, or a target of 0.0075% per period.",
        ),
        (
            Limits(upper=0.5, gross=1.0), {"expected": np.r_[1e-3, np.zeros(9)], "target": 8e-4},
            "is at most 0.0500%", "Allow up to 80.0% per asset, or a target of 0.0500% per period.",
        ),
        (
            Limits(lower=-1.0, group_lower={"a": 1.5}, gross=1.5), GROUPS,
            "The other limits take a gross leverage of at least 2.00; 1.50 is allowed.",
            "Allow every group with a lower limit 25.0% less, or a gross leverage of 2.00.",
        ),
    ],
)  # fmt: skip
def test_the_error_says_which_limit_and_what_would_do(limits, given, message, fix):
    with pytest.raises(UserError) as error:
        constrained(np.diag(np.arange(1.0, 11)), limits, **given)
    assert message in error.value.message
    assert fix in error.value.fix


def test_limits_know_when_they_are_none():
    assert Limits().is_free
    assert not any(Limits(**asked).is_free for asked in (
        {"long_only": True}, {"lower": -1}, {"upper": 1}, {"group_upper": 1}, {"group_lower": {}}, {"turnover": 0}, {"gross": 2},
    ))  # fmt: skip
    assert Limits(long_only=True, gross=1.5).region(3).is_long_only_alone
    assert Limits(long_only=True, turnover=0.2).region(3).is_long_only_alone, "nothing was held before"
    assert not Limits(long_only=True, turnover=0.2).region(3, previous=np.ones(3) / 3).is_long_only_alone
    assert not Limits(long_only=True).region(3, expected=np.ones(3), target=1.0).is_long_only_alone
    assert not Limits(long_only=True, upper=0.5).region(3).is_long_only_alone


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limits(lower=0.3, upper=0.2), r"greatest weight \(20.0%\) is below the least"),
        (lambda: Limits(long_only=True, upper=-0.1), "below the least"),
        (lambda: Limits(gross=0.8), "at least 1"),
        (lambda: Limits(turnover=-0.1), "below zero"),
        (lambda: Limits(group_upper=0.5).region(3), "group of every asset"),
        (lambda: Limits(group_lower={"z": 0.1}).region(3, groups=[*"abc"]), "Group z must hold at least 10.0%, but none of the 3"),
        (lambda: Limits().region(3, target=0.1), "expected return of every asset"),
        (lambda: constrained(np.full((2, 2), np.nan), Limits(upper=0.9)), "not finite"),
        (lambda: constrained(np.array([[1.0, 3.0], [3.0, 1.0]]), Limits(upper=0.9)), "negative variance"),
    ],
)
def test_what_cannot_be_meant_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()
