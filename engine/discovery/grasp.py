"""Greedy relaxations of the sparsest permutation: walk over orders by tucks, looking a few equal steps ahead."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.core import Context, field, method
from engine.discovery.grow_shrink import GrowShrinkTrees
from engine.discovery.order_starts import OrderParams, default_starts, starting_order
from engine.discovery.order_walk import OrderWalk
from engine.discovery.scored import ScoredResult, scored_result
from engine.discovery.scores import score_of
from engine.discovery.stability import supported
from engine.graphs import Graph, cpdag_of
from engine.graphs.bitsets import members
from engine.independence import IndependenceTest

COVERED, SINGULAR, ANY = 0, 1, 2


@dataclass(frozen=True)
class GraspParams(OrderParams):
    """Parameters of the tuck search."""

    depth: int = field(3, "Look-ahead", low=0, high=6, help="How many further tucks that change nothing in the score to look ahead.")
    tier: int = field(
        2, "Tucks", choices=(0, 1, 2), advanced=True,
        help="Which arrows are tucked first: 0 covered ones only, 1 also those that are the only directed path between their ends, 2 any.",
    )  # fmt: skip


@method("grasp", area="discovery", label="Tuck search (GRaSP)", needs="independence", gives="cpdag", cite="Lam, Andrews, Ramsey 2022")
def grasp(test: IndependenceTest, params: GraspParams, context: Context) -> ScoredResult:
    """Learn the CPDAG of the best-scoring order that tucks lead to.

    Parameters
    ----------
    test : stands for the data; its correlations or categories make the score, and it explains the edges found.

    Returns
    -------
    ScoredResult with ``graph`` (CPDAG over p nodes), ``order``, ``score``, ``gains`` and ``trace``.

    Notes
    -----
    An order is worth the sum of the scores of its variables, each given those parents among the variables before it that growing and
    shrinking picks. A tuck of an arrow i -> j puts j and its ancestors behind i in front of i. Every arrow of the tier is tucked in turn;
    a better score is kept, and after an equal one covered arrows are tucked in turn, to the given depth. Further tucks are tried only
    where the last one changed the graph, since elsewhere they are worth what they were before. Stops where nothing improves.
    """
    return supported(search, test, params, context)  # type: ignore[return-value]


def search(test: IndependenceTest, params: GraspParams, context: Context) -> ScoredResult:
    """Search once, without resamples."""
    score, known = score_of(test, params.penalty), params.known(test.nodes)
    trees = GrowShrinkTrees(score, known)
    n_starts = params.starts or default_starts(test.p)
    best: OrderWalk | None = None
    with context.best_so_far():
        for n in range(n_starts):
            walk = OrderWalk(trees, starting_order(n, score, known, context))
            best = best or walk
            context.progress(n / n_starts, f"start {n + 1} of {n_starts}")
            climb(walk, params.depth, params.tier, context)
            if walk is best or walk.score > best.score + score.tolerance:
                best = walk
                context.partial("graph", cpdag_of(Graph.from_directed(test.nodes, walk.arrows)))
    assert best is not None
    return scored_result([end.parents for end in best.ends], score, test, known)


def climb(walk: OrderWalk, depth: int, tier: int, context: Context) -> None:
    """Tuck until no tuck, nor any of those up to ``depth`` equal steps ahead, improves the score.

    Parameters
    ----------
    tier : which arrows the first tuck of a sequence may take, see `allowed`.
    """
    every = set(range(walk.trees.p))
    dirty = every
    while dirty:
        left = set(dirty)
        found: set[int] = set()
        for j in context.rng.permutation(sorted(dirty)).tolist():
            context.check()
            left.discard(j)
            found = step(walk, [j], depth, tier, {walk.key}, context.rng)
            if found:
                break
        if not found and dirty is every:
            return
        # an improvement opens others near it first; before the end all are tried once more
        dirty = left | found if found else every


def step(walk: OrderWalk, targets: Iterable[int], depth: int, tier: int, seen: set[int], rng: np.random.Generator) -> set[int]:
    """Make the first sequence of tucks that improves the score; return the variables it concerns, none if there is no such sequence.

    Parameters
    ----------
    targets : the arrows into these are tucked.
    seen : keys of the graphs on the way here.
    """
    tolerance = walk.trees.score.tolerance
    for j in targets:
        for i in rng.permutation(list(members(walk.ends[j].parents))).tolist():
            if not allowed(walk, i, j, tier):
                continue
            move, forward = walk.tuck(i, j)
            if move.gain < -tolerance or (move.gain <= tolerance and not depth):
                continue
            undo = walk.undo_of(move)
            touched = walk.make(move, forward)
            if move.gain > tolerance:
                return touched
            if walk.key not in seen:
                seen.add(walk.key)
                changed = {end.variable for end in move.ends}
                near = changed | {k for k in touched if changed & set(members(walk.ends[k].parents))}
                further = step(walk, rng.permutation(sorted(near)).tolist(), depth - 1, COVERED, seen, rng)
                if further:
                    return touched | further
            walk.make(undo, forward)
    return set()


def allowed(walk: OrderWalk, i: int, j: int, tier: int) -> bool:
    """Return whether an arrow i -> j belongs to a tier: 0 covered, 1 the only directed path from i to j, 2 any."""
    above = walk.ends[j].parents
    if tier == ANY or above == walk.ends[i].parents | 1 << i:
        return True
    return tier == SINGULAR and not any(walk.is_ancestor(i, k) for k in members(above ^ 1 << i))
