"""Parents of a variable among those before it in an order, by growing and shrinking, remembered in a tree of grown sets."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.discovery.knowledge import Knowledge
from engine.discovery.scores import LocalScore
from engine.graphs.bitsets import members


class Grown:
    """One set that growing has reached for one variable, and where growing goes from there.

    Attributes
    ----------
    variable : whose parents are sought.
    members : the grown set, first grown first.
    candidates : variables that would improve it, best first; None until somebody asks.
    children : the grown set with the candidate at the same place added, None where nobody went.
    parents : what shrinking leaves of the set, as bits; -1 until somebody asks.
    score : local score of the variable given these parents.
    """

    __slots__ = ("candidates", "children", "members", "parents", "score", "variable")

    def __init__(self, variable: int, grown: tuple[int, ...]):
        self.variable, self.members = variable, grown
        self.candidates: list[int] | None = None
        self.children: list[Grown | None] = []
        self.parents, self.score = -1, math.nan


class Lookup:
    """A question to the trees: where growing ends for a variable that stands at ``limit`` of an order.

    Parameters
    ----------
    node : where growing has come to.
    limit : variables at places below it are available.
    moved : a variable whose place does not count, -1 for none.
    available : whether the moved variable is available.

    Attributes
    ----------
    next_limit : the smallest larger limit at which growing could end elsewhere.
    """

    __slots__ = ("available", "limit", "moved", "next_limit", "node")

    def __init__(self, node: Grown, limit: float, moved: int = -1, available: bool = False):
        self.node, self.limit, self.moved, self.available = node, limit, moved, available
        self.next_limit = math.inf


class GrowShrinkTrees:
    """The trees of grown sets of all variables.

    Parameters
    ----------
    score : of the variables.
    known : which parents a variable must have and which it cannot have.

    Attributes
    ----------
    mentions : for each variable those in whose tree it is a candidate somewhere; placing it elsewhere changes no others.
    mentioned : for each variable the candidates somewhere in its tree.

    Notes
    -----
    Growing adds the candidate that improves the score most until none improves it; shrinking then drops the parent whose loss improves the
    score most until none does. Both depend on the set of available variables only through the candidates on the way, so the way for another
    set of available variables is found by walking the tree: from each grown set to its best available candidate (Andrews et al. 2023).
    The same set grown in another sequence is the same node. New nodes are made in batches, since one batch of residual covariances costs
    little more than one of its members. A node keeps the list of its candidates only, so memory goes with the sparsity of the data.
    """

    def __init__(self, score: LocalScore, known: Knowledge | None = None):
        self.score, self.p, self.known = score, score.p, known or None
        self.mentions: list[set[int]] = [set() for _ in range(self.p)]
        self.mentioned: list[set[int]] = [set() for _ in range(self.p)]
        self._known: list[dict[int, Grown]] = [{} for _ in range(self.p)]
        self.roots = [Grown(variable, tuple(members(known.must[variable])) if known else ()) for variable in range(self.p)]
        self._expand(self.roots)

    def parents_in(self, order: Sequence[int]) -> list[Grown]:
        """Return for each variable where growing ends when those before it in the order are available, all scored."""
        position = [0] * self.p
        for place, variable in enumerate(order):
            position[variable] = place
        lookups = [Lookup(self.roots[variable], position[variable]) for variable in range(self.p)]
        self.answer(lookups, position)
        found = [lookup.node for lookup in lookups]
        self.settle(found)
        return found

    def answer(self, lookups: Iterable[Lookup], position: Sequence[float]) -> None:
        """Walk each look-up to its end, making the nodes that are missing; ``position`` (p,) places of the variables."""
        waiting = list(lookups)
        while waiting:
            waiting = [lookup for lookup in waiting if not self._walk(lookup, position)]
            self._expand({id(lookup.node): lookup.node for lookup in waiting}.values())

    def settle(self, nodes: Iterable[Grown]) -> None:
        """Shrink and score those nodes that are not yet."""
        waiting = [(node, node.members) for node in {id(node): node for node in nodes if node.parents < 0}.values()]
        while waiting:
            by_size: dict[int, list[tuple[Grown, tuple[int, ...]]]] = {}
            for entry in waiting:
                by_size.setdefault(len(entry[1]), []).append(entry)
            waiting = []
            for entries in by_size.values():
                targets = np.array([node.variable for node, _ in entries])
                table = _table([kept for _, kept in entries])
                fit = self.score.fit(targets, table)
                dropped = np.where(self.known.required[table, targets[:, None]], -math.inf, fit.dropped) if self.known else fit.dropped
                worst = dropped.argmax(axis=1).tolist() if dropped.shape[1] else [0] * len(entries)
                gains = dropped.max(axis=1, initial=-math.inf).tolist()
                for (node, kept), score, place, gain in zip(entries, fit.score.tolist(), worst, gains, strict=True):
                    if gain > self.score.tolerance:
                        waiting.append((node, kept[:place] + kept[place + 1 :]))
                    else:
                        node.score, node.parents = score, sum(1 << k for k in kept)

    def _walk(self, lookup: Lookup, position: Sequence[float]) -> bool:
        """Go from grown set to grown set as far as the tree reaches; return whether growing ended there."""
        node, limit, moved, available = lookup.node, lookup.limit, lookup.moved, lookup.available
        following = lookup.next_limit
        while node.candidates is not None:
            for place, k in enumerate(node.candidates):  # noqa: B007  where the loop ends is used
                if k == moved:
                    if available:
                        break
                elif position[k] < limit:
                    break
                elif position[k] < following:
                    following = position[k]
            else:
                lookup.node, lookup.next_limit = node, following
                return True
            node = node.children[place] or self._grow(node, place)
        lookup.node, lookup.next_limit = node, following
        return False

    def _grow(self, node: Grown, place: int) -> Grown:
        assert node.candidates is not None
        grown = (*node.members, node.candidates[place])
        known, key = self._known[node.variable], sum(1 << k for k in grown)
        child = known.get(key)
        if child is None:
            child = known[key] = Grown(node.variable, grown)
        node.children[place] = child
        return child

    def _expand(self, nodes: Iterable[Grown]) -> None:
        """Find the candidates of new nodes, in one batch for each size."""
        by_size: dict[int, list[Grown]] = {}
        for node in nodes:
            by_size.setdefault(len(node.members), []).append(node)
        for alike in by_size.values():
            targets = np.array([node.variable for node in alike])
            row, candidate, _ = self.score.improving(targets, _table([node.members for node in alike]))
            if self.known:
                possible = ~self.known.forbidden[candidate, targets[row]]
                row, candidate = row[possible], candidate[possible]
            ends = np.searchsorted(row, np.arange(len(alike) + 1)).tolist()
            every = candidate.tolist()
            for node, start, end in zip(alike, ends[:-1], ends[1:], strict=True):
                node.candidates = every[start:end]
                node.children = [None] * (end - start)
                self.mentioned[node.variable].update(node.candidates)
                for k in node.candidates:
                    self.mentions[k].add(node.variable)


def _table(sets: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
    return np.array(sets, dtype=np.int64).reshape(len(sets), -1)
