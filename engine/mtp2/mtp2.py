"""Maximum likelihood covariance and graph under total positivity: no tuning, and a certificate on the answer."""

from dataclasses import dataclass

import numpy as np

from engine.core import Context, Dataset, Params, UserError, field, method
from engine.graphs import Graph
from engine.mtp2.certificate import Bools, Floats, log_det
from engine.mtp2.inputs import CORRELATIONS, Moments, moments_of, without_duplicates
from engine.mtp2.lasso import graphical_lasso
from engine.mtp2.result import Mtp2Result, matrices, partial_correlations, weighted_graph
from engine.mtp2.signs import MANY_NEGATIVE, most_negative, negative_pairs, negative_share, sign_switch
from engine.mtp2.solver import TOLERANCE, Solution, maximum_likelihood

WORST_GAP = 10.0  # duality gap at which progress starts; each further power of ten is as much of the bar
PAIRS_SHOWN = 3
STEADY = 1e-3  # keeps the adaptive penalty of pairs without an edge finite


@dataclass(frozen=True)
class Mtp2Params(Params):
    """What the correlations are, and what to do about duplicates and opposite signs."""

    correlation: str = field(
        "pearson", "Correlation", choices=CORRELATIONS,
        help="pearson: the usual one. kendall: from ranks, which single extreme rows cannot move.",
    )  # fmt: skip
    duplicates: str = field(
        "ask", "Duplicates", choices=("ask", "drop"),
        help="Two variables that move as one leave no estimate. ask: stop and name them. drop: keep the first of them.",
    )  # fmt: skip
    turn: bool = field(
        False, "Turn signs", help="Measure some variables with the opposite sign where that makes more pairs move together; they are named."
    )
    compare: bool = field(False, "Graphical lasso beside it", help="Also learn a graph by the graphical lasso, cross-validated.")
    penalty: float = field(
        0.0, "Penalty", low=0.0, high=10.0, step=0.001, advanced=True,
        help="Above zero, weak edges are dropped: each pair is penalised by this over its size in the fit without penalty.",
    )  # fmt: skip


@method(
    "mtp2", area="mtp2", label="Total positivity (MTP2)", needs="moments", gives="ug",
    cite="Slawski, Hein 2015; Lauritzen, Uhler, Zwiernik 2019; Agrawal, Roy, Uhler 2022",
)  # fmt: skip
def mtp2(data: Dataset, params: Mtp2Params, context: Context) -> Mtp2Result:
    """Fit the Gaussian in which every pair moves together, given all others, or not at all.

    Parameters
    ----------
    data : (n, N) samples, returns or prices, or an (N, N) correlation matrix; n may be smaller than N.

    Returns
    -------
    Mtp2Result with ``graph``, ``precision``, ``covariance`` and ``gap``.

    Raises
    ------
    UserError
        When two variables move as one, a column never varies or has gaps.

    Notes
    -----
    Minimises -log det K + tr(C K) over M-matrices K on the correlation scale and maps back; the estimate does not depend on units. The
    duality gap bounds how far the objective is from its minimum. The penalty is that of |K_ij| with weight alpha / (|K0_ij| + 0.001), K0
    the estimate without it.
    """
    context.progress(0.0, "correlations")
    moments = moments_of(data, params.correlation, context)
    moments = without_duplicates(moments, context) if params.duplicates == "drop" else moments
    signs = sign_switch(moments.correlation).astype(np.float64) if params.turn else np.ones(len(moments.names))
    turned = moments.correlation * np.outer(signs, signs)
    solution = fit(turned, moments.names, params.penalty, context)
    graph = weighted_graph(moments.names, partial_correlations(solution.precision) * np.outer(signs, signs))
    context.partial("graph", graph)
    warn_of_signs(turned, moments, context)
    return Mtp2Result(
        graph=graph,
        gap=solution.gap,
        facts=facts_of(solution, turned) | {"turned": [name for name, sign in zip(moments.names, signs, strict=True) if sign < 0]},
        negative=negative_pairs(turned, solution.covariance, moments.names),
        test=likelihood_ratio(solution, turned, moments.n),
        lasso=_lasso(moments, context) if params.compare else None,
        **matrices(solution, moments, signs),
    )


