"""The duality gap that certifies a maximum likelihood estimate under total positivity."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SMALLEST = 1e-12  # stands for correlations that are zero or negative where a logarithm is taken
FIRST_MIX = 1e-8  # share of the single-linkage matrix that is tried first where the clipped inverse is not positive definite


def log_det(matrix: Floats) -> float | None:
    """Return the log-determinant of a symmetric (N, N) matrix; None where it is not positive definite."""
    factor, failed = dpotrf(matrix, lower=1, clean=0)
    return None if failed else 2.0 * float(np.log(np.diag(factor)).sum())


def single_linkage(correlation: Floats) -> Floats:
    """Return the (N, N) dual-feasible start: the similarity at which single linkage joins each pair.

    Notes
    -----
    U_ij is the largest t such that i and j are joined by a path of pairs with correlation at least t, at least `SMALLEST`. U >= C off the
    diagonal, its diagonal is one, and its inverse is an M-matrix (Lauritzen, Uhler, Zwiernik 2019). Found along a maximum spanning tree.
    """
    similar = np.maximum(correlation, SMALLEST)
    n = len(similar)
    reached = np.eye(n)
    best, towards = similar[0].copy(), np.zeros(n, dtype=np.int64)
    best[0] = -np.inf
    inside = [0]
    for _ in range(n - 1):
        new = int(np.argmax(best))
        height = best[new]
        reached[new, inside] = reached[inside, new] = np.minimum(reached[towards[new], inside], height)
        inside.append(new)
        closer = (similar[new] > best) & (best > -np.inf)
        best[closer], towards[closer] = similar[new, closer], new
        best[new] = -np.inf
    return reached


def objective(precision: Floats, correlation: Floats, log_determinant: float) -> float:
    """Return -log det K + tr(C K), what is minimised."""
    return float(np.vdot(correlation, precision)) - log_determinant


def duality_gap(primal: float, inverse: Floats, correlation: Floats, allowed: Bools | None = None) -> float:
    """Return by how much at most the objective of an M-matrix K is above its minimum.

    Parameters
    ----------
    primal : -log det K + tr(C K), with K_ij <= 0 off the diagonal, and K_ij = 0 where a pair is not allowed.
    inverse : (N, N) K^-1.
    correlation : (N, N) C with unit diagonal, any penalty subtracted off the diagonal.
    allowed : (N, N) pairs that may be edges; None for all.

    Returns
    -------
    float
        In units of twice the average log-likelihood (nats); infinite where no dual matrix was found.

    Notes
    -----
    Any R > 0 with R_ii = 1 and R_ij >= C_ij (for allowed pairs) bounds the minimum from below by log det R + N. R is K^-1 scaled to unit
    diagonal and lifted to C; where that is not positive definite, mixed with the single-linkage matrix.
    """
    scale = 1.0 / np.sqrt(np.diag(inverse))
    dual = inverse * scale[:, None] * scale[None, :]
    np.maximum(dual, correlation, out=dual, where=True if allowed is None else allowed)
    np.fill_diagonal(dual, 1.0)
    bound = log_det(dual)
    mix, linked = FIRST_MIX, None
    while bound is None and mix < 1.0:
        linked = single_linkage(correlation) if linked is None else linked
        bound = log_det((1.0 - mix) * dual + mix * linked)
        mix *= 4.0
    return np.inf if bound is None else primal - (bound + len(dual))
