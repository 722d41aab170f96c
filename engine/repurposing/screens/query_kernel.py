"""Compiled scans of profiles for the one that is most like a signature: each row is read once, with bounds on what rounding can do."""

import numpy as np
from numba import njit

ANY_ORDER = {"reassoc", "contract", "nsz"}  # sums may be taken in any order, which the bounds allow; NaN stays NaN
FAR = np.float32(np.inf)
CERTAIN = np.float32(0.1)  # of the relative error of a squared norm: above it a row is left to be scored exactly
MARGIN = np.float32(1e-6)  # of the few operations after a sum of whole numbers, each exact to 6e-8


@njit(cache=True, inline="always")
def _length(total, square, n_genes, is_centred, unit):
    """Return one over the length of a row and a bound on the error of its scores; inf where nothing can be said, -1 for zeros.

    With any order of summation |fl(x'q) - x'q| <= g |x| |q| and the same for the sums behind the length, where ``unit`` is
    g = d 2^-24 / (1 - d 2^-24) (Higham 2002, section 3.1). For r = |x|^2 / |x - mean|^2 the score is off by at most g (sqrt(r) + 2 r)
    while g r is small.
    """
    rest = square - total * total / n_genes if is_centred else square
    if square == np.float32(0.0):
        return np.float32(0.0), np.float32(-1.0)
    if rest > np.float32(0.0) and unit * square < CERTAIN * rest:
        ratio = square / rest
        return np.float32(1.0) / np.sqrt(rest), unit * (np.sqrt(ratio) + np.float32(2.0) * ratio)
    return np.float32(0.0), FAR


@njit(cache=True, nogil=True, fastmath=ANY_ORDER)
def scan(block, query, weight, n_genes, is_centred, unit, lower, upper):
    """Bound the similarity of each row of ``block`` (n, d) with a unit ``query``, zero outside the genes of weight one.

    Bounds are -inf and inf where nothing can be said, and -inf both where a row is zero.
    """
    n, d = block.shape
    is_plain = n_genes == np.float32(d) and not is_centred
    for i in range(n):
        x = block[i]
        dot, total, square = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        if is_plain:  # the usual case: with less to do the scan keeps up with the memory
            for k in range(d):
                dot += x[k] * query[k]
                square += x[k] * x[k]
        else:
            for k in range(d):
                kept = x[k] * weight[k]
                dot += x[k] * query[k]
                total += kept
                square += kept * x[k]
        inverse, error = _length(total, square, n_genes, is_centred, unit)
        lower[i], upper[i] = -FAR, FAR
        if error == np.float32(-1.0):
            upper[i] = -FAR
        elif error < FAR:
            lower[i], upper[i] = dot * inverse - error, dot * inverse + error


@njit(cache=True, nogil=True, fastmath=ANY_ORDER)
def lengths(block, weight, n_genes, is_centred, unit, inverse, error):
    """Write what `_length` says of each row of ``block`` (n, d)."""
    n, d = block.shape
    for i in range(n):
        x = block[i]
        total, square = np.float32(0.0), np.float32(0.0)
        for k in range(d):
            kept = x[k] * weight[k]
            total += kept
            square += kept * x[k]
        inverse[i], error[i] = _length(total, square, n_genes, is_centred, unit)


@njit(cache=True, nogil=True)
def select(products, inverse, error, heaps, rows, queries, upper):
    """List what may be among the k highest of each query; return how many there are.

    ``products`` (n, Q) of rows and queries; row q of ``heaps`` (Q, k) holds the highest lower bounds so far, the least of them first.
    """
    n, k = len(products), heaps.shape[1]
    found = 0
    for i in range(n):
        off = error[i]
        if off < np.float32(0.0) or off == FAR:
            continue
        factor = inverse[i]
        for q in range(len(heaps)):
            high = products[i, q] * factor + off
            if high < heaps[q, 0]:
                continue
            rows[found], queries[found], upper[found] = i, q, high
            found += 1
            low = high - np.float32(2.0) * off - MARGIN
            heap = heaps[q]
            if low <= heap[0]:
                continue
            at = 0  # the new bound sinks to its place
            while True:
                below = 2 * at + 1
                if below + 1 < k and heap[below + 1] < heap[below]:
                    below += 1
                if below >= k or heap[below] >= low:
                    break
                heap[at] = heap[below]
                at = below
            heap[at] = low
    return found


