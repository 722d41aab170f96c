"""The walk of the authors' code: reversals of I-covered edges, looking a few moves ahead where none is better."""

import copy
from collections.abc import Callable, Iterable

from engine.core import Context
from engine.discovery.reversals import Dag, Loss, RemovalTests, Reversal

Value = tuple[int, ...]


def walk_icovered(
    start: Dag, moves: Callable[[Dag], Iterable[Reversal]], value: Callable[[Dag], Value], level: Callable[[Value], Value],
    removals: RemovalTests, depth: int, context: Context,
) -> Dag:  # fmt: skip
    """Move to the best neighbour that is better; where none is, look depth-first at most ``depth`` moves ahead; end where nothing is found.

    Parameters
    ----------
    moves : the reversals that are allowed in a DAG.
    value : what a DAG is worth; less is better.
    level : the part of a value that must not rise while looking ahead.
    """
    found: Dag | None = start
    while found is not None:
        current = found
        found = _better(current, moves, value, level, removals, depth, context)
    return current


def _better(
    start: Dag, moves: Callable[[Dag], Iterable[Reversal]], value: Callable[[Dag], Value], level: Callable[[Value], Value],
    removals: RemovalTests, depth: int, context: Context,
) -> Dag | None:  # fmt: skip
    """Return a better DAG within reach, None when there is none; no DAG is visited twice."""
    goal, seen = value(start), {tuple(start.parents)}

    def neighbours(dag: Dag) -> list[tuple[Value, int, Dag]]:
        covered = list(moves(dag))
        losses = removals.losses(covered)
        reached = [_reversed(dag, move, losses.get(move, Loss(0, 0))) for move in covered]
        order = context.rng.permutation(len(reached)).tolist()
        valued = [(value(near), n, near) for n, near in zip(order, reached, strict=True) if tuple(near.parents) not in seen]
        return sorted((v, n, near) for v, n, near in valued if level(v) <= level(goal))[::-1]

    fronts = [neighbours(start)]
    while fronts:
        context.check()
        if fronts[-1] and fronts[-1][-1][0] < goal:
            return fronts[-1][-1][2]
        if not fronts[-1] or len(fronts) > depth:
            fronts.pop()
            continue
        _, _, following = fronts[-1].pop()
        if tuple(following.parents) not in seen:
            seen.add(tuple(following.parents))
            fronts.append(neighbours(following))
    return None


def _reversed(dag: Dag, move: Reversal, lost: Loss) -> Dag:
    """Return a copy of a DAG after a move."""
    near = copy.copy(dag)
    near.parents, near.children = list(dag.parents), list(dag.children)
    near.reverse(move.i, move.j, lost)
    return near
