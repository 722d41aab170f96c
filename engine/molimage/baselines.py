"""What a model has to beat, and cannot: images of the nearest molecule, wrong molecules, other images of the same, fresh simulations."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, UserError
from engine.molimage.conditions import groups_of, log_dose
from engine.molimage.real_fields import partners
from engine.molimage.train import asked

Rows = NDArray[np.int64]
Labels = NDArray[np.object_]

SIMULATED = "simulate_cells"  # the step that a simulated set has in its history
FRESH = 7_919  # added to the seed of the screen


@dataclass(frozen=True, eq=False)
class Halves:
    """Images of a set to compare with, and what is compared.

    Attributes
    ----------
    reference : images of the test split.
    other : other images of the same molecules: what no model can be expected to surpass.
    wanted : a row for each image that a model has to draw; of its facts only molecule and dose are used.
    are_plates : whether ``other`` are training images of the same molecules, so that ``reference`` could be the whole test split.
    untreated : number of test images that are left out because they show no molecule.
    """

    reference: ImageSet
    other: ImageSet
    wanted: ImageSet
    are_plates: bool
    untreated: int = 0


def halves(images: ImageSet, n: int | None = None, seed: int = 0) -> Halves:
    """Split what is known of the molecules of the test split into reference and other images.

    Parameters
    ----------
    images : with train and test in the fact ``split``.
    n : most images of a molecule in each part, and number that is drawn; None takes all and draws as many.

    Raises
    ------
    UserError
        When there are no training or no test images, or all test images show untreated cells.

    Notes
    -----
    Untreated cells (see `is_untreated`) are no molecule: neither part has any, wherever the split has put them. Where all test molecules
    were trained on (new plates), the others are training images of the same molecule and dose. Where they are held out, the test images of
    each molecule are halved, dose by dose.
    """
    train, test = images.split("train"), images.split("test")
    for part, label in ((train, "train"), (test, "test")):
        if not len(part):
            raise UserError(f"No image of {images.name} is of the split {label}.", "Write train or test in the column split.", "split")
    control = is_untreated(test)
    test = test.take(np.flatnonzero(~control))
    if not len(test):
        raise UserError(f"All test images of {images.name} show untreated cells.", "Set images of molecules aside for testing.", "split")
    are_plates = set(asked(test)) <= set(asked(train))
    first, second = [], []
    for rows in _by_molecule(test, seed):
        parts = (rows, rows) if are_plates else (rows[::2], rows[1::2])
        first.append(_spread(parts[0], n))
        second.append(_spread(parts[1], n))
    reference, rest = test.take(np.concatenate(first)), np.concatenate(second)
    other = train.take(partners(test.take(rest), train, seed)) if are_plates else test.take(rest)
    wanted = other if n is None else test.take(np.concatenate([np.resize(rows, n) for rows in second if len(rows)]))
    return Halves(reference, other, wanted, are_plates, int(control.sum()))


def is_untreated(images: ImageSet) -> NDArray[np.bool_]:
    """(N,) whether each image shows a solvent control, by molecule, compound or mechanism, or cells at dose 0."""
    from engine.molimage.bring.table import is_control

    table = images.table
    doses = pd.to_numeric(table["dose_um"], errors="coerce").to_numpy(float) if "dose_um" in table else np.full(len(table), np.nan)
    return is_control(table) | (doses == 0)


def molecules_of(images: ImageSet) -> Labels:
    """(N,) molecule of each image: its SMILES, or the compound's name where it has none."""
    return np.array([what for what, _ in asked(images)], dtype=object)


