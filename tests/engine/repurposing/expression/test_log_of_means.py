"""The published recipe is followed bit for bit: logs of means, genes weak in every arm dropped, and the scan that is not monotone."""

import numpy as np
import pandas as pd
import pytest

from engine.repurposing.expression.log_of_means import arms, largest, scan

GROUPS = {"infected": ["i1", "i2", "i3"], "mock": ["m1", "m2", "m3"]}


def table(seed, genes=60):
    rng = np.random.default_rng(seed)
    logs = np.abs(rng.normal(1.5, 2.0, (genes, 1)) + rng.normal(0, 0.5, (genes, 6)))
    frame = pd.DataFrame(logs, index=[f"G{i}" for i in range(genes)], columns=[*GROUPS["infected"], *GROUPS["mock"]])
    frame.iloc[3, 1], frame.iloc[5, 4] = np.nan, np.inf
    return frame


def test_the_log_of_means_step_by_step():
    frame = table(0)
    found = arms(frame, GROUPS, is_log2=True)
    expected = {}
    for gene, row in frame.iterrows():
        if not np.isfinite(row.to_numpy()).all():
            continue
        treated, control = (2 ** row[GROUPS["infected"]] - 1).mean(), (2 ** row[GROUPS["mock"]] - 1).mean()
        if np.log2(1 + treated) < 1 and np.log2(1 + control) < 1:
            continue
        expected[gene] = np.log2(1 + treated) - np.log2(1 + control)
    assert found.genes.tolist() == list(expected)
    assert found.change("infected", "mock") == pytest.approx(np.array(list(expected.values())), rel=0, abs=1e-15)
    assert not {"G3", "G5"} & set(expected)


def test_it_is_no_mean_of_logs():
    frame = pd.DataFrame([[0.0, 0.0, 6.0, 2.0, 2.0, 2.0]], index=["A"], columns=table(0).columns)
    change = arms(frame, GROUPS, is_log2=True).change("infected", "mock")[0]
    assert change == pytest.approx(np.log2(1 + 21) - 2)


def test_logged_and_plain_tables_agree():
    frame = table(0)
    logged, plain = arms(frame, GROUPS, is_log2=True), arms(2**frame - 1, GROUPS, is_log2=False)
    assert logged.genes.tolist() == plain.genes.tolist()
    assert logged.change("infected", "mock") == pytest.approx(plain.change("infected", "mock"), abs=1e-12)


def test_a_gene_stays_when_one_arm_of_any_comparison_expresses_it():
    frame = pd.DataFrame({"a": [0.5, 0.5, 3.0], "b": [0.9, 0.9, 0.1], "c": [0.0, 1.0, 0.0]}, index=["WEAK", "EDGE", "STRONG"])
    assert arms(frame, {"x": ["a"], "y": ["b"], "z": ["c"]}, is_log2=True).genes.tolist() == ["EDGE", "STRONG"]
    assert arms(frame, {"x": ["a"], "y": ["b"]}, is_log2=True).genes.tolist() == ["STRONG"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [1, 40, 90])
def test_the_scan_against_sets(seed, count):
    rng = np.random.default_rng(seed)
    a, b, c = rng.laplace(0, 0.05, (3, 300))
    a[:10], b[:10] = 0.05, 0.05  # ties between comparisons, on a step of the scan
    steps = np.arange(0, np.abs([a, b, c]).max(), 0.001)
    numbers = []
    for t in steps:
        sets = [{i for i in range(300) if abs(x[i]) > t} for x in (a, b, c)]
        numbers.append(len(sets[0] - (sets[1] | sets[2])))
    good = [k for k, number in enumerate(numbers) if number >= count]
    chosen, t = scan(a, (b, c), count)
    assert t == (steps[good[-1]] if good else 0.0)
    assert chosen.tolist() == [bool(abs(x) > t and abs(y) <= t and abs(z) <= t) for x, y, z in zip(a, b, c, strict=True)]


def test_the_count_is_not_monotone_and_the_largest_threshold_is_taken():
    own, other = np.array([3.0, 3.0, 0.4, 0.4]), np.array([2.0, 2.0, 0.0, 0.0])
    chosen, t = scan(own, (other,), 2)
    assert t == pytest.approx(2.999)  # at 0.4 to 2 nobody is left; below 0.4 two, and again two from 2 on
    assert chosen.tolist() == [True, True, False, False]


def test_too_few_everywhere_gives_all_that_there_are():
    chosen, t = scan(np.array([1.0, 0.0, 2.0]), (), 5)
    assert (chosen.tolist(), t) == ([True, False, True], 0.0)


def test_the_largest_changes_whatever_their_sign():
    assert largest(np.array([0.1, -3.0, 2.0, -0.2]), 2).tolist() == [False, True, True, False]
    assert largest(np.array([1.0, -1.0, 1.0]), 2).tolist() == [True, True, False]
