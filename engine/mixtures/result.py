"""What the search for a mixture found: labels, who varies, DAGs, and whether it is a mixture at all."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Result
from engine.graphs import Graph
from engine.mixtures.moments import Floats

CLEAR = 3.0  # log units of BIC by which one variant is told from another
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")
DIFFERS = {"mean": "the level", "noise": "the spread", "mean and noise": "the level and the spread", "everything": "the distribution"}


@dataclass(frozen=True, kw_only=True, eq=False)
class MixtureResult(Result):
    """The best mixture, and what one population explains as well.

    Attributes
    ----------
    labels : (n,) most probable cluster of each row under the best mixture, from 0, the largest cluster first.
    posterior : (n, K) probabilities of the clusters.
    varying : one row per variable whose conditional differs: ``node``, ``variant`` (mean, noise, mean and noise, everything) and
        ``evidence``, by how much the observed BIC falls, in log units, when all clusters share it.
    union : DAG with every arrow that some cluster has.
    single : DAG of the normal population, without clusters.
    parts_found : the DAG of each cluster as a form that `Graph.from_dict` reads, with weights; see `components`.
    weights : (K,) shares of the clusters.
    verdict : whether the rows are a mixture: the best one beats each single population by the margin.
    evidence : single population -> log units of BIC by which the mixture beats it.
    clusters : one row per number of clusters that was tried: ``k``, ``bic`` and ``gain`` over one fewer.
    others : (n rows) labels of the other ways: ``gmm``, ``kmeans`` and ``paper`` (FCI, its bidirected nodes, K-means).
    other_nodes : way -> the columns it clusters by.
    pooled : PAG that FCI finds on all rows together, as the published way reads it.
    conditionals : one row per varying ``node``, ``population`` and ``term`` with its ``value``; see `components.conditionals_in_units`.
    alternatives : one row per varying ``node`` and ``variant``: ``behind``, by how many log units of BIC it is behind the variant found.
    stability : one row per ``node``: ``varies``, the share of resamples in which it varied; no row without resamples.
    resamples : one row per resample that had a fit: ``agreement``, the adjusted Rand index between its labels and these.
    """

    labels: NDArray[np.int64]
    posterior: Floats
    varying: pd.DataFrame
    union: Graph
    single: Graph
    parts_found: list[dict[str, Any]]
    weights: Floats
    verdict: bool
    evidence: dict[str, float]
    clusters: pd.DataFrame
    others: pd.DataFrame
    other_nodes: dict[str, list[str]]
    pooled: Graph | None
    conditionals: pd.DataFrame
    alternatives: pd.DataFrame
    stability: pd.DataFrame
    resamples: pd.DataFrame

    @property
    def graph(self) -> Graph:
        """The DAG to believe: the union of the clusters' if it is a mixture, otherwise that of one population."""
        return self.union if self.verdict else self.single

    @property
    def components(self) -> list[Graph]:
        """The weighted DAG of each cluster."""
        return [Graph.from_dict(form) for form in self.parts_found]

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.weights)

    @property
    def gmm_labels(self) -> NDArray[np.int64]:
        """(n,) labels of the plain Gaussian mixture."""
        return self.others["gmm"].to_numpy()

    @property
    def shown_labels(self) -> NDArray[np.int64]:
        """(n,) labels to show: those of the mixture; without evidence for one, those of the plain Gaussian mixture."""
        return self.labels if self.verdict else self.gmm_labels

    @property
    def margin(self) -> float:
        """Log units by which the mixture beats the best single population."""
        return min(self.evidence.values())

    @property
    def sentence(self) -> str:
        """What was found in one sentence: how many populations and what differs, or that one population explains the rows as well."""
        nearest = min(self.evidence, key=lambda name: self.evidence[name])
        if not self.verdict:
            return f"No evidence for a mixture: one population ({nearest}) explains these rows as well."
        count = NUMBERS[self.k] if self.k < len(NUMBERS) else str(self.k)
        shares = ", ".join(f"{weight:.0%}" for weight in self.weights)
        told = [self._difference(str(row.node), str(row.variant)) for row in self.varying.itertuples()]
        listed = ", ".join(told[:-1]) + f" and {told[-1]}" if len(told) > 1 else "".join(told)
        return f"{count} populations ({shares}); what differs is {listed or 'too little to name'}."

    def why(self, node: str) -> str:
        """Say why a variable is called varying: what sharing its conditional would cost, and how near the other ways to differ come."""
        behind = self.alternatives[self.alternatives["node"] == node].set_index("variant")["behind"]
        if behind.empty:
            return f"{node} has the same relation to its causes in all populations, as far as these rows tell."
        found = str(self.varying.set_index("node")["variant"][node])
        cost = f"If all populations shared how {node} depends on its causes, the fit would fall by {_units(behind['nothing'])}"
        rest = behind.drop(["nothing", found])
        near, gap = str(rest.idxmin()), float(rest.min())
        if gap > CLEAR:
            return f"{cost}; letting its {found} differ is the best way, {_units(gap)} before the next ({near})."
        return f"{cost}. That its {found} differs fits best, but {near} is only {_units(gap)} behind: the rows hardly tell them apart."

    def _difference(self, node: str, variant: str) -> str:
        causes = self.union.parents(node)
        if variant == "everything" and causes:
            return f"how {' and '.join(causes)} {'drives' if len(causes) == 1 else 'drive'} {node}"
        return f"{DIFFERS[variant]} of {node}"

    def shared_edges(self) -> set[tuple[str, str]]:
        """Return the arrows (source, target) that all clusters have, with weights that no more differ than rounding."""
        weights = np.stack([np.zeros(g.marks.shape) if g.weights is None else g.weights for g in self.components])
        alike = (weights != 0).all(axis=0) & (np.ptp(weights, axis=0) <= 1e-9 * np.abs(weights).max(axis=0))
        return {(self.union.nodes[i], self.union.nodes[j]) for i, j in np.argwhere(alike).tolist()}

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: method, data, verdict, clusters, who varies, graph, time."""
        rows = super().summary()
        nearest = min(self.evidence, key=lambda name: self.evidence[name])
        verdict = "mixture" if self.verdict else "no evidence for a mixture"
        if np.isfinite(self.margin):
            verdict += f" ({self.margin:+,.1f} log units against {nearest})"
        found = [("Verdict", verdict), ("Edges", f"{self.graph.n_edges}")]
        if self.verdict:
            shares = ", ".join(f"{weight:.0%}" for weight in self.weights)
            names = ", ".join(f"{row.node} ({row.variant})" for row in self.varying.itertuples())
            found += [("Clusters", f"{self.k}: {shares}"), ("Differ", names)]
        return [*rows[:2], *found, *rows[2:]]


def _units(gain: float) -> str:
    return f"{gain:,.0f} log units" if gain >= 10 else f"{gain:.1f} log units"
