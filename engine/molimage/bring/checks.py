"""What makes a model of molecules look better than it is: leaks between splits, plates that tell the molecule, too few of either."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import ImageSet
from engine.data.findings import Finding, Repair, named, stops_first
from engine.molimage.bring.table import is_control

FEWEST_MOLECULES = 20  # below it nothing can be said about molecules that were held out
FEWEST_IMAGES = 4  # of a molecule, from which its morphology can be compared (M3)
SEPARABLE = 0.8  # share of the way from chance to certainty at which plate and molecule tell each other
SPLIT = "engine.molimage.bring.with_split"
Claim = Literal["", "molecules", "plates"]


def check_images(images: ImageSet, claim: Claim = "") -> tuple[Finding, ...]:
    """Check molecules, plates and splits of a set.

    Parameters
    ----------
    images : with ``smiles`` or ``compound``; ``plate``, ``well`` and ``split`` are checked where they are there.
    claim : what the test images shall stand for: ``molecules`` (unseen ones) or ``plates`` (new plates or wells, whatever is on them);
        empty takes what `engine.molimage.bring.with_split` was asked for, else ``plates`` when every molecule of the test was trained on.

    Returns
    -------
    Findings, stops first. Solvent controls belong to every split and are not counted as molecules.
    """
    look = _Look(images, claim or _claimed(images))
    checks: tuple[Callable[[_Look], Iterator[Finding]], ...] = (
        _leaks, _shared_wells, _shared_plates, _empty_splits, _same_under_salts, _plate_tells, _few_molecules, _few_images, _no_split,
        _controls,
    )  # fmt: skip
    return stops_first(finding for check in checks for finding in check(look))


def _claimed(images: ImageSet) -> Claim:
    """Return what the last split of the set's history was made for."""
    by = next((settings.get("by") for call, settings in reversed(images.steps) if call == SPLIT), None)
    return "" if by is None else "molecules" if by in ("molecule", "scaffold") else "plates"


def molecule_keys(images: ImageSet) -> NDArray[np.object_]:
    """(N,) what tells one molecule from another: the first block of its InChIKey, else the name of the compound, else empty text."""
    keys = [molecule_key(smiles) if smiles else "" for smiles in images.column("smiles")]
    names = images.column("compound")
    return np.array(
        [key or (f"name:{str(name).strip().lower()}" if name else "") for key, name in zip(keys, names, strict=True)], dtype=object
    )


@lru_cache(maxsize=50_000)
def molecule_key(smiles: str) -> str:
    """Return the first block of the InChIKey, the same for stereoisomers; the SMILES itself where there is none."""
    from engine.molimage.scaffolds import inchikey14

    return inchikey14(smiles) or smiles


