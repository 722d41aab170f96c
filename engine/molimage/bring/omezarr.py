"""OME-Zarr: the full-size image of a multiscale group, with its axes, channel names and pixel size."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.data.findings import refuse
from engine.molimage.bring.stack import Depth, Stack, check_shape, check_values, planes
from engine.molimage.bring.tiff import DAMAGE

UM = {"micrometer": 1.0, "nanometer": 1e-3, "millimeter": 1e3}
OLD_AXES = "TCZYX"  # of versions that name none


def read_ome_zarr(files: Mapping[str, bytes], name: str, depth: Depth = "", expected: int | None = None) -> Stack:
    """Read the largest level of an OME-Zarr image.

    Parameters
    ----------
    files : bytes of every file of the group, by the path inside it.
    name : of the group, for messages.
    depth, expected : as in `engine.molimage.bring.stack.planes`.
    """
    import zarr
    from zarr.core.buffer import default_buffer_prototype
    from zarr.errors import BaseZarrError

    make = default_buffer_prototype().buffer.from_bytes
    try:
        store = zarr.storage.MemoryStore({key: make(content) for key, content in files.items()}, read_only=True)
        group = zarr.open_group(store=store, mode="r")
        attributes: dict[str, Any] = dict(group.attrs)
        facts = attributes.get("ome", attributes)
        if "multiscales" not in facts:
            hint = " It is a plate: name one field of it, such as plate.zarr/A/1/0." if "plate" in facts else ""
            raise refuse("image-kind", f"{name} holds no OME-Zarr image.{hint}", where=name)
        scales = facts["multiscales"][0]
        level = scales["datasets"][0]
        array = group[level["path"]]
        if not isinstance(array, zarr.Array):
            raise refuse("image-kind", f"{name} holds no array '{level['path']}'.", where=name)
        check_shape(array.shape, name)
        axes = _axes(scales, array.ndim)
        pixels = np.asarray(array[...])
        channels = tuple(str(each.get("label", "")) for each in facts.get("omero", {}).get("channels", []))
        pixel_um = _pixel_um(scales, level)
    except (BaseZarrError, *DAMAGE):
        raise refuse("file-damaged", f"{name} is damaged: it does not open as OME-Zarr.", where=name) from None
    found = planes(check_values(pixels, name), axes, name, depth, expected)
    return Stack(found, channels if len(channels) == len(found) and all(channels) else (), pixel_um)


def _axes(scales: Mapping[str, Any], count: int) -> str:
    """Return one letter per axis."""
    given = scales.get("axes") or list(OLD_AXES[-count:])
    return "".join((axis["name"] if isinstance(axis, dict) else axis)[0].upper() for axis in given)


def _pixel_um(scales: Mapping[str, Any], level: Mapping[str, Any]) -> float | None:
    """Return the pixel edge along x in µm where a scale and its unit are given."""
    axis = (scales.get("axes") or [None])[-1]
    unit = UM.get(axis.get("unit", "")) if isinstance(axis, dict) else None
    scale = next((each["scale"][-1] for each in level.get("coordinateTransformations", []) if each.get("type") == "scale"), None)
    return float(scale) * unit if scale and unit else None
