"""How far a mixture holds: fitted again to resampled rows, from the posteriors that were found."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.parallel import answers
from engine.graphs import Graph, Mark
from engine.mixtures.components import union_dag
from engine.mixtures.em import Fit, structural_em
from engine.mixtures.moments import Rows
from engine.mixtures.prune import prune


@dataclass
class Stability:
    """Counts over the resamples that had a fit.

    Attributes
    ----------
    done : number of resamples.
    varies : (p,) in how many each node varied.
    marks : (p, p, 4) in how many each pair of the union DAG had each mark.
    agreement : one adjusted Rand index per resample, between its labels and those of the mixture, on the rows drawn.
    """

    done: int
    varies: NDArray[np.int64]
    marks: NDArray[np.int64]
    agreement: list[float]

    def supports(self, union: Graph) -> Graph:
        """Return the union DAG with the share of resamples in which each mark came back."""
        return union.with_support(self.marks / max(len(self.agreement), 1))


def resampled(rows: Rows, fit: Fit, resamples: int, seed: int, threads: int) -> Iterator[Stability]:
    """Yield the counts after each resample.

    Notes
    -----
    Structural EM and pruning on rows drawn with replacement, from the posteriors of these rows: how far the mixture depends on the rows,
    not whether another start would lead elsewhere. Each resample has a seed of its own, so that the number of processes changes nothing.
    """
    seeds = np.random.SeedSequence(seed).generate_state(resamples, np.uint64).tolist()
    nodes = tuple(map(str, range(rows.p)))
    found = Stability(0, np.zeros(rows.p, np.int64), np.zeros((rows.p, rows.p, len(Mark)), np.int64), [])
    for again in answers(_again, [(rows, fit, each) for each in seeds], threads):
        found.done += 1
        if again is not None:
            parents, varying, agreement = again
            found.varies[varying] += 1
            found.marks += union_dag(parents, nodes).marks_one_hot()
            found.agreement.append(agreement)
        yield found


def _again(rows: Rows, fit: Fit, seed: int) -> tuple[tuple[int, ...], list[int], float] | None:
    """Fit one resample; None where nothing varies in it any more."""
    from sklearn.metrics import adjusted_rand_score

    drawn = np.random.default_rng(seed).integers(rows.n, size=rows.n)
    sample = Rows(rows.values[drawn])
    again = structural_em(sample, fit.responsibility[drawn], fit.parents)
    if again is None:
        return None
    again = prune(sample, again)
    return again.parents, again.varying, float(adjusted_rand_score(fit.labels[drawn], again.labels))
