"""The tuning-free graph as a method: signs of partial correlations on random rows, then the estimate restricted to the graph."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.core import Context, Dataset, Params, UserError, field, method
from engine.graphs import Graph, Mark
from engine.mtp2.inputs import Moments, moments_of
from engine.mtp2.mtp2 import facts_of, fit, likelihood_ratio, warn_of_signs
from engine.mtp2.result import TuningFreeResult, matrices, partial_correlations
from engine.mtp2.signs import negative_pairs
from engine.mtp2.tuning_free import GAMMA, MAX_L, ORDERS, Bools, Floats, TuningFree, stability, tuning_free

ENDED = {
    "rows": "larger sets would leave no degrees of freedom",
    "max_l": "larger sets were not asked for",
    "budget": "the number of tests allowed was reached",
}


@dataclass(frozen=True)
class Mtp2GraphParams(Params):
    """How many rows each test draws, how large sets grow, and how often the search is repeated."""

    gamma: float = field(
        GAMMA, "Rows per test: n to the power", low=0.5, high=0.99, step=0.01, paper=GAMMA,
        help="Each test draws n^gamma of the n rows. The theory asks for a power between 3/4 and 1; no other value needs choosing.",
    )  # fmt: skip
    reruns: int = field(
        0, "Further searches", low=0, high=100, step=5,
        help="The rows are drawn at random, so another search may find a slightly different graph: how often does each edge stay?",
    )  # fmt: skip
    max_l: int = field(MAX_L, "Largest set", low=0, high=20, advanced=True, help="Variables conditioned on, besides one more.")
    most_tests: int | None = field(None, "Most tests", low=1, high=10**10, advanced=True, help="The search ends there with what it has.")
    order: str = field(
        "both", "Neighbours used", choices=ORDERS, advanced=True,
        help="both: sets from the neighbours of either variable. reference: only of the first, as the authors' code does.",
    )  # fmt: skip


@method(
    "mtp2_graph", area="mtp2", label="Tuning-free graph under total positivity", needs="moments", gives="ug", cite="Wang, Roy, Uhler 2020"
)
def mtp2_graph(data: Dataset, params: Mtp2GraphParams, context: Context) -> TuningFreeResult:
    """Learn which pairs are dependent given all others, without a tuning parameter, and the covariance restricted to them.

    Parameters
    ----------
    data : (n, N) samples, returns or prices, N >= 3.

    Returns
    -------
    TuningFreeResult with ``graph``, ``removed``, and the maximum likelihood estimate with edges at the graph's pairs only.

    Raises
    ------
    UserError
        When there are too few variables or rows, a column never varies or has gaps, or two variables that are joined move as one.

    Notes
    -----
    See `engine.mtp2.tuning_free.tuning_free` for the search. The estimate may have fewer edges than the graph: total positivity puts some
    to zero; ``graph`` keeps them, with weight zero.
    """
    moments = moments_of(data, "pearson", context)
    if moments.values is None:
        raise UserError("The search draws rows, and this is a correlation matrix.", "Give the samples, or use total positivity (mtp2).")
    searching = context.share(0.0, 0.9 / (1 + params.reruns))
    settings: dict[str, Any] = {"gamma": params.gamma, "order": params.order, "max_l": params.max_l, "most_tests": params.most_tests}
    found = tuning_free(moments.values, **settings, seed=params.seed, check=context.check, report=searching.progress)
    if found.truncated:
        context.warn(f"The search ended early: {ENDED[found.truncated]}. Some edges may be too many.")
    context.partial("graph", lambda: Graph.from_directed(moments.names, found.adjacency, kind="ug"))
    kept = None
    if params.reruns:
        again = context.share(0.9 / (1 + params.reruns), 0.9)
        kept = stability(
            moments.values, params.reruns, **settings, seed=params.seed + 1, check=context.check, report=again.progress
        )  # fmt: skip
    solution = fit(moments.correlation, moments.names, 0.0, context.share(0.9, 1.0), allowed=found.adjacency)
    warn_of_signs(moments.correlation, moments, context)
    ones = np.ones(len(moments.names))
    return TuningFreeResult(
        graph=_graph(moments, found.adjacency, partial_correlations(solution.precision), kept),
        gap=solution.gap,
        facts=facts_of(solution, moments.correlation) | {"turned": []},
        negative=negative_pairs(moments.correlation, solution.covariance, moments.names),
        test=likelihood_ratio(solution, moments.correlation, moments.n),
        removed=_removed(found, moments.names),
        tests=found.tests,
        truncated=found.truncated,
        rows_per_test=found.m,
        kept=pd.DataFrame() if kept is None else pd.DataFrame(kept, list(moments.names), list(moments.names)),
        **matrices(solution, moments, ones),
    )


def _graph(moments: Moments, adjacency: Bools, partial: Floats, kept: Floats | None) -> Graph:
    """Return the graph with the weights of the estimate and, where there were further searches, the share that keeps each edge."""
    graph = Graph.from_directed(moments.names, adjacency, kind="ug", weights=partial)
    if kept is None:
        return graph
    support = np.zeros((*kept.shape, len(Mark)))
    support[..., Mark.TAIL], support[..., Mark.NONE] = kept, 1.0 - kept
    return graph.with_support(support)


def _removed(found: TuningFree, names: tuple[str, ...]) -> pd.DataFrame:
    """Return one row per pair that a test removed, in words."""
    rows = [
        (names[one["i"]], names[one["j"]], int(one["level"]), _given(one, names), float(one["rho"]))
        for one in found.deleted
    ]  # fmt: skip
    columns = {"a": str, "b": str, "level": int, "given": str, "rho": float}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _given(one: np.void, names: tuple[str, ...]) -> str:
    listed = [names[i] for i in one["given"] if i >= 0] + [names[one["k"]]]
    return ", ".join(listed[:-1]) + f" and {listed[-1]}" if len(listed) > 1 else listed[0]
