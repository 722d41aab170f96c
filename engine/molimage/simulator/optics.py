"""The microscope: blur, light from out of focus, uneven illumination, gain, offset and camera noise."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.molimage.simulator import constants

Floats = NDArray[np.float32]
COARSE = 32  # pixels of the field in which the far-reaching haze is computed


@dataclass(frozen=True)
class Optics:
    """State of a microscope and a staining.

    Parameters
    ----------
    gain : factor on the light of each of the five channels.
    blur : factor on the point spread; 1 is in focus.
    falloff : relative loss of light in the corners.
    tilt : relative gain of light at the right edge against the left, and at the bottom against the top.
    has_noise : whether the camera adds shot and read noise.
    """

    gain: tuple[float, ...] = (1.0,) * len(constants.CHANNELS)
    blur: float = 1.0
    falloff: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    has_noise: bool = True

    def illumination(self, size: int) -> Floats:
        """(S, S) relative light over the field; 1 everywhere for a flat one."""
        at = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
        y, x = at[:, None], at[None, :]
        return (1 - self.falloff * (y * y + x * x) / 2 + 0.5 * (self.tilt[0] * y + self.tilt[1] * x)).astype(np.float32)

    def well(self, rng: np.random.Generator) -> "Optics":
        """Return the same microscope on one well of its plate, whose staining differs a little."""
        own = np.exp(constants.WELL_GAIN_SD * rng.standard_normal(len(self.gain)))
        return replace(self, gain=tuple((np.array(self.gain) * own).tolist()))


def plate_optics(rng: np.random.Generator) -> Optics:
    """Draw the batch effect of a plate: gains, focus and illumination."""
    low, high = constants.PLATE_BLUR
    return Optics(
        gain=tuple(np.exp(constants.PLATE_GAIN_SD * rng.standard_normal(len(constants.CHANNELS))).tolist()),
        blur=float(low + (high - low) * rng.beta(1.2, 3.0)),
        falloff=float(constants.PLATE_ILLUMINATION * rng.random()),
        tilt=tuple((constants.PLATE_ILLUMINATION / 2 * rng.uniform(-1, 1, 2)).tolist()),
    )


def photograph(amounts: Floats, optics: Optics, rng: np.random.Generator) -> Floats:
    """Return what a camera sees of amounts of stain.

    Parameters
    ----------
    amounts : (C, S, S) stain per pixel; full scale is 1.

    Returns
    -------
    (C, S, S) in [0, 1]: gain x illumination x (point spread * amounts + haze) + offset, with Poisson noise of `FULL_SCALE_COUNTS` (as a
    normal of the same variance) and read noise.
    """
    size = amounts.shape[-1]
    per_unit = size / constants.FIELD_UNITS
    seen = _haze(amounts) * np.float32(constants.HAZE_SHARE)
    for k, channel in enumerate(constants.CHANNELS):
        sharp = ndimage.gaussian_filter(amounts[k], constants.BLUR[channel] * optics.blur * per_unit, mode="nearest", truncate=3.0)
        sharp *= np.float32(1 - constants.HAZE_SHARE)
        seen[k] += sharp
    seen *= np.asarray(optics.gain, np.float32)[:, None, None] * optics.illumination(size)
    seen += np.float32(constants.OFFSET)
    if optics.has_noise:
        spread = np.sqrt(np.maximum(seen, 0) / np.float32(constants.FULL_SCALE_COUNTS) + np.float32(constants.READ_NOISE**2))
        seen += spread * rng.standard_normal(seen.shape, dtype=np.float32)
    return np.clip(seen, 0, 1, out=seen)


def _haze(amounts: Floats) -> Floats:
    """(C, S, S) the same light spread wide, computed coarsely because nothing of it is sharp."""
    size = amounts.shape[-1]
    coarse = min(COARSE, size)
    edges = np.arange(coarse) * size // coarse
    pixels = np.diff(np.append(edges, size)).astype(np.float32)
    means = np.add.reduceat(np.add.reduceat(amounts, edges, axis=1), edges, axis=2) / (pixels[:, None] * pixels)
    wide = ndimage.gaussian_filter(means, constants.HAZE_SD * coarse / constants.FIELD_UNITS, mode="nearest", axes=(1, 2))
    at = np.clip((np.arange(size) + 0.5) * coarse / size - 0.5, 0, coarse - 1)
    weights = np.maximum(1 - np.abs(at[:, None] - np.arange(coarse)), 0).astype(np.float32)
    return weights @ wide @ weights.T
