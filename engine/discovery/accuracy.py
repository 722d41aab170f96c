"""How far a learned graph and its bootstrap support can be trusted where the truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.discovery.sweep import Sweep
from engine.graphs import Graph, Mark, arrow_rates, differences, skeleton_rates

Verdict = Literal["right", "open", "turned", "extra", "missing"]
BINS = 5


def overlay(estimate: Graph, truth: Graph) -> tuple[Graph, dict[tuple[str, str], Verdict]]:
    """Return the edges of both graphs in one, and what is to be said of each.

    Parameters
    ----------
    estimate, truth : graphs on the same variables, in any order.

    Returns
    -------
    graph : the edges of the estimate as learned, and those it misses as they are in the truth.
    verdicts : (source, target) as in ``graph.edges()`` -> ``right`` (the same marks), ``turned`` (joined in both, an arrowhead where the
        truth has none), ``open`` (joined in both, but a mark of the truth is left open), ``extra``, ``missing``.
    """
    true = truth.subgraph(estimate.nodes).marks
    marks = np.where(estimate.skeleton, estimate.marks, true)
    both = Graph(estimate.nodes, marks, "pag")
    told = {frozenset((row.source, row.target)): row.change for row in differences(estimate, truth).itertuples(index=False)}
    wrong = (estimate.marks == Mark.ARROW) & (true != Mark.ARROW)
    verdicts: dict[tuple[str, str], Verdict] = {}
    for edge in both.edges():
        change = told.get(frozenset((edge.source, edge.target)))
        i, j = both.index(edge.source), both.index(edge.target)
        if change is None:
            verdict: Verdict = "right"
        elif change in ("added", "removed"):
            verdict = "missing" if change == "added" else "extra"
        else:
            verdict = "turned" if wrong[i, j] or wrong[j, i] else "open"
        verdicts[edge.source, edge.target] = verdict
    return both, verdicts


def roc(sweep: Sweep, truth: Graph) -> pd.DataFrame:
    """Score the graphs of a sweep.

    Parameters
    ----------
    truth : what a perfect run would find, on the same variables; see `engine.discovery.truth.visible`.

    Returns
    -------
    DataFrame
        One row per level: ``level``, ``edges``, ``arrows`` (those with a definite direction), ``found`` and ``false`` (share of the pairs
        joined, resp. not joined, in the truth that the graph joins), ``arrows found`` and ``arrows false`` (the same of definite
        directions, among all ordered pairs).
    """
    rows = []
    for level, graph in zip(sweep.levels, sweep.graphs, strict=True):
        rows.append((level, graph.n_edges, int(graph.directed.sum()), *skeleton_rates(graph, truth), *arrow_rates(graph, truth)))
    return pd.DataFrame(rows, columns=["level", "edges", "arrows", "found", "false", "arrows found", "arrows false"])


def area(points: pd.DataFrame) -> float | None:
    """Return the area under the curve of the joined pairs; None where all levels have the same false positives.

    Parameters
    ----------
    points : what `roc` returns.

    Notes
    -----
    By trapezoids in the order of the false positives, and beyond the outermost levels by straight lines to (0, 0) and (1, 1), which are the
    graphs without edges and with all. Arrows have no such area: no level makes every pair an arrow in both directions.
    """
    curve = np.unique(points[["false", "found"]].to_numpy(float), axis=0)
    if len(set(curve[:, 0])) < 2:
        return None
    x, y = np.vstack([(0.0, 0.0), curve, (1.0, 1.0)]).T
    return float(np.trapezoid(y, x))


@dataclass(frozen=True)
class Calibration:
    """Whether support means what it says: of the edges that came back in 80 % of the resamples, 80 % should be true.

    Attributes
    ----------
    bins : one row per bin that is not empty: ``low``, ``high``, ``pairs`` (how many), ``support`` (mean) and ``true`` (share that is).
    brier : mean squared difference between support and truth, 0 at best.
    error : mean absolute difference between ``support`` and ``true`` of the bins, weighted by their pairs: expected calibration error.
    """

    bins: pd.DataFrame
    brier: float
    error: float

    @property
    def pairs(self) -> int:
        """Number of pairs behind it."""
        return int(self.bins["pairs"].sum())


def calibration(graphs: Sequence[tuple[Graph, Graph]], bins: int = BINS, ends: bool = False) -> Calibration:
    """Compare the bootstrap support of graphs with the truth, all in one.

    Parameters
    ----------
    graphs : (learned graph with support, truth) on the same variables; several are pooled.
    bins : number of equally wide bins of support.
    ends : by default every pair of variables counts, with how often it was joined, and is true if it is joined in the truth. With ``ends``
        only the edges of the learned graph count, with how often they came back with the same marks, and are true if the truth has these.

    Raises
    ------
    ValueError
        When a graph has no support.
    """
    compared = [(_ends if ends else _joined)(learned, truth) for learned, truth in graphs]
    support, true = (np.concatenate([np.zeros(0), *part]) for part in zip(*compared, strict=True))
    # rounding must not lift a share of exactly one fifth into the wrong bin
    place = np.minimum(np.floor(support * bins + 1e-9).astype(int), bins - 1)
    rows = []
    for k in np.unique(place):
        inside = place == k
        rows.append((k / bins, (k + 1) / bins, int(inside.sum()), support[inside].mean(), true[inside].mean()))
    table = pd.DataFrame(rows, columns=["low", "high", "pairs", "support", "true"])
    weight = table["pairs"] / max(len(support), 1)
    brier = float(np.mean((support - true) ** 2)) if len(support) else 0.0
    return Calibration(table, brier, float((weight * (table["support"] - table["true"]).abs()).sum()))


def _joined(learned: Graph, truth: Graph) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    upper = np.triu_indices(learned.p, 1)
    return 1 - _support(learned)[upper][:, Mark.NONE], truth.subgraph(learned.nodes).skeleton[upper].astype(float)


def _ends(learned: Graph, truth: Graph) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    _support(learned)
    table = learned.edge_frame()
    right = {str(edge) for edge in truth.subgraph(learned.nodes).edges()}
    shares = table["same marks"] if len(table) else np.zeros(0)
    return np.asarray(shares, float), np.array([edge in right for edge in table["edge"]], dtype=float)


def _support(graph: Graph) -> NDArray[np.float64]:
    if graph.support is None:
        raise ValueError("a graph without bootstrap support has no calibration")
    return graph.support
