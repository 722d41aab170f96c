"""The noise of one variable: normal, Student t, or any shape with one peak, whichever the samples support."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from engine.mixtures.moments import Floats

FREEDOM = (2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0)  # degrees of freedom of t
PARTS = (2, 3, 4)  # of a normal mixture
ANTIMODE = 0.85  # a dip no deeper than this share of the lower peak beside it leaves one peak
BINS, GRID = 400, 400
NOTHING = 1.0  # log units
REWEIGHTINGS, MOST_STEPS = 15, 300
SMALLEST = 0.02  # part's SD, in SDs of the sample


class Noise(NamedTuple):
    """A shape of noise with its number of parameters, location and scale among them, and its BIC less the penalty of the slopes."""

    shape: str
    n_parameters: int
    bic: float


def best_noise(design: Floats, target: Floats) -> Noise:
    """Return the shape of largest BIC for the noise of a regression.

    Parameters
    ----------
    design : (n, d) constant and parents.
    target : (n,) the variable.
    """
    n = len(target)
    coefficients = np.asarray(np.linalg.lstsq(design, target, rcond=None)[0], np.float64)
    residual = target - design @ coefficients
    scale = max(float(residual.std()), 1e-6)
    penalty = np.log(n) / 2
    found = [Noise("normal", 2, -n / 2 * (np.log(2 * np.pi * scale**2) + 1) - 2 * penalty)]
    found.append(Noise("t", 3, _student(design, target, coefficients, scale) - 3 * penalty))
    for parts, likelihood in _one_peak(residual / scale):
        size = 3 * parts - 1
        found.append(Noise(f"{parts} normals with one peak", size, likelihood - n * np.log(scale) - size * penalty))
    return max(found, key=lambda noise: noise.bic)


def _student(design: Floats, target: Floats, coefficients: Floats, scale: float) -> float:
    """Return the log likelihood of t noise, from the most normal degrees of freedom to heavier tails as long as it rises."""
    n, variance, best = len(target), scale**2, -np.inf
    for freedom in reversed(FREEDOM):
        for _ in range(REWEIGHTINGS):
            square = (target - design @ coefficients) ** 2
            weight = (freedom + 1) / (freedom + square / variance)
            weighted = design * weight[:, None]
            coefficients = np.asarray(np.linalg.lstsq(weighted.T @ design, weighted.T @ target, rcond=None)[0], np.float64)
            variance = float(weight @ (target - design @ coefficients) ** 2) / n
        square = (target - design @ coefficients) ** 2
        constant = gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - 0.5 * np.log(freedom * np.pi * variance)
        likelihood = float(n * constant - (freedom + 1) / 2 * np.log1p(square / (freedom * variance)).sum())
        if likelihood < best:
            break
        best = likelihood
    return best


def _one_peak(values: Floats) -> Iterator[tuple[int, float]]:
    """Yield (parts, log likelihood) of normal mixtures of values (n,) of variance 1 whose density has one peak.

    Notes
    -----
    More parts are not tried where fewer gain next to nothing over one normal.
    """
    counts, edges = np.histogram(values, BINS)
    full = counts > 0
    centres = np.asarray((edges[1:] + edges[:-1])[full] / 2, np.float64)
    mass = counts[full].astype(float)
    grid, normal = np.linspace(values.min(), values.max(), GRID), -len(values) / 2 * (np.log(2 * np.pi) + 1)
    for parts in PARTS:
        best = -np.inf
        for key in (centres, np.abs(centres - np.median(values))):
            mixture = _normal_parts(centres, mass, key, parts)
            if has_one_peak(density(grid, *mixture)):
                best = max(best, float(np.log(np.maximum(density(values, *mixture), 1e-300)).sum()))
        if best > -np.inf:
            yield parts, best
            if best < normal + NOTHING:
                return


def _normal_parts(centres: Floats, mass: Floats, key: Floats, parts: int) -> tuple[Floats, Floats, Floats]:
    """Fit a normal mixture to bins by EM, which starts from parts of equal mass along a key."""
    order = np.argsort(key)
    cut = np.minimum((np.cumsum(mass[order]) / mass.sum() * parts).astype(int), parts - 1)
    share = np.zeros((len(centres), parts))
    share[order, cut] = 1
    share = 0.9 * share + 0.1 / parts
    before = -np.inf
    for _ in range(MOST_STEPS):
        weighted = share * mass[:, None]
        total = weighted.sum(axis=0) + 1e-9
        mean = centres @ weighted / total
        sd = np.sqrt(np.maximum((weighted * (centres[:, None] - mean) ** 2).sum(axis=0) / total, SMALLEST**2))
        each = total / total.sum() / sd * np.exp(-0.5 * ((centres[:, None] - mean) / sd) ** 2) + 1e-300
        both = each.sum(axis=1)
        share = each / both[:, None]
        likelihood = float(mass @ np.log(both))
        if likelihood - before < 0.01:
            break
        before = likelihood
    return total / total.sum(), mean, sd


def density(values: Floats, weights: Floats, mean: Floats, sd: Floats) -> Floats:
    """Return the density (n,) of a normal mixture."""
    each = np.exp(-0.5 * ((values[:, None] - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    found: Floats = each @ weights
    return found


def has_one_peak(heights: Floats) -> bool:
    """Return whether no dip between two peaks is deeper than 15 % of the lower of them."""
    inner = heights[1:-1]
    tops = np.flatnonzero((inner >= heights[:-2]) & (inner > heights[2:])) + 1
    return all(heights[a : b + 1].min() >= ANTIMODE * min(heights[a], heights[b]) for a in tops for b in tops if a < b)
