"""What a causal method found: a graph, the tests behind it, and what they say about each pair in words."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from engine.core import Result
from engine.discovery.knowledge import Knowledge
from engine.discovery.sweep import Sweep
from engine.graphs import Graph, Mark
from engine.independence import Oracle, Trace

KINDS = {"dag": "DAG", "cpdag": "CPDAG", "mag": "MAG", "pag": "PAG", "ug": "undirected graph"}


class Evidence(NamedTuple):
    """Why two variables are joined or not: one or two sentences, and the tests of the pair."""

    sentence: str
    tests: pd.DataFrame


class Decider(NamedTuple):
    """The test of a pair that weighs most: the one with the largest p-value."""

    given: tuple[str, ...]
    p_value: float
    decision: str
    statistic: float


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphResult(Result):
    """A learned graph with the trace of its tests.

    Attributes
    ----------
    graph : over p nodes; carries ``support`` when the bootstrap was asked for.
    trace : every test of the run on the data itself, without the resamples.
    order : causal order of the variables, for methods that search orders.
    n_conflicts : claims about arrows that were dropped because others contradict them.
    is_valid : whether the graph is what its kind says; a CPDAG that no DAG belongs to is not.
    sweep : the graphs at other levels, when they were asked for.
    """

    graph: Graph
    trace: Trace
    order: tuple[str, ...] | None = None
    n_conflicts: int = 0
    is_valid: bool = True
    sweep: Sweep | None = None

    @property
    def alpha(self) -> float:
        """Significance level of the tests."""
        return self.trace.alpha

    @property
    def rule(self) -> str:
        """What decides whether two variables are joined, in a few words."""
        return f"significance level {self.alpha:g}"

    @property
    def supports_bootstrap(self) -> bool:
        """Whether there are rows to resample; an oracle has none."""
        return self.trace.test != Oracle.name

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: method, data, graph, directed edges, tests, conflicts, time."""
        rows = super().summary()
        graph = self.graph
        edges = f"{graph.n_edges} edges, {int(graph.directed.sum())} with a definite direction"
        found = [("Graph", f"{KINDS[graph.kind]} of {graph.p} variables"), ("Edges", edges), ("Tests", f"{len(self.trace):,}")]
        if self.n_conflicts or not self.is_valid:
            found.append(("Conflicts", f"{self.n_conflicts}{'' if self.is_valid else f', not a valid {KINDS[graph.kind]}'}"))
        return [*rows[:2], *found, *rows[2:]]

    def separator(self, a: str, b: str) -> tuple[str, ...] | None:
        """Return the set that separates two variables best; None when no set that was tried does."""
        found = self.decider(a, b)
        return found.given if found and found.decision == "independent" else None

    def decider(self, a: str, b: str) -> Decider | None:
        """Return the test of a pair that weighs most: the one that separates best or came closest; None without a test."""
        tests = self.trace.of(a, b)
        tests = tests[tests["p_value"].notna()]
        if tests.empty:
            return None
        # among p-values too small for a number the smallest statistic is the weakest
        statistic, p_value = tests["statistic"].to_numpy(), tests["p_value"].to_numpy()
        row = int(np.lexsort((-np.abs(statistic), self.trace.decisive(statistic, p_value)))[-1])
        return Decider(tests["given"].iloc[row], float(p_value[row]), tests["decision"].iloc[row], float(statistic[row]))

    def evidence(self, a: str, b: str) -> Evidence:
        """Return the tests of a pair and what they and the graph say, in words.

        Parameters
        ----------
        a, b : names of two variables, in any order.
        """
        self.graph.index(a), self.graph.index(b)
        tests = self.trace.of(a, b)
        edge = next((edge for edge in self.graph.edges() if {edge.source, edge.target} == {a, b}), None)
        if edge is None:
            return Evidence(f"{a} and {b} are not joined: {self._separation(a, b, tests)}{self._told(a, b)}", tests)
        picture = f"{edge.source} {_PICTURE[edge.mark_source, edge.mark_target]} {edge.target}"
        meaning = meaning_of(self.graph.kind, edge.source, edge.mark_source, edge.mark_target, edge.target)
        if not self.is_valid:
            meaning = (
                f"The tests contradict each other and this is not a valid {KINDS[self.graph.kind]}: take directions as suggestions only."
            )
        told, support = self._told(a, b), self._support(edge.source, edge.target)
        return Evidence(f"{picture}: {self._dependence(a, b, tests)} {meaning}{told}{support}", tests)

    def _dependence(self, a: str, b: str, tests: pd.DataFrame) -> str:
        possible = tests[tests["decision"] != "not tested"]
        untested = len(tests) - len(possible)
        skipped = f" {untested} more could not be tested, for want of rows." if untested else ""
        if possible.empty:
            return (skipped.strip() or "no test of this pair was asked; the edge follows from others.").capitalize()
        weakest = self.decider(a, b)
        assert weakest is not None
        closest = f"the largest p-value is {p_text(weakest.p_value)} given {set_text(weakest.given)}"
        against = int((possible["decision"] == "independent").sum())
        if against:
            return f"dependent in {len(possible) - against} of {len(possible)} tests; {closest}.{skipped}"
        if len(possible) == 1:
            return f"dependent in the one test asked (p = {p_text(weakest.p_value)} given {set_text(weakest.given)}).{skipped}"
        return f"dependent in all {len(possible)} tests; {closest}.{skipped}"

    def _separation(self, a: str, b: str, tests: pd.DataFrame) -> str:
        decider = self.decider(a, b)
        if decider is None:
            return "no test of this pair was asked."
        asked = "the only test of this pair" if len(tests) == 1 else f"{len(tests)} tests of this pair"
        if decider.decision == "independent":
            why = f"p = {p_text(decider.p_value)}, above alpha = {self.trace.alpha:g}"
            if decider.p_value <= self.trace.alpha:
                why = f"p = {p_text(decider.p_value)}, but |r| = {abs(decider.statistic):.2g} is not above {self.trace.floor:g}"
            return f"independent given {set_text(decider.given)} ({why}; {asked})."
        return f"dependent in {asked}, so the edge was left out for another reason (largest p = {p_text(decider.p_value)})."

    def _told(self, a: str, b: str) -> str:
        text = self.provenance.params.get("knowledge", "") if self.provenance else ""
        said = Knowledge.of(text, self.graph.nodes).said_of(a, b) if text else ""
        return f" {said}" if said else ""

    def _support(self, source: str, target: str) -> str:
        support = self.graph.support
        if support is None:
            return ""
        i, j = self.graph.index(source), self.graph.index(target)
        same = min(support[i, j, self.graph.marks[i, j]], support[j, i, self.graph.marks[j, i]])
        return f" In the bootstrap the pair was joined in {1 - support[i, j, Mark.NONE]:.0%} of the graphs, with these marks in {same:.0%}."


