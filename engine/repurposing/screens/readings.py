"""Profiles of a screen on a logarithmic scale, block by block, each with the mean of its own controls."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core import Context, UserError
from engine.core.profiles import Profiles
from engine.repurposing.screens.design import Design

Floats = NDArray[np.float64]

BLOCK = 1 << 20  # numbers read at once: 8 MB of float64, which a processor's cache nearly holds
LINEAR_ABOVE = 50.0  # log2 of a fluorescence stays below 16; a larger value says that no logarithm was taken
SD_FLOOR = 0.1  # share of the median SD over genes that no gene's SD falls below: a still gene must not rule a z-score


@dataclass(frozen=True, eq=False)
class Readings:
    """The profiles that are used, as log2 values of d genes, and what the controls say.

    Parameters
    ----------
    screen : holds the numbers.
    genes : symbols of the d genes.
    design : what each profile is.
    is_linear : whether log2(x + 1) has to be taken.
    mean, scaled_mean : (P, d) mean control of each plate (of its line where the plate has too few), plain and after `scaled`.
    line_mean, sd : (L, d) mean over all controls of a line, and their SD within plates; 1 where a line has too few for one.
    constant : (n,) bool, profiles that never vary, which have no scale and are left out.
    sentences : what was found and done.
    """

    screen: Profiles
    genes: tuple[str, ...]
    design: Design
    is_linear: bool
    mean: Floats
    scaled_mean: Floats
    line_mean: Floats
    sd: Floats
    constant: NDArray[np.bool_]
    sentences: tuple[str, ...]

    def take(self, rows: NDArray[np.int64]) -> Floats:
        """Return (b, d) log2 values of these profiles; a missing value is that of the mean control."""
        x = _levels(self.screen, rows, self.genes, self.is_linear)
        return np.where(np.isfinite(x), x, self.mean[self.design.plate[rows]])

    def differences(self, x: Floats, rows: NDArray[np.int64]) -> Floats:
        """Return (b, d) log2 values less those of the mean control."""
        return x - self.mean[self.design.plate[rows]]

    def scaled_differences(self, x: Floats, rows: NDArray[np.int64]) -> Floats:
        """Return (b, d) the same of profiles that were scaled to [0, 1] each."""
        return scaled(x) - self.scaled_mean[self.design.plate[rows]]

    @property
    def treated(self) -> NDArray[np.int64]:
        """Numbers of the profiles of drugs that can be used."""
        return np.flatnonzero((self.design.group >= 0) & ~self.constant)

    @property
    def controls(self) -> NDArray[np.int64]:
        """Numbers of the control profiles that can be used."""
        return np.flatnonzero(self.design.is_control & ~self.constant)

    def blocks(self, rows: NDArray[np.int64], context: Context, note: str) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Yield (rows, log2 values) of many profiles, a block at a time, with progress."""
        for part in parts(rows, len(self.genes), context, note):
            yield part, self.take(part)


def scaled(x: Floats) -> Floats:
    """Return each profile scaled to [0, 1] over its own genes; a profile that never varies becomes 0."""
    low, reach = x.min(axis=1, keepdims=True), np.ptp(x, axis=1, keepdims=True)
    return np.asarray((x - low) / np.where(reach > 0, reach, 1.0))


