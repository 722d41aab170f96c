"""The orientation rules of FCI: which marks follow from the skeleton and the colliders."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from engine.graphs.bitsets import members, rows
from engine.graphs.graph import Mark, Marks

IsCollider = Callable[[int, int, int], bool]
IsNonCollider = Callable[[tuple[int, ...]], bool | None]


class Reason(NamedTuple):
    """Why a mark was set: the rule, and the nodes it looked at."""

    rule: str
    nodes: tuple[int, ...]


class Orientation:
    """A partly oriented graph on its way to a PAG.

    Parameters
    ----------
    marks : (p, p) marks to start from; only circles are ever replaced.

    Attributes
    ----------
    reasons : (i, j) -> why the mark at j on the edge between i and j is no longer a circle.
    conflicts : (i, j, mark wanted, reason) for each rule that wanted another mark than the one already there; the first mark stays.

    Notes
    -----
    Rules R0 to R10 as numbered by Zhang 2008 ("On the completeness of orientation rules for causal discovery in the presence of latent
    confounders and selection bias"). Each is a few set operations per circle; R4 finds a shortest discriminating path breadth-first.
    """

    def __init__(self, marks: Marks):
        self.p = len(marks)
        self.joined = rows(marks != Mark.NONE)
        # near[m][i]: nodes j with mark m at i on the edge i, j; far[m][i]: with mark m at j
        self.near = {mark: rows((marks == mark).T) for mark in (Mark.CIRCLE, Mark.ARROW, Mark.TAIL)}
        self.far = {mark: rows(marks == mark) for mark in (Mark.CIRCLE, Mark.ARROW, Mark.TAIL)}
        self.reasons: dict[tuple[int, int], Reason] = {}
        self.conflicts: list[tuple[int, int, Mark, Reason]] = []
        self._changes = 0

    @property
    def marks(self) -> Marks:
        """The (p, p) marks as they are now."""
        found = np.zeros((self.p, self.p), np.uint8)
        for mark, sets in self.far.items():
            for i in range(self.p):
                found[i, list(members(sets[i]))] = mark
        return found

    def mark(self, i: int, j: int) -> Mark:
        """Return the mark at j on the edge between i and j."""
        return next((mark for mark, sets in self.far.items() if sets[i] >> j & 1), Mark.NONE)

    def put(self, i: int, j: int, mark: Mark, rule: str, nodes: tuple[int, ...]) -> None:
        """Replace the circle at j on the edge between i and j; another mark already there is kept and noted as a conflict."""
        if self.far[mark][i] >> j & 1:
            return
        reason = Reason(rule, nodes)
        if not self.far[Mark.CIRCLE][i] >> j & 1:
            if self.joined[i] >> j & 1 and (i, j, mark, reason) not in self.conflicts:
                self.conflicts.append((i, j, mark, reason))
            return
        self.far[Mark.CIRCLE][i] ^= 1 << j
        self.near[Mark.CIRCLE][j] ^= 1 << i
        self.far[mark][i] |= 1 << j
        self.near[mark][j] |= 1 << i
        self.reasons[i, j] = reason
        self._changes += 1

    def remove(self, i: int, j: int) -> None:
        """Take the edge between i and j away, as RFCI does when a test inside a rule finds an independence."""
        for sets in (self.joined, *self.near.values(), *self.far.values()):
            sets[i] &= ~(1 << j)
            sets[j] &= ~(1 << i)
        self._changes += 1

    def colliders(self, is_collider: IsCollider) -> None:
        """Rule R0: put arrowheads at k for every unshielded triple i, k, j with i < j of which ``is_collider(i, k, j)`` is true."""
        for k in range(self.p):
            for i in members(self.joined[k]):
                for j in members(self.joined[k] & ~self.joined[i] & ~((2 << i) - 1)):
                    if is_collider(i, k, j):
                        self.put(i, k, Mark.ARROW, "R0", (i, k, j))
                        self.put(j, k, Mark.ARROW, "R0", (i, k, j))

    def close(self, is_noncollider: IsNonCollider, selection: bool = False) -> None:
        """Apply the rules until nothing changes.

        Parameters
        ----------
        is_noncollider : asked by R4 with a discriminating path d, ..., a, b, c; True when b is a non-collider (b is in the separating set
            of d and c), False when it is a collider, None to leave it open. It may call `remove`.
        selection : whether selection bias is allowed for; without it R5 to R7 do not apply.
        """
        undirected = (self._r5, self._r6, self._r7) if selection else ()
        stages = ((self._r1, self._r2, self._r3), (lambda: self._r4(is_noncollider),), undirected, (self._r8, self._r9, self._r10))
        stage = 0
        while stage < len(stages):
            before = self._changes
            for rule in stages[stage]:
                rule()
            stage = stage + 1 if self._changes == before else 0

    # -- sets of nodes -----------------------------------------------------------------------------------------------

    def parents(self, i: int) -> int:
        """Return the nodes with an arrow into i."""
        return self.near[Mark.ARROW][i] & self.far[Mark.TAIL][i]

    def children(self, i: int) -> int:
        """Return the nodes that i has an arrow into."""
        return self.near[Mark.TAIL][i] & self.far[Mark.ARROW][i]

    def _onwards(self, i: int) -> int:
        """Return the nodes that a potentially directed path may go to from i: no arrowhead at i, no tail there."""
        return self.joined[i] & ~self.near[Mark.ARROW][i] & ~self.far[Mark.TAIL][i]

    # -- arrowheads --------------------------------------------------------------------------------------------------

    def _r1(self) -> None:
        """R1: a *-> b o-* c, a and c not adjacent: b -> c."""
        for b in range(self.p):
            for c in members(self.near[Mark.CIRCLE][b] if self.near[Mark.ARROW][b] else 0):
                for a in members(self.near[Mark.ARROW][b] & ~self.joined[c] & ~(1 << c)):
                    self.put(c, b, Mark.TAIL, "R1", (a, b, c))
                    self.put(b, c, Mark.ARROW, "R1", (a, b, c))
                    break

    def _r2(self) -> None:
        """R2: a -> b *-> c or a *-> b -> c, and a *-o c: a *-> c."""
        for c in range(self.p):
            for a in members(self.near[Mark.CIRCLE][c]):
                between = self.children(a) & self.near[Mark.ARROW][c] | self.far[Mark.ARROW][a] & self.parents(c)
                for b in members(between):
                    self.put(a, c, Mark.ARROW, "R2", (a, b, c))
                    break

    def _r3(self) -> None:
        """R3: a *-> b <-* c, a *-o d o-* c, a and c not adjacent, d *-o b: d *-> b."""
        for b in range(self.p):
            for d in members(self.near[Mark.CIRCLE][b]):
                both = self.near[Mark.ARROW][b] & self.near[Mark.CIRCLE][d]
                for a in members(both):
                    for c in members(both & ~self.joined[a] & ~(1 << a)):
                        self.put(d, b, Mark.ARROW, "R3", (a, b, c, d))
                        break

    def _r4(self, is_noncollider: IsNonCollider) -> None:
        """R4: path d, ..., a, b, c discriminating for b, and b o-* c: b -> c if b is a non-collider, else a <-> b <-> c."""
        for b in range(self.p):
            for c in members(self.near[Mark.CIRCLE][b]):
                path = self.discriminating_path(b, c) if self.near[Mark.CIRCLE][b] >> c & 1 else None
                noncollider = is_noncollider(path) if path else None
                if path is None or noncollider is None:
                    continue
                if noncollider:
                    self.put(c, b, Mark.TAIL, "R4", path)
                    self.put(b, c, Mark.ARROW, "R4", path)
                else:
                    self.put(path[-3], b, Mark.ARROW, "R4", path)
                    self.put(c, b, Mark.ARROW, "R4", path)
                    self.put(b, c, Mark.ARROW, "R4", path)

    def discriminating_path(self, b: int, c: int) -> tuple[int, ...] | None:
        """Return a shortest path d, ..., a, b, c that is discriminating for b, or None.

        All nodes between d and b are colliders on it and parents of c; d is not adjacent to c.
        """
        parents, outside = self.parents(c), ~self.joined[c] & ~(1 << c)
        start = self.near[Mark.ARROW]
        came_from = dict.fromkeys(members(self.far[Mark.ARROW][b] & parents & ~(1 << b)), b)
        queue = list(came_from)
        for v in queue:
            for d in members(start[v] & outside):
                path = [d, v]
                while path[-1] != b:
                    path.append(came_from[path[-1]])
                return (*path, c)
            for u in members(start[v] & self.far[Mark.ARROW][v] & parents & ~(1 << b)):
                if u not in came_from:
                    came_from[u] = v
                    queue.append(u)
        return None

    # -- lines, when selection bias is allowed for -----------------------------------------------------------------------

    def _r5(self) -> None:
        """R5: a o-o b with an uncovered circle path a, c, ..., d, b, where a, d and b, c are not adjacent: all its edges are lines."""
        for a in range(self.p):
            for b in members(self.near[Mark.CIRCLE][a] & self.far[Mark.CIRCLE][a] & ~((2 << a) - 1)):
                path = self._circle_path(a, b) if self.mark(a, b) == self.mark(b, a) == Mark.CIRCLE else None
                for i, j in zip(path or (), (*path[1:], path[0]) if path else (), strict=True):
                    self.put(i, j, Mark.TAIL, "R5", path or ())
                    self.put(j, i, Mark.TAIL, "R5", path or ())

    def _circle_path(self, a: int, b: int) -> tuple[int, ...] | None:
        """Return an uncovered path of o-o edges a, c, ..., d, b with a, d and b, c not adjacent, of four nodes or more."""
        came_from: dict[tuple[int, int], tuple[int, int] | None] = {}
        for c in members(self._circles(a) & ~self.joined[b] & ~(1 << b)):
            came_from[a, c] = None
        queue = list(came_from)
        for u, v in queue:
            for w in members(self._circles(v) & ~self.joined[u] & ~(1 << u)):
                if w == b and not self.joined[a] >> v & 1 and v != a:
                    path = [b, v]
                    step = came_from[u, v]
                    while step is not None:
                        path.append(step[1])
                        step = came_from[step]
                    return (a, *reversed(path))
                if w != b and (v, w) not in came_from:
                    came_from[v, w] = (u, v)
                    queue.append((v, w))
        return None

    def _circles(self, i: int) -> int:
        return self.near[Mark.CIRCLE][i] & self.far[Mark.CIRCLE][i]

    def _r6(self) -> None:
        """R6: a --- b o-* c: b --* c."""
        for b in range(self.p):
            lines = self.near[Mark.TAIL][b] & self.far[Mark.TAIL][b]
            for c in members(self.near[Mark.CIRCLE][b] if lines else 0):
                self.put(c, b, Mark.TAIL, "R6", (next(members(lines)), b, c))

    def _r7(self) -> None:
        """R7: a --o b o-* c, a and c not adjacent: b --* c."""
        for b in range(self.p):
            half = self.near[Mark.CIRCLE][b] & self.far[Mark.TAIL][b]
            for c in members(self.near[Mark.CIRCLE][b] if half else 0):
                for a in members(half & ~self.joined[c] & ~(1 << c)):
                    self.put(c, b, Mark.TAIL, "R7", (a, b, c))
                    break

    # -- tails -----------------------------------------------------------------------------------------------------------

    def _r8(self) -> None:
        """R8: a -> b -> c or a --o b -> c, and a o-> c: a -> c."""
        for c in range(self.p):
            parents = self.parents(c)
            for a in members(self.near[Mark.ARROW][c] & self.far[Mark.CIRCLE][c] if parents else 0):
                for b in members(self.near[Mark.TAIL][a] & ~self.far[Mark.TAIL][a] & parents):
                    self.put(c, a, Mark.TAIL, "R8", (a, b, c))
                    break

    def _r9(self) -> None:
        """R9: a o-> c with an uncovered potentially directed path a, b, ..., c, where b and c are not adjacent: a -> c."""
        for c in range(self.p):
            for a in members(self.near[Mark.ARROW][c] & self.far[Mark.CIRCLE][c]):
                for b in members(self._onwards(a) & ~self.joined[c] & ~(1 << c)):
                    if self._potential_descendants(a, b) >> c & 1:
                        self.put(c, a, Mark.TAIL, "R9", (a, b, c))
                        break

    def _r10(self) -> None:
        """R10: a o-> c with uncovered potentially directed paths to parents of c by first nodes not adjacent to each other: a -> c."""
        for c in range(self.p):
            parents = self.parents(c)
            for a in members(self.near[Mark.ARROW][c] & self.far[Mark.CIRCLE][c] if parents else 0):
                firsts = [b for b in members(self._onwards(a) & ~(1 << c)) if self._potential_descendants(a, b, c) & parents]
                for x, b in enumerate(firsts):
                    apart = [d for d in firsts[x + 1 :] if not self.joined[b] >> d & 1]
                    if apart:
                        self.put(c, a, Mark.TAIL, "R10", (a, b, apart[0], c))
                        break

    def _potential_descendants(self, a: int, b: int, avoid: int | None = None) -> int:
        """Return the nodes that uncovered potentially directed paths starting a, b lead to, b included.

        Walks may meet a node twice; that is sound, since the non-collider at each step passes the direction on all the same.
        """
        seen, queue = {(a, b)}, [(a, b)]
        closed = 1 << a if avoid is None else 1 << a | 1 << avoid
        reached = 1 << b
        for u, v in queue:
            for w in members(self._onwards(v) & ~self.joined[u] & ~(1 << u) & ~closed):
                if (v, w) not in seen:
                    seen.add((v, w))
                    queue.append((v, w))
                    reached |= 1 << w
        return reached


def orient(marks: Marks, is_collider: IsCollider, is_noncollider: IsNonCollider, selection: bool = False) -> Orientation:
    """Orient a skeleton as far as its colliders allow: R0, then the other rules to the end.

    Parameters
    ----------
    marks : (p, p) skeleton with a circle at every end (or some marks already known).
    is_collider, is_noncollider, selection : see `Orientation.colliders` and `Orientation.close`.
    """
    orientation = Orientation(marks)
    orientation.colliders(is_collider)
    orientation.close(is_noncollider, selection)
    return orientation
