"""From 8-bit grey levels to the scale on which the flow works, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OFFSET = 4.0  # grey levels added before the logarithm: keeps the dark background from filling the scale
GREYS = 256
UNIFORM_SD = 12**-0.5


@dataclass(frozen=True)
class Tone:
    """Logarithm of grey levels, standardised per channel.

    Parameters
    ----------
    mean, sd : one of each per channel, of log(level + offset).
    offset : grey levels added before the logarithm.

    Notes
    -----
    y = (log(k + u + offset) - mean) / sd for the grey level k and uniform u in [0, 1): dequantised, so that a flat background has a finite
    density. The logarithm gave the lowest loss of the scales tried (log, square root, raw).

    Examples
    --------
    >>> import numpy as np
    >>> images = np.arange(128, dtype=np.uint8).reshape(1, 2, 8, 8)
    >>> tone = Tone.fit(images)
    >>> bool((tone.levels(tone.values(images, 0.5)) == images).all())
    True
    """

    mean: tuple[float, ...]
    sd: tuple[float, ...]
    offset: float = OFFSET

    @classmethod
    def fit(cls, images: NDArray[np.uint8], offset: float = OFFSET) -> "Tone":
        """Measure the scale on images (N, C, H, W)."""
        value = np.log(np.arange(GREYS) + 0.5 + offset)
        means, sds = [], []
        for channel in range(images.shape[1]):
            share = np.bincount(images[:, channel].ravel(), minlength=GREYS) / images[:, channel].size
            means.append(float(share @ value))
            sds.append(float(np.sqrt(share @ (value - means[-1]) ** 2)) + 1e-3)
        return cls(tuple(means), tuple(sds), offset)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Tone":
        """Read what `dataclasses.asdict` made of a tone; older models have no offset."""
        return cls(tuple(values["mean"]), tuple(values["sd"]), values.get("offset", OFFSET))

    def values(self, images: NDArray[np.uint8], noise: Any) -> NDArray[np.float32]:
        """Return (N, C, H, W) values of grey levels plus noise in [0, 1)."""
        scaled = np.log(images.astype(np.float32) + np.asarray(noise, np.float32) + np.float32(self.offset))
        scaled -= _per_channel(self.mean)
        scaled /= _per_channel(self.sd)
        return scaled

    def levels(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the grey levels that values lie in; those beyond black and white are clipped."""
        greys = np.exp(np.minimum(values * _per_channel(self.sd) + _per_channel(self.mean), np.float32(6.0))) - np.float32(self.offset)
        return np.clip(np.floor(greys), 0, GREYS - 1).astype(np.uint8)

    def log_det(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """(N,) log-determinant of `values` with respect to grey levels."""
        logs = values.astype(np.float64) * _per_channel(self.sd) + _per_channel(self.mean)
        pixels = values.shape[2] * values.shape[3]
        total: NDArray[np.float64] = -logs.sum(axis=(1, 2, 3)) - pixels * float(np.log(self.sd).sum())
        return total


def _per_channel(numbers: tuple[float, ...]) -> NDArray[np.float32]:
    return np.asarray(numbers, np.float32)[:, None, None]
