"""Forests of random diseases: how often a protein is in the interactome of genes, or of a network, that mean nothing."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.repurposing.steiner.network import Network
from engine.repurposing.steiner.pcst import WeightedGraph

NEAR_RANK = 50  # matched genes are at most so many places away in the order by degree
SWAPS_PER_EDGE = 5  # tried; each edge takes part in twice as many
AT_ONCE = 16  # random diseases between two reports, for each thread

Kind = Literal["degree_matched", "uniform", "unmatched", "rewired", "shuffled"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEANING: dict[Kind, str] = {
    "degree_matched": "as many random genes with the same prizes, each of like degree",
    "uniform": "as many random genes of the network with the same prizes",
    "unmatched": "random genes of the signature with their own prizes, those outside the network dropped",
    "rewired": "the same terminals in a network whose edges were exchanged, every degree kept",
    "shuffled": "the same terminals in a network whose first column was shuffled",
}
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class NullNetworks:
    """Forests of n random diseases in a network of P proteins.

    Attributes
    ----------
    kind : what was random, see `MEANING`.
    members : (n, P) which proteins each forest holds.
    """

    kind: Kind
    members: Bools

    @property
    def frequency(self) -> Floats:
        """(P,) share of the forests that hold each protein."""
        return np.asarray(self.members.mean(axis=0))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(n,) number of proteins of each forest."""
        return np.asarray(self.members.sum(axis=1))

    @property
    def p_values(self) -> Floats:
        """(P,) (1 + number of forests that hold the protein) / (1 + n): that of its presence in the interactome."""
        return np.asarray((1 + self.members.sum(axis=0)) / (1 + len(self.members)))


def null_networks(
    network: Network,
    prizes: Floats | Mapping[str, float],
    *,
    kind: Kind = "degree_matched",
    n: int = 100,
    w: float = 1.4,
    b: float = 40.0,
    g: float | None = 0.0,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
    pool: Mapping[str, float] | None = None,
) -> NullNetworks:
    """Draw random diseases and return the forest of each.

    Parameters
    ----------
    prizes : (P,) or gene -> prize, as for the disease itself, not yet scaled by b.
    kind : what is random, see `MEANING`.
    n : number of random diseases.
    w, b, g : as for the disease.
    threads : solves at the same time; the result is the same for any number.
    progress : called with (fraction, note) after every few; may raise to stop.
    pool : gene -> prize of all genes that could have been terminals; ``unmatched`` draws from it.

    Raises
    ------
    UserError
        When there are more terminals than genes to draw from, or ``unmatched`` has no pool.
    """
    own = prizes_of(network, prizes)
    if kind == "unmatched" and pool is None:
        raise UserError("Unmatched random genes need the prizes of all genes.", "Give the whole signature, or choose another null.", "pool")
    shared = network.graph(g)
    listed = sorted(pool.items()) if pool else []
    known = {name: i for i, name in enumerate(network.proteins)}
    order = np.argsort(network.degrees, kind="stable")

    def disease(k: int) -> Bools:
        rng = np.random.default_rng([seed, k])
        if kind in ("rewired", "shuffled"):
            drawn = rewired(network, rng) if kind == "rewired" else shuffled(network, rng)
            return drawn.graph(g).forest(b * own, w).nodes
        if kind == "unmatched":
            values = np.zeros(network.n)
            for i in rng.choice(len(listed), min(len(listed), int((own > 0).sum())), replace=False):
                name, prize = listed[i]
                if name in known:
                    values[known[name]] = abs(prize)
        else:
            values = _moved(own, order, NEAR_RANK if kind == "degree_matched" else network.n, rng)
        return shared.forest(b * values, w).nodes

    return NullNetworks(kind, _gather(disease, n, network.n, threads, progress, f"random diseases ({kind.replace('_', ' ')})"))


def forests(
    graph: WeightedGraph, prizes: Sequence[Floats], *, w: float, b: float, threads: int = 1, progress: Progress | None = None
) -> Bools:
    """Return (n, P) which proteins the forest of each set of prizes holds.

    Parameters
    ----------
    prizes : n arrays (P,), not yet scaled by b.
    threads : solves at the same time; the result is the same for any number.
    """
    return _gather(lambda k: graph.forest(b * prizes[k], w).nodes, len(prizes), graph.n, threads, progress, "forests")


def prizes_of(network: Network, prizes: Floats | Mapping[str, float]) -> Floats:
    """Return (P,) prizes from an array, or from gene -> prize; genes outside the network are left out."""
    if not isinstance(prizes, Mapping):
        return np.asarray(prizes, dtype=float)
    return np.array([prizes.get(name, 0.0) for name in network.proteins])


def rewired(network: Network, rng: np.random.Generator) -> Network:
    """Return a network with the same degrees whose edges have exchanged ends; an edge keeps its cost."""
    from engine.repurposing.steiner.rewire_kernel import swap_ends

    m = len(network.ends)
    ends = network.ends.copy()
    swap_ends(ends, network.n, rng.integers(0, m, (SWAPS_PER_EDGE * m, 2)), rng.integers(0, 2, SWAPS_PER_EDGE * m).astype(bool))
    return Network(network.proteins, np.sort(ends, axis=1), network.costs, network.loops, network.loop_costs)


def shuffled(network: Network, rng: np.random.Generator) -> Network:
    """Return a network whose edges got new first ends: their list is shuffled. Loops go, and of equal edges the cheapest stays."""
    ends = np.sort(np.column_stack([rng.permutation(network.ends[:, 0]), network.ends[:, 1]]), axis=1)
    order = np.lexsort((network.costs, ends[:, 1], ends[:, 0]))
    ends, costs = ends[order], network.costs[order]
    kept = ends[:, 0] != ends[:, 1]
    kept[1:] &= (ends[1:] != ends[:-1]).any(axis=1)
    return Network(network.proteins, ends[kept], costs[kept], network.loops, network.loop_costs)


def _moved(prizes: Floats, order: NDArray[np.intp], near: int, rng: np.random.Generator) -> Floats:
    """Put each prize on a random gene at most ``near`` places away in an order of the genes, no gene twice."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    moved = np.zeros_like(prizes)
    for gene in rng.permutation(np.flatnonzero(prizes > 0)):
        free = order[max(place[gene] - near, 0) : place[gene] + near + 1]
        free = free[moved[free] == 0]
        if not len(free):
            raise UserError(
                "There are more terminals than genes of like degree to draw from.", "Take fewer terminals, or the uniform null.", "prizes"
            )
        moved[free[rng.integers(len(free))]] = prizes[gene]
    return moved


def _gather(solve: Callable[[int], Bools], n: int, width: int, threads: int, progress: Progress | None, note: str) -> Bools:
    """Return the n answers as rows; the compiled loops let go of the interpreter, so that threads run at the same time."""
    members = np.zeros((n, width), dtype=bool)
    with ThreadPoolExecutor(max(threads, 1)) as workers:
        for start in range(0, n, AT_ONCE * threads):
            stop = min(start + AT_ONCE * threads, n)
            for k, row in zip(range(start, stop), workers.map(solve, range(start, stop)), strict=True):
                members[k] = row
            if progress:
                progress(stop / n, f"{note}: {stop} of {n}")
    return members