def nearest_training(wanted: ImageSet, train: ImageSet, seed: int = 0) -> tuple[Rows, int]:
    """Return for each image a training image of the most similar other molecule, at the nearest dose there is.

    Returns
    -------
    (N,) rows of ``train``, each used once before any comes twice; and how many molecules have no structure, or no other one to compare
    with, so that a training molecule was taken at random.

    Notes
    -----
    Similarity is Tanimoto's of Morgan fingerprints. This is what a chemist does without a model, and must be in every table.
    """
    from engine.molimage.fingerprint import similarity

    rng = np.random.default_rng(seed)
    known, of_image = groups_of(train)
    labels = np.where(known["smiles"] != "", known["smiles"], known["compound"]).astype(object)
    with_structure = sorted(set(known.loc[known["smiles"] != "", "smiles"]))
    treatments = asked(wanted)
    smiles = set(wanted.column("smiles")) - {""}
    chosen: dict[str, str] = {}
    lost = 0
    for molecule in dict.fromkeys(what for what, _ in treatments):
        others = [each for each in with_structure if each != molecule]
        if molecule in smiles and others:
            chosen[molecule] = others[int(similarity([molecule], others)[0].argmax())]
        else:
            lost += 1
            chosen[molecule] = str(rng.choice(sorted(set(labels) - {molecule}) or sorted(set(labels))))
    doses = log_dose(known["dose_um"].to_numpy())
    turn: dict[int, int] = {}
    order = {k: rng.permutation(np.flatnonzero(of_image == k)) for k in range(len(known))}
    found = []
    for molecule, dose in treatments:
        groups = np.flatnonzero(labels == chosen[molecule])
        group = int(groups[np.abs(doses[groups] - log_dose([dose])[0]).argmin()])
        turn[group] = turn.get(group, -1) + 1
        found.append(order[group][turn[group] % len(order[group])])
    return np.array(found, np.int64), lost


def shuffled(images: ImageSet, seed: int = 0) -> Rows:
    """Return for each image the row of one of another molecule, all of a molecule from the same other one and doses in the same order.

    Raises
    ------
    UserError
        When there is one molecule only.
    """
    groups = _by_molecule(images, seed)
    if len(groups) < 2:
        raise UserError("Molecules cannot be shuffled, since there is only one.", "Give test images of several molecules.", "smiles")
    order = np.random.default_rng(seed).permutation(len(groups))
    found = np.empty(len(images), np.int64)
    for k, here in enumerate(order):
        there = groups[order[(k + 1) % len(order)]]
        found[groups[here]] = there[np.arange(len(groups[here])) * len(there) // len(groups[here])]
    return found


def oracle(images: ImageSet, wanted: ImageSet, context: Context) -> ImageSet | None:
    """Simulate again what is wanted, on other plates: the best that any model of these molecules could draw.

    Parameters
    ----------
    images : the simulated screen with its history; ``moa`` names the mechanism of each molecule.
    wanted : molecules at doses, one row per image.

    Returns
    -------
    As many images, in the order of ``wanted``; None for images that were not simulated in this product.
    """
    said: dict[str, Any] = dict(dict(images.steps).get(SIMULATED, {}))
    if images.origin != "simulated" or not said or "moa" not in images.table:
        return None
    from engine.molimage.simulator import simulate

    table = pd.DataFrame({"smiles": wanted.column("smiles"), "name": wanted.column("compound"), "mechanism": wanted.column("moa")})
    treatments = asked(wanted)
    doses = np.array([dose for _, dose in treatments])
    counts = pd.Series(treatments).value_counts()
    treated = table[doses > 0].drop_duplicates("smiles")
    of_control = max((int(counts[what]) for what in counts.index if what[1] == 0), default=0)
    fresh = simulate(
        treated, max((int(counts[what]) for what in counts.index if what[1] > 0), default=1), images.size, int(said["seed"]) + FRESH,
        sorted(set(doses[doses > 0].tolist())), bool(said["batch_effects"]), int(said["plates"]),
        math.ceil(of_control / int(said["plates"])), context,
    )  # fmt: skip
    rows = {what: iter(np.flatnonzero([each == what for each in asked(fresh)])) for what in counts.index}
    return fresh.take(np.array([next(rows[what]) for what in treatments], np.int64), "fresh simulations")


def _by_molecule(images: ImageSet, seed: int) -> list[Rows]:
    """Rows of each molecule, by dose, those of one dose in random order."""
    rng = np.random.default_rng(seed)
    labels, doses = molecules_of(images), np.array([dose for _, dose in asked(images)])
    shuffled_rows = rng.permutation(len(images))
    order = shuffled_rows[np.argsort(doses[shuffled_rows], kind="stable")]
    return [order[labels[order] == name] for name in sorted(set(labels))]


def _spread(rows: Rows, n: int | None) -> Rows:
    """At most n of the rows, evenly over their order."""
    return rows if n is None or len(rows) <= n else rows[np.arange(n) * len(rows) // n]
