"""The best mixture of K clusters: many cheap starts, structural EM from the promising ones, the best brought to the end."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.core import Context
from engine.core.parallel import answers
from engine.mixtures.em import Fit, relabelled, structural_em
from engine.mixtures.moments import Floats, Rows, one_hot
from engine.mixtures.prune import finish
from engine.mixtures.starts import Start, clusterings, fit_split, halves, splits

EACH_KIND = 3  # splits of a kind that are worth a search
FINALISTS = 2
ROUNDS = 3  # of structural EM from each start
SAME = 0.5  # log units: fits of the same nodes that differ by less are one
PER_TASK = 8  # short fits sent to a process at once


def best_fit(
    rows: Rows, raw: Floats, k: int, single: Sequence[int], fewer: Fit | None, seed: int, context: Context, show: Callable[[Fit], None]
) -> Fit | None:
    """Return the mixture of K clusters with the largest observed BIC that the starts lead to; None when no start has a fit.

    Parameters
    ----------
    raw : (n, p) columns on their own scale.
    single : the DAG of one cluster, as parents in bits.
    fewer : the best fit of K - 1 clusters, whose clusters are split too.
    show : called with each fit that is the best so far.

    Notes
    -----
    Starts run through joblib on ``context.threads`` processes, or wherever an active ``joblib.parallel_config`` says; they are independent,
    so that the number of processes does not change the result. When the time limit passes, the best fit so far is returned.
    """
    found: list[Fit] = []

    def keep(fit: Fit) -> None:
        if not found or fit.bic > max(other.bic for other in found):
            show(fit)
        found.append(fit)

    def searched(tasks: list[tuple[Any, ...]], low: float, high: float, note: str) -> list[Fit]:
        fits = []
        for done, fit in enumerate(answers(_search, tasks, context.threads), 1):
            if fit is not None:
                keep(fit)
                fits.append(fit)
            context.progress(low + (high - low) * done / len(tasks), f"{k} clusters: {note}")
        return fits

    with context.best_so_far():
        seeds = [*clusterings(rows, raw, single, k, seed), *(halves(rows, raw, fewer, seed) if fewer else ())]
        firsts = searched([(rows, one_hot(start.labels, k), start.parents, 1) for start in seeds], 0, 0.2, "clusterings of all columns")
        cheap = list(splits(rows, single, k))
        batches = [(rows, cheap[at : at + PER_TASK], k) for at in range(0, len(cheap), PER_TASK)]
        fitted: list[tuple[Start, Fit]] = []
        for done, batch in enumerate(answers(_fit_all, batches, context.threads), 1):
            fitted += batch
            context.progress(0.2 + 0.3 * done / len(batches), f"{k} clusters: cheap starts")
        chosen = _most_promising(fitted)
        firsts += searched([(rows, fit.responsibility, fit.parents, 1) for fit in chosen], 0.5, 0.6, "the best starts")
        # many starts lead to the same fit, which need not be followed twice
        tasks = [(rows, fit.responsibility, fit.parents, ROUNDS - 1) for fit in _distinct(firsts)]
        searched(tasks, 0.6, 0.8, "structural EM")
        finalists = _distinct(found)[:FINALISTS]
        for done, fit in enumerate(finalists):
            context.progress(0.8 + 0.2 * done / len(finalists), f"{k} clusters: who varies")
            keep(finish(rows, fit, context.check))
    if not found:
        return None
    return relabelled(max(found, key=lambda fit: fit.bic))


def _fit_all(rows: Rows, starts: list[Start], k: int) -> list[tuple[Start, Fit]]:
    return [(start, fit) for start in starts if (fit := fit_split(rows, start, k)) is not None]


def _search(rows: Rows, responsibility: Floats, parents: Sequence[int], rounds: int) -> Fit | None:
    return structural_em(rows, responsibility, parents, rounds)


def _most_promising(fits: list[tuple[Start, Fit]]) -> list[Fit]:
    """Return the best few of each kind of split."""
    kept: list[Fit] = []
    for kind in dict.fromkeys(start.kind for start, _ in fits):
        kept += _distinct([fit for start, fit in fits if start.kind == kind])[:EACH_KIND]
    return kept


def _distinct(fits: list[Fit]) -> list[Fit]:
    """Sort fits by falling BIC and leave out those that say the same as a better one."""
    found: list[Fit] = []
    for fit in sorted(fits, key=lambda fit: -fit.bic):
        if all(abs(fit.bic - other.bic) > SAME or fit.varying != other.varying for other in found):
            found.append(fit)
    return found
