"""Affinities of any unit come out as -log10 M, and numbers whose unit nobody states are never guessed in silence (pitfall 16)."""

import math

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.repurposing.drug_table import read_targets
from engine.repurposing.drug_table.affinity import EXPONENTS, as_negative_log, unit_named, unit_of_header

MOLAR = {"M": 1.0, "mM": 1e-3, "uM": 1e-6, "nM": 1e-9, "pM": 1e-12, "fM": 1e-15}


def table(values, **columns):
    n = len(values)
    return pd.DataFrame({"drug": [f"d{i}" for i in range(n)], "gene": [f"G{i}" for i in range(n)], "affinity": values, **columns})


@pytest.mark.parametrize("unit", EXPONENTS)
@pytest.mark.parametrize("value", [0.05, 1.0, 370.0])
def test_conversion_is_minus_log10_of_the_molar_concentration(unit, value):
    found = as_negative_log(pd.Series([value]), pd.Series([unit]))
    assert found[0] == pytest.approx(-math.log10(value * MOLAR[unit]))


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("nM", "nM"), ("NM", "nM"), ("nm", "nM"), ("µM", "uM"), ("μM", "uM"), ("uM", "uM"), ("micromolar", "uM"), ("mM", "mM"), ("M", "M"),
        ("pM", "pM"), ("-log10 M", "-log10 M"), ("pKi", "-log10 M"), ("pChEMBL", "-log10 M"), ("-log(M)", "-log10 M"), ("%", None),
        ("ug.mL-1", None),
    ],
)  # fmt: skip
def test_units_as_people_write_them(text, unit):
    assert unit_named(text) == unit


@pytest.mark.parametrize(
    ("header", "unit"),
    [("Ki (nM)", "nM"), ("ic50_um", "uM"), ("pIC50", "-log10 M"), ("pchembl value", "-log10 M"), ("affinity", None), ("number", None)],
)
def test_units_in_the_name_of_a_column(header, unit):
    assert unit_of_header(header) == unit


def test_each_row_is_converted_by_its_own_unit():
    frame = table([7.0, 100.0, 0.1, np.nan], unit=["-log10 M", "nM", "µM", "nM"])
    assert read_targets(frame).table["affinity"].tolist() == pytest.approx([7.0, 7.0, 7.0, np.nan], nan_ok=True)


def test_rows_without_a_unit_among_rows_with_one_are_said():
    read = read_targets(table([100.0, 6.5], unit=["nM", None]))
    assert read.table["affinity"].tolist() == pytest.approx([7.0, 6.5])
    assert any("Without a unit: 1 row." in sentence for sentence in read.sentences)
    with pytest.raises(UserError, match="cannot be -log10 M, the first in row 2: 300"):
        read_targets(table([100.0, 300.0], unit=["nM", None]))


def test_values_above_15_are_asked_for():
    frame = table([7.0, 250.0, 6.0])
    with pytest.raises(UserError, match=r"1 of 3 affinities.*first in row 2: 250.*Add a column unit"):
        read_targets(frame)
    mixed = read_targets(frame, unit="mixed")
    assert mixed.table["affinity"].tolist() == pytest.approx([7.0, 9 - math.log10(250), 6.0])
    assert any("above 15 (1) were taken as nM" in sentence for sentence in mixed.sentences)


def test_values_below_2_are_asked_for_and_a_named_unit_is_followed():
    frame = table([0.03, 1.2])
    with pytest.raises(UserError, match="cannot be -log10 M"):
        read_targets(frame)
    assert read_targets(frame, unit="uM").table["affinity"].tolist() == pytest.approx([6 - math.log10(0.03), 6 - math.log10(1.2)])


def test_a_plain_column_that_may_be_negative_logs_is_taken_so_and_said():
    read = read_targets(table([5.5, 9.1]))
    assert read.table["affinity"].tolist() == [5.5, 9.1]
    assert any("taken as -log10 M" in sentence for sentence in read.sentences)


def test_an_unknown_unit_is_refused():
    with pytest.raises(UserError, match="'ppm' is no unit"):
        read_targets(table([5.5]), unit="ppm")
