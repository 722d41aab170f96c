"""Graphs as text, out and in: the forms other programs read and write."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.core import UserError
from engine.graphs.exchange import causal_learn, dagitty, dot, edge_list, graphml, json_text, pcalg, tetrad
from engine.graphs.graph import Graph, Kind


@dataclass(frozen=True)
class Form:
    """A text form of graphs.

    Attributes
    ----------
    label : name on screen.
    extension : of a file, without the dot.
    media_type : for a download.
    write, read : the two ways.
    """

    label: str
    extension: str
    media_type: str
    write: Callable[[Graph], str]
    read: Callable[[str], Graph]


FORMS = {
    "tetrad": Form("Tetrad text", "txt", "text/plain", tetrad.write, tetrad.read),
    "dot": Form("DOT (Graphviz)", "dot", "text/vnd.graphviz", dot.write, dot.read),
    "graphml": Form("GraphML", "graphml", "application/graphml+xml", graphml.write, graphml.read),
    "dagitty": Form("DAGitty", "dagitty", "text/plain", dagitty.write, dagitty.read),
    "pcalg": Form("pcalg matrix (CSV)", "csv", "text/csv", pcalg.write, pcalg.read),
    "causal-learn": Form("causal-learn matrix (CSV)", "csv", "text/csv", causal_learn.write, causal_learn.read),
    "edges": Form("Edge list (CSV)", "csv", "text/csv", edge_list.write, edge_list.read),
    "json": Form("JSON", "json", "application/json", json_text.write, json_text.read),
}


def write(graph: Graph, form: str) -> str:
    """Write a graph as text in one of `FORMS`.

    Raises
    ------
    UserError
        When there is no such form, or it cannot hold a node's name.
    """
    return _form(form).write(graph)


def read(text: str, form: str, kind: Kind | None = None) -> Graph:
    """Read a graph from text in one of `FORMS`.

    Parameters
    ----------
    kind : what the graph is to be; if not given, what the text says, or else the plainest kind that fits.

    Raises
    ------
    UserError
        Naming the line, when the text is not of this form or its edges do not make a graph.
    """
    graph = _form(form).read(text.removeprefix("\ufeff"))
    return graph if kind is None else Graph(graph.nodes, graph.marks, kind, graph.weights, graph.support)


def _form(name: str) -> Form:
    if name not in FORMS:
        raise UserError(f"There is no text form '{name}'.", f"The forms are: {', '.join(FORMS)}.", name)
    return FORMS[name]
