"""TIFF and OME-TIFF: axes and names from the file, and a second decoder for the compression the first lacks."""

import io
import json
import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from engine.core.images import Origin
from engine.data.findings import refuse
from engine.molimage.bring.stack import Depth, Stack, check_shape, check_values, grey_or_colours, planes

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

UM = {"µm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "\\u00B5m": 1.0, "nm": 1e-3, "mm": 1e3}
DAMAGE = (
    ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError, ArithmeticError, EOFError, OSError, struct.error, zlib.error,
)  # fmt: skip


def read_tiff(content: bytes, name: str, depth: Depth = "", expected: int | None = None, colours: Sequence[str] = ()) -> Stack:
    """Read a TIFF or OME-TIFF of one image; see `engine.molimage.bring.files.read_file`."""
    from tifffile import TiffFile, TiffFileError

    try:
        with TiffFile(io.BytesIO(content)) as file:
            return _read(file, content, name, depth, expected, colours)
    except (TiffFileError, *DAMAGE):
        raise refuse("file-damaged", f"{name} is damaged: it does not open as a TIFF.", where=name) from None


def _read(file: "TiffFile", content: bytes, name: str, depth: Depth, expected: int | None, colours: Sequence[str]) -> Stack:
    series = _one_image(file, name)
    check_shape(series.shape, name)
    page, axes = series.keyframe, series.axes
    kind = getattr(page.photometric, "name", "")
    if kind == "PALETTE" or kind == "MINISWHITE":
        says = "colours by a palette" if kind == "PALETTE" else "white as 0"
        raise refuse("image-kind", f"{name} stores {says}. Save it as a grey image with black as 0.", where=name)
    pixels = _decoded(file, series, content, name)
    told = _told(file)
    if axes.endswith("S") and kind in ("RGB", "YCBCR"):
        flat = pixels.reshape([side for side, axis in zip(pixels.shape, axes, strict=True) if side > 1 or axis in "YXS"])
        if flat.ndim != 3:
            raise refuse("image-rgb", f"{name} is a stack of RGB images. Supply single channels.", where=name)
        return grey_or_colours(check_values(flat, name), name, colours)
    if "S" in axes:
        axes = axes.replace("S", "Q" if "C" in axes else "C")
    found = planes(check_values(pixels, name), axes, name, depth, expected)
    names = told["channels"]
    return Stack(found, names if len(names) == len(found) else (), told["pixel_um"], told["origin"])


def _one_image(file: "TiffFile", name: str) -> "TiffPageSeries":
    """Return the one full-size image; a label or an overview beside it is smaller."""
    first = file.series[0]
    alike = [series for series in file.series if series.shape == first.shape]
    if len(alike) > 1:
        raise refuse("image-several", f"{name} holds {len(alike)} images. Save one per file.", where=name)
    return first


def _decoded(file: "TiffFile", series: "TiffPageSeries", content: bytes, name: str) -> NDArray[Any]:
    """Decode by tifffile, or by Pillow where that lacks the compression (LZW)."""
    try:
        return series.asarray()
    except ValueError as problem:
        if "imagecodecs" not in str(problem):
            raise
    from PIL import Image, UnidentifiedImageError

    compression = getattr(series.keyframe.compression, "name", "an unknown")
    refusal = refuse(
        "image-compression", f"{name} uses {compression} compression, which is not read. Save it as ZIP (deflate).", where=name
    )
    found = np.empty(series.shape, series.dtype)
    parts = found.reshape(len(series.pages), *series.keyframe.shape)
    try:
        image = Image.open(io.BytesIO(content))
        for part, page in zip(parts, series.pages, strict=True):
            image.seek(page.index)  # type: ignore[union-attr]
            part[:] = np.array(image)
    except (UnidentifiedImageError, Image.DecompressionBombError, *DAMAGE):
        raise refusal from None
    return found


def _told(file: "TiffFile") -> dict[str, Any]:
    """Return what the file says of channels, pixel edge and origin."""
    if file.is_ome and file.ome_metadata:
        return told_by_ome(file.ome_metadata)
    facts = dict(file.imagej_metadata or {}) if file.is_imagej else {}
    pixel_um = None
    resolution = file.pages.first.tags.get("XResolution")
    if resolution is not None and facts.get("unit") in UM and resolution.value[0]:
        pixel_um = UM[facts["unit"]] * resolution.value[1] / resolution.value[0]
    labels = facts.get("Labels") or []
    return {"channels": tuple(map(str, labels)), "pixel_um": pixel_um, "origin": "real"}


def told_by_ome(xml: str) -> dict[str, Any]:
    """Return channel names, pixel edge in µm and origin from the OME description of a file; empty, None and real where it is silent."""
    silent: dict[str, Any] = {"channels": (), "pixel_um": None, "origin": "real"}
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        return silent  # entities can grow without limit; OME has none
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return silent
    pixels = next((each for each in root.iter() if each.tag.endswith("}Pixels")), None)
    if pixels is None:
        return silent
    channels = tuple(each.get("Name", "") for each in pixels if each.tag.endswith("}Channel"))
    unit, edge = UM.get(pixels.get("PhysicalSizeXUnit", "µm")), pixels.get("PhysicalSizeX")
    described = next((each.text or "" for each in root.iter() if each.tag.endswith("}Description")), "")
    try:
        pixel_um = float(edge) * unit if edge and unit else None
    except ValueError:
        pixel_um = None
    return {"channels": channels if all(channels) else (), "pixel_um": pixel_um, "origin": origin_of(described)}


def origin_of(described: str) -> Origin:
    """Say whether a description written by `engine.molimage.bring.save` calls its image simulated or generated."""
    try:
        facts = json.loads(described)
    except ValueError:
        return "real"
    return "simulated" if isinstance(facts, dict) and facts.get("origin") == "simulated" else "real"
