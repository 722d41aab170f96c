"""What the data can and cannot tell: cells against genes, zeros, tests that could not be made, and the level that the network hangs on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.graphs import Graph
from engine.repurposing.causal.consensus import Bools, Floats, stability_of
from engine.repurposing.causal.inputs import Cells
from engine.repurposing.causal.selection import Ints, Search, Tally, critical_correlations

MANY_GIVEN = 20
MANY_ZEROS = 0.3  # share of zeros from which normal theory is told to be off
UNSTEADY = 0.5  # width of the range of the most descendants, as a share of their number, from which it is told
MOSTLY = 0.5  # share of the entries that hang on the loosest level


def power_sentences(cells: Cells, search: Search) -> list[str]:
    """Say before the search what cells so few, or with so many zeros, cannot show."""
    told, (n, p) = [], cells.values.shape
    if search.rows - 1 < p:
        sentence = (
            f"{n:,} cells are fewer than it takes for {p:,} genes: the correlations of a subsample of {search.rows:,} cells have rank "
            f"{search.rows - 1} at most, so tests that hold {max(search.rows - 3, 0):,} or more other genes fixed cannot be made and "
            "count as independent."
        )
        if search.rows - 3 > MANY_GIVEN:
            strict, loose = (critical_correlations(level, search.rows)[MANY_GIVEN] for level in (min(search.levels), max(search.levels)))
            sentence += (
                f" Given {MANY_GIVEN} others a partial correlation must be beyond {strict:.2f} to pass at the strictest level, and beyond "
                f"{loose:.2f} at the loosest: such tests see only strong dependence."
            )
        told.append(sentence)
    zeros = (cells.values == 0).mean(axis=0)
    if zeros.mean() > MANY_ZEROS and search.correlation == "pearson":
        told.append(
            f"{zeros.mean():.0%} of the expression values of the genes kept are zero (up to {zeros.max():.0%} for "
            f"{cells.genes[int(zeros.argmax())]}); genes that were merely not seen look independent, and a Gaussian test is off. "
            "Compare with the rank correlation."
        )
    if len(cells.dropped):
        listed = ", ".join(cells.dropped["gene"][:8]) + (" …" if len(cells.dropped) > 8 else "")
        told.append(f"{len(cells.dropped):,} genes are left out for being seen in too few cells: {listed}.")
    return told


def outcome_sentences(
    graph: Graph, on_cycle: Sequence[str], tally: Tally, search: Search, threshold: float, nodes: pd.DataFrame
) -> list[str]:
    """Say after the search what the network hangs on: the loosest level, contradictions among its arrows, tests not made."""
    told, kept = [], stability_of(tally.shares) > threshold  # over the entries that can be
    loosest = int(np.argmax(search.levels))
    n_loosest, n_kept = int((at_level(tally.shares, kept) == loosest).sum()), int(kept.sum())
    if len(search.levels) > 1 and n_loosest > MOSTLY * n_kept:
        told.append(
            f"{n_loosest:,} of the {n_kept:,} entries reach their stability at the loosest level, {search.levels[loosest]:g}: the network "
            "is in effect the one of that level, which admits many chance dependences."
        )
    told += _unsteady(nodes, tally.n)
    if on_cycle:
        told.append(
            f"The arrows among {', '.join(on_cycle[:8])}{' …' if len(on_cycle) > 8 else ''} run in a circle, as a majority over subsamples "
            "may; they are drawn as lines, and what they lead to counts as possible only."
        )
    made, too_few, singular, _, cut = (int(tally.tests[:, k].sum()) for k in range(5))
    if too_few:
        told.append(
            f"{too_few:,} of {made:,} tests ({too_few / made:.1%}) hold more other genes fixed than so few cells allow; they count as "
            "independent."
        )
    if singular:
        told.append(f"{singular:,} of {made:,} tests were of genes that other genes determine exactly; they count as independent.")
    if cut:
        told.append(f"{cut:,} searches among equally sparse graphs were cut short; a sparser graph may exist. Lower 'Look-ahead'.")
    if not graph.n_edges:
        told.append(f"No edge is more stable than {threshold:g}. Lower the threshold, or bring more cells.")
    return told


def _unsteady(nodes: pd.DataFrame, n: int) -> list[str]:
    """Say how far the number of descendants of the gene that has most would move if the subsamples were drawn again."""
    most = nodes.iloc[int(nodes["descendants"].to_numpy().argmax())]
    low, high = most["descendants_low"], most["descendants_high"]
    if not most["descendants"] or np.isnan(low) or high - low < UNSTEADY * most["descendants"]:
        return []
    return [
        f"Numbers of descendants hang on a few edges: {most['gene']} has {most['descendants']}, but {low:.0f} to {high:.0f} if the {n:,} "
        "subsamples were drawn again. Compare genes by these ranges, and raise 'Subsamples per level' to narrow them."
    ]


def at_level(shares: Floats, kept: Bools) -> Ints:
    """Return (k,) the number of the level at which each kept entry reaches its stability, the strictest of equals being the first."""
    return shares.argmax(axis=0)[kept]
