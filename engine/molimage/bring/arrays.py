"""NumPy files: an image as an array H × W × C, whose header is checked before its values are read."""

import io
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.core.images import Origin
from engine.data.findings import refuse
from engine.molimage.bring.stack import MAX_VALUES, Stack, check_shape, check_values
from engine.molimage.bring.tiff import DAMAGE, origin_of

SAMPLE = "sample"  # the name of the array in the public sets of this kind
MOST_CHANNELS = 8


def read_npz(content: bytes, name: str) -> Stack:
    """Read the array ``sample`` of an .npz, else its first array; see `engine.molimage.bring.files.read_file`."""
    arrays, told = open_npz(content, name, first_only=True)
    pixels = next(iter(arrays.values()))
    return Stack(check_values(_channels_first(pixels, name), name), told[0], None, told[1])


def read_npy(content: bytes, name: str) -> Stack:
    """Read an .npy; see `engine.molimage.bring.files.read_file`."""
    try:
        pixels = _array(content, name)
    except DAMAGE:
        raise _damaged(name) from None
    return Stack(check_values(_channels_first(pixels, name), name))


def open_npz(
    content: bytes, name: str, first_only: bool = False, most: int = MAX_VALUES
) -> tuple[dict[str, NDArray[Any]], tuple[tuple[str, ...], Origin]]:
    """Return the arrays of an .npz, and the channel names and origin that `engine.molimage.bring.save.to_npz` wrote beside them.

    Parameters
    ----------
    content : bytes of the file.
    name : for messages.
    first_only : whether ``sample``, else the first array, is enough.
    most : values of the largest array that is opened.

    Raises
    ------
    UserError
        When it is damaged, holds Python objects, or an array larger than its bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {each.filename.removesuffix(".npy"): each for each in archive.infolist() if each.filename.endswith(".npy")}
            wanted = [key for key in members if key not in ("channels", "facts")]
            if not wanted:
                raise refuse("image-empty", f"{name} holds no array.", where=name)
            if first_only:
                wanted = [SAMPLE if SAMPLE in members else wanted[0]]
            found = {key: _member(archive, members[key], name, most) for key in wanted}
            texts = {key: _member(archive, members[key], name, most) for key in ("channels", "facts") if key in members}
    except (zipfile.BadZipFile, *DAMAGE):
        raise _damaged(name) from None
    channels = tuple(map(str, texts["channels"].ravel())) if "channels" in texts else ()
    return found, (channels, origin_of(str(texts["facts"].ravel()[0])) if "facts" in texts else "real")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, most: int) -> NDArray[Any]:
    with archive.open(member) as stream:
        head = stream.read(4096)
        _check_header(head, member.file_size, name, most)
        return _array(head + stream.read(member.file_size), name, most)


def _array(content: bytes, name: str, most: int = MAX_VALUES) -> NDArray[Any]:
    _check_header(content[:4096], len(content), name, most)
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def _check_header(head: bytes, size: int, name: str, most: int) -> None:
    """Refuse an array whose header promises more than the file holds: it would be allocated before anything is read."""
    stream = io.BytesIO(head)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise refuse("file-type", f"{name} holds Python objects, which are not opened. Save plain numbers.", where=name)
    check_shape(shape, name, most)
    if int(np.prod(shape, dtype=object)) * dtype.itemsize > size:
        raise refuse("file-damaged", f"{name} is cut off: its array is larger than the file.", where=name)


def _channels_first(pixels: NDArray[Any], name: str) -> NDArray[Any]:
    """Bring H × W × C, C × H × W or H × W to (C, H, W); the axis of at most eight is that of the channels, the last where both could be."""
    if pixels.ndim == 4 and len(pixels) == 1:
        pixels = pixels[0]  # one image, as `engine.molimage.bring.save.to_npz` writes it
    if pixels.ndim == 2:
        return pixels[None]
    if pixels.ndim == 3 and pixels.shape[2] <= MOST_CHANNELS:
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))
    if pixels.ndim == 3 and pixels.shape[0] <= MOST_CHANNELS:
        return pixels
    sides = " × ".join(f"{side:,}" for side in pixels.shape)
    message = f"{name} holds an array of {sides}; an image is height × width × channels, of at most {MOST_CHANNELS} channels."
    raise refuse("image-shape", message, where=name)


def _damaged(name: str) -> UserError:
    return refuse("file-damaged", f"{name} is damaged: it does not open as a NumPy file.", where=name)
