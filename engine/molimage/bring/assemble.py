"""From fields, one at a time, to a set of images: scaled plate by plate, cut, what shows nothing left out and counted."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, UserError
from engine.data.findings import Finding, Level, Refusal, named, refuse
from engine.molimage.bring.channels import ChannelGuess, guess_channels
from engine.molimage.bring.choices import Choices
from engine.molimage.bring.intensity import EMPTY, MOST_FIELDS, Ceiling, Scale, fit_scale
from engine.molimage.bring.stack import Stack, again
from engine.molimage.bring.table import ImageTable, is_control
from engine.molimage.bring.tally import Tally, said_of_scaling

MAX_BYTES = 2 * 2**30  # of all images together
GUESSED_ON = 4  # fields that channels are guessed on
FIT_SHARE = 0.2  # of the progress bar


class Source:
    """Fields by number, with the table that belongs to them.

    Attributes
    ----------
    table : one row per field.
    label : name for messages.
    """

    table: ImageTable
    label: str

    def field(self, place: int) -> Stack:
        """Read the field of a row of the table."""
        raise NotImplementedError

    def where(self, place: int) -> str:
        """Return the row of the table, for a message."""
        return f"{self.label}, row {self.table.rows[place]:,}"


def assemble(source: Source, choices: Choices, context: Context) -> tuple[ImageSet, tuple[Finding, ...]]:
    """Read, scale and cut every field of a source.

    Returns
    -------
    The images with their table (``tile`` counts the squares of a field), and what there is to say about them, stops excluded.

    Raises
    ------
    UserError
        When a field cannot be used and ``choices.leave_out`` is off, or no image is left.
    """
    tally = Tally()
    first = _first(source, choices)
    kept, channels = _channels(first, choices, tally)
    scales = _scales(source, kept, channels, choices, tally, context.share(0, FIT_SHARE))
    ceiling, made = Ceiling(len(kept)), _Made(source, choices)
    for place, stack in _fields(source, range(len(source.table.facts)), choices, tally, context.share(FIT_SHARE, 1)):
        pixels = _chosen(stack, kept, len(first[0].pixels), source.where(place))
        tally.see(stack, choices)
        ceiling.see(pixels)
        made.add(place, *_squares(pixels, place, scales.get(place), choices, tally))
    tally.findings += ceiling.findings(channels)
    images, table = made.joined()
    name = choices.name or source.label
    return ImageSet(images, table, channels, name, tally.origin, tally.pixel_um), tuple(tally.told(source.table, source.label))


class _Made:
    """The images made so far and the field each comes from."""

    def __init__(self, source: Source, choices: Choices):
        self.source, self.choices = source, choices
        self.images: list[NDArray[np.uint8]] = []
        self.places: list[int] = []
        self.tiles: list[int] = []

    def add(self, place: int, squares: NDArray[np.uint8], good: NDArray[np.bool_]) -> None:
        """Take the good squares of a field."""
        size, rows = squares.shape[-1], len(self.source.table.facts)
        if self.images and self.images[0].shape[-1] != size:
            where = self.source.where(place)
            message = f"{where} gives images of {size} px, the rows before of {self.images[0].shape[-1]} px: fields differ in size."
            raise refuse("image-sizes", message, again("Choose one size for all", asks="size"), where=where)
        if not self.images and squares.size * rows > MAX_BYTES:
            message = f"{rows * len(squares):,} images of {size} px take more than {MAX_BYTES // 2**30} GiB. Choose a smaller size."
            raise refuse("too-many-pixels", message, again("Choose a smaller size", asks="size"), where="size")
        self.images.append(squares[good])
        self.places += [place] * int(good.sum())
        self.tiles += np.flatnonzero(good).tolist()

    def joined(self) -> tuple[NDArray[np.uint8], pd.DataFrame]:
        """Return all images and their table, less the columns in which nothing is told."""
        if not self.places:
            raise refuse("no-images", f"No image of {self.source.label} is left: none of them shows anything.", where=self.source.label)
        table = self.source.table.facts.iloc[self.places].reset_index(drop=True)
        if self.choices.crop == "tiles":
            table["tile"] = self.tiles
        told = [not ((table[name] == "") | table[name].isna()).all() for name in table.columns]
        return np.concatenate(self.images), table.loc[:, told]


def _fields(source: Source, places: Iterable[int], choices: Choices, tally: Tally, context: Context) -> Iterator[tuple[int, Stack]]:
    """Yield fields one by one; one that cannot be read stops, or is left out and counted."""
    places = [int(place) for place in places]
    for done, place in enumerate(places):
        context.progress(done / len(places), f"field {done + 1:,} of {len(places):,}")
        try:
            stack = source.field(place)
        except UserError as problem:
            if not choices.leave_out:
                raise _at_row(problem, source.where(place)) from None
            tally.unreadable.append(f"Row {source.table.rows[place]:,}: {problem.message}")
            continue
        yield place, stack


def _at_row(problem: UserError, where: str) -> UserError:
    """Name the row in an error about its file, and offer to leave such rows out."""
    finding = problem.finding if isinstance(problem, Refusal) else Finding("image", "stop", str(problem))
    offers = (*finding.repairs, again("Leave such rows out", leave_out=True))
    return Refusal(Finding(finding.code, "stop", f"{where}: {finding.message}", where, finding.columns, offers))


def _first(source: Source, choices: Choices) -> list[Stack]:
    """Read a few fields, spread over the set, to learn what channels there are."""
    count = len(source.table.facts)
    some = np.unique(np.linspace(0, max(count - 1, 0), min(GUESSED_ON, count)).astype(int))
    for places in (some, range(count)):
        found = [stack for _, stack in _fields(source, places, choices, Tally(), Context.silent())]
        if found:
            return [stack for stack in found if stack.pixels.shape == found[0].pixels.shape]
    raise refuse("no-images", f"{source.label} has no image that can be used.", where=source.label)


def _channels(first: list[Stack], choices: Choices, tally: Tally) -> tuple[list[int], tuple[str, ...]]:
    """Return which channels are kept and the stain of each."""
    count = len(first[0].pixels)
    names = first[0].channels or ("",) * count
    if choices.channels is None:
        guesses = guess_channels(names, np.stack([stack.pixels for stack in first]))
        tally.findings.append(_guessed(guesses))
        return list(range(count)), tuple(guess.stain for guess in guesses)
    if len(choices.channels) != count:
        listed = named([name or i + 1 for i, name in enumerate(names)])
        message = f"The images have {count} {'channel' if count == 1 else 'channels'} ({listed}), but {len(choices.channels)} were named."
        raise refuse("channels", message, again("Name each channel", asks="channels"), where="channels")
    kept = [i for i, stain in enumerate(choices.channels) if stain]
    if not kept:
        raise refuse("channels", "Every channel is left out.", where="channels")
    return kept, tuple(choices.channels[i] for i in kept)


def _guessed(guesses: Sequence[ChannelGuess]) -> Finding:
    """Say what the channels were taken for, and ask where nothing told."""
    why = {"name": "by name", "compact objects": "by its compact objects", "unknown": "not known"}
    listed = "; ".join(f"{guess.name or f'channel {i + 1}'}: {guess.stain}, {why[guess.reason]}" for i, guess in enumerate(guesses))
    level: Level = "note" if all(guess.reason == "name" for guess in guesses) else "warn"
    offer = again("Name the channels", asks="channels")
    return Finding("channels", level, f"Channels were taken as follows. {listed}. Look at them.", "channels", (), (offer,))


def _chosen(stack: Stack, kept: list[int], count: int, where: str) -> NDArray[Any]:
    if len(stack.pixels) != count:
        message = f"{where} has {len(stack.pixels)} channels where the first has {count}. All images of a set have the same channels."
        raise refuse("channels", message, where=where)
    return stack.pixels if len(kept) == count else stack.pixels[kept]


def _scales(
    source: Source, kept: list[int], channels: tuple[str, ...], choices: Choices, tally: Tally, context: Context
) -> dict[int, Scale]:  # fmt: skip
    """Return the scale of each row, fitted on the controls of its plate or on all of it; none where values stay as they are."""
    if choices.percentiles is None:
        return {}
    facts = source.table.facts
    plates = facts["plate"].to_numpy() if "plate" in facts else np.full(len(facts), "")
    control, labels = is_control(facts), sorted(set(plates))
    found: dict[int, Scale] = {}
    for done, plate in enumerate(labels):
        here = np.flatnonzero(plates == plate)
        on = here[control[here]] if control[here].any() else here
        some = on[np.unique(np.linspace(0, len(on) - 1, min(MOST_FIELDS, len(on))).astype(int))]
        part = context.share(done / len(labels), (done + 1) / len(labels))
        stacks = [stack for _, stack in _fields(source, some, choices, Tally(), part) if len(stack.pixels) > max(kept)]
        if stacks:  # else none opens, and the second reading says so
            found |= dict.fromkeys(map(int, here), _fitted(stacks, kept, channels, plate, choices))
    alone = [plate for plate in labels if not control[plates == plate].any()]
    tally.findings.append(said_of_scaling(labels, alone, choices.percentiles))
    return found


def _fitted(stacks: list[Stack], kept: list[int], channels: tuple[str, ...], plate: str, choices: Choices) -> Scale:
    """Fit one scale; a channel of one value is named."""
    assert choices.percentiles is not None
    try:
        return fit_scale([choices.cutting.cut(stack.pixels[kept]) for stack in stacks], *choices.percentiles)
    except UserError as problem:
        if not problem.where.isdigit():
            raise
        channel = channels[int(problem.where)]
        message = f"Channel {channel} has one value only{f' on plate {plate}' if plate else ''}. Leave the channel or the plate out."
        raise refuse("channel-flat", message, where=channel) from None


def _squares(
    pixels: NDArray[Any], place: int, scale: Scale | None, choices: Choices, tally: Tally
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:  # fmt: skip
    """Cut a field, bring it to bytes, and say which squares show something."""
    squares = choices.cutting.cut(pixels)
    flat = (squares.max(axis=(2, 3)) == squares.min(axis=(2, 3))).any(axis=1)
    if scale is None:
        if pixels.dtype != np.uint8:
            raise refuse(
                "not-8-bit", f"Values can be kept as they are in 8-bit files only; these have {pixels.dtype}.", where="percentiles"
            )
        made, empty = np.rint(squares).astype(np.uint8), np.zeros(len(squares), bool)
    else:
        low, high = np.percentile(scale.unit(squares), [0.1, 99.9], axis=(2, 3))
        made, empty = scale.bytes(squares), ((high - low) < EMPTY).all(axis=1)
    tally.flat += [place] * int(flat.sum())
    tally.empty += [place] * int((empty & ~flat).sum())
    return made, ~(flat | empty)
