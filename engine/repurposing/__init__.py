"""Drug repurposing: from the expression of a disease to drugs whose evidence is calibrated."""

import importlib
from typing import Any

# Names resolve on first use, so that ``import engine.repurposing`` costs nothing.
_FACE = {"read_screen": "screens.files", "planted": "sample", "covid19_part": "drug_table.covid19"}
_PACKAGES = ("drug_table", "sample")

__all__ = [*_FACE, *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(f"engine.repurposing.{_FACE[name]}"), name)
    if name in _PACKAGES:
        return importlib.import_module(f"engine.repurposing.{name}")
    raise AttributeError(f"module 'engine.repurposing' has no attribute '{name}'")
