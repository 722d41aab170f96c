"""Images out: PNG, OME-TIFF and npz of 8 or 16 bits, each with a description of where the images come from."""

import io
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError, digest_of

Bits = Literal[8, 16]
SPREAD = 257  # from 255 to 65,535
SOFTWARE = "Causeway"


def to_png(picture: NDArray[np.uint8], facts: Mapping[str, Any] | None = None, bits: Bits = 8) -> bytes:
    """Write a PNG.

    Parameters
    ----------
    picture : (H, W, 3) colours, (H, W) grey values, or (C, H, W) channels, which are laid side by side; uint8.
    facts : where the picture comes from (``origin``, model, seed, SMILES ...), stored as JSON in the text field ``Description``.
    bits : of a grey picture; colours have 8.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    _check(picture, bits)
    if picture.ndim == 3 and picture.shape[-1] != 3:
        picture = np.concatenate(list(picture), axis=1)
    if picture.ndim == 3 and bits == 16:
        raise UserError("Colours are written with 8 bits.", "Write the channels one by one for 16 bits.", "bits")
    info = PngInfo()
    info.add_text("Software", SOFTWARE)
    info.add_itxt("Description", described(facts))
    out = io.BytesIO()
    Image.fromarray(_in_bits(picture, bits)).save(out, format="PNG", pnginfo=info)
    return out.getvalue()


def to_ome_tiff(
    images: NDArray[np.uint8],
    channels: Sequence[str],
    pixel_um: float | None = None,
    facts: Mapping[str, Any] | None = None,
    bits: Bits = 8,
) -> bytes:
    """Write an OME-TIFF, one OME image of axes CYX for each of the images.

    Parameters
    ----------
    images : (N, C, H, W) or (C, H, W) uint8.
    channels : names of the C channels.
    pixel_um : edge of a pixel in µm; left out when None.
    facts : where the images come from, stored as JSON in the OME description of every image; ``each`` may list one dict per image.
    bits : 8, or 16 (times 257).

    Returns
    -------
    Bytes of the file, compressed by deflate; the same call gives the same bytes.
    """
    from tifffile import TiffWriter

    _check(images, bits)
    stack = images[None] if images.ndim == 3 else images
    if stack.ndim != 4 or stack.shape[1] != len(channels):
        raise UserError(
            f"{len(channels)} channel names do not fit images of shape {images.shape}.", "Give one name per channel.", "channels"
        )
    told = dict(facts or {})
    each = told.pop("each", [{}] * len(stack))
    edge = (
        {}
        if pixel_um is None
        else {"PhysicalSizeX": pixel_um, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": pixel_um, "PhysicalSizeYUnit": "µm"}
    )
    # the writer would draw a UUID from clock and host
    name = uuid.UUID(digest_of([list(channels), pixel_um, described(facts), bits, np.ascontiguousarray(stack)])[:32])
    out = io.BytesIO()
    with TiffWriter(out, ome=True) as writer:
        for number, image in enumerate(stack):
            metadata = {
                "axes": "CYX", "Name": f"image {number + 1}", "Channel": {"Name": list(channels)}, "UUID": str(name),
                "Description": described(told | each[number]), "Creator": SOFTWARE, **edge,
            }  # fmt: skip
            writer.write(
                _in_bits(image, bits), photometric="minisblack", compression="zlib", metadata=metadata, software=SOFTWARE
            )  # fmt: skip
    return out.getvalue()


def to_npz(images: NDArray[np.uint8], channels: Sequence[str], facts: Mapping[str, Any] | None = None, bits: Bits = 8) -> bytes:
    """Write an .npz of arrays ``images`` (N, C, H, W), ``channels`` and ``facts`` (JSON text), compressed."""
    _check(images, bits)
    stack = images[None] if images.ndim == 3 else images
    out = io.BytesIO()
    np.savez_compressed(out, images=_in_bits(stack, bits), channels=np.array(list(channels)), facts=np.array(described(facts)))
    return out.getvalue()


def described(facts: Mapping[str, Any] | None) -> str:
    """Return facts as JSON, keys in order, as it stands in every file."""
    return json.dumps({"software": SOFTWARE, **(facts or {})}, sort_keys=True, ensure_ascii=False, default=str)


def _check(images: NDArray[np.uint8], bits: int) -> None:
    if images.dtype != np.uint8:
        raise UserError(
            f"Images to save have 8 bits, these are {images.dtype}.", "Clip to [0, 1], multiply by 255 and round first.", "images"
        )
    if bits not in (8, 16):
        raise UserError(f"Files of {bits} bits are not written.", "Choose 8 or 16.", "bits")


def _in_bits(pixels: NDArray[np.uint8], bits: int) -> NDArray[Any]:
    return np.ascontiguousarray(pixels) if bits == 8 else pixels.astype(np.uint16) * np.uint16(SPREAD)
