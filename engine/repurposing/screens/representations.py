"""Ways to write a profile as numbers before it is compared: plain, by the controls' spread, in principal components, or embedded."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core import Context
from engine.repurposing.screens.autoencoder import Autoencoder
from engine.repurposing.screens.readings import Floats, Readings, parts, scaled

SLOPE = 0.01  # of the leaky ReLU
LABELS: Mapping[str, str] = {
    "difference": "Difference from controls",
    "z_score": "z-score by controls",
    "pca": "Principal components",
    "embedding": "Autoencoder, before activation",
    "embedding_post": "Autoencoder, after activation",
    "untrained": "Random layer, untrained",
}
LEARNED = ("embedding", "embedding_post")
GENES = ("difference", "z_score")  # whose coordinates are genes
METRIC = (
    "The embedding before the activation is a linear map W without bias: the cosine there is the cosine of the scaled signatures under the "
    "metric W'W, and no nonlinearity enters the ranking."
)


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear map of the difference between a profile and its controls.

    Parameters
    ----------
    name : one of `LABELS`.
    takes_scaled : whether profiles are scaled to [0, 1] first.
    matrix : (d, k) map; None for the identity.
    sd : (L, d) spread by which the genes of each cell line are divided first; None for no division.
    """

    name: str
    takes_scaled: bool = False
    matrix: Floats | None = None
    sd: Floats | None = None

    def inputs(self, readings: Readings, x: Floats, rows: NDArray[np.int64]) -> Floats:
        """Return (b, d) what the map is applied to, for the log2 values of some profiles."""
        return readings.scaled_differences(x, rows) if self.takes_scaled else readings.differences(x, rows)

    def mapped(self, inputs: Floats, line: int | NDArray[np.int64], genes: NDArray[np.int64] | None = None) -> Floats:
        """Return (b, k) coordinates of differences; with ``genes`` only those columns are given, and the others count as 0."""
        sd, matrix = self.sd, self.matrix
        if sd is not None:
            inputs = inputs / (sd[line] if genes is None else sd[line][..., genes])
        if matrix is None:
            return inputs
        return np.asarray(inputs @ (matrix if genes is None else matrix[genes]))

    def of_profiles(self, readings: Readings, x: Floats, rows: NDArray[np.int64]) -> Floats:
        """Return (b, k) coordinates of profiles, their mean control at 0."""
        return self.mapped(self.inputs(readings, x, rows), readings.design.line[rows])

    def of_query(self, readings: Readings, change: Floats, line: int) -> Floats:
        """Return (m, k) coordinates of log2 changes (m, d) in one cell line; their length has no meaning, only their direction."""
        return self.mapped(change, line)


@dataclass(frozen=True, eq=False)
class PostActivation:
    """The embedding after the leaky ReLU, which is not linear: a change has a place only beside the state that it starts from.

    Parameters
    ----------
    matrix : (d, k) first layer.
    centre : (P, k) mean of the controls of each plate.
    """

    matrix: Floats
    centre: Floats
    name: str = "embedding_post"

    def raw(self, x: Floats) -> Floats:
        """Return (b, k) activations of log2 values."""
        return activated(scaled(x) @ self.matrix)

    def of_profiles(self, readings: Readings, x: Floats, rows: NDArray[np.int64]) -> Floats:
        """Return (b, k) coordinates of profiles, their mean control at 0."""
        return self.raw(x) - self.centre[readings.design.plate[rows]]

    def of_query(self, readings: Readings, change: Floats, line: int) -> Floats:
        """Return (m, k) what changes (m, d) move, starting from the mean control of a cell line."""
        start = readings.line_mean[[line]]
        return self.raw(start + change) - self.raw(start)


Representation = Linear | PostActivation


def activated(values: Floats) -> Floats:
    """Return the leaky ReLU of values."""
    return np.where(values > 0, values, SLOPE * values)


def z_scores(readings: Readings) -> Linear:
    """Return the representation that divides differences by the controls' SD of each gene."""
    return Linear("z_score", sd=readings.sd)


def principal_components(readings: Readings, k: int, rows: NDArray[np.int64]) -> Linear:
    """Return the k principal directions of the differences of some profiles from their controls, about their own mean.

    Notes
    -----
    Fewer than k come back where there are fewer profiles or genes. Signs are fixed: the largest entry of a direction is positive.
    """
    values = readings.differences(readings.take(rows), rows)
    values = values - values.mean(axis=0)
    _, _, directions = np.linalg.svd(values, full_matrices=False)
    directions = directions[: min(k, max(1, len(rows) - 1))]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return Linear("pca", matrix=(directions * np.sign(largest)).T)


def embedded(readings: Readings, model: Autoencoder) -> Linear:
    """Return the first layer of an autoencoder before its activation (see `METRIC`)."""
    return Linear("embedding", takes_scaled=True, matrix=model.first)


def untrained(readings: Readings, width: int, seed: int) -> Linear:
    """Return a random layer of the same shape, which shows what the training adds: uniform in ±1/sqrt(d), as layers begin."""
    d = len(readings.genes)
    matrix = np.random.default_rng(seed).uniform(-1.0, 1.0, size=(d, width)) / np.sqrt(d)
    return Linear("untrained", takes_scaled=True, matrix=matrix)


def after_activation(readings: Readings, model: Autoencoder, context: Context) -> PostActivation:
    """Return the embedding after the activation, with the mean of the controls of each plate."""
    bare = PostActivation(model.first, np.zeros((len(readings.mean), model.first.shape[1])))
    if not readings.design.has_reference:
        return bare
    plates, lines = len(readings.mean), len(readings.design.lines)
    line = readings.design.line_of_plate
    sums, counts = np.zeros((plates, model.first.shape[1])), np.zeros(plates)
    for part in parts(readings.controls, model.first.shape[1], context, "controls"):
        np.add.at(sums, readings.design.plate[part], bare.raw(readings.take(part)))
        np.add.at(counts, readings.design.plate[part], 1.0)
    whole, n = np.zeros((lines, sums.shape[1])), np.zeros(lines)
    np.add.at(whole, line, sums)
    np.add.at(n, line, counts)
    own = readings.design.has_controls[:, None]
    centre = np.where(own, sums / np.maximum(counts, 1)[:, None], (whole / np.maximum(n, 1)[:, None])[line])
    return PostActivation(model.first, centre)
