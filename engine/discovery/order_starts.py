"""Orders that a score search starts from."""

from dataclasses import dataclass

import numpy as np

from engine.core import Context, field
from engine.discovery.ges import EquivalenceClass, backward, forward
from engine.discovery.knowledge import Knowledge
from engine.discovery.orders import eliminated
from engine.discovery.scored import ScoredParams, forward_order
from engine.discovery.scores import GaussianScore, LocalScore
from engine.graphs.bitsets import rows

FEW = 20  # up to so many variables several starts cost next to nothing
MANY = 200  # beyond so many variables a greedy start takes longer than the search


@dataclass(frozen=True)
class OrderParams(ScoredParams):
    """Parameters of the searches over orders."""

    starts: int | None = field(
        None, "Starting orders", low=1, high=100, absent="as many as pay",
        help="The search starts from so many orders; the best end is kept. None takes five for up to 20 variables, one for more.",
    )  # fmt: skip


def default_starts(p: int) -> int:
    """Return how many orders to start from for p variables: many where a start costs little."""
    return 5 if p <= FEW else 1


def starting_order(n: int, score: LocalScore, known: Knowledge, context: Context) -> list[int]:
    """Return the n-th order to start from: a greedy one first, then one by minimum-degree elimination, then random ones.

    Parameters
    ----------
    known : the order fits to what comes before what.

    Notes
    -----
    The greedy order is that of the DAG of greedy equivalence search. With more than 200 variables minimum-degree elimination comes
    first, which takes one matrix inverse. Orders are drawn over the sorted names, so that the order of the columns plays no part.
    """
    by_name = sorted(range(score.p), key=known.nodes.__getitem__)
    drawn = [by_name[k] for k in context.rng.permutation(score.p)]
    can_eliminate = isinstance(score, GaussianScore) and score.n_samples > score.p
    if n == 0 and (score.p <= MANY or not can_eliminate):
        start = EquivalenceClass.of(known.must, known)
        return known.in_order(forward_order(backward(forward(start, score, context), score, context).member()))
    if n <= 1 and isinstance(score, GaussianScore) and can_eliminate:
        rank = np.empty(score.p, dtype=np.int64)
        rank[drawn] = np.arange(score.p)
        return known.in_order(eliminated(rows(score.dependent_given_all_others()), rank).tolist())
    return known.in_order(drawn)
