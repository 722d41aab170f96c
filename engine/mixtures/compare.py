"""Clusters beside what is known of the rows, and a map to look at them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset

Floats = NDArray[np.float64]


def known_labels(data: Dataset) -> dict[str, NDArray[Any]]:
    """Return what is known of the rows by name: the true populations of simulated data, the conditions of an experiment."""
    found: dict[str, NDArray[Any]] = {}
    if "labels" in data.truth:
        found["the true populations"] = np.asarray(data.truth["labels"])
    if "bayes_labels" in data.truth:
        found["the best labels that can be told from these data"] = np.asarray(data.truth["bayes_labels"])
    if data.regime is not None:
        found["the conditions"] = np.asarray(data.regime, dtype=object)
    return {name: labels for name, labels in found.items() if len(labels) == len(data.frame)}


def adjusted_rand(labels: Mapping[str, NDArray[Any]], known: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Return the adjusted Rand index of each clustering (rows) with each known labelling (columns).

    Notes
    -----
    1 is the same partition, 0 what chance would give (Hubert and Arabie 1985).
    """
    from sklearn.metrics import adjusted_rand_score

    return pd.DataFrame(
        [[float(adjusted_rand_score(told, found)) for told in known.values()] for found in labels.values()],
        index=list(labels), columns=list(known),
    )  # fmt: skip


def confusion(labels: NDArray[Any], known: NDArray[Any]) -> pd.DataFrame:
    """Count the rows of each known label (rows) in each cluster (columns ``population 1``, ...)."""
    return pd.crosstab(pd.Series(known).astype(str), pd.Series([f"population {k + 1}" for k in labels]))


def plane(values: Floats) -> tuple[Floats, Floats]:
    """Return the (n, 2) places of rows (n, p) on their first two principal axes of scaled columns, and the shares of variance (2,)."""
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    _, sizes, axes = np.linalg.svd(scaled, full_matrices=False)
    share = sizes**2 / (sizes**2).sum()
    return scaled @ axes[:2].T, share[:2]
