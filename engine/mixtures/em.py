"""Expectation maximisation on the nodes that vary: the posterior of the label depends on nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.graphs.bitsets import members
from engine.mixtures.climb import climb
from engine.mixtures.moments import Floats, Rows, predictors, weighted
from engine.mixtures.scores import LocalScores
from engine.mixtures.variants import FEWEST, Conditional, Variant, fit_variant, n_parameters

STEPS = 25
CONVERGED = 0.01  # log units of the likelihood in one step
ROUNDS, PATIENCE = 8, 2

Check = Callable[[], None]


def unwatched() -> None:
    """Check nothing."""


@dataclass(frozen=True)
class Fit:
    """A mixture fitted to rows.

    Attributes
    ----------
    parents : of each node in the union DAG, as bits.
    variants : of each node.
    responsibility : (n, K) posteriors of the labels.
    weights : (K,) shares of the clusters.
    conditionals : of the varying nodes.
    likelihood : observed log likelihood of all columns.
    bic : ``likelihood - log(n) / 2 x parameters``.
    converged : whether the last step gained next to nothing.
    """

    parents: tuple[int, ...]
    variants: tuple[Variant, ...]
    responsibility: Floats
    weights: Floats
    conditionals: dict[int, Conditional]
    likelihood: float
    bic: float
    converged: bool

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.weights)

    @property
    def varying(self) -> list[int]:
        """Nodes whose conditional varies."""
        return varying_nodes(self.variants)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(n,) most probable cluster of each row."""
        return self.responsibility.argmax(axis=1)


def varying_nodes(variants: Sequence[Variant]) -> list[int]:
    """List the nodes whose conditional is not the same in all clusters."""
    return [node for node, variant in enumerate(variants) if variant]


def shared_likelihood(rows: Rows, node: int, parents: int) -> float:
    """Return the log likelihood of a node whose conditional all clusters share."""
    chosen = np.array([*predictors(parents), node + 1])
    return float(fit_variant(rows.total[None, chosen[:, None], chosen], Variant.SHARED).likelihood)


def em(
    rows: Rows, parents: Sequence[int], variants: Sequence[Variant], responsibility: Floats, steps: int = STEPS,
    least: float = CONVERGED, check: Check = unwatched,
) -> Fit | None:  # fmt: skip
    """Fit parameters and posteriors for given parents and variants.

    Parameters
    ----------
    responsibility : (n, K) posteriors to start from.
    least : log units that a step must gain for another one.

    Returns
    -------
    The fit, or None when nothing varies or a cluster has fewer rows than columns that the varying nodes use.

    Notes
    -----
    The observed likelihood is ``sum_{i shared} log p(x_i | pa) + sum_rows log sum_k pi_k prod_{i varying} p_k(x_i | pa)``. No step lowers
    it: where variances are reweighted they start from those of the last step.
    """
    nodes = varying_nodes(variants)
    if not nodes:
        return None
    columns, places = _columns_used(rows, parents, nodes)
    design, total, k = rows.columns[:, columns], rows.total[columns[:, None], columns], responsibility.shape[1]
    fewest = max(FEWEST, len(columns) - 1)
    found: dict[int, Conditional] = {}
    before, converged = -np.inf, False
    shares = np.ascontiguousarray(responsibility.T)  # (K, n): sums over few clusters are slow where each row has its own
    for _ in range(steps):
        check()
        raw = weighted(design, total, shares)
        mass = raw[:, 0, 0]
        if mass.min() < fewest:
            return None
        weights = mass / rows.n
        for node, place in zip(nodes, places, strict=True):
            last = found[node].variance if node in found else None
            found[node] = fit_variant(raw[:, place[:, None], place], variants[node], last)
        density = _densities(design, places, [found[node] for node in nodes])
        density += np.log(weights)[:, None]
        top = density.max(axis=0)
        shares = np.exp(np.subtract(density, top, out=density), out=density)
        sums = shares.sum(axis=0)
        shares /= sums
        likelihood = float(np.log(sums).sum() + top.sum())
        converged = likelihood - before < least
        before = likelihood
        if converged:
            break
    likelihood = before + sum(shared_likelihood(rows, node, parents[node]) for node in range(rows.p) if not variants[node])
    size = sum(n_parameters(variant, chosen.bit_count(), k) for variant, chosen in zip(variants, parents, strict=True)) + k - 1
    bic = likelihood - np.log(rows.n) / 2 * size
    return Fit(tuple(parents), tuple(variants), shares.T, weights, found, likelihood, float(bic), converged)


