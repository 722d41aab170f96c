"""An order of the variables improved by moving one at a time to its best place, judged by the tests alone."""

import numpy as np

from engine.core import Context
from engine.discovery.knowledge import Knowledge
from engine.discovery.orders import Floats, Ints, critical_values
from engine.independence import IndependenceTest

ROUNDING = 1e-9  # of a cost; a smaller gain is none


def improved_order(order: Ints, test: IndependenceTest, known: Knowledge, context: Context) -> Ints:
    """Move each variable to the place where the order costs least, in random turns.

    Parameters
    ----------
    order : (p,) numbers of the variables, first to last.
    test : a test on a correlation matrix for which questions given all other variables are possible.
    known : no variable passes one that is known to come before or after it.

    Notes
    -----
    Each pair i < k of an order costs ``min(1, (r / c)^2)``, with r its partial correlation given the others before k and c the value from
    which the test says dependent. Every edge of the minimal I-map thus costs 1, and where two places give as many edges, the one whose
    missing edges are missing most clearly is better. All p places of one variable are judged at once, see `_Places`.
    Every variable has a turn, and another each time that one which moves passes it, so the end is no certain optimum of single moves.
    """
    if test.p < 3:  # the places are worth the same
        return order
    places = _Places(test)
    now = order.tolist()
    waiting = context.rng.permutation(now).tolist()
    while waiting:
        context.check()
        variable = waiting.pop()
        here = now.index(variable)
        others = now[:here] + now[here + 1 :]
        costs = places.costs(variable, np.array(others))
        if known:
            costs[: max((n + 1 for n, k in enumerate(others) if known.earlier[k, variable]), default=0)] = np.inf
            costs[min((n for n, k in enumerate(others) if known.earlier[variable, k]), default=len(others)) + 1 :] = np.inf
        best = int(costs.argmin())
        if costs[best] < costs[here] - ROUNDING:
            now = [*others[:best], variable, *others[best:]]
            passed = set(now[min(here, best) : max(here, best) + 1]) - {variable, *waiting}
            waiting = [*context.rng.permutation(sorted(passed)).tolist(), *waiting]
    return np.array(now)


class _Places:
    """What an order costs for each place of one variable v among the others.

    Notes
    -----
    With v at place x, those before x have no v before them and those behind x do. Both kinds of costs come from one inverse Cholesky
    factor B each, as in `engine.discovery.orders.minimal_imap`; for the second the correlations are those left when v is partialled out.
    Given the first x others, v has the regression weights ``b_xi = sum over m < x of w_m B_mi`` with ``w = B c_v``, the residual variance
    ``s_x = 1 - sum over m < x of w_m^2``, and with others i the squared partial correlation ``b_xi^2 / (s_x K_ii + b_xi^2)``.
    Of v itself and a variable k behind it, v first, the entry of B is ``-B_k c_v`` and K_vv is 1 plus the sum of their squares up to k.
    """

    def __init__(self, test: IndependenceTest):
        assert test.correlation is not None
        self.correlation = test.correlation
        q = test.p - 1
        size = np.arange(q)
        squares = critical_values(test) ** 2
        self._above = np.triu(np.ones((q, q)), 1)
        self._least = squares[size]
        # row k of each: without v before it, k others are before variable k; with v one more; and v at place k + 1 has k others beside i
        self._scale = np.ones((3, q, q))
        for n, given in enumerate((np.maximum(size - 1, 0), size, size)):
            self._scale[n] /= squares[given][:, None]
        self._scale[:2] *= np.tri(q, k=-1)
        self._scale[2] *= np.tri(q)

    def costs(self, variable: int, others: Ints) -> Floats:
        """Return the (p,) costs of the order for each place of a variable among the (p - 1,) others."""
        q = len(others)
        block, own = self.correlation[others[:, None], others], self.correlation[variable, others]
        roots, ratios = np.empty((2, q, q)), np.empty((3, q, q))
        roots[0], roots[1] = _inverse_root(block), _inverse_root(block - own[:, None] * own)
        squares = roots * roots
        diagonals = squares.cumsum(axis=1)
        diagonals += self._above  # no division by zero
        np.divide(squares, diagonals, out=ratios[:2])
        w = roots[0] @ own
        weights = (w[:, None] * roots[0]).cumsum(axis=0)
        weights *= weights
        left = 1 - (w * w).cumsum()
        np.divide(weights, left[:, None] * diagonals[0] + weights, out=ratios[2])
        ratios *= self._scale
        without, behind, itself = np.minimum(ratios, 1, out=ratios).sum(axis=2)
        u = roots[1] @ own
        u *= u
        behind += np.minimum(u / (1 + u.cumsum()) / self._least, 1)
        costs = np.zeros(q + 1)
        costs[1:] = itself + without.cumsum()
        costs[:-1] += behind[::-1].cumsum()[::-1]
        return costs


def _inverse_root(block: Floats) -> Floats:
    from scipy.linalg.lapack import dpotrf, dtrtri

    inverse: Floats = dtrtri(dpotrf(block, lower=1, clean=1)[0], lower=1)[0]
    return inverse