@njit(cache=True, nogil=True, fastmath=ANY_ORDER)
def similarities(block, rows, queries, values, places, is_centred, least_genes, scores):
    """Score pairs of a row of ``block`` and a query of ``values`` (Q, s) in float64, over the genes that are finite; NaN where flat."""
    s = len(places)
    x = np.empty(s)
    for pair in range(len(rows)):
        own, y = block[rows[pair]], values[queries[pair]]
        n, mean_x, mean_y, low, high = 0, 0.0, 0.0, np.inf, -np.inf
        for k in range(s):
            value = np.float64(own[places[k]])
            x[k] = value
            if np.isfinite(value):
                n += 1
                mean_x += value
                mean_y += y[k]
                low, high = min(low, value), max(high, value)
        scores[pair] = np.nan
        if n < least_genes or (is_centred and low == high) or (low == 0.0 and high == 0.0):
            continue
        mean_x, mean_y = (mean_x / n, mean_y / n) if is_centred else (0.0, 0.0)
        xx, yy, xy = 0.0, 0.0, 0.0
        for k in range(s):
            known = np.isfinite(x[k])
            a, b = (x[k] - mean_x, y[k] - mean_y) if known else (0.0, 0.0)
            xx += a * a
            yy += b * b
            xy += a * b
        if yy > 0.0:
            scores[pair] = max(-1.0, min(1.0, xy / np.sqrt(xx) / np.sqrt(yy)))


@njit(cache=True, nogil=True)
def scan_codes(codes, slack, totals, squares, query, weight, query_norm, query_slack, n_genes, is_centred, is_whole, lower, upper):
    """Bound the similarity of each profile by its 8-bit code, c, whose distance from the profile is at most ``slack`` code units.

    A profile within distance t |Pc| of its code, P the centring where asked, makes an angle of at most asin(t) with it, so the two unit
    vectors are at most sqrt(2 - 2 sqrt(1 - t^2)) apart, and so are their products with a unit query; the coded query is off by
    ``query_slack``. Sums of whole numbers are exact. A slack of -1 marks a profile that is left out: both bounds are -inf.
    """
    n, d = codes.shape
    for i in range(n):
        c = codes[i]
        if slack[i] < np.float32(0.0):
            lower[i], upper[i] = -FAR, -FAR
            continue
        dot = np.int32(0)
        for k in range(d):
            dot += np.int32(np.int32(c[k]) * np.int32(query[k]))
        total, square = totals[i], squares[i]
        if not is_whole:
            total, square = np.int32(0), np.int32(0)
            for k in range(d):
                kept = np.int32(np.int32(c[k]) * np.int32(weight[k]))
                total += kept
                square += np.int32(kept * np.int32(c[k]))
        rest = np.float64(square)
        if is_centred:
            rest -= np.float64(total) * np.float64(total) / n_genes
        lower[i], upper[i] = -FAR, FAR
        t2 = np.float64(slack[i]) * np.float64(slack[i])
        if t2 < rest:
            score = np.float64(dot) / (query_norm * np.sqrt(rest))
            error = np.sqrt(2.0 - 2.0 * np.sqrt(1.0 - t2 / rest)) + query_slack + MARGIN
            lower[i], upper[i] = score - error, score + error


@njit(cache=True, nogil=True, fastmath=ANY_ORDER)
def encode(block, genes, codes, slack, totals, squares):
    """Write each row of ``block`` as whole numbers from -127 to 127, and a bound on its distance from them in those units.

    ``slack`` is inf where a value is missing; -1 for zeros only.
    """
    n = block.shape[0]
    for i in range(n):
        x = block[i]
        largest = np.float32(0.0)
        is_whole = True
        for k in range(genes):
            size = abs(x[k])
            is_whole &= np.isfinite(size)
            largest = max(largest, size)
        totals[i], squares[i] = np.int32(0), np.int32(0)
        codes[i, :] = 0
        if not is_whole:
            slack[i] = FAR
            continue
        if largest == np.float32(0.0):
            slack[i] = np.float32(-1.0)
            continue
        scale = 127.0 / np.float64(largest)
        apart = 0.0
        total, square = np.int32(0), np.int32(0)
        for k in range(genes):
            exact = np.float64(x[k]) * scale
            code = np.int32(np.rint(exact))
            codes[i, k] = np.int8(code)
            apart += (exact - code) * (exact - code)
            total += code
            square += code * code
        totals[i], squares[i] = total, square
        slack[i] = np.float32(np.sqrt(apart) * 1.000001 + 1e-6)
