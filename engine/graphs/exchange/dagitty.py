"""DAGitty's syntax: ``pag { A @-> B }``, with @ for a circle and -- for a line."""

from engine.graphs.exchange.assemble import Found, assemble, problem
from engine.graphs.exchange.statements import name, parse
from engine.graphs.graph import Edge, Graph, Mark

# an undirected graph says what a MAG of lines says
_TYPES = {"dag": "dag", "cpdag": "pdag", "mag": "mag", "pag": "pag", "ug": "mag"}
_KINDS: dict[str, str | None] = {"dag": "dag", "pdag": "cpdag", "mag": "mag", "pag": "pag"}
_SIGNS = {
    (Mark.TAIL, Mark.ARROW): "->", (Mark.ARROW, Mark.TAIL): "<-", (Mark.ARROW, Mark.ARROW): "<->", (Mark.TAIL, Mark.TAIL): "--",
    (Mark.CIRCLE, Mark.ARROW): "@->", (Mark.ARROW, Mark.CIRCLE): "<-@", (Mark.CIRCLE, Mark.CIRCLE): "@-@",
    (Mark.CIRCLE, Mark.TAIL): "@--", (Mark.TAIL, Mark.CIRCLE): "--@",
}  # fmt: skip
_MARKS = {sign: marks for marks, sign in _SIGNS.items()}


def write(graph: Graph) -> str:
    """Write a graph in DAGitty's syntax; an undirected graph becomes a MAG of lines."""
    return "\n".join([f"{_TYPES[graph.kind]} {{", *map(name, graph.nodes), *map(_edge, graph.edges()), "}", ""])


def read(text: str) -> Graph:
    """Read DAGitty's syntax without groups in braces; positions and roles of variables are left aside.

    A ``dag`` with bidirected edges, DAGitty's short form for latent confounders, is read as a MAG.
    """
    head, statements = parse(text)
    if head.text.lower() not in _KINDS:
        raise problem(head.line, f"'{head.text}' is not a graph in DAGitty.", f"It begins with one of {', '.join(_KINDS)}.")
    kind = _KINDS[head.text.lower()]
    nodes: list[str] = []
    edges: list[Found] = []
    for statement in (s for s in statements if not s.is_default):
        nodes += statement.names
        for sign, source, target in zip(statement.edges, statement.names[:-1], statement.names[1:], strict=False):
            edges.append(Found(statement.line, source, *_MARKS[sign], target))
    if kind == "dag" and any(edge.mark_source == edge.mark_target == Mark.ARROW for edge in edges):
        kind = "mag"
    return assemble(nodes, edges, kind)


def _edge(edge: Edge) -> str:
    return f"{name(edge.source)} {_SIGNS[edge.mark_source, edge.mark_target]} {name(edge.target)}"
