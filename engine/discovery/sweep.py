"""The same search at stricter and looser levels: the graphs that a ROC curve is drawn from."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from engine.core import Cancelled, Context
from engine.discovery.params import TestedParams
from engine.graphs import Graph
from engine.independence import InterventionalTests, Oracle, Replay, Trace

Parameter = Literal["alpha", "penalty"]

# Strict levels first: they are quick, so that a sweep that must stop has the most to show.
LEVELS: Mapping[Parameter, tuple[float, ...]] = {
    "alpha": (1e-12, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.3, 0.5),
    "penalty": (50.0, 30.0, 20.0, 15.0, 10.0, 7.0, 5.0, 3.0, 2.0, 1.5, 1.0, 0.7, 0.5),
}
LONGEST_S = 120.0  # a dense graph at a loose level can take a constraint-based search for ever


@dataclass(frozen=True)
class Sweep:
    """Graphs learned from the same data at several levels, strict ones first.

    Attributes
    ----------
    parameter : what was varied: the significance level, or the penalty per edge of a method that scores graphs.
    levels : its values.
    graphs : the graph at each of them.
    """

    parameter: Parameter
    levels: tuple[float, ...]
    graphs: tuple[Graph, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready form."""
        return {"parameter": self.parameter, "levels": list(self.levels), "graphs": [graph.to_dict() for graph in self.graphs]}

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(form["parameter"], tuple(form["levels"]), tuple(map(Graph.from_dict, form["graphs"])))


def strictness(params: TestedParams) -> Parameter:
    """Return the name of the parameter that decides how many edges a method draws."""
    return "penalty" if hasattr(params, "penalty") else "alpha"


def swept(
    search: Callable[[Any, Any, Context], Any],
    test: Any,
    params: TestedParams,
    known: Trace,
    context: Context,
    levels: Sequence[float] | None = None,
) -> Sweep:
    """Search again at each of several levels.

    Parameters
    ----------
    search : ``search(test, params, context)`` returns a result with ``graph`` and ``trace``.
    test : the tests on the data.
    known : answers of an earlier search; tests on rows are not asked again what they have answered at any level.
    levels : strict ones first; by default those of `LEVELS`.

    Notes
    -----
    Each graph is that of a fresh run at its level. After two minutes no further level is tried, and the result says so.
    """
    name = strictness(params)
    wanted = tuple(levels or LEVELS[name])
    alone = params.to_dict() | {"bootstrap": 0, "sweep": False}
    memory = _memory(test, known)
    stop = time.monotonic() + LONGEST_S
    graphs: list[Graph] = []

    def is_late() -> bool:
        context.check()
        return time.monotonic() > stop

    for n, level in enumerate(wanted):
        context.progress(n / len(wanted), f"level {n + 1} of {len(wanted)}")
        there = test.at(level if name == "alpha" else test.alpha)
        quiet = Context(params.seed, context.threads, is_cancelled=is_late)
        try:
            found = search(_remembering(there, memory), type(params).from_dict({**alone, name: level}), quiet)
        except Cancelled:
            context.check()
            context.warn(
                f"After {LONGEST_S:.0f} s no more levels were tried: the curve ends before {name} {level:g}, where the graph becomes dense."
            )
            break
        graphs.append(found.graph)
        if memory is not None:
            absorb(memory, found.trace)
    context.progress(1.0, f"level {len(graphs)} of {len(wanted)}")
    return Sweep(name, wanted[: len(graphs)], tuple(graphs))


def absorb(memory: Trace, told: Trace) -> None:
    """Add to a trace what another one knows."""
    for size in told.sizes:
        asked = told.asked(size)
        assert asked is not None
        memory.add(asked.i, asked.j, asked.given, asked.statistic, asked.p_value)


def _memory(test: Any, known: Trace) -> Trace | None:
    """Return a trace to answer from, or None where a correlation matrix or a known graph answers as fast as it is asked."""
    asked = test.observational if isinstance(test, InterventionalTests) else test
    if asked.correlations is not None or isinstance(asked, Oracle | Replay):
        return None
    memory = Trace(known.nodes, known.alpha, known.test, known.statistic, known.floor)
    absorb(memory, known)
    return memory


def _remembering(test: Any, memory: Trace | None) -> Any:
    if memory is None:
        return test
    if isinstance(test, InterventionalTests):
        return InterventionalTests(Replay(memory, test.observational), test.invariance, test.known, test.digest)
    return Replay(memory, test)
