"""Leaks, confounding and sets too small to judge are found; splits keep groups whole and pass the checks made for them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from engine.core import ImageSet, UserError
from engine.molimage.bring import check_images, with_split
from engine.molimage.bring.checks import molecule_keys, predicted
from tests.engine.molimage.brought import MOLECULES

# twenty-four benzenes with one substituent chain each: one scaffold; and as many chains without a ring
CHAINS = [f"{'C' * n}O" for n in range(1, 13)]
BENZENES = [f"c1ccccc1{'C' * n}O" for n in range(1, 13)]


def images_of(table, steps=()):
    return ImageSet(np.zeros((len(table), 1, 8, 8), np.uint8), table, ("DNA",), steps=steps)


def plates(molecules, n_plates=3, sites=2, dmso=True):
    """Every molecule on every plate in a well of its own, DMSO in two wells of each."""
    rows = [
        {"plate": f"P{p}", "well": f"A{i:02d}", "site": site, "smiles": smiles, "compound": f"c{i}", "dose_um": 1.0}
        for p in range(n_plates) for i, smiles in enumerate(molecules) for site in range(sites)
    ]  # fmt: skip
    control = [
        {"plate": f"P{p}", "well": f"H{i:02d}", "site": site, "smiles": "CS(C)=O", "compound": "DMSO", "dose_um": 0.0}
        for p in range(n_plates) for i in range(2) for site in range(sites)
    ]  # fmt: skip
    return pd.DataFrame(rows + (control if dmso else []))


def found(table, claim="", **options):
    return {finding.code: finding for finding in check_images(images_of(table, **options), claim)}


def test_a_clean_set_has_nothing_to_say():
    table = plates(CHAINS + BENZENES)
    table["split"] = np.where(table["compound"].isin(["c0", "c20"]), "test", "train")
    assert not found(table)


def test_a_molecule_in_two_splits_is_a_leak_under_salts_and_isomers_too():
    table = plates(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", *CHAINS, *BENZENES])
    table["split"] = np.where(table["compound"].isin(["c1", "c5"]), "test", "train")
    leak = found(table)["leak"]
    assert leak.level == "stop" and leak.message.startswith("1 of 2 molecules") and "InChIKey" in leak.message
    assert found(table)["same-molecule"].level == "note"
    assert leak.repairs[0].arguments == {"by": "molecule"}


def test_a_test_of_known_molecules_is_said_unless_unseen_ones_are_claimed():
    table = plates(CHAINS + BENZENES)
    table["split"] = np.where(table["plate"] == "P2", "test", "train")
    assert found(table)["seen-molecules"].level == "note" and "leak" not in found(table)
    assert found(table, claim="molecules")["leak"].level == "stop"
    table.loc[table["compound"] == "c3", "split"] = "test"  # some known, some not: neither claim holds by itself
    assert found(table)["leak"].level == "stop" and "leak" not in found(table, claim="plates")


def test_sites_of_one_well_on_both_sides():
    table = plates(CHAINS + BENZENES)
    table["split"] = np.where(table["site"] == 1, "test", "train")
    assert found(table)["shared-wells"].level == "stop" and "shared-plates" in found(table)
    table["split"] = np.where(table["site"] == 1, "val", "train")
    assert found(table)["shared-wells"].level == "note"


def test_controls_are_in_every_split_without_being_a_leak():
    table = plates(CHAINS + BENZENES)
    table["split"] = np.where(table["compound"] == "c1", "test", "train")
    table.loc[table.index[table["compound"] == "DMSO"][::2], "split"] = "test"
    assert "leak" not in found(table) and "seen-molecules" not in found(table)


@pytest.mark.parametrize(
    ("arrangement", "words"),
    [("one", "the plate alone tells the molecule"), ("several", "The molecule alone tells the plate"), ("all", None)],
)
def test_plate_equal_to_treatment(arrangement, words):
    table = plates(CHAINS + BENZENES, dmso=False)
    number = table["compound"].str[1:].astype(int)
    if arrangement == "one":
        table["plate"] = "P" + number.astype(str)
    elif arrangement == "several":
        table["plate"] = "P" + (number % 3).astype(str)
    assert (words in found(table)["plate-is-treatment"].message) if words else ("plate-is-treatment" not in found(table))


def test_how_well_labels_tell_each_other():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 200).astype(str).astype(object), rng.integers(0, 3, 200).astype(str).astype(object)
    right = sum(max((b[a == x] == y).sum() for y in "012") for x in "0123")
    chance = max((b == y).sum() for y in "012")
    assert predicted(a, b) == pytest.approx((right - chance) / (200 - chance))
    assert (
        predicted(b, b) == 1 and predicted(np.full(200, "x", dtype=object), b) == 0 and predicted(a, np.full(200, "x", dtype=object)) == 0
    )


@pytest.mark.parametrize(("count", "said"), [(19, True), (20, False)])
def test_fewer_than_twenty_molecules(count, said):
    assert ("few-molecules" in found(plates((CHAINS + BENZENES)[:count]))) == said


def test_too_few_images_of_a_molecule():
    table = plates(CHAINS + BENZENES, n_plates=1, sites=1)
    assert "morphology cannot be compared" in found(table)["one-image"].message
    assert "24 of 24" in found(plates(CHAINS + BENZENES, n_plates=3, sites=1))["few-images"].message
    assert not {"one-image", "few-images"} & set(found(plates(CHAINS + BENZENES, n_plates=2, sites=2)))


def test_controls_and_splits_that_are_missing():
    table = plates(CHAINS + BENZENES, dmso=False)
    assert found(table)["no-dmso"].level == "note" and found(table)["no-split"].repairs[0].arguments == {"by": "scaffold"}
    table = plates(CHAINS + BENZENES)
    assert "P1" in found(table[(table["plate"] != "P1") | (table["compound"] != "DMSO")])["no-dmso"].message
    assert found(table.assign(split="test"))["split-empty"].level == "stop"
    assert found(table.assign(split="train"))["split-empty"].level == "warn"


def test_molecules_without_a_structure_go_by_their_name():
    table = pd.DataFrame({"smiles": ["CCO", "OCC", "", "", ""], "compound": ["a", "b", "AZ1", "az1 ", ""]})
    keys = molecule_keys(images_of(table))
    assert keys[0] == keys[1] and keys[2] == keys[3] and len(set(keys)) == 3 and keys[4] == ""


@pytest.mark.parametrize("by", ["molecule", "scaffold", "plate", "replicate"])
@pytest.mark.parametrize("seed", range(3))
def test_a_split_keeps_its_groups_whole_and_passes_the_checks(by, seed):
    table = plates([*CHAINS, *BENZENES, *list(MOLECULES.values())[1:]], n_plates=5)
    images = with_split(images_of(table), by, seed=seed)
    labels = images.table["split"]
    assert set(labels) == {"train", "val", "test"} and (labels == "train").mean() >= 0.5
    assert not {"leak", "split-empty", "shared-wells"} & {finding.code for finding in check_images(images)}
    if by == "scaffold":
        assert labels[table["smiles"].isin(BENZENES)].nunique() == 1 and labels[table["smiles"].isin(CHAINS)].nunique() > 1
    group = {
        "molecule": table["smiles"],
        "scaffold": table["smiles"],
        "plate": table["plate"],
        "replicate": table["plate"] + table["well"],
    }[by]
    treated = table["compound"] != "DMSO"
    assert (labels[treated].groupby(group[treated]).nunique() == 1).all()
    assert set(labels[~treated]) == {"train", "val", "test"}
    assert images.table["split"].equals(with_split(images_of(table), by, seed=seed).table["split"])


def test_salts_and_isomers_are_split_together():
    table = plates(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", *CHAINS])
    for seed in range(8):
        labels = with_split(images_of(table), "molecule", (0.5, 0.25, 0.25), seed).table["split"]
        assert labels[table["compound"].isin(["c0", "c1", "c2"])].nunique() == 1


def test_shares_are_met_as_far_as_groups_allow():
    table = plates(CHAINS + BENZENES, dmso=False)
    labels = with_split(images_of(table), "molecule", (0.5, 0.25, 0.25)).table["split"].value_counts(normalize=True)
    assert labels["train"] == 0.5 and labels["val"] == 0.25 and labels["test"] == 0.25
    assert set(with_split(images_of(table), "molecule", (0.8, 0.0, 0.2)).table["split"]) == {"train", "test"}


def test_the_claim_follows_from_the_split():
    table = plates(CHAINS + BENZENES, n_plates=5)
    by_plate = with_split(images_of(table), "plate")
    assert {"seen-molecules"} <= {finding.code for finding in check_images(by_plate)}
    as_molecules = dataclasses.replace(by_plate, steps=(("engine.molimage.bring.with_split", {"by": "scaffold"}),))
    assert "leak" in {finding.code for finding in check_images(as_molecules)}


@pytest.mark.parametrize(
    ("by", "table"),
    [
        ("plate", plates(CHAINS, 1)),
        ("molecule", plates(CHAINS[:1])),
        ("replicate", plates(CHAINS, 1, dmso=False)),
        ("well", plates(CHAINS)),
    ],
)
def test_what_cannot_be_split_says_so(by, table):
    with pytest.raises(UserError):
        with_split(images_of(table), by)


@pytest.mark.shared_data
def test_the_real_fields(shared_data):
    from engine.molimage.bring import read_packed

    images = read_packed(shared_data / "cells" / "bbbc021_mcf7_fields", channels=("DNA", "Tubulin", "Actin"))
    codes = {finding.code for finding in check_images(images)}
    assert {"few-molecules", "seen-molecules", "no-dmso"} <= codes and not {"leak", "shared-plates"} & codes
    again = with_split(images, "replicate")
    given = pd.crosstab(again.table["plate"], again.table["split"])
    assert (given > 0).sum(axis=1).max() == 1  # ranked plates: the three replicates of a week fall into three splits
