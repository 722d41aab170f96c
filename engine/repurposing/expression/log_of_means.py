"""The published recipe: a gene's fold change is the log of a ratio of means, and the largest tenth is selected; nothing is tested."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EXPRESSED = 1.0  # log2(1 + mean) that a gene must reach in one arm at least
STEP = 0.001  # of the scan of thresholds

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Arms:
    """Log2 of one plus the mean of each group, over the genes that are expressed in one of them.

    Attributes
    ----------
    genes : (G,) symbols.
    levels : group -> (G,) log2(1 + mean over the group's samples).
    """

    genes: NDArray[np.str_]
    levels: dict[str, Floats]

    def change(self, treated: str, control: str) -> Floats:
        """Return the (G,) log2 fold changes of one group over another."""
        return self.levels[treated] - self.levels[control]


def arms(values: pd.DataFrame, groups: dict[str, list[str]], is_log2: bool) -> Arms:
    """Average the samples of each group on the plain scale, and keep genes expressed in at least one group.

    Parameters
    ----------
    values : (G, n) expression, gene symbols as index, samples as columns.
    groups : group -> its samples.
    is_log2 : whether the values are log2(1 + expression), which is undone first.

    Notes
    -----
    Genes with a missing or infinite value in a used sample are dropped. log2(1 + mean) is a log of means, not a mean of logs; a gene falls
    out only where it is below 1 in every group.
    """
    used = values[[sample for samples in groups.values() for sample in samples]]
    used = used[np.isfinite(used.to_numpy()).all(axis=1)]
    plain = 2**used - 1 if is_log2 else used
    levels = {group: np.log2(1 + plain[samples].mean(axis=1).to_numpy()) for group, samples in groups.items()}
    kept = ~np.all([level < EXPRESSED for level in levels.values()], axis=0)
    return Arms(used.index.to_numpy(dtype=str)[kept], {group: level[kept] for group, level in levels.items()})


def largest(change: Floats, count: int) -> NDArray[np.bool_]:
    """Say for each gene whether it is among so many of largest absolute change, the first of equals in the order given."""
    chosen = np.zeros(len(change), dtype=bool)
    chosen[np.argsort(-np.abs(change), kind="stable")[:count]] = True
    return chosen


def scan(own: Floats, others: tuple[Floats, ...], count: int) -> tuple[NDArray[np.bool_], float]:
    """Select genes that change in one comparison and in none of the others, at the largest threshold that leaves enough.

    Parameters
    ----------
    own : (G,) log2 fold changes of the comparison of interest (A).
    others : the same of comparisons whose genes do not count (B, C, ...).
    count : how many genes must be left.

    Returns
    -------
    (G,) which genes are in A(t) without B(t) and C(t), and t. Where no threshold leaves enough, t is 0.

    Notes
    -----
    A(t) = {|change| > t}, t = 0, 0.001, 0.002, ... up to the largest change. The others shrink with t as well, so the number left is not
    monotone and every t is looked at. A gene is left for max(others) <= t < own: all t are counted in one sort.
    """
    strength = np.abs(own)
    ceiling = np.max(np.abs(others), axis=0) if others else np.zeros_like(strength)
    grid = np.arange(0, max(strength.max(), ceiling.max(), STEP), STEP)
    open_for = ceiling < strength
    begun = np.searchsorted(np.sort(ceiling[open_for]), grid, side="right")
    ended = np.searchsorted(np.sort(strength[open_for]), grid, side="right")
    enough = np.flatnonzero(begun - ended >= count)
    t = float(grid[enough[-1]]) if len(enough) else 0.0
    return (strength > t) & (ceiling <= t), t
