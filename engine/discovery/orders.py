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
    arrows = np.zeros((test.p, test.p), dtype=bool)
    if test.correlation is not None:
        sizes = np.maximum(np.arange(test.p) - 1, 0)
        dependent = np.abs(order_correlations(places, test)) > critical_values(test)[sizes]
        arrows[np.ix_(places, places)] = np.triu(dependent, 1)
    else:
        for k in range(1, test.p):
            before = places[:k]
            arrows[before, places[k]] = ~test.independent_batch(before, np.full(k, places[k]), all_but(before, np.arange(k)))
    return arrows | known.required if known else arrows


def all_but(nodes: Ints, left_out: Ints) -> Ints:
    """Return an (m, k - 1) table whose rows are the (k,) nodes without the one at place ``left_out`` (m,)."""
    columns = np.arange(len(nodes) - 1)
    return nodes[columns + (columns >= left_out[:, None])]


def order_correlations(places: Ints, test: IndependenceTest) -> Floats:
    """Return (p, p) partial correlations ``[i, k]`` of the variables at places i < k of an order given all others before k."""
    inverse = _inverse_root(places, test)
    diagonal = np.cumsum(inverse * inverse, axis=0)
    return np.divide(-inverse, np.sqrt(diagonal), out=np.zeros_like(inverse), where=diagonal > 0).T


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
    if test.correlation is not None and p > 1:
        inverse = _inverse_root(np.arange(p), test)
        precision = inverse.T @ inverse
        scale = np.sqrt(np.diag(precision))
        dependent = np.abs(precision / np.outer(scale, scale)) > critical_values(test)[p - 2]
        np.fill_diagonal(dependent, False)
        return dependent
    dependent = np.zeros((p, p), dtype=bool)
    for j in range(1, p):
        others = all_but(np.delete(np.arange(p), j), np.arange(j))
        dependent[:j, j] = dependent[j, :j] = ~test.independent_batch(np.arange(j), np.full(j, j), others)
    return dependent


def eliminated(neighbours: list[int], ties: Ints) -> Ints:
    """Return the order of one elimination of an undirected graph (sets in bits, used up); equal degrees go by ``ties``, a permutation."""
    p = len(neighbours)
    rank = np.array([around.bit_count() for around in neighbours]) * p + ties
    last_first = np.empty(p, dtype=np.int64)
    for n in range(p):
        v = int(rank.argmin())
        last_first[n] = v
        rank[v] = np.iinfo(rank.dtype).max
        around = neighbours[v]
        for u in members(around):
            neighbours[u] = (neighbours[u] | around) & ~(1 << u | 1 << v)
            rank[u] = neighbours[u].bit_count() * p + ties[u]
    return last_first[::-1]


def _inverse_root(places: Ints, test: IndependenceTest) -> Floats:
    """Return the inverse of the Cholesky factor of the correlations in an order; stop where tests given all others are not possible."""
    from scipy.linalg.lapack import dtrtri

    assert test.correlation is not None
    if test.critical(test.p - 2) >= 1:
        raise UserError(
            f"{test.n_samples:,} samples are too few to condition on all others of {test.p} variables.",
            "Use more samples than variables, choose fewer variables, or use pc, which conditions on few.",
        )
    try:
        root = np.linalg.cholesky(test.correlation[np.ix_(places, places)])
    except np.linalg.LinAlgError:
        root = np.zeros((1, 1))
    if root.diagonal().min() < SINGULAR:
        raise UserError(
            f"The correlations of the {test.p} variables are singular, so that no test given all others is possible.",
            "Use more samples (resamples have fewer different rows), choose fewer variables, or use pc, which conditions on few.",
        )
    inverse: Floats = dtrtri(root, lower=1)[0]
    return inverse
