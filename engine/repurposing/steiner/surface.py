"""How the interactome changes with its prices: the exact w at which it does, the b from which it no longer does, hubs and partners."""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context
from engine.repurposing.steiner.network import Network
from engine.repurposing.steiner.pcst import Forest, WeightedGraph

SPAN = (1 / 7, 10 / 7)  # of w: for the paper's 1.4 its grid from 0.2 to 2.0
B_PRECISION = 0.01  # share of b within which a change over b is found
MOST_SOLVES = 40  # over b
PRIZE_CURVE = ("b", "proteins", "trees", "terminals")
HUB_CURVE = ("g", "proteins", "trees", "shared", "flat_from")
PARTNER_CURVE = ("prize", "proteins", "partners", "added")
HUB_PENALTIES: tuple[float | None, ...] = (None, 0.0, 1.0, 2.0)
PARTNER_PRIZES = tuple(round(1e-4 * k, 6) for k in range(16))  # the paper's

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sweep:
    """The forests of all w at one hub penalty, prizes being too large to be left out.

    Attributes
    ----------
    enters : (P,) smallest w at which each protein is in the forest; inf where never.
    joins : ascending values of w at each of which two trees become one.
    """

    enters: Floats
    joins: Floats

    @property
    def flat_from(self) -> float:
        """The w from which on nothing changes."""
        return float(self.joins[-1]) if len(self.joins) else 0.0

    def share(self, low: float, high: float) -> Floats:
        """Return for each protein the share of all w from ``low`` to ``high`` whose forest holds it."""
        return np.clip((high - self.enters) / (high - low), 0.0, 1.0)

    def widest(self) -> tuple[float, float]:
        """Return the two ends of the widest range of w in which nothing changes, below `flat_from`; (0, 0) where there is none."""
        ends = np.concatenate([[0.0], self.joins])
        if len(ends) == 1:
            return 0.0, 0.0
        at = int(np.argmax(np.diff(ends)))
        return float(ends[at]), float(ends[at + 1])


def sweep_of(graph: WeightedGraph, prizes: Floats) -> Sweep:
    """Return the forests of all w, from one growth; see `WeightedGraph.unions`."""
    return Sweep(*graph.unions(prizes > 0))


def saturated_b(prizes: Floats, w: float) -> float:
    """Return a b from which on no terminal is left out at this w: no way between two balls is longer than 2 w."""
    return float(2.0 * w / prizes[prizes > 0].min())


def surface_of(network: Network, sweep: Sweep, partners: Bools) -> pd.DataFrame:
    """Return one row per different forest over w, ascending; columns as `InteractomeResult.surface`."""
    starts = np.unique(np.concatenate([[0.0], sweep.joins]))
    enters_link = np.maximum(*sweep.enters[network.ends].T)
    ever = network.ends[np.isfinite(enters_link)]
    loops = np.sort(sweep.enters[network.loops])
    entered, bound = np.sort(sweep.enters), np.sort(sweep.enters[partners])
    entries = {"proteins": entered, "links": np.sort(enters_link), "loops": loops, "partners": bound, "joined": sweep.joins}
    count = {name: np.searchsorted(values, starts, side="right") for name, values in entries.items()}
    return pd.DataFrame(
        {
            "w": starts, "w_to": np.append(starts[1:], np.inf), "proteins": count["proteins"],
            "trees": (sweep.enters == 0).sum() - count["joined"],
            "pieces": [n_pieces(ever, sweep.enters <= w) for w in starts],
            "links": count["links"] + count["loops"], "partners": count["partners"],
        }
    )  # fmt: skip


def n_pieces(ends: NDArray[np.int64], chosen: Bools) -> int:
    """Return the number of connected parts of some proteins when all edges (m, 2) among them count."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    place = np.cumsum(chosen) - 1
    u, v = place[ends[chosen[ends].all(axis=1)]].T
    size = int(chosen.sum())
    return int(connected_components(csr_array((np.ones(len(u)), (u, v)), shape=(size, size)), directed=False)[0]) if size else 0


def prize_curve(graph: WeightedGraph, prizes: Floats, w: float, context: Context) -> pd.DataFrame:
    """Return the different forests over b at one w, each from the smallest b at which it was found; a change is located within 1 %.

    Notes
    -----
    Ranges of b whose ends have different forests are halved, the widest ratio first, until they are narrow or 40 forests are made; between
    ends with the same forest there might be another. Above `saturated_b` none is.
    """
    # at the lower end all prizes together do not pay for a tree
    found = [(b, graph.forest(b * prizes, w)) for b in (w / (2.0 * prizes.sum()), saturated_b(prizes, w))]
    while len(found) < MOST_SOLVES:
        context.progress(len(found) / MOST_SOLVES, f"scales of the prizes: {len(found)}")
        ratios = [high / low if _differ(one, other) else 1.0 for (low, one), (high, other) in itertools.pairwise(found)]
        at = int(np.argmax(ratios))
        if ratios[at] <= 1.0 + B_PRECISION:
            break
        b = float(np.sqrt(found[at][0] * found[at + 1][0]))
        found.insert(at + 1, (b, graph.forest(b * prizes, w)))
    kept = found[:1] + [after for before, after in itertools.pairwise(found) if _differ(before[1], after[1])]
    terminal = prizes > 0
    rows = [(b, int(forest.nodes.sum()), forest.n_trees, int((forest.nodes & terminal).sum())) for b, forest in kept]
    return pd.DataFrame(rows, columns=list(PRIZE_CURVE))


def _differ(one: Forest, other: Forest) -> bool:
    return bool((one.nodes != other.nodes).any())


def hub_curve(network: Network, prizes: Floats, w: float, b: float, chosen: Bools) -> tuple[pd.DataFrame, Floats]:
    """Return the forest at each hub penalty, and for each protein its mean share of all w around the one asked for."""
    rows, shares = [], []
    for g in HUB_PENALTIES:
        graph = network.graph(g)
        forest, sweep = graph.forest(b * prizes, w), sweep_of(graph, prizes)
        both = (forest.nodes | chosen).sum()
        shared = (forest.nodes & chosen).sum() / both if both else 1.0
        rows.append((np.nan if g is None else g, int(forest.nodes.sum()), forest.n_trees, float(shared), sweep.flat_from))
        shares.append(sweep.share(SPAN[0] * w, SPAN[1] * w))
    return pd.DataFrame(rows, columns=list(HUB_CURVE)), np.mean(shares, axis=0)


def partner_curve(network: Network, graph: WeightedGraph, prizes: Floats, partners: Bools, w: float, b: float) -> pd.DataFrame:
    """Return the forest for each prize of partners that are no terminals: who joins when that is worth more."""
    rows, first = [], None
    for prize in PARTNER_PRIZES:
        nodes = graph.forest(b * with_partners(prizes, partners, prize), w).nodes
        first = nodes if first is None else first
        added = ", ".join(network.proteins[i] for i in np.flatnonzero(nodes & ~first & partners))
        rows.append((prize, int(nodes.sum()), int((nodes & partners).sum()), added))
    return pd.DataFrame(rows, columns=list(PARTNER_CURVE))


def with_partners(prizes: Floats, partners: Bools, prize: float) -> Floats:
    """Return the prizes with those of partners that have none set to ``prize``."""
    return np.where(partners & (prizes == 0), prize, prizes)
