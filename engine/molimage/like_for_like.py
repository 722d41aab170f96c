"""Images to compare with: drawn by a model at the molecule and dose of each real one, and cut as the model's training images were."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, UserError
from engine.molimage.conditions import Asked
from engine.molimage.judge import random_crops
from engine.molimage.tone import GREYS, OFFSET
from engine.molimage.train import TrainParams, whole_fields

Images = NDArray[np.uint8]

AT_ONCE = 64  # images drawn in one batch


class Draws(Protocol):
    """What an evaluation asks of a model, whatever its kind."""

    @property
    def facts(self) -> Any:
        """Facts of the model: ``origin``, ``channels``, ``size``, ``params``, ..."""

    @property
    def conditions(self) -> Any:
        """What it knows of molecules, see `engine.molimage.conditions`."""

    def sample(self, asked: Sequence[Asked], n: int, *, temperature: float = 1.0, seed: int = 0, size: int | None = None) -> Images:
        """Draw n images (M, n, C, S, S) of each of M molecules at its dose."""


@runtime_checkable
class Rates(Protocol):
    """A model that also says how likely it finds an image."""

    def told(self, asked: Sequence[Asked]) -> NDArray[np.float32]:
        """Return the condition vectors (M, E) of molecules at doses."""

    def log_prob(self, images: Images, conditions: NDArray[np.float32], seed: int = 0) -> pd.DataFrame:
        """Return ``bits_per_dim`` of N images, and more."""


def open_model(place: str) -> Draws:
    """Read a model of any kind by name or path, see `CellModel.load`."""
    from engine.molimage.gan import CellGan, is_gan
    from engine.molimage.model import CellModel

    return CellGan.load(place) if is_gan(place) else CellModel.load(place)


def drawn_like(model: Draws, asked: Sequence[Asked], size: int, seed: int = 0, context: Context | None = None) -> Images:
    """Draw one image for each of N molecules at doses.

    Parameters
    ----------
    asked : N of (SMILES or compound, dose in µM); images of equal ones are different draws.
    size : edge in px.

    Returns
    -------
    (N, C, size, size). No two images share their noise, unlike those of two molecules in one call of `CellModel.sample`.
    """
    groups = list(dict.fromkeys(asked))
    number = {what: k for k, what in enumerate(groups)}
    of = np.array([number[what] for what in asked], np.int64)
    found: Images | None = None
    for k, what in enumerate(groups):
        rows = np.flatnonzero(of == k)
        for begin in range(0, len(rows), AT_ONCE):
            part = rows[begin : begin + AT_ONCE]
            if context:
                context.progress(k / len(groups), f"images of molecule {k + 1} of {len(groups)}")
            noise = int(np.random.default_rng([seed, k, begin]).integers(2**31))
            images = model.sample([what], len(part), seed=noise, size=size)[0]
            found = np.empty((len(asked), *images.shape[1:]), np.uint8) if found is None else found
            found[part] = images
    if found is None:
        raise UserError("There is nothing to draw.", "Give images of at least one molecule.")
    return found


def pieces_like(images: ImageSet, model: Draws, size: int, each: int = 1, seed: int = 0) -> tuple[Images, NDArray[np.int64]]:
    """Make of real images what a model was trained on, at a size it draws.

    Parameters
    ----------
    images : N images.
    size : edge in px, at most that of a piece.
    each : pieces of a field that are cut out, when the model was trained on pieces.

    Returns
    -------
    (N·each, C, size, size) pieces at random places, turned and mirrored at random, and the number of the field of each; whole fields, once
    each, where the model was trained on whole ones. A piece shows as much as the
    model draws (see `piece_px`) and is shrunk to the size as in the flow's pyramid (see `averaged`).
    """
    if params_of(model).whole:
        fields = whole_fields(images, max(size, params_of(model).size))
        return averaged(fields, size, params_of(model).offset), np.arange(len(images))
    edge = piece_px(images, model)
    if min(images.images.shape[2:]) < edge:
        raise UserError(
            f"Images of {images.images.shape[2]} × {images.images.shape[3]} px are smaller than what the model draws, {edge} px of "
            "them.", "Give images that show as much.",
        )  # fmt: skip
    if size > edge:
        raise UserError(f"These images show {edge} px where the model draws {size} px.", f"Compare at {edge} px or less.", "size")
    pieces, source = random_crops(images.images, edge, each, seed)
    return averaged(pieces, size, params_of(model).offset), source


def piece_px(images: ImageSet, model: Draws) -> int:
    """Return the edge, in pixels of these images, of what a model draws: its own in µm, where both have a scale."""
    drawn_um, here_um = model.facts.get("pixel_um"), images.pixel_um
    if drawn_um and here_um and not params_of(model).whole:
        return round(int(model.facts["size"]) * float(drawn_um) / here_um)
    return params_of(model).size


def largest_size(images: ImageSet, model: Draws) -> int:
    """Return the largest size in px that a model draws and these images have."""
    size, most = int(model.facts["size"]), piece_px(images, model)
    while size > most:
        size //= 2
    return size


def averaged(images: Images, size: int, offset: float = OFFSET) -> Images:
    """Shrink (N, C, S, S) images to a size that divides theirs as a flow's pyramid does: by the mean of log(level + offset), see `Tone`."""
    n, c, height, width = images.shape
    factor = height // size
    if factor == 1:
        return images
    logs = np.log(np.arange(GREYS) + 0.5 + offset).astype(np.float32)[images]
    means = logs.reshape(n, c, size, factor, width // factor, factor).mean(axis=(3, 5), dtype=np.float32)
    return np.clip(np.floor(np.exp(means) - offset), 0, GREYS - 1).astype(np.uint8)


def params_of(model: Draws) -> TrainParams:
    """Return how a model was trained."""
    return TrainParams.from_dict(dict(model.facts["params"]))
