"""An order of the variables, what its graph scores, and the moves that improve it."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core import Context
from engine.discovery.grow_shrink import Grown, GrowShrinkTrees, Lookup
from engine.graphs.bitsets import members, relation

TOGETHER = 64  # variables whose look-ups are made together, so that new grown sets come in large batches


@dataclass(frozen=True)
class Move:
    """Another order for a stretch of the variables, and what it does to the score.

    Attributes
    ----------
    gain : change of the score.
    start : place of the first variable of the stretch.
    stretch : these variables in their new order.
    ends : the grow-shrink results that change.
    """

    gain: float
    start: int
    stretch: list[int]
    ends: list[Grown]


class OrderWalk:
    """A walk over orders; every step looks up only the variables that can tell the difference.

    Parameters
    ----------
    trees : grow-shrink trees of the score.
    order : (p,) variables, first to last.

    Attributes
    ----------
    position : (p,) place of each variable.
    ends : (p,) for each variable its parents and score in this order.
    key : a number that names the graph of the order.

    Notes
    -----
    Where a variable stands matters to another only if it is a candidate in the other's tree. In sparse data these are few, and between two
    places of variables that matter the score is constant, so that the best of all p places of a variable takes a few dozen look-ups.
    """

    def __init__(self, trees: GrowShrinkTrees, order: Sequence[int]):
        self.trees, self.order = trees, list(order)
        self.position: list[float] = [0] * trees.p
        self._number(0, trees.p)
        self.ends = trees.parents_in(self.order)
        self.key = 0
        for end in self.ends:
            self.key ^= hash((end.variable, end.parents))

    @property
    def score(self) -> float:
        """Score of the order."""
        return math.fsum(end.score for end in self.ends)

    @property
    def arrows(self) -> NDArray[np.bool_]:
        """(p, p) arrows from the parents of each variable."""
        return relation([end.parents for end in self.ends]).T

    # -- moves of one variable -------------------------------------------------------------------------------------

    def improve(self, rng: np.random.Generator, context: Context, variables: Iterable[int] | None = None) -> set[int]:
        """Move each variable to its best place until no move improves the score; return the variables whose surroundings changed.

        Parameters
        ----------
        variables : those to begin with, all if not given; others follow when a move has changed what their places are worth.
        """
        dirty = set(range(self.trees.p) if variables is None else variables)
        changed: set[int] = set()
        while dirty:
            turn = rng.permutation(sorted(dirty)).tolist()
            for start in range(0, len(turn), TOGETHER):
                context.check()
                block = turn[start : start + TOGETHER]
                self._prepare(block)
                for variable in block:
                    dirty.discard(variable)
                    move = self.best_place(variable)
                    if move:
                        touched = self.make(move, (variable,))
                        dirty |= touched
                        changed |= touched
                        dirty.discard(variable)
        return changed

    def best_place(self, variable: int) -> Move | None:
        """Return the move of one variable to its best place, None if it stands there.

        Notes
        -----
        With the variable at place x the score is its own score given those before x, plus for each other the score with it available if the
        other stands at x or later, without it otherwise.
        """
        here, ends = int(self.position[variable]), self.ends
        others = self._turned(variable)
        steps = self._staircases([variable])
        self.trees.answer(others, self.position)
        turned = [(int(other.limit), other.node) for other in others if other.node is not ends[other.node.variable]]
        first, last = self._room(variable)
        self.trees.settle([step.node for step in steps] + [node for _, node in turned])
        limits = [int(step.limit) for step in steps]
        places = {*limits, *(place + 1 for place, _ in turned)}
        deltas = [(place, node.score - ends[node.variable].score) for place, node in turned]
        best, gain = here, self.trees.score.tolerance
        for x in sorted(places):
            value = steps[bisect_right(limits, x) - 1].node.score - ends[variable].score
            for place, delta in deltas:
                if x <= place < here or here < place < x:
                    value += delta
            if value > gain and first <= x <= last:
                best, gain = x, value
        if best == here:
            return None
        changed = [node for place, node in turned if best <= place < here or here < place < best]
        changed.append(steps[bisect_right(limits, best) - 1].node)
        if best < here:
            return Move(gain, best, [variable, *self.order[best:here]], changed)
        return Move(gain, here, [*self.order[here + 1 : best], variable], changed)

    # -- tucks -----------------------------------------------------------------------------------------------------

    def tuck(self, i: int, j: int) -> tuple[Move, list[int]]:
        """Return the move that puts j, and its ancestors behind i, in front of i, and the variables moved forward.

        Parameters
        ----------
        i, j : an arrow i -> j of the graph of this order. Where required arrows lead from i to one of the others the move is worth minus
            infinity.
        """
        position, ends = self.position, self.ends
        first, last = int(position[i]), int(position[j])
        forward = sorted(self._ancestors_behind(j, first), key=position.__getitem__)
        if self.trees.known is not None and any(i in self.trees.known.causes[k] for k in forward):
            return Move(-math.inf, first, [], []), forward
        moved = set(forward)
        stretch = forward + [k for k in self.order[first : last + 1] if k not in moved]
        before = [position[k] for k in forward]
        for n, k in enumerate(forward):
            position[k] = first - 1 + (n + 1) / (len(forward) + 1)
        lookups = [Lookup(self.trees.roots[k], position[k]) for k in forward]
        passed = {k for m, place in zip(forward, before, strict=True) for k in self.trees.mentions[m] if first <= position[k] < place}
        lookups += [Lookup(self.trees.roots[k], position[k]) for k in passed - moved]
        self.trees.answer(lookups, position)
        for k, place in zip(forward, before, strict=True):
            position[k] = place
        changed = [lookup.node for lookup in lookups if lookup.node is not ends[lookup.node.variable]]
        self.trees.settle(changed)
        gain = math.fsum(node.score - ends[node.variable].score for node in changed)
        return Move(gain, first, stretch, changed), forward

    def is_ancestor(self, i: int, j: int) -> bool:
        """Return whether there is a directed path from i to j, or they are the same."""
        return i in self._ancestors_behind(j, self.position[i] - 1)

    def improve_by_tucks(self, rng: np.random.Generator, context: Context) -> None:
        """Make best moves and improving tucks until neither improves the score."""
        dirty = set(range(self.trees.p))
        while dirty:
            context.check()
            j = sorted(dirty)[int(rng.integers(len(dirty)))] if len(dirty) < self.trees.p else int(rng.integers(self.trees.p))
            dirty.discard(j)
            for i in members(self.ends[j].parents):
                move, forward = self.tuck(i, j)
                if move.gain > self.trees.score.tolerance:
                    touched = self.make(move, forward)
                    dirty |= touched | self.improve(rng, context, touched)
                    break

    def make(self, move: Move, moved: Iterable[int]) -> set[int]:
        """Make a move; return the variables whose best places or tucks it may have changed.

        Parameters
        ----------
        moved : the variables that pass others.
        """
        touched: set[int] = set()
        for variable in moved:
            touched |= self.trees.mentions[variable] | self.trees.mentioned[variable] | {variable}
        for end in move.ends:
            self.key ^= hash((end.variable, end.parents)) ^ hash((end.variable, self.ends[end.variable].parents))
            self.ends[end.variable] = end
            touched |= self.trees.mentioned[end.variable]
        self.order[move.start : move.start + len(move.stretch)] = move.stretch
        self._number(move.start, move.start + len(move.stretch))
        return touched

    def undo_of(self, move: Move) -> Move:
        """Return the move that takes back a move, asked before it is made."""
        stretch = self.order[move.start : move.start + len(move.stretch)]
        return Move(-move.gain, move.start, stretch, [self.ends[end.variable] for end in move.ends])

    # -- inside ----------------------------------------------------------------------------------------------------

    def _room(self, variable: int) -> tuple[float, float]:
        """Return the first and the last place that required arrows leave to a variable."""
        known = self.trees.known
        if known is None:
            return 0, math.inf
        first = max((self.position[k] + 1 for k in known.causes[variable]), default=0)
        return first, min((self.position[k] for k in known.effects[variable]), default=math.inf)

    def _prepare(self, variables: Sequence[int]) -> None:
        """Make the grown sets that the best places of several variables will ask for, in common batches."""
        others = [lookup for variable in variables for lookup in self._turned(variable)]
        self.trees.answer(others, self.position)
        steps = self._staircases(variables)
        self.trees.settle([lookup.node for lookup in others + steps])

    def _turned(self, variable: int) -> list[Lookup]:
        """Ask each variable that may care what it would be if this one changed to its other side."""
        position, roots = self.position, self.trees.roots
        here = position[variable]
        return [Lookup(roots[j], position[j], variable, position[j] < here) for j in self.trees.mentions[variable]]

    def _staircases(self, variables: Sequence[int]) -> list[Lookup]:
        """Look up variables at every place where what is before them makes a difference, each from the first place to the last."""
        found = []
        running = [Lookup(self.trees.roots[variable], 0) for variable in variables]
        while running:
            self.trees.answer(running, self.position)
            found += running
            running = [Lookup(self.trees.roots[step.node.variable], step.next_limit + 1) for step in running if step.next_limit < math.inf]
        return found

    def _ancestors_behind(self, j: int, place: float) -> set[int]:
        """Return j and its ancestors behind a place."""
        found, waiting = {j}, [j]
        while waiting:
            for k in members(self.ends[waiting.pop()].parents):
                if k not in found and self.position[k] > place:
                    found.add(k)
                    waiting.append(k)
        return found

    def _number(self, start: int, end: int) -> None:
        for place in range(start, end):
            self.position[self.order[place]] = place
