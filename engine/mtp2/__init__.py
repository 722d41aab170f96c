"""Total positivity (MTP2): covariance and graphs of variables that move together, without a tuning parameter."""

import importlib
from typing import Any

# Names resolve on first use: scikit-learn and compiled loops load late.
_FACE = {"MTP2Covariance": "estimator", "maximum_likelihood": "solver"}

__all__ = [*_FACE]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(f"engine.mtp2.{_FACE[name]}"), name)
    raise AttributeError(f"module 'engine.mtp2' has no attribute '{name}'")
