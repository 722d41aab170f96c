"""A network of protein interactions with the cost of each: read, checked, and laid out for the solver."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.core.nearest import plain
from engine.repurposing.columns import COST, FIRST, SECOND, column_of, numbers, shown
from engine.repurposing.expression.identifiers import symbols
from engine.repurposing.steiner.pcst import WeightedGraph

CONFIDENCE = ("score", "confidence", "combinedscore", "miscore")  # a column of such a name says that high is good
HUB_RICH = 0.05  # rank correlation of weights with the degrees of both ends, from which a high weight seems to mean a sure edge
FAR_FROM_CHANCE = 4.0  # standard errors that this correlation must be above zero too
LEAST_COST = 1e-3  # of an edge whose confidence is complete

Weights = Literal["detect", "cost", "confidence"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """Proteins and what joining two of them costs.

    Attributes
    ----------
    proteins : P symbols, sorted.
    ends : (m, 2) numbers of the proteins of each edge, the smaller first, sorted; no self loops.
    costs : (m,) positive costs without hub penalty.
    loops : numbers of the proteins that interact with themselves; they never help a forest.
    loop_costs : their costs.
    """

    proteins: tuple[str, ...]
    ends: NDArray[np.int64]
    costs: Floats
    loops: NDArray[np.int64]
    loop_costs: Floats

    @property
    def n(self) -> int:
        """Number of proteins, P."""
        return len(self.proteins)

    @property
    def degrees(self) -> NDArray[np.int64]:
        """(P,) number of edge ends at each protein; a self loop has two."""
        return np.bincount(self.ends.ravel(), minlength=self.n) + 2 * np.bincount(self.loops, minlength=self.n)

    def numbers(self, proteins: Iterable[str]) -> NDArray[np.int64]:
        """Return the numbers of proteins by symbol; an unknown one is a `KeyError`."""
        place = {name: i for i, name in enumerate(self.proteins)}
        return np.array([place[name] for name in proteins], dtype=np.int64)

    def penalised(self, g: float | None) -> Floats:
        """Return the (m,) costs with the hub penalty 10^g d_u d_v / ((P - d_u - 1)(P - d_v - 1) + d_u d_v); None is no penalty."""
        if g is None:
            return self.costs
        d = self.degrees.astype(float)
        u, v = self.ends.T
        both = d[u] * d[v]
        # a hub with loops may have more ends than there are proteins
        apart = np.maximum(self.n - d - 1.0, 0.0)
        return np.asarray(self.costs + 10.0**g * both / (apart[u] * apart[v] + both))

    def graph(self, g: float | None) -> WeightedGraph:
        """Return the network laid out for solves with a hub penalty."""
        return WeightedGraph(self.n, self.ends, self.penalised(g))

    def pieces(self) -> NDArray[np.int64]:
        """Return the (P,) number of the connected piece of each protein."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        links = csr_array((np.ones(len(self.ends)), tuple(self.ends.T)), shape=(self.n, self.n))
        return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)

    def within(self, chosen: NDArray[np.bool_]) -> pd.DataFrame:
        """Return all edges among some proteins, self loops too: ``protein1``, ``protein2``, ``cost``."""
        inside, loops = chosen[self.ends].all(axis=1), chosen[self.loops]
        ends = np.concatenate([self.ends[inside], np.repeat(self.loops[loops, None], 2, axis=1)])
        return self._frame(ends, np.concatenate([self.costs[inside], self.loop_costs[loops]]))

    def edges(self, numbers: NDArray[np.int64]) -> pd.DataFrame:
        """Return edges by number: ``protein1``, ``protein2``, ``cost``."""
        return self._frame(self.ends[numbers], self.costs[numbers])

    def _frame(self, ends: NDArray[np.int64], costs: Floats) -> pd.DataFrame:
        names = np.array(self.proteins, dtype=object)
        order = np.lexsort((ends[:, 1], ends[:, 0]))
        return pd.DataFrame({"protein1": names[ends[order, 0]], "protein2": names[ends[order, 1]], "cost": costs[order]})


