"""Parsimonious mixture of DAGs: one union graph, and few variables whose conditional differs between hidden populations."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from engine.core import Context, Dataset, Params, UserError, field, method
from engine.mixtures.baselines import WAYS, way
from engine.mixtures.climb import climb
from engine.mixtures.components import component_dags, conditionals_in_units, union_dag
from engine.mixtures.em import Fit, best_variants, em
from engine.mixtures.moments import Floats, Rows, one_hot
from engine.mixtures.populations import Single, free_population, normal_population, student_population
from engine.mixtures.prune import alternatives
from engine.mixtures.result import MixtureResult
from engine.mixtures.scores import LocalScores
from engine.mixtures.search import best_fit
from engine.mixtures.stability import Stability, resampled
from engine.mixtures.variants import Variant

FEWEST_ROWS = 30
FEW_ROWS = 300  # below this mixtures were not measured
CLUSTER_GAIN = 10.0  # log units that one cluster more must bring
SINGLE_SHARE, SEARCHED = 0.1, 0.8  # of the progress bar: where the single populations and the search end
BESIDE = 0.9  # where the other ways end and the resamples begin


@dataclass(frozen=True)
class MixtureParams(Params):
    """How many populations, which way to find them, and what counts as evidence."""

    k: int | None = field(
        None, "Populations", low=2, high=8, absent="found from the data",
        help="How many there are. None tries two, then more as long as the evidence grows.",
    )  # fmt: skip
    approach: str = field(
        "mixture", "Approach", choices=("mixture", "gmm", "paper"),
        help="mixture: graph and labels together. gmm: labels of a plain Gaussian mixture, then the graph. paper: FCI on all rows, K-means "
        "on the variables with bidirected edges, then the graph. All three are shown beside each other.",
    )  # fmt: skip
    margin: float = field(
        15.0, "Margin of the verdict", low=0.0, high=1e4, unit="log units", advanced=True,
        help="By how much a mixture must beat every single population before it is called one.",
    )  # fmt: skip
    bootstrap: int = field(
        0, "Bootstrap resamples", low=0, high=1000, step=10,
        help="Fit the mixture again to resampled rows and see how often each variable differs and each arrow comes back.",
    )  # fmt: skip
    most: int = field(4, "Most populations tried", low=2, high=8, advanced=True, help="Only when their number is not given.")
    alpha: float = field(
        1e-3, "Significance level", low=1e-12, high=0.5, log=True, advanced=True, help="Of the tests of the paper's way; nothing else."
    )  # fmt: skip
    time_limit: float | None = field(
        None, "Time limit", low=0.1, high=1e6, step=10, unit="s", advanced=True,
        help="When so much time has passed the search ends with the best mixture so far. None lets it come to its end.",
    )  # fmt: skip


@method(
    "mixture", area="mixtures", label="Mixture of DAGs", needs="samples", gives="dag", cite="Saeed, Panigrahi, Uhler 2020; Friedman 1998"
)
def mixture(data: Dataset, params: MixtureParams, context: Context) -> MixtureResult:
    """Learn hidden populations, the variables whose conditional differs between them, and one DAG with the arrows of all.

    Parameters
    ----------
    data : n rows of numbers.

    Returns
    -------
    MixtureResult with ``labels``, ``posterior``, ``varying``, ``graph``, ``components``, ``weights``, ``verdict`` and ``evidence``.

    Notes
    -----
    Each variable is a linear function of its parents with normal noise, either shared by all clusters or with another mean, noise, mean and
    noise, or everything in each. Structural EM (Friedman 1998) finds graph and labels together from many cheap starts, and the observed BIC
    decides who varies. The verdict asks the mixture to beat the best of three single populations: a normal DAG, one with noise of any
    shape of one peak, and a multivariate t. Variables whose conditional varies are told up to equivalence: a weight that changes its sign
    on an arrow from a root is the same distribution with the arrow reversed.

    The noise inside each cluster is taken as normal. Where it is not, clusters are split to fit its shape: on two populations three
    standard deviations apart with t noise of five degrees, labels were right for K = 2 given, but four were found where K was not; with
    exponential noise the two were not found, with log-normal noise they were, and called one population with noise of that shape.
    """
    values = _numbers(data)
    nodes, rows = data.columns, Rows(values)
    context.limit(params.time_limit)
    context.progress(0, "one population")
    if rows.n < FEW_ROWS:
        context.warn(f"{rows.n} rows are few for a mixture; below {FEW_ROWS} its verdict was not measured.")
    normal = normal_population(rows, context.check)
    context.partial("graph", lambda: union_dag(normal.parents, nodes))
    others = [student_population(rows, normal.parents, context.check), free_population(rows, normal.parents, context.check)]
    singles = [normal, *others]
    if params.approach == "mixture":
        fits = _by_search(rows, values, singles, nodes, params, context.share(SINGLE_SHARE, SEARCHED))
    else:
        fits = _by_labels(rows, normal, nodes, params)
    context.progress(SEARCHED, "the other ways")
    context.finish("mixture")
    fit = _chosen(fits, params.k)
    return _result(rows, values, nodes, fit, fits, singles, params, context)


def _numbers(data: Dataset) -> Floats:
    if data.kind == "correlation":
        raise UserError("A correlation matrix has no rows to sort into populations.", "Give the samples themselves.", data.name)
    for column in data.columns:
        if isinstance(data.frame[column].dtype, pd.CategoricalDtype):
            raise UserError(
                f"Column {column} holds categories; the populations of a mixture are told apart by normal densities of numbers.",
                "Leave it out, or turn it into numbers, on the data page.", column,
            )  # fmt: skip
    if data.n_samples < FEWEST_ROWS:
        raise UserError(f"{data.n_samples} rows are too few for a mixture.", f"Give at least {FEWEST_ROWS}, better {FEW_ROWS} or more.")
    if data.p < 2:
        raise UserError(f"{data.name} has {data.p} column; a graph needs at least two.", "Add variables.")
    return data.numeric


def _by_search(
    rows: Rows, values: Floats, singles: list[Single], nodes: tuple[str, ...], params: MixtureParams, context: Context
) -> dict[int, Fit]:
    """Fit two clusters, then more up to the number given, or as long as one more is worth it."""
    fits: dict[int, Fit] = {}
    last = params.k or params.most
    bic = max(single.bic for single in singles)

    def show(fit: Fit) -> None:
        context.partial("labels", lambda: fit.labels)
        context.partial("graph", lambda: union_dag(fit.parents, nodes))

    for k in range(2, last + 1):
        part = context.share((k - 2) / (last - 1), (k - 1) / (last - 1))
        fit = best_fit(rows, values, k, singles[0].parents, fits.get(k - 1), params.seed, part, show)
        if fit is None:
            break
        fits[k] = fit
        if context.stopped is not None or (params.k is None and fit.bic < bic + CLUSTER_GAIN):
            break
        bic = fit.bic
    return fits


def _by_labels(rows: Rows, normal: Single, nodes: tuple[str, ...], params: MixtureParams) -> dict[int, Fit]:
    """Take the labels of another way as they are, and find the graph and who varies under them."""
    fits = {}
    for k in [params.k] if params.k else range(2, params.most + 1):
        labels = way(params.approach, rows, nodes, k, params.seed, params.alpha, params.time_limit).labels
        responsibility = one_hot(labels, k)
        scores = LocalScores(rows.moments(responsibility))
        parents = climb(scores, normal.parents)
        fit = em(rows, parents, best_variants(scores, parents), responsibility, steps=1)
        if fit is not None:
            fits[k] = replace(fit, responsibility=responsibility)
    return fits


def _chosen(fits: dict[int, Fit], k: int | None) -> Fit | None:
    """Return the fit of the number of clusters asked for, or of the largest number whose last cluster is worth it."""
    if not fits:
        return None
    if k is not None:
        return fits.get(k) or fits[max(fits)]
    best = fits[min(fits)]
    for _, fit in sorted(fits.items())[1:]:
        if fit.bic < best.bic + CLUSTER_GAIN:
            break
        best = fit
    return best


def _result(
    rows: Rows, values: Floats, nodes: tuple[str, ...], fit: Fit | None, fits: dict[int, Fit], singles: list[Single], params: MixtureParams,
    context: Context,
) -> MixtureResult:  # fmt: skip
    k = fit.k if fit else params.k or 2
    ways = {name: way(name, rows, nodes, k, params.seed, params.alpha, params.time_limit) for name in WAYS}
    against = {single.name: fit.bic - single.bic if fit else -np.inf for single in singles}
    behind = alternatives(rows, fit, context.check) if fit else {}
    single = union_dag(singles[0].parents, nodes)
    told = [(nodes[i], fit.variants[i].words, behind[i][Variant.SHARED]) for i in fit.varying] if fit else []
    others = [(nodes[i], variant.words, worth) for i, each in behind.items() for variant, worth in each.items()]
    bics = {1: max(each.bic for each in singles)} | {count: each.bic for count, each in fits.items()}
    clusters = pd.DataFrame({"k": list(bics), "bic": list(bics.values())})
    mean, scale = values.mean(axis=0), values.std(axis=0)
    union = union_dag(fit.parents, nodes) if fit else single
    steady = _resampled(rows, fit, params, context) if fit and params.bootstrap else None
    if steady:
        union = steady.supports(union)
    return MixtureResult(
        labels=fit.labels if fit else np.zeros(rows.n, np.int64),
        posterior=fit.responsibility if fit else np.ones((rows.n, 1)),
        varying=_table(told, node=str, variant=str, evidence=float).sort_values("evidence", ascending=False, ignore_index=True),
        union=union,
        single=single,
        parts_found=[dag.to_dict() for dag in component_dags(rows, fit, nodes, scale)] if fit else [single.to_dict()],
        weights=fit.weights if fit else np.ones(1),
        verdict=bool(min(against.values()) >= params.margin),
        evidence=against,
        clusters=clusters.assign(gain=clusters["bic"].diff().fillna(0.0)),
        others=pd.DataFrame({name: found.labels for name, found in ways.items()}),
        other_nodes={name: list(found.columns) for name, found in ways.items()},
        pooled=ways["paper"].graph,
        conditionals=_table(conditionals_in_units(fit, nodes, mean, scale) if fit else [], node=str, population=int, term=str, value=float),
        alternatives=_table(others, node=str, variant=str, behind=float),
        stability=_table(list(zip(nodes, steady.varies / steady.done, strict=True)) if steady else [], node=str, varies=float),
        resamples=_table([(each,) for each in steady.agreement] if steady else [], agreement=float),
        is_complete=context.stopped is None,
    )


def _table(found: list[tuple[Any, ...]], **types: type) -> pd.DataFrame:
    """Return rows as a table with these columns, whose kinds hold without a row too."""
    return pd.DataFrame(found, columns=list(types)).astype(types)


def _resampled(rows: Rows, fit: Fit, params: MixtureParams, context: Context) -> Stability | None:
    """Return the counts over all resamples; None, with a warning, where labels were not found by the search that would be repeated."""
    if params.approach != "mixture":
        context.warn("Resamples repeat the search of a mixture of DAGs; the labels of another way were not resampled.")
        return None
    found = None
    for found in resampled(rows, fit, params.bootstrap, params.seed, context.threads):
        context.progress(BESIDE + (1 - BESIDE) * found.done / params.bootstrap, f"resample {found.done} of {params.bootstrap}")
    return found
