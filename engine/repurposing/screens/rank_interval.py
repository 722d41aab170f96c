"""How much a drug's place depends on which genes happen to be measured."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.core import Context
from engine.repurposing.significance import shared_ranks

Floats = NDArray[np.float64]

LEVEL = 0.90


def rank_intervals(
    scores: Callable[[NDArray[np.int64]], Floats], d: int, resamples: int, rng: np.random.Generator, context: Context
) -> tuple[Floats, Floats]:
    """Return (G,) the 5 % and 95 % quantiles of each drug's place when half the genes, drawn at random, are left out.

    Parameters
    ----------
    scores : gives the (G,) scores on some genes, by number.
    d : number of genes.

    Notes
    -----
    The spread of a mean over half of the genes, drawn without replacement, is that of the bootstrap over all of them (Politis, Romano,
    Wolf 1999), and no gene is counted twice, which would make ties among ranks.
    """
    places = []
    for k in range(resamples):
        context.progress(k / resamples, f"half of the genes: {k + 1} of {resamples}")
        half = np.sort(rng.choice(d, max(1, d // 2), replace=False))
        places.append(shared_ranks(-scores(half)))
    if not places:
        raise ValueError("no resamples")
    stacked = np.stack(places)
    known = np.isfinite(stacked).all(axis=0)
    low, high = np.full(stacked.shape[1], np.nan), np.full(stacked.shape[1], np.nan)
    if known.any():
        low[known], high[known] = np.quantile(stacked[:, known], [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
    return low, high
