"""Stability selection: how often each arrow and line comes back in subsamples of the cells, level by level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.parallel import answers
from engine.graphs.graph import ancestors
from engine.independence.gaussian import standardised
from engine.independence.rank import normal_scores

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PER_TASK = 2  # subsamples of each level sent to a process at once: a fraction of a second
CANDIDATES = 2  # orders drawn for each that is walked from, as in the authors' code


@dataclass(frozen=True, eq=False)
class Search:
    """What is searched, and how.

    Attributes
    ----------
    values : (n, p) expression.
    allowed : (p, p) pairs that may be joined.
    is_terminal : (p,) genes whose ancestors are counted.
    levels : significance levels.
    rows : number of cells in a subsample.
    starts, depth : of the walk, see `engine.discovery.gsp.GspParams`.
    correlation : ``pearson`` or ``rank`` (of normal scores).
    seed : of the whole run.
    """

    values: Floats
    allowed: NDArray[np.uint8]
    is_terminal: NDArray[np.bool_]
    levels: tuple[float, ...]
    rows: int
    starts: int
    depth: int
    correlation: str
    seed: int

    @cached_property
    def pairs(self) -> tuple[Ints, Ints]:
        """(k,) rows and (k,) columns of the entries that a CPDAG can have: each allowed pair both ways."""
        rows, columns = np.nonzero(self.allowed)
        return rows, columns

    def table(self, entries: NDArray[Any]) -> NDArray[Any]:
        """Return (..., k) values of the entries as (..., p, p) tables."""
        p = len(self.allowed)
        found = np.zeros((*entries.shape[:-1], p, p), entries.dtype)
        found[..., self.pairs[0], self.pairs[1]] = entries
        return found


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts over some of the subsamples.

    Attributes
    ----------
    n : subsamples of each level.
    entries : (L, k) CPDAGs of each level with each of the entries [i, j] of `Search.pairs`: i -> j or i --- j.
    joined : (L,) edges in all CPDAGs of a level.
    upstream : (2, L, p) CPDAGs in which a gene has a path to another that is a terminal, along arrows (0) or along arrows and lines (1).
    tests : (L, 5) tests made, tests for which the rows were too few, tests of singular blocks, the largest set given, searches cut short.
    """

    n: int
    entries: Ints
    joined: Ints
    upstream: Ints
    tests: Ints

    @classmethod
    def empty(cls, search: Search) -> "Tally":
        """Return a tally of nothing."""
        n_levels, k, p = len(search.levels), len(search.pairs[0]), len(search.allowed)
        return cls(
            0, np.zeros((n_levels, k), np.int64), np.zeros(n_levels, np.int64), np.zeros((2, n_levels, p), np.int64),
            np.zeros((n_levels, 5), np.int64),
        )  # fmt: skip

    def __add__(self, other: "Tally") -> "Tally":
        """Return the counts of both."""
        tests = self.tests + other.tests
        tests[:, 3] = np.maximum(self.tests[:, 3], other.tests[:, 3])
        return replace(
            self, n=self.n + other.n, entries=self.entries + other.entries, joined=self.joined + other.joined,
            upstream=self.upstream + other.upstream, tests=tests,
        )  # fmt: skip

    @property
    def shares(self) -> Floats:
        """(L, k) share of the CPDAGs of each level with each entry."""
        return self.entries / max(self.n, 1)


def tallies(search: Search, subsamples: int, threads: int) -> Iterator[Tally]:
    """Yield the tally of each task, a few subsamples each.

    Notes
    -----
    Every fit has a seed of its own, made of the run's seed, its level and its number, so that neither the number of processes nor the order
    in which they end changes a count.
    """
    tasks = [(search, tuple(range(k, min(k + PER_TASK, subsamples)))) for k in range(0, subsamples, PER_TASK)]
    yield from answers(tally_of, tasks, threads)


def tally_of(search: Search, numbers: Sequence[int]) -> Tally:
    """Fit the subsamples with these numbers at each level and count what comes out."""
    tally = Tally.empty(search)
    for at in range(len(search.levels)):
        for number in numbers:
            cpdag, counts = fit(search, at, number)
            tally.entries[at] += cpdag[search.pairs]
            tally.joined[at] += (cpdag | cpdag.T).sum() // 2
            for kind, step in enumerate((cpdag & ~cpdag.T, cpdag)):
                reached = ancestors(step)
                np.fill_diagonal(reached, False)
                tally.upstream[kind, at] += (reached & search.is_terminal).any(axis=1)
            largest = max(tally.tests[at, 3], counts[3])
            tally.tests[at] += counts
            tally.tests[at, 3] = largest
    return replace(tally, n=len(numbers))


def fit(search: Search, at: int, number: int) -> tuple[NDArray[np.bool_], Ints]:
    """Return the CPDAG of one subsample at one level (p, p) and the counts of its tests, see `Tally`."""
    from engine.repurposing.causal.allowed_gsp_kernel import sparsest

    rng = np.random.default_rng([search.seed, at, number])
    rows = rng.permutation(len(search.values))[: search.rows]
    counts = np.zeros(5, np.int64)
    cpdag = sparsest(
        correlations(search.values[rows], search.correlation), critical_correlations(search.levels[at], search.rows), search.allowed,
        int(search.allowed.sum(axis=0).max()), search.starts, CANDIDATES * search.starts, search.depth, rng, counts,
    )  # fmt: skip
    return cpdag, counts


def correlations(values: Floats, kind: str) -> Floats:
    """Return the (p, p) correlations of an (n, p) table, or of its normal scores; a constant column correlates with nothing."""
    scaled = standardised(normal_scores(values) if kind == "rank" else values)
    found: Floats = scaled.T @ scaled / len(scaled)
    np.fill_diagonal(found, 1.0)
    return found


def critical_correlations(alpha: float, n: int) -> Floats:
    """Return for d = 0, 1, ... the largest absolute partial correlation given d others that passes for independence in n rows.

    Notes
    -----
    ``tanh(z / sqrt(n - d - 3))`` with z the two-sided normal quantile, for all d with n - d - 3 > 0 (Fisher).
    """
    from scipy.special import ndtri

    return np.tanh(-ndtri(alpha / 2) / np.sqrt(n - 3 - np.arange(max(n - 3, 0))))