def parts(rows: NDArray[np.int64], width: int, context: Context, note: str) -> Iterator[NDArray[np.int64]]:
    """Cut row numbers into blocks of about `BLOCK` values, with progress."""
    step = max(1, BLOCK // max(width, 1))
    for start in range(0, len(rows), step):
        context.progress(start / len(rows), f"{note}: profile {start:,} of {len(rows):,}")
        yield rows[start : start + step]


def readings_of(screen: Profiles, genes: tuple[str, ...], design: Design, context: Context) -> Readings:
    """Read the controls once for their means and spreads, and find the profiles that never vary.

    Parameters
    ----------
    genes : symbols of the d genes wanted.

    Raises
    ------
    UserError
        When no gene was measured in every set of controls.

    Notes
    -----
    The SD is pooled within plates, sqrt(sum over plates of squared deviations from the plate's mean / (controls - plates)), so that
    differences between plates, which are taken away, do not count as spread.
    """
    is_linear, constant, missing = _survey(screen, design, genes, context)
    sums = _Sums(len(design.line_of_plate), len(genes))
    if design.has_reference:
        rows = np.flatnonzero(design.is_control & ~constant)
        for part in parts(rows, len(genes), context, "controls"):
            sums.add(_levels(screen, part, genes, is_linear), design.plate[part])
    mean, scaled_mean, line_mean, sd, steady = sums.finish(design)
    told = [f"{int(missing.sum()):,} values are missing; each is taken as that of the mean control."] if missing.sum() else []
    if is_linear:
        told.append(f"The largest value exceeds {LINEAR_ABOVE:g}: the screen holds no logarithms, and log2(x + 1) was taken.")
    left_out = int((constant & (design.plate >= 0)).sum())
    if left_out:
        told.append(f"{left_out:,} profiles never vary over the genes and are left out.")
    keep = np.isfinite(mean).all(axis=0) & np.isfinite(line_mean).all(axis=0)
    if not keep.any() and constant[design.is_control].all():
        raise UserError(
            "No control varies over the genes: its values are missing or all the same.", "Check the numbers of the screen.", "screen"
        )
    if not keep.any():
        raise UserError("No gene was measured in the controls of every cell line.", "Choose one cell line, or check the missing values.")
    if not keep.all():
        told.append(f"{int((~keep).sum()):,} genes were not measured in some set of controls and are left out.")
    if design.has_reference and not steady.all():
        lines = ", ".join(design.lines[k] for k in np.flatnonzero(~steady))
        told.append(f"The controls of {lines} are too few for a spread: z-scores there are plain differences.")
    names = tuple(genes[k] for k in np.flatnonzero(keep))
    return Readings(
        screen, names, design, is_linear, mean[:, keep], scaled_mean[:, keep], line_mean[:, keep], sd[:, keep], constant,
        tuple(told),
    )  # fmt: skip


def _levels(screen: Profiles, rows: NDArray[np.int64], genes: tuple[str, ...], is_linear: bool) -> Floats:
    x = screen.block(rows, genes).astype(np.float64)
    return np.log2(np.maximum(x, 0.0) + 1.0) if is_linear else x


def _survey(
    screen: Profiles, design: Design, genes: tuple[str, ...], context: Context
) -> tuple[bool, NDArray[np.bool_], NDArray[np.int64]]:
    """Return whether logarithms are missing, which profiles never vary, and how many values each has missing."""
    n, rows = len(design.plate), np.flatnonzero(design.plate >= 0)
    highest, constant, missing = -np.inf, np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64)
    for part in parts(rows, len(genes), context, "survey"):
        x = screen.block(part, genes)
        known = np.isfinite(x)
        low, high = np.where(known, x, np.inf).min(axis=1), np.where(known, x, -np.inf).max(axis=1)
        constant[part] = ~(high > low)
        missing[part] = (~known).sum(axis=1)
        highest = max(highest, float(high.max()))
    return highest > LINEAR_ABOVE, constant, missing


class _Sums:
    """Sums over the controls of each plate, from which means and spreads follow."""

    def __init__(self, plates: int, d: int):
        self.n, self.plain, self.squares = (np.zeros((plates, d)) for _ in range(3))
        self.scaled, self.profiles = np.zeros((plates, d)), np.zeros(plates)
        self.shift = np.zeros(d)  # squares are taken about the first block's mean, which keeps their digits

    def add(self, x: Floats, plate: NDArray[np.int64]) -> None:
        """Count a block of control profiles."""
        known = np.isfinite(x)
        if not self.profiles.any():
            self.shift = np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        off = np.where(known, x - self.shift, 0.0)
        unit = scaled(np.where(known, x, self.shift))
        for number in np.unique(plate):
            here = plate == number
            self.n[number] += known[here].sum(axis=0)
            self.plain[number] += off[here].sum(axis=0)
            self.squares[number] += (off[here] ** 2).sum(axis=0)
            self.scaled[number] += unit[here].sum(axis=0)
            self.profiles[number] += here.sum()

    def finish(self, design: Design) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.bool_]]:
        """Return means by plate, plain and scaled, means and SDs by line, and which lines have an SD."""
        plates, d = self.n.shape
        line = design.line_of_plate
        if not design.has_reference:
            flat = np.zeros((plates, d))
            return flat, flat, np.zeros((len(design.lines), d)), np.ones((len(design.lines), d)), np.ones(len(design.lines), dtype=bool)
        n, plain, unit, profiles = (_by_line(values, line) for values in (self.n, self.plain, self.scaled, self.profiles))
        with np.errstate(invalid="ignore", divide="ignore"):
            line_mean, line_scaled = self.shift + plain / n, unit / profiles[:, None]
            own = design.has_controls[:, None] & (self.n > 0)
            mean = np.where(own, self.shift + self.plain / self.n, line_mean[line])
            scaled_mean = np.where(design.has_controls[:, None], self.scaled / self.profiles[:, None], line_scaled[line])
            deviations = _by_line(np.where(self.n > 0, self.squares - self.plain**2 / np.maximum(self.n, 1), 0.0), line)
        free = n - _by_line((self.n > 0).astype(float), line)
        sd = np.sqrt(np.maximum(deviations, 0.0) / np.maximum(free, 1))
        typical = np.median(sd, axis=1, keepdims=True)
        steady = (np.median(free, axis=1) >= 2) & (typical[:, 0] > 0)
        return mean, scaled_mean, line_mean, np.where(steady[:, None], np.maximum(sd, SD_FLOOR * typical), 1.0), steady


def _by_line(values: Floats, line: NDArray[np.int64]) -> Floats:
    """Add up the rows of the plates of each line."""
    total = np.zeros((int(line.max()) + 1, *values.shape[1:]))
    np.add.at(total, line, values)
    return total
