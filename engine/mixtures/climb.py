"""Hill climbing over DAGs: the best arrow to add, delete or reverse, until none improves the score."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from engine.graphs.bitsets import members, relation
from engine.graphs.separation import ancestor_sets
from engine.mixtures.moments import Floats
from engine.mixtures.scores import LocalScores

MOST_PARENTS = 6
EQUAL = 0.01  # log units: scores that differ by less are those of one equivalence class, but for rounding
LEAST_BEHIND = 0.1  # log units that a change behind equal ones must bring, more than these can lose


def climb(
    scores: LocalScores, start: Sequence[int] | None = None, most_parents: int = MOST_PARENTS, depth: int = 0,
    check: Callable[[], None] = lambda: None,
) -> tuple[int, ...]:  # fmt: skip
    """Return the DAG that single changes of one arrow lead to.

    Parameters
    ----------
    start : for each node its parents as bits; the empty DAG if not given.
    depth : how many reversals that change nothing in the score to look ahead where no change improves it.
    check : called before each move; may raise.

    Returns
    -------
    The parents of each node as bits. No arrow that may be added, deleted or reversed without a cycle improves the score.
    """
    p = scores.p
    parents = [0] * p if start is None else list(start)
    gain = Gains(scores, most_parents)
    gain.update(range(p), parents)
    while True:
        check()
        move = _best_move(gain, parents, scores.tolerance)
        if move is not None:
            _make(gain, parents, move)
        elif not (depth and _look_ahead(gain, parents, depth, range(p))):
            return tuple(parents)


class Move(NamedTuple):
    """One change of an arrow i -> j."""

    change: str
    i: int
    j: int


class Gains:
    """What each change of one arrow i -> j is worth: ``add`` and ``drop`` (p, p), -inf where there is nothing to change."""

    def __init__(self, scores: LocalScores, most_parents: int):
        self.scores, self.most_parents = scores, most_parents
        self.add, self.drop = np.full((2, scores.p, scores.p), -np.inf)

    def update(self, nodes: Sequence[int], parents: Sequence[int]) -> None:
        """Score anew the changes of the parents of these nodes."""
        by_size: dict[int, list[int]] = {}
        for node in nodes:
            by_size.setdefault(parents[node].bit_count(), []).append(node)
        for size, batch in by_size.items():
            targets = np.array(batch)
            chosen = np.array([list(members(parents[node])) for node in batch], np.int64).reshape(len(batch), size)
            found = self.scores.changes(targets, chosen)
            self.add[:, targets] = (found.added - found.now[:, None]).T if size < self.most_parents else -np.inf
            self.drop[:, targets] = -np.inf
            self.drop[chosen.T, targets] = (found.dropped - found.now[:, None]).T


def _best_move(gain: Gains, parents: Sequence[int], least: float) -> Move | None:
    """Return the change that improves the score most, if by more than ``least``."""
    best, found = least, None
    for change, worth in _moves(gain, parents).items():
        place = int(worth.argmax())
        if worth.flat[place] > best:
            best, found = float(worth.flat[place]), Move(change, *divmod(place, len(parents)))
    return found


def _moves(gain: Gains, parents: Sequence[int]) -> dict[str, Floats]:
    """Return what each change of an arrow i -> j is worth (p, p); -inf where it would make a cycle."""
    p = len(parents)
    above = relation(ancestor_sets(list(parents))).T  # above[i, j]: i is j or an ancestor of j
    arrows = relation(parents).T
    around = (above.astype(np.float32) - np.eye(p, dtype=np.float32)) @ arrows > 0  # a path of two arrows or more
    return {
        "add": np.where(above.T, -np.inf, gain.add),
        "drop": gain.drop,
        "reverse": np.where(arrows & ~around, gain.drop + gain.add.T, -np.inf),
    }


def _make(gain: Gains, parents: list[int], move: Move) -> None:
    parents[move.j] ^= 1 << move.i
    if move.change == "reverse":
        parents[move.i] |= 1 << move.j
    gain.update((move.i, move.j) if move.change == "reverse" else (move.j,), parents)


def _look_ahead(gain: Gains, parents: list[int], depth: int, near: Iterable[int]) -> bool:
    """Make the first sequence of reversals worth nothing, each at a node of the last, behind which some change improves the score."""
    worth = _moves(gain, parents)["reverse"]
    beside = set(near)
    for i, j in np.argwhere(np.abs(worth) < EQUAL).tolist():
        if i not in beside and j not in beside:
            continue
        kept = gain.add[:, [i, j]], gain.drop[:, [i, j]], parents[i], parents[j]
        _make(gain, parents, Move("reverse", i, j))
        if _best_move(gain, parents, LEAST_BEHIND) is not None or (depth > 1 and _look_ahead(gain, parents, depth - 1, (i, j))):
            return True
        gain.add[:, [i, j]], gain.drop[:, [i, j]], parents[i], parents[j] = kept
    return False
