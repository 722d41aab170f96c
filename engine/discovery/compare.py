"""Where two learned graphs differ, and which test made the difference."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from engine.discovery.result import Decider, GraphResult, p_text, set_text
from engine.graphs import Graph, Mark, differences
from engine.independence.trace import decisions

COLUMNS = [
    "source",
    "target",
    "first",
    "second",
    "change",
    "pair",
    "given",
    "p_first",
    "p_second",
    "decision_first",
    "decision_second",
    "reason",
]
RUNS = ("the first run", "the second")


class Answer(NamedTuple):
    """What one run says to a question: its p-value (NaN when it could not be tested or was not asked) and its decision."""

    p_value: float
    decision: str


def compare(a: GraphResult, b: GraphResult) -> pd.DataFrame:
    """Return the pairs whose marks differ, each with the test that made the difference.

    Parameters
    ----------
    a, b : results on the same variables, in any order.

    Returns
    -------
    DataFrame
        ``source``, ``target``, ``first``, ``second``, ``change`` as in `engine.graphs.differences`; then the deciding test: ``pair`` (its
        two variables), ``given``, ``p_first``, ``p_second``, ``decision_first``, ``decision_second`` (independent, dependent, not tested or
        not asked), and ``reason``, a sentence. A difference that only follows from others has no test of its own.

    Notes
    -----
    An edge in one graph only: its pair, given the set that separates it in the other. An edge with other marks: a pair o, k with the
    edge o - m and a neighbour k of m, which is separated in only one run, or separated by sets of which only one holds m, so that m is a
    collider in one graph and none in the other.
    """
    rows = []
    for row in differences(a.graph, b.graph).itertuples(index=False):
        rows.append([*row, *_deciding_test(a, b, str(row.source), str(row.target), RUNS)])
    return pd.DataFrame(rows, columns=COLUMNS)


def reason(a: GraphResult, b: GraphResult, source: str, target: str, names: tuple[str, str] = RUNS) -> str:
    """Return the sentence of `compare` for one pair whose marks differ, with the two runs called by these names; empty without a test."""
    pair, *_, found = _deciding_test(a, b, source, target, names)
    return str(found) if pair else ""


def _deciding_test(a: GraphResult, b: GraphResult, source: str, target: str, names: tuple[str, str]) -> list[object]:
    """Return the columns that describe the test behind the difference in one pair."""
    joined = {target in result.graph.adjacent(source) for result in (a, b)}
    pair = (source, target) if len(joined) == 2 else _turning_pair(a, b, source, target)
    return _test_of(a, b, pair, names) if pair else _no_test()


def _test_of(a: GraphResult, b: GraphResult, pair: tuple[str, str], names: tuple[str, str]) -> list[object]:
    """Return the columns that describe the test of a pair that weighed most in the run that separated it."""
    mine, theirs = a.decider(*pair), b.decider(*pair)
    found = [decider for decider in (mine, theirs) if decider]
    if not found:
        return _no_test()
    best: Decider = max(found, key=lambda decider: (decider.decision == "independent", decider.p_value))
    first, second = answer(a, *pair, best.given), answer(b, *pair, best.given)
    if mine and theirs and mine.decision == theirs.decision == "independent" and mine.given != theirs.given:
        told = (
            f"{pair[0]} and {pair[1]} are separated best by {set_text(mine.given)} in {names[0]} (p = {p_text(mine.p_value)}), "
            f"by {set_text(theirs.given)} in {names[1]} (p = {p_text(theirs.p_value)})."
        )
    else:
        question = f"{pair[0]} and {pair[1]} given {set_text(best.given)}"
        told = f"{question}: {_told(first, a)} in {names[0]}, {_told(second, b)} in {names[1]}."
    return [" and ".join(pair), best.given, first.p_value, second.p_value, first.decision, second.decision, told]


def answer(result: GraphResult, a: str, b: str, given: tuple[str, ...]) -> Answer:
    """Return what a run said to one question by names."""
    place = {node: i for i, node in enumerate(result.trace.nodes)}
    sets = np.array([[place[node] for node in given]], int).reshape(1, -1)
    known, statistic, p_value = result.trace.lookup([place[a]], [place[b]], sets)
    if not known[0]:
        return Answer(np.nan, "not asked")
    return Answer(float(p_value[0]), str(decisions(result.trace.decisive(statistic, p_value), result.alpha)[0]))


def _turning_pair(a: GraphResult, b: GraphResult, source: str, target: str) -> tuple[str, str] | None:
    """Return the pair whose test turned an edge: separated in one run only, or by sets that disagree about the node between."""
    for outer, middle, other in _triples(a.graph, b.graph, source, target):
        if (outer in a.graph.adjacent(other)) != (outer in b.graph.adjacent(other)):
            return _in_order(a, outer, other)
        first, second = a.separator(outer, other), b.separator(outer, other)
        if first is not None and second is not None and (middle in first) != (middle in second):
            return _in_order(a, outer, other)
    return None


def _in_order(result: GraphResult, a: str, b: str) -> tuple[str, str]:
    return (a, b) if result.graph.index(a) < result.graph.index(b) else (b, a)


def _triples(a: Graph, b: Graph, source: str, target: str) -> Iterator[tuple[str, str, str]]:
    """Yield (outer, middle, other) over the edge where the triple is an unshielded collider in just one of the graphs."""
    for outer, middle in ((source, target), (target, source)):
        around = dict.fromkeys(node for node in (*a.adjacent(middle), *b.adjacent(middle)) if node != outer)
        for other in around:
            if _collides(a, outer, middle, other) != _collides(b, outer, middle, other):
                yield outer, middle, other


def _collides(graph: Graph, outer: str, middle: str, other: str) -> bool:
    i, m, k = graph.index(outer), graph.index(middle), graph.index(other)
    return graph.marks[i, m] == Mark.ARROW == graph.marks[k, m] and graph.marks[i, k] == Mark.NONE


def _told(found: Answer, result: GraphResult) -> str:
    if np.isnan(found.p_value):
        return found.decision
    return f"{found.decision} (p = {p_text(found.p_value)}, alpha = {result.alpha:g})"


def _no_test() -> list[object]:
    return ["", (), np.nan, np.nan, "", "", "Follows from the other differences."]
