"""The profile of an image: statistics of its levels, scales and channels, by which images are compared and judged."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

Floats = NDArray[np.float32]

GREYS = 256
WHITE = 0.99  # joint quantile of all channels that counts as white: the gain of a plate must not be a statistic
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.97, 0.995)
SIGMAS_PX = (0.7, 1.1, 1.8, 2.8, 4.4, 7.0)  # of Gaussians; the difference of two neighbours is a band
RING_EDGES = np.geomspace(1 / 32, 1 / 2, 9)  # cycles per pixel
CHUNK_PX = 1 << 18  # pixels of all channels worked on at a time: a few MiB, so that they stay near the processor
TINY = 1e-6


def profiles(images: NDArray[np.uint8]) -> Floats:
    """Return the profile of each image; two images of other size but the same pixel can be compared.

    Parameters
    ----------
    images : (N, C, H, W) uint8, 1 to 8 channels, sides of 32 to 512 px.

    Returns
    -------
    (N, F) float32 in the order of `profile_names`; finite for any image, a black one too.

    Notes
    -----
    Each image x is first divided by the 0.99 quantile of all its channels together. Statistics: mean, log sd, skewness, quantiles of each
    channel; log share of its power in rings of frequency; of each difference of Gaussians b the log sd, the cube root of its skewness and
    the log of its kurtosis; correlations between channels of x, of b, and of abs(b), which says that where one channel has detail the other
    has it too; and the correlation of abs(b) with abs(b) of the next band, by which an outline differs from grain. The sides are mirrored
    (a cosine transform), so an edge of the field makes no detail.
    """
    n, channels, height, width = images.shape
    step = max(1, CHUNK_PX // (channels * height * width))
    parts = [_chunk(images[begin : begin + step]) for begin in range(0, n, step)]
    return np.concatenate(parts) if parts else np.zeros((0, len(profile_names("?" * channels))), np.float32)


def profile_names(channels: Sequence[str]) -> tuple[str, ...]:
    """Name the statistics of `profiles` for channels of these names."""
    bands = [f"band {a:g}-{b:g} px" for a, b in pairwise(SIGMAS_PX)]
    rings = [f"power 1/{1 / a:.3g}-1/{1 / b:.3g} px" for a, b in pairwise(RING_EDGES)]
    pairs = [f"{a}-{b}" for a, b in combinations(channels, 2)]
    levels = ["mean", "log sd", "skewness", *(f"quantile {q:g}" for q in QUANTILES), *rings]
    names = [f"{channel}: {level}" for channel in channels for level in levels]
    names += [f"{pair}: correlation" for pair in pairs]
    for band in bands:
        names += [f"{channel}: {band} {moment}" for channel in channels for moment in ("log sd", "skewness", "kurtosis")]
        names += [f"{pair}: {band} correlation" for pair in pairs]
        names += [f"{pair}: {band} correlation of detail" for pair in pairs]
    return tuple(names + [f"{channel}: {band} with the next" for band in bands[:-1] for channel in channels])


def _chunk(images: NDArray[np.uint8]) -> Floats:
    n, channels, height, width = images.shape
    counts = _histograms(images)
    white = np.maximum(_quantile(counts.sum(axis=1), WHITE), 1.0)
    field = images.astype(np.float32) / white[:, None, None, None].astype(np.float32)
    waves: Floats = dctn(field, axes=(2, 3), norm="ortho")
    squared = (np.arange(height) / (2 * height))[:, None] ** 2 + (np.arange(width) / (2 * width)) ** 2  # (cycles per pixel)²
    levels = np.concatenate([_levels(counts, white), _rings(waves, np.sqrt(squared))], axis=-1)
    flat: Floats = np.asarray(field.reshape(n, channels, -1), np.float32)
    parts = [levels.reshape(n, -1), _correlations(_standardised(flat)[0])]
    details = []
    for band in _bands(waves, squared):
        unit, sd = _standardised(band)
        square = unit * unit
        skewness, kurtosis = (
            np.einsum("ncp,ncp->nc", square, unit) / unit.shape[-1],
            np.einsum("ncp,ncp->nc", square, square) / unit.shape[-1],
        )
        parts.append(np.stack([np.log(sd), np.cbrt(skewness), np.log(kurtosis + 0.1)], axis=-1).reshape(n, -1))
        details.append(_standardised(np.abs(unit))[0])
        parts += [_correlations(unit), _correlations(details[-1])]
    along = [np.einsum("ncp,ncp->nc", a, b) / a.shape[-1] for a, b in pairwise(details)]
    return np.concatenate(parts + along, axis=1).astype(np.float32)


def _histograms(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(N, C, 256) how many pixels have each level."""
    n, channels = images.shape[:2]
    offset = (np.arange(n * channels) * GREYS).reshape(n, channels, 1, 1)
    return np.bincount((images + offset).ravel(), minlength=n * channels * GREYS).reshape(n, channels, GREYS)


