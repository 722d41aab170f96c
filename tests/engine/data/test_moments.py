"""Correlations of a Parquet file are taken in one pass, in parts that fit into memory, and what is left out is said."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from engine.core import UserError
from engine.core.recipe import data_recipe
from engine.data import inspect_file, moments, read, replay, safety

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.standard_normal((1000, 4)) @ RNG.standard_normal((4, 4)), columns=["A", "B", "C", "D"])


def parquet(frame, **options):
    out = io.BytesIO()
    frame.to_parquet(out, index=False, **options)
    return out.getvalue()


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(moments, "BATCH_CELLS", 300)


@pytest.fixture
def path(tmp_path):
    def write(frame, **options):
        frame.to_parquet(tmp_path / "big.parquet", index=False, **options)
        return tmp_path / "big.parquet"

    return write


def codes(report):
    return [finding.code for finding in report.findings]


def message(report, code):
    return next(finding.message for finding in report.findings if finding.code == code)


@pytest.mark.parametrize("rows", [1000, 130, 7])
def test_correlations_are_those_of_the_whole_table(path, small_batches, rows):
    found = read(path(FRAME, row_group_size=rows), correlations=True)
    assert found.kind == "correlation" and found.n_samples == 1000 and found.columns == ("A", "B", "C", "D")
    assert found.frame.to_numpy() == pytest.approx(FRAME.corr().to_numpy(), abs=1e-9)


def test_digest_does_not_depend_on_the_parts(path, monkeypatch):
    whole = read(path(FRAME), correlations=True).digest
    monkeypatch.setattr(moments, "BATCH_CELLS", 52)
    assert read(path(FRAME, row_group_size=90), correlations=True).digest == whole


def test_large_means_cost_no_digits(small_batches):
    found = read(parquet(FRAME * 1e-3 + 1e6), filename="t.parquet", correlations=True)
    assert found.frame.to_numpy() == pytest.approx(FRAME.corr().to_numpy(), abs=1e-6)


def test_no_more_than_one_part_is_ever_read(path, small_batches, monkeypatch):
    seen = []
    add = moments.Moments.add
    monkeypatch.setattr(moments.Moments, "add", lambda self, values, group="": (seen.append(values.size), add(self, values, group)))
    read(path(FRAME), correlations=True)
    assert max(seen) <= 300 and sum(seen) == 4000


def test_rows_with_gaps_are_counted_and_left_out(small_batches):
    frame = FRAME.copy()
    frame.loc[frame.index[::10], "B"] = np.nan
    frame.loc[frame.index[5], "C"] = np.inf
    report = inspect_file(parquet(frame), "t.parquet", correlations=True)
    complete = frame[np.isfinite(frame).all(axis=1)]
    assert report.dataset.n_samples == len(complete) == 899
    assert report.dataset.frame.to_numpy() == pytest.approx(complete.corr().to_numpy(), abs=1e-9)
    assert message(report, "gaps") == "101 of 1,000 rows have missing or infinite values and were left out (most in B: 100)."
    assert report.dataset.source == "t.parquet: 899 complete rows of 1,000"


def test_columns_that_cannot_be_correlated_are_left_out_and_named():
    frame = FRAME.assign(still=0.1, kind="x", when=pd.Timestamp("2020-01-01"), flag=FRAME.A > 0, whole=RNG.integers(9, size=1000))
    report = inspect_file(parquet(frame), "t.parquet", correlations=True)
    assert report.dataset.columns == ("A", "B", "C", "D", "flag", "whole")
    assert "still never varies" in message(report, "constant")
    assert "kind and when are not numeric" in message(report, "text-columns")
    assert "Gaussian test" in message(report, "correlations")


def test_correlations_within_regimes_ignore_their_means(small_batches):
    regime = np.where(np.arange(1000) % 3, "obs", "knock-out")
    shifted = FRAME + np.where(regime == "obs", 0, 50)[:, None]
    report = inspect_file(parquet(shifted.assign(regime=regime)), "t.parquet", correlations=True, regime_column="regime")
    inside = shifted - shifted.groupby(regime).transform("mean")
    assert report.dataset.frame.to_numpy() == pytest.approx(inside.corr().to_numpy(), abs=1e-9)
    assert report.dataset.n_samples == 999 and "within the 2 values of regime" in message(report, "correlations")
    assert abs(shifted.corr().to_numpy() - inside.corr().to_numpy()).max() > 0.3


def test_the_recipe_makes_it_again(path):
    found = read(path(FRAME), correlations=True)
    assert data_recipe(found)[0].endswith("correlations=True)")
    assert replay(found.steps).digest == found.digest


def test_a_graph_is_learned_from_it(path):
    found = engine.run("pc", read(path(FRAME), correlations=True), alpha=0.01)
    assert found.graph == engine.run("pc", FRAME, alpha=0.01, test="gaussian").graph


def test_one_click_from_a_file_with_too_many_cells():
    report = inspect_file(parquet(FRAME), "t.parquet", max_cells=100)
    assert codes(report) == ["too-many-cells"]
    offer = report.findings[0].repairs[1]
    assert offer.label == "Keep only the correlations"
    assert inspect_file(parquet(FRAME), "t.parquet", max_cells=100, **offer.arguments).dataset.kind == "correlation"
    assert len(inspect_file(b"a,b\n1,2\n" * 99, "t.csv", max_cells=3).findings[0].repairs) == 1


def test_a_file_too_large_to_open_is_read_in_parts(path, monkeypatch):
    file = path(FRAME)
    monkeypatch.setattr(safety, "MAX_FILE", 100)
    with pytest.raises(UserError, match=r"Keep only the correlations \(correlations=True\)"):
        read(file)
    assert read(file, correlations=True).n_samples == 1000


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"a,b\n1,2\n", "t.csv", "file-type"),
        (b"PAR1 and nothing else", "t.parquet", "damaged"),
        (parquet(FRAME[:3]), "t.parquet", "few-rows"),
        (parquet(FRAME.astype(str)), "t.parquet", "one-column"),
        (parquet(FRAME[:0]), "t.parquet", "few-rows"),
        (parquet(FRAME * np.nan), "t.parquet", "few-rows"),
    ],
)
def test_what_cannot_be_read_is_said(content, name, code):
    assert codes(inspect_file(content, name, correlations=True)) == [code]


def test_a_missing_regime_column_and_a_repeated_name():
    assert codes(inspect_file(parquet(FRAME), "t.parquet", correlations=True, regime_column="Z")) == ["regime-column"]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1.0] * 9), pa.array([2.0] * 9)], names=["A", "A"]), out)
    assert codes(inspect_file(out.getvalue(), "t.parquet", correlations=True)) == ["duplicate-columns"]


def test_row_groups_that_open_too_far_are_refused(monkeypatch):
    monkeypatch.setattr(moments, "MAX_OPENED", 1000)
    assert codes(inspect_file(parquet(FRAME), "t.parquet", correlations=True)) == ["file-archive"]
