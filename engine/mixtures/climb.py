"""Hill climbing over DAGs: the best arrow to add, delete or reverse, until none improves the score."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.graphs.bitsets import members
from engine.graphs.separation import ancestor_sets
from engine.mixtures.moments import Floats
from engine.mixtures.scores import LocalScores

MOST_PARENTS = 6


def climb(
    scores: LocalScores, start: Sequence[int] | None = None, most_parents: int = MOST_PARENTS, check: Callable[[], None] = lambda: None
) -> tuple[int, ...]:
    """Return the DAG that single changes of one arrow lead to.

    Parameters
    ----------
    start : for each node its parents as bits; the empty DAG if not given.
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
        change, i, j = _best_move(gain, parents)
        if not change:
            return tuple(parents)
        parents[j] ^= 1 << i
        if change == "reverse":
            parents[i] |= 1 << j
        gain.update((i, j) if change == "reverse" else (j,), parents)


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


def _best_move(gain: Gains, parents: Sequence[int]) -> tuple[str, int, int]:
    p = len(parents)
    above = bits_to_matrix(ancestor_sets(list(parents)), p).T  # above[i, j]: i is j or an ancestor of j
    arrows = bits_to_matrix(parents, p).T
    around = (above.astype(np.float32) - np.eye(p, dtype=np.float32)) @ arrows > 0  # a path of two arrows or more
    moves: dict[str, Floats] = {
        "add": np.where(above.T, -np.inf, gain.add),
        "drop": gain.drop,
        "reverse": np.where(arrows & ~around, gain.drop + gain.add.T, -np.inf),
    }
    best, change, at = gain.scores.tolerance, "", 0
    for name, worth in moves.items():
        place = int(worth.argmax())
        if worth.flat[place] > best:
            best, change, at = float(worth.flat[place]), name, place
    return change, at // p, at % p


def bits_to_matrix(sets: Sequence[int], p: int) -> NDArray[np.bool_]:
    """Return (p, p) whether j is a member of set i."""
    width = (p + 7) // 8
    packed = np.frombuffer(b"".join(nodes.to_bytes(width, "little") for nodes in sets), np.uint8).reshape(len(sets), width)
    return np.unpackbits(packed, axis=1, count=p, bitorder="little").astype(bool)
