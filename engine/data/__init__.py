"""Data: files in, the doctor, repairs, several files as regimes, samples, and simulators with known truth."""

import importlib
from typing import Any

# Names resolve on first use, so that ``import engine.data`` costs nothing.
_FACE = {
    "Finding": "findings", "Repair": "findings", "FileReport": "findings",
    "read": "files", "inspect_file": "files",
    "examine": "doctor", "apply": "history", "replay": "history", "samples_for": "doctor",
    "linear_dependence": "dependence", "identical_columns": "dependence", "Dependence": "dependence",
    "drop_columns": "transform", "drop_rows_with_gaps": "transform", "impute": "transform", "log": "transform",
    "log1p": "transform", "normal_scores": "transform", "standardise": "transform", "transpose": "transform",
    "rename": "transform", "categories": "transform", "to_numbers": "transform", "keep_most_variable": "transform",
    "thin": "transform", "nearest_correlation": "transform",
    "pairwise_correlation": "correlations", "shrunken_correlation": "correlations",
    "to_returns": "series", "as_prices": "series", "as_returns": "series", "sort_dates": "series", "drop_repeated_dates": "series",
    "dates_as_index": "series", "adjust_splits": "splits", "jumps": "splits", "Jump": "splits",
    "as_regimes": "regimes", "drop_regimes": "regimes", "with_targets": "regimes", "combine": "regimes",
    "read_targets": "regimes", "inspect_targets": "regimes", "TargetsReport": "regimes",
    "Sample": "bundled", "sample": "bundled", "samples": "bundled", "sample_names": "bundled",
    "simulate": "simulation", "SIMULATORS": "simulation", "Simulator": "simulation",
    "Network": "bif", "network": "bif", "network_names": "bif", "read_bif": "bif",
}  # fmt: skip

__all__ = [*_FACE]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(importlib.import_module(f"engine.data.{_FACE[name]}"), name)
    raise AttributeError(f"module 'engine.data' has no attribute '{name}'")
