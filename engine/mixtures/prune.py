"""Who varies: nodes are dropped from and added to the varying ones as long as the observed BIC rises."""

from collections.abc import Iterator, Sequence

import numpy as np

from engine.graphs.bitsets import members
from engine.mixtures.em import Check, Fit, em, improved, shared_likelihood, structural_em, unwatched
from engine.mixtures.moments import Rows
from engine.mixtures.variants import Variant

GLANCE, SHORT = 3, 10  # steps for every node that could vary too, and for the promising ones
PROMISING = 6
LOOK_AHEAD = 3  # equal reversals
LAST_STEPS, LAST_GAIN = 300, 1e-5  # of the EM that ends a search, so that equal fits have equal posteriors


def prune(rows: Rows, fit: Fit, check: Check = unwatched) -> Fit:
    """Let nodes be shared, the best first, while that raises the observed BIC."""
    while len(fit.varying) > 1:
        shared = [em(rows, fit.parents, changed(fit, node, Variant.SHARED), fit.responsibility, check=check) for node in fit.varying]
        best = max((other for other in shared if other is not None), key=lambda other: other.bic, default=None)
        if improved(fit, best) is fit:
            return fit
        fit = improved(fit, best)
    return fit


def grow(rows: Rows, fit: Fit, check: Check = unwatched) -> Fit:
    """Let nodes vary, the best first, with their arrows to the varying nodes kept or dropped, while that raises the observed BIC."""
    while True:
        glances = [
            (glance.bic, larger) for larger in _larger(fit) if (glance := em(rows, *larger, fit.responsibility, GLANCE, check=check))
        ]
        glances.sort(key=lambda pair: -pair[0])
        tried = (em(rows, *larger, fit.responsibility, SHORT, check=check) for _, larger in glances[:PROMISING])
        best = max((other for other in tried if other is not None), key=lambda other: other.bic, default=None)
        if improved(fit, best) is fit:
            return fit
        fit = improved(fit, best)


def finish(rows: Rows, fit: Fit, check: Check = unwatched) -> Fit:
    """Bring a fit to its end: structural EM, prune, grow, and again."""
    fit = improved(fit, structural_em(rows, fit.responsibility, fit.parents, depth=LOOK_AHEAD, check=check))
    # good posteriors may come with arrows that only bad ones asked for, and that no single change undoes
    fit = improved(fit, structural_em(rows, fit.responsibility, None, depth=LOOK_AHEAD, check=check))
    fit = prune(rows, fit, check)
    fit = grow(rows, fit, check)
    fit = improved(fit, structural_em(rows, fit.responsibility, fit.parents, depth=LOOK_AHEAD, check=check))
    fit = prune(rows, fit, check)
    return improved(fit, em(rows, fit.parents, fit.variants, fit.responsibility, LAST_STEPS, LAST_GAIN, check), 0.0)


def changed(fit: Fit, node: int, variant: Variant) -> list[Variant]:
    """Return the variants of a fit with that of one node replaced."""
    return [variant if other == node else now for other, now in enumerate(fit.variants)]


def _larger(fit: Fit) -> Iterator[tuple[Sequence[int], list[Variant]]]:
    varying = sum(1 << node for node in fit.varying)
    for node in range(len(fit.parents)):
        if varying >> node & 1:
            continue
        apart = [chosen & ~varying if child == node else chosen for child, chosen in enumerate(fit.parents)]
        for child in members(varying):
            apart[child] &= ~(1 << node)
        for parents in (fit.parents, tuple(apart)) if tuple(apart) != fit.parents else (fit.parents,):
            for variant in (Variant.INTERCEPT, Variant.ALL):
                yield parents, changed(fit, node, variant)


def alternatives(rows: Rows, fit: Fit, check: Check = unwatched) -> dict[int, dict[Variant, float]]:
    """Return for each varying node and each variant by how much the observed BIC of the fit falls when that is the node's variant.

    Notes
    -----
    All else is fitted again, so that the entry of `Variant.SHARED` is the evidence that the node varies. No test on the labels: labels are
    computed from the node itself, so that a difference between clusters is there whatever the data.
    """
    return {node: {variant: float(fit.bic - _bic_with(rows, fit, node, variant, check)) for variant in Variant} for node in fit.varying}


def _bic_with(rows: Rows, fit: Fit, node: int, variant: Variant, check: Check) -> float:
    """Return the observed BIC when a node has this variant; nothing varies where it was the only one and is shared."""
    if variant is fit.variants[node]:
        return fit.bic
    if variant is Variant.SHARED and len(fit.varying) == 1:
        size = sum(chosen.bit_count() + 2 for chosen in fit.parents)
        return float(sum(shared_likelihood(rows, i, chosen) for i, chosen in enumerate(fit.parents)) - np.log(rows.n) / 2 * size)
    other = em(rows, fit.parents, changed(fit, node, variant), fit.responsibility, check=check)
    return other.bic if other else -np.inf
