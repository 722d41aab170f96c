"""Molecules and cell images: a conditional wavelet flow, its training data, and how far to believe it."""

import importlib
from typing import Any

# Names resolve on first use, so that ``import engine.molimage`` costs nothing.
_FACE = {"CellModel": "model", "molecules": "asked", "parse": "molecule", "small_screen": "sample_screen"}
_PACKAGES = ("bring", "simulator")

__all__ = [*_FACE, *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(f"engine.molimage.{_FACE[name]}"), name)
    if name in _PACKAGES:
        return importlib.import_module(f"engine.molimage.{name}")
    raise AttributeError(f"module 'engine.molimage' has no attribute '{name}'")