def fit(correlation: Floats, names: tuple[str, ...], penalty: float, context: Context, allowed: Bools | None = None) -> Solution:
    """Solve with progress and cancel, say what the certificate leaves open."""

    def check(gap: float) -> None:
        reached = 0.0 if not np.isfinite(gap) else np.log10(WORST_GAP / max(gap, TOLERANCE)) / np.log10(WORST_GAP / TOLERANCE)
        context.progress(0.05 + 0.85 * min(max(reached, seen[0]), 1.0), f"gap {gap:.0e}" if np.isfinite(gap) else "sweeps")
        seen[0] = max(reached, seen[0])

    seen = [0.0]
    solution = maximum_likelihood(correlation, names=names, check=check, allowed=allowed)
    if penalty > 0:
        weights = penalty / (np.abs(solution.precision) + STEADY)
        solution = maximum_likelihood(correlation, names=names, check=check, allowed=allowed, penalty=weights)
    if solution.gap > TOLERANCE:
        context.warn(f"The fit is certified only to within {solution.gap:.1e}, not {TOLERANCE:g}: use it with care.")
    if solution.ridge:
        context.warn(f"A share of {solution.ridge:g} of the identity was mixed into the correlations to reach a certificate.")
    return solution


def facts_of(solution: Solution, correlation: Floats) -> dict[str, float]:
    """Return how the solver got there, and the share of negative pairs."""
    return {"sweeps": solution.sweeps, "steps": solution.steps, "ridge": solution.ridge, "negative": negative_share(correlation)}


def warn_of_signs(correlation: Floats, moments: Moments, context: Context) -> None:
    """Say that many pairs move against each other, and which most."""
    share = negative_share(correlation)
    if share <= MANY_NEGATIVE:
        return
    named = ", ".join(f"{moments.names[i]} and {moments.names[j]} ({r:.2f})" for i, j, r in most_negative(correlation, PAIRS_SHOWN))
    context.warn(
        f"{share:.0%} of the pairs correlate negatively, most of all {named}. Total positivity makes them zero or "
        "positive: turn signs, or choose an estimate without that assumption."
    )


def likelihood_ratio(solution: Solution, correlation: Floats, n: int) -> dict[str, float]:
    """Test total positivity against the unrestricted Gaussian; empty unless n > N.

    Notes
    -----
    n (-log det C - log det K) against chi-squared with the number of zeros of K as reference; near the boundary the law is a mixture of
    chi-squared ones with fewer degrees, so a small p is weaker evidence than it looks. At the estimate tr(C K) = N.
    """
    from scipy.stats import chi2

    free = log_det(correlation) if n > len(correlation) else None
    zeros = int((solution.precision == 0).sum()) // 2
    fitted = log_det(solution.precision)
    if free is None or fitted is None:
        return {}
    statistic = max(n * (-free - fitted), 0.0)
    return {"statistic": statistic, "zeros": zeros, "p": float(chi2.sf(statistic, zeros)) if zeros else 1.0}


def _lasso(moments: Moments, context: Context) -> Graph | None:
    """Return the graph of the graphical lasso; what stops it is a warning."""
    if moments.values is None:
        context.warn("The graphical lasso chooses its penalty on the samples, and this is a correlation matrix.")
        return None
    context.progress(0.92, "graphical lasso")
    try:
        precision, _, notes = graphical_lasso(moments.values)
    except UserError as problem:
        context.warn(problem.message)
        return None
    for note in notes:
        context.warn(note)
    return weighted_graph(moments.names, partial_correlations(precision))
