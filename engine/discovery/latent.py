"""What the methods for hidden causes share: parameters, result, and the way from a skeleton to a PAG."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from engine.core import Context, UserError, field
from engine.discovery.knowledge import Knowledge, breaches
from engine.discovery.params import TestedParams
from engine.discovery.repair import nearby_pag
from engine.discovery.result import GraphResult
from engine.discovery.skeleton import Separators
from engine.graphs import Graph, Mark, is_maximal, is_valid_pag, mag_in, pag_of
from engine.graphs.bitsets import members
from engine.graphs.orientation import Orientation
from engine.graphs.pag import noncolliders_of

LISTED = 3  # conflicts written out in the warning; all of them are in the result
SIGNS = {Mark.ARROW: "an arrowhead", Mark.TAIL: "a tail", Mark.CIRCLE: "a circle"}


@dataclass(frozen=True)
class LatentParams(TestedParams):
    """Parameters of the methods that orient a skeleton with hidden causes allowed for."""

    max_given: int | None = field(
        None, "Largest conditioning set", low=0, high=20, advanced=True,
        help="Stop after conditioning sets of this size; none means no limit. A limit of 3 or 4 keeps dense graphs quick.",
    )  # fmt: skip
    selection: bool = field(
        False, "Allow selection bias",
        help="Tick this if what you measured may have decided which samples entered the table. Lines without arrowhead can then appear.",
    )  # fmt: skip
    repair: bool = field(
        False, "Force a valid PAG",
        help="When test results contradict each other, return the PAG of a graph close to what was found instead of an invalid one.",
    )  # fmt: skip


class Conflict(NamedTuple):
    """A mark that a rule wanted otherwise than it was, see `PagResult`."""

    source: str
    target: str
    at: str
    kept: str
    wanted: str
    rule: str
    nodes: str


@dataclass(frozen=True, kw_only=True, eq=False)
class PagResult(GraphResult):
    """A learned PAG.

    Attributes
    ----------
    conflicts : one row per mark that a rule wanted otherwise than it was: ``source``, ``target``, ``at`` (the end), ``kept``, ``wanted``,
        ``rule``, ``nodes`` (those the rule looked at). R0 wants a tail where the middle of a triple is in the set that separates its ends.
    is_repaired : whether the graph was made valid after the rules had contradicted each other.
    """

    conflicts: pd.DataFrame
    is_repaired: bool = False

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows; beside those of a graph whether the PAG is valid."""
        badge = "repaired to a valid PAG" if self.is_repaired else "valid PAG" if self.is_valid else "not a valid PAG"
        rows = super().summary()
        place = next((n for n, (label, _) in enumerate(rows) if label == "Conflicts"), None)
        if place is not None:
            rows[place] = ("Conflicts", f"{self.n_conflicts}, {badge}")
            return rows
        return [(label, f"{text}, {badge}" if label == "Graph" else text) for label, text in rows]


def close(oriented: Orientation, found: Separators, params: LatentParams, context: Context) -> None:
    """Apply the orientation rules to the end; what separates the ends of a path says whether its last but one node is a collider."""
    with context.best_so_far():
        oriented.close(lambda path: path[-2] in found.given(path[0], path[-1]), params.selection)


def pag_result(found: Separators, oriented: Orientation, params: LatentParams, context: Context, or_because: str = "") -> PagResult:
    """Make the result of an orientation in the numbers of ``found``: say what contradicted, and repair the graph if that is wanted.

    Parameters
    ----------
    oriented : the graph after all rules.
    or_because : another reason why the graph may be no valid PAG, to stand before the contradictions.
    """
    test, known = found.test, params.known(found.test.nodes)
    graph = Graph(test.nodes, found.numbered(oriented.marks), "pag")
    conflicts = _conflicts(oriented, found)
    if conflicts:
        context.warn(_contradictions(conflicts))
    is_valid, is_repaired = _is_valid(graph, known, params.selection), False
    repaired = with_knowledge(nearby_pag(graph, params.selection), known, params.selection) if not is_valid and params.repair else graph
    if repaired is not graph and not breaches(repaired, known):
        changed = int(np.triu((repaired.marks != graph.marks) | (repaired.marks != graph.marks).T).sum())
        context.warn(
            "The rules did not lead to a valid PAG. The graph shown is a valid one close to what was found; "
            f"{changed} edge{'s differ' if changed > 1 else ' differs'} from it."
        )
        graph, is_valid, is_repaired = repaired, True, True
    elif not is_valid:
        out = "What you said leaves no valid one close to it." if params.repair else "Switch on 'Force a valid PAG', or try another level."
        context.warn(
            "The graph is not a valid PAG: no graph with hidden causes has exactly these edges and marks; "
            f"{f'{or_because} ' if or_because else ''}some test results contradict each other. {out}"
        )
    return PagResult(
        graph=graph, trace=test.trace, n_conflicts=len(conflicts), is_valid=is_valid, is_repaired=is_repaired,
        conflicts=pd.DataFrame(conflicts, columns=list(Conflict._fields)),
    )  # fmt: skip


def with_knowledge(pag: Graph, known: Knowledge, selection: bool = False) -> Graph:
    """Return the PAG of a class with the marks that are known set in it, and what follows from them; the class says what collides.

    Raises
    ------
    UserError
        When the graph is not a valid PAG.
    """
    if not known:
        return pag
    oriented = Orientation(pag.marks)
    known.put_marks(oriented)
    oriented.close(noncolliders_of(mag_in(pag)), selection)
    return Graph(pag.nodes, oriented.marks, "pag")


def _is_valid(pag: Graph, known: Knowledge, selection: bool) -> bool:
    """Return whether the marks are those of some Markov class of MAGs, narrowed by what is known."""
    if not known:
        return is_valid_pag(pag)
    try:
        mag = mag_in(pag)
        return is_maximal(mag) and with_knowledge(pag_of(mag, selection), known, selection) == pag
    except UserError:
        return False


def _conflicts(oriented: Orientation, found: Separators) -> list[Conflict]:
    """List each mark that a rule wanted otherwise, and each triple that is a collider though the set between its ends holds its middle."""
    names = [found.test.nodes[k] for k in found.order]
    rows, seen = [], set()
    for i, j, wanted, reason in oriented.conflicts:
        if (i, j) not in seen and oriented.joined[i] >> j & 1:
            seen.add((i, j))
            looked_at = ", ".join(names[k] for k in reason.nodes)
            rows.append(Conflict(names[i], names[j], names[j], SIGNS[oriented.mark(i, j)], SIGNS[wanted], reason.rule, looked_at))
    for k, into in enumerate(oriented.near[Mark.ARROW]):
        for i in members(into):
            for j in members(into & ~oriented.joined[i] & ~((2 << i) - 1)):
                if k in found.given(i, j).tolist():
                    looked_at = f"{names[i]}, {names[k]}, {names[j]}"
                    rows.append(Conflict(names[i], names[k], names[k], SIGNS[Mark.ARROW], "a tail on one side", "R0", looked_at))
    return rows


def _contradictions(conflicts: list[Conflict]) -> str:
    n = len(conflicts)
    first = [
        f"{row.rule} wanted {row.wanted} at {row.at} on {row.source} - {row.target} and found {row.kept}" for row in conflicts[:LISTED]
    ]
    more = f"; {n - LISTED} more are in the table of conflicts" if n > LISTED else ""
    return (
        f"Test results contradicted each other in {n} place{'s' if n > 1 else ''} where marks were to be set; "
        f"the first claim was kept each time: {'; '.join(first)}{more}. Directions near these places are doubtful."
    )
