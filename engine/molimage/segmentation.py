"""Nuclei by threshold and distance transform, and the cell around each by watershed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]

DNA = ("dna", "dapi", "hoechst", "draq", "nuc")
CYTOPLASM = ("agp", "rna", "er", "actin", "tubulin", "phalloidin", "syto", "cona")  # in the order of preference
DIAMETER_PX = 10.0
SMALLEST_SHARE = 0.08  # of the area of a typical nucleus; less is a speck
SMOOTHED_SHARE = 0.06  # of the typical diameter: sd of the blur before the threshold
SPLIT_SHARE = 0.12  # of the typical diameter: how far a neck must lie below the tops on its two sides
OUTLINE = 0.5  # of the way from the background to a nucleus: where a blurred edge truly is
FAINT = 2.0  # grey levels added before the logarithm of the cytoplasm, so that the noise of black does not count
CLEAR = 4.0  # nuclei must be brighter than the background by so many of its sd; two halves of pure noise differ by 2.7
CROWDED = 8.0  # cells below the threshold must be brighter than the background by so many of its sd
CROWDED_SHARE = 0.25  # of a field that is background at most where cells cover nearly all of it
ITERATIONS = 50


@dataclass(frozen=True)
class Segmented:
    """Nuclei and cells of a field, numbered alike: cell k is the one around nucleus k.

    Parameters
    ----------
    nuclei, cells : (H, W) int32, 0 is background.
    is_whole : (n,) whether nucleus 1 ... n lies off the border of the field.
    occupied : (H, W) whether there is a cell, with a nucleus in the field or not.
    """

    nuclei: Labels
    cells: Labels
    is_whole: Mask
    occupied: Mask

    @property
    def n(self) -> int:
        """Number of nuclei, those cut by the border included."""
        return len(self.is_whole)


def dna_channel(channels: Sequence[str]) -> int:
    """Return the channel that shows nuclei, by its name; the first where no name tells."""
    return next((k for k, name in enumerate(channels) if any(part in name.lower() for part in DNA)), 0)


def cytoplasm_channels(channels: Sequence[str]) -> list[int]:
    """Return the channels that fill a cell, by their names at most the three best; all but DNA where no name tells."""
    names = [name.lower() for name in channels]
    dna = dna_channel(channels)
    told = [k for part in CYTOPLASM for k, name in enumerate(names) if k != dna and (name == part or (len(part) > 3 and part in name))]
    return list(dict.fromkeys(told))[:3] or [k for k in range(len(names)) if k != dna]


def typical_diameter_px(images: NDArray[np.uint8], channels: Sequence[str], most: int = 40) -> float:
    """Return the diameter of a typical nucleus, twice the median radius of the largest circle inside the blobs of the DNA channel.

    Parameters
    ----------
    images : (N, C, H, W) uint8; up to ``most`` of them, evenly spaced, are looked at.

    Returns
    -------
    Diameter in px of the images, between 4 and half a side; 10 where no nucleus is seen. Measure it once, on real images, and hand the same
    one to `segment` for real and generated ones.
    """
    radii: list[float] = []
    for image in images[:: max(1, len(images) // most)][:most]:
        mask = nuclear_mask(ndimage.gaussian_filter(image[dna_channel(channels)].astype(np.float32), 1.0))
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        blobs, n = ndimage.label(mask)
        radii += [float(r) for r in ndimage.maximum(depth, blobs, np.arange(1, n + 1)) if r >= 1.5]
    if not radii:
        return DIAMETER_PX
    return float(np.clip(2 * np.median(radii), 4.0, min(images.shape[2:]) / 2))


def segment(image: NDArray[np.uint8], channels: Sequence[str], diameter_px: float = DIAMETER_PX) -> Segmented:
    """Find the nuclei and cells of one field.

    Parameters
    ----------
    image : (C, H, W) uint8.
    channels : names of the C channels; they say which one shows DNA and which ones fill the cell.
    diameter_px : of a typical nucleus, see `typical_diameter_px`.

    Returns
    -------
    Segmented, with no nucleus at all where none stands out of the background.

    Notes
    -----
    The DNA channel, blurred a little, is cut at the threshold of least cross-entropy (Li and Tam 1998), found again with bright nuclei
    clipped to the median one, or a few mitotic ones would hide the rest. Where the distance to the background has two tops with a neck
    between them that is lower by 0.12 diameters, a watershed cuts the blob in two. Each nucleus ends where it is half as bright as its
    brighter half, above the background. Cells: pixels above the same kind of threshold in the logarithm of the
    cytoplasm's light, so out to its faint rim, go to the nucleus that a watershed over the brightness reaches first.
    """
    from skimage.segmentation import watershed

    blur_px = max(0.5, SMOOTHED_SHARE * diameter_px)
    dna = ndimage.gaussian_filter(image[dna_channel(channels)].astype(np.float32), blur_px)
    mask = nuclear_mask(dna)
    nuclei = _outlined(_split(ndimage.binary_fill_holes(mask), diameter_px), dna)
    smallest = SMALLEST_SHARE * np.pi / 4 * diameter_px**2
    kept = np.bincount(nuclei.ravel()) >= smallest
    kept[0] = False
    nuclei = (np.cumsum(kept) * kept).astype(np.int32)[nuclei]
    n = int(kept.sum())
    border = np.unique(np.concatenate([nuclei[0], nuclei[-1], nuclei[:, 0], nuclei[:, -1]]))
    is_whole = ~np.isin(np.arange(1, n + 1), border)
    others = cytoplasm_channels(channels)
    if n == 0 or not others:
        return Segmented(nuclei, nuclei, is_whole, nuclei > 0)
    light = ndimage.gaussian_filter(image[others].astype(np.float32).mean(axis=0), blur_px)
    inside = cell_mask(light) | (nuclei > 0)
    return Segmented(nuclei, watershed(-light, nuclei, mask=inside).astype(np.int32), is_whole, inside)


def nuclear_mask(dna: Floats) -> Mask:
    """Return where a smoothed DNA channel is above its threshold; nowhere when what is above does not stand out."""
    mask: Mask = dna > least_cross_entropy(dna)
    inside, outside = dna[mask], dna[~mask]
    if len(inside) == 0 or len(outside) == 0 or inside.mean() - outside.mean() < CLEAR * outside.std():
        return np.zeros_like(mask)
    clipped = np.minimum(dna, np.median(inside))
    found: Mask = dna > least_cross_entropy(clipped)
    return found


def cell_mask(light: Floats) -> Mask:
    """Return where a smoothed channel of the cytoplasm is above the threshold of its logarithm, so out to the faint rim of a cell.

    Notes
    -----
    Where cells cover nearly all of a field the threshold parts bright cells from faint ones. What lies below it is then itself two things,
    cells and background, so it is parted once more; a background alone, haze and noise, has no two parts so far from each other.
    """
    light = light - light.min() + np.float32(FAINT)
    level = np.log(light)
    threshold = least_cross_entropy(level)
    below = level <= threshold
    lower = least_cross_entropy(level[below])
    cells, background = light[below & (level > lower)], light[level <= lower]
    is_crowded = len(background) < CROWDED_SHARE * light.size
    if is_crowded and len(cells) and cells.mean() - background.mean() > CROWDED * background.std():
        threshold = lower
    found: Mask = level > threshold
    return found


def least_cross_entropy(values: Floats) -> float:
    """Return the threshold t of least cross-entropy: Li's t = (b - a) / (ln b - ln a) with a and b the means below and above t.

    Notes
    -----
    It starts from the mean and works on a histogram of 512 steps, the darkest value taken as 0.
    """
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        return high
    counts, edges = np.histogram(values, bins=512, range=(low, high))
    level = (edges[:-1] + edges[1:]) / 2 - low
    number, total = np.cumsum(counts), np.cumsum(counts * level)
    threshold = total[-1] / number[-1]
    for _ in range(ITERATIONS):
        k = min(int(np.searchsorted(level, threshold, side="right")) - 1, len(level) - 2)
        if k < 0 or number[k] == 0 or number[k] == number[-1]:
            break
        below, above = total[k] / number[k], (total[-1] - total[k]) / (number[-1] - number[k])
        before, threshold = threshold, (above - below) / (np.log(above) - np.log(below)) if below > 0 else threshold
        if abs(threshold - before) < level[1] - level[0]:
            break
    return float(threshold + low)


def _outlined(nuclei: Labels, dna: Floats) -> Labels:
    """Take from each nucleus the halo that is less than half as bright as its brighter half, above the background."""
    if not nuclei.any():
        return nuclei
    dark = np.median(dna[nuclei == 0]) if (nuclei == 0).any() else dna.min()
    n = int(nuclei.max()) + 1
    mean = _means(nuclei, dna, n)
    inner = _means(np.where(dna > mean[nuclei], nuclei, 0), dna, n)  # the halo must not lower the brightness by which it is judged
    return np.where(dna > dark + OUTLINE * (inner[nuclei] - dark), nuclei, 0)


def _means(labels: Labels, values: Floats, n: int) -> NDArray[np.float64]:
    """(n,) mean of the values in each label, 0 included."""
    total = np.bincount(labels.ravel(), values.ravel(), minlength=n)
    return np.asarray(total / np.maximum(np.bincount(labels.ravel(), minlength=n), 1))


def _split(mask: Mask, diameter_px: float) -> Labels:
    """Give numbers to the blobs of a mask, those with a neck cut in two."""
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    depth = ndimage.gaussian_filter(depth.astype(np.float32), 0.05 * diameter_px)
    tops, _ = ndimage.label(h_maxima(depth, SPLIT_SHARE * diameter_px), np.ones((3, 3)))
    return watershed(-depth, tops, mask=mask).astype(np.int32)
