"""From fields to squares: averaged by whole numbers, cut to sides that halve evenly, never enlarged."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError

Crop = Literal["whole", "centre", "tiles"]


@dataclass(frozen=True)
class Cutting:
    """How a field becomes one square image or several.

    Attributes
    ----------
    size : side of the images in px; None takes the largest that fits.
    crop : ``whole`` (the largest centred square that averages down to ``size``), ``centre`` (one square of the middle) or ``tiles`` (all
        squares that fit, around the middle).
    shrink : each output pixel of ``centre`` and ``tiles`` is the mean of shrink × shrink; ``whole`` finds its own when ``size`` is given.
    levels : sides are multiples of 2^levels, so that a Haar pyramid of so many levels fits.
    """

    size: int | None = None
    crop: Crop = "whole"
    shrink: int = 1
    levels: int = 3

    def __post_init__(self) -> None:
        """Check that the side asked for halves evenly."""
        unit = 2**self.levels
        if self.crop not in ("whole", "centre", "tiles"):
            raise UserError(f"There is no way '{self.crop}' to cut a field.", "Choose whole, centre or tiles.", "crop")
        if self.shrink < 1 or self.levels < 0:
            raise UserError("Averaging and levels are whole numbers from 1 and 0 up.", "", "shrink" if self.shrink < 1 else "levels")
        if self.size is not None and (self.size < unit or self.size % unit):
            near = max(unit, self.size // unit * unit)
            raise UserError(f"Images of {self.size} px do not halve {self.levels} times.", f"Take {near} or {near + unit} px.", "size")

    def fitting(self, height: int, width: int) -> tuple[int, int]:
        """Return the side in px and the averaging factor for a field, or raise `UserError` when it is too small."""
        unit = 2**self.levels
        shorter = min(height, width)
        shrink = shorter // self.size if self.crop == "whole" and self.size else self.shrink
        size = self.size or shorter // shrink // unit * unit
        if not shrink or not size or size * shrink > shorter:
            wanted = self.size or unit
            message = f"A field of {height:,} × {width:,} px is too small for images of {wanted} px" + (
                f" averaged by {shrink}." if shrink > 1 else "."
            )
            raise UserError(message, "Choose a smaller size; images are never enlarged.", "size")
        return size, shrink

    def squares(self, height: int, width: int) -> list[tuple[int, int]]:
        """Return the top-left corner of each square in the field, row by row, in px of the field."""
        size, shrink = self.fitting(height, width)
        side = size * shrink
        down, across = (height // side, width // side) if self.crop == "tiles" else (1, 1)
        top, left = (height - down * side) // 2, (width - across * side) // 2
        return [(top + i * side, left + j * side) for i in range(down) for j in range(across)]

    def cut(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Cut a (C, H, W) field into (n, C, size, size) float32 squares, each pixel the mean of shrink × shrink."""
        height, width = pixels.shape[1:]
        size, shrink = self.fitting(height, width)
        side = size * shrink
        corners = self.squares(height, width)
        return np.stack([averaged(pixels[:, top : top + side, left : left + side], shrink) for top, left in corners])

    def lost(self, height: int, width: int) -> int:
        """Count the pixels of the field that lie in no square."""
        size, shrink = self.fitting(height, width)
        return height * width - len(self.squares(height, width)) * (size * shrink) ** 2


def averaged(pixels: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Average factor × factor blocks of (..., H, W); H and W are multiples of the factor."""
    if factor == 1:
        return pixels.astype(np.float32)
    height, width = pixels.shape[-2] // factor, pixels.shape[-1] // factor
    return pixels.reshape(*pixels.shape[:-2], height, factor, width, factor).mean(axis=(-3, -1), dtype=np.float32)
