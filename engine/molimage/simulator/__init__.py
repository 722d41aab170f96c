"""A simulator of five-channel cell painting: rules that turn a molecule and a dose into cells, with exact masks and truths."""

import importlib
from typing import Any

from engine.molimage.simulator.constants import CHANNELS, VERSION

# Names resolve on first use, so that a page may import the package at no cost.
_FACE = {
    "MECHANISMS": "phenotype", "DMSO": "phenotype", "Mechanism": "phenotype", "Phenotype": "phenotype",
    "Field": "field", "render": "field", "Optics": "optics", "plate_optics": "optics",
    "simulate": "screen", "simulate_with_truth": "screen", "field_of": "screen",
    "profile": "oracle", "truth_of_image": "oracle",
}  # fmt: skip

__all__ = ["CHANNELS", "VERSION", *_FACE]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(f"engine.molimage.simulator.{_FACE[name]}"), name)
    raise AttributeError(f"module 'engine.molimage.simulator' has no attribute '{name}'")
