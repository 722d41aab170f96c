"""Compiled sweeps of block coordinate descent over the columns of a precision matrix."""

import numpy as np
from numba import njit

PASSES = 25  # of coordinate descent over one column
SETTLED = 1e-3  # a column is settled when a pass moves less than this share of what its first pass moved


@njit(cache=True)
def sweep(precision, inverse, correlation, allowed, restricted, finest):
    """Minimise over one column after another, in place; return the largest change of a standardised coordinate.

    ``precision`` (K) and ``inverse`` (W) are inverses of each other before and after. For column j, with G the inverse of K without j,
    the column is -y where y minimises y'Gy / 2 - c_j'y over y >= 0, and K_jj = 1 + y'Gy (Slawski, Hein 2015; C has unit diagonal).
    ``v`` is G y throughout; G = W - w_j w_j' / w_jj is never formed. Where a pass moves no coordinate by more than ``finest``, W stays.
    """
    n = len(correlation)
    y, v = np.empty(n), np.empty(n)
    largest = 0.0
    for j in range(n):
        w, c = inverse[j], correlation[j]
        own = w[j]
        for k in range(n):
            y[k] = -precision[j, k]
            v[k] = w[k] / own
        y[j], v[j] = 0.0, 0.0
        moved, first = 0.0, -1.0
        for _ in range(PASSES):
            farthest = 0.0
            for i in range(n):
                if i == j or (restricted and not allowed[j, i]):
                    continue
                gradient = v[i] - c[i]
                if y[i] == 0.0 and gradient >= 0.0:
                    continue
                row = inverse[i]
                share = w[i] / own
                curvature = row[i] - w[i] * share
                target = max(0.0, y[i] - gradient / curvature)
                step = target - y[i]
                size = abs(step) * np.sqrt(curvature)
                if size <= finest:
                    continue
                y[i] = target
                for k in range(n):
                    v[k] += step * (row[k] - w[k] * share)
                farthest = max(farthest, size)
            moved = max(moved, farthest)
            if first < 0.0:
                first = farthest
            if farthest <= max(finest, SETTLED * first):
                break
        if moved == 0.0:
            continue
        largest = max(largest, moved)
        v[j] = 0.0
        quadratic = 0.0
        for k in range(n):
            quadratic += y[k] * v[k]
        for k in range(n):
            precision[j, k] = precision[k, j] = -y[k]
        precision[j, j] = 1.0 + quadratic
        old = w.copy()
        for a in range(n):
            if a == j:
                continue
            row, up, down = inverse[a], v[a], old[a] / own
            for k in range(n):
                row[k] += up * v[k] - down * old[k]
        for k in range(n):
            inverse[j, k] = inverse[k, j] = v[k]
        inverse[j, j] = 1.0
    return largest