def structural_em(
    rows: Rows, responsibility: Floats, parents: Sequence[int] | None, rounds: int = ROUNDS, depth: int = 0, check: Check = unwatched
) -> Fit | None:
    """Find union DAG, variants and posteriors together: search under the posteriors, then posteriors under what was found.

    Parameters
    ----------
    responsibility : (n, K) posteriors to start from.
    parents : the DAG to start from, as bits; the empty one if None.
    depth : of the look-ahead, see `climb`.

    Returns
    -------
    The fit of largest observed BIC on the way; None when no round had a fit.
    """
    best, stale = None, 0
    for _ in range(rounds):
        check()
        scores = LocalScores(rows.moments(responsibility))
        parents = climb(scores, parents, depth=depth, check=check)
        fit = em(rows, parents, best_variants(scores, parents), responsibility, check=check)
        if fit is None:
            break
        stale += 1
        settled = best is not None and (fit.parents, fit.variants) == (best.parents, best.variants) and fit.converged
        if best is None or fit.bic > best.bic + CONVERGED:
            best, stale = fit, 0
        if stale == PATIENCE or settled:
            break
        responsibility = fit.responsibility
    return best


def best_variants(scores: LocalScores, parents: Sequence[int]) -> list[Variant]:
    """Return the best of the five variants of each node given its parents."""
    return [scores.best(node, list(members(chosen)))[1].variant for node, chosen in enumerate(parents)]


def improved(best: Fit, other: Fit | None, least: float = CONVERGED) -> Fit:
    """Return the fit of the larger observed BIC."""
    return other if other is not None and other.bic > best.bic + least else best


def relabelled(fit: Fit) -> Fit:
    """Return the same fit with its clusters in the order of falling shares."""
    order = np.argsort(-fit.weights, kind="stable")
    conditionals = {
        node: replace(found, coefficients=found.coefficients[order], variance=found.variance[order])
        for node, found in fit.conditionals.items()
    }
    return replace(fit, responsibility=fit.responsibility[:, order], weights=fit.weights[order], conditionals=conditionals)


def _columns_used(rows: Rows, parents: Sequence[int], nodes: list[int]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Return the columns (constant first) that some nodes and their parents use, and where each node finds its own among them."""
    own = [[*predictors(parents[node]), node + 1] for node in nodes]
    columns = np.array(sorted({column for each in own for column in each}))
    return columns, [np.searchsorted(columns, each) for each in own]


def _densities(design: Floats, places: list[NDArray[np.int64]], fits: list[Conditional]) -> Floats:
    """Return the log density (K, n) of the varying nodes in each cluster, from one product of matrices."""
    k = fits[0].variance.shape[-1]
    residual = np.zeros((k, len(fits), design.shape[1]))
    constant = np.zeros(k)
    for v, (place, fit) in enumerate(zip(places, fits, strict=True)):
        scale = 1 / np.sqrt(2 * fit.variance)
        residual[:, v, place[:-1]] = -(fit.coefficients * scale[:, None])
        residual[:, v, place[-1]] = scale
        constant -= 0.5 * np.log(2 * np.pi * fit.variance)
    product = residual.reshape(-1, design.shape[1]) @ design.T
    np.square(product, out=product)
    found: Floats = np.subtract(constant[:, None], product.reshape(k, len(fits), -1).sum(axis=1))
    return found
