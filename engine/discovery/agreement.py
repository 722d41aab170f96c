"""Where several learned graphs on the same variables agree, mark by mark, and why where they do not."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.discovery.compare import reason
from engine.discovery.result import GraphResult
from engine.discovery.scored import ScoredResult
from engine.graphs import Edge, Graph, Mark
from engine.graphs.graph import Marks
from engine.graphs.metrics import aligned

Level = Literal["contradiction", "some join", "no contradiction", "same marks"]
LEVELS: tuple[Level, ...] = ("contradiction", "some join", "no contradiction", "same marks")  # from the worst
NAMED = 2  # so many methods are named in a sentence, more are counted
END = {Mark.NONE: "nothing", Mark.CIRCLE: "circle", Mark.ARROW: "arrowhead", Mark.TAIL: "tail"}
Sides = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True, eq=False)
class Agreement:
    """What m graphs say about each pair of the same p variables.

    Attributes
    ----------
    names : of the m methods.
    nodes : of the p variables, in the order of the first graph.
    claims : (m, p, p) codes of `Mark`; ``claims[k, i, j]`` is what method k says at j about the pair i, j. A circle is an end left open.
    pairs : one row per pair that any graph joins, the worst disagreement first: ``source``, ``target``, ``joined`` (how many join it),
        ``level`` (see `LEVELS`) and ``verdict``, a sentence.
    edges : the same rows, one column per method: the edge as the method draws it, such as ``A o-> B``; empty where it joins nothing.
    consensus : the pairs that more than half of the methods join, with circles (so its kind is PAG, though it need not be the PAG of any
        model). At each end stands the mark of those that decide, if they agree, else a circle. ``support`` is the share of methods with
        each mark there, so an edge about which the methods contradict each other has little.
    skeleton, contradictions : (m, m) tables by name: pairs that one of two methods joins and the other does not; pairs at an end of which
        one draws an arrowhead and the other a tail.
    """

    names: tuple[str, ...]
    nodes: tuple[str, ...]
    claims: Marks
    pairs: pd.DataFrame
    edges: pd.DataFrame
    consensus: Graph
    skeleton: pd.DataFrame
    contradictions: pd.DataFrame

    def ends(self, a: str, b: str) -> pd.DataFrame:
        """Return what each method says at either end of a pair: arrowhead, tail, circle or nothing; one row per method."""
        i, j = self.consensus.index(a), self.consensus.index(b)
        said = {f"at {end}": [END[Mark(code)] for code in codes] for end, codes in ((a, self.claims[:, j, i]), (b, self.claims[:, i, j]))}
        return pd.DataFrame(said, index=list(self.names))


def agreement(results: Mapping[str, GraphResult]) -> Agreement:
    """Say for each pair of variables what several methods agree on, end by end.

    Parameters
    ----------
    results : two or more results by the name of their method; the same variables in any order, graphs of any kind.

    Raises
    ------
    UserError
        When there are fewer than two results, or they are not on the same variables.

    Notes
    -----
    An arrowhead against a tail at the same end is a contradiction; a circle goes with either. The line of a CPDAG stands for both
    directions and counts as two circles. Its method assumes that no common cause is hidden, so a bidirected edge elsewhere does not fit
    that assumption, but no mark of the line speaks against it.
    """
    if len(results) < 2:
        raise UserError("Agreement needs the graphs of at least two methods.", "Run another method on the same data.")
    names, graphs = tuple(results), [result.graph for result in results.values()]
    drawn = np.stack([aligned(graphs[0], graph) for graph in graphs])
    claims = np.stack([_claims(marks, graph.kind) for marks, graph in zip(drawn, graphs, strict=True)])
    nodes, levels = graphs[0].nodes, _levels(claims)
    rows = []
    for i, j in np.argwhere(np.triu((claims > 0).any(axis=0))):
        joined, fights = int((claims[:, i, j] > 0).sum()), int(_contradict(claims[:, [i, j], [j, i]]).sum())
        rank = (levels[i, j], -fights, abs(2 * joined - len(names)), i, j)
        sentence = _verdict(names, nodes, claims, i, j, LEVELS[levels[i, j]])
        edges = [str(_edge(marks, nodes, i, j)) if marks[i, j] else "" for marks in drawn]
        rows.append((rank, (nodes[i], nodes[j], joined, LEVELS[levels[i, j]], sentence), edges))
    rows.sort()
    upper = np.triu_indices(len(nodes), 1)
    both_ends = np.stack([claims[:, *upper], claims.transpose(0, 2, 1)[:, *upper]], axis=2)  # (m, pairs, 2)
    joins = both_ends[:, :, 0] > 0
    apart = (joins[:, None] ^ joins[None]).sum(axis=2)
    return Agreement(
        names, nodes, claims,
        pd.DataFrame([row for _, row, _ in rows], columns=["source", "target", "joined", "level", "verdict"]),
        pd.DataFrame([edges for *_, edges in rows], columns=list(names)),
        _consensus(nodes, claims),
        pd.DataFrame(apart, names, names),
        pd.DataFrame(_contradict(both_ends).sum(axis=2), names, names),
    )  # fmt: skip


def why(results: Mapping[str, GraphResult], a: str, b: str) -> list[str]:
    """Say what made the methods differ about one pair: the deciding test, the score, or what a method allows for.

    Parameters
    ----------
    results : as given to `agreement`.

    Returns
    -------
    Sentences; none when all methods claim the same, or when nothing of what they recorded explains the difference.
    """
    names, runs = tuple(results), list(results.values())
    claims = [_claims(aligned(runs[0].graph, run.graph), run.graph.kind) for run in runs]
    i, j = runs[0].graph.index(a), runs[0].graph.index(b)
    said = np.array([[marks[i, j], marks[j, i]] for marks in claims])
    if (said == said[0]).all():
        return []
    found: list[str] = []
    for first, second in _sides(said):
        told = (reason(runs[x], runs[y], a, b, (names[x], names[y])) for x, y in itertools.product(first, second))
        found += itertools.islice(filter(None, told), 1)
    joined = said[:, 0] > 0
    if not found or not joined.all():
        found += [_score(name, run, a, b) for name, run in results.items() if isinstance(run, ScoredResult)]
    allows = np.array([run.graph.kind in ("mag", "pag") for run in runs])
    with_hidden, without = (set(map(tuple, said[joined & group].tolist())) for group in (allows, ~allows))
    if with_hidden and without and with_hidden != without:
        allowing = [name for name, can in zip(names, allows, strict=True) if can]
        verb = "allow" if len(allowing) > 1 else "allows"
        found.append(f"{_listed(allowing)} {verb} for hidden common causes; the others assume that there are none.")
    return found


def _claims(marks: Marks, kind: str) -> Marks:
    """Return what (p, p) marks claim in a graph of this kind: the line of a CPDAG is two open ends."""
    line = (marks == Mark.TAIL) & (marks.T == Mark.TAIL) & (kind in ("cpdag", "ug"))
    return np.where(line, Mark.CIRCLE, marks).astype(np.uint8)


def _contradict(said: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return for marks (m, ..., 2) at both ends which methods contradict each other (m, m, ...): an arrowhead against a tail."""
    arrow, tail = said == Mark.ARROW, said == Mark.TAIL
    against = (arrow[:, None] & tail[None]).any(axis=-1)
    return against | np.swapaxes(against, 0, 1)


