"""Setting images aside for testing: by molecule, by scaffold, by plate, or by replicate, whole groups at a time."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import ImageSet, UserError
from engine.molimage.bring.checks import SPLIT, molecule_keys
from engine.molimage.bring.table import is_control

LABELS = ("train", "val", "test")
By = Literal["molecule", "scaffold", "plate", "replicate"]


def with_split(
    images: ImageSet, by: By = "molecule", shares: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0
) -> ImageSet:  # fmt: skip
    """Return the set with a column ``split`` of train, val and test.

    Parameters
    ----------
    by : what stays together. ``molecule``: all images of a molecule, its salts and stereoisomers; ``scaffold``: all molecules of a
        Bemis-Murcko scaffold; ``plate``: all images of a plate; ``replicate``: within each molecule and dose, a whole well (on a plate of
        its own where there is one) is test and one is val.
    shares : of train, val and test in the images; ``replicate`` takes one replicate for each instead.
    seed : of the order in which groups are dealt out.

    Returns
    -------
    ImageSet. Solvent controls are dealt out by plate, or by well where there is one plate, so that each split has its own.

    Raises
    ------
    UserError
        When the column that groups the images is missing or holds one group only.
    """
    if by not in ("molecule", "scaffold", "plate", "replicate"):
        raise UserError(f"There is no split by {by}.", "Choose molecule, scaffold, plate or replicate.", "by")
    if min(shares) < 0 or not shares[0] > 0 or abs(sum(shares) - 1) > 1e-6:
        raise UserError("Shares of train, val and test are not negative and sum to 1.", "", "shares")
    rng = np.random.default_rng(seed)
    if by == "plate":
        labels = _dealt(_groups(images, "plate"), shares, rng)
    elif by == "replicate":
        labels = _by_replicate(images, rng)
    else:
        control = is_control(images.table)
        labels = np.full(len(images), "", dtype=object)
        labels[~control] = _by_molecule(images.take(~control), by, shares, seed, rng)
        if control.any():
            labels[control] = _dealt(_control_groups(images.take(control)), shares, rng)
    table = images.table.assign(split=labels.astype(str))
    made = dataclasses.replace(images, table=table)
    return made.after(SPLIT, by=by, shares=list(shares), seed=seed)


def _groups(images: ImageSet, column: str) -> NDArray[np.object_]:
    values = images.column(column)
    if len(set(values)) < 2:
        raise UserError(f"Images of one {column} cannot be split by {column}.", f"Give a column {column}, or split by molecule.", column)
    return values


def _dealt(groups: NDArray[np.object_], shares: Sequence[float], rng: np.random.Generator) -> NDArray[np.object_]:
    """Deal whole groups out, the largest first and equal ones in random order, each to the split that lacks most of its share.

    No split that has a share stays empty where there are groups enough.
    """
    names, inverse = np.unique(groups.astype(str), return_inverse=True)
    counts = np.bincount(inverse)
    order = np.lexsort((rng.permutation(len(names)), -counts))
    wanted, given = np.array(shares) * len(groups), np.zeros(3)
    dealt = np.zeros(len(names), np.int64)
    for left, group in zip(range(len(names), 0, -1), order, strict=True):
        empty = (wanted > 0) & (given == 0)
        among = empty if empty.sum() >= left else wanted > 0
        dealt[group] = np.argmax(np.where(among, wanted - given, -np.inf))
        given[dealt[group]] += counts[group]
    return np.array(LABELS, dtype=object)[dealt[inverse]]


def _by_molecule(
    images: ImageSet, by: str, shares: tuple[float, float, float], seed: int, rng: np.random.Generator
) -> NDArray[np.object_]:  # fmt: skip
    """Deal molecules out, by themselves or by scaffold."""
    keys = molecule_keys(images)
    if len(set(keys)) < 2:
        raise UserError("Images of one molecule cannot be split by molecule.", "Split by plate or replicate.", "smiles")
    if by == "molecule":
        return _dealt(keys, shares, rng)
    from engine.molimage.scaffolds import scaffold

    first = pd.Series(images.column("smiles"), index=keys).groupby(level=0).first()
    frames = {key: scaffold(smiles) if smiles else "" for key, smiles in first.items()}
    # a molecule without a ring has no scaffold; it stands for itself, else all such molecules would be one group
    return _dealt(np.array([frames[key] or f"open:{key}" for key in keys], dtype=object), shares, rng)


def _control_groups(images: ImageSet) -> NDArray[np.object_]:
    plates, wells = images.column("plate"), images.column("well")
    if len(set(plates)) >= 3:
        return plates
    if len(set(zip(plates, wells, strict=True))) >= 3:
        return np.array([f"{plate}|{well}" for plate, well in zip(plates, wells, strict=True)], dtype=object)
    return np.arange(len(images)).astype(str).astype(object)


def _by_replicate(images: ImageSet, rng: np.random.Generator) -> NDArray[np.object_]:
    """Put one replicate of each treatment into test and, where there are three, one into val.

    Replicates are plates where a treatment lies on several, else wells. Plates are ranked once for the whole set, so that a plate that is
    test for one treatment is test for as many others as can be.
    """
    keys = np.array(["dmso" if control else key for key, control in zip(molecule_keys(images), is_control(images.table), strict=True)])
    frame = pd.DataFrame({"key": keys, "dose": images.column("dose_um"), "plate": images.column("plate"), "well": images.column("well")})
    rank = {plate: number for number, plate in enumerate(rng.permutation(sorted(set(frame["plate"]))))}
    labels = np.full(len(images), "train", dtype=object)
    found = False
    for _, part in frame.groupby(["key", "dose"]):
        units = part["plate"] if part["plate"].nunique() > 1 else part["well"]
        order = sorted(set(units), key=lambda unit: (rank.get(unit, -1), unit))
        if len(order) < 2:
            continue
        found = True
        labels[part.index[units == order[-1]]] = "test"
        if len(order) > 2:
            labels[part.index[units == order[-2]]] = "val"
    if not found:
        raise UserError("No treatment has two replicates.", "Give columns plate and well, or split by molecule.", "well")
    return labels
