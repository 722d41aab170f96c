"""Which channel shows what: by the name of the dye, and DNA by its compact objects where names are silent."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# the first pattern that fits decides, so the special ones stand first
DYES = (
    ("RNA", r"bleed|syto ?-?_?(14|rna)|\brna\b|nucleol|rnaselect"),
    ("ER", r"ersyto|con ?-?_?a\b|concanavalin|\ber\b|endoplasmic|calnexin"),
    ("Mito", r"mito"),
    ("DNA", r"hoechst|dapi|\bdna\b|h33342|draq|nucle(us|i|ar)\b|propidium"),
    ("Tubulin", r"tubulin|microtub"),
    ("AGP", r"\bagp\b|phalloidin.*wga|wga|ph_?-? ?golgi|golgi|plasma ?membrane|phalloidin"),
    ("Actin", r"actin"),
    ("RNA", r"syto"),
    ("Brightfield", r"bright ?_?-?field|\bbf\b|transmi"),
)  # fmt: skip
JUMP = {1: "Mito", 2: "AGP", 3: "RNA", 4: "ER", 5: "DNA", 6: "Brightfield", 7: "Brightfield high", 8: "Brightfield low"}
FEWEST = 3  # compact objects per field, below which no channel is called DNA
SIDE = 256  # px to which fields are averaged before objects are counted
COMPACT = 0.9  # area over the area of the ellipse of the same second moments; 1 for an ellipse


@dataclass(frozen=True)
class ChannelGuess:
    """What a channel is taken to show, and why.

    Attributes
    ----------
    name : as the file or the table calls it.
    stain : DNA, ER, RNA, AGP, Mito, another stain, or the name itself.
    reason : ``name``, ``compact objects`` or ``unknown``.
    """

    name: str
    stain: str
    reason: str


def stain_of(name: str) -> str:
    """Return the stain that a channel's name speaks of, or empty text."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-.]+", " ", name).lower()
    plain = name.lower()
    return next((stain for stain, pattern in DYES if re.search(pattern, plain) or re.search(pattern, text)), "")


def guess_channels(names: Sequence[str], images: NDArray[Any] | None = None) -> tuple[ChannelGuess, ...]:
    """Guess the stain of each channel.

    Parameters
    ----------
    names : of the channels, in order; empty text where there is none.
    images : (N, C, H, W) a few fields; where no name speaks of DNA, the channel with most compact objects is taken for it.

    Returns
    -------
    One guess per channel; a stain is given to one channel only, the first whose name fits.
    """
    found: list[ChannelGuess] = []
    for i, name in enumerate(names):
        stain = stain_of(name)
        if stain and stain not in [guess.stain for guess in found]:
            found.append(ChannelGuess(name, stain, "name"))
        else:
            found.append(ChannelGuess(name, name or f"channel {i + 1}", "unknown"))
    if images is None or any(guess.stain == "DNA" for guess in found):
        return tuple(found)
    dna = guess_dna(images, [i for i, guess in enumerate(found) if guess.reason == "unknown"])
    if dna is not None:
        found[dna] = ChannelGuess(found[dna].name, "DNA", "compact objects")
    return tuple(found)


def guess_dna(images: NDArray[Any], among: Sequence[int] | None = None) -> int | None:
    """Return the channel whose bright objects are most often compact, as nuclei are, or None when none has any.

    Parameters
    ----------
    images : (N, C, H, W).
    among : numbers of the channels that come into question.
    """
    choices = range(images.shape[1]) if among is None else among
    scores = {channel: np.mean([compact_objects(field[channel]) for field in images]) for channel in choices}
    best = max(scores, key=lambda channel: scores[channel], default=None)
    return best if best is not None and scores[best] >= FEWEST else None


def compact_objects(pixels: NDArray[Any]) -> float:
    """Count the objects above Otsu's threshold that fill the ellipse of their second moments, less those that do not.

    Parameters
    ----------
    pixels : (H, W) one channel.

    Notes
    -----
    An ellipse of second-moment matrix S has area 4π √det S. A nucleus fills it; a network, a ring or a cell with processes does not.
    Objects of less than 12 px, after averaging to about 256 px, and those beyond a twentieth of the field, are not counted at all.
    """
    factor = max(1, min(pixels.shape) // SIDE)
    height, width = (side // factor * factor for side in pixels.shape)
    small = pixels[:height, :width].reshape(height // factor, factor, width // factor, factor).mean(axis=(1, 3))
    small = ndimage.gaussian_filter(small.astype(np.float32), 1.0)
    labels, count = ndimage.label(small > otsu(small))
    if not count:
        return 0.0
    numbers = np.arange(1, count + 1)
    rows, columns = np.indices(small.shape, dtype=np.float64)
    area = ndimage.sum_labels(np.ones_like(small), labels, numbers)
    mean_row, mean_column = ndimage.mean(rows, labels, numbers), ndimage.mean(columns, labels, numbers)
    row_row = ndimage.mean(rows**2, labels, numbers) - mean_row**2 + 1 / 12
    column_column = ndimage.mean(columns**2, labels, numbers) - mean_column**2 + 1 / 12
    row_column = ndimage.mean(rows * columns, labels, numbers) - mean_row * mean_column
    ellipse = 4 * np.pi * np.sqrt(np.maximum(row_row * column_column - row_column**2, 1e-12))
    counted = (area >= 12) & (area <= small.size / 20)
    is_compact = area / ellipse >= COMPACT
    return float((counted & is_compact).sum() - (counted & ~is_compact).sum())


def otsu(pixels: NDArray[Any]) -> float:
    """Return the threshold that leaves least variance within the two sides (Otsu 1979), on 256 bins up to the 99.9th percentile."""
    low, high = float(pixels.min()), float(np.percentile(pixels, 99.9))
    if high <= low:
        return high
    counts, edges = np.histogram(np.clip(pixels, low, high), bins=256, range=(low, high))
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = pixels.size - below
    total = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total[:-1] / below - (total[-1] - total[:-1]) / above) ** 2
    return float(edges[1:-1][np.nanargmax(between)])
