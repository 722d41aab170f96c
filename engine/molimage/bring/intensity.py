"""Brightness: percentiles of the control wells of each plate become 0 and 255, never the range of the file's number type."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.data.findings import Finding, named

LOW, HIGH = 0.1, 99.9  # percent
MOST_FIELDS = 32  # fields of a plate that its scale is fitted on
MOST_PIXELS = 2**16  # of each field and channel
SATURATED = 0.01  # share of pixels at the ceiling from which a channel is called saturated
DARK = 0.2  # share of pixels at exactly 0 from which the background counts as cut off
EMPTY = 0.05  # a field whose every channel spans less of its plate's range shows nothing
CEILINGS = {2**bits - 1: bits for bits in (8, 10, 12, 14, 16)}


@dataclass(frozen=True)
class Scale:
    """What becomes 0 and what becomes 255 in each channel of a plate, in units of the files."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def unit(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Bring (..., C, H, W) to [0, 1] float32, clipped."""
        low, span = self.low[:, None, None], (self.high - self.low)[:, None, None]
        return np.clip((pixels - low) / span, 0.0, 1.0).astype(np.float32)

    def bytes(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Bring (..., C, H, W) to 0 to 255: clipped, times 255, rounded."""
        return np.rint(self.unit(pixels) * np.float32(255)).astype(np.uint8)


def fit_scale(fields: Iterable[NDArray[Any]], low: float = LOW, high: float = HIGH) -> Scale:
    """Fit the scale of one plate.

    Parameters
    ----------
    fields : (..., C, H, W) arrays of the plate's control wells, or of all its wells when it has none.
    low, high : percentiles that become 0 and 255.

    Raises
    ------
    UserError
        When a channel has one value only; ``where`` is the number of that channel.
    """
    parts = [_some(each) for each in fields]
    values = np.concatenate(parts, axis=1)
    bottom, top = np.percentile(values, [low, high], axis=1)
    for channel in np.flatnonzero(top <= bottom):
        bottom[channel], top[channel] = values[channel].min(), values[channel].max()
        if top[channel] <= bottom[channel]:
            raise UserError(f"Channel {channel + 1} has one value only, {bottom[channel]:g}.", "Leave the channel out.", str(channel))
    return Scale(bottom, top)


def _some(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return (C, n) values of a field, spread evenly."""
    values = np.moveaxis(np.asarray(pixels, np.float32), -3, 0).reshape(pixels.shape[-3], -1)
    step = -(-values.shape[1] // MOST_PIXELS)
    return values[:, ::step]


@dataclass
class Ceiling:
    """Counts, over the fields of a set, how many pixels of each channel lie at the highest value there is, and at 0."""

    channels: int
    highest: NDArray[np.float64] = field(init=False)
    at_highest: NDArray[np.int64] = field(init=False)
    at_zero: NDArray[np.int64] = field(init=False)
    pixels: int = 0
    bits: int = 0

    def __post_init__(self) -> None:
        """Start with nothing seen."""
        self.highest = np.full(self.channels, -np.inf)
        self.at_highest, self.at_zero = np.zeros(self.channels, np.int64), np.zeros(self.channels, np.int64)

    def see(self, pixels: NDArray[Any]) -> None:
        """Count one (C, H, W) field in the units of its file."""
        flat = pixels.reshape(len(pixels), -1)
        top = flat.max(axis=1)
        count = (flat == top[:, None]).sum(axis=1)
        self.at_highest = np.where(top > self.highest, count, np.where(top == self.highest, self.at_highest + count, self.at_highest))
        self.highest = np.maximum(self.highest, top)
        self.at_zero += (flat == 0).sum(axis=1)
        self.pixels += flat.shape[1]
        self.bits = max(self.bits, 8 * pixels.dtype.itemsize if pixels.dtype.kind == "u" else 0)

    def findings(self, channels: tuple[str, ...]) -> list[Finding]:
        """Say which channels are saturated, whose background is cut off at 0, and that 12 bits lie in 16."""
        found = []
        full, dark = self.at_highest / max(self.pixels, 1), self.at_zero / max(self.pixels, 1)
        cut = [i for i in range(self.channels) if full[i] > SATURATED and self.highest[i] > 0]
        if cut:
            listed = named([f"{channels[i]} ({full[i]:.1%} of pixels at {self.highest[i]:,.0f})" for i in cut])
            message = f"Saturated: {listed}. What is brighter there was never recorded; expose less, or trust these channels less."
            found.append(Finding("saturated", "warn", message, channels[cut[0]], tuple(channels[i] for i in cut)))
        black = [i for i in range(self.channels) if dark[i] > DARK]
        if black:
            listed = named([f"{channels[i]} ({dark[i]:.0%})" for i in black])
            message = (
                f"Many pixels are exactly 0 in {listed}: the background was cut off. Noise of one grey level is added before training."
            )
            found.append(Finding("background-zero", "note", message, channels[black[0]], tuple(channels[i] for i in black)))
        top = self.highest.max() if self.channels else 0
        used = next((bits for ceiling, bits in sorted(CEILINGS.items()) if top <= ceiling), 0)
        if used and used < self.bits:
            message = (
                f"Values end at {top:,.0f}: {used} bits in {self.bits}-bit files. Brightness is scaled by percentiles, so nothing is lost."
            )
            found.append(Finding("bits", "note", message))
        return found
