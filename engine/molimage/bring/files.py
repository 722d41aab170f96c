"""One image file in: TIFF, OME-TIFF, PNG, JPEG, NumPy or OME-Zarr, told by its name."""

import io
from collections.abc import Callable, Sequence

import numpy as np

from engine.core import UserError
from engine.data.findings import refuse
from engine.molimage.bring.arrays import read_npy, read_npz
from engine.molimage.bring.omezarr import read_ome_zarr
from engine.molimage.bring.places import Place
from engine.molimage.bring.stack import Depth, Stack, check_shape, check_values, colour_image, grey_or_colours
from engine.molimage.bring.tiff import DAMAGE, origin_of, read_tiff

TIFF = (".tif", ".tiff")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
LOSSY = (".jpg", ".jpeg")
ENDINGS = (*TIFF, *PICTURES, ".npz", ".npy", ".zarr")


def read_file(place: Place, name: str, *, depth: Depth = "", expected: int | None = None, colours: Sequence[str] = ()) -> Stack:
    """Read one image file of a place.

    Parameters
    ----------
    place : folder or archive.
    name : one of its names, or a path inside an OME-Zarr of it.
    depth : what focus planes, time points and unnamed pages mean: ``channels``, ``max`` (the brightest of each pixel), or empty: ask.
    expected : number of channels that the user named.
    colours : stain that red, green and blue of an RGB image show; without it such an image is refused.

    Raises
    ------
    UserError
        When the file is of another kind, damaged, too large, or leaves a question open.
    """
    if ".zarr" in name.lower():
        return read_ome_zarr(place.tree(name), name, depth, expected)
    reader = _reader(name)
    return reader(place.read(name), name, depth, expected, colours)


def is_image(name: str) -> bool:
    """Whether a file's name says that it is an image of a kind that is read."""
    return name.lower().endswith(ENDINGS)


def _reader(name: str) -> Callable[[bytes, str, Depth, int | None, Sequence[str]], Stack]:
    lower = name.lower()
    if lower.endswith(TIFF):
        return read_tiff
    if lower.endswith(PICTURES):
        return _picture
    if lower.endswith(".npz"):
        return lambda content, name, *_: read_npz(content, name)
    if lower.endswith(".npy"):
        return lambda content, name, *_: read_npy(content, name)
    raise refuse("file-type", f"{name} is no image that is read. Use {', '.join(ENDINGS)}.", where=name)


def _picture(content: bytes, name: str, depth: Depth, expected: int | None, colours: Sequence[str]) -> Stack:
    """Read a PNG of 8 or 16 bits, a JPEG or a BMP."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            check_shape((image.height, image.width), name)
            described = str(getattr(image, "text", {}).get("Description", "")) if image.format == "PNG" else ""
            if image.mode in ("P", "CMYK", "HSV", "LAB"):
                raise colour_image(name)
            pixels = np.array(image.convert("L") if image.mode == "LA" else image)
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, *DAMAGE):
        raise _damaged(name) from None
    if pixels.dtype == np.int32:
        pixels = pixels.astype(np.uint16)  # Pillow opens some 16-bit files as 32-bit integers
    found = check_values(pixels, name)
    stack = Stack(found[None]) if found.ndim == 2 else grey_or_colours(found, name, colours)
    return Stack(stack.pixels, stack.channels, None, origin_of(described))


def _damaged(name: str) -> UserError:
    return refuse("file-damaged", f"{name} is damaged: it does not open as an image.", where=name)
