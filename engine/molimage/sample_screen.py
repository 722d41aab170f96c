"""A small simulated screen of named drugs, to try things on."""

import dataclasses

import numpy as np
import pandas as pd

from engine.core import Context, ImageSet, UserError
from engine.molimage.gallery import drugs

MAKER = "engine.molimage.small_screen"
PLATES, CONTROLS = 2, 8


def small_screen(molecules: int = 30, n_each: int = 6, size: int = 64, seed: int = 0, context: Context | None = None) -> ImageSet:
    """Simulate a few drugs of the gallery, of every mechanism in turn, on two plates with DMSO wells.

    Parameters
    ----------
    molecules : number of drugs.
    n_each : images of each.
    size : edge of an image in px.
    seed : of the choice of drugs and of the cells.
    context : progress and cancel.

    Returns
    -------
    ImageSet of origin ``simulated``, see `engine.molimage.simulator.simulate`; its history makes it again.

    Raises
    ------
    UserError
        When there are not so many drugs whose mechanism is known.
    """
    from engine.molimage.simulator import simulate

    made = simulate(chosen(molecules, seed), n_each, size, seed, plates=PLATES, controls=CONTROLS, context=context)
    asked = {"molecules": molecules, "n_each": n_each, "size": size, "seed": seed}
    return dataclasses.replace(made, name=f"small simulated screen of {molecules} drugs", steps=((MAKER, asked), *made.steps))


def chosen(molecules: int, seed: int) -> pd.DataFrame:
    """Return drugs (``smiles``, ``name``, ``mechanism``) of the gallery: one of each mechanism, then a second of each, and so on."""
    known = drugs()
    known = known[known["mechanism"] != ""]
    if not 1 <= molecules <= len(known):
        raise UserError(
            f"There are {len(known):,} drugs whose mechanism is known.", "Ask for at least one and at most so many.", "molecules"
        )
    shuffled = known.iloc[np.random.default_rng(seed).permutation(len(known))]
    turn = shuffled.groupby("mechanism").cumcount()
    order = pd.DataFrame({"turn": turn, "mechanism": shuffled["mechanism"]}).sort_values(["turn", "mechanism"], kind="stable").index
    return shuffled.loc[order[:molecules], ["smiles", "name", "mechanism"]].reset_index(drop=True)
