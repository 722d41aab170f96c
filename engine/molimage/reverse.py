"""Which molecule was it: rank a library by how well each molecule explains images of cells."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, UserError
from engine.molimage.train import profiles_with_light

if TYPE_CHECKING:
    from engine.molimage.model import CellModel

BEST = 20  # molecules whose likelihood is computed, those nearest by phenotype
IMAGES = 8  # images at most that likelihoods are summed over
SIZE_PX = 64  # likelihoods are compared up to this size; larger images are averaged down, as the pyramid does
CHUNK = 64  # images looked at in one step
SMALLEST_PX = 32


def rank_molecules(
    model: "CellModel", images: NDArray[np.uint8], smiles: Sequence[str], dose_um: float, best: int = BEST, context: Context | None = None
) -> pd.DataFrame:
    """Rank molecules by how well they explain images that show one unknown molecule.

    Parameters
    ----------
    images : (N, C, S, S) uint8 of the model's channels and pixel, cut to one of its sizes of at least 32 px; all of one treatment.
    smiles : (L,) the library.
    dose_um : dose at which each is thought to have been given, µM.
    best : so many molecules, the nearest by phenotype, are ranked by likelihood; the rest follow by distance.

    Returns
    -------
    One row per molecule, best first: ``row`` in the library, ``smiles``, ``distance`` of its phenotype from that of the images (1 is the
    spread between training molecules, per coordinate), ``measured`` (whether that phenotype was measured in training, not predicted), and
    ``log_ratio``: log p(images | molecule) - log p(images | average phenotype) in nats per image, missing beyond the best.

    Raises
    ------
    UserError
        When images have other channels or another size than the model draws.
    """
    _check(model, images)
    context = context or Context.silent()
    context.progress(0.0, "phenotype of the images")
    seen = model.conditions.space.coordinates(profiles_with_light(images)).mean(axis=0)
    told = _conditions(model, list(smiles), dose_um)
    distance = np.sqrt(np.mean((told[:, :-1] - seen) ** 2, axis=1))
    order = np.argsort(distance, kind="stable")
    table = pd.DataFrame({
        "row": order, "smiles": [smiles[row] for row in order], "distance": distance[order], "measured": told[order, -1] == 0,
        "log_ratio": np.nan,
    })  # fmt: skip
    context.progress(0.5, "likelihood of the nearest")
    chosen = min(best, len(table))
    table.loc[: chosen - 1, "log_ratio"] = log_ratios(model, images[:IMAGES], told[order[:chosen]], context.share(0.5, 1.0))
    return table.sort_values("log_ratio", ascending=False, kind="stable", na_position="last").reset_index(drop=True)


def squares(pixels: NDArray[Any], sizes: Sequence[int], most: int = 128) -> NDArray[np.uint8]:
    """Cut a field (C, H, W) of any depth into images (N, C, S, S) that a model can look at.

    Parameters
    ----------
    pixels : as a file holds them; what is not 8 bits is scaled to the percentiles of the field.
    sizes : the model's; the largest that fits into the field and is not above ``most`` is taken.

    Raises
    ------
    UserError
        When the field is smaller than every size from 32 px on.
    """
    from engine.molimage.bring.crops import Cutting
    from engine.molimage.bring.intensity import fit_scale

    fitting = [size for size in sizes if SMALLEST_PX <= size <= min(most, *pixels.shape[1:])]
    if not fitting:
        raise UserError(f"A field of {pixels.shape[1]} × {pixels.shape[2]} px is too small.", "Give at least 32 × 32 px.", "size")
    cut = Cutting(max(fitting), "tiles", levels=0).cut(pixels if pixels.dtype == np.uint8 else fit_scale([pixels]).bytes(pixels))
    return np.rint(cut).astype(np.uint8)


def log_ratios(
    model: "CellModel", images: NDArray[np.uint8], conditions: NDArray[np.float32], context: Context | None = None
) -> NDArray[np.float64]:
    """Return (L,) log p(x | condition) - log p(x | average phenotype), in nats, averaged over images (N, C, S, S).

    Notes
    -----
    Images are dequantised once, averaged down to at most 64 px on the scale of the flow, and scored with the same noise under every
    condition. The average phenotype is the origin of the phenotype space, which needs no molecule.
    """
    import torch

    from engine.molimage.pyramid_net import shrink

    noise = np.random.default_rng(0).random(images.shape, np.float32)
    small = shrink(torch.from_numpy(model.tone.values(images, noise)), min(SIZE_PX, images.shape[-1]))
    average = np.zeros((1, conditions.shape[1]), np.float32)
    average[:, -1] = 1.0
    asked = np.concatenate([average, conditions])
    each, found = max(1, CHUNK // len(images)), []
    with torch.inference_mode():
        for at in range(0, len(asked), each):
            if context:
                context.progress(at / len(asked), f"likelihood of {at} of {len(asked)} molecules")
            some = asked[at : at + each]
            parts = model.flow(small.repeat(len(some), 1, 1, 1), torch.from_numpy(np.repeat(some, len(images), axis=0)))
            total = sum(value.double() for value in parts.values())
            found.append(np.asarray(total).reshape(len(some), len(images)).mean(axis=1))
    nats = np.concatenate(found)
    return np.asarray(nats[1:] - nats[0])


def _conditions(model: "CellModel", smiles: list[str], dose_um: float) -> NDArray[np.float32]:
    if model.conditions.encoder is None and not all(len(model.conditions.rows_of(one)) for one in smiles):
        raise UserError(
            "This model was trained on too few molecules to predict what others do.",
            "Search among the molecules it was trained on.",
            "library",
        )
    return model.told([(one, dose_um) for one in smiles])


def _check(model: "CellModel", images: NDArray[np.uint8]) -> None:
    n_channels, size = images.shape[1], images.shape[-1]
    if n_channels != len(model.channels):
        raise UserError(
            f"The image has {n_channels} channels, the model {len(model.channels)}: {', '.join(model.channels)}.",
            "Give an image of the same stains in this order, or choose a model that was trained on such images.", "channels",
        )  # fmt: skip
    if images.shape[2] != size or size not in model.sizes or size < SMALLEST_PX:
        sizes = ", ".join(str(s) for s in model.sizes if s >= SMALLEST_PX)
        raise UserError(f"Images of {images.shape[2]} × {size} px cannot be compared.", f"Cut them to squares of {sizes} px.", "size")
