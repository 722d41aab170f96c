"""Mixtures of DAGs: samples from several graphs, and which sample follows which is hidden."""

from engine.mixtures.mother import DagMixture, MixtureSeparation, mother_graph
from engine.mixtures.oracle import MixtureOracle
from engine.mixtures.representing import composite_dag, is_steady, representing_graph, represents
from engine.mixtures.union import common_order, union_graph

__all__ = [
    "DagMixture", "MixtureOracle", "MixtureSeparation", "common_order", "composite_dag", "is_steady", "mother_graph",
    "representing_graph", "represents", "union_graph",
]  # fmt: skip