def network_of(frame: pd.DataFrame, weights: Weights = "detect") -> tuple[Network, tuple[str, ...]]:
    """Read a network from a table with a row per edge, and say what was found.

    Parameters
    ----------
    frame : ``protein1``, ``protein2``, ``cost`` under these or other usual names; symbols in any case.
    weights : whether a high number makes an edge costly or sure; ``detect`` takes costs and asks where the numbers look like confidence.

    Raises
    ------
    UserError
        When a column is missing, a cost is missing, zero or negative, or the numbers look like confidence.
    """
    first, second, cost = (column_of(frame, names, names[0], "the network", "network") for names in (FIRST, SECOND, COST))
    values = numbers(frame[cost])
    codes, seen = pd.factorize(np.concatenate([frame[first].astype(object), frame[second].astype(object)]))
    upper = np.array([*symbols(seen), ""], dtype=object)  # a missing name has the code -1
    names = upper[codes].reshape(2, -1)
    blank = (names == "").any(axis=0)
    said = [f"{blank.sum():,} rows of the network lack a protein and are left out."] if blank.any() else []
    _check(values, blank, names, frame[cost], weights)
    proteins = tuple(sorted(set(names[:, ~blank].ravel())))
    place = {name: i for i, name in enumerate(proteins)} | {"": -1}
    ends = np.array([place.get(name, -1) for name in upper], dtype=np.int64)[codes].reshape(2, -1).T[~blank]
    ends, values = np.sort(ends, axis=1), values[~blank]
    if weights == "confidence":
        top = next((scale for scale in (1.0, 1000.0) if values.max() <= scale), values.max())
        values = np.maximum(1.0 - values / top, LEAST_COST)
        said.append(f"Costs are 1 - {cost} / {top:g}, at least {LEAST_COST:g}.")
    order = np.lexsort((values, ends[:, 1], ends[:, 0]))
    ends, values = ends[order], values[order]
    is_new = np.ones(len(ends), dtype=bool)
    is_new[1:] = (ends[1:] != ends[:-1]).any(axis=1)
    if not is_new.all():
        said.append(f"{(~is_new).sum():,} edges of the network stand in more than one row; the cheapest is kept.")
    ends, values = ends[is_new], values[is_new]
    loop = ends[:, 0] == ends[:, 1]
    if loop.any():
        said.append(f"{loop.sum():,} proteins interact with themselves; that joins nothing, but it is listed among the edges.")
    network = Network(proteins, ends[~loop], values[~loop], ends[loop, 0], values[loop])
    if weights == "detect" and _is_hub_rich(network, plain(cost) in CONFIDENCE):
        raise UserError(
            f"Column {cost} of the network looks like a confidence, not a cost: high values {_reason(plain(cost) in CONFIDENCE)}.",
            "Say whether high numbers are costly or sure edges (parameter weights: cost or confidence).",
            "weights",
        )
    pieces = np.bincount(network.pieces())
    if len(pieces) > 1:
        others = f"{len(pieces):,} pieces without a link between them"
        said.append(f"The network falls into {others}; the largest has {pieces.max():,} of {network.n:,} proteins.")
    return network, tuple(said)


def _check(values: Floats, blank: NDArray[np.bool_], names: NDArray[np.object_], given: "pd.Series[float]", weights: Weights) -> None:
    """Refuse costs that are missing, and those that are zero or negative; confidences may be zero."""
    if blank.all():
        raise UserError("The network has no edges.", "Give one row per edge: protein1, protein2, cost.", "network")
    low = values < 0 if weights == "confidence" else values <= 0
    for wrong, what in ((~np.isfinite(values), "is not a number"), (low, "is negative" if weights == "confidence" else "is not positive")):
        rows = np.flatnonzero(wrong & ~blank)
        if len(rows):
            row = rows[0]
            more = f" ({len(rows):,} rows in all)" if len(rows) > 1 else ""
            raise UserError(
                f"The {given.name} of {names[0, row]} and {names[1, row]} in row {row + 1:,} of the network {what}: "
                f"{shown(given.iloc[row])}{more}.",
                "Give every edge a cost above 0, such as 1 - confidence + 0.001.",
                str(given.name),
            )


def _is_hub_rich(network: Network, is_named_so: bool) -> bool:
    """Say whether weights look like confidence: by the column's name unless they speak against it, or since hubs have the high ones."""
    if is_named_so:
        return True
    if len(network.costs) < 3 or network.costs.min() == network.costs.max():
        return False
    degrees = network.degrees
    ranks = pd.DataFrame({"weight": network.costs, "hub": np.log(degrees[network.ends]).sum(axis=1)}).rank()
    if ranks["hub"].nunique() == 1:
        return False
    return bool(ranks["weight"].corr(ranks["hub"]) > max(HUB_RICH, FAR_FROM_CHANCE / np.sqrt(len(ranks))))


def _reason(is_named_so: bool) -> str:
    return "are called so" if is_named_so else "are those of hubs, and much studied proteins have the surest edges"
