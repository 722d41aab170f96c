"""Orders of the variables: the sparsest graph that an order allows, and orders worth starting from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.discovery.knowledge import Knowledge
from engine.graphs import Graph
from engine.graphs.bitsets import members, rows
from engine.independence import IndependenceTest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CELLS = 500_000  # numbers in the blocks of orders that are looked at together, 4 MB
SINGULAR = 1e-7  # standard deviations of a variable that the others leave unexplained; less is rounding


def minimal_imap(order: Sequence[str], test: IndependenceTest) -> Graph:
    """Return the DAG with i -> j iff i comes before j and they are dependent given all others before j.

    Parameters
    ----------
    order : the p variables, first to last.
    test : answers about these variables. A test on a correlation matrix answers all p (p - 1) / 2 questions at once, and they are not
        recorded in its trace; any other test is asked one variable at a time and records them.

    Raises
    ------
    UserError
        When no test can be made given all other variables.

    Notes
    -----
    With the correlations in this order ``C = L L'`` and ``B = L^-1``, the partial correlation of i < k given the others before k is
    ``-B_ki / sqrt(sum of B_mi^2 over m = i..k)``: the inverse K of the block up to k is B'B cut there, so ``K_ki = B_kk B_ki``,
    ``K_kk = B_kk^2``, and K_ii is the sum. The definition of the graph is that of Solus, Wang and Uhler 2021.
    """
    return Graph.from_directed(test.nodes, imap_arrows(places_of(order, test), test))


def places_of(order: Sequence[str], test: IndependenceTest) -> Ints:
    """Return the (p,) numbers of the variables in an order of their names."""
    number = {node: n for n, node in enumerate(test.nodes)}
    return np.array([number[node] for node in order], dtype=np.int64)


def imap_arrows(places: Ints, test: IndependenceTest, known: Knowledge | None = None) -> Bools:
    """Return the (p, p) arrows of the minimal I-map of an order, given by the numbers of its variables, and the required ones."""
    if test.correlations is not None:
        return imaps([places], test, known)[0]
    arrows = np.zeros((test.p, test.p), dtype=bool)
    for k in range(1, test.p):
        before = places[:k]
        arrows[before, places[k]] = ~test.independent_batch(before, np.full(k, places[k]), all_but(before, np.arange(k)))
    return arrows | known.required if known else arrows


def imaps(orders: Sequence[Ints], test: IndependenceTest, known: Knowledge | None = None) -> list[Bools]:
    """Return the (p, p) arrows of the minimal I-maps of several orders, see `imap_arrows`; those of a Gaussian test are made together."""
    if test.correlations is None:
        return [imap_arrows(places, test, known) for places in orders]
    critical = critical_values(test)[_sizes(test.p)]
    together = max(1, CELLS // (len(test.correlations) * test.p**2))
    found = []
    for start in range(0, len(orders), together):
        places = np.stack(orders[start : start + together])
        dependent = np.triu(np.abs(order_correlations(places, test)) > critical, 1)
        arrows = np.zeros_like(dependent)
        arrows[np.arange(len(places))[:, None, None], places[:, :, None], places[:, None, :]] = dependent
        found += list(arrows | known.required if known else arrows)
    return found


def all_but(nodes: Ints, left_out: Ints) -> Ints:
    """Return an (m, k - 1) table whose rows are the (k,) nodes without the one at place ``left_out`` (m,)."""
    columns = np.arange(len(nodes) - 1)
    return nodes[columns + (columns >= left_out[:, None])]


def order_correlations(places: Ints, test: IndependenceTest) -> Floats:
    """Return (m, p, p) partial correlations ``[i, k]`` of the variables at places i < k of m orders (m, p) given all others before k."""
    inverse = _inverse_roots(places, test)
    diagonal = np.cumsum(inverse * inverse, axis=-2)
    r = np.divide(-inverse, np.sqrt(diagonal), out=np.zeros_like(inverse), where=diagonal > 0).swapaxes(-1, -2)
    i, k = np.triu_indices(test.p, 1)
    found = np.zeros(r.shape[1:])
    found[:, i, k] = test.merged(r[:, :, i, k], _sizes(test.p)[k])
    return found


def _sizes(p: int) -> Ints:
    """Return (p,) how many other variables come before the one that is compared with the k-th."""
    return np.maximum(np.arange(p) - 1, 0)


def critical_values(test: IndependenceTest) -> Floats:
    """Return (p,) absolute partial correlations above which a test given 0, 1, ... variables says dependent; -1 if it is impossible."""
    values = np.array([test.critical(size) for size in range(test.p)])
    values[values >= 1] = -1.0  # a test that is not possible leaves the edge
    return values


def minimum_degree_orders(test: IndependenceTest, n: int, rng: np.random.Generator, known: Knowledge | None = None) -> list[Ints]:
    """Return n orders (p,) by minimum-degree elimination: the variable with the fewest neighbours comes last, and so on backwards.

    Parameters
    ----------
    test : decides which pairs are neighbours: those dependent given all other variables, by the same two-sided test as everywhere.
    n : number of orders; they differ where degrees are equal, since ties are broken at random.
    known : the orders are made to fit to what comes before what.

    Raises
    ------
    UserError
        When no test can be made given all other variables.
    """
    neighbours = rows(_dependent_given_all_others(test))
    orders = [eliminated(list(neighbours), rng.permutation(test.p)) for _ in range(n)]
    return [np.array(known.in_order(order.tolist())) for order in orders] if known else orders


def _dependent_given_all_others(test: IndependenceTest) -> Bools:
    """Return the (p, p) undirected graph of full-order partial dependence."""
    p = test.p
    if test.correlations is not None and p > 1:
        inverse = _inverse_roots(np.arange(p)[None], test)[:, 0]
        precision = inverse.swapaxes(1, 2) @ inverse
        scale = np.sqrt(np.diagonal(precision, axis1=1, axis2=2))
        dependent = np.abs(test.merged(precision / (scale[:, :, None] * scale[:, None, :]), p - 2)) > critical_values(test)[p - 2]
        np.fill_diagonal(dependent, False)
        return dependent
    dependent = np.zeros((p, p), dtype=bool)
    for j in range(1, p):
        others = all_but(np.delete(np.arange(p), j), np.arange(j))
        dependent[:j, j] = dependent[j, :j] = ~test.independent_batch(np.arange(j), np.full(j, j), others)
    return dependent


def eliminated(neighbours: list[int], ties: Ints) -> Ints:
    """Return the order of one elimination of an undirected graph (sets in bits, used up); equal degrees go by ``ties``, a permutation."""
    p, tie = len(neighbours), ties.tolist()
    rank = [around.bit_count() * p + last for around, last in zip(neighbours, tie, strict=True)]
    last_first = []
    for _ in range(p):
        v = rank.index(min(rank))
        last_first.append(v)
        rank[v] = p * (p + 1)
        around = neighbours[v]
        for u in members(around):
            neighbours[u] = (neighbours[u] | around) & ~(1 << u | 1 << v)
            rank[u] = neighbours[u].bit_count() * p + tie[u]
    return np.array(last_first[::-1], dtype=np.int64)


def _inverse_roots(places: Ints, test: IndependenceTest) -> Floats:
    """Return (r, m, p, p) inverses of the Cholesky factors of each part's correlations in m orders (m, p).

    Raises
    ------
    UserError
        When tests given all others are not possible.
    """
    from scipy.linalg.lapack import dtrtri

    correlations = test.correlations
    assert correlations is not None
    if test.critical(test.p - 2) >= 1:
        raise UserError(
            f"{test.n_samples:,} samples are too few to condition on all others of {test.p} variables.",
            "Use more samples than variables, choose fewer variables, or use pc, which conditions on few.",
        )
    try:
        roots: Floats = np.asarray(np.linalg.cholesky(correlations[:, places[:, :, None], places[:, None, :]]), np.float64)
    except np.linalg.LinAlgError:
        roots = np.zeros((1, 1, 1, 1))
    if np.diagonal(roots, axis1=2, axis2=3).min() < SINGULAR:
        raise UserError(
            f"The correlations of the {test.p} variables are singular, so that no test given all others is possible.",
            "Use more samples (resamples have fewer different rows), choose fewer variables, or use pc, which conditions on few.",
        )
    for part in roots:
        for n, root in enumerate(part):
            part[n] = dtrtri(root, lower=1)[0]
    return roots
