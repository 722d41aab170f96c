"""One graph type and what is true of it."""

from engine.graphs.cpdag import cpdag_of, dag_of, interventional_cpdag_of, meek
from engine.graphs.exchange import FORMS, read, write
from engine.graphs.graph import Edge, Graph, Mark
from engine.graphs.layout import crossings, layout
from engine.graphs.mag import is_maximal, mag_of, maximal_closure
from engine.graphs.metrics import (
    Rates,
    Scores,
    arrow_rates,
    arrowhead_scores,
    differences,
    shd,
    skeleton_rates,
    skeleton_scores,
    tail_scores,
)
from engine.graphs.orientation import Orientation, orient
from engine.graphs.pag import is_valid_pag, mag_in, markov_equivalent, pag_of
from engine.graphs.separation import Separation, ancestors_of, reachable, separated

__all__ = [
    "FORMS", "Edge", "Graph", "Mark", "Orientation", "Rates", "Scores", "Separation",
    "ancestors_of", "arrow_rates", "arrowhead_scores", "cpdag_of", "crossings", "dag_of", "differences", "interventional_cpdag_of",
    "is_maximal", "is_valid_pag", "layout", "mag_in", "mag_of", "markov_equivalent", "maximal_closure", "meek", "orient", "pag_of",
    "reachable", "read", "separated", "shd", "skeleton_rates", "skeleton_scores", "tail_scores", "write",
]  # fmt: skip
