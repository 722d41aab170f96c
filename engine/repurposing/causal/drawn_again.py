"""How far a network and what its genes reach hang on the draw of the subsamples."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.graphs import Graph
from engine.repurposing.causal.consensus import Floats, consensus, stability_of
from engine.repurposing.causal.reach import descendant_counts
from engine.repurposing.causal.selection import Search, Tally

DRAWS = 100
FEWEST_PARTS = 10  # parts of the subsamples below which drawing among them says little
RANGE = (0.05, 0.95)
COUNTED = ("descendants", "possible_descendants", "terminal_descendants", "possible_terminal_descendants")
DRAWN = 0xD4A3  # keeps these draws apart from those of the subsamples


def drawn_again(search: Search, parts: Sequence[Tally], graph: Graph, threshold: float) -> tuple[pd.DataFrame, Floats]:
    """Return how the numbers of descendants would range, and how often edges would come back, with other subsamples of the same cells.

    Parameters
    ----------
    parts : tallies of a few subsamples each.
    graph : the network of all of them.

    Returns
    -------
    (p, 8) table with ``..._low`` and ``..._high``, the 5% and 95% quantiles of each number of `reach.descendant_counts`; and a (p, p)
    table, the share of networks in which the pair has the same arrow or line as in ``graph``. NaN with fewer than ten parts.

    Notes
    -----
    The parts are drawn with replacement, as many as there are, and their network is made, a hundred times (Efron's bootstrap). It
    measures the chance in the subsampling only: that other cells would show something else comes on top.
    """
    seen: NDArray[np.float64] = np.full((DRAWS, len(COUNTED), graph.p), np.nan)
    same = np.zeros((graph.p, graph.p))
    rng = np.random.default_rng([search.seed, DRAWN])
    for draw in range(DRAWS if len(parts) >= FEWEST_PARTS else 0):
        drawn = rng.integers(len(parts), size=len(parts))
        shares = sum(parts[k].entries for k in drawn) / sum(parts[k].n for k in drawn)
        other, _ = consensus(graph.nodes, search.table(stability_of(shares)), threshold)
        seen[draw] = descendant_counts(other, search.is_terminal)
        same += (other.directed & graph.directed) | (other.undirected & graph.undirected)
    if len(parts) < FEWEST_PARTS:
        return pd.DataFrame({f"{name}_{end}": np.full(graph.p, np.nan) for name in COUNTED for end in ("low", "high")}), same * np.nan
    low, high = np.quantile(seen, RANGE, axis=0)
    ends = {f"{name}_{end}": value[k] for k, name in enumerate(COUNTED) for end, value in (("low", low), ("high", high))}
    return pd.DataFrame(ends), same / DRAWS
