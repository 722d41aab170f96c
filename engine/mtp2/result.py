"""What total positivity found: a graph with weights, both matrices, and the certificate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.core import Result
from engine.graphs import Graph
from engine.mtp2.certificate import Floats
from engine.mtp2.inputs import Moments, in_units
from engine.mtp2.solver import Solution


@dataclass(frozen=True, kw_only=True, eq=False)
class Mtp2Result(Result):
    """The maximum likelihood estimate under total positivity.

    Attributes
    ----------
    graph : undirected; two variables are joined iff they are dependent given all others; weights are partial correlations.
    precision : (N, N) inverse of ``covariance``, named; exact zeros where there is no edge.
    covariance : (N, N) in squared units of the data.
    observed : (N, N) correlations that were fitted.
    gap : duality gap: the fit is certified to be so close to the optimum (twice the average log-likelihood).
    facts : ``sweeps`` and ``steps`` of the solver, ``ridge``, ``negative``, the share of pairs with a negative correlation, and ``turned``,
        the variables whose sign was switched.
    negative : one row per pair with a negative correlation: ``a``, ``b``, ``observed``, ``fitted``.
    test : likelihood-ratio test against the unrestricted Gaussian: ``statistic``, ``zeros`` (reference degrees of freedom) and ``p``; empty
        where there are no more samples than variables.
    lasso : graph of the graphical lasso on the same correlations where it was asked for.
    """

    graph: Graph
    precision: pd.DataFrame
    covariance: pd.DataFrame
    observed: pd.DataFrame
    gap: float
    facts: dict[str, Any]
    negative: pd.DataFrame
    test: dict[str, float]
    lasso: Graph | None = None

    @property
    def correlation(self) -> pd.DataFrame:
        """(N, N) fitted correlations."""
        scale = np.sqrt(np.diag(self.covariance))
        return self.covariance.div(scale, axis=0).div(scale, axis=1)

    @property
    def condition(self) -> float:
        """Condition number of the fitted correlations."""
        return float(np.linalg.cond(self.correlation.to_numpy()))

    @property
    def certificate(self) -> str:
        """Say how close to the optimum the answer is proven to be."""
        words = f"Certified: within {max(self.gap, 0.0):.1e} of the largest likelihood there is."
        return words if not self.facts["ridge"] else f"{words} A ridge of {self.facts['ridge']:g} was needed to get there."

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: method, data, edges, certificate, negative pairs, time."""
        rows = super().summary()
        pairs = len(self.graph.nodes) * (len(self.graph.nodes) - 1) // 2
        found = [
            ("Edges", f"{self.graph.n_edges:,} of {pairs:,} pairs"),
            ("Duality gap", f"{max(self.gap, 0.0):.1e}"),
            ("Negative correlations", f"{self.facts['negative']:.1%} of pairs"),
        ]
        return [*rows[:2], *found, *rows[2:]]


@dataclass(frozen=True, kw_only=True, eq=False)
class TuningFreeResult(Mtp2Result):
    """The tuning-free graph, and the maximum likelihood estimate restricted to it.

    Attributes
    ----------
    removed : one row per missing pair: ``a``, ``b``, ``level`` (size of the set), ``given`` (the set and one more), ``rho``, the
        negative partial correlation that removed it.
    tests : number of tests.
    truncated : why the search ended early: ``rows``, ``max_l``, ``budget`` or nothing.
    rows_per_test : samples drawn for each test.
    kept : (N, N) share of further searches that keep each edge; empty where none was asked for.
    """

    removed: pd.DataFrame
    tests: int
    truncated: str
    rows_per_test: int
    kept: pd.DataFrame

    def why(self, a: str, b: str) -> str:
        """Say which test removed a pair, or that none did."""
        pair = self.removed[((self.removed["a"] == a) & (self.removed["b"] == b)) | ((self.removed["a"] == b) & (self.removed["b"] == a))]
        if pair.empty:
            return f"No test gave a negative partial correlation of {a} and {b}: the edge stays."
        row = pair.iloc[0]
        return (
            f"Given {row['given']}, the partial correlation of {a} and {b} on {self.rows_per_test:,} rows drawn at random was "
            f"{row['rho']:.2g}: below zero, so there is no edge."
        )

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: those of the estimate, and the number of tests."""
        rows = super().summary()
        ended = f", ended early ({self.truncated})" if self.truncated else ""
        return [*rows[:3], ("Tests", f"{self.tests:,} on {self.rows_per_test:,} rows each{ended}"), *rows[3:]]


def partial_correlations(precision: Floats) -> Floats:
    """Return (N, N) partial correlations -K_ij / sqrt(K_ii K_jj), zero on the diagonal."""
    scale = np.sqrt(np.diag(precision))
    partial: Floats = -precision / np.outer(scale, scale)
    np.fill_diagonal(partial, 0.0)
    return partial


def weighted_graph(names: tuple[str, ...], partial: Floats) -> Graph:
    """Return the undirected graph that joins each pair with a partial correlation, which is its weight."""
    return Graph.from_directed(names, partial != 0, kind="ug", weights=partial)


def matrices(solution: Solution, moments: Moments, signs: Floats) -> dict[str, Any]:
    """Return precision, covariance and observed correlations as named tables, in the units and with the signs of the data."""
    precision, covariance = in_units(solution, moments.scale * signs)
    made = {"precision": precision, "covariance": covariance, "observed": moments.correlation}
    return {name: pd.DataFrame(matrix, list(moments.names), list(moments.names)) for name, matrix in made.items()}
