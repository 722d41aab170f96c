"""Bring your own images: files, tables and public layouts in, findings about them, and pictures out."""

import importlib
from typing import Any

# Names resolve on first use, so that ``import engine.molimage.bring`` costs nothing.
_FACE = {
    "read_images": "reader", "inspect_images": "reader", "read_packed": "reader", "ImagesReport": "reader", "Choices": "choices",
    "open_place": "places", "Place": "places",
    "read_file": "files", "Stack": "stack",
    "read_table": "table", "ImageTable": "table", "is_control": "table",
    "guess_channels": "channels", "guess_dna": "channels", "ChannelGuess": "channels",
    "detect": "layouts", "Layout": "layouts",
    "fit_scale": "intensity", "Scale": "intensity",
    "check_images": "checks", "with_split": "splits",
    "composite": "picture", "burn": "picture",
    "to_png": "save", "to_ome_tiff": "save", "to_npz": "save",
}  # fmt: skip

__all__ = [*_FACE]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(f"engine.molimage.bring.{_FACE[name]}"), name)
    raise AttributeError(f"module 'engine.molimage.bring' has no attribute '{name}'")
