"""Projected Newton steps on the pairs that may be edges, each solved by preconditioned conjugate gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from engine.mtp2.certificate import Bools, Floats, duality_gap, objective

MOST_STEPS = 60
MOST_PRODUCTS = 60  # of conjugate gradients in one solve
MOST_TRIMS = 4  # times a step is solved again without the pairs that it would push past zero
LOOSEST = 0.1  # relative accuracy of a step far from the optimum
ARMIJO = 1e-4
SHORTEST = 2.0**-30
ROUNDING = 1e-13  # relative error of the objective
STALLED = 10  # steps in a row that did not better the certificate


@dataclass(frozen=True, eq=False)
class Point:
    """A precision matrix K with its inverse W and its objective -log det K + tr(C K)."""

    precision: Floats
    inverse: Floats
    value: float


class Pairs:
    """The diagonal and the free pairs of symmetric (N, N) matrices as vectors; in their inner product a pair counts twice."""

    def __init__(self, free: Bools):
        self.rows, self.columns = np.nonzero(np.triu(free, 1))
        self.n = len(free)
        self._left, self._turned = np.empty(free.shape), np.empty(free.shape)

    def of(self, matrix: Floats) -> Floats:
        """Return the (N + pairs,) entries of a symmetric matrix."""
        return np.concatenate([np.diag(matrix), matrix[self.rows, self.columns]])

    def matrix(self, vector: Floats) -> Floats:
        """Return the symmetric matrix that `of` takes to ``vector``, zero elsewhere."""
        full = np.zeros((self.n, self.n))
        full[self.rows, self.columns] = vector[self.n :]
        full += full.T
        np.fill_diagonal(full, vector[: self.n])
        return full

    def dot(self, a: Floats, b: Floats) -> float:
        """Return the inner product tr(A B)."""
        return float(a[: self.n] @ b[: self.n] + 2.0 * (a[self.n :] @ b[self.n :]))

    def sandwich(self, outer: Floats, vector: Floats) -> Floats:
        """Return the entries of A D A for a dense symmetric A."""
        from engine.mtp2.newton_kernel import sandwich

        return np.concatenate(sandwich(outer, self.rows, self.columns, vector[: self.n], vector[self.n :], self._left, self._turned))


def point_at(precision: Floats, correlation: Floats) -> Point | None:
    """Return the point with its inverse, both exactly symmetric; None where K is not positive definite."""
    factor, failed = dpotrf(precision, lower=1, clean=0)
    if failed:
        return None
    value = objective(precision, correlation, 2.0 * float(np.log(np.diag(factor)).sum()))
    lower = np.tril(dpotri(factor, lower=1)[0])
    return Point(precision, lower + np.tril(lower, -1).T, value)


def newton(
    point: Point, correlation: Floats, allowed: Bools | None, tolerance: float, check: Callable[[float], None]
) -> tuple[Point, float, int]:
    """Walk from an M-matrix to the maximum likelihood estimate until the duality gap is at most ``tolerance``.

    Parameters
    ----------
    point : start; its precision has no positive entry off the diagonal and none at a pair that is not allowed.
    correlation : (N, N) C with unit diagonal.
    allowed : (N, N) pairs that may be edges; None for all.
    check : called with the gap before each step; may raise to stop.

    Returns
    -------
    The best point, its duality gap, and the number of steps.

    Notes
    -----
    Free is the diagonal and each pair that is an edge or wants to become one (C_ij > W_ij). On these a step D solves (W D W) = W - C; the
    preconditioner X -> K X K is the inverse of the left side when every pair is free. Pairs that the step would push past zero are put to
    zero and the rest solved again, so that the active set is right after a few steps; then convergence is quadratic.
    """
    best, best_gap, waited, steps = point, np.inf, 0, 0
    while True:
        gap = duality_gap(point.value, point.inverse, correlation, allowed)
        check(gap)
        best, best_gap, waited = (point, gap, 0) if gap < best_gap else (best, best_gap, waited + 1)
        if best_gap <= tolerance or waited >= STALLED or steps >= MOST_STEPS:
            return best, best_gap, steps
        gradient = correlation - point.inverse
        free = (point.precision < 0) | (gradient > 0)
        pairs = Pairs(free if allowed is None else free & allowed)
        slope = pairs.of(gradient)
        size = np.sqrt(pairs.dot(slope, slope))
        accuracy = max(min(LOOSEST, size / np.sqrt(pairs.n)) * size, LOOSEST * tolerance)
        moved = _search(point, correlation, pairs, _direction(point, pairs, slope, accuracy), slope)
        if moved is None:
            return best, best_gap, steps
        point, steps = moved, steps + 1


def _direction(point: Point, pairs: Pairs, slope: Floats, accuracy: float) -> Floats:
    """Return the step whose pairs stay on their side of zero."""
    start = pairs.of(point.precision)
    held = np.zeros(len(start), dtype=bool)
    step = np.zeros(len(start))
    for _ in range(MOST_TRIMS):
        step = _solve(point, pairs, slope, held, step, accuracy)
        past = (start + step > 0) & ~held
        past[: pairs.n] = False
        if not past.any():
            break
        held |= past
        step[held] = -start[held]
    return step


def _solve(point: Point, pairs: Pairs, slope: Floats, held: NDArray[np.bool_], step: Floats, accuracy: float) -> Floats:
    """Minimise <G, D> + tr(W D W D) / 2 over the entries that are not held, by conjugate gradients from ``step`` on."""
    residual = -slope - pairs.sandwich(point.inverse, step)
    residual[held] = 0.0
    towards, power = np.zeros_like(step), np.inf
    step = step.copy()
    for _ in range(MOST_PRODUCTS):
        if np.sqrt(pairs.dot(residual, residual)) <= accuracy:
            break
        better = pairs.sandwich(point.precision, residual)
        better[held] = 0.0
        power, before = pairs.dot(residual, better), power
        towards = better + (power / before) * towards
        bent = pairs.sandwich(point.inverse, towards)
        bent[held] = 0.0
        share = power / pairs.dot(towards, bent)
        step += share * towards
        residual -= share * bent
    return step


def _search(point: Point, correlation: Floats, pairs: Pairs, step: Floats, slope: Floats) -> Point | None:
    """Return the first point with enough descent along the halved steps, projected to M-matrices; None when there is none."""
    start, length = pairs.of(point.precision), 1.0
    while length >= SHORTEST:
        moved = start + length * step
        np.minimum(moved[pairs.n :], 0.0, out=moved[pairs.n :])
        promised = pairs.dot(slope, moved - start)
        found = point_at(pairs.matrix(moved), correlation) if promised < 0 else None
        if found is not None and found.value <= point.value + ARMIJO * promised + ROUNDING * abs(point.value):
            return found
        length /= 2
    return None
