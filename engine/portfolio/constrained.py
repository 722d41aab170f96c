"""Minimum variance within limits: a quadratic programme, solved to the last digit, that names the limits which bind."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, lstsq

from engine.core import UserError
from engine.portfolio.infeasible import no_weights
from engine.portfolio.limits import Limits, Region
from engine.portfolio.long_only import long_only_minimum_variance

SOLVER = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10, "max_threads": 1}  # one thread: same bytes on every machine
SNAPS = (1e-6, 1e-5, 1e-7, 1e-8)  # weights so near a limit are tried at the limit itself
ROUGH = 1e-3  # variance, relative to that of equal weights, below which the scale is set anew
KEPT = 1e-12  # share of the capital by which limits of an exact answer may be missed
WORSE = 1e-9  # relative variance by which an answer at the limits may exceed the solver's
AT = 1e-8  # share of the capital: so near a limit is at it
SHAPES = 64  # programmes kept ready

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Allocation:
    """Weights within limits.

    Parameters
    ----------
    weights : (N,) weights that sum to one.
    binding : limit -> the assets or groups held at it; those of the whole portfolio (turnover, gross) name none.
    is_exact : whether every limit is kept and every binding one met to rounding, at the least variance. Otherwise (nearly singular
        matrices whose assets hedge each other) limits are missed by 1e-8 at most and the least variance by 1e-9 of that of equal weights.
    """

    weights: Floats
    binding: dict[str, tuple[str, ...]]
    is_exact: bool

    @property
    def facts(self) -> dict[str, float]:
        """Numbers for a table: how many assets or groups each limit binds, and whether the answer is exact."""
        return {f"at {limit}": float(len(names) or 1) for limit, names in self.binding.items()} | {"exact": float(self.is_exact)}


def constrained(
    covariance: Floats,
    limits: Limits,
    *,
    names: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    previous: Floats | None = None,
    expected: Floats | None = None,
    target: float | None = None,
) -> Allocation:
    """Return the weights of least variance within limits, and with a target return where one is given.

    Parameters
    ----------
    covariance : (N, N) symmetric positive semidefinite, per period.
    limits : what the weights must keep to.
    names : the N assets, for messages and binding limits.
    groups : N labels, for group limits; None or NaN belongs to no group.
    previous : (N,) weights held before, as drifted, for the turnover; None does not limit it.
    expected, target : (N,) expected returns m and the number b that m'w must equal, as fractions per period.

    Raises
    ------
    UserError
        When no weights keep to all limits: which cannot be met, and what would be enough. When the matrix is not positive semidefinite.

    Notes
    -----
    min w'Sw over the region, with S scaled so that equal weights have variance one (less where assets hedge each other), by an
    interior-point method (Clarabel). Its answer names the limits that bind; with these as equations the optimum is a linear system
    (KKT), whose answer is taken when it keeps all limits and has no more variance. Plain long-only goes to `long_only_minimum_variance`.
    """
    matrix = np.asarray(covariance, np.float64)
    n = len(matrix)
    known = [str(name) for name in names] if names is not None else [f"asset {i + 1}" for i in range(n)]
    region = limits.region(n, groups=groups, previous=previous, expected=expected, target=target)
    if region.is_long_only_alone:
        weights, is_exact = long_only_minimum_variance(matrix), True
    else:
        if not np.isfinite(matrix).all() or not np.trace(matrix) > 0:
            raise UserError("The covariance has entries that are not finite, or no variance.", "Leave out assets without enough returns.")
        matrix = (matrix + matrix.T) * (n**2 / (2 * max(matrix.sum(), np.trace(matrix))))
        near = _solved(matrix, region)
        if near is None:
            raise no_weights(limits, region)
        variance = float(near @ matrix @ near)
        if variance < ROUGH:  # hedged: tolerances were set for much more
            closer = matrix / max(variance, ROUGH**2)
            again = _solved(closer, region)
            near, matrix = (near, matrix) if again is None else (again, closer)
        weights, is_exact = _at_limits(matrix, region, near)
    return Allocation(weights=weights, binding=_binding(region, weights, known), is_exact=is_exact)


def _solved(matrix: Floats, region: Region) -> Floats | None:
    """Return the interior-point answer, good to about 1e-9; None where the region is empty, or as good as."""
    has_lower, has_upper = bool(np.isfinite(region.lower).any()), bool(np.isfinite(region.upper).any())
    whole = (region.turnover is not None, region.gross is not None, region.target is not None)
    return _programme(len(matrix), has_lower, has_upper, len(region.bounds), *whole).solve(matrix, region)


class _Programme:
    """A quadratic programme of one shape, translated for the solver once."""

    def __init__(self, n: int, has_lower: bool, has_upper: bool, rows: int, is_turning: bool, has_gross: bool, has_target: bool):
        import cvxpy

        cp: Any = cvxpy
        self.lock = Lock()
        self.weights = w = cp.Variable(n)
        self.matrix = cp.Parameter((n, n), PSD=True)
        self.values: dict[str, Any] = {}
        limits = [cp.sum(w) == 1]
        if has_lower:
            limits.append(w >= self._parameter("lower", n))
        if has_upper:
            limits.append(w <= self._parameter("upper", n))
        if rows:
            limits.append(self._parameter("rows", (rows, n)) @ w <= self._parameter("bounds", rows))
        if is_turning:
            limits.append(cp.norm1(w - self._parameter("previous", n)) <= self._parameter("turnover", ()))
        if has_gross:
            limits.append(cp.norm1(w) <= self._parameter("gross", ()))
        if has_target:
            limits.append(self._parameter("tilt", n) @ w == 0)
        self.problem: Any = cp.Problem(cp.Minimize(cp.quad_form(w, self.matrix)), limits)

    def _parameter(self, name: str, shape: Any) -> Any:
        import cvxpy

        self.values[name] = cvxpy.Parameter(shape)
        return self.values[name]

    def solve(self, matrix: Floats, region: Region) -> Floats | None:
        """Return the weights; None where none were found."""
        import cvxpy as cp

        with self.lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an inexact solution: the caller looks for itself
            try:
                self.matrix.value = matrix
            except ValueError as error:
                raise UserError(
                    "The covariance has a direction of negative variance.", "Take an estimator whose matrix is positive definite."
                ) from error
            for name, parameter in self.values.items():
                parameter.value = getattr(region, name)
            try:  # afresh: a solver kept warm would remember the last date
                self.problem.solve(solver=cp.CLARABEL, warm_start=False, **SOLVER)
            except cp.SolverError:
                return None
            if self.problem.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
                return np.array(self.weights.value)
            return None


@lru_cache(maxsize=SHAPES)
def _programme(*shape: Any) -> _Programme:
    return _Programme(*shape)


def _at_limits(matrix: Floats, region: Region, near: Floats) -> tuple[Floats, bool]:
    """Return the optimum with the limits that bind met to rounding, and whether that could be done."""
    allowed = (1 + WORSE) * (near @ matrix @ near) + SOLVER["tol_gap_abs"]
    for snap in SNAPS:
        weights = _optimum_of_face(matrix, region, near, snap)
        if weights is not None and region.violation(weights) <= KEPT and weights @ matrix @ weights <= allowed:
            return weights, True
    weights = np.clip(near, region.lower, region.upper)
    lack = 1 - weights.sum()
    room = np.minimum(region.upper - weights if lack > 0 else weights - region.lower, 1.0)
    return weights + lack * room / max(room.sum(), abs(lack)), False


def _optimum_of_face(matrix: Floats, region: Region, near: Floats, snap: float) -> Floats | None:
    """Return the least variance over the weights that meet with equality each limit that ``near`` comes as close as ``snap`` to."""
    fixed = np.full(len(near), np.nan)
    rows: list[Floats] = [np.ones(len(near))]
    sums: list[float] = [1.0]
    if region.tilt is not None:
        rows, sums = [*rows, region.tilt], [*sums, 0.0]
    for centre, radius in ((region.previous, region.turnover), (np.zeros_like(near), region.gross)):
        if centre is not None and radius is not None and radius - np.abs(near - centre).sum() <= snap:
            fixed = np.where(np.abs(near - centre) <= snap, centre, fixed)
            signs = np.sign(near - centre)
            rows, sums = [*rows, signs], [*sums, float(radius + signs @ centre)]
    binding = region.bounds - region.rows @ near <= snap
    rows, sums = [*rows, *region.rows[binding]], [*sums, *region.bounds[binding].tolist()]
    fixed = np.where(near - region.lower <= snap, region.lower, fixed)
    fixed = np.where(region.upper - near <= snap, region.upper, fixed)
    free = np.isnan(fixed)
    weights = np.where(free, 0.0, fixed)
    equations, k = np.array(rows), int(free.sum())
    system = np.zeros((k + len(rows), k + len(rows)))
    system[:k, :k] = matrix[np.ix_(free, free)]
    system[:k, k:] = equations[:, free].T
    system[k:, :k] = equations[:, free]
    right = np.concatenate([-matrix[free] @ weights, np.array(sums) - equations @ weights])
    try:
        weights[free] = lstsq(system, right, lapack_driver="gelsy")[0][:k]  # rows may repeat each other
    except LinAlgError:
        return None
    return weights


def _binding(region: Region, weights: Floats, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Name the limits that the weights are at, and who is at them."""

    def those(slack: Floats, of: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name, each in zip(of, slack, strict=True) if each <= AT)

    found = {
        "least weight": those(weights - region.lower, names),
        "greatest weight": those(region.upper - weights, names),
        "group limit": those(region.bounds - region.rows @ weights, region.labels),
    }
    found = {limit: who for limit, who in found.items() if who}
    if region.turnover is not None and region.previous is not None and np.abs(weights - region.previous).sum() >= region.turnover - AT:
        found["turnover"] = ()
    if region.gross is not None and np.abs(weights).sum() >= region.gross - AT:
        found["gross leverage"] = ()
    return found
