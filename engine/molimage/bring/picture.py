"""Pictures of images: stains in colour laid over each other, and a tag burnt into the corner."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError

# the colours of cell painting's five stains add up to less than white, so that a nucleus is blue where all of them lie over each other
COLOURS = {
    "DNA": "#1a4dff", "ER": "#0a9c30", "RNA": "#143a50", "AGP": "#c06010", "Mito": "#d01c3c", "Tubulin": "#35c46a", "Actin": "#ff5a4a",
}  # fmt: skip
SPARE = ("#ffffff", "#2ec7d6", "#d05ad6", "#9ad63a")  # for stains without a colour of their own
SIMULATED = "simulated training data"
PAD = 1  # dark px around a tag
SIDE_OF_ONE = 256  # px of side per px of a letter's dots
# 3 × 5 dots per letter, drawn for this file: five octal digits, the top row first, 4 is the left dot
LETTERS = {
    "A": 0o25755, "B": 0o65656, "C": 0o34443, "D": 0o65556, "E": 0o74647, "F": 0o74644, "G": 0o34553, "H": 0o55755, "I": 0o72227,
    "J": 0o11152, "K": 0o55655, "L": 0o44447, "M": 0o57755, "N": 0o57775, "O": 0o25552, "P": 0o65644, "Q": 0o25573, "R": 0o65655,
    "S": 0o34216, "T": 0o72222, "U": 0o55557, "V": 0o55552, "W": 0o55775, "X": 0o55255, "Y": 0o55222, "Z": 0o71247,
    "0": 0o75557, "1": 0o26227, "2": 0o61247, "3": 0o61216, "4": 0o55711, "5": 0o74616, "6": 0o34757, "7": 0o71222, "8": 0o75757,
    "9": 0o75716, " ": 0o00000, ".": 0o00002, ",": 0o00024, ":": 0o02020, "-": 0o00700, "_": 0o00007, "/": 0o11244, "(": 0o24442,
    ")": 0o21112, "+": 0o02720, "%": 0o51245,
}  # fmt: skip
UNKNOWN = 0o75257


def composite(
    images: NDArray[np.uint8],
    colours: Sequence[str] | Mapping[str, str] | None = None,
    limits: Sequence[tuple[float, float]] | None = None,
    gamma: float | Sequence[float] = 1.0,
    channels: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Lay the channels over each other in colour.

    Parameters
    ----------
    images : (..., C, H, W) uint8.
    colours : one ``#rrggbb`` per channel, or by name of channel; default: by the names of `COLOURS`.
    limits : (low, high) per channel in [0, 1]: what becomes black and full colour.
    gamma : exponent, or one per channel; below 1 lifts the dark.
    channels : names of the C channels.

    Returns
    -------
    (..., H, W, 3) uint8: sums of colours, clipped to [0, 1], times 255, rounded.
    """
    count = images.shape[-3]
    names = list(channels) or [""] * count
    paints = np.array([_rgb(colour) for colour in _one_each(colours, names)], np.float32)
    low, high = np.array(limits if limits is not None else [(0.0, 1.0)] * count, np.float32).T
    powers = np.broadcast_to(np.asarray(gamma, np.float32), count)
    if len(paints) != count or len(low) != count:
        raise UserError(f"{count} channels need as many colours and limits.", "Give one for each channel.", "colours")
    if (high <= low).any() or (powers <= 0).any():
        raise UserError("The upper limit of a channel lies above the lower one, and gamma above 0.", "", "limits")
    shape = (count, 1, 1)
    light = (images.astype(np.float32) / 255 - low.reshape(shape)) / (high - low).reshape(shape)
    light = np.clip(light, 0, 1) ** powers.reshape(shape)
    mixed = np.einsum("...chw,ck->...hwk", light, paints)
    return np.rint(np.clip(mixed, 0, 1) * 255).astype(np.uint8)


def burn(picture: NDArray[np.uint8], text: str = SIMULATED) -> NDArray[np.uint8]:
    """Write a small tag into the bottom left corner, white on dark, over as many lines as the width asks for.

    Parameters
    ----------
    picture : (H, W, 3) or (H, W, 4) colours, or (..., H, W) grey values or channels; uint8.

    Returns
    -------
    A copy with the tag; a picture too small for one word of it comes back with the first letters that fit.
    """
    out = picture.copy()
    is_colour = out.ndim == 3 and out.shape[-1] in (3, 4)
    height, width = out.shape[:2] if is_colour else out.shape[-2:]
    dots = max(1, min(height, width) // SIDE_OF_ONE)
    stamp = _stamp(text, dots, width)[-height:, :width] * np.uint8(255)
    tall, wide = stamp.shape
    if is_colour:
        out[height - tall :, :wide, :3] = stamp[..., None]
    else:
        out[..., height - tall :, :wide] = stamp
    return out


def _one_each(colours: Sequence[str] | Mapping[str, str] | None, names: list[str]) -> list[str]:
    if colours is not None and not isinstance(colours, Mapping):
        return list(colours)
    known = COLOURS | dict(colours or {})
    spare = iter([colour for colour in SPARE * len(names) if colour not in [known.get(name) for name in names]])
    return [known[name] if name in known else next(spare) for name in names]


def _rgb(colour: str) -> tuple[float, float, float]:
    text = colour.removeprefix("#")
    try:
        red, green, blue = bytes.fromhex(text)
    except ValueError:
        raise UserError(f"'{colour}' is no colour.", "Write it as #rrggbb.", "colours") from None
    return red / 255, green / 255, blue / 255


def _stamp(text: str, dots: int, width: int) -> NDArray[np.uint8]:
    """Return (h, w) zeros and ones: the text in lines that fit the width."""
    per_line = max(1, (width // dots - 2 * PAD + 1) // 4)
    lines: list[str] = []
    for word in text.upper().split():
        if lines and len(lines[-1]) + 1 + len(word) <= per_line:
            lines[-1] += " " + word
        else:
            lines.append(word)
    across = max(map(len, lines), default=0)
    stamp = np.zeros((6 * len(lines) - 1 + 2 * PAD, 4 * across - 1 + 2 * PAD), np.uint8) if lines else np.zeros((0, 0), np.uint8)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            top, left = PAD + 6 * row, PAD + 4 * column
            stamp[top : top + 5, left : left + 3] = _letter(letter)
    return stamp.repeat(dots, axis=0).repeat(dots, axis=1)


def _letter(letter: str) -> NDArray[np.uint8]:
    code = LETTERS.get(letter, UNKNOWN)
    return np.array([[code >> (3 * (4 - row) + 2 - column) & 1 for column in range(3)] for row in range(5)], np.uint8)