def _levels(claims: Marks) -> NDArray[np.int64]:
    """Return (p, p) the place in `LEVELS` of each pair."""
    against = (claims == Mark.ARROW).any(axis=0) & (claims == Mark.TAIL).any(axis=0)
    same = (claims == claims[0]).all(axis=0)
    levels = np.where((claims > 0).all(axis=0), np.where(same & same.T, 3, 2), 1)
    return np.where(against | against.T, 0, levels)


def _consensus(nodes: tuple[str, ...], claims: Marks) -> Graph:
    """Return the graph of what the majority joins, with the marks of those that decide where they agree."""
    arrow, tail = (claims == Mark.ARROW).any(axis=0), (claims == Mark.TAIL).any(axis=0)
    joined = (claims > 0).mean(axis=0)
    marks = np.select([joined <= 0.5, arrow & ~tail, tail & ~arrow], [Mark.NONE, Mark.ARROW, Mark.TAIL], Mark.CIRCLE)
    support = (claims[..., None] == np.arange(len(Mark))).mean(axis=0)
    return Graph(nodes, marks.astype(np.uint8), "pag", support=support)


def _sides(said: NDArray[np.uint8]) -> Iterator[Sides]:
    """Yield the two groups of methods for each way in which they differ about a pair, given their marks (m, 2) at its ends."""
    joined = said[:, 0] > 0
    if not joined.all():
        yield np.flatnonzero(joined).tolist(), np.flatnonzero(~joined).tolist()
    for end in (0, 1):
        arrows, tails = (np.flatnonzero(said[:, end] == mark).tolist() for mark in (Mark.ARROW, Mark.TAIL))
        if arrows and tails:
            yield arrows, tails
            return
    if joined.all():
        same = (said == said[0]).all(axis=1)
        yield np.flatnonzero(same).tolist(), np.flatnonzero(~same).tolist()


