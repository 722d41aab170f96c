"""How far a graph holds: learned again from resampled rows, or at another significance level."""

import dataclasses
import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.core import Context
from engine.core.method import REGISTRY
from engine.core.parallel import answers
from engine.core.result import package_versions
from engine.discovery.params import TestedParams
from engine.discovery.result import GraphResult
from engine.discovery.sweep import swept
from engine.graphs import Mark
from engine.independence import IndependenceTest, Replay

Counts = NDArray[np.int64]

PER_TASK = 4  # resamples sent to a worker at once: few enough for steady progress, enough to pay for sending the rows
SEARCH_SHARE = 0.1  # part of the progress bar that the search on the data itself takes when there are resamples or other levels
SWEEP_SHARE = 0.4  # part that ends with the other levels when there are resamples too


class Resampling(Protocol):
    """What tests have to offer for a bootstrap; a test of independence does."""

    warnings: list[str]

    @property
    def p(self) -> int:
        """Number of variables."""

    @property
    def n_samples(self) -> int:
        """Number of rows."""

    @property
    def alpha(self) -> float:
        """Significance level."""

    def at(self, alpha: float) -> Self:
        """Return the same tests at another level, with an empty trace."""

    def resampled(self, rng: np.random.Generator) -> Any:
        """Return the tests on rows drawn with replacement."""


Tests = TypeVar("Tests", bound=Resampling)
Found = TypeVar("Found", bound=GraphResult)
Search = Callable[[Tests, Any, Context], Found]


def supported(search: Search[Tests, Found], test: Tests, params: TestedParams, context: Context) -> Found:
    """Search on the data, at other levels if ``params.sweep``, and on ``params.bootstrap`` resamples, for how often each mark comes back.

    Parameters
    ----------
    search : ``search(test, params, context) -> GraphResult``; a function of a module, so that other processes find it.
    test : the test on the data; its warnings are passed on.

    Returns
    -------
    The result of the search on the data; with resamples its graph has ``support`` (p, p, 4), the share of resamples in which each mark had
    each of the four codes; ``sweep`` has the graphs at the other levels.

    Notes
    -----
    Resamples run through joblib, on ``context.threads`` processes or wherever an active ``joblib.parallel_config`` says. Every resample
    has a seed of its own, so that neither the number of processes nor the order in which they end changes the result.
    """
    for warning in test.warnings:
        context.warn(warning)
    context.limit(params.time_limit)
    result = search(test, params, context.share(0, SEARCH_SHARE) if params.bootstrap or params.sweep else context)
    if not context.finish("graph"):
        result = dataclasses.replace(result, is_complete=False)
    if result.trace.has_untested:
        asked = result.trace.counts()
        skipped = int(asked["not tested"].sum())
        context.warn(
            f"{skipped:,} of {int(asked['asked'].sum()):,} tests could not be done, since {test.n_samples:,} rows are too few for their "
            "conditioning sets; the edges that depend on them stay."
        )
    begin = SEARCH_SHARE
    if params.sweep:
        begin = SWEEP_SHARE if params.bootstrap else 1.0
        sweep = swept(search, test, params, result.trace, context.share(SEARCH_SHARE, begin))
        result = dataclasses.replace(result, sweep=sweep)
    if not params.bootstrap:
        return result
    graph = result.graph
    for done, counts in _resampled(search, test, params, context.threads):
        graph = result.graph.with_support(counts / done)
        context.partial("graph", graph)
        context.progress(begin + (1 - begin) * done / params.bootstrap, f"resample {done} of {params.bootstrap}")
    return dataclasses.replace(result, graph=graph)


def reorient(result: GraphResult, test: IndependenceTest, alpha: float) -> GraphResult:
    """Run the method of a result again at another level, answering from its trace; only new questions reach ``test``.

    Parameters
    ----------
    result : a result with provenance.
    test : the real test on the same data, from `engine.independence.test_for`.
    alpha : the new level.

    Returns
    -------
    The result of a fresh run at ``alpha`` without bootstrap: same graph, same trace, same digest.
    """
    made = result.provenance
    if made is None:
        raise ValueError("a result without provenance does not say which method to run again")
    if made.method not in REGISTRY:
        importlib.import_module(f"engine.discovery.{made.method}")
    method = REGISTRY[made.method]
    params = method.params.from_dict({**made.params, "alpha": alpha, "bootstrap": 0, "sweep": False})
    context = Context.silent(params.seed)
    started = time.perf_counter()
    fresh: GraphResult = method.function(Replay(result.trace, test.at(alpha)), params, context)
    provenance = dataclasses.replace(
        made, version=method.version, params=params.to_dict(), seconds=time.perf_counter() - started,
        versions=package_versions(), warnings=tuple(context.warnings),
    )  # fmt: skip
    return dataclasses.replace(fresh, provenance=provenance)


def _resampled(search: Search[Tests, Found], test: Tests, params: TestedParams, threads: int) -> Iterator[tuple[int, Counts]]:
    """Yield (resamples done, (p, p, 4) counts of marks) after each task."""
    seeds = np.random.SeedSequence(params.seed).generate_state(params.bootstrap, np.uint64).tolist()
    tasks = [seeds[start : start + PER_TASK] for start in range(0, len(seeds), PER_TASK)]
    alone, quiet = dataclasses.replace(params, bootstrap=0, sweep=False), test.at(test.alpha)
    counts: Counts = np.zeros((test.p, test.p, len(Mark)), np.int64)
    done = 0
    for counted, task in zip(answers(count_marks, [(search, quiet, alone, task) for task in tasks], threads), tasks, strict=True):
        counts += counted
        done += len(task)
        yield done, counts


def count_marks(search: Search[Tests, Found], test: Tests, params: TestedParams, seeds: list[int]) -> Counts:
    """Search on one resample per seed and return how often each pair had each mark: (p, p, 4)."""
    counts: Counts = np.zeros((test.p, test.p, len(Mark)), np.int64)
    for seed in seeds:
        resample = test.resampled(np.random.default_rng(seed))
        context = Context.silent(seed)
        context.limit(params.time_limit)
        counts += search(resample, params, context).graph.marks_one_hot()
    return counts