def _quantile(counts: NDArray[np.int64], share: float) -> NDArray[np.float64]:
    """Return the level below which a share of the pixels lies, the pixels of a level spread evenly over half a level to both sides."""
    below = counts.cumsum(axis=-1)
    target = share * below[..., -1]
    level = (below < target[..., None]).sum(axis=-1)
    here = np.take_along_axis(counts, level[..., None], axis=-1)[..., 0]
    rest = target - np.take_along_axis(below, level[..., None], axis=-1)[..., 0] + here
    return level - 0.5 + rest / np.maximum(here, 1)


def _levels(counts: NDArray[np.int64], white: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, C, 3 + quantiles) mean, log sd, skewness and quantiles of the levels, all from their histogram."""
    value = np.arange(GREYS) / white[:, None, None]
    share = counts / counts.sum(axis=-1, keepdims=True)
    mean = (share * value).sum(axis=-1)
    apart = value - mean[..., None]
    sd = np.sqrt((share * apart**2).sum(axis=-1)) + TINY
    skewness = (share * apart**3).sum(axis=-1) / sd**3
    quantiles = [_quantile(counts, share) / white[:, None] for share in QUANTILES]
    return np.stack([mean, np.log(sd + 1e-3), skewness, *quantiles], axis=-1)


def _rings(waves: Floats, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, C, rings) log share of the power in each ring of frequency."""
    ring = np.digitize(frequency.ravel(), RING_EDGES)
    inside = (ring[:, None] == np.arange(1, len(RING_EDGES))).astype(np.float32)
    power = (waves * waves).reshape(*waves.shape[:2], -1) @ inside
    return np.log(power / (power.sum(axis=-1, keepdims=True) + TINY) + TINY)


def _bands(waves: Floats, squared: NDArray[np.float64]) -> Iterator[Floats]:
    """Yield (N, C, H·W) each difference of two neighbouring Gaussians."""
    blurs = [np.exp(-2 * np.pi**2 * sigma**2 * squared).astype(np.float32) for sigma in SIGMAS_PX]
    for narrow, wide in pairwise(blurs):
        band: Floats = idctn(waves * (narrow - wide), axes=(2, 3), norm="ortho")
        yield band.reshape(*waves.shape[:2], -1)


def _standardised(values: Floats) -> tuple[Floats, Floats]:
    """Return values of mean 0 and sd 1 along the last axis, and the sd; flat ones stay 0."""
    apart = values - values.mean(axis=-1, keepdims=True)
    sd = np.sqrt(np.einsum("ncp,ncp->nc", apart, apart) / values.shape[-1]) + np.float32(TINY)
    apart /= sd[..., None]
    return apart, sd


def _correlations(unit: Floats) -> Floats:
    """(N, pairs) mean products of standardised channels."""
    product = unit @ unit.transpose(0, 2, 1) / unit.shape[-1]
    first, second = np.triu_indices(unit.shape[1], 1)
    return product[:, first, second]
