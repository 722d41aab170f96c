"""What a search for a stable causal network found."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import Result
from engine.graphs import Graph
from engine.repurposing.causal.consensus import Floats, consensus


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetNetworkResult(Result):
    """A partly directed network of genes, with how stable each edge is and what each gene reaches.

    Attributes
    ----------
    graph : arrows and lines over p genes that are more stable than the threshold.
    edges : see `engine.repurposing.causal.consensus.edge_table`, and ``comes_back``, the share of networks of subsamples drawn again that
        have the same arrow or line.
    nodes : (p, ...) what each gene reaches, see `engine.repurposing.causal.reach.reach`; the ranges of these numbers if the subsamples were
        drawn again, see `engine.repurposing.causal.drawn_again.drawn_again`; ``zero_share`` (of the cells), ``mean`` (log2
        expression), ``upstream_share`` and ``possible_upstream_share`` (largest over the levels of the share of subsamples in which the
        gene has a path to another that is a terminal, along arrows, and along arrows and lines; NaN without terminals).
    curve : for each threshold the number of arrows and lines, see `engine.repurposing.causal.consensus.threshold_curve`.
    levels : one row per significance level: ``alpha``, ``entries`` and ``edges`` (mean per CPDAG), ``decisive`` (entries of the network
        that reach their stability there), ``tests``, ``too_few_cells``, ``singular``, ``largest_given``, ``cut_short``.
    scores : ``source``, ``target`` and ``share at ...`` for each level: all entries that came out at least once.
    dropped : genes seen in too few cells: ``gene``, ``cells``.
    threshold : stability that an entry must exceed.
    n_cells, n_allowed : cells, and pairs that could be joined.
    sentences : what the data can and cannot tell.
    """

    graph: Graph
    edges: pd.DataFrame
    nodes: pd.DataFrame
    curve: pd.DataFrame
    levels: pd.DataFrame
    scores: pd.DataFrame
    dropped: pd.DataFrame
    threshold: float
    n_cells: int
    n_allowed: int
    sentences: tuple[str, ...] = ()

    @property
    def stability(self) -> Floats:
        """(p, p) stability of each entry, ``[i, j]`` that of i -> j or i --- j, in the order of the graph's nodes."""
        number = {gene: k for k, gene in enumerate(self.graph.nodes)}
        found = np.zeros((self.graph.p, self.graph.p))
        rows, columns = self.scores["source"].map(number), self.scores["target"].map(number)
        found[rows.to_numpy(np.int64), columns.to_numpy(np.int64)] = self.scores.iloc[:, 2:].max(axis=1)
        return found

    def at(self, threshold: float) -> Graph:
        """Return the network at another threshold."""
        return consensus(self.graph.nodes, self.stability, threshold)[0]

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: method, data, cells, network, time."""
        rows = super().summary()
        arrows, lines = int(self.graph.directed.sum()), int(self.graph.undirected.sum()) // 2
        size = f"{self.graph.p:,} genes, {self.n_cells:,} cells, {self.n_allowed:,} pairs allowed"
        return [*rows[:2], ("Searched", size), ("Network", f"{arrows:,} arrows, {lines:,} lines, threshold {self.threshold:g}"), *rows[2:]]
