"""Maximum likelihood of a Gaussian under total positivity: sweeps, Newton steps, and a certificate on every answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.core import UserError
from engine.mtp2.certificate import Bools, Floats, duality_gap
from engine.mtp2.newton import Point, newton, point_at

TOLERANCE = 1e-8  # duality gap, in units of twice the average log-likelihood
MOST_ALIKE = 0.9999  # correlation from which two variables count as one
FEW_SWEEPS, MANY_SWEEPS = 5, 40  # before the Newton steps, for many and for few variables
FEW = 64  # variables up to which sweeps alone are quicker
FINEST = 1e-10  # standardised change of an entry that a sweep leaves alone
DUST = 1e-8  # partial correlation that is no edge
RESCUE_SWEEPS = 50
RIDGES = (1e-4, 1e-3, 1e-2)


@dataclass(frozen=True, eq=False)
class Solution:
    """The estimate on the correlation scale.

    Attributes
    ----------
    precision : (N, N) M-matrix K: symmetric, positive definite, exact zeros where there is no edge, nothing positive off the diagonal.
    covariance : (N, N) its inverse.
    gap : the objective -log det K + tr(C K) is at most so far above its minimum.
    sweeps, steps : of block descent and of Newton's method.
    ridge : share of the identity that was mixed into C; 0 unless nothing else gave a certificate.
    """

    precision: Floats
    covariance: Floats
    gap: float
    sweeps: int
    steps: int
    ridge: float

    @property
    def edges(self) -> int:
        """Number of pairs that are dependent given all others."""
        return int((self.precision < 0).sum()) // 2


def maximum_likelihood(
    correlation: Floats,
    *,
    allowed: Bools | None = None,
    penalty: Floats | None = None,
    tolerance: float = TOLERANCE,
    names: Sequence[str] = (),
    check: Callable[[float], None] = lambda gap: None,
) -> Solution:
    """Minimise -log det K + tr(C K) over positive definite K with K_ij <= 0 off the diagonal.

    Parameters
    ----------
    correlation : (N, N) symmetric C with unit diagonal; it need not be positive definite.
    allowed : (N, N) symmetric, pairs that may be edges; K_ij = 0 at the others. None allows all.
    penalty : (N, N) symmetric, not negative: weights of |K_ij|; their diagonal is not read.
    tolerance : duality gap to reach.
    names : of the variables, for messages.
    check : called with the gap from time to time (infinite before the first certificate); may raise to stop.

    Returns
    -------
    Solution
        Its ``gap`` is at most ``tolerance`` unless even a ridge did not help, which the caller must say.

    Raises
    ------
    UserError
        When two variables correlate at `MOST_ALIKE` or more: with exact duplicates there is no estimate.

    Notes
    -----
    The estimate exists and is unique iff C_ij < 1 for all pairs (Slawski, Hein 2015; Lauritzen, Uhler, Zwiernik 2019). A penalty is the
    same problem with C - penalty off the diagonal, since K_ij <= 0. Block descent (Slawski, Hein 2015) comes near, projected Newton steps
    finish; where neither reaches the tolerance: more sweeps, then a ridge C <- (1 - e) C + e I, which is reported.
    """
    refuse_duplicates(correlation, names, allowed)
    problem = correlation if penalty is None else correlation - penalty
    problem = np.ascontiguousarray(problem, dtype=np.float64).copy()
    np.fill_diagonal(problem, 1.0)
    solution = _solve(problem, allowed, tolerance, check)
    for ridge in RIDGES:
        if solution.gap <= tolerance:
            break
        eased = (1.0 - ridge) * problem
        np.fill_diagonal(eased, 1.0)
        solution = _solve(eased, allowed, tolerance, check, ridge)
    return solution


def refuse_duplicates(correlation: Floats, names: Sequence[str] = (), allowed: Bools | None = None) -> None:
    """Raise a `UserError` naming the most alike pair when its correlation is `MOST_ALIKE` or more."""
    upper = np.triu(correlation if allowed is None else np.where(allowed, correlation, 0.0), 1)
    i, j = divmod(int(np.argmax(upper)), len(upper))
    if upper[i, j] >= MOST_ALIKE:
        first, second = (names[i], names[j]) if len(names) else (f"variable {i + 1}", f"variable {j + 1}")
        raise UserError(
            f"{first} and {second} move as one (correlation {upper[i, j]:.4f}); duplicates leave no estimate under total positivity.",
            f"Keep one of {first} and {second}.", str(second),
        )  # fmt: skip


def _solve(problem: Floats, allowed: Bools | None, tolerance: float, check: Callable[[float], None], ridge: float = 0.0) -> Solution:
    """Sweep, then step; where that falls short sweep on and step again."""
    n = len(problem)
    precision, inverse = np.eye(n), np.eye(n)
    sweeps = _sweep(precision, inverse, problem, allowed, MANY_SWEEPS if n <= FEW else FEW_SWEEPS, check)
    point, gap, steps = newton(_at(precision, problem), problem, allowed, tolerance, check)
    if gap > tolerance:
        precision, inverse = point.precision.copy(), point.inverse.copy()
        sweeps += _sweep(precision, inverse, problem, allowed, RESCUE_SWEEPS, check)
        point, gap, more = newton(_at(precision, problem), problem, allowed, tolerance, check)
        steps += more
    point, gap = _without_dust(point, gap, problem, allowed, tolerance)
    return Solution(point.precision, point.inverse, gap, sweeps, steps, ridge)


def _without_dust(point: Point, gap: float, problem: Floats, allowed: Bools | None, tolerance: float) -> tuple[Point, float]:
    """Put partial correlations below `DUST` to zero where the certificate bears it."""
    scale = np.sqrt(np.diag(point.precision))
    dust = (point.precision < 0) & (point.precision > -DUST * scale[:, None] * scale[None, :])
    clean = point_at(np.where(dust, 0.0, point.precision) + 0.0, problem) if dust.any() else None  # + 0.0: no minus zero
    if clean is None:
        return point, gap
    after = duality_gap(clean.value, clean.inverse, problem, allowed)
    return (clean, after) if after <= max(gap, tolerance) else (point, gap)


def _sweep(precision: Floats, inverse: Floats, problem: Floats, allowed: Bools | None, most: int, check: Callable[[float], None]) -> int:
    """Sweep in place until nothing moves, at most so many times; return how many sweeps it took."""
    from engine.mtp2.descent_kernel import sweep

    some = np.ones((1, 1), dtype=np.bool_) if allowed is None else allowed
    done, moved = 0, np.inf
    while done < most and moved > 10 * FINEST:
        check(np.inf)
        moved = sweep(precision, inverse, problem, some, allowed is not None, FINEST)
        done += 1
    return done


def _at(precision: Floats, problem: Floats) -> Point:
    """Return the point of a precision matrix that sweeps made; they keep it positive definite."""
    point = point_at(precision, problem)
    if point is None:
        raise FloatingPointError("block descent left the positive definite matrices")
    return point