@dataclass
class _Look:
    """What the checks look at."""

    images: ImageSet
    claim: Claim

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per image that is no control."""
        columns = {name: self.images.column(name) for name in ("smiles", "compound", "plate", "well", "split")}
        frame = pd.DataFrame(columns).assign(key=molecule_keys(self.images))
        return frame[~is_control(self.images.table)]

    @cached_property
    def known(self) -> pd.DataFrame:
        """The images whose molecule is known."""
        return self.frame[self.frame["key"] != ""]

    def names(self, keys: list[str]) -> str:
        """Name molecules by their compound, else their SMILES."""
        first = self.known.drop_duplicates("key").set_index("key")
        return named([first.at[key, "compound"] or first.at[key, "smiles"] for key in keys])

    def of(self, split: str) -> set[str]:
        """Return the molecules of a split."""
        return set(self.known["key"][self.known["split"] == split])


def _leaks(look: _Look) -> Iterator[Finding]:
    """Find molecules in two splits."""
    train, test, val = look.of("train"), look.of("test"), look.of("val")
    by_molecule = Repair("Split by molecule", SPLIT, {"by": "molecule"})
    shared = sorted(train & test)
    if shared and (look.claim == "molecules" or (look.claim == "" and shared != sorted(test))):
        message = (
            f"{len(shared):,} of {len(test):,} molecules of the test were trained on as well ({look.names(shared)}), by the first block of "
            "their InChIKey: salts and stereoisomers count as one."
        )
        yield Finding("leak", "stop", message, "split", ("split",), (by_molecule,))
    elif shared:
        message = (
            f"{len(shared):,} of {len(test):,} molecules of the test were trained on as well: "
            "results speak of new plates or wells, not of unseen molecules."
        )
        yield Finding("seen-molecules", "note", message, "split", ("split",), (by_molecule,))
    for a, b, first, second in ((train, val, "train", "val"), (val, test, "val", "test")):
        both = sorted(a & b)
        if both and not shared:
            message = f"{len(both):,} molecules are in {first} and in {second} ({look.names(both)}), though the test is by molecule."
            yield Finding("leak", "stop", message, "split", ("split",), (by_molecule,))


def _shared_wells(look: _Look) -> Iterator[Finding]:
    """Find wells whose sites lie on both sides."""
    frame = look.frame[look.frame["well"] != ""]
    wells = {split: set(zip(part["plate"], part["well"], strict=True)) for split, part in frame.groupby("split")}
    for other in ("test", "val"):
        both = sorted(wells.get("train", set()) & wells.get(other, set()))
        if both:
            listed = named([" ".join(filter(None, well)) for well in both])
            message = (
                f"Sites of {len(both):,} wells are in train and in {other} ({listed}): neighbouring fields of one well are on both sides."
            )
            offers = (Repair("Split by plate", SPLIT, {"by": "plate"}),)
            yield Finding("shared-wells", "stop" if other == "test" else "note", message, "split", ("split", "well"), offers)


def _shared_plates(look: _Look) -> Iterator[Finding]:
    """Find plates on both sides of a split by molecule."""
    frame = look.frame[look.frame["plate"] != ""]
    plates = {split: set(part["plate"]) for split, part in frame.groupby("split")}
    both = sorted(plates.get("train", set()) & plates.get("test", set()))
    if both and look.claim != "molecules" and look.of("test") and look.of("test") <= look.of("train"):
        message = f"Plates {named(both)} are in train and in test: results do not speak of new plates."
        yield Finding("shared-plates", "warn", message, "split", ("split", "plate"), (Repair("Split by plate", SPLIT, {"by": "plate"}),))


def _empty_splits(look: _Look) -> Iterator[Finding]:
    """Find a split that is named but has no image of a molecule in train or test."""
    splits = set(look.images.column("split")) - {""}
    missing = [split for split in ("train", "test") if splits and split not in splits]
    if missing:
        message = f"Column split has no image for {' and '.join(missing)}."
        yield Finding("split-empty", "stop" if "train" in missing else "warn", message, "split", ("split",))


def _same_under_salts(look: _Look) -> Iterator[Finding]:
    """Find one molecule under several names or SMILES."""
    groups = look.known[look.known["smiles"] != ""].groupby("key")
    several = [str(key) for key, part in groups if part["compound"].str.lower().nunique() > 1 or part["smiles"].nunique() > 1]
    if several:
        message = (
            f"{len(several):,} molecules appear under several names, as salts or as stereoisomers, such as {look.names(several)}. "
            "Splits keep each together; a fingerprint without chirality cannot tell isomers apart."
        )
        yield Finding("same-molecule", "note", message, "smiles", ("smiles",))


def _plate_tells(look: _Look) -> Iterator[Finding]:
    """Ask whether the plate can be predicted from the molecule, and the molecule from the plate."""
    frame = look.known[look.known["plate"] != ""]
    if frame["plate"].nunique() < 2 or frame["key"].nunique() < 2:
        return
    plate_given = predicted(frame["key"].to_numpy(), frame["plate"].to_numpy())
    molecule_given = predicted(frame["plate"].to_numpy(), frame["key"].to_numpy())
    if molecule_given >= SEPARABLE:
        message = (
            f"Plate and treatment are the same thing: the plate alone tells the molecule ({molecule_given:.0%} of the way to certainty)."
        )
    elif plate_given >= SEPARABLE:
        message = (
            f"The molecule alone tells the plate ({plate_given:.0%} of the way to certainty): "
            "what belongs to a plate is learnt as the molecule's."
        )
    else:
        return
    yield Finding("plate-is-treatment", "warn", message + " Bring replicates on several plates, with DMSO on each.", "plate", ("plate",))


def predicted(given: NDArray[np.object_], wanted: NDArray[np.object_]) -> float:
    """Return how well one label tells another: 0 as well as always guessing the commonest, 1 always right (Goodman and Kruskal's lambda).

    Parameters
    ----------
    given, wanted : (N,) labels.
    """
    table = pd.crosstab(given, wanted).to_numpy()
    right, chance = table.max(axis=1).sum(), table.sum(axis=0).max()
    return float((right - chance) / (table.sum() - chance)) if table.sum() > chance else 0.0


def _few_molecules(look: _Look) -> Iterator[Finding]:
    count = look.known["key"].nunique()
    if 0 < count < FEWEST_MOLECULES:
        message = (
            f"{count} molecules are too few to say anything about unseen ones (at least {FEWEST_MOLECULES}). "
            "Results are shown for these molecules only."
        )
        yield Finding("few-molecules", "warn", message, "smiles", ("smiles",))


def _few_images(look: _Look) -> Iterator[Finding]:
    """Find molecules with too few images for the comparison of morphology, and a set with one image each."""
    counts = look.known["key"].value_counts()
    if counts.empty:
        return
    if counts.max() == 1:
        message = (
            f"Each molecule has one image: morphology cannot be compared (at least {FEWEST_IMAGES}), "
            "and images find no partner of their molecule."
        )
        yield Finding("one-image", "warn", message, "smiles", ("smiles",))
    elif (counts < FEWEST_IMAGES).any():
        few = sorted(counts.index[counts < FEWEST_IMAGES])
        message = (
            f"{len(few):,} of {len(counts):,} molecules have less than {FEWEST_IMAGES} images "
            f"and are left out of the comparison of morphology ({look.names(few)})."
        )
        yield Finding("few-images", "note", message, "smiles", ("smiles",))


def _no_split(look: _Look) -> Iterator[Finding]:
    if not (look.images.column("split") != "").any():
        offers = tuple(Repair(f"Split by {by}", SPLIT, {"by": by}) for by in ("scaffold", "molecule", "plate", "replicate"))
        yield Finding("no-split", "note", "No image is set aside for testing.", "split", ("split",), offers)


def _controls(look: _Look) -> Iterator[Finding]:
    plates = pd.Series(look.images.column("plate"))
    control = is_control(look.images.table)
    if not control.any():
        yield Finding("no-dmso", "note", "No image shows DMSO: effects cannot be compared with untreated cells.", "compound")
        return
    without = sorted(set(plates) - set(plates[control]))
    if without and (plates != "").any():
        yield Finding("no-dmso", "note", f"No DMSO on plates {named(without)}.", "plate", ("plate",))
