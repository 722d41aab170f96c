"""One image as its file holds it: channels × height × width, and the rule by which other axes are left."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.core.images import Origin
from engine.data.findings import Refusal, Repair, refuse

READ_IMAGES = "engine.molimage.bring.read_images"
MAX_VALUES = 2**28  # pixels × channels × planes of one file
AXES = {"Z": "focus planes", "T": "time points"}
Depth = Literal["", "channels", "max"]


@dataclass(frozen=True)
class Stack:
    """The pixels of one image file.

    Attributes
    ----------
    pixels : (C, H, W) unsigned integers or float32, in the units of the file.
    channels : names that the file gives its channels; empty when it gives none.
    pixel_um : edge of a pixel in µm; None when the file does not say.
    origin : ``simulated`` when the file says that a simulator or a model made it.
    """

    pixels: NDArray[Any]
    channels: tuple[str, ...] = ()
    pixel_um: float | None = None
    origin: Origin = "real"


def again(label: str, asks: str = "", **options: Any) -> Repair:
    """Offer to read the images again with these options."""
    return Repair(label, READ_IMAGES, options, asks)


def check_shape(shape: Sequence[int], name: str, most: int = MAX_VALUES) -> None:
    """Refuse an image of more values than are read at once, before any of them is."""
    if prod(shape) > most:
        sides = " × ".join(f"{side:,}" for side in shape)
        message = f"{name} has {sides} values, more than {most / 1e6:,.0f} million. Cut it into fields first."
        raise refuse("image-large", message, where=name)
    if not prod(shape):
        raise refuse("image-empty", f"{name} holds no pixels.", where=name)


def check_values(pixels: NDArray[Any], name: str) -> NDArray[Any]:
    """Return unsigned integers or finite float32; refuse what cannot be a brightness."""
    if pixels.dtype.kind == "u":
        return pixels
    if pixels.dtype.kind not in "if":
        raise refuse("image-kind", f"{name} holds values of kind {pixels.dtype}, which are no brightness.", where=name)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise refuse("image-kind", f"{name} holds values that are missing or infinite.", where=name)
    if pixels.dtype.kind == "i" and pixels.min() < 0:
        raise refuse("image-kind", f"{name} holds negative values; a detector counts from 0.", where=name)
    return pixels.astype(np.float32)


def planes(pixels: NDArray[Any], axes: str, name: str, depth: Depth = "", expected: int | None = None) -> NDArray[Any]:
    """Bring an image of named axes to (C, H, W).

    Parameters
    ----------
    pixels : array of one axis per letter.
    axes : letters as in OME: Y, X, C (channel), Z (focus), T (time); any other letter is an axis the file does not name.
    depth : what further axes mean: ``channels`` (pages without a name are channels), ``max`` (keep the brightest of each pixel over focus
        or time); empty: ask.
    expected : number of channels that the user named; as many pages without a name are channels.

    Raises
    ------
    UserError
        When the meaning of an axis is the user's to say.
    """
    kept = [i for i, axis in enumerate(axes) if axis in "YX" or pixels.shape[i] > 1]
    axes = "".join(axes[i] for i in kept)
    pixels = pixels.reshape([pixels.shape[i] for i in kept])
    for axis in [letter for letter in axes if letter not in "CYX"]:
        place = axes.index(axis)
        count = pixels.shape[place]
        is_named = axis in AXES
        if not is_named and "C" not in axes and (depth == "channels" or (not depth and count == expected)):
            axes = axes.replace(axis, "C")
        elif depth == "max":
            pixels, axes = pixels.max(axis=place), axes.replace(axis, "")
        else:
            raise _asked(name, axis, count)
    order = [axes.index(axis) for axis in ("CYX" if "C" in axes else "YX")]
    pixels = pixels.transpose(order)
    return pixels if pixels.ndim == 3 else pixels[None]


def _asked(name: str, axis: str, count: int) -> UserError:
    brightest = again("Keep the brightest of each pixel", depth="max")
    if axis in AXES:
        message = f"{name} is a stack of {count} {AXES[axis]}; a model reads single images. Say how to join them, or export one of them."
        return refuse("image-stack", message, brightest, where=name)
    message = f"{name} holds {count} pages and does not say whether they are channels, focus planes or time points."
    return refuse("image-pages", message, again("They are channels", depth="channels"), brightest, where=name)


def grey_or_colours(pixels: NDArray[Any], name: str, colours: Sequence[str]) -> Stack:
    """Turn (H, W, 3 or 4) colours into one grey channel where all are equal, into three where the user says which stain each is.

    Raises
    ------
    UserError
        When the colours differ and nobody said what they show.
    """
    colour = pixels[..., :3]
    if len(colours) == 3:
        return Stack(np.ascontiguousarray(colour.transpose(2, 0, 1)), tuple(colours))
    if (colour == colour[..., :1]).all():
        return Stack(np.ascontiguousarray(colour[None, ..., 0]))
    raise colour_image(name)


def colour_image(name: str) -> Refusal:
    """Make the error that asks what the colours of an image show."""
    message = f"{name} is an RGB image. Map each colour to a stain, or supply single channels."
    offer = again("Map each colour to a stain", asks="colours")
    return refuse("image-rgb", message, offer, where=name)
