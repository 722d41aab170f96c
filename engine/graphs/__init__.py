"""One graph type and what is true of it."""

from engine.graphs.cpdag import cpdag_of, dag_of, interventional_cpdag_of, meek
from engine.graphs.graph import Edge, Graph, Mark
from engine.graphs.separation import Separation, ancestors_of, reachable, separated

__all__ = [
    "Edge", "Graph", "Mark", "Separation",
    "ancestors_of", "cpdag_of", "dag_of", "interventional_cpdag_of", "meek", "reachable", "separated",
]  # fmt: skip
