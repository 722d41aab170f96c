"""Covered edges of a DAG, and what their reversal lets drop."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np

from engine.discovery.orders import Bools, Floats, Ints, critical_values
from engine.graphs.bitsets import members, relation, rows
from engine.independence import IndependenceTest

CELLS = 2_000_000  # numbers in the blocks inverted at once, 16 MB


class Reversal(NamedTuple):
    """The reversal of a covered edge i -> j, where ``parents`` (a set in bits) are those of i, and with i those of j."""

    i: int
    j: int
    parents: int


class Loss(NamedTuple):
    """The parents (sets in bits) that i and that j lose when i -> j is reversed."""

    of_i: int
    of_j: int

    @property
    def n_edges(self) -> int:
        """Number of arrows dropped."""
        return self.of_i.bit_count() + self.of_j.bit_count()


class Dag:
    """A DAG to walk about in: the parents and the children of each node as sets in the bits of whole numbers.

    Parameters
    ----------
    arrows : (p, p) whether i -> j.
    after : for each node those that are known to come after it; an arrow to one of them is never reversed.
    """

    def __init__(self, arrows: Bools, after: Sequence[int] | None = None):
        self.p = len(arrows)
        self.parents, self.children = rows(arrows.T), rows(arrows)
        self.after = [0] * self.p if after is None else after

    @classmethod
    def with_parents(cls, parents: Sequence[int], after: Sequence[int] | None = None) -> Self:
        """Return the DAG in which these sets (in bits) are the parents of each node."""
        dag = cls(np.zeros((len(parents), len(parents)), dtype=bool), after)
        dag.parents = list(parents)
        for j, above in enumerate(parents):
            for i in members(above):
                dag.children[i] |= 1 << j
        return dag

    @property
    def arrows(self) -> Bools:
        """(p, p) whether i -> j."""
        return relation(self.parents).T

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return sum(parents.bit_count() for parents in self.parents)

    def covered(self, nodes: Iterable[int] | None = None) -> Iterator[Reversal]:
        """Yield the covered edges i -> j, those with pa(j) = pa(i) + i; given ``nodes``, those with an end among them, perhaps twice."""
        parents, children, after = self.parents, self.children, self.after
        for x in range(self.p) if nodes is None else nodes:
            own = parents[x]
            if nodes is not None:
                for i in members(own):
                    if parents[i] == own ^ 1 << i and not after[i] >> x & 1:
                        yield Reversal(i, x, parents[i])
            for j in members(children[x] & ~after[x]):
                if parents[j] == own | 1 << x:
                    yield Reversal(x, j, own)

    def reverse(self, i: int, j: int, lost: Loss = Loss(0, 0)) -> None:  # noqa: B008  immutable
        """Turn i -> j round and drop the parents that i and j lose."""
        self._remove(1 << i, j)
        self.parents[i] |= 1 << j
        self.children[j] |= 1 << i
        self._remove(lost.of_i, i)
        self._remove(lost.of_j, j)

    def _remove(self, sources: int, target: int) -> None:
        self.parents[target] &= ~sources
        for k in members(sources):
            self.children[k] &= ~(1 << target)


class RemovalTests:
    r"""What each reversal lets drop, asked once and remembered.

    Parameters
    ----------
    test : answers the questions. They end up in its trace: at once, or where they follow from a correlation matrix on `record`.
    must : for each node the parents that it keeps whatever the tests say.

    Notes
    -----
    After a covered edge i -> j with parents P of i is reversed, k in P leaves pa(i) iff k _||_ i | P \ k + j, and leaves pa(j) iff
    k _||_ j | P \ k. These are the questions of the graph *after* the reversal. Those of the graph before it, k _||_ i | P \ k and
    k _||_ j | P \ k + i, lead to a wrong class (three-node collider, see the tests).
    """

    def __init__(self, test: IndependenceTest, must: Sequence[int] | None = None):
        self.test = test
        self.must = [0] * test.p if must is None else must
        self._known: dict[Reversal, Loss] = {}
        self._critical = None if test.correlations is None else critical_values(test)
        self._parts = 1 if test.correlations is None else len(test.correlations)
        self._unrecorded: list[tuple[Ints, Ints, Ints, Floats, Floats]] = []

    def losses(self, reversals: Iterable[Reversal]) -> dict[Reversal, Loss]:
        """Return those of the reversals that drop an edge, each with what is lost."""
        wanted = dict.fromkeys(reversals)
        unknown: defaultdict[int, list[Reversal]] = defaultdict(list)
        for reversal in wanted:
            if reversal.parents and reversal not in self._known:
                unknown[reversal.parents.bit_count()].append(reversal)
        for size, same_size in unknown.items():
            step = max(1, CELLS // (self._parts * (size + 2) ** 2))
            for start in range(0, len(same_size), step):
                self._ask(same_size[start : start + step])
        return {r: self._known[r] for r in wanted if r.parents and self._known[r].n_edges}

    def record(self) -> None:
        """Write the answers that followed from a correlation matrix into the trace."""
        by_size: defaultdict[int, list[tuple[Ints, Ints, Ints, Floats]]] = defaultdict(list)
        for i, j, parents, r_i, r_j in self._unrecorded:
            conditions_i, conditions_j = _conditions(j, parents)
            for end, conditions, r in ((i, conditions_i, r_i), (j, conditions_j, r_j)):
                asked = parents.T.ravel(), np.tile(end, parents.shape[1]), np.concatenate(conditions), r.T.ravel()
                by_size[conditions[0].shape[1]].append(asked)
        for same_size in by_size.values():
            i, j, given, r = (np.concatenate(column) for column in zip(*same_size, strict=True))
            self.test.record(i, j, given, r)
        self._unrecorded.clear()

    def _ask(self, reversals: Sequence[Reversal]) -> None:
        """Ask for reversals with equally many parents."""
        i, j = np.array([(r.i, r.j) for r in reversals], dtype=np.int64).T
        parents = np.array([list(members(r.parents)) for r in reversals], dtype=np.int64)
        from_i, from_j = self._answers(i, j, parents)
        for n, reversal in enumerate(reversals):
            lost = Loss(_bits(parents[n, from_i[n]]), _bits(parents[n, from_j[n]]))
            self._known[reversal] = Loss(lost.of_i & ~self.must[reversal.i], lost.of_j & ~self.must[reversal.j])

    def _answers(self, i: Ints, j: Ints, parents: Ints) -> tuple[Bools, Bools]:
        """Return (m, d) whether each of the (m, d) parents leaves i and leaves j."""
        size = parents.shape[1]
        if self._critical is None:
            given_i, given_j = _conditions(j, parents)
            from_i = [self.test.independent_batch(parents[:, k], i, given_i[k]) for k in range(size)]
            from_j = [self.test.independent_batch(parents[:, k], j, given_j[k]) for k in range(size)]
            return np.column_stack(from_i), np.column_stack(from_j)
        correlations = self.test.correlations
        assert correlations is not None
        r_i, r_j = removal_correlations(correlations, i, j, parents)
        r_i, r_j = self.test.merged(r_i, size), self.test.merged(r_j, size - 1)
        self._unrecorded.append((i, j, parents, r_i, r_j))
        return np.abs(r_i) <= self._critical[size], np.abs(r_j) <= self._critical[size - 1]


def _conditions(j: Ints, parents: Ints) -> tuple[list[Ints], list[Ints]]:
    """Return for each of the parents (m, d) the sets given which it may leave i, and given which it may leave j (m,)."""
    given_j = [np.delete(parents, k, axis=1) for k in range(parents.shape[1])]
    return [np.column_stack([rest, j]) for rest in given_j], given_j


def removal_correlations(correlations: Floats, i: Ints, j: Ints, parents: Ints) -> tuple[Floats, Floats]:
    """Return (r, m, d) partial correlations of each parent k with i given the others and j, and of k with j given the others.

    Notes
    -----
    One inverse K of the block (P, i, j) gives both: the first is ``-K_ki / sqrt(K_kk K_ii)``; the second is the same in K with i
    marginalised, ``K - K_:i K_i: / K_ii``.
    """
    block = np.column_stack([parents, i, j])
    inverse = np.linalg.inv(correlations[:, block[:, :, None], block[:, None, :]])
    d = parents.shape[1]
    diagonal = np.diagonal(inverse, axis1=2, axis2=3)
    k_i, k_j, k_k = inverse[..., :d, d], inverse[..., :d, d + 1], diagonal[..., :d]
    i_i, i_j, j_j = diagonal[..., d, None], inverse[..., d, d + 1, None], diagonal[..., d + 1, None]
    of_i: Floats = -k_i / np.sqrt(k_k * i_i)
    of_j: Floats = -(k_j - k_i * i_j / i_i) / np.sqrt((k_k - k_i * k_i / i_i) * (j_j - i_j * i_j / i_i))
    return of_i, of_j


def steepest(losses: Mapping[Reversal, Loss], rng: np.random.Generator) -> tuple[Reversal, Loss]:
    """Return the reversal that drops most edges; among equals one at random."""
    most = max(loss.n_edges for loss in losses.values())
    best = [reversal for reversal, loss in losses.items() if loss.n_edges == most]
    chosen = best[int(rng.integers(len(best)))]
    return chosen, losses[chosen]


def _bits(nodes: Ints) -> int:
    found = 0
    for k in nodes.tolist():
        found |= 1 << k
    return found
