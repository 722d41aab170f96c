"""A drug's signature is the mean of its profiles less that of the controls of their own plates, and what is thin is told."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Context, Profiles, UserError
from engine.repurposing.screens import readings as readings_module
from engine.repurposing.screens.design import design_of
from engine.repurposing.screens.drug_signatures import drug_signatures
from engine.repurposing.screens.representations import Linear, z_scores
from tests.engine.repurposing.screens.screened import genes, read, small_screen

DIFFERENCE = {"difference": Linear("difference")}


def by_hand(screen, drug, cell):
    """The profiles of a drug in a line less the mean control of their plate, one by one."""
    x, rows = screen.block().astype(float), screen.rows
    found = []
    for k in np.flatnonzero((rows["drug"] == drug) & (rows["cell"] == cell)):
        controls = rows["is_control"] & (rows["cell"] == cell)
        own = controls & (rows["plate"] == rows["plate"][k])
        found.append(x[k] - x[own if own.sum() >= 3 else controls].mean(axis=0))
    return np.array(found)


@pytest.mark.parametrize("block", [40, 1 << 20])
def test_signatures_and_agreement_are_those_by_hand(block, monkeypatch):
    monkeypatch.setattr(readings_module, "BLOCK", block)  # one profile at a time, or all
    screen, _ = small_screen(replicates=3)
    found = drug_signatures(read(screen), DIFFERENCE, Context.silent())
    assert len(found.groups) == 12
    for k, group in found.groups.iterrows():
        plain = by_hand(screen, group["drug"], group["cell"])
        assert found.values["difference"][k] == pytest.approx(plain.mean(axis=0), abs=1e-5)
        unit = plain / np.linalg.norm(plain, axis=1, keepdims=True)
        pairs = [unit[i] @ unit[j] for i in range(len(unit)) for j in range(i)]
        assert group["agreement_difference"] == pytest.approx(np.mean(pairs), abs=1e-5)
        assert group["replicates"] == len(plain) == 6


def test_a_plate_with_few_controls_takes_those_of_its_line():
    screen, _ = small_screen()
    keep = np.ones(len(screen), dtype=bool)
    keep[np.flatnonzero(screen.rows["is_control"] & (screen.rows["plate"] == "A1"))[:2]] = False
    fewer = screen.take(keep)
    readings = read(fewer)
    found = drug_signatures(readings, DIFFERENCE, Context.silent())
    for k, group in found.groups.iterrows():
        assert found.values["difference"][k] == pytest.approx(by_hand(fewer, group["drug"], group["cell"]).mean(axis=0), abs=1e-5)
    assert any("1 of 4 plates have fewer than 3 controls" in sentence for sentence in readings.design.sentences)


def test_z_scores_divide_by_the_spread_within_plates():
    screen, _ = small_screen(controls=5)
    readings, x, rows = read(screen), screen.block().astype(float), screen.rows
    for number, line in enumerate(readings.design.lines):
        deviations, plates = [], 0
        for plate in rows["plate"][rows["cell"] == line].unique():
            own = x[(rows["is_control"]) & (rows["plate"] == plate)]
            deviations.append(own - own.mean(axis=0))
            plates += 1
        sd = np.sqrt((np.vstack(deviations) ** 2).sum(axis=0) / (len(np.vstack(deviations)) - plates))
        assert readings.sd[number] == pytest.approx(np.maximum(sd, 0.1 * np.median(sd)), rel=1e-4)
    row = readings.treated[[0]]
    got = z_scores(readings).of_profiles(readings, readings.take(row), row)[0]
    line = readings.design.line[row[0]]
    assert got == pytest.approx(by_hand(screen, rows["drug"][row[0]], rows["cell"][row[0]])[0] / readings.sd[line], rel=1e-4, abs=1e-4)


def test_a_still_gene_does_not_rule_the_z_scores():
    screen, _ = small_screen()
    x = screen.block().astype(float)
    x[:, 0] = 5.0
    readings = read(Profiles.of(x, screen.rows, screen.genes))
    assert readings.sd[:, 0] == pytest.approx(0.1 * np.median(readings.sd, axis=1), rel=1e-6)


def test_counts_without_a_logarithm_are_seen_and_missing_values_count_for_nothing():
    screen, _ = small_screen(noise=0.1)
    x = screen.block().astype(float)
    linear = read(Profiles.of(2**x - 1, screen.rows, screen.genes))
    assert linear.is_linear
    assert any("log2(x + 1)" in sentence for sentence in linear.sentences)
    assert linear.take(np.array([5])) == pytest.approx(x[[5]], abs=1e-4)
    x[20, 3] = np.nan
    gaps = read(Profiles.of(x, screen.rows, screen.genes))
    assert gaps.differences(gaps.take(np.array([20])), np.array([20]))[0, 3] == 0
    assert "1 values are missing" in gaps.sentences[0]


def test_profiles_that_never_vary_are_counted_and_left_out():
    screen, _ = small_screen(replicates=1, plates=1)
    x = screen.block().astype(float)
    flat = int(np.flatnonzero(screen.rows["drug"] == "drug2")[0])
    x[flat] = 7.0
    readings = read(Profiles.of(x, screen.rows, screen.genes))
    found = drug_signatures(readings, DIFFERENCE, Context.silent())
    assert "1 profiles never vary" in readings.sentences[0]
    assert len(found.groups) == 11
    assert np.isnan(found.groups["agreement_difference"]).all()  # single profiles have no replicate to agree with


def test_no_controls_is_an_error_with_the_counts_and_a_line_without_them_is_left_out():
    screen, _ = small_screen()
    rows = screen.rows.assign(is_control=False)
    with pytest.raises(UserError, match=r"no controls \(A: 32 profiles, B: 32 profiles; 0 controls\)"):
        design_of(rows)
    half = screen.rows[~(screen.rows["is_control"] & (screen.rows["cell"] == "B"))].reset_index(drop=True)
    design = design_of(half)
    assert design.lines == ("A",)
    assert "1 cell lines have no controls and are left out (24 profiles): B." in design.sentences
    with pytest.raises(UserError, match="no cell line 'C'"):
        design_of(screen.rows, cell="C")
    with pytest.raises(UserError, match="which drug"):
        design_of(screen.rows.drop(columns="drug"))


def test_few_replicates_mixed_doses_and_times_are_told():
    rows = pd.DataFrame(
        {
            "drug": ["DMSO"] * 3 + ["a"] * 4 + ["b"] * 2 + [None], "cell": "A", "is_control": [True] * 3 + [False] * 7,
            "dose_um": [np.nan] * 3 + [1.0, 1.0, 10.0, 10.0, 5.0, np.nan, 1.0], "time_h": [24.0] * 5 + [6.0] * 5,
        }
    )  # fmt: skip
    told = " ".join(design_of(rows).sentences)
    assert "1 profiles name no drug" in told
    assert "1 of 2 drug signatures average over several doses" in told
    assert "1 of 2 drug signatures average over several times" in told
    assert "1 of 2 drug signatures rest on fewer than 3 profiles, such as b in A." in told
    highest = design_of(rows, doses="highest")
    assert highest.groups.set_index("drug")["replicates"].to_dict() == {"a": 2, "b": 1}
    assert not any("several doses" in sentence for sentence in highest.sentences)


def test_genes_never_measured_in_the_controls_are_left_out():
    screen, _ = small_screen()
    x = screen.block().astype(float)
    x[screen.rows["is_control"].to_numpy(), 4] = np.nan
    readings = read(Profiles.of(x, screen.rows, screen.genes))
    assert readings.genes == tuple(gene for gene in genes(30) if gene != "G004")
