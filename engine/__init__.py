"""Causeway's engine: every method of the product, without any user interface.

>>> import engine
>>> result = engine.run("gsp", "sachs", alpha=1e-3)
>>> print(result.graph)  # doctest: +SKIP
"""

import importlib
from typing import Any

# Names resolve on first use, so that ``import engine`` costs nothing.
_FACE = {
    "methods": "engine.api",
    "run": "engine.api",
    "load": "engine.api",
    "read": "engine.data",
    "sample": "engine.data",
    "Dataset": "engine.core",
    "UserError": "engine.core",
}
_PACKAGES = ("core", "graphs", "independence", "data", "discovery", "mixtures", "mtp2", "portfolio", "molimage", "repurposing", "jobs")

__all__ = [*_FACE, *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(_FACE[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"engine.{name}")
    raise AttributeError(f"module 'engine' has no attribute '{name}'")