# -- words -----------------------------------------------------------------------------------------------------------


def _verdict(names: Sequence[str], nodes: Sequence[str], claims: Marks, i: int, j: int, level: Level) -> str:
    """Say in one sentence who joins a pair, what they claim, and how it fits together."""
    joining = [name for name, marks in zip(names, claims, strict=True) if marks[i, j]]
    edges = [_edge(marks, nodes, i, j) for marks in claims if marks[i, j]]
    readings = Counter(edges)
    groups = sorted(readings, key=lambda edge: (-readings[edge], str(edge)))
    if len(groups) == 1:
        return f"{_joined(names, joining)} and {_reading(groups[0], many=len(joining) > 1)}."
    said = []
    for edge in groups:
        members = [name for name, found in zip(joining, edges, strict=True) if found == edge]
        who = _listed(members) if len(members) <= NAMED else str(len(members))
        said.append(f"{who} {_reading(edge, many=len(members) > 1)}")
    end = "no contradiction"
    if level == "contradiction":
        ends = [nodes[e] for e, o in ((i, j), (j, i)) if {Mark.ARROW, Mark.TAIL} <= set(claims[:, o, e].tolist())]
        end = f"a contradiction at {'both ends' if len(ends) == 2 else ends[0]}"
    return f"{_joined(names, joining)}; {', '.join(said)}: {end}."


def _joined(names: Sequence[str], joining: Sequence[str]) -> str:
    """Say who joins a pair."""
    missing = [name for name in names if name not in joining]
    if not missing:
        return "Both join them" if len(names) == NAMED else f"All {len(names)} join them"
    if len(joining) == 1:
        return f"Only {joining[0]} joins them"
    return f"{len(joining)} of {len(names)} join them" + (f" (not {_listed(missing)})" if len(missing) <= NAMED else "")


def _reading(edge: Edge, many: bool) -> str:
    """Say what an edge claims, as what one or many methods say."""
    a, at_a, at_b, b = edge
    say = "say" if many else "says"
    match at_a, at_b:
        case Mark.TAIL, Mark.ARROW:
            return f"{say} {a} drives {b}"
        case Mark.ARROW, Mark.TAIL:
            return f"{say} {b} drives {a}"
        case Mark.ARROW, Mark.ARROW:
            return f"{say} a hidden common cause drives both"
        case Mark.CIRCLE, Mark.ARROW:
            return f"{say} only that {b} does not drive {a}"
        case Mark.ARROW, Mark.CIRCLE:
            return f"{say} only that {a} does not drive {b}"
        case Mark.CIRCLE, Mark.CIRCLE:
            return f"{'leave' if many else 'leaves'} it open"
    return f"{'draw' if many else 'draws'} {edge}"


def _edge(marks: Marks, nodes: Sequence[str], i: int, j: int) -> Edge:
    return Edge(nodes[i], Mark(marks[j, i]), Mark(marks[i, j]), nodes[j])


def _listed(names: Sequence[str]) -> str:
    """Write names as a list in words, by the alphabet."""
    *most, last = sorted(names)
    return f"{', '.join(most)} and {last}" if most else last


def _score(name: str, run: ScoredResult, a: str, b: str) -> str:
    """Say what the score of a method makes of the edge of a pair."""
    gain = run.gain(a, b)
    told = "finds no edge here worth its penalty" if gain is None else f"would fall by {gain:,.3g} without the edge"
    return f"{name} goes by its score, which {told}."
