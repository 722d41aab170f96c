"""What a page asks of a model, one function a question: the model is named by its place, so that another process can answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.molimage.attribution import Attribution, attribute
from engine.molimage.domain import neighbours
from engine.molimage.interpolate import interpolate
from engine.molimage.model import CellModel
from engine.molimage.morphology import effect_sizes, morphology
from engine.molimage.reverse import rank_molecules
from engine.molimage.sample import facts_of, opened
from engine.molimage.segmentation import typical_diameter_px
from engine.molimage.shifts import control_of

Images = NDArray[np.uint8]

LOOKED_AT = 8  # images of untreated cells, by which pictures are exposed
PREVIEW_PX = 64
WHITE = 0.999  # share of the pixels of untreated cells below white
HEADROOM = 1.25  # a treatment may brighten a stain


def card(place: str) -> dict[str, Any]:
    """Return what a page must know of a model before it asks anything.

    Returns
    -------
    ``facts`` as of `SampleResult`; ``sizes``; ``channels``; ``white``: for each channel what is shown as white, share of full scale;
    ``control``: (SMILES or name, dose) of untreated cells, None when there are none; ``known``: training molecules at doses.
    """
    model = opened(place)
    try:
        control = control_of(model)
        told = model.told([control])
    except UserError:
        control, told = None, np.zeros((1, model.plan.condition), np.float32)
    *_, (_, images) = model.draw(told, LOOKED_AT, size=min(PREVIEW_PX, model.size))
    high = np.quantile(images[0], WHITE, axis=(0, 2, 3)) / 255
    return {
        "facts": facts_of(model, model.size), "sizes": model.sizes, "channels": model.channels,
        "white": [float(min(1.0, max(0.05, HEADROOM * level))) for level in high], "control": control, "known": model.conditions.known,
    }  # fmt: skip


def facts_in(data: bytes, name: str) -> dict[str, Any]:
    """Return the facts of a model file, with ``id``; what is not one is a `UserError`, and nothing in it is run."""
    model = CellModel.from_bytes(data, name)
    return dict(model.facts) | {"id": model.id}


def drawn(place: str, what: str, dose_um: float, n: int, temperature: float, seed: int, size: int) -> Images:
    """Draw n images (n, C, S, S) of one molecule at one dose."""
    return opened(place).sample([(what, dose_um)], n, temperature=temperature, seed=seed, size=size)[0]


def dose_series(place: str, what: str, doses_um: Sequence[float], n: int, temperature: float, seed: int, size: int) -> Images:
    """Draw n images (D, n, C, S, S) at each of several doses, the same cells at each; dose 0 is untreated cells."""
    model = opened(place)
    asked = [(what, dose) if dose > 0 else control_of(model) for dose in doses_um]
    return model.sample(asked, n, temperature=temperature, seed=seed, size=size)


def blend(
    place: str, first: tuple[str, float], second: tuple[str, float], steps: int, n: int, temperature: float, seed: int, size: int
) -> Images:
    """Draw n images (steps, n, C, S, S) on the way from one molecule to another."""
    return interpolate(opened(place), first, second, steps, n, temperature=temperature, seed=seed, size=size)


def changes(place: str, what: str, dose_um: float, n: int, temperature: float, seed: int, size: int) -> pd.DataFrame:
    """Compare the morphology of n fields under a molecule with n other, untreated ones; the table of `effect_sizes`."""
    model = opened(place)
    untreated = control_of(model)
    treated, control = (
        model.sample([asked], n, temperature=temperature, seed=number, size=size)[0]
        for asked, number in (((what, dose_um), seed), (untreated, seed + 1))  # other cells: the intervals take the fields as independent
    )
    diameter = typical_diameter_px(control, model.channels)
    pixel_um = facts_of(model, size)["pixel_um"]
    measured = [morphology(images, model.channels, diameter, pixel_um) for images in (treated, control)]
    return effect_sizes(measured[0], measured[1])


def atoms(place: str, smiles: str, dose_um: float, seed: int) -> Attribution:
    """Say which atoms of a molecule move which stain."""
    return attribute(opened(place), smiles, dose_um, seed)


def alike(place: str, smiles: str, most: int = 5) -> pd.DataFrame:
    """Return the training molecules most like this one: ``compound``, ``smiles``, ``similarity``."""
    return neighbours(opened(place), smiles, most)


def find(place: str, images: Images, smiles: Sequence[str], dose_um: float) -> pd.DataFrame:
    """Rank molecules by how well they explain images (N, C, S, S), as `rank_molecules` does."""
    return rank_molecules(opened(place), images, smiles, dose_um)


def library(place: str, smiles: Sequence[str]) -> list[str]:
    """Return those of some molecules that a model can say something about."""
    model = opened(place)
    return list(smiles) if model.conditions.encoder else [one for one in smiles if len(model.conditions.rows_of(one))]
