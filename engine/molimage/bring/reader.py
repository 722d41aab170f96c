"""A table and a folder or ZIP of images in: a set of images, and what was found on the way."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, UserError
from engine.core.images import Origin
from engine.data.findings import Finding, Refusal, named, refuse, stops_first
from engine.molimage.bring.arrays import open_npz
from engine.molimage.bring.assemble import Source, assemble
from engine.molimage.bring.choices import Choices
from engine.molimage.bring.files import LOSSY, read_file
from engine.molimage.bring.layouts import PACKED, detect, packed_in
from engine.molimage.bring.places import Place, open_place
from engine.molimage.bring.stack import READ_IMAGES, Stack, again
from engine.molimage.bring.table import FEW, HEADER, IMAGE, ImageTable, open_text, read_table, rows_listed, wrong_rows

Where = str | Path | bytes | Place
Table = str | Path | bytes | pd.DataFrame


@dataclass(frozen=True)
class ImagesReport:
    """What was found in a table and the images it names.

    Attributes
    ----------
    findings : stops first; more about molecules, plates and splits comes from `engine.molimage.bring.check_images`.
    images : the set, or None when something stops.
    """

    findings: tuple[Finding, ...]
    images: ImageSet | None


def read_images(
    table: Table | None, place: Where, *, compounds: Table | None = None, context: Context | None = None, **options: Any
) -> ImageSet:  # fmt: skip
    """Read images and the table that says what they show.

    Parameters
    ----------
    table : text table with a column ``image``, or ``image_<channel>`` for each channel, and ``smiles``; optional ``compound``, ``plate``,
        ``well``, ``site``, ``dose_um``, ``moa``, ``split``. None finds out the layout: BBBC021, Cell Painting Gallery, plate-reader file
        names, ``images.npz`` with ``metadata.csv``, or the one table in the folder.
    place : folder, or path or bytes of a ZIP.
    compounds : table that says which molecule is in which well, where the layout does not.
    context : progress and cancel.
    options : see `engine.molimage.bring.choices.Choices`: channels, size, crop, shrink, levels, depth, colours, percentiles, leave_out,
        pixel_um, encoding, name.

    Returns
    -------
    ImageSet of 8-bit squares, ``origin`` real unless the files say otherwise.

    Raises
    ------
    UserError
        When a row, a file or a choice stands in the way; the error says which and offers the way out.

    Notes
    -----
    Brightness is scaled per plate and channel: the 0.1st percentile of the DMSO wells becomes 0, the 99.9th 255. Sizes change by averaging
    whole pixels only.
    """
    return _read(table, place, compounds, context or Context.silent(), Choices.of(options))[0]


def inspect_images(
    table: Table | None, place: Where, *, compounds: Table | None = None, context: Context | None = None, **options: Any
) -> ImagesReport:  # fmt: skip
    """Read images as `read_images` does, and report what was found; mistakes of the user become findings, never errors."""
    try:
        images, findings = _read(table, place, compounds, context or Context.silent(), Choices.of(options))
    except Refusal as stop:
        return ImagesReport((stop.finding,), None)
    except UserError as problem:
        return ImagesReport((Finding("unreadable", "stop", str(problem), problem.where),), None)
    except MemoryError:
        return ImagesReport((Finding("image-large", "stop", "The images do not fit into memory. Choose a smaller size."),), None)
    return ImagesReport(stops_first(findings), images)


def read_packed(place: Where, *, context: Context | None = None, **options: Any) -> ImageSet:
    """Read a folder or ZIP with ``images.npz`` (N × C × H × W, or N × H × W × C) and ``metadata.csv`` (one row per image).

    Parameters
    ----------
    place, context, options : as for `read_images`; 8-bit values are kept as they are unless ``percentiles`` are given.

    Raises
    ------
    UserError
        When one of the files is missing, or their lengths differ.
    """
    opened = open_place(place)
    return _packed(opened, packed_in(opened), options, context or Context.silent())[0]


def _read(
    table: Table | None, place: Where, compounds: Table | None, context: Context, choices: Choices
) -> tuple[ImageSet, tuple[Finding, ...]]:  # fmt: skip
    opened = open_place(place)
    label = Path(table).name if isinstance(table, str | Path) else "the table"
    found: tuple[Finding, ...] = ()
    if table is None:
        layout = detect(opened, compounds)
        found, label = layout.findings, layout.label
        if layout.name == PACKED:
            images, more = _packed(opened, layout.folder, choices.given(), context)
            return images, (*found, *more)
        table = layout.table
    read = read_table(table, label, choices.encoding)
    found = (*found, *read.findings)
    if read.wrong:
        if not choices.leave_out:
            raise Refusal(wrong_rows(read, label))
        found = (*found, dataclasses.replace(wrong_rows(read, label), level="warn", repairs=()))
        read = read.without(list(read.wrong))
    files = _located(read, opened)
    read, missing = _there(read, files, opened, label, choices)
    source = _Listed(read, label, opened, files.loc[[bool(each) for each in files.notna().all(axis=1)]].reset_index(drop=True), choices)
    images, more = assemble(source, choices, context)
    told = {"table": label, "place": opened.label} | choices.given()
    return images.after(READ_IMAGES, **told), (*found, *missing, *_lossy(files), *more)


class _Listed(Source):
    """Fields whose files a table names."""

    def __init__(self, table: ImageTable, label: str, place: Place, files: pd.DataFrame, choices: Choices):
        self.table, self.label, self.place, self.files, self.choices = table, label, place, files, choices

    def field(self, place: int) -> Stack:
        """Read the file of a row, or one file per channel."""
        names = self.files.iloc[place]
        depth, colours = self.choices.depth, self.choices.colours
        if list(names.index) == [IMAGE]:
            expected = len(self.choices.channels) if self.choices.channels else None
            return read_file(self.place, names[IMAGE], depth=depth, expected=expected, colours=colours)
        depth = "" if depth == "channels" else depth
        parts = {str(channel): read_file(self.place, name, depth=depth) for channel, name in names.items()}
        for channel, stack in parts.items():
            if len(stack.pixels) != 1:
                message = f"{names.loc[channel]} has {len(stack.pixels)} channels, but column image_{channel} is for one."
                raise refuse("channels", message, where=str(names.loc[channel]))
        shapes = {stack.pixels.shape for stack in parts.values()}
        if len(shapes) > 1:
            sizes = " and ".join(sorted(f"{shape[1]:,} × {shape[2]:,}" for shape in shapes))
            raise refuse("image-sizes", f"Its channels differ in size: {sizes} px.")
        edges = {stack.pixel_um for stack in parts.values()}
        origin: Origin = "simulated" if any(stack.origin == "simulated" for stack in parts.values()) else "real"
        pixels = np.concatenate([stack.pixels for stack in parts.values()])
        return Stack(pixels, tuple(parts), edges.pop() if len(edges) == 1 else None, origin)


class _Packed(Source):
    """Fields that lie in one array."""

    def __init__(self, table: ImageTable, label: str, images: NDArray[Any], names: tuple[str, ...], origin: Any):
        self.table, self.label, self.images, self.names, self.origin = table, label, images, names, origin

    def field(self, place: int) -> Stack:
        """Return one image of the array."""
        return Stack(self.images[self.table.rows[place] - HEADER], self.names, None, self.origin)


def _packed(place: Place, folder: str, options: Mapping[str, Any], context: Context) -> tuple[ImageSet, tuple[Finding, ...]]:
    prefix = f"{folder}/" if folder else ""
    arrays, (names, origin) = open_npz(place.read(f"{prefix}images.npz"), "images.npz", most=2 * 2**30)
    images = arrays.get("images", next((each for each in arrays.values() if each.ndim == 4), np.zeros(0)))
    if images.ndim != 4 or images.dtype.kind not in "uf":
        raise refuse("image-shape", "images.npz holds no array of N images × channels × height × width.", where="images.npz")
    if images.shape[1] > 8 >= images.shape[3]:
        images = images.transpose(0, 3, 1, 2)
    label = f"{prefix}metadata.csv"
    choices = Choices.of({"percentiles": None if images.dtype == np.uint8 else (0.1, 99.9), "name": place.label} | dict(options))
    table = read_table(_in_order(open_text(place.read(label), label, choices.encoding), label, len(images)), label)
    found = table.findings
    if table.wrong:
        if not choices.leave_out:
            raise Refusal(wrong_rows(table, label))
        found = (*found, dataclasses.replace(wrong_rows(table, label), level="warn", repairs=()))
        table = table.without(list(table.wrong))
    made, more = assemble(_Packed(table, label, images, names if len(names) == images.shape[1] else (), origin), choices, context)
    return made.after("engine.molimage.bring.read_packed", place=place.label, **Choices.of(dict(options)).given()), (*found, *more)


def _in_order(frame: pd.DataFrame, label: str, count: int) -> pd.DataFrame:
    """Return the metadata in the order of the array: by ``index`` where that is told, else as the rows stand."""
    if len(frame) != count:
        raise refuse("lengths", f"images.npz holds {count:,} images, {label} {len(frame):,} rows.", where=label)
    if "index" in frame:
        if sorted(frame["index"]) != list(range(count)):
            raise refuse("lengths", f"Column index of {label} does not count the images from 0 to {count - 1:,}.", where=label)
        frame = frame.sort_values("index").drop(columns="index")
    return frame.assign(image="images.npz")


def _located(table: ImageTable, place: Place) -> pd.DataFrame:
    """Return the file in the place that each cell of the table means; None where there is none."""
    return table.files.map(lambda told: place.find(told) if told else None).astype(object)


def _there(table: ImageTable, files: pd.DataFrame, place: Place, label: str, choices: Choices) -> tuple[ImageTable, list[Finding]]:
    """Return the rows whose files are all there, and what to say about the others and about absolute paths."""
    gone = files.isna().to_numpy()
    findings = []
    if gone.any():
        rows = np.flatnonzero(gone.any(axis=1)).tolist()
        names = [str(table.files.iat[i, j]) or f"no name in row {table.rows[i]:,}" for i, j in zip(*np.nonzero(gone), strict=True)]
        more = f" and {len(names) - FEW:,} more" if len(names) > FEW else ""
        message = (
            f"{len(names):,} of {gone.size:,} image files are not in {place.label}, or several fit equally well: "
            f"{', '.join(names[:FEW])}{more} ({rows_listed([int(table.rows[row]) for row in rows])})."
        )
        finding = Finding("files-missing", "stop", message, label, (), (again("Leave these rows out", leave_out=True),))
        if not choices.leave_out or len(rows) == len(files):
            raise Refusal(finding)
        findings.append(dataclasses.replace(finding, level="warn", repairs=()))
        table = table.without(rows)
    told = [str(path) for path in table.files.to_numpy().ravel()]
    absolute = [path for path in told if path.startswith(("/", "\\")) or path[1:3] in (":\\", ":/")]
    if absolute:
        message = f"{len(absolute):,} paths are absolute, such as {absolute[0]}; files were found by the end of their paths."
        findings.append(Finding("paths-absolute", "note", message, label))
    return table, findings


def _lossy(files: pd.DataFrame) -> list[Finding]:
    names = [name for name in files.to_numpy().ravel() if isinstance(name, str) and name.lower().endswith(LOSSY)]
    if not names:
        return []
    message = (
        f"{len(names):,} files are JPEG, such as {named(names[:1])}: compression blurs texture and adds blocks. Use the original files."
    )
    return [Finding("lossy", "warn", message, names[0])]
