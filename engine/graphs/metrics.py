"""How far one graph is from another: structural Hamming distance, and scores and rates of edges, arrowheads and tails."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.graphs.graph import Edge, Graph, Mark, Marks


class Scores(NamedTuple):
    """Shares of what was claimed that is true, of what is true that was claimed, and their harmonic mean.

    Where nothing was claimed, nothing was claimed wrongly: precision 1. Where there was nothing to find, recall 1.
    """

    precision: float
    recall: float
    f1: float


class Rates(NamedTuple):
    """Shares of what is true that was claimed, and of what is not true that was claimed all the same.

    Where there was nothing to find, the first is 1; where nothing could be claimed wrongly, the second is 0.
    """

    true_positive: float
    false_positive: float


def shd(a: Graph, b: Graph) -> int:
    """Return the structural Hamming distance: the number of unordered pairs of nodes whose marks differ.

    Parameters
    ----------
    a, b : graphs on the same variables, in any order. Compare DAGs by their CPDAGs: those of one class differ in arrows that no data tell.

    Raises
    ------
    UserError
        When the graphs do not have the same variables.
    """
    differ = a.marks != aligned(a, b)
    return int(np.count_nonzero(np.triu(differ | differ.T)))


def skeleton_scores(estimate: Graph, truth: Graph) -> Scores:
    """Return precision, recall and F1 of the adjacencies, whatever their marks."""
    return _scores(np.triu(estimate.skeleton), np.triu(aligned(estimate, truth) != Mark.NONE))


def arrowhead_scores(estimate: Graph, truth: Graph) -> Scores:
    """Return precision, recall and F1 of the arrowheads: one counts as found when the truth has it at the same end of the same edge."""
    return _scores(estimate.marks == Mark.ARROW, aligned(estimate, truth) == Mark.ARROW)


def tail_scores(estimate: Graph, truth: Graph) -> Scores:
    """Return precision, recall and F1 of the tails, counted like `arrowhead_scores`."""
    return _scores(estimate.marks == Mark.TAIL, aligned(estimate, truth) == Mark.TAIL)


def skeleton_rates(estimate: Graph, truth: Graph) -> Rates:
    """Return the rates of the adjacencies among all unordered pairs, whatever their marks."""
    upper = np.triu(np.ones((estimate.p, estimate.p), dtype=bool), 1)
    return _rates(estimate.skeleton, aligned(estimate, truth) != Mark.NONE, upper)


def arrow_rates(estimate: Graph, truth: Graph) -> Rates:
    """Return the rates of the arrows i -> j among all ordered pairs; lines, circles and bidirected edges claim none."""
    true = aligned(estimate, truth)
    return _rates(estimate.directed, (true == Mark.ARROW) & (true.T == Mark.TAIL), ~np.eye(estimate.p, dtype=bool))


def differences(a: Graph, b: Graph) -> pd.DataFrame:
    """Return the pairs of nodes whose marks differ, one row each, in the order of the nodes of ``a``.

    Returns
    -------
    DataFrame
        ``source``, ``target``; ``first`` and ``second``, the edge in each graph written from source to target (empty where there is none);
        ``change``: what the second graph does to the edge of the first: ``added``, ``removed``, ``reversed`` or ``marks``.
    """
    other = aligned(a, b)
    differ = a.marks != other
    rows = []
    for i, j in np.argwhere(np.triu(differ | differ.T)):
        first, second = _edge(a, a.marks, i, j), _edge(a, other, i, j)
        if not first or not second:
            change = "removed" if first else "added"
        else:
            turned = (a.marks[i, j], a.marks[j, i]) == (other[j, i], other[i, j])
            change = "reversed" if turned else "marks"
        rows.append((a.nodes[i], a.nodes[j], first, second, change))
    return pd.DataFrame(rows, columns=["source", "target", "first", "second", "change"])


def aligned(a: Graph, b: Graph) -> Marks:
    """Return the (p, p) marks of ``b`` in the order of the nodes of ``a``; other variables are a `UserError`."""
    if a.nodes == b.nodes:
        return b.marks
    if set(a.nodes) != set(b.nodes):
        only = sorted(set(a.nodes) ^ set(b.nodes))
        raise UserError(
            f"The graphs do not have the same variables: {', '.join(only[:5])}{' …' if len(only) > 5 else ''} in one of them only.",
            "Compare graphs on the same variables.", only[0],
        )  # fmt: skip
    place = {node: i for i, node in enumerate(b.nodes)}
    order = [place[node] for node in a.nodes]
    return b.marks[np.ix_(order, order)]


def _edge(graph: Graph, marks: Marks, i: int, j: int) -> str:
    if marks[i, j] == Mark.NONE:
        return ""
    return str(Edge(graph.nodes[i], Mark(marks[j, i]), Mark(marks[i, j]), graph.nodes[j]))


def _scores(claimed: NDArray[np.bool_], true: NDArray[np.bool_]) -> Scores:
    n_claimed, n_true, n_both = (int(np.count_nonzero(found)) for found in (claimed, true, claimed & true))
    precision = n_both / n_claimed if n_claimed else 1.0
    recall = n_both / n_true if n_true else 1.0
    return Scores(precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0)


def _rates(claimed: NDArray[np.bool_], true: NDArray[np.bool_], possible: NDArray[np.bool_]) -> Rates:
    found, there = claimed[possible], true[possible]
    n_true, n_false = np.count_nonzero(there), np.count_nonzero(~there)
    return Rates(
        float(np.count_nonzero(found & there) / n_true) if n_true else 1.0,
        float(np.count_nonzero(found & ~there) / n_false) if n_false else 0.0,
    )