_PICTURE = {
    (left, right): {Mark.TAIL: "—", Mark.ARROW: "←", Mark.CIRCLE: "o—"}[left] + {Mark.TAIL: "—", Mark.ARROW: "→", Mark.CIRCLE: "—o"}[right]
    for left in (Mark.TAIL, Mark.ARROW, Mark.CIRCLE)
    for right in (Mark.TAIL, Mark.ARROW, Mark.CIRCLE)
} | {
    (Mark.TAIL, Mark.ARROW): "→", (Mark.ARROW, Mark.ARROW): "↔", (Mark.TAIL, Mark.TAIL): "—",
    (Mark.CIRCLE, Mark.ARROW): "o→", (Mark.CIRCLE, Mark.CIRCLE): "o—o",
}  # fmt: skip


def meaning_of(kind: str, source: str, at_source: Mark, at_target: Mark, target: str) -> str:
    """Say what an edge claims in a graph of this kind, and under which assumption; never more than the class holds."""
    arrow = (at_source, at_target) == (Mark.TAIL, Mark.ARROW)
    if kind == "ug":
        return "The edge says that the two are associated given all others; it has no direction."
    if kind == "cpdag" and arrow:
        return f"Definite direction: every DAG of the class has it, so {source} is a cause of {target} if no common cause is hidden."
    if kind == "cpdag":
        return f"Possible either way: the class holds DAGs with {source} → {target} and others with {target} → {source}."
    if kind == "dag":
        return (
            f"One possible direction: other DAGs may explain the data as well; see the CPDAG for what is definite of {source} → {target}."
        )
    if (at_source, at_target) == (Mark.ARROW, Mark.ARROW):
        return f"Confounded: neither is a cause of the other; {source} and {target} have a hidden common cause."
    if arrow:
        return f"Definite: {source} is a cause of {target}, directly or through others; a hidden common cause may be there too."
    if at_target == Mark.ARROW:
        return f"Possible: {target} is not a cause of {source}; {source} may be a cause of {target}, or a hidden common cause joins them."
    return f"Undecided: either of {source} and {target} may be a cause of the other, or something hidden may join them."


def set_text(given: tuple[str, ...]) -> str:
    """Write a conditioning set: ``nothing`` or ``{A, B}``."""
    return "{" + ", ".join(given) + "}" if given else "nothing"


def p_text(p_value: float) -> str:
    """Write a p-value with three digits; what is too small for a number as ``<1e-300``."""
    return "<1e-300" if p_value < 1e-300 else f"{p_value:.3g}"
