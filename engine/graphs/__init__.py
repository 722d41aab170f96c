"""One graph type and what is true of it."""

from engine.graphs.graph import Edge, Graph, Mark

__all__ = ["Edge", "Graph", "Mark"]
